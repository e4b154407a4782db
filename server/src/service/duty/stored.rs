//! Duties as they are stored: how they begin and end, and who was heard since the last restore.

use crate::keys;
use crate::service::error::Result;
use crate::service::{epoch, sessions};
use crate::storage::{Duty, DutyState, Space, Transaction};
use std::collections::BTreeSet;
use usher_domain::ids::{DeviceId, OrganizerId, ScopeId};
use usher_domain::time::UnixMillis;

/// Key of a value that is another after every change of anybody's duty.
pub(super) const MARK: &[u8] = b"duty mark";

/// Lets everybody read anew who is on duty. Random, so that what was read in a transaction that failed is
/// never taken for what another one wrote.
pub(in crate::service) fn touch(txn: &mut dyn Transaction, now: UnixMillis) -> Result<()> {
    let mark: [u8; 16] = keys::random()?;
    txn.put_value(Space::Server, MARK, &mark, now)?;
    Ok(())
}

/// Whether a device was heard, or a person spoke for it, since the server was last restored.
pub(super) fn is_heard(txn: &dyn Transaction, device: DeviceId, epoch: u32) -> Result<bool> {
    // A server that was never restored knows all it ever said.
    if epoch <= 1 {
        return Ok(true);
    }
    let heard = txn.value(Space::HeardIn, device.as_bytes())?;
    Ok(heard.is_some_and(|bytes| bytes == epoch.to_be_bytes()))
}

/// Notes that a device was heard in this epoch: what is stored of its duties counts from now on.
pub(super) fn hear(txn: &mut dyn Transaction, device: DeviceId, now: UnixMillis) -> Result<()> {
    let epoch = epoch(txn)?;
    if is_heard(txn, device, epoch)? {
        return Ok(());
    }
    let key = device.as_bytes();
    txn.put_value(Space::HeardIn, key, &epoch.to_be_bytes(), now)?;
    touch(txn, now)
}

/// Puts a device on duty in scopes where it is not.
pub(super) fn begin(
    txn: &mut dyn Transaction,
    device: DeviceId,
    scopes: &BTreeSet<ScopeId>,
    now: UnixMillis,
) -> Result<()> {
    let lacking = lacking(&txn.duties_of(device)?, scopes);
    for scope in &lacking {
        let duty = Duty {
            scope: *scope,
            device,
            state: DutyState::OnDuty,
            since: now,
        };
        txn.put_duty(&duty)?;
    }
    if lacking.is_empty() {
        return Ok(());
    }
    touch(txn, now)
}

/// The scopes in which a device is not on duty.
pub(super) fn lacking(duties: &[Duty], scopes: &BTreeSet<ScopeId>) -> Vec<ScopeId> {
    let is_on = |scope: ScopeId| {
        let mut own = duties.iter();
        own.any(|duty| {
            let stays = duty.state == DutyState::StoodDown && usher_domain::mutated!(StayStoodDown);
            duty.scope == scope && (duty.state == DutyState::OnDuty || stays)
        })
    };
    let lacking = scopes.iter().filter(|scope| !is_on(**scope));
    lacking.copied().collect()
}

/// Ends all duties of a device.
pub(super) fn end(
    txn: &mut dyn Transaction,
    device: DeviceId,
    state: DutyState,
    now: UnixMillis,
) -> Result<()> {
    hear(txn, device, now)?;
    for duty in txn.duties_of(device)? {
        if duty.state == DutyState::OnDuty {
            txn.put_duty(&Duty {
                state,
                since: now,
                ..duty
            })?;
        }
    }
    touch(txn, now)
}

/// The scopes of the organizer's sessions in which a device is on duty, or may be.
pub(super) fn scopes_of(
    txn: &dyn Transaction,
    organizer: OrganizerId,
    device: DeviceId,
) -> Result<BTreeSet<ScopeId>> {
    let duties = txn.duties_of(device)?.into_iter();
    let mut scopes: BTreeSet<ScopeId> = duties
        .filter(|duty| duty.state == DutyState::OnDuty)
        .map(|duty| duty.scope)
        .collect();
    if !is_heard(txn, device, epoch(txn)?)? {
        let all = sessions::of_organizer(txn, organizer)?;
        scopes.extend(all.iter().map(|session| session.value.scope));
    }
    Ok(scopes)
}
