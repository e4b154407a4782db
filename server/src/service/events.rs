//! Events.

use super::Service;
use super::error::{Error, Result};
use super::sessions::mark_sets;
use super::things::{self, Loaded, NAME_BYTES_MAX, Thing, check_names, check_text};
use super::times;
use crate::storage::{Id, Kind, Transaction};
use jiff::tz::TimeZone;
use usher_domain::api::venue::{Event, EventChange, NewEvent, Session};
use usher_domain::ids::{EventId, OrganizerId};
use usher_domain::time::UnixMillis;

impl Thing for Event {
    const KIND: Kind = Kind::Event;
    const WORD: &'static str = "event";

    fn slug(&self) -> Option<&str> {
        (!self.retired).then_some(&self.slug)
    }

    fn is_retired(&self) -> bool {
        self.retired
    }
}

/// The event that a path names.
pub(crate) fn find(
    txn: &dyn Transaction,
    organizer: OrganizerId,
    name: &str,
) -> Result<Loaded<Event>> {
    things::find(txn, organizer.as_bytes(), name)
}

/// The same, of which something new may be said.
pub(crate) fn find_current(
    txn: &dyn Transaction,
    organizer: OrganizerId,
    name: &str,
) -> Result<Loaded<Event>> {
    things::find_current(txn, organizer.as_bytes(), name)
}

fn change(
    txn: &mut dyn Transaction,
    organizer: OrganizerId,
    event: &str,
    change: EventChange,
    now: UnixMillis,
) -> Result<Event> {
    let mut event = find_current(txn, organizer, event)?;
    if let Some(slug) = change.slug {
        things::check_new_slug(txn, &event, &slug)?;
        event.value.slug = slug;
    }
    if let Some(name) = change.name {
        check_text("name", &name, NAME_BYTES_MAX)?;
        event.value.name = name;
    }
    if let Some(time_zone) = change.time_zone {
        times::zone(&time_zone)?;
        event.value.time_zone = time_zone;
    }
    things::put(txn, &event)?;
    mark_sets(txn, organizer, now)?;
    Ok(event.value)
}

fn retire(txn: &mut dyn Transaction, organizer: OrganizerId, event: &str) -> Result<Event> {
    let mut event = find(txn, organizer, event)?;
    let sessions = things::current::<Session>(txn, &event.id)?;
    let slugs: Vec<&str> = sessions.iter().map(|one| one.value.slug.as_str()).collect();
    if !slugs.is_empty() {
        return Err(Error::InUse(format!(
            "the event has sessions, retire them first: {}",
            things::listed(&slugs)
        )));
    }
    event.value.retired = true;
    things::put(txn, &event)?;
    Ok(event.value)
}

fn create(txn: &mut dyn Transaction, organizer: &Id, new: NewEvent) -> Result<Event> {
    check_names(&new.slug, &new.name)?;
    times::zone(&new.time_zone)?;
    if let Some(there) = things::named::<Event>(txn, organizer, &new.slug)? {
        let same = there.value.name == new.name && there.value.time_zone == new.time_zone;
        return if same {
            Ok(there.value)
        } else {
            Err(Error::slug_taken(Event::WORD))
        };
    }
    let id = things::new_id()?;
    let event = Loaded {
        id,
        parent: *organizer,
        value: Event {
            id: EventId::from_bytes(id),
            slug: new.slug,
            name: new.name,
            time_zone: new.time_zone,
            retired: false,
        },
    };
    things::put(txn, &event)?;
    Ok(event.value)
}

/// The time zone that all events of an organizer share, if they do.
pub(crate) fn shared_zone(
    txn: &dyn Transaction,
    organizer: OrganizerId,
) -> Result<Option<TimeZone>> {
    let all = things::current::<Event>(txn, organizer.as_bytes())?;
    let mut names = all.iter().map(|event| &event.value.time_zone);
    match names.next() {
        Some(first) if names.all(|name| name == first) => times::zone(first).map(Some),
        Some(_) | None => Ok(None),
    }
}

impl Service {
    /// Changes an event: what it is called, and by which clock. Its sessions stay at their moments.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::AlreadyExists`], [`Error::Invalid`], [`Error::InUse`] if it was retired.
    pub async fn change_event(
        &self,
        organizer: OrganizerId,
        event: String,
        what: EventChange,
    ) -> Result<Event> {
        self.write(move |txn, now| change(txn, organizer, &event, what, now))
            .await
    }

    /// Retires an event all of whose sessions were retired; again changes nothing.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::InUse`].
    pub async fn retire_event(&self, organizer: OrganizerId, event: String) -> Result<Event> {
        self.write(move |txn, _| retire(txn, organizer, &event))
            .await
    }

    /// Creates an event. The same again answers with the one that is there.
    ///
    /// # Errors
    /// [`Error::AlreadyExists`], [`Error::Invalid`].
    pub async fn create_event(&self, organizer: OrganizerId, new: NewEvent) -> Result<Event> {
        self.write(move |txn, _| create(txn, organizer.as_bytes(), new))
            .await
    }

    /// All events of an organizer.
    ///
    /// # Errors
    /// [`Error::Storage`].
    pub async fn events(&self, organizer: OrganizerId) -> Result<Vec<Event>> {
        self.read(move |txn| {
            let all = things::all::<Event>(txn, organizer.as_bytes())?;
            Ok(all.into_iter().map(|event| event.value).collect())
        })
        .await
    }

    /// The event that a path names, by id or slug.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn event(&self, organizer: OrganizerId, event: String) -> Result<Event> {
        self.read(move |txn| Ok(find(txn, organizer, &event)?.value))
            .await
    }
}
