//! Scopes: sessions that passes connect share one feed and one merged state.

use super::error::{Error, Result};
use super::organizers::StoredOrganizer;
use super::things::{self, Loaded};
use super::{server_log, sessions};
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

/// Whether a device wrote a record in it. The server's own rules do not count: they are said again.
fn has_scans(txn: &dyn Transaction, organizer: OrganizerId, scope: ScopeId) -> Result<bool> {
    let server = things::get::<StoredOrganizer>(txn, organizer.as_bytes())?
        .value
        .server;
    Ok(txn
        .heads(scope)?
        .iter()
        .any(|head| head.log.device != server))
}

/// Joins the scopes of sessions into one: the one that has scans, else the lowest.
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
        if has_scans(txn, organizer, *scope)? {
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
            let rules = sessions::rules_from_nothing(&session.value);
            server_log::append(txn, organizer, target, rules, now)?;
        }
    }
    for scope in scopes.into_iter().filter(|scope| *scope != target) {
        txn.put_value(Space::JoinedScope, scope.as_bytes(), target.as_bytes(), now)?;
    }
    Ok(())
}
