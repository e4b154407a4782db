//! Whether everything is in place before the doors open: what every device that a session expects proves
//! about itself, against what this server sealed.

mod judge;
mod words;

use super::assignment;
use super::devices::{self, StoredDevice};
use super::duty::{self, Duties};
use super::error::Result;
use super::statistics::find_session;
use super::tables::{self, counts::Counts};
use super::things::{self, Loaded};
use super::{Service, Settings, channels, organizers, times, types};
use crate::storage::{StorageError, Transaction};
use judge::{Wanted, blocks, judge};
use std::sync::Arc;
use usher_domain::api::access::DeviceState;
use usher_domain::api::readiness::{ChannelTickets, DeviceReadiness, Finding, Readiness};
use usher_domain::api::venue::{Event, Session, SetStatus};
use usher_domain::ids::{DeviceId, OrganizerId};
use usher_domain::session::ChannelCount;
use usher_domain::table::rows::DeviceRole;
use usher_domain::table::{Manifest, TableId};
use usher_domain::time::UnixMillis;

/// Buckets of a table, first and last.
const ALL_BUCKETS: std::ops::RangeInclusive<u16> = 0..=1023;

/// The tables that devices need for a session, by role.
fn tables_for(organizer: OrganizerId, session: &Session, role: DeviceRole) -> Vec<TableId> {
    let mut tables = vec![TableId::Set(session.id), TableId::Roster(organizer)];
    if role == DeviceRole::Desk {
        tables.push(TableId::Directory(session.id));
    }
    tables
}

/// What this server sealed last of the tables that a device of this role needs.
fn wanted(
    txn: &dyn Transaction,
    organizer: OrganizerId,
    session: &Session,
    role: DeviceRole,
) -> Result<Vec<Wanted>> {
    let mut wanted = Vec::new();
    for table in tables_for(organizer, session, role) {
        if let Some(head) = txn.table_head(table)? {
            let manifest = tables::manifest(&head)?;
            wanted.push(Wanted {
                table,
                version: head.version,
                digest: manifest.digest,
                sealed_at: manifest.issued_at,
            });
        }
    }
    Ok(wanted)
}

/// Counts the rows of a table anew.
fn count_again(txn: &dyn Transaction, table: TableId) -> Result<Counts> {
    let mut counts = Counts::default();
    let mut broken = None;
    let visited = txn.sealed_rows(table, ALL_BUCKETS, &mut |_, row| {
        counts.change(table, None, row).map_err(|error| {
            broken = Some(error);
            StorageError::Aborted
        })
    });
    match (broken, visited) {
        (Some(error), _) => Err(error),
        (None, visited) => {
            visited?;
            Ok(counts)
        }
    }
}

/// Counts without channels that have no ticket any more.
fn filled(counts: &[ChannelCount]) -> Vec<&ChannelCount> {
    let any = |count: &&ChannelCount| count.valid + count.cancelled + count.blocked > 0;
    counts.iter().filter(any).collect()
}

fn by_channel(names: &[String], counts: &[ChannelCount]) -> Vec<ChannelTickets> {
    filled(counts)
        .into_iter()
        .map(|count| ChannelTickets {
            channel: names
                .get(usize::from(count.channel))
                .cloned()
                .unwrap_or_else(|| count.channel.to_string()),
            valid: count.valid,
            cancelled: count.cancelled,
            blocked: count.blocked,
        })
        .collect()
}

/// What is known of the session itself.
struct Ground {
    set: Option<SetStatus>,
    channels: Vec<ChannelTickets>,
    findings: Vec<Finding>,
}

fn look_at_set(
    txn: &dyn Transaction,
    event: &Event,
    session: &Session,
    manifest: &Manifest,
) -> Result<Ground> {
    let mut findings = Vec::new();
    let table = TableId::Set(session.id);
    let told = manifest.terms.as_ref();
    let told = told.map_or(&[][..], |terms| &terms.counts);
    let again = count_again(txn, table)?;
    if again.rows != manifest.rows || filled(&again.channels) != filled(told) {
        findings.push(words::counts_differ(again.rows, manifest.rows));
    }
    let ends = times::unix_millis(session.ends).unwrap_or_default();
    if manifest.expires_at < ends {
        findings.push(words::set_expires());
    }
    Ok(Ground {
        set: Some(SetStatus {
            epoch: manifest.version.epoch,
            number: manifest.version.number,
            tickets: manifest.rows,
            digest: manifest.digest.to_string(),
        }),
        channels: by_channel(&channels::names(txn, event.id)?, &again.channels),
        findings,
    })
}

fn look_at_session(
    txn: &dyn Transaction,
    organizer: OrganizerId,
    event: &Event,
    session: &Session,
    settings: &Settings,
    now: UnixMillis,
) -> Result<Ground> {
    let mut ground = match txn.table_head(TableId::Set(session.id))? {
        Some(head) => look_at_set(txn, event, session, &tables::manifest(&head)?)?,
        None => Ground {
            set: None,
            channels: Vec::new(),
            findings: vec![words::no_set()],
        },
    };
    let types = types::of_event(txn, event.id)?;
    let new: Vec<_> = types::not_allowed(session, &types).collect();
    let names = types
        .iter()
        .filter(|kind| !kind.value.retired && new.contains(&kind.value.number));
    let names: Vec<_> = names.map(|kind| &kind.value).collect();
    if !names.is_empty() {
        ground
            .findings
            .push(words::types_not_allowed(&event.slug, &names));
    }
    let dirty = txn.dirty_tables()?;
    let needed = tables_for(organizer, session, DeviceRole::Desk);
    if ground.set.is_some() && needed.iter().any(|table| dirty.contains(table)) {
        ground.findings.push(words::not_sealed());
    }
    let doors = times::unix_millis(session.doors).unwrap_or_default();
    let given = assignment::given_from(doors, settings);
    if now < given {
        ground
            .findings
            .push(words::too_early(times::timestamp(given)?));
    }
    Ok(ground)
}

fn look_at_device(
    txn: &dyn Transaction,
    duties: &Duties,
    device: &Loaded<StoredDevice>,
    wanted: &[Wanted],
    trust: Option<String>,
    now: UnixMillis,
) -> Result<DeviceReadiness> {
    let status = devices::status(txn, DeviceId::from_bytes(device.id))?;
    let device = devices::describe(txn, duties, device)?;
    let findings = judge(&device, status.as_ref(), wanted, trust.as_deref(), now);
    Ok(DeviceReadiness {
        ready: !blocks(&findings),
        findings,
        device,
    })
}

fn look(
    txn: &dyn Transaction,
    duties: &Duties,
    organizer: OrganizerId,
    event: &str,
    session: &str,
    settings: &Settings,
    now: UnixMillis,
) -> Result<Readiness> {
    let (event, session) = find_session(txn, organizer, event, session)?;
    let Ground {
        set,
        channels,
        mut findings,
    } = look_at_session(txn, organizer, &event, &session, settings, now)?;
    let gate = wanted(txn, organizer, &session, DeviceRole::Gate)?;
    let desk = wanted(txn, organizer, &session, DeviceRole::Desk)?;
    let trust =
        organizers::trust(txn, organizer)?.map(|trust| trust.keys.trust().version.to_string());
    let (mut devices, mut spares) = (Vec::new(), Vec::new());
    let (mut off_duty, mut revoked) = (Vec::new(), Vec::new());
    for device in things::all::<StoredDevice>(txn, organizer.as_bytes())? {
        let stored = &device.value;
        if !stored.events.is_empty() && !stored.events.contains(&event.id) {
            continue;
        }
        if stored.state == DeviceState::Revoked {
            revoked.push(devices::describe(txn, duties, &device)?);
            continue;
        }
        if duty::is_off(txn, organizer, DeviceId::from_bytes(device.id))? {
            off_duty.push(devices::describe(txn, duties, &device)?);
            continue;
        }
        let wanted = match stored.role {
            DeviceRole::Gate => &gate,
            DeviceRole::Desk => &desk,
        };
        let looked = look_at_device(txn, duties, &device, wanted, trust.clone(), now)?;
        match looked.device.gate {
            Some(_) => devices.push(looked),
            None => spares.push(looked),
        }
    }
    let place = |one: &DeviceReadiness| {
        let device = &one.device;
        (device.gate_slug.clone(), device.name.clone(), device.id)
    };
    devices.sort_by_key(place);
    spares.sort_by_key(place);
    if devices.is_empty() {
        findings.push(words::no_devices());
    }
    Ok(Readiness {
        session: session.id,
        at: times::timestamp(now)?,
        ready: !blocks(&findings) && devices.iter().all(|device| device.ready),
        set,
        channels,
        findings,
        devices,
        spares,
        off_duty,
        revoked,
    })
}

impl Service {
    /// Whether a session is ready: what each of its devices proves, and what differs. What was changed
    /// before is sealed first, within a bounded time.
    ///
    /// # Errors
    /// [`super::Error::NotFound`] for event or session.
    pub async fn readiness(
        &self,
        organizer: OrganizerId,
        event: String,
        session: String,
    ) -> Result<Readiness> {
        let named = (event.clone(), session.clone());
        self.settle_for(move |txn| {
            let (_, session) = find_session(txn, organizer, &named.0, &named.1)?;
            Ok(tables_for(organizer, &session, DeviceRole::Desk))
        })
        .await?;
        let (now, settings) = (self.now(), self.settings().clone());
        let duties = Arc::clone(self.duties());
        self.read(move |txn| look(txn, &duties, organizer, &event, &session, &settings, now))
            .await
    }
}
