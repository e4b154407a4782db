//! What a gate needs for a session beside its tickets.

use super::counts::Counts;
use crate::service::error::{Error, Result};
use crate::service::orders::{honours, notices};
use crate::service::organizers::StoredOrganizer;
use crate::service::{channels, epoch, sessions, things, times, types};
use crate::storage::Transaction;
use usher_domain::api::venue::{Event, Gate, Session, Zone};
use usher_domain::ids::{OrganizerId, SessionId};
use usher_domain::rules::NOT_ALLOWED;
use usher_domain::session::{
    Authority, GateName, PretixDate, PretixTerms, SessionSummary, SessionTerms, Slugs, TypeName,
    ZoneName,
};

/// Sessions of other events that are this near are told to gates, and those of the same event at any distance,
/// so that a wrong session can be told the right one, also where tickets were moved by a week.
const NEAR_MS: i64 = 3 * 24 * 3_600_000;
/// Other sessions told at most, the nearest first.
const OTHERS_MAX: usize = 64;

/// The terms of a session.
pub(crate) fn of_session(
    txn: &dyn Transaction,
    organizer: OrganizerId,
    id: SessionId,
    counts: &Counts,
) -> Result<SessionTerms> {
    let session = sessions::of_id(txn, organizer, id)?.value;
    let event = things::get_of::<Event>(txn, organizer, session.event.as_bytes())?.value;
    let types = types::of_event(txn, event.id)?;
    let rules = types::rules_for_gates(&session, &types);
    let mut types: Vec<TypeName> = types
        .into_iter()
        .map(|kind| TypeName {
            number: kind.value.number,
            name: kind.value.name,
        })
        .collect();
    types.sort_by_key(|kind| kind.number);
    Ok(SessionTerms {
        organizer,
        event: event.id,
        event_name: event.name,
        session: summary(txn, &session)?,
        scope: session.scope,
        time_zone: event.time_zone,
        rules,
        types,
        zones: all::<Zone, _>(txn, organizer.as_bytes(), |zone| ZoneName {
            id: zone.id,
            name: zone.name,
        })?,
        gates: all::<Gate, _>(txn, organizer.as_bytes(), |gate| GateName {
            id: gate.id,
            name: gate.name,
            // One that was retired is named where it was recorded, and leads nobody anywhere.
            zone: if gate.retired {
                Some(NOT_ALLOWED)
            } else {
                gate.zone
            },
        })?,
        others: others(txn, organizer, &session)?,
        pretix: pretix(txn, &session)?,
        channels: channels::names(txn, event.id)?,
        counts: counts.channels.clone(),
        authority: Some(authority(txn, organizer)?),
        notices: Some(notices::of_session(txn, id)?).filter(|notices| !notices.is_empty()),
        slugs: Some(Slugs {
            event: event.slug,
            session: session.slug,
        }),
    })
}

/// Who confirms claims of the organizer's scopes: this server, under the id of its own log. Its term rises
/// with the epoch, for a restored server knows less than it confirmed.
fn authority(txn: &dyn Transaction, organizer: OrganizerId) -> Result<Authority> {
    let organizer = things::get::<StoredOrganizer>(txn, organizer.as_bytes())?;
    Ok(Authority {
        server: organizer.value.server,
        term: epoch(txn)?,
    })
}

/// Dates of a series told at most, the nearest first.
const DATES_MAX: usize = 64;

/// What gates need to judge the event's pretix secrets, with the sessions called as they are called now.
fn pretix(txn: &dyn Transaction, session: &Session) -> Result<Option<PretixTerms>> {
    let Some(mut terms) = channels::pretix(txn, session.event)? else {
        return Ok(None);
    };
    let Some(dates) = terms.dates.take().filter(|dates| !dates.is_empty()) else {
        return Ok(Some(terms));
    };
    let sessions = things::all::<Session>(txn, session.event.as_bytes())?;
    let of = |date: &PretixDate| {
        let mut sessions = sessions.iter().map(|other| &other.value);
        sessions.find(|other| other.id == date.session)
    };
    let mut near: Vec<(i64, PretixDate)> = dates
        .into_iter()
        .filter_map(|date| {
            let other = of(&date)?;
            let name = other.name.clone();
            Some((distance(session, other), PretixDate { name, ..date }))
        })
        .collect();
    // Whose date this session is must be told, also beside another one of the same time.
    near.sort_by_key(|(distance, date)| (date.session != session.id, *distance, date.subevent));
    near.truncate(DATES_MAX);
    let mut near: Vec<PretixDate> = near.into_iter().map(|(_, date)| date).collect();
    near.sort_by_key(|date| date.subevent);
    terms.dates = Some(near);
    Ok(Some(terms))
}

/// How far two sessions are from each other, in milliseconds.
fn distance(one: &Session, other: &Session) -> i64 {
    let between = other.doors.as_millisecond() - one.doors.as_millisecond();
    between.saturating_abs()
}

fn all<T: things::Thing, R>(
    txn: &dyn Transaction,
    parent: &[u8; 16],
    name: impl Fn(T) -> R,
) -> Result<Vec<R>> {
    let all = things::all::<T>(txn, parent)?;
    Ok(all.into_iter().map(|thing| name(thing.value)).collect())
}

fn others(
    txn: &dyn Transaction,
    organizer: OrganizerId,
    session: &Session,
) -> Result<Vec<SessionSummary>> {
    let distance = |other: &Session| distance(session, other);
    let mut near: Vec<_> = sessions::of_organizer(txn, organizer)?
        .into_iter()
        .map(|other| other.value)
        .filter(|other| !other.retired && other.id != session.id)
        .filter(|other| other.event == session.event || distance(other) <= NEAR_MS)
        .collect();
    near.sort_by_key(|other| (distance(other), other.id));
    near.truncate(OTHERS_MAX);
    // Whose tickets are let in must be known, however far it is.
    for honoured in honours::honoured_by(txn, session.id)? {
        if !near.iter().any(|other| other.id == honoured) {
            near.push(sessions::of_id(txn, organizer, honoured)?.value);
        }
    }
    near.iter().map(|other| summary(txn, other)).collect()
}

fn summary(txn: &dyn Transaction, session: &Session) -> Result<SessionSummary> {
    let millis =
        |moment| times::unix_millis(moment).ok_or(Error::Internal("a stored time is before 1970"));
    let mut accepts = vec![session.access];
    accepts.extend(
        types::of_event(txn, session.event)?
            .into_iter()
            .filter(|kind| kind.value.sessions.contains(&session.id))
            .filter_map(|kind| kind.value.access),
    );
    accepts.sort_unstable();
    Ok(SessionSummary {
        id: session.id,
        name: session.name.clone(),
        doors: millis(session.doors)?,
        starts: millis(session.starts)?,
        ends: millis(session.ends)?,
        accepts,
        event: session.event,
    })
}
