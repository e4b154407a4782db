//! Events.

use super::Service;
use super::error::{Error, Result};
use super::things::{self, Loaded, Thing, check_names};
use super::times;
use crate::storage::{Id, Kind, Transaction};
use jiff::tz::TimeZone;
use usher_domain::api::venue::{Event, NewEvent};
use usher_domain::ids::{EventId, OrganizerId};

impl Thing for Event {
    const KIND: Kind = Kind::Event;
    const WORD: &'static str = "event";

    fn slug(&self) -> Option<&str> {
        Some(&self.slug)
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
    let all = things::all::<Event>(txn, organizer.as_bytes())?;
    let mut names = all.iter().map(|event| &event.value.time_zone);
    match names.next() {
        Some(first) if names.all(|name| name == first) => times::zone(first).map(Some),
        Some(_) | None => Ok(None),
    }
}

impl Service {
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
