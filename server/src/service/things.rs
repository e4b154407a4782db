//! Configured things as typed values: finding, listing, and names that fit into paths.

use super::error::{Error, Result};
use crate::keys;
use crate::storage::{Belonging, Entity, Id, Kind, Transaction};
use serde::Serialize;
use serde::de::DeserializeOwned;
use usher_domain::ids::{OrganizerId, TicketId};

/// Bytes of the longest name for people.
pub const NAME_BYTES_MAX: usize = 200;
/// Characters of the longest name for paths.
pub const SLUG_CHARS_MAX: usize = 40;
/// Names in a sentence at most.
const LISTED_MAX: usize = 5;
/// Things on a page of a list at most.
pub const PAGE_MAX: u32 = 1_000;

/// A value that is stored as a thing.
pub(crate) trait Thing: Serialize + DeserializeOwned {
    /// What it is.
    const KIND: Kind;
    /// What it is called in errors.
    const WORD: &'static str;

    /// Its name for paths, if it has one. What was retired has given it back.
    fn slug(&self) -> Option<&str>;

    /// Whether it was retired.
    fn is_retired(&self) -> bool {
        false
    }
}

/// A stored value with its place.
#[derive(Debug, Clone)]
pub(crate) struct Loaded<T> {
    pub(crate) id: Id,
    pub(crate) parent: Id,
    pub(crate) value: T,
}

fn decode<T: Thing>(entity: &Entity) -> Result<Loaded<T>> {
    let value = serde_json::from_slice(&entity.body)
        .map_err(|_| Error::Internal("a stored thing is not readable"))?;
    Ok(Loaded {
        id: entity.id,
        parent: entity.parent,
        value,
    })
}

/// The thing of this id.
pub(crate) fn get<T: Thing>(txn: &dyn Transaction, id: &Id) -> Result<Loaded<T>> {
    let entity = txn.entity(T::KIND, id)?.ok_or(Error::NotFound(T::WORD))?;
    decode(&entity)
}

/// The thing of this id, if it is this organizer's. What one organizer's things, rows or requests name is
/// read by this and nothing else: whose a thing is, is judged here for every service.
pub(crate) fn get_of<T: Thing>(
    txn: &dyn Transaction,
    organizer: OrganizerId,
    id: &Id,
) -> Result<Loaded<T>> {
    let thing = get::<T>(txn, id)?;
    if owner(txn, T::KIND, id, &thing.parent)? == Some(organizer) {
        Ok(thing)
    } else {
        Err(Error::NotFound(T::WORD))
    }
}

/// Whose a thing is; nobody's where what it belongs to is gone.
fn owner(txn: &dyn Transaction, kind: Kind, id: &Id, parent: &Id) -> Result<Option<OrganizerId>> {
    let organizer = match kind {
        Kind::Organizer => Some(*id),
        Kind::Event
        | Kind::Zone
        | Kind::Gate
        | Kind::Token
        | Kind::Enrollment
        | Kind::Device
        | Kind::Staff => Some(*parent),
        Kind::Session | Kind::TicketType => {
            txn.entity(Kind::Event, parent)?.map(|event| event.parent)
        }
    };
    Ok(organizer.map(OrganizerId::from_bytes))
}

/// Checks that an id is free, or names a thing of this kind in this parent: one that comes from outside
/// may bear the id of anything.
pub(crate) fn check_free<T: Thing>(txn: &dyn Transaction, parent: &Id, id: &Id) -> Result<()> {
    let own = Belonging {
        kind: T::KIND as u8,
        parent: *parent,
    };
    match txn.belonging(id)? {
        Some(held) if held != own => Err(Error::NotFound(T::WORD)),
        Some(_) | None => Ok(()),
    }
}

/// The thing that a path names, by id or by slug, in its parent.
pub(crate) fn find<T: Thing>(txn: &dyn Transaction, parent: &Id, name: &str) -> Result<Loaded<T>> {
    find_maybe(txn, parent, name)?.ok_or(Error::NotFound(T::WORD))
}

/// The same, of which something new may be said: a thing that was retired is not.
pub(crate) fn find_current<T: Thing>(
    txn: &dyn Transaction,
    parent: &Id,
    name: &str,
) -> Result<Loaded<T>> {
    let thing = find::<T>(txn, parent, name)?;
    if thing.value.is_retired() {
        return Err(Error::InUse(format!("this {} was retired", T::WORD)));
    }
    Ok(thing)
}

fn find_maybe<T: Thing>(
    txn: &dyn Transaction,
    parent: &Id,
    name: &str,
) -> Result<Option<Loaded<T>>> {
    if let Some(id) = parse_id(name)
        && let Some(entity) = txn.entity(T::KIND, &id)?
        && entity.parent == *parent
    {
        return decode(&entity).map(Some);
    }
    named(txn, parent, name)
}

/// The thing of this slug in its parent.
pub(crate) fn named<T: Thing>(
    txn: &dyn Transaction,
    parent: &Id,
    slug: &str,
) -> Result<Option<Loaded<T>>> {
    txn.entity_named(T::KIND, parent, slug)?
        .map(|entity| decode(&entity))
        .transpose()
}

/// All things of a parent, by id. For kinds of which a parent has some hundreds.
pub(crate) fn all<T: Thing>(txn: &dyn Transaction, parent: &Id) -> Result<Vec<Loaded<T>>> {
    let mut found: Vec<Loaded<T>> = Vec::new();
    loop {
        let after = found.last().map(|thing| thing.id);
        let page = txn.entities(T::KIND, parent, after.as_ref(), PAGE_MAX)?;
        for entity in &page {
            found.push(decode(entity)?);
        }
        if page.len() < PAGE_MAX as usize {
            return Ok(found);
        }
    }
}

/// The things of a parent that were not retired, by id.
pub(crate) fn current<T: Thing>(txn: &dyn Transaction, parent: &Id) -> Result<Vec<Loaded<T>>> {
    let mut all = all::<T>(txn, parent)?;
    all.retain(|thing| !thing.value.is_retired());
    Ok(all)
}

/// Checks a new short name of a thing, which no other one of its kind may have in its parent.
pub(crate) fn check_new_slug<T: Thing>(
    txn: &dyn Transaction,
    thing: &Loaded<T>,
    slug: &str,
) -> Result<()> {
    check_slug(slug)?;
    match named::<T>(txn, &thing.parent, slug)? {
        Some(other) if other.id != thing.id => Err(Error::slug_taken(T::WORD)),
        Some(_) | None => Ok(()),
    }
}

/// Stores a thing.
pub(crate) fn put<T: Thing>(txn: &mut dyn Transaction, thing: &Loaded<T>) -> Result<()> {
    let body = serde_json::to_vec(&thing.value)
        .map_err(|_| Error::Internal("a thing cannot be written"))?;
    txn.put_entity(&Entity {
        kind: T::KIND,
        id: thing.id,
        parent: thing.parent,
        slug: thing.value.slug().map(str::to_owned),
        body,
    })?;
    Ok(())
}

/// Names in a sentence: the first of them, and how many more there are.
pub(crate) fn listed(names: &[&str]) -> String {
    let mut shown: Vec<&str> = names.iter().take(LISTED_MAX).copied().collect();
    shown.sort_unstable();
    let more = names.len() - shown.len();
    match more {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

/// A new thing's id.
pub(crate) fn new_id() -> Result<Id> {
    Ok(keys::random()?)
}

/// The bytes of a written id of any kind.
pub(crate) fn parse_id(text: &str) -> Option<Id> {
    text.parse::<TicketId>().ok().map(|id| *id.as_bytes())
}

/// Checks a name for paths: 1 to 40 of a–z, 0–9 and `-`.
pub(crate) fn check_slug(slug: &str) -> Result<()> {
    let fits = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'-';
    if (1..=SLUG_CHARS_MAX).contains(&slug.len()) && slug.bytes().all(fits) {
        Ok(())
    } else {
        Err(Error::invalid(
            "slug",
            format!("1 to {SLUG_CHARS_MAX} characters out of a-z, 0-9 and -"),
        ))
    }
}

/// Checks a text for people: not empty, bounded, without control characters.
pub(crate) fn check_text(field: &'static str, text: &str, most: usize) -> Result<()> {
    if text.trim().is_empty() {
        Err(Error::invalid(field, "must not be empty"))
    } else if text.len() > most {
        Err(Error::invalid(field, format!("{most} bytes at most")))
    } else if text.chars().any(char::is_control) {
        Err(Error::invalid(field, "without control characters"))
    } else {
        Ok(())
    }
}

/// Checks slug and name of a new thing.
pub(crate) fn check_names(slug: &str, name: &str) -> Result<()> {
    check_slug(slug)?;
    check_text("name", name, NAME_BYTES_MAX)
}
