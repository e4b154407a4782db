//! Codes that pretix revoked or blocked. It lists them without saying of which ticket they are, and they still
//! verify: each stands in every set of the event as the medium of a ticket that may not enter, until a list
//! tells of its ticket.

use super::apply::Effect;
use super::{Whole, missing};
use crate::service::error::{Error, Result};
use crate::service::things;
use crate::service::tickets::desk::Desk;
use crate::service::tickets::said::Said;
use crate::service::tickets::stored::{self, Body, Loaded, Medium, Standing};
use crate::storage::Transaction;
use usher_domain::code::strength::bits_alone;
use usher_domain::code::{Identity, MediumKey, TicketCodeText};
use usher_domain::hash::Hash;
use usher_domain::ids::TicketId;
use usher_domain::numbers::AccessNumber;
use usher_domain::table::rows::{CancelReason, TicketState};

/// Why pretix refuses a code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Why {
    /// It was replaced, or its position was cancelled.
    Revoked,
    /// It is held back for a time.
    Blocked,
}

impl Why {
    /// All of them, what refuses for ever first.
    const ALL: [Self; 2] = [Self::Revoked, Self::Blocked];

    const fn state(self) -> TicketState {
        match self {
            Self::Revoked => TicketState::Cancelled(CancelReason::Other),
            Self::Blocked => TicketState::Blocked,
        }
    }

    const fn explanation(self) -> &'static str {
        match self {
            Self::Revoked => "its code was revoked",
            Self::Blocked => "blocked by the organizer",
        }
    }

    /// What marks the ticket that stands for a code.
    fn mark(self, key: &MediumKey) -> Hash {
        let word: &[u8] = match self {
            Self::Revoked => b"revoked",
            Self::Blocked => b"blocked",
        };
        Hash::of(&[word, key.as_bytes()])
    }
}

/// Whether a ticket only stands for a refused code: no list told of it.
pub(super) fn is_for_code(body: &Body) -> bool {
    body.media.first().is_some_and(|medium| {
        let marks = Why::ALL.map(|why| Some(why.mark(&medium.key)));
        marks.contains(&body.request)
    })
}

/// Has a code refused at every session of the event.
pub(super) fn refuse(
    txn: &mut dyn Transaction,
    desk: &mut Desk,
    whole: &Whole,
    secret: &TicketCodeText,
    why: Why,
) -> Result<Effect> {
    let medium = Medium::new(desk.organizer, secret, bits_alone(secret));
    let Some(owner) = owner(txn, desk, secret)? else {
        return stand_for(txn, desk, whole, medium, why);
    };
    if is_for_code(&owner.body) {
        return stand_again(txn, desk, owner, why);
    }
    let is_current = owner.current().any(|current| current.key == medium.key);
    let is_laxer = match why {
        Why::Revoked => !matches!(owner.body.state, TicketState::Cancelled(_)),
        Why::Blocked => owner.body.state == TicketState::Valid,
    };
    if !(is_current && is_laxer) {
        return Ok(Effect::Unchanged);
    }
    // The files do not hold its order.
    missing::refuse(txn, desk, whole, owner, why.state(), why.explanation())?;
    Ok(Effect::Updated)
}

/// The ticket of a code.
fn owner(txn: &dyn Transaction, desk: &Desk, secret: &TicketCodeText) -> Result<Option<Loaded>> {
    let key = Identity::of(desk.organizer, secret).medium_key();
    let Some(id) = txn.medium_owner(desk.event.id, &key)? else {
        return Ok(None);
    };
    match stored::load(txn, desk.event.id, id) {
        Ok(ticket) => Ok(Some(ticket)),
        Err(Error::NotFound(_)) => Ok(None),
        Err(error) => Err(error),
    }
}

/// How many of these codes stay refused, although pretix does not block them any more: no order says what
/// they open.
pub(super) fn still_refused(
    txn: &dyn Transaction,
    desk: &Desk,
    unblocked: &[TicketCodeText],
) -> Result<u64> {
    let mut count = 0;
    for secret in unblocked {
        let owner = owner(txn, desk, secret)?;
        let waits = owner.is_some_and(|ticket| {
            is_for_code(&ticket.body) && ticket.body.state == TicketState::Blocked
        });
        count += u64::from(waits);
    }
    Ok(count)
}

/// A ticket for a code of which nobody told.
fn stand_for(
    txn: &mut dyn Transaction,
    desk: &mut Desk,
    whole: &Whole,
    medium: Medium,
    why: Why,
) -> Result<Effect> {
    let Some(kind) = desk.types().first().map(|kind| kind.number) else {
        return Ok(Effect::Unchanged);
    };
    let channel = desk.channel(txn, whole.channel())?;
    let mut body = Body {
        sessions: desk.sessions().iter().map(|session| session.id).collect(),
        state: why.state(),
        request: Some(why.mark(&medium.key)),
        media: vec![medium],
        explanation: Some(why.explanation().to_owned()),
        ..Body::new(kind, AccessNumber::EVERY_SESSION, channel)
    };
    if body.sessions.is_empty() {
        return Ok(Effect::Unchanged);
    }
    if why == Why::Blocked {
        // A list that tells of it later says whether it may enter by then.
        body.said = Some(Said::by(whole.source_mark, &body));
    }
    let mut ticket = Loaded {
        id: TicketId::from_bytes(things::new_id()?),
        event: desk.event.id,
        external: None,
        body,
    };
    desk.store(txn, &mut ticket)?;
    Ok(Effect::Created)
}

/// Brings a ticket that stands for a code up to date: the event may have more sessions by now.
fn stand_again(
    txn: &mut dyn Transaction,
    desk: &mut Desk,
    mut ticket: Loaded,
    why: Why,
) -> Result<Effect> {
    let before = ticket.clone();
    let body = &mut ticket.body;
    body.access = AccessNumber::EVERY_SESSION;
    body.sessions = desk.sessions().iter().map(|session| session.id).collect();
    if why == Why::Revoked {
        body.said = None;
        body.state = why.state();
        body.explanation = Some(why.explanation().to_owned());
        let first = body.media.first();
        let first = first.filter(|medium| medium.standing == Standing::Current);
        body.request = first.map(|medium| why.mark(&medium.key)).or(body.request);
    }
    if ticket == before {
        return Ok(Effect::Unchanged);
    }
    desk.store(txn, &mut ticket)?;
    Ok(Effect::Updated)
}
