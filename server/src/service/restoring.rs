//! Bringing back what was retired: nobody's mistake is for ever.

use super::error::{Error, Result};
use super::sessions::mark_sets;
use super::things::{self, Loaded, Thing};
use super::{Service, events};
use crate::storage::{Id, Transaction};
use usher_domain::api::venue::{Event, Gate, Session, TicketType, Zone};
use usher_domain::ids::OrganizerId;

/// What is retired and brought back.
trait Retirable: Thing {
    /// Its name for paths, which it gives back while it is retired.
    fn short_name(&self) -> &str;

    /// Lets it be there again.
    fn bring_back(&mut self);
}

macro_rules! retirable {
    ($($kind:ty),*) => {
        $(impl Retirable for $kind {
            fn short_name(&self) -> &str {
                &self.slug
            }

            fn bring_back(&mut self) {
                self.retired = false;
            }
        })*
    };
}

retirable!(Event, Gate, TicketType, Zone);

impl Retirable for Session {
    fn short_name(&self) -> &str {
        &self.slug
    }

    fn bring_back(&mut self) {
        self.retired = false;
        self.revision = self.revision.saturating_add(1);
    }
}

/// The thing of this id or short name: one that is there, or the only one that was retired.
fn named<T: Retirable>(txn: &dyn Transaction, parent: &Id, name: &str) -> Result<Loaded<T>> {
    match things::find::<T>(txn, parent, name) {
        Err(Error::NotFound(_)) => {}
        found => return found,
    }
    let mut retired = things::all::<T>(txn, parent)?;
    retired.retain(|thing| thing.value.is_retired() && thing.value.short_name() == name);
    match retired.pop() {
        None => Err(Error::NotFound(T::WORD)),
        Some(only) if retired.is_empty() => Ok(only),
        Some(_) => Err(Error::InUse(format!(
            "several of this name were retired, say which {} by its id",
            T::WORD
        ))),
    }
}

/// Brings a thing back under its short name; one that is there stays.
fn restore<T: Retirable>(txn: &mut dyn Transaction, mut thing: Loaded<T>) -> Result<T> {
    if thing.value.is_retired() {
        let name = thing.value.short_name().to_owned();
        things::check_new_slug(txn, &thing, &name)?;
        thing.value.bring_back();
        things::put(txn, &thing)?;
    }
    Ok(thing.value)
}

/// The event that a path names, in which something is brought back.
fn event_of(txn: &dyn Transaction, organizer: OrganizerId, event: &str) -> Result<Event> {
    let event = events::find(txn, organizer, event)?.value;
    if event.retired {
        return Err(Error::InUse(
            "its event was retired: bring that back first".to_owned(),
        ));
    }
    Ok(event)
}

impl Service {
    /// Brings a retired event back; again changes nothing.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::AlreadyExists`] if another one has its short name by now.
    pub async fn restore_event(&self, organizer: OrganizerId, event: String) -> Result<Event> {
        self.write(move |txn, _| {
            let event = named::<Event>(txn, organizer.as_bytes(), &event)?;
            restore(txn, event)
        })
        .await
    }

    /// Brings a retired session back; again changes nothing.
    ///
    /// # Errors
    /// As [`Service::restore_event`]; [`Error::InUse`] if its event was retired.
    pub async fn restore_session(
        &self,
        organizer: OrganizerId,
        event: String,
        session: String,
    ) -> Result<Session> {
        self.write(move |txn, now| {
            let event = event_of(txn, organizer, &event)?;
            let session = named::<Session>(txn, event.id.as_bytes(), &session)?;
            let session = restore(txn, session)?;
            mark_sets(txn, organizer, now)?;
            Ok(session)
        })
        .await
    }

    /// Brings a retired ticket type back, without what rules had said of it; again changes nothing.
    ///
    /// # Errors
    /// As [`Service::restore_session`].
    pub async fn restore_type(
        &self,
        organizer: OrganizerId,
        event: String,
        kind: String,
    ) -> Result<TicketType> {
        self.write(move |txn, now| {
            let event = event_of(txn, organizer, &event)?;
            let kind = named::<TicketType>(txn, event.id.as_bytes(), &kind)?;
            let kind = restore(txn, kind)?;
            mark_sets(txn, organizer, now)?;
            Ok(kind)
        })
        .await
    }

    /// Brings a retired zone back; again changes nothing.
    ///
    /// # Errors
    /// As [`Service::restore_event`].
    pub async fn restore_zone(&self, organizer: OrganizerId, zone: String) -> Result<Zone> {
        self.write(move |txn, now| {
            let zone = named::<Zone>(txn, organizer.as_bytes(), &zone)?;
            let zone = restore(txn, zone)?;
            mark_sets(txn, organizer, now)?;
            Ok(zone)
        })
        .await
    }

    /// Brings a retired gate back; again changes nothing.
    ///
    /// # Errors
    /// As [`Service::restore_event`]; [`Error::InUse`] if the zone it leads to was retired.
    pub async fn restore_gate(&self, organizer: OrganizerId, gate: String) -> Result<Gate> {
        self.write(move |txn, now| {
            let gate = named::<Gate>(txn, organizer.as_bytes(), &gate)?;
            if let Some(zone) = gate.value.zone
                && things::get_of::<Zone>(txn, organizer, zone.as_bytes())?
                    .value
                    .retired
            {
                return Err(Error::InUse(
                    "the zone it leads to was retired: bring that back first".to_owned(),
                ));
            }
            let gate = restore(txn, gate)?;
            mark_sets(txn, organizer, now)?;
            Ok(gate)
        })
        .await
    }
}
