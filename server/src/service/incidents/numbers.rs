//! Short numbers of incidents, the notes of people about them, and those that were closed.
//!
//! An incident gets the organizer's next number when it is first raised, and keeps it: "incident 7" is the same
//! thing for ever, also when it comes back after it was closed.

use super::{closed_place, naming::Naming, shown};
use crate::service::error::{Error, Result};
use crate::service::{next_number, things};
use crate::storage::{Space, Transaction};
use usher_domain::api::Page;
use usher_domain::api::reports::{Incident, IncidentNote, NewIncidentNote};
use usher_domain::ids::OrganizerId;
use usher_domain::time::UnixMillis;

/// Bytes of a note at most.
const NOTE_BYTES_MAX: usize = 300;
/// Notes about one incident at most.
const NOTES_MAX: usize = 100;
/// Numbers that one page of closed incidents looks at.
const LOOKED_AT_MAX: u32 = 1_000;

/// The organizer's series of numbers.
fn series(organizer: OrganizerId) -> Vec<u8> {
    [b"incident ".as_slice(), organizer.as_bytes()].concat()
}

fn place(organizer: OrganizerId, number: u32) -> Vec<u8> {
    [organizer.as_bytes().as_slice(), &number.to_be_bytes()].concat()
}

fn known(txn: &dyn Transaction, organizer: OrganizerId, id: &str) -> Result<Option<u32>> {
    let stored = txn.value(Space::IncidentNumber, &closed_place(organizer, id))?;
    Ok(stored
        .and_then(|bytes| <[u8; 4]>::try_from(bytes.as_slice()).ok())
        .map(u32::from_be_bytes))
}

/// The number of an incident, a new one if it has none yet.
pub(super) fn of(
    txn: &mut dyn Transaction,
    organizer: OrganizerId,
    id: &str,
    now: UnixMillis,
) -> Result<u32> {
    if let Some(number) = known(txn, organizer, id)? {
        return Ok(number);
    }
    let number = next_number(txn, &series(organizer), now)?;
    let of_id = closed_place(organizer, id);
    txn.put_value(Space::IncidentNumber, &of_id, &number.to_be_bytes(), now)?;
    let of_number = place(organizer, number);
    txn.put_value(Space::NumberedIncident, &of_number, id.as_bytes(), now)?;
    Ok(number)
}

/// The id of the incident that a path names, by number or id.
pub(super) fn id_of(txn: &dyn Transaction, organizer: OrganizerId, name: &str) -> Result<String> {
    let Ok(number) = name.parse::<u32>() else {
        return Ok(name.to_owned());
    };
    id_of_number(txn, organizer, number)?.ok_or(Error::NotFound("incident"))
}

fn id_of_number(
    txn: &dyn Transaction,
    organizer: OrganizerId,
    number: u32,
) -> Result<Option<String>> {
    let stored = txn.value(Space::NumberedIncident, &place(organizer, number))?;
    Ok(stored.and_then(|bytes| String::from_utf8(bytes).ok()))
}

/// Keeps an incident as it was when a person closed it.
pub(super) fn keep_closed(
    txn: &mut dyn Transaction,
    organizer: OrganizerId,
    incident: Incident,
    now: UnixMillis,
) -> Result<()> {
    let incident = Incident {
        number: of(txn, organizer, &incident.id, now)?,
        closed_at: Some(shown(now)),
        ..incident
    };
    let body = serde_json::to_vec(&incident)
        .map_err(|_| Error::Internal("an incident cannot be written"))?;
    let place = closed_place(organizer, &incident.id);
    txn.put_value(Space::ClosedIncidentBody, &place, &body, now)?;
    Ok(())
}

/// Forgets how an incident was when it was closed: it came back.
pub(super) fn came_back(
    txn: &mut dyn Transaction,
    organizer: OrganizerId,
    id: &str,
    now: UnixMillis,
) -> Result<()> {
    let place = closed_place(organizer, id);
    txn.put_value(Space::ClosedIncidentBody, &place, &[], now)?;
    Ok(())
}

/// The incident of an id as it was closed, if it did not come back.
fn closed_one(txn: &dyn Transaction, organizer: OrganizerId, id: &str) -> Result<Option<Incident>> {
    let body = txn.value(Space::ClosedIncidentBody, &closed_place(organizer, id))?;
    body.filter(|body| !body.is_empty())
        .map(|body| serde_json::from_slice(&body))
        .transpose()
        .map_err(|_| Error::Internal("a closed incident is not readable"))
}

/// A page of closed incidents, the highest number first.
pub(super) fn closed(
    txn: &dyn Transaction,
    organizer: OrganizerId,
    after: Option<&str>,
    limit: u32,
) -> Result<Page<Incident>> {
    let last = txn.value(Space::Counter, &series(organizer))?;
    let last = last.and_then(|bytes| <[u8; 4]>::try_from(bytes.as_slice()).ok());
    let last = last.map_or(0, u32::from_be_bytes);
    let first = match after {
        None => last,
        Some(text) => {
            let after: u32 = text
                .parse()
                .map_err(|_| Error::invalid("after", "not the end of a page"))?;
            last.min(after.saturating_sub(1))
        }
    };
    let mut naming = Naming::default();
    let mut items = Vec::new();
    let mut number = first;
    while number > 0 && items.len() < limit as usize && first - number < LOOKED_AT_MAX {
        if let Some(id) = id_of_number(txn, organizer, number)?
            && let Some(mut incident) = closed_one(txn, organizer, &id)?
        {
            naming.complete(txn, organizer, &mut incident)?;
            items.push(incident);
        }
        number -= 1;
    }
    let next = (number > 0).then(|| number.saturating_add(1).to_string());
    Ok(Page { items, next })
}

/// What people wrote down about an incident.
pub(super) fn notes(
    txn: &dyn Transaction,
    organizer: OrganizerId,
    id: &str,
) -> Result<Vec<IncidentNote>> {
    let stored = txn.value(Space::IncidentNotes, &closed_place(organizer, id))?;
    stored.map_or(Ok(Vec::new()), |bytes| {
        serde_json::from_slice(&bytes)
            .map_err(|_| Error::Internal("the notes of an incident are not readable"))
    })
}

/// Writes something down about an incident.
pub(super) fn note(
    txn: &mut dyn Transaction,
    organizer: OrganizerId,
    (name, by): (&str, String),
    new: NewIncidentNote,
    now: UnixMillis,
) -> Result<()> {
    things::check_text("text", &new.text, NOTE_BYTES_MAX)?;
    let id = id_of(txn, organizer, name)?;
    let is_open = txn.incident(organizer, &id)?.is_some();
    if !is_open && known(txn, organizer, &id)?.is_none() {
        return Err(Error::NotFound("incident"));
    }
    let mut all = notes(txn, organizer, &id)?;
    let note = IncidentNote {
        at: shown(now),
        by,
        text: new.text,
    };
    // The answer to an earlier call may have been lost.
    let is_repeated = all
        .last()
        .is_some_and(|last| (&last.by, &last.text) == (&note.by, &note.text));
    if is_repeated {
        return Ok(());
    }
    if all.len() >= NOTES_MAX {
        return Err(Error::Full("notes of this incident"));
    }
    all.push(note);
    let body = serde_json::to_vec(&all).map_err(|_| Error::Internal("notes cannot be written"))?;
    let place = closed_place(organizer, &id);
    txn.put_value(Space::IncidentNotes, &place, &body, now)?;
    Ok(())
}
