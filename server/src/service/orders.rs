//! What a person says to all gates of a session: rulings on records, everyone out, free flow, notices,
//! tickets of other sessions. Each is a record of the server's own log, so that all come to the same result
//! and the trail tells of it.

pub(crate) mod delays;
mod free_flow;
pub(crate) mod honours;
mod list;
pub(crate) mod notices;

use super::error::{Error, Result};
use super::organizers::StoredOrganizer;
use super::records::lines::ground_lines;
use super::records::{arrivals, cuts};
use super::statistics::find_session;
use super::{Service, claims, places, server_log, things, times};
use crate::storage::Transaction;
use jiff::Timestamp;
use usher_domain::api::reports::{NewEveryoneOut, NewOutTakenBack, NewRulings};
use usher_domain::hash::Hash;
use usher_domain::ids::{OrganizerId, ScopeId, ZoneId};
use usher_domain::log::Line;
use usher_domain::record::{Body, EveryoneOut, OutTakenBack, Ruling, RulingWord};
use usher_domain::time::UnixMillis;

/// Records that one request may rule on.
const RULINGS_MAX: usize = 1_000;

fn read_hash(text: &str) -> Result<Hash> {
    text.parse()
        .map_err(|_| Error::invalid("records", "a record is named by 64 hexadecimal digits"))
}

fn rulings(
    txn: &mut dyn Transaction,
    (organizer, scope): (OrganizerId, ScopeId),
    new: &NewRulings,
    now: UnixMillis,
) -> Result<Vec<Body>> {
    if !(1..=RULINGS_MAX).contains(&new.records.len()) {
        let why = format!("1 to {RULINGS_MAX} records");
        return Err(Error::invalid("records", why));
    }
    new.records
        .iter()
        .map(|text| {
            let of = read_hash(text)?;
            let stored = txn.record(scope, &of)?.ok_or(Error::NotFound("record"))?;
            let word = new.word;
            // What counts from now on ended its attempt.
            if word == RulingWord::Accept
                && let Ok(line) = Line::read(&stored.bytes)
            {
                let record = std::iter::once((&line.record, line.hash));
                let because = claims::Because::Accepted;
                claims::end_by(txn, (organizer, scope), record, because, now)?;
            }
            Ok(Body::Ruling(Ruling { of, word }))
        })
        .collect()
}

/// A time of a request, or now.
fn moment(field: &'static str, moment: Option<Timestamp>, now: UnixMillis) -> Result<UnixMillis> {
    match moment {
        None => Ok(now),
        Some(moment) => {
            times::unix_millis(moment).ok_or_else(|| Error::invalid(field, "before 1970"))
        }
    }
}

/// The zone that an order to send people out is for; none for the whole venue. It names one of both, so that
/// the whole venue is never emptied by leaving something out.
fn part(
    txn: &dyn Transaction,
    organizer: OrganizerId,
    named: (bool, Option<&str>),
) -> Result<Option<ZoneId>> {
    match named {
        (true, None) => Ok(None),
        (false, Some(zone)) => places::find_zone(txn, organizer, zone).map(Some),
        (true, Some(_)) | (false, None) => Err(Error::invalid(
            "everyone",
            "say true for the whole venue, or leave it out and name a zone",
        )),
    }
}

/// What an order writes down.
pub(crate) struct Said {
    /// The scope that the session is in by now, where the order changed it.
    scope: Option<ScopeId>,
    bodies: Vec<Body>,
}

impl From<Vec<Body>> for Said {
    fn from(bodies: Vec<Body>) -> Self {
        Self {
            scope: None,
            bodies,
        }
    }
}

/// Orders to send everyone out that follow each other within this are one that somebody gave twice.
const PRESSED_TWICE_MS: i64 = 60_000;

impl Service {
    /// Changes something, says so in the server's log of a session's scope, and interprets it. What it
    /// changes is sealed.
    async fn order(
        &self,
        organizer: OrganizerId,
        event: String,
        session: String,
        change: impl FnOnce(
            &mut dyn Transaction,
            &usher_domain::api::venue::Session,
            UnixMillis,
        ) -> Result<Said>
        + Send
        + 'static,
    ) -> Result<()> {
        let scope = self
            .write(move |txn, now| {
                let (_, session) = find_session(txn, organizer, &event, &session)?;
                let said = change(txn, &session, now)?;
                let scope = said.scope.unwrap_or(session.scope);
                server_log::append(txn, organizer, scope, said.bodies, now)?;
                Ok(scope)
            })
            .await?;
        self.interpret(organizer, scope).await
    }

    /// Says something in the server's log of a session's scope, and interprets it.
    async fn say(
        &self,
        organizer: OrganizerId,
        event: String,
        session: String,
        bodies: impl FnOnce(
            &mut dyn Transaction,
            &usher_domain::api::venue::Session,
            UnixMillis,
        ) -> Result<Vec<Body>>
        + Send
        + 'static,
    ) -> Result<()> {
        let scope = self
            .write_quietly(move |txn, now| {
                let (_, session) = find_session(txn, organizer, &event, &session)?;
                let bodies = bodies(txn, &session, now)?;
                server_log::append(txn, organizer, session.scope, bodies, now)?;
                Ok(session.scope)
            })
            .await?;
        self.interpret(organizer, scope).await
    }

    /// Says of records of a session's scope whether they count; the last word on a record counts.
    ///
    /// # Errors
    /// [`Error::NotFound`] for a record, [`Error::Invalid`].
    pub async fn rule(
        &self,
        organizer: OrganizerId,
        event: String,
        session: String,
        new: NewRulings,
    ) -> Result<()> {
        self.say(organizer, event, session, move |txn, session, now| {
            rulings(txn, (organizer, session.scope), &new, now)
        })
        .await
    }

    /// Says that everyone was sent out of a session or a zone: each may re-enter once.
    ///
    /// # Errors
    /// [`Error::NotFound`] for session or zone, [`Error::Invalid`] for a time to come.
    pub async fn everyone_out(
        &self,
        organizer: OrganizerId,
        event: String,
        session: String,
        new: NewEveryoneOut,
    ) -> Result<()> {
        self.say(organizer, event, session, move |txn, session, now| {
            let at = moment("at", new.at, now)?;
            if at > now {
                return Err(Error::invalid("at", "is still to come"));
            }
            let zone = part(txn, organizer, (new.everyone, new.zone.as_deref()))?;
            arrivals::before_everyone_out(txn, organizer, session.scope, at, now)?;
            Ok(vec![Body::EveryoneOut(EveryoneOut {
                session: session.id,
                zone,
                at,
            })])
        })
        .await
    }

    /// Takes back the last order to send everyone out of a session or a zone, with those of the minute before it:
    /// who pressed twice meant one. Who was sent out by them alone and has not come back is inside again.
    ///
    /// # Errors
    /// [`Error::NotFound`] for session or zone, or if no such order holds; [`Error::Invalid`].
    pub async fn take_everyone_out_back(
        &self,
        organizer: OrganizerId,
        event: String,
        session: String,
        new: NewOutTakenBack,
    ) -> Result<()> {
        self.say(organizer, event, session, move |txn, session, now| {
            let zone = part(txn, organizer, (new.everyone, new.zone.as_deref()))?;
            let server = things::get::<StoredOrganizer>(txn, organizer.as_bytes())?;
            let lines = ground_lines(txn, session.scope)?;
            let ground = cuts::ground_of_all(txn, session.scope, server.value.server, &lines)?;
            let mut held = ground.outs_in_force(session.id, now);
            held.retain(|(_, out)| out.zone == zone);
            let (_, last) = held
                .last()
                .ok_or(Error::NotFound("order to send everyone out"))?;
            let from = last.at.shifted(-PRESSED_TWICE_MS);
            held.retain(|(_, out)| out.at >= from);
            // Who came back under a stamp that is ahead came back before.
            arrivals::before_everyone_out(txn, organizer, session.scope, now, now)?;
            let taken = held.into_iter();
            Ok(taken
                .map(|(of, _)| Body::OutTakenBack(OutTakenBack { of, at: now }))
                .collect())
        })
        .await
    }
}
