//! Devices: listing, confirming, moving, revoking.

use super::duty::{Duties, Runs};
use super::error::{Error, Result};
use super::things::{self, Loaded, Thing, check_text};
use super::{Service, duty, enrollments, places, revocation, roster, times};
use crate::storage::{Kind, Space, Transaction};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::sync::Arc;
use usher_domain::api::access::{self, Device, DeviceChange, DeviceState};
use usher_domain::api::venue::Gate;
use usher_domain::cose::PublicKey;
use usher_domain::ids::{DeviceId, EventId, GateId, OrganizerId};
use usher_domain::protocol::Heartbeat;
use usher_domain::secret::Private;
use usher_domain::table::TableId;
use usher_domain::table::rows::{DeviceEntry, DeviceRole, Revocation, RosterEntry};
use usher_domain::time::UnixMillis;
use usher_domain::wire::DEVICE_NAME_MAX;

/// A device as stored.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct StoredDevice {
    pub(crate) organizer: OrganizerId,
    pub(crate) key: PublicKey,
    pub(crate) name: String,
    pub(crate) role: DeviceRole,
    pub(crate) gate: Option<GateId>,
    pub(crate) state: DeviceState,
    /// Six digits to compare, while it waits.
    pub(crate) digits: Option<Private>,
    /// What the digits were made of, while it waits; none of a device that waits since before there were
    /// nonces.
    #[serde(default)]
    pub(crate) nonce: Option<[u8; 32]>,
    /// Events whose sessions it holds; all if empty.
    pub(crate) events: Vec<EventId>,
    pub(crate) enrolled_at: UnixMillis,
    /// Where it stood when it enrolled: its enrollment document says so for ever.
    pub(crate) first_gate: Option<GateId>,
    /// What it was called when it enrolled, if it is called otherwise now; the document says so, too.
    #[serde(default)]
    pub(crate) first_name: Option<String>,
    /// Whether it was retired.
    #[serde(default)]
    pub(crate) retired: bool,
}

impl Thing for StoredDevice {
    const KIND: Kind = Kind::Device;
    const WORD: &'static str = "device";

    fn slug(&self) -> Option<&str> {
        None
    }
}

/// What a device last told of itself.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct DeviceStatus {
    pub(crate) seen: UnixMillis,
    pub(crate) clock_offset_ms: Option<i64>,
    pub(crate) unsent: Option<u64>,
    pub(crate) program: Option<String>,
    #[serde(default)]
    pub(crate) storage_left: Option<u64>,
    /// The tables it holds; none if it told before the server asked.
    #[serde(default)]
    pub(crate) holds: Option<Vec<Held>>,
    /// Version of the trust document it knows, if it says so.
    #[serde(default)]
    pub(crate) trust: Option<String>,
    /// The runs of its program, by which copies of it are noticed.
    #[serde(default)]
    pub(crate) runs: Runs,
}

/// A table as a device says that it holds it, in the words of [`usher_domain::wire`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Held {
    pub(crate) table: String,
    pub(crate) version: String,
    /// Digest of its rows, if it says so.
    pub(crate) digest: Option<String>,
}

impl Held {
    /// What a sign of life says of tables that there are.
    pub(crate) fn told(heartbeat: &Heartbeat, there: &BTreeSet<TableId>) -> Vec<Self> {
        let mut digests = heartbeat.digests.iter().flatten();
        let tables = heartbeat.tables.iter();
        tables
            .map(|held| (held, digests.next()))
            .filter(|(held, _)| there.contains(&held.table))
            .map(|(held, digest)| Self {
                table: held.table.to_string(),
                version: held.version.to_string(),
                digest: digest.map(ToString::to_string),
            })
            .collect()
    }
}

/// Who a device is, for signing it in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownDevice {
    /// Its id.
    pub id: DeviceId,
    /// Whose it is.
    pub organizer: OrganizerId,
    /// Its key.
    pub key: PublicKey,
    /// Whether it counts.
    pub state: DeviceState,
}

fn known(txn: &dyn Transaction, id: DeviceId) -> Result<KnownDevice> {
    let device = things::get::<StoredDevice>(txn, id.as_bytes())?.value;
    Ok(KnownDevice {
        id,
        organizer: device.organizer,
        key: device.key,
        state: device.state,
    })
}

/// The device, if it counts.
pub(crate) fn active(txn: &dyn Transaction, id: DeviceId) -> Result<Loaded<StoredDevice>> {
    let device = things::get::<StoredDevice>(txn, id.as_bytes())?;
    match device.value.state {
        DeviceState::Active => Ok(device),
        DeviceState::Waiting => Err(Error::Unauthenticated),
        DeviceState::Revoked => Err(Error::DeviceRevoked),
    }
}

/// Lets the device's row of the roster wait for sealing.
pub(crate) fn put_row(
    txn: &mut dyn Transaction,
    device: &Loaded<StoredDevice>,
    revoked: Option<Revocation>,
) -> Result<()> {
    let entry = DeviceEntry {
        device: DeviceId::from_bytes(device.id),
        key: device.value.key,
        name: device.value.name.clone(),
        role: device.value.role,
        gate: device.value.gate,
        revoked,
    };
    roster::put(txn, device.value.organizer, RosterEntry::Device(entry))
}

/// Stores what a device told of itself.
pub(crate) fn put_status(
    txn: &mut dyn Transaction,
    device: DeviceId,
    status: &DeviceStatus,
) -> Result<()> {
    let bytes = serde_json::to_vec(status)
        .map_err(|_| Error::Internal("a device's status cannot be written"))?;
    txn.put_value(Space::DeviceStatus, device.as_bytes(), &bytes, status.seen)?;
    Ok(())
}

/// What a device last told of itself, if it ever did.
pub(crate) fn status(txn: &dyn Transaction, device: DeviceId) -> Result<Option<DeviceStatus>> {
    Ok(txn
        .value(Space::DeviceStatus, device.as_bytes())?
        .and_then(|bytes| serde_json::from_slice(&bytes).ok()))
}

/// How many devices of an organizer told of themselves after a time.
pub(crate) fn seen_since(
    txn: &dyn Transaction,
    organizer: OrganizerId,
    after: UnixMillis,
) -> Result<u64> {
    let mut seen = 0;
    for device in things::all::<StoredDevice>(txn, organizer.as_bytes())? {
        let status = status(txn, DeviceId::from_bytes(device.id))?;
        seen += u64::from(status.is_some_and(|status| status.seen >= after));
    }
    Ok(seen)
}

/// The slug of a device's gate; none of one that is not there (any more) or is none of the organizer's,
/// which a row that was handed back may name.
fn gate_slug(
    txn: &dyn Transaction,
    organizer: OrganizerId,
    gate: GateId,
) -> Result<Option<String>> {
    match things::get_of::<Gate>(txn, organizer, gate.as_bytes()) {
        Ok(gate) => Ok(Some(gate.value.slug)),
        Err(Error::NotFound(_)) => Ok(None),
        Err(error) => Err(error),
    }
}

/// A device as lists show it.
pub(crate) fn describe(
    txn: &dyn Transaction,
    duties: &Duties,
    device: &Loaded<StoredDevice>,
) -> Result<Device> {
    let stored = &device.value;
    let id = DeviceId::from_bytes(device.id);
    let status = status(txn, id)?;
    let on_duty = match stored.state {
        DeviceState::Active => duties.known_of(txn, stored.organizer, id)?,
        DeviceState::Waiting | DeviceState::Revoked => None,
    };
    let gate_slug = match stored.gate {
        Some(gate) => gate_slug(txn, stored.organizer, gate)?,
        None => None,
    };
    Ok(Device {
        id,
        name: stored.name.clone(),
        role: stored.role,
        gate: stored.gate,
        gate_slug,
        state: stored.state,
        digits: stored
            .digits
            .as_ref()
            .filter(|_| stored.state == DeviceState::Waiting)
            .map(|digits| digits.reveal().to_owned()),
        seen: status
            .as_ref()
            .map(|status| times::timestamp(status.seen))
            .transpose()?,
        clock_offset_ms: status.as_ref().and_then(|status| status.clock_offset_ms),
        unsent: status.as_ref().and_then(|status| status.unsent),
        copied: status
            .as_ref()
            .filter(|_| stored.state == DeviceState::Active)
            .and_then(|status| status.runs.copied())
            .map(times::timestamp)
            .transpose()?,
        storage_left: status.as_ref().and_then(|status| status.storage_left),
        retired: stored.retired,
        program: status.and_then(|status| status.program),
        duty: on_duty.map(describe_duty).transpose()?,
    })
}

fn describe_duty(known_until: UnixMillis) -> Result<access::Duty> {
    let known_until = (known_until.get() > 0).then_some(known_until);
    Ok(access::Duty {
        known_until: known_until.map(times::timestamp).transpose()?,
    })
}

fn change(
    txn: &mut dyn Transaction,
    duties: &Duties,
    organizer: OrganizerId,
    device: &str,
    change: &DeviceChange,
    now: UnixMillis,
) -> Result<Device> {
    let mut device: Loaded<StoredDevice> = things::find(txn, organizer.as_bytes(), device)?;
    let id = DeviceId::from_bytes(device.id);
    let stored = &mut device.value;
    match (change, stored.state) {
        (DeviceChange::Confirm { digits }, DeviceState::Waiting) => {
            if stored
                .digits
                .as_ref()
                .is_none_or(|own| own.reveal() != digits)
            {
                return Err(Error::invalid(
                    "digits",
                    "they differ from those of the device",
                ));
            }
            enrollments::check_not_withdrawn(txn, organizer, id)?;
            stored.state = DeviceState::Active;
            put_row(txn, &device, None)?;
        }
        (DeviceChange::Confirm { .. }, DeviceState::Active)
        | (DeviceChange::Revoke, DeviceState::Revoked) => return describe(txn, duties, &device),
        (DeviceChange::Rename { name }, DeviceState::Active | DeviceState::Waiting) => {
            check_device_name(name)?;
            if stored.name == *name {
                return describe(txn, duties, &device);
            }
            let before = std::mem::replace(&mut stored.name, name.clone());
            stored.first_name.get_or_insert(before);
            if stored.state == DeviceState::Active {
                put_row(txn, &device, None)?;
            }
        }
        (DeviceChange::Move { gate }, DeviceState::Active | DeviceState::Waiting) => {
            let gate = gate
                .as_deref()
                .map(|gate| places::find_gate(txn, organizer, gate))
                .transpose()?;
            if stored.gate == gate {
                return describe(txn, duties, &device);
            }
            stored.gate = gate;
            if stored.state == DeviceState::Active {
                put_row(txn, &device, None)?;
            }
        }
        (DeviceChange::Revoke | DeviceChange::RevokeSince { .. }, DeviceState::Waiting) => {
            stored.state = DeviceState::Revoked;
        }
        (DeviceChange::Revoke, DeviceState::Active) => {
            stored.state = DeviceState::Revoked;
            let accepted = revocation::cut_logs(txn, organizer, id, now)?;
            put_row(txn, &device, Some(Revocation { at: now, accepted }))?;
            duty::revoke(txn, organizer, id, now)?;
        }
        (DeviceChange::RevokeSince { since }, DeviceState::Active | DeviceState::Revoked) => {
            let since = times::unix_millis(*since)
                .filter(|since| *since <= now)
                .ok_or_else(|| Error::invalid("since", "is still to come, or before 1970"))?;
            let known = revocation::of(txn, organizer, id)?;
            let accepted = revocation::cut_logs_since(txn, organizer, id, since, now)?;
            revocation::end_attempts_since(txn, id, since)?;
            let at = known.map_or(now, |known| known.at);
            if stored.state == DeviceState::Active {
                stored.state = DeviceState::Revoked;
                duty::revoke(txn, organizer, id, now)?;
            }
            put_row(txn, &device, Some(Revocation { at, accepted }))?;
        }
        (DeviceChange::Retire, DeviceState::Active) => {
            check_idle(&describe(txn, duties, &device)?)?;
            device.value.retired = true;
            device.value.state = DeviceState::Revoked;
            let accepted = revocation::cut_logs(txn, organizer, id, now)?;
            put_row(txn, &device, Some(Revocation { at: now, accepted }))?;
            duty::revoke(txn, organizer, id, now)?;
        }
        (DeviceChange::Retire, DeviceState::Waiting | DeviceState::Revoked) => {
            stored.retired = true;
            stored.state = DeviceState::Revoked;
        }
        (DeviceChange::Restore, _) => stored.retired = false,
        // The rest is done where duties are kept.
        (DeviceChange::StandDown, DeviceState::Active) => {
            return describe(txn, duties, &device);
        }
        (DeviceChange::StandDown, DeviceState::Waiting) => {
            return Err(Error::Conflict(
                "the device waits to be confirmed: it is not on duty",
            ));
        }
        (
            DeviceChange::Confirm { .. }
            | DeviceChange::Rename { .. }
            | DeviceChange::Move { .. }
            | DeviceChange::StandDown,
            DeviceState::Revoked,
        ) => {
            return Err(Error::Conflict("the device was revoked: enroll it anew"));
        }
    }
    things::put(txn, &device)?;
    describe(txn, duties, &device)
}

/// Checks that nothing of a device is missing, and that nobody waits for its word.
fn check_idle(device: &Device) -> Result<()> {
    if device.duty.is_some() {
        return Err(Error::InUse(
            "it is on duty: usher off-duty on the device, or usher device stand-down".to_owned(),
        ));
    }
    match device.unsent {
        Some(unsent @ 1..) => Err(Error::InUse(format!(
            "it has {unsent} scans to send: usher sync on the device, or usher device revoke"
        ))),
        Some(0) | None => Ok(()),
    }
}

/// Checks what a device is called.
pub(crate) fn check_device_name(name: &str) -> Result<()> {
    check_text("name", name, DEVICE_NAME_MAX * 4)?;
    if name.chars().count() > DEVICE_NAME_MAX {
        return Err(Error::invalid(
            "name",
            format!("{DEVICE_NAME_MAX} characters at most"),
        ));
    }
    Ok(())
}

/// Lets a device be as a row says that was handed back after a restore. One that enrolled after the
/// backup was made becomes known again; which events it was for is not in the row, so it gets all.
///
/// # Errors
/// [`Error::NotFound`] if the id is something else's or another organizer's, or the key is another one.
pub(crate) fn take_in(
    txn: &mut dyn Transaction,
    organizer: OrganizerId,
    entry: &DeviceEntry,
    now: UnixMillis,
) -> Result<()> {
    let id = entry.device.as_bytes();
    things::check_free::<StoredDevice>(txn, organizer.as_bytes(), id)?;
    let (events, enrolled_at, first_gate, first_name, retired) =
        match things::get_of::<StoredDevice>(txn, organizer, id) {
            Ok(known) if known.value.key == entry.key => {
                let known = known.value;
                // The name that its document says stays, whatever it is called now.
                let first = known.first_name.unwrap_or(known.name);
                let first_name = Some(first).filter(|first| *first != entry.name);
                (
                    known.events,
                    known.enrolled_at,
                    known.first_gate,
                    first_name,
                    known.retired,
                )
            }
            Ok(_) => return Err(Error::NotFound("device")),
            Err(Error::NotFound(_)) => (Vec::new(), now, entry.gate, None, false),
            Err(error) => return Err(error),
        };
    let state = match entry.revoked {
        Some(_) => DeviceState::Revoked,
        None => DeviceState::Active,
    };
    let device = Loaded {
        id: *id,
        parent: *organizer.as_bytes(),
        value: StoredDevice {
            organizer,
            key: entry.key,
            name: entry.name.clone(),
            role: entry.role,
            gate: entry.gate,
            state,
            digits: None,
            nonce: None,
            events,
            enrolled_at,
            first_gate,
            first_name,
            retired,
        },
    };
    things::put(txn, &device)?;
    if state == DeviceState::Revoked {
        duty::settle_copies(txn, organizer, entry.device)?;
    }
    // After a restore whoever is not heard of yet counts as on duty; who that is may just have changed.
    duty::touch(txn, now)
}

impl Service {
    /// All devices of an organizer.
    ///
    /// # Errors
    /// [`Error::Storage`].
    pub async fn devices(&self, organizer: OrganizerId) -> Result<Vec<Device>> {
        let duties = Arc::clone(self.duties());
        self.read(move |txn| {
            let all = things::all::<StoredDevice>(txn, organizer.as_bytes())?;
            all.iter()
                .map(|device| describe(txn, &duties, device))
                .collect()
        })
        .await
    }

    /// Confirms, renames, moves, revokes or retires a device, or takes it off duty. Revoking writes down the last accepted
    /// record of each of its logs; later ones are quarantined. So is what arrived since a time, where one is
    /// given.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Invalid`] for other digits, [`Error::Conflict`].
    pub async fn change_device(
        &self,
        organizer: OrganizerId,
        device: String,
        what: DeviceChange,
    ) -> Result<Device> {
        let duties = Arc::clone(self.duties());
        let stands_down = what == DeviceChange::StandDown;
        let takes_back = matches!(what, DeviceChange::RevokeSince { .. });
        let mut changed = self
            .write(move |txn, now| change(txn, &duties, organizer, &device, &what, now))
            .await?;
        if stands_down {
            self.stand_down(organizer, changed.id.to_string()).await?;
            changed.duty = None;
        }
        if changed.state == DeviceState::Revoked {
            self.live().revoked(changed.id);
        }
        if takes_back {
            self.interpret_cuts(organizer, changed.id).await?;
        }
        Ok(changed)
    }

    /// Who a device is, whatever its state.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn known_device(&self, id: DeviceId) -> Result<KnownDevice> {
        self.read(move |txn| known(txn, id)).await
    }

    /// The same for a device that claims: somebody waits at its gate.
    ///
    /// # Errors
    /// As [`Service::known_device`].
    pub async fn known_device_that_claims(&self, id: DeviceId) -> Result<KnownDevice> {
        let store = self.store();
        store.read_urgently(move |txn| known(txn, id)).await
    }
}
