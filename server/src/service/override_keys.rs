//! The keys of supervisors, as the server's log lists them: what proves an override to everybody who folds
//! the records.
//!
//! They are listed in every scope that devices are told of: in a new one before any device is told, and with
//! every change of the staff. A scope that an older program told devices of is given them at the next chance.

use super::error::{Error, Result};
use super::sessions;
use super::staff::{Listing, StoredStaff};
use super::things::{self, Loaded};
use super::{scopes, server_log};
use crate::storage::Transaction;
use std::collections::BTreeSet;
use usher_domain::ids::{OrganizerId, ScopeId, StaffId};
use usher_domain::protocol::BATCH_RECORDS_MAX;
use usher_domain::record::{Body, OverrideKey};
use usher_domain::time::UnixMillis;

/// What the log says of a member of staff: nothing of whoever can't override.
fn record(staff: &Loaded<StoredStaff>) -> Option<Body> {
    let stored = &staff.value;
    let listed = OverrideKey {
        staff: StaffId::from_bytes(staff.id),
        key: stored.override_key?,
        until: stored.revoked_at,
    };
    match stored.listing {
        Listing::Listed => Some(Body::OverrideKey(listed)),
        Listing::HandedBack => None,
    }
}

/// Lists the keys of an organizer's staff in a scope.
pub(crate) fn list(
    txn: &mut dyn Transaction,
    organizer: OrganizerId,
    scope: ScopeId,
    now: UnixMillis,
) -> Result<()> {
    let staff = things::all::<StoredStaff>(txn, organizer.as_bytes())?;
    let records: Vec<Body> = staff.iter().filter_map(record).collect();
    for batch in records.chunks(BATCH_RECORDS_MAX) {
        server_log::append(txn, organizer, scope, batch.to_vec(), now)?;
    }
    Ok(())
}

/// Says in every scope in use what is new of a member of staff.
pub(crate) fn changed(
    txn: &mut dyn Transaction,
    organizer: OrganizerId,
    staff: &Loaded<StoredStaff>,
    now: UnixMillis,
) -> Result<()> {
    let Some(record) = record(staff) else {
        return Ok(());
    };
    for scope in scopes_in_use(txn, organizer)? {
        server_log::append(txn, organizer, scope, vec![record.clone()], now)?;
    }
    Ok(())
}

/// The scopes in which the keys are listed. In others they will be, as they are then.
fn scopes_in_use(txn: &dyn Transaction, organizer: OrganizerId) -> Result<Vec<ScopeId>> {
    let sessions = sessions::of_organizer(txn, organizer)?;
    let all: BTreeSet<ScopeId> = sessions.iter().map(|one| one.value.scope).collect();
    let mut in_use = Vec::new();
    for scope in all {
        if scopes::untold(txn, &[scope])?.is_empty() {
            in_use.push(scope);
        }
    }
    Ok(in_use)
}

/// Takes it that a key is this server's own word, because a log of its own that was handed back lists it: then
/// it is listed in new scopes, too.
pub(crate) fn handed_back(
    txn: &mut dyn Transaction,
    organizer: OrganizerId,
    listed: &OverrideKey,
) -> Result<()> {
    let mut staff = match things::get::<StoredStaff>(txn, listed.staff.as_bytes()) {
        Ok(staff) => staff,
        Err(Error::NotFound(_)) => return Ok(()),
        Err(error) => return Err(error),
    };
    let is_it = staff.parent == *organizer.as_bytes()
        && staff.value.override_key == Some(listed.key)
        && staff.value.listing == Listing::HandedBack;
    if is_it {
        staff.value.listing = Listing::Listed;
        things::put(txn, &staff)?;
    }
    Ok(())
}
