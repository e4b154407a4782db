//! Staff: people with badges. Their keys are made where the badge is made; here are public keys alone.

use super::error::{Error, Result};
use super::things::{self, Loaded, NAME_BYTES_MAX, Thing, check_text};
use super::{Service, events, override_keys, places, roster, times};
use crate::storage::{Kind, Transaction};
use serde::{Deserialize, Serialize};
use usher_domain::api::access::{NewStaff, Staff, StaffChange};
use usher_domain::api::rules::Patch;
use usher_domain::cose::PublicKey;
use usher_domain::ids::{GateId, OrganizerId, StaffId};
use usher_domain::secret::Private;
use usher_domain::table::rows::{RosterEntry, StaffEntry, StaffRole};
use usher_domain::time::UnixMillis;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct StoredStaff {
    /// The badge's key in hex: no two people share a badge.
    badge: String,
    name: Private,
    role: StaffRole,
    gates: Vec<GateId>,
    pub(crate) override_key: Option<PublicKey>,
    valid_from: Option<UnixMillis>,
    valid_until: Option<UnixMillis>,
    pub(crate) revoked_at: Option<UnixMillis>,
    #[serde(default)]
    pub(crate) listing: Listing,
    /// Whether the person was retired.
    #[serde(default)]
    retired: bool,
}

/// Whether the server's log lists the key by which a member of staff overrides.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Listing {
    /// It does.
    #[default]
    Listed,
    /// The person is known from a row that was handed back: the log lists no key on that account. Adding the
    /// same person again does.
    HandedBack,
}

impl Thing for StoredStaff {
    const KIND: Kind = Kind::Staff;
    const WORD: &'static str = "member of staff";

    fn slug(&self) -> Option<&str> {
        Some(&self.badge)
    }
}

impl StoredStaff {
    fn entry(&self, staff: StaffId) -> Result<StaffEntry> {
        Ok(StaffEntry {
            staff,
            name: self.name.clone(),
            role: self.role,
            gates: self.gates.clone(),
            badge: self
                .badge
                .parse()
                .map_err(|_| Error::Internal("a stored badge is not readable"))?,
            override_key: self.override_key,
            valid_from: self.valid_from,
            valid_until: self.valid_until,
            revoked_at: self.revoked_at,
        })
    }
}

fn describe(staff: &Loaded<StoredStaff>) -> Result<Staff> {
    let stored = &staff.value;
    Ok(Staff {
        id: StaffId::from_bytes(staff.id),
        name: stored.name.clone(),
        role: stored.role,
        gates: stored.gates.clone(),
        revoked: stored.revoked_at.is_some(),
        retired: stored.retired,
        valid_from: stored.valid_from.map(times::timestamp).transpose()?,
        valid_until: stored.valid_until.map(times::timestamp).transpose()?,
    })
}

fn gates(txn: &dyn Transaction, organizer: OrganizerId, named: &[String]) -> Result<Vec<GateId>> {
    let named = named.iter();
    named
        .map(|gate| places::find_gate(txn, organizer, gate))
        .collect()
}

/// A time as a request writes it: RFC 3339, or a local one where all events share a time zone.
fn moment(
    txn: &dyn Transaction,
    organizer: OrganizerId,
    field: &'static str,
    text: &str,
) -> Result<Option<UnixMillis>> {
    let at = match events::shared_zone(txn, organizer)? {
        Some(zone) => times::read(field, text, &zone)?,
        None => times::read_with_offset(field, text)?,
    };
    Ok(times::unix_millis(at))
}

fn read(txn: &dyn Transaction, organizer: OrganizerId, new: &NewStaff) -> Result<StoredStaff> {
    check_text("name", new.name.reveal(), NAME_BYTES_MAX)?;
    let gates = gates(txn, organizer, &new.gates)?;
    match (new.role, new.override_key) {
        (StaffRole::Supervisor, None) => {
            return Err(Error::invalid(
                "override_key",
                "a supervisor has a key made of PIN and badge",
            ));
        }
        (StaffRole::Steward | StaffRole::BoxOffice, Some(_)) => {
            return Err(Error::invalid("override_key", "only supervisors override"));
        }
        (StaffRole::Supervisor, Some(_)) | (StaffRole::Steward | StaffRole::BoxOffice, None) => {}
    }
    let moment = |field, text: &Option<String>| match text {
        None => Ok(None),
        Some(text) => moment(txn, organizer, field, text),
    };
    Ok(StoredStaff {
        badge: new.badge.to_string(),
        name: new.name.clone(),
        role: new.role,
        gates,
        override_key: new.override_key,
        valid_from: moment("valid_from", &new.valid_from)?,
        valid_until: moment("valid_until", &new.valid_until)?,
        revoked_at: None,
        listing: Listing::Listed,
        retired: false,
    })
}

/// Writes a member of staff down: the row for devices, and the key in the server's log.
fn store(
    txn: &mut dyn Transaction,
    organizer: OrganizerId,
    staff: &Loaded<StoredStaff>,
    now: UnixMillis,
) -> Result<Staff> {
    things::put(txn, staff)?;
    let entry = staff.value.entry(StaffId::from_bytes(staff.id))?;
    override_keys::changed(txn, organizer, staff, now)?;
    roster::put(txn, organizer, RosterEntry::Staff(entry))?;
    describe(staff)
}

fn add(
    txn: &mut dyn Transaction,
    organizer: OrganizerId,
    new: &NewStaff,
    now: UnixMillis,
) -> Result<Staff> {
    let value = read(txn, organizer, new)?;
    if let Some(there) = things::named::<StoredStaff>(txn, organizer.as_bytes(), &value.badge)? {
        let was_handed_back = StoredStaff {
            listing: Listing::HandedBack,
            ..value.clone()
        };
        return if there.value == value {
            describe(&there)
        } else if there.value == was_handed_back {
            let staff = Loaded { value, ..there };
            things::put(txn, &staff)?;
            override_keys::changed(txn, organizer, &staff, now)?;
            describe(&staff)
        } else {
            Err(Error::AlreadyExists {
                what: "member of staff",
                by: "badge",
            })
        };
    }
    let staff = Loaded {
        id: things::new_id()?,
        parent: *organizer.as_bytes(),
        value,
    };
    store(txn, organizer, &staff, now)
}

/// The entry of a member of an organizer's staff, as it is now.
pub(crate) fn entry_of(
    txn: &dyn Transaction,
    organizer: OrganizerId,
    staff: StaffId,
) -> Result<Option<StaffEntry>> {
    match things::get::<StoredStaff>(txn, staff.as_bytes()) {
        Ok(found) if found.parent == *organizer.as_bytes() => found.value.entry(staff).map(Some),
        Ok(_) | Err(Error::NotFound(_)) => Ok(None),
        Err(error) => Err(error),
    }
}

/// What a member of an organizer's staff is called, as far as that is known.
pub(crate) fn name(
    txn: &dyn Transaction,
    organizer: OrganizerId,
    staff: StaffId,
) -> Option<Private> {
    let found = things::get_of::<StoredStaff>(txn, organizer, staff.as_bytes());
    found.ok().map(|found| found.value.name)
}

/// Lets a member of staff be as a row says that was handed back after a restore. Such a row lists no key: that
/// the server's own log does. It may end one that is listed.
///
/// # Errors
/// [`Error::NotFound`] if the id is something else's or another organizer's.
pub(crate) fn take_in(
    txn: &mut dyn Transaction,
    organizer: OrganizerId,
    entry: &StaffEntry,
    now: UnixMillis,
) -> Result<()> {
    things::check_free::<StoredStaff>(txn, organizer.as_bytes(), entry.staff.as_bytes())?;
    let before = match things::get::<StoredStaff>(txn, entry.staff.as_bytes()) {
        Ok(before) => Some(before.value),
        Err(Error::NotFound(_)) => None,
        Err(error) => return Err(error),
    };
    let retired = before.as_ref().is_some_and(|before| before.retired);
    let same_key = before.filter(|before| before.override_key == entry.override_key);
    let value = StoredStaff {
        badge: entry.badge.to_string(),
        name: entry.name.clone(),
        role: entry.role,
        gates: entry.gates.clone(),
        override_key: entry.override_key,
        valid_from: entry.valid_from,
        valid_until: entry.valid_until,
        revoked_at: entry.revoked_at,
        listing: same_key
            .as_ref()
            .map_or(Listing::HandedBack, |before| before.listing),
        retired,
    };
    let staff = Loaded {
        id: *entry.staff.as_bytes(),
        parent: *organizer.as_bytes(),
        value,
    };
    things::put(txn, &staff)?;
    let was_revoked = same_key.is_some_and(|before| before.revoked_at.is_some());
    if entry.revoked_at.is_some() && !was_revoked {
        override_keys::changed(txn, organizer, &staff, now)?;
    }
    Ok(())
}

fn change(
    txn: &mut dyn Transaction,
    organizer: OrganizerId,
    staff: &str,
    change: StaffChange,
    now: UnixMillis,
) -> Result<Staff> {
    let mut staff: Loaded<StoredStaff> = things::find(txn, organizer.as_bytes(), staff)?;
    if staff.value.revoked_at.is_some() {
        return Err(Error::Conflict("the badge was revoked: make a new one"));
    }
    let before = staff.value.clone();
    let value = &mut staff.value;
    if let Some(name) = change.name {
        check_text("name", name.reveal(), NAME_BYTES_MAX)?;
        value.name = name;
    }
    if let Some(named) = change.gates {
        value.gates = gates(txn, organizer, &named)?;
    }
    for (field, patch, place) in [
        ("valid_from", change.valid_from, &mut value.valid_from),
        ("valid_until", change.valid_until, &mut value.valid_until),
    ] {
        match patch {
            Patch::Keep => {}
            Patch::Remove => *place = None,
            Patch::Set(text) => *place = moment(txn, organizer, field, &text)?,
        }
    }
    if staff.value == before {
        return describe(&staff);
    }
    store(txn, organizer, &staff, now)
}

impl Service {
    /// Changes a member of staff.
    ///
    /// # Errors
    /// [`Error::NotFound`] for the person or a gate, [`Error::Invalid`], [`Error::Conflict`] if the badge was
    /// revoked.
    pub async fn change_staff(
        &self,
        organizer: OrganizerId,
        staff: String,
        what: StaffChange,
    ) -> Result<Staff> {
        self.write(move |txn, now| change(txn, organizer, &staff, what, now))
            .await
    }

    /// Adds a member of staff. The same again answers with the one that is there.
    ///
    /// # Errors
    /// [`Error::AlreadyExists`] for a badge of somebody else, [`Error::Invalid`], [`Error::NotFound`].
    pub async fn add_staff(&self, organizer: OrganizerId, new: NewStaff) -> Result<Staff> {
        self.write(move |txn, now| add(txn, organizer, &new, now))
            .await
    }

    /// All members of staff.
    ///
    /// # Errors
    /// [`Error::Storage`].
    pub async fn staff(&self, organizer: OrganizerId) -> Result<Vec<Staff>> {
        self.read(move |txn| {
            let all = things::all::<StoredStaff>(txn, organizer.as_bytes())?;
            all.iter().map(describe).collect()
        })
        .await
    }

    /// Retires a member of staff: the badge is revoked, and lists for people leave them out. Again changes
    /// nothing.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn retire_staff(&self, organizer: OrganizerId, staff: String) -> Result<Staff> {
        self.write(move |txn, now| {
            let mut staff: Loaded<StoredStaff> = things::find(txn, organizer.as_bytes(), &staff)?;
            staff.value.retired = true;
            if staff.value.revoked_at.is_some() {
                things::put(txn, &staff)?;
                return describe(&staff);
            }
            staff.value.revoked_at = Some(now);
            store(txn, organizer, &staff, now)
        })
        .await
    }

    /// Lets lists have a member of staff again who was retired. The badge stays revoked: a new one is made.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn restore_staff(&self, organizer: OrganizerId, staff: String) -> Result<Staff> {
        self.write(move |txn, _| {
            let mut staff: Loaded<StoredStaff> = things::find(txn, organizer.as_bytes(), &staff)?;
            staff.value.retired = false;
            things::put(txn, &staff)?;
            describe(&staff)
        })
        .await
    }

    /// Revokes a badge; again changes nothing.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn revoke_staff(&self, organizer: OrganizerId, staff: String) -> Result<Staff> {
        self.write(move |txn, now| {
            let mut staff: Loaded<StoredStaff> = things::find(txn, organizer.as_bytes(), &staff)?;
            if staff.value.revoked_at.is_some() {
                return describe(&staff);
            }
            staff.value.revoked_at = Some(now);
            store(txn, organizer, &staff, now)
        })
        .await
    }
}
