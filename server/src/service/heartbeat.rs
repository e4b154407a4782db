//! What a sign of life tells beside how far the device is: a clock that jumped, and a server that forgot.

use super::devices::DeviceStatus;
use super::error::Result;
use super::incidents::{self, About};
use crate::storage::Transaction;
use usher_domain::api::reports::IncidentKind;
use usher_domain::ids::{DeviceId, OrganizerId};
use usher_domain::protocol::Heartbeat;
use usher_domain::time::UnixMillis;

/// How far a device's clock may move against the server's between two signs of life.
const JUMP_MS: u64 = 60_000;

/// How far the clock moved, if it moved further than clocks drift.
fn jump(before: Option<&DeviceStatus>, heartbeat: &Heartbeat) -> Option<u64> {
    let before = before?.clock_offset_ms?;
    let moved = heartbeat.clock_offset_ms?.abs_diff(before);
    (moved > JUMP_MS).then_some(moved)
}

/// Whether the device holds a version of a table that this server, in this epoch, has not made: it lost
/// what it had told, and nobody declared that it was restored.
fn is_server_behind(txn: &dyn Transaction, heartbeat: &Heartbeat) -> Result<bool> {
    for held in &heartbeat.tables {
        if let Some(head) = txn.table_head(held.table)?
            && held.version.epoch == head.version.epoch
            && held.version.number > head.version.number
        {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Raises the incidents that a sign of life gives reason for. `before` is what the device told last.
pub(crate) fn watch(
    txn: &mut dyn Transaction,
    organizer: OrganizerId,
    device: DeviceId,
    before: Option<&DeviceStatus>,
    heartbeat: &Heartbeat,
    now: UnixMillis,
) -> Result<()> {
    if let Some(ms) = jump(before, heartbeat) {
        let about = About::device(IncidentKind::ClockJump, device);
        let detail = format!(
            "the clock moved by {} s between two signs of life",
            ms / 1_000
        );
        incidents::raise(txn, organizer, &about, &detail, Vec::new(), now)?;
    }
    if is_server_behind(txn, heartbeat)? {
        let about = About::device(IncidentKind::ServerBehind, device);
        let detail = "the device holds a newer version of a table than this server ever made: the server \
                      lost data; if it was restored from a backup, declare that";
        incidents::raise(txn, organizer, &about, detail, Vec::new(), now)?;
    }
    Ok(())
}
