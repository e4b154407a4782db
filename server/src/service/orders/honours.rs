//! A session that lets in tickets of another one for a time.

use super::{Said, moment};
use crate::service::error::{Error, Result};
use crate::service::things::{self, Loaded};
use crate::service::{Service, scopes, sessions};
use crate::storage::{Space, Transaction};
use usher_domain::api::orders::NewHonour;
use usher_domain::api::venue::Session;
use usher_domain::cbor;
use usher_domain::ids::{OrganizerId, SessionId};
use usher_domain::record::{Body, Honour};
use usher_domain::rules::{EntryRule, Rules};
use usher_domain::time::UnixMillis;

/// Longest time for which tickets of another session are let in.
const HONOURED_MAX_MS: u64 = 7 * 24 * 3_600_000;

fn place(session: SessionId) -> Vec<u8> {
    [b"honours ".as_slice(), session.as_bytes()].concat()
}

fn said(txn: &dyn Transaction, session: SessionId) -> Result<Vec<Honour>> {
    match txn.value(Space::Event, &place(session))? {
        None => Ok(Vec::new()),
        Some(bytes) => {
            cbor::decode(&bytes).map_err(|_| Error::Internal("stored honours are not readable"))
        }
    }
}

/// Sessions whose tickets a session was ever told to let in: its gates need their tickets, at the latest to
/// let their holders out.
pub(crate) fn honoured_by(txn: &dyn Transaction, session: SessionId) -> Result<Vec<SessionId>> {
    let all = said(txn, session)?.into_iter();
    Ok(all.map(|honour| honour.tickets_of).collect())
}

fn remember(txn: &mut dyn Transaction, honour: &Honour, now: UnixMillis) -> Result<()> {
    let mut all = said(txn, honour.session)?;
    all.retain(|held| held.tickets_of != honour.tickets_of);
    all.push(honour.clone());
    let place = place(honour.session);
    txn.put_value(Space::Event, &place, &cbor::encode(&all), now)?;
    Ok(())
}

/// Whether two sessions count entries by the same rules: an entry is judged by the rule of the session that
/// lets in and counted in that of the ticket.
fn count_alike(one: &Rules, other: &Rules) -> bool {
    let numbers = one.types.iter().chain(&other.types).map(|rule| rule.number);
    let of_type = |rules: &Rules, number| -> EntryRule { rules.entry_for(Some(number)) };
    one.entry == other.entry
        && numbers
            .into_iter()
            .all(|number| of_type(one, number) == of_type(other, number))
}

/// Brings both sessions into one scope, if no device may have recorded in both.
fn connect(
    txn: &mut dyn Transaction,
    organizer: OrganizerId,
    session: &Session,
    other: &Session,
    now: UnixMillis,
) -> Result<Session> {
    if session.scope == other.scope {
        return Ok(session.clone());
    }
    let both = [session.id, other.id];
    let both = both.iter().map(|id| sessions::of_id(txn, organizer, *id));
    let both = both.collect::<Result<Vec<_>>>()?;
    let joined = scopes::join(txn, organizer, both, now);
    if let Err(Error::ScopeInUse) = joined {
        return Err(Error::Conflict(
            "the gates of these two sessions do not share their scans, and were given both: a ticket \
             could enter at each. Connect sessions by a pass before their devices are given them; here \
             a supervisor can override at the gate",
        ));
    }
    joined?;
    Ok(sessions::of_id(txn, organizer, session.id)?.value)
}

impl Service {
    /// Lets tickets of another session of the same event in for a time. An end that is not after the
    /// beginning takes it back.
    ///
    /// # Errors
    /// [`Error::NotFound`] for a session, [`Error::Invalid`] for the times, [`Error::Conflict`] if the two
    /// do not share their scans or count entries by other rules.
    pub async fn honour(
        &self,
        organizer: OrganizerId,
        event: String,
        session: String,
        new: NewHonour,
    ) -> Result<()> {
        self.order(organizer, event, session, move |txn, session, now| {
            let other: Loaded<Session> =
                things::find(txn, session.event.as_bytes(), &new.tickets_of)?;
            let other = other.value;
            if other.id == session.id {
                return Err(Error::invalid("tickets_of", "the session itself"));
            }
            if !count_alike(&session.rules, &other.rules) {
                return Err(Error::Conflict(
                    "the two sessions count entries by different rules: give them the same ones first",
                ));
            }
            let from = moment("from", new.from, now)?;
            let until = moment("until", Some(new.until), now)?;
            if until <= now || until <= from || until.since(from) > HONOURED_MAX_MS {
                let why = "must be still to come, and seven days after the beginning at most";
                return Err(Error::invalid("until", why));
            }
            let session = connect(txn, organizer, session, &other, now)?;
            let honour = Honour {
                session: session.id,
                tickets_of: other.id,
                from,
                until,
            };
            remember(txn, &honour, now)?;
            sessions::mark_sets(txn, organizer, now)?;
            Ok(Said {
                scope: Some(session.scope),
                bodies: vec![Body::Honour(honour)],
            })
        })
        .await
    }

    /// Lets tickets of another session in no longer.
    ///
    /// # Errors
    /// [`Error::NotFound`] for a session, or if its tickets are not let in.
    pub async fn honour_no_more(
        &self,
        organizer: OrganizerId,
        event: String,
        session: String,
        tickets_of: String,
    ) -> Result<()> {
        self.order(organizer, event, session, move |txn, session, now| {
            let other: Loaded<Session> = things::find(txn, session.event.as_bytes(), &tickets_of)?;
            let mut held = said(txn, session.id)?.into_iter();
            let held = held.find(|held| held.tickets_of == other.value.id && held.until > now);
            let Some(held) = held else {
                return Err(Error::NotFound("honoured session"));
            };
            let honour = Honour {
                from: held.from.min(now),
                until: now,
                ..held
            };
            remember(txn, &honour, now)?;
            Ok(Said::from(vec![Body::Honour(honour)]))
        })
        .await
    }
}
