//! Scopes: sessions that passes connect share one feed and one merged state.
//!
//! A device writes its log in the scope that its ticket set names, and may do so for days without a network.
//! So a scope that a device was told of is never given up: what is recorded in it later would stand beside
//! the merged state of its sessions, not in it.

use super::error::{Error, Result};
use super::organizers::StoredOrganizer;
use super::things::{self, Loaded};
use super::{override_keys, rules, server_log, sessions};
use crate::storage::{Space, Transaction};
use usher_domain::api::venue::Session;
use usher_domain::ids::{OrganizerId, ScopeId};
use usher_domain::time::UnixMillis;

/// The scope that took in `scope` when a pass connected sessions; itself if none did. Devices that were
/// away may still send records of the old one.
///
/// # Errors
/// [`Error::Storage`].
pub fn now_called(txn: &dyn Transaction, scope: ScopeId) -> Result<ScopeId> {
    let mut current = scope;
    // A scope joins another once; the chain is as long as the number of joins.
    for _ in 0..64 {
        match txn
            .value(Space::JoinedScope, current.as_bytes())?
            .and_then(|bytes| <[u8; 16]>::try_from(bytes.as_slice()).ok())
        {
            Some(next) => current = ScopeId::from_bytes(next),
            None => return Ok(current),
        }
    }
    Err(Error::Internal("scopes join each other in a circle"))
}

/// What is noted of a scope that devices are told of, once the keys of supervisors are listed in it. Programs
/// before noted nothing.
const WITH_KEYS: &[u8] = &[1];

/// Notes that a device is told of an organizer's scopes, before it is, and lists the keys of supervisors there.
pub(crate) fn tell(
    txn: &mut dyn Transaction,
    organizer: OrganizerId,
    scopes: &[ScopeId],
    now: UnixMillis,
) -> Result<()> {
    for scope in untold(txn, scopes)? {
        override_keys::list(txn, organizer, scope, now)?;
        txn.put_value(Space::ToldScope, scope.as_bytes(), WITH_KEYS, now)?;
    }
    Ok(())
}

/// Lists the keys of supervisors in a scope that an older program told devices of.
pub(crate) fn complete(
    txn: &mut dyn Transaction,
    organizer: OrganizerId,
    scope: ScopeId,
    now: UnixMillis,
) -> Result<()> {
    if is_told(txn, scope)? {
        tell(txn, organizer, &[scope], now)?;
    }
    Ok(())
}

/// The scopes that no device was told of, or none with the keys of supervisors.
pub(crate) fn untold(txn: &dyn Transaction, scopes: &[ScopeId]) -> Result<Vec<ScopeId>> {
    let mut untold = Vec::new();
    for scope in scopes {
        let noted = txn.value(Space::ToldScope, scope.as_bytes())?;
        if noted.is_none_or(|noted| noted != WITH_KEYS) {
            untold.push(*scope);
        }
    }
    Ok(untold)
}

fn is_told(txn: &dyn Transaction, scope: ScopeId) -> Result<bool> {
    Ok(txn.value(Space::ToldScope, scope.as_bytes())?.is_some())
}

/// Whether a device may write records in it, or did. The server's own rules do not count: they are said
/// again.
fn is_in_use(txn: &dyn Transaction, organizer: OrganizerId, scope: ScopeId) -> Result<bool> {
    let server = things::get::<StoredOrganizer>(txn, organizer.as_bytes())?
        .value
        .server;
    if is_told(txn, scope)? {
        return Ok(true);
    }
    Ok(txn
        .heads(scope)?
        .iter()
        .any(|head| head.log.device != server))
}

/// Joins the scopes of sessions into one: the one that devices use, else the lowest.
///
/// # Errors
/// [`Error::ScopeInUse`] if devices use several.
pub(crate) fn join(
    txn: &mut dyn Transaction,
    organizer: OrganizerId,
    connected: Vec<Loaded<Session>>,
    now: UnixMillis,
) -> Result<()> {
    let mut scopes: Vec<ScopeId> = connected.iter().map(|s| s.value.scope).collect();
    scopes.sort_unstable();
    scopes.dedup();
    let mut used = Vec::new();
    for scope in &scopes {
        if is_in_use(txn, organizer, *scope)? {
            used.push(*scope);
        }
    }
    let target = match (used.as_slice(), scopes.first()) {
        ([], Some(lowest)) => *lowest,
        ([one], _) => *one,
        ([], None) => return Ok(()),
        _ => return Err(Error::ScopeInUse),
    };
    // All sessions of a scope move with it, also those that this pass does not name.
    for mut session in sessions::of_organizer(txn, organizer)? {
        let scope = session.value.scope;
        if scope != target && scopes.contains(&scope) {
            session.value.scope = target;
            things::put(txn, &session)?;
            let records = rules::from_nothing(&session.value);
            server_log::append(txn, organizer, target, records, now)?;
        }
    }
    for scope in scopes.into_iter().filter(|scope| *scope != target) {
        txn.put_value(Space::JoinedScope, scope.as_bytes(), target.as_bytes(), now)?;
    }
    Ok(())
}
