//! What the images of a ticket said of it before it was changed. A gate that was out of reach went by one of
//! them, and its records say so truly.

use super::stored::{Body, Loaded, load};
use crate::service::error::{Error, Result};
use crate::service::things;
use crate::storage::{Space, Transaction};
use minicbor::{Decode, Encode};
use usher_domain::api::venue::Session;
use usher_domain::cbor;
use usher_domain::ids::{SessionId, TicketId};
use usher_domain::numbers::{AccessNumber, TypeNumber};

/// Former images of one ticket that are remembered, the latest ones.
const REMEMBERED_MAX: usize = 32;

/// What decides how the admissions of a ticket count, as one image of it says.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub(crate) struct Entitlement {
    /// Its type.
    #[n(0)]
    pub(crate) type_number: TypeNumber,
    /// Its access number.
    #[n(1)]
    pub(crate) access: AccessNumber,
    /// Its own number of entries.
    #[n(2)]
    pub(crate) entries: Option<u16>,
    /// The sessions that it may enter.
    #[n(3)]
    pub(crate) sessions: Vec<SessionId>,
}

impl Entitlement {
    fn of(body: &Body) -> Self {
        Self {
            type_number: body.type_number,
            access: body.access,
            entries: body.entries,
            sessions: body.sessions.clone(),
        }
    }
}

fn former(txn: &dyn Transaction, ticket: TicketId) -> Result<Vec<Entitlement>> {
    let Some(bytes) = txn.value(Space::FormerEntitlements, ticket.as_bytes())? else {
        return Ok(Vec::new());
    };
    cbor::decode(&bytes).map_err(|_| Error::Internal("former images of a ticket are not readable"))
}

/// What all images of a ticket of a session's event ever said, the current one last; empty for a ticket that
/// is not known there.
pub(crate) fn entitlements(
    txn: &dyn Transaction,
    session: SessionId,
    ticket: TicketId,
) -> Result<Vec<Entitlement>> {
    let event = match things::get::<Session>(txn, session.as_bytes()) {
        Ok(session) => session.value.event,
        Err(Error::NotFound(_)) => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let current = match load(txn, event, ticket) {
        Ok(loaded) => Entitlement::of(&loaded.body),
        // A damaged ticket keeps no record out.
        Err(Error::NotFound(_) | Error::Internal(_)) => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut all = former(txn, ticket)?;
    all.push(current);
    Ok(all)
}

/// Remembers what a ticket says of itself before `next` takes its place.
pub(crate) fn remember(txn: &mut dyn Transaction, before: &Body, next: &Loaded) -> Result<()> {
    let before = Entitlement::of(before);
    if before == Entitlement::of(&next.body) {
        return Ok(());
    }
    let mut all = former(txn, next.id)?;
    all.retain(|other| *other != before);
    all.push(before);
    all.drain(..all.len().saturating_sub(REMEMBERED_MAX));
    let (key, bytes) = (next.id, cbor::encode(&all));
    let never = usher_domain::time::UnixMillis::default();
    txn.put_value(Space::FormerEntitlements, key.as_bytes(), &bytes, never)?;
    Ok(())
}
