//! What a sign of life tells beside how far the device is: a clock that jumped, a server that forgot, and
//! tables that differ.

use super::devices::DeviceStatus;
use super::error::{Error, Result};
use super::incidents::{self, About};
use super::{devices, duty, epoch, tables};
use crate::storage::Transaction;
use std::collections::BTreeSet;
use usher_domain::api::reports::IncidentKind;
use usher_domain::ids::{DeviceId, OrganizerId, ScopeId};
use usher_domain::protocol::{HEADS_MAX, Heartbeat, TABLES_MAX};
use usher_domain::table::TableId;
use usher_domain::time::UnixMillis;

/// How far a device's clock may move against the server's between two signs of life.
const JUMP_MS: u64 = 60_000;

/// How far the clock moved, if it moved further than clocks drift.
fn jump(before: Option<&DeviceStatus>, heartbeat: &Heartbeat) -> Option<u64> {
    let before = before?.clock_offset_ms?;
    let moved = heartbeat.clock_offset_ms?.abs_diff(before);
    (moved > JUMP_MS).then_some(moved)
}

/// Whether the device knows of something that this server has not made or does not have, in this epoch or
/// in one that it was never in: the server lost it, and nobody said that it was restored, or it was restored
/// more than once and does not know of it.
fn is_server_behind(
    txn: &dyn Transaction,
    device: DeviceId,
    heartbeat: &Heartbeat,
) -> Result<bool> {
    let epoch = epoch(txn)?;
    // Versions of an epoch before are what a restore lost and gets back.
    for held in (heartbeat.tables.iter()).filter(|held| held.version.epoch >= epoch) {
        if let Some(head) = txn.table_head(held.table)?
            && held.version > head.version
        {
            return Ok(true);
        }
    }
    let stored = txn.heads_of_device(device)?;
    let acknowledged = heartbeat.acknowledged.iter().flatten();
    Ok(acknowledged
        .filter(|told| told.epoch >= epoch && told.log.device == device)
        .any(|told| {
            if told.epoch > epoch {
                return true;
            }
            let of_log = stored.iter().filter(|(_, head)| head.log == told.log);
            let end = of_log.map(|(_, head)| head.sequence).max().unwrap_or(0);
            told.sequence > end
        }))
}

/// The first table of which the device holds other rows than this server under the same version.
fn differing(txn: &dyn Transaction, heartbeat: &Heartbeat) -> Result<Option<TableId>> {
    let digests = heartbeat.digests.iter().flatten();
    for (held, digest) in heartbeat.tables.iter().zip(digests) {
        if let Some(head) = txn.table_head(held.table)?
            && head.version == held.version
            && tables::manifest(&head)?.digest != *digest
        {
            return Ok(Some(held.table));
        }
    }
    Ok(None)
}

/// What a look at a sign of life found, before anybody's turn to write is taken for it.
#[derive(Debug, Clone)]
pub(crate) struct Found {
    /// Whether the device knows more than this server.
    server_behind: bool,
    /// A table of which it holds other rows.
    differing: Option<TableId>,
    /// The tables that it says it holds and that there are.
    pub(crate) tables: BTreeSet<TableId>,
    /// The scopes of the ticket sets among them.
    pub(crate) scopes: BTreeSet<ScopeId>,
}

/// Refuses a sign of life that says more than a device can have to say.
pub(crate) fn check(heartbeat: &Heartbeat) -> Result<()> {
    let too_many = |what: &'static str, most: usize| Error::TooLarge {
        what,
        limit: format!("{most}"),
    };
    let tables: BTreeSet<TableId> = heartbeat.tables.iter().map(|held| held.table).collect();
    if heartbeat.tables.len() > TABLES_MAX {
        return Err(too_many("the list of tables", TABLES_MAX));
    }
    if tables.len() < heartbeat.tables.len() {
        return Err(Error::invalid("tables", "each table once"));
    }
    let digests = heartbeat.digests.as_ref();
    if digests.is_some_and(|digests| digests.len() != tables.len()) {
        return Err(Error::invalid("digests", "one for each table"));
    }
    let acknowledged = heartbeat.acknowledged.as_ref().map_or(0, Vec::len);
    if heartbeat.heads.len() > HEADS_MAX || acknowledged > HEADS_MAX {
        return Err(too_many("the list of logs", HEADS_MAX));
    }
    Ok(())
}

/// Looks at what a sign of life says.
pub(crate) fn look(
    txn: &dyn Transaction,
    device: DeviceId,
    heartbeat: &Heartbeat,
) -> Result<Found> {
    let organizer = devices::active(txn, device)?.value.organizer;
    let mut tables = BTreeSet::new();
    for held in &heartbeat.tables {
        if txn.table_head(held.table)?.is_some() {
            tables.insert(held.table);
        }
    }
    Ok(Found {
        server_behind: is_server_behind(txn, device, heartbeat)?,
        differing: differing(txn, heartbeat)?,
        scopes: duty::scopes_held(txn, organizer, heartbeat)?,
        tables,
    })
}

/// Raises the incidents that a sign of life gives reason for. `before` is what the device told last.
pub(crate) fn watch(
    txn: &mut dyn Transaction,
    organizer: OrganizerId,
    device: DeviceId,
    before: Option<&DeviceStatus>,
    (heartbeat, found): (&Heartbeat, &Found),
    now: UnixMillis,
) -> Result<()> {
    if let Some(ms) = jump(before, heartbeat) {
        let about = About::device(IncidentKind::ClockJump, device);
        let detail = format!(
            "the clock moved by {} s between two signs of life before {}",
            ms / 1_000,
            incidents::shown(now)
        );
        incidents::raise(txn, organizer, &about, &detail, Vec::new(), now)?;
    }
    if found.server_behind {
        let about = About::device(IncidentKind::ServerBehind, device);
        let detail = "the device holds a newer version of a table, or acknowledgements of more of its \
                      records, than this server knows: the server lost data; if its files were put back from \
                      a backup, stop it and run usher restore --in-place";
        incidents::raise(txn, organizer, &about, detail, Vec::new(), now)?;
    }
    if let Some(table) = found.differing {
        let about = About::device(IncidentKind::SetDiffers, device);
        let detail =
            format!("the device holds other rows of {table} than the version it names has");
        incidents::raise(txn, organizer, &about, &detail, Vec::new(), now)?;
    }
    Ok(())
}
