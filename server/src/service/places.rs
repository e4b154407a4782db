//! Zones and gates of the venue.

use super::devices::StoredDevice;
use super::error::{Error, Result};
use super::sessions::mark_sets;
use super::things::{self, Loaded, NAME_BYTES_MAX, Thing, check_names, check_text, listed};
use super::{Service, enrollments, sessions};
use crate::storage::{Kind, Transaction};
use usher_domain::api::access::DeviceState;
use usher_domain::api::rules::Patch;
use usher_domain::api::venue::{Gate, GateChange, NamesChange, NewGate, NewZone, Zone};
use usher_domain::ids::{GateId, OrganizerId, ZoneId};
use usher_domain::time::UnixMillis;

impl Thing for Zone {
    const KIND: Kind = Kind::Zone;
    const WORD: &'static str = "zone";

    fn slug(&self) -> Option<&str> {
        (!self.retired).then_some(&self.slug)
    }

    fn is_retired(&self) -> bool {
        self.retired
    }
}

impl Thing for Gate {
    const KIND: Kind = Kind::Gate;
    const WORD: &'static str = "gate";

    fn slug(&self) -> Option<&str> {
        (!self.retired).then_some(&self.slug)
    }

    fn is_retired(&self) -> bool {
        self.retired
    }
}

/// The zone that a request names.
pub(crate) fn find_zone(
    txn: &dyn Transaction,
    organizer: OrganizerId,
    name: &str,
) -> Result<ZoneId> {
    Ok(
        things::find_current::<Zone>(txn, organizer.as_bytes(), name)?
            .value
            .id,
    )
}

/// The gate that a request names.
pub(crate) fn find_gate(
    txn: &dyn Transaction,
    organizer: OrganizerId,
    name: &str,
) -> Result<GateId> {
    Ok(
        things::find_current::<Gate>(txn, organizer.as_bytes(), name)?
            .value
            .id,
    )
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
            retired: false,
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
            retired: false,
        },
    };
    things::put(txn, &gate)?;
    mark_sets(txn, organizer, now)?;
    Ok(gate.value)
}

fn change_zone(
    txn: &mut dyn Transaction,
    organizer: OrganizerId,
    zone: &str,
    change: NamesChange,
    now: UnixMillis,
) -> Result<Zone> {
    let mut zone: Loaded<Zone> = things::find_current(txn, organizer.as_bytes(), zone)?;
    if let Some(slug) = change.slug {
        things::check_new_slug(txn, &zone, &slug)?;
        zone.value.slug = slug;
    }
    if let Some(name) = change.name {
        check_text("name", &name, NAME_BYTES_MAX)?;
        zone.value.name = name;
    }
    things::put(txn, &zone)?;
    mark_sets(txn, organizer, now)?;
    Ok(zone.value)
}

fn change_gate(
    txn: &mut dyn Transaction,
    organizer: OrganizerId,
    gate: &str,
    change: GateChange,
    now: UnixMillis,
) -> Result<Gate> {
    let mut gate: Loaded<Gate> = things::find_current(txn, organizer.as_bytes(), gate)?;
    if let Some(slug) = change.slug {
        things::check_new_slug(txn, &gate, &slug)?;
        gate.value.slug = slug;
    }
    if let Some(name) = change.name {
        check_text("name", &name, NAME_BYTES_MAX)?;
        gate.value.name = name;
    }
    match change.zone {
        Patch::Keep => {}
        Patch::Remove => gate.value.zone = None,
        Patch::Set(zone) => gate.value.zone = Some(find_zone(txn, organizer, &zone)?),
    }
    things::put(txn, &gate)?;
    mark_sets(txn, organizer, now)?;
    Ok(gate.value)
}

/// What stands in the way of retiring a gate: devices that stand there, and codes that bring more.
fn gate_in_use(txn: &dyn Transaction, organizer: OrganizerId, gate: GateId) -> Result<()> {
    let devices = things::all::<StoredDevice>(txn, organizer.as_bytes())?;
    let there = devices
        .iter()
        .map(|device| &device.value)
        .filter(|device| device.gate == Some(gate) && device.state != DeviceState::Revoked);
    let names: Vec<&str> = there.map(|device| device.name.as_str()).collect();
    if !names.is_empty() {
        return Err(Error::InUse(format!(
            "devices stand at this gate: move or revoke {}",
            listed(&names)
        )));
    }
    Ok(())
}

fn retire_gate(
    txn: &mut dyn Transaction,
    organizer: OrganizerId,
    gate: &str,
    now: UnixMillis,
) -> Result<Gate> {
    let mut gate: Loaded<Gate> = things::find(txn, organizer.as_bytes(), gate)?;
    if gate.value.retired {
        return Ok(gate.value);
    }
    gate_in_use(txn, organizer, gate.value.id)?;
    enrollments::check_none_for(txn, organizer, gate.value.id, now)?;
    gate.value.retired = true;
    things::put(txn, &gate)?;
    mark_sets(txn, organizer, now)?;
    Ok(gate.value)
}

/// What stands in the way of retiring a zone: gates that lead there, and rules that name it.
fn zone_in_use(txn: &dyn Transaction, organizer: OrganizerId, zone: ZoneId) -> Result<()> {
    let gates = things::current::<Gate>(txn, organizer.as_bytes())?;
    let leading = gates.iter().filter(|gate| gate.value.zone == Some(zone));
    let slugs: Vec<&str> = leading.map(|gate| gate.value.slug.as_str()).collect();
    if !slugs.is_empty() {
        return Err(Error::InUse(format!(
            "gates lead to this zone: change or retire {}",
            listed(&slugs)
        )));
    }
    let sessions = sessions::of_organizer(txn, organizer)?;
    let naming = sessions
        .iter()
        .map(|session| &session.value)
        .filter(|session| !session.retired && session.rules.names_zone(zone));
    let slugs: Vec<&str> = naming.map(|session| session.slug.as_str()).collect();
    if !slugs.is_empty() {
        return Err(Error::InUse(format!(
            "rules of these sessions name the zone, take them away first: {}",
            listed(&slugs)
        )));
    }
    Ok(())
}

fn retire_zone(
    txn: &mut dyn Transaction,
    organizer: OrganizerId,
    zone: &str,
    now: UnixMillis,
) -> Result<Zone> {
    let mut zone: Loaded<Zone> = things::find(txn, organizer.as_bytes(), zone)?;
    if zone.value.retired {
        return Ok(zone.value);
    }
    zone_in_use(txn, organizer, zone.value.id)?;
    zone.value.retired = true;
    things::put(txn, &zone)?;
    mark_sets(txn, organizer, now)?;
    Ok(zone.value)
}

impl Service {
    /// Changes what a zone is called.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::AlreadyExists`], [`Error::Invalid`], [`Error::InUse`] if it was retired.
    pub async fn change_zone(
        &self,
        organizer: OrganizerId,
        zone: String,
        change: NamesChange,
    ) -> Result<Zone> {
        self.write(move |txn, now| change_zone(txn, organizer, &zone, change, now))
            .await
    }

    /// Retires a zone to which no gate leads and that no session's rules name; again changes nothing.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::InUse`].
    pub async fn retire_zone(&self, organizer: OrganizerId, zone: String) -> Result<Zone> {
        self.write(move |txn, now| retire_zone(txn, organizer, &zone, now))
            .await
    }

    /// Changes a gate: what it is called, and where it leads.
    ///
    /// # Errors
    /// As [`Service::change_zone`].
    pub async fn change_gate(
        &self,
        organizer: OrganizerId,
        gate: String,
        change: GateChange,
    ) -> Result<Gate> {
        self.write(move |txn, now| change_gate(txn, organizer, &gate, change, now))
            .await
    }

    /// Retires a gate at which no device stands; again changes nothing. It is named where it was recorded,
    /// and recommended to nobody.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::InUse`].
    pub async fn retire_gate(&self, organizer: OrganizerId, gate: String) -> Result<Gate> {
        self.write(move |txn, now| retire_gate(txn, organizer, &gate, now))
            .await
    }

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
