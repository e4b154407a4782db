//! Zones and gates of the venue.

use super::Service;
use super::error::{Error, Result};
use super::sessions::mark_sets;
use super::things::{self, Loaded, Thing, check_names};
use crate::storage::{Kind, Transaction};
use usher_domain::api::venue::{Gate, NewGate, NewZone, Zone};
use usher_domain::ids::{GateId, OrganizerId, ZoneId};
use usher_domain::time::UnixMillis;

impl Thing for Zone {
    const KIND: Kind = Kind::Zone;
    const WORD: &'static str = "zone";

    fn slug(&self) -> Option<&str> {
        Some(&self.slug)
    }
}

impl Thing for Gate {
    const KIND: Kind = Kind::Gate;
    const WORD: &'static str = "gate";

    fn slug(&self) -> Option<&str> {
        Some(&self.slug)
    }
}

/// The zone that a request names.
pub(crate) fn find_zone(
    txn: &dyn Transaction,
    organizer: OrganizerId,
    name: &str,
) -> Result<ZoneId> {
    Ok(things::find::<Zone>(txn, organizer.as_bytes(), name)?
        .value
        .id)
}

/// The gate that a request names.
pub(crate) fn find_gate(
    txn: &dyn Transaction,
    organizer: OrganizerId,
    name: &str,
) -> Result<GateId> {
    Ok(things::find::<Gate>(txn, organizer.as_bytes(), name)?
        .value
        .id)
}

fn create_zone(
    txn: &mut dyn Transaction,
    organizer: OrganizerId,
    new: NewZone,
    now: UnixMillis,
) -> Result<Zone> {
    check_names(&new.slug, &new.name)?;
    if let Some(there) = things::named::<Zone>(txn, organizer.as_bytes(), &new.slug)? {
        return if there.value.name == new.name {
            Ok(there.value)
        } else {
            Err(Error::slug_taken(Zone::WORD))
        };
    }
    let id = things::new_id()?;
    let zone = Loaded {
        id,
        parent: *organizer.as_bytes(),
        value: Zone {
            id: ZoneId::from_bytes(id),
            slug: new.slug,
            name: new.name,
        },
    };
    things::put(txn, &zone)?;
    mark_sets(txn, organizer, now)?;
    Ok(zone.value)
}

fn create_gate(
    txn: &mut dyn Transaction,
    organizer: OrganizerId,
    new: NewGate,
    now: UnixMillis,
) -> Result<Gate> {
    check_names(&new.slug, &new.name)?;
    let zone = new
        .zone
        .map(|zone| find_zone(txn, organizer, &zone))
        .transpose()?;
    if let Some(there) = things::named::<Gate>(txn, organizer.as_bytes(), &new.slug)? {
        let same = there.value.name == new.name && there.value.zone == zone;
        return if same {
            Ok(there.value)
        } else {
            Err(Error::slug_taken(Gate::WORD))
        };
    }
    let id = things::new_id()?;
    let gate = Loaded {
        id,
        parent: *organizer.as_bytes(),
        value: Gate {
            id: GateId::from_bytes(id),
            slug: new.slug,
            name: new.name,
            zone,
        },
    };
    things::put(txn, &gate)?;
    mark_sets(txn, organizer, now)?;
    Ok(gate.value)
}

impl Service {
    /// Creates a zone. The same again answers with the one that is there.
    ///
    /// # Errors
    /// [`Error::AlreadyExists`], [`Error::Invalid`].
    pub async fn create_zone(&self, organizer: OrganizerId, new: NewZone) -> Result<Zone> {
        self.write(move |txn, now| create_zone(txn, organizer, new, now))
            .await
    }

    /// All zones of an organizer.
    ///
    /// # Errors
    /// [`Error::Storage`].
    pub async fn zones(&self, organizer: OrganizerId) -> Result<Vec<Zone>> {
        self.read(move |txn| {
            let all = things::all::<Zone>(txn, organizer.as_bytes())?;
            Ok(all.into_iter().map(|zone| zone.value).collect())
        })
        .await
    }

    /// Creates a gate. The same again answers with the one that is there.
    ///
    /// # Errors
    /// [`Error::AlreadyExists`], [`Error::Invalid`], [`Error::NotFound`] for the zone.
    pub async fn create_gate(&self, organizer: OrganizerId, new: NewGate) -> Result<Gate> {
        self.write(move |txn, now| create_gate(txn, organizer, new, now))
            .await
    }

    /// All gates of an organizer.
    ///
    /// # Errors
    /// [`Error::Storage`].
    pub async fn gates(&self, organizer: OrganizerId) -> Result<Vec<Gate>> {
        self.read(move |txn| {
            let all = things::all::<Gate>(txn, organizer.as_bytes())?;
            Ok(all.into_iter().map(|gate| gate.value).collect())
        })
        .await
    }
}
