//! Duty: which devices may admit without asking, and up to when it is known what they did.
//!
//! A device is on duty in a scope from the moment it is given a ticket set of it. That ends when it signs
//! off with all records handed in, when it is revoked, or when a supervisor stands it down; never by
//! silence, for a device without a network admits all the same.
//!
//! A sign of life proves a device's log up to the time of the server's clock that the device had heard when
//! it wrote the statement, if the ends of its logs are those that the server has: what it admitted before
//! is stored. A copied device proves nothing (`copies`). Proofs are kept in memory. After a start nobody is
//! proved until heard; after a restore every
//! device counts as on duty until heard, for the backup does not know who went on duty since.

mod copies;
mod known;
mod stored;

pub(crate) use copies::Runs;
pub(super) use copies::{note_run, settle as settle_copies};
pub(crate) use known::{Duties, Proved, Silent, Standing};

use super::devices::StoredDevice;
use super::error::{Error, Result};
use super::{Service, epoch, server_log, sessions, things};
use crate::storage::{Duty, DutyState, Transaction};
use known::Proof;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
pub(super) use stored::touch;
use stored::{begin, end, hear, lacking, scopes_of};
use usher_domain::api::venue::Session;
use usher_domain::ids::{DeviceId, OrganizerId, ScopeId, SessionId};
use usher_domain::protocol::{Head, Heartbeat};
use usher_domain::record::{Body, LogRef, StandDown};
use usher_domain::table::TableId;
use usher_domain::time::UnixMillis;

/// The device was revoked: what it records from now on waits for a person, so nobody waits for its word.
pub(crate) fn revoke(
    txn: &mut dyn Transaction,
    organizer: OrganizerId,
    device: DeviceId,
    now: UnixMillis,
) -> Result<()> {
    settle_copies(txn, organizer, device)?;
    end(txn, device, DutyState::Revoked, now)
}

/// Takes a device off duty everywhere at a supervisor's word, and tells where it was, with the time up to
/// which its log is known in each scope. Its next sign of life with a ticket set puts it on duty again.
fn stand_down(
    txn: &mut dyn Transaction,
    duties: &Duties,
    organizer: OrganizerId,
    device: DeviceId,
    now: UnixMillis,
) -> Result<Vec<(ScopeId, UnixMillis)>> {
    let epoch = epoch(txn)?;
    let mut ended = Vec::new();
    for scope in scopes_of(txn, organizer, device)? {
        let since = if usher_domain::mutated!(OverstateStandDown) {
            now
        } else if copies::is_copied(txn, device)? {
            UnixMillis::default()
        } else {
            duties.known_up_to(scope, device, epoch)
        };
        txn.put_duty(&Duty {
            scope,
            device,
            state: DutyState::StoodDown,
            since,
        })?;
        ended.push((scope, since));
    }
    hear(txn, device, now)?;
    touch(txn, now)?;
    Ok(ended)
}

/// Whether a device was taken off duty, by itself or by a person, and is on duty nowhere since.
pub(crate) fn is_off(
    txn: &dyn Transaction,
    organizer: OrganizerId,
    device: DeviceId,
) -> Result<bool> {
    let ended = txn
        .duties_of(device)?
        .into_iter()
        .any(|duty| match duty.state {
            DutyState::SignedOff | DutyState::StoodDown => true,
            DutyState::OnDuty | DutyState::Revoked => false,
        });
    Ok(ended && scopes_of(txn, organizer, device)?.is_empty())
}

/// The scopes of the ticket sets that a device tells it holds.
pub(crate) fn scopes_held(
    txn: &dyn Transaction,
    organizer: OrganizerId,
    heartbeat: &Heartbeat,
) -> Result<BTreeSet<ScopeId>> {
    let mut scopes = BTreeSet::new();
    for held in &heartbeat.tables {
        if let TableId::Set(session) = held.table
            && let Some(session) = session_of(txn, organizer, session)?
        {
            scopes.insert(session.scope);
        }
    }
    Ok(scopes)
}

/// A session of the organizer, if there is one of this id.
fn session_of(
    txn: &dyn Transaction,
    organizer: OrganizerId,
    session: SessionId,
) -> Result<Option<Session>> {
    match sessions::of_id(txn, organizer, session) {
        Ok(session) => Ok(Some(session.value)),
        Err(Error::NotFound(_)) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Whether a device's logs end where this server has them end, in each scope: those in which they do not,
/// or none if a log is unknown here, for then nobody can say whose scope it is of.
fn unproved(
    device: DeviceId,
    stored: &[(ScopeId, Head)],
    told: &[Head],
) -> Option<BTreeSet<ScopeId>> {
    let mut by_log: BTreeMap<LogRef, Vec<&(ScopeId, Head)>> = BTreeMap::new();
    for known in stored {
        by_log.entry(known.1.log).or_default().push(known);
    }
    let mut unproved = BTreeSet::new();
    // What the device's folder wrote before it was enrolled anew is not its own any more.
    for head in told.iter().filter(|head| head.log.device == device) {
        let of_log = by_log.get(&head.log)?;
        let (scope, _) = of_log.first()?;
        if !of_log.iter().any(|(_, known)| known == head) {
            unproved.insert(*scope);
        }
    }
    Some(unproved)
}

/// Notes a sign of life: puts the device on duty in the scopes of which it holds a set, and tells what it
/// proves.
pub(crate) fn note(
    txn: &mut dyn Transaction,
    device: DeviceId,
    heartbeat: &Heartbeat,
    held: &BTreeSet<ScopeId>,
    now: UnixMillis,
) -> Result<Option<Proved>> {
    hear(txn, device, now)?;
    begin(txn, device, held, now)?;
    let epoch = epoch(txn)?;
    let Some(heard) = heartbeat.heard else {
        return Ok(None);
    };
    if copies::is_copied(txn, device)? || copies::is_hidden(txn, device, heartbeat)? {
        return Ok(None);
    }
    if heard.epoch != epoch || heard.at > now {
        return Ok(None);
    }
    let Some(unproved) = unproved(device, &txn.heads_of_device(device)?, &heartbeat.heads) else {
        return Ok(None);
    };
    let on_duty = txn.duties_of(device)?.into_iter().map(|duty| duty.scope);
    Ok(Some(Proved {
        device,
        scopes: on_duty.filter(|scope| !unproved.contains(scope)).collect(),
        proof: Proof {
            at: heard.at,
            epoch,
        },
    }))
}

/// Takes a device off duty that handed in everything, how its attempts ended included: nobody else can tell
/// whether somebody is walking through at this moment.
fn sign_off(
    txn: &mut dyn Transaction,
    device: DeviceId,
    heads: &[Head],
    now: UnixMillis,
) -> Result<()> {
    if copies::is_copied(txn, device)? {
        return Err(Error::Conflict(
            "this device's folder is in use twice, and one of them cannot speak for the other: enroll both \
             anew, and revoke this device",
        ));
    }
    let stored = txn.heads_of_device(device)?;
    if unproved(device, &stored, heads).is_none_or(|unproved| !unproved.is_empty()) {
        return Err(Error::Conflict(
            "records of this device are missing here: hand them in before signing off",
        ));
    }
    if !txn.reservations_of(device, 1)?.is_empty() {
        return Err(Error::Conflict(
            "attempts of this device are open: end them and hand in their records before signing off",
        ));
    }
    end(txn, device, DutyState::SignedOff, now)
}

impl Service {
    /// What is known of duties beside what is stored.
    pub(super) fn duties(&self) -> &Arc<Duties> {
        &self.inner.duties
    }

    /// Puts a device on duty that is about to be given rows of a ticket set: from then on it may admit.
    pub(super) async fn begin_duty(&self, device: DeviceId, table: TableId) -> Result<()> {
        let TableId::Set(session) = table else {
            return Ok(());
        };
        let scope = move |txn: &dyn Transaction| -> Result<BTreeSet<ScopeId>> {
            let organizer = super::devices::active(txn, device)?.value.organizer;
            let session = session_of(txn, organizer, session)?;
            Ok(session.map(|session| session.scope).into_iter().collect())
        };
        let lacking = self
            .read(move |txn| Ok(lacking(&txn.duties_of(device)?, &scope(txn)?)))
            .await?;
        if lacking.is_empty() {
            return Ok(());
        }
        self.write_quietly(move |txn, now| {
            let scopes = scope(txn)?;
            begin(txn, device, &scopes, now)
        })
        .await
    }

    /// Takes a device off duty everywhere at a supervisor's word, and writes that into the log of every
    /// scope. Its next sign of life with a ticket set puts it on duty again.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn stand_down(&self, organizer: OrganizerId, device: String) -> Result<()> {
        let duties = Arc::clone(self.duties());
        let ended = self
            .write_quietly(move |txn, now| {
                let found = things::find::<StoredDevice>(txn, organizer.as_bytes(), &device)?;
                let device = DeviceId::from_bytes(found.id);
                let ended = stand_down(txn, &duties, organizer, device, now)?;
                for (scope, since) in &ended {
                    let since = *since;
                    let said = vec![Body::StandDown(StandDown { device, since })];
                    server_log::append(txn, organizer, *scope, said, now)?;
                }
                Ok(ended)
            })
            .await?;
        for (scope, _) in ended {
            self.interpret(organizer, scope).await?;
        }
        Ok(())
    }

    /// Takes a device off duty at its own word.
    ///
    /// # Errors
    /// [`Error::Conflict`] while records of the logs that it names are missing here, [`Error::NotFound`],
    /// [`Error::DeviceRevoked`].
    pub async fn sign_off(&self, device: DeviceId, heads: Vec<Head>) -> Result<()> {
        self.write_quietly(move |txn, now| {
            super::devices::active(txn, device)?;
            sign_off(txn, device, &heads, now)
        })
        .await
    }
}
