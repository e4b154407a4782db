//! Revoking a device: up to where its logs count, and what arrived of them since it fell into wrong hands.
//!
//! What counts is said by cuts in the server's own log, which name the ends of a log's branches by hash. A
//! further cut can only take records away; what it takes waits in quarantine until a person accepts or voids
//! it.

use super::error::{Error, Result};
use super::records::{arrived, cuts};
use super::{Service, server_log, things, times};
use crate::service::devices::StoredDevice;
use crate::storage::Transaction;
use jiff::Timestamp;
use std::collections::BTreeMap;
use usher_domain::api::access::Arrived;
use usher_domain::ids::{DeviceId, LogId, OrganizerId, ScopeId};
use usher_domain::protocol::Head;
use usher_domain::record::{Body, CutBy, LogRef};
use usher_domain::table::rows::{AcceptedUpTo, Revocation, RosterEntry, RosterRow};
use usher_domain::table::{Bucket, RowKey, TableId, decode_row};
use usher_domain::time::UnixMillis;

/// The ends of the branches of each log in each scope.
type Ends = BTreeMap<(ScopeId, LogRef), Vec<Head>>;

/// What the roster says of a device's revocation.
pub(super) fn of(
    txn: &dyn Transaction,
    organizer: OrganizerId,
    device: DeviceId,
) -> Result<Option<Revocation>> {
    let key: RowKey = device.into();
    let table = TableId::Roster(organizer);
    let Some(row) = txn.newest_row(table, Bucket::of(&key).get(), key.as_bytes())? else {
        return Ok(None);
    };
    let row: RosterRow =
        decode_row(&row.row).map_err(|_| Error::Internal("a stored row is not readable"))?;
    Ok(match row.entry {
        RosterEntry::Device(entry) => entry.revoked,
        RosterEntry::Staff(_) => None,
    })
}

/// The ends of a device's logs as they stand.
fn ends(txn: &dyn Transaction, device: DeviceId) -> Result<Ends> {
    let mut ends = Ends::new();
    for (scope, head) in txn.heads_of_device(device)? {
        ends.entry((scope, head.log)).or_default().push(head);
    }
    Ok(ends)
}

/// Cuts a device's logs behind what is stored of them, and answers with the last sequence accepted of each.
pub(super) fn cut_logs(
    txn: &mut dyn Transaction,
    organizer: OrganizerId,
    device: DeviceId,
    now: UnixMillis,
) -> Result<Vec<AcceptedUpTo>> {
    let ends = ends(txn, device)?;
    write_cuts(txn, organizer, &ends, now)
}

/// Cuts a device's logs behind what had arrived of them before a time.
pub(super) fn cut_logs_since(
    txn: &mut dyn Transaction,
    organizer: OrganizerId,
    device: DeviceId,
    since: UnixMillis,
    now: UnixMillis,
) -> Result<Vec<AcceptedUpTo>> {
    let first: BTreeMap<ScopeId, u64> = txn
        .first_batches_since(device, since)?
        .into_iter()
        .collect();
    let mut ends = ends(txn, device)?;
    for ((scope, log), heads) in &mut ends {
        if let Some(first) = first.get(scope) {
            *heads = arrived::ends_before(txn, *log, *first)?;
        }
    }
    write_cuts(txn, organizer, &ends, now)
}

/// Ends the attempts that were granted to a device at a time or later: a thief let in nobody whom anybody has
/// to wait for. Those of before stay, for somebody may have walked through.
pub(super) fn end_attempts_since(
    txn: &mut dyn Transaction,
    device: DeviceId,
    since: UnixMillis,
) -> Result<()> {
    for held in txn.reservations_of(device, u32::MAX)? {
        if held.at >= since {
            txn.end_reservation(device, held.attempt)?;
        }
    }
    Ok(())
}

fn write_cuts(
    txn: &mut dyn Transaction,
    organizer: OrganizerId,
    ends: &Ends,
    now: UnixMillis,
) -> Result<Vec<AcceptedUpTo>> {
    let mut accepted: BTreeMap<LogId, u64> = BTreeMap::new();
    for ((scope, log), heads) in ends {
        let cut = cuts::cut(*log, heads, CutBy::Person);
        let last = accepted.entry(log.log).or_default();
        *last = (*last).max(cut.last);
        server_log::append(txn, organizer, *scope, vec![Body::Cut(cut)], now)?;
    }
    let accepted = accepted.into_iter();
    Ok(accepted
        .map(|(log, sequence)| AcceptedUpTo { log, sequence })
        .collect())
}

impl Service {
    /// What arrived of a device at a time or later and would wait for a person if the device were revoked
    /// since then.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Invalid`] for a time before 1970.
    pub async fn arrived_since(
        &self,
        organizer: OrganizerId,
        device: String,
        since: Timestamp,
    ) -> Result<Arrived> {
        let since =
            times::unix_millis(since).ok_or_else(|| Error::invalid("since", "is before 1970"))?;
        self.read(move |txn| {
            let device: things::Loaded<StoredDevice> =
                things::find(txn, organizer.as_bytes(), &device)?;
            let device = DeviceId::from_bytes(device.id);
            let mut told = Arrived::default();
            let logs: Vec<(ScopeId, LogRef)> = ends(txn, device)?.into_keys().collect();
            for (scope, first) in txn.first_batches_since(device, since)? {
                for (_, log) in logs.iter().filter(|(of, _)| *of == scope) {
                    arrived::count_from(txn, *log, first, &mut told)?;
                }
            }
            Ok(told)
        })
        .await
    }

    /// Interprets the scopes that a device wrote in, after its logs were cut.
    pub(super) async fn interpret_cuts(
        &self,
        organizer: OrganizerId,
        device: DeviceId,
    ) -> Result<()> {
        let scopes = self
            .read(move |txn| {
                let mut scopes: Vec<ScopeId> = ends(txn, device)?
                    .into_keys()
                    .map(|(scope, _)| scope)
                    .collect();
                scopes.dedup();
                Ok(scopes)
            })
            .await?;
        for scope in scopes {
            self.interpret(organizer, scope).await?;
        }
        Ok(())
    }
}
