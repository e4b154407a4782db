//! Ticket types. One with sessions is a kind of pass.

use super::error::{Error, Result};
use super::sessions::{mark_sets, next_access};
use super::things::{self, Loaded, NAME_BYTES_MAX, Thing, check_names, check_text};
use super::{Service, events, next_number, rules, scopes, server_log, tickets};
use crate::storage::{Kind, Transaction};
use usher_domain::api::venue::{Event, NamesChange, NewType, Session, TicketType};
use usher_domain::ids::{EventId, OrganizerId, SessionId};
use usher_domain::numbers::TypeNumber;
use usher_domain::rules::Rules;
use usher_domain::time::UnixMillis;

impl Thing for TicketType {
    const KIND: Kind = Kind::TicketType;
    const WORD: &'static str = "ticket type";

    fn slug(&self) -> Option<&str> {
        (!self.retired).then_some(&self.slug)
    }

    fn is_retired(&self) -> bool {
        self.retired
    }
}

/// All types of an event.
pub(crate) fn of_event(txn: &dyn Transaction, event: EventId) -> Result<Vec<Loaded<TicketType>>> {
    things::all(txn, event.as_bytes())
}

/// The type of this number.
pub(crate) fn of_number(
    txn: &dyn Transaction,
    event: EventId,
    number: TypeNumber,
) -> Result<TicketType> {
    of_event(txn, event)?
        .into_iter()
        .map(|loaded| loaded.value)
        .find(|kind| kind.number == number)
        .ok_or(Error::NotFound(TicketType::WORD))
}

fn pass_sessions(
    txn: &dyn Transaction,
    event: EventId,
    names: &[String],
) -> Result<Vec<Loaded<Session>>> {
    let mut sessions = names
        .iter()
        .map(|name| things::find_current::<Session>(txn, event.as_bytes(), name))
        .collect::<Result<Vec<_>>>()?;
    sessions.sort_by_key(|session| session.id);
    sessions.dedup_by_key(|session| session.id);
    Ok(sessions)
}

/// Creates a type in an event, or answers with the same one that is there.
pub(crate) fn create_in(
    txn: &mut dyn Transaction,
    organizer: OrganizerId,
    event: &Event,
    new: NewType,
    now: UnixMillis,
) -> Result<TicketType> {
    check_names(&new.slug, &new.name)?;
    let sessions = pass_sessions(txn, event.id, &new.sessions)?;
    let ids: Vec<SessionId> = sessions.iter().map(|session| session.value.id).collect();
    if let Some(there) = things::named::<TicketType>(txn, event.id.as_bytes(), &new.slug)? {
        let same = there.value.name == new.name && there.value.sessions == ids;
        return if same {
            Ok(there.value)
        } else {
            Err(Error::slug_taken(TicketType::WORD))
        };
    }
    let series = [b"type ".as_slice(), event.id.as_bytes()].concat();
    let number = u16::try_from(next_number(txn, &series, now)?)
        .map_err(|_| Error::Conflict("the event has used up its type numbers"))?;
    let access = if ids.is_empty() {
        None
    } else {
        scopes::join(txn, organizer, sessions, now)?;
        Some(next_access(txn, organizer, now)?)
    };
    let kind = Loaded {
        id: things::new_id()?,
        parent: *event.id.as_bytes(),
        value: TicketType {
            number: TypeNumber::new(number),
            slug: new.slug,
            name: new.name,
            sessions: ids,
            access,
            restricted: false,
            retired: false,
        },
    };
    things::put(txn, &kind)?;
    mark_sets(txn, organizer, now)?;
    Ok(kind.value)
}

/// Has a type that came with a list open no zone, where rules name zones, until somebody allows it.
pub(crate) fn restrict(
    txn: &mut dyn Transaction,
    event: EventId,
    kind: &TicketType,
) -> Result<TicketType> {
    set_restricted(txn, event, &kind.slug, true)
}

fn set_restricted(
    txn: &mut dyn Transaction,
    event: EventId,
    name: &str,
    restricted: bool,
) -> Result<TicketType> {
    let mut kind = things::find_current::<TicketType>(txn, event.as_bytes(), name)?;
    if kind.value.restricted != restricted {
        kind.value.restricted = restricted;
        things::put(txn, &kind)?;
    }
    Ok(kind.value)
}

/// The rules of a session as its gates get them: types that nobody allowed yet open no zone.
pub(crate) fn rules_for_gates(session: &Session, types: &[Loaded<TicketType>]) -> Rules {
    let mut rules = session.rules.clone();
    for number in not_allowed(session, types) {
        rules.restrict(number);
    }
    rules
}

/// The types of a session that open no zone because nobody allowed them yet.
pub(crate) fn not_allowed<'a>(
    session: &'a Session,
    types: &'a [Loaded<TicketType>],
) -> impl Iterator<Item = TypeNumber> + 'a {
    let rules = &session.rules;
    let restricted = types.iter().filter(|kind| kind.value.restricted);
    let restricted = restricted.filter(|kind| {
        let sessions = &kind.value.sessions;
        sessions.is_empty() || sessions.contains(&session.id)
    });
    restricted
        .map(|kind| kind.value.number)
        .filter(|number| rules.name_zones() && !rules.name_zones_of(*number))
}

fn change(
    txn: &mut dyn Transaction,
    organizer: OrganizerId,
    event: &str,
    kind: &str,
    change: NamesChange,
    now: UnixMillis,
) -> Result<TicketType> {
    let event = events::find(txn, organizer, event)?;
    let mut kind: Loaded<TicketType> = things::find_current(txn, &event.id, kind)?;
    if let Some(slug) = change.slug {
        things::check_new_slug(txn, &kind, &slug)?;
        kind.value.slug = slug;
    }
    if let Some(name) = change.name {
        check_text("name", &name, NAME_BYTES_MAX)?;
        kind.value.name = name;
    }
    things::put(txn, &kind)?;
    mark_sets(txn, organizer, now)?;
    Ok(kind.value)
}

/// How many tickets of an event are of a type, whatever their state.
fn tickets_of(txn: &dyn Transaction, event: EventId, number: TypeNumber) -> Result<u64> {
    let mut count = 0;
    let mut after = None;
    loop {
        let page = tickets::stored::page(txn, event, after, things::PAGE_MAX)?;
        after = page.last().map(|ticket| ticket.id);
        let is_last = page.len() < things::PAGE_MAX as usize;
        let of_type = page
            .iter()
            .filter(|ticket| ticket.body.type_number == number);
        count += of_type.count() as u64;
        if is_last {
            return Ok(count);
        }
    }
}

/// Takes a type away, and what rules say of it.
fn retire(
    txn: &mut dyn Transaction,
    organizer: OrganizerId,
    mut kind: Loaded<TicketType>,
    now: UnixMillis,
) -> Result<TicketType> {
    let number = kind.value.number;
    for mut session in things::all::<Session>(txn, &kind.parent)? {
        if session.value.rules.for_type(number).is_none() {
            continue;
        }
        let before = session.value.rules.clone();
        let value = &mut session.value;
        value.rules.types.retain(|rule| rule.number != number);
        value.revision = value.revision.saturating_add(1);
        let records = rules::records(value.id, &before, &value.rules);
        let scope = value.scope;
        things::put(txn, &session)?;
        server_log::append(txn, organizer, scope, records, now)?;
    }
    kind.value.retired = true;
    things::put(txn, &kind)?;
    mark_sets(txn, organizer, now)?;
    Ok(kind.value)
}

impl Service {
    /// Changes what a ticket type is called.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::AlreadyExists`], [`Error::Invalid`], [`Error::InUse`] if it was retired.
    pub async fn change_type(
        &self,
        organizer: OrganizerId,
        event: String,
        kind: String,
        what: NamesChange,
    ) -> Result<TicketType> {
        self.write(move |txn, now| change(txn, organizer, &event, &kind, what, now))
            .await
    }

    /// Retires a ticket type of which there is no ticket, with what rules say of it; again changes nothing.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::InUse`].
    pub async fn retire_type(
        &self,
        organizer: OrganizerId,
        event: String,
        kind: String,
    ) -> Result<TicketType> {
        // An event may have very many tickets, and nobody's scan waits until they are counted. A ticket
        // created meanwhile stays valid: nothing at a gate asks whether its type was retired.
        let (kind, left) = self
            .read(move |txn| {
                let event = events::find(txn, organizer, &event)?.value;
                let kind: Loaded<TicketType> = things::find(txn, event.id.as_bytes(), &kind)?;
                let left = tickets_of(txn, event.id, kind.value.number)?;
                Ok((kind, left))
            })
            .await?;
        if kind.value.retired {
            return Ok(kind.value);
        }
        if left > 0 {
            return Err(Error::InUse(format!(
                "{left} tickets are of this type: give them another one by a newer list, or by usher ticket \
                 update --type"
            )));
        }
        self.write(move |txn, now| {
            let kind = things::get::<TicketType>(txn, &kind.id)?;
            retire(txn, organizer, kind, now)
        })
        .await
    }

    /// Lets a type that came with a list open every zone, unless a session's rules say otherwise.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn allow_type(
        &self,
        organizer: OrganizerId,
        event: String,
        kind: String,
    ) -> Result<TicketType> {
        self.write(move |txn, now| {
            let event = events::find(txn, organizer, &event)?.value;
            let kind = set_restricted(txn, event.id, &kind, false)?;
            mark_sets(txn, organizer, now)?;
            Ok(kind)
        })
        .await
    }

    /// Creates a ticket type. With sessions it is a kind of pass and joins their scopes. The same again
    /// answers with the one that is there.
    ///
    /// # Errors
    /// [`Error::AlreadyExists`], [`Error::ScopeInUse`], [`Error::Invalid`], [`Error::NotFound`].
    pub async fn create_type(
        &self,
        organizer: OrganizerId,
        event: String,
        new: NewType,
    ) -> Result<TicketType> {
        self.write(move |txn, now| {
            let event = events::find_current(txn, organizer, &event)?.value;
            create_in(txn, organizer, &event, new, now)
        })
        .await
    }

    /// All ticket types of an event, by number.
    ///
    /// # Errors
    /// [`Error::NotFound`] for the event.
    pub async fn types(&self, organizer: OrganizerId, event: String) -> Result<Vec<TicketType>> {
        self.read(move |txn| {
            let event = events::find(txn, organizer, &event)?.value;
            let mut types: Vec<_> = of_event(txn, event.id)?
                .into_iter()
                .map(|kind| kind.value)
                .collect();
            types.sort_by_key(|kind| kind.number);
            Ok(types)
        })
        .await
    }
}
