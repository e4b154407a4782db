//! What a device should hold, and its signs of life.

use super::claims;
use super::devices::{self, DeviceStatus, Held, StoredDevice};
use super::duty::{self, Proved};
use super::error::{Error, Result};
use super::orders::honours;
use super::things::Loaded;
use super::{Service, Settings, epoch, heartbeat, organizers, sessions, times};
use crate::storage::Transaction;
use std::collections::BTreeMap;
use usher_domain::api::venue::Session;
use usher_domain::ids::{DeviceId, OrganizerId, ScopeId};
use usher_domain::protocol::claim::YieldRequest;
use usher_domain::protocol::{Assignment, FeedEnd, Heartbeat, HeartbeatAnswer, TableVersion};
use usher_domain::record::LogRef;
use usher_domain::table::rows::DeviceRole;
use usher_domain::table::{TableId, Version};
use usher_domain::time::UnixMillis;

/// Characters of a program's version at most.
const PROGRAM_MAX: usize = 100;

/// From when on devices are given a session that opens its doors at `doors`.
pub(crate) fn given_from(doors: UnixMillis, settings: &Settings) -> UnixMillis {
    let before = i64::try_from(settings.assign_before_ms).unwrap_or(i64::MAX);
    doors.shifted(before.saturating_neg())
}

/// Sessions that a device should hold now.
fn assigned(
    txn: &dyn Transaction,
    device: &StoredDevice,
    settings: &Settings,
    now: UnixMillis,
) -> Result<Vec<Session>> {
    let signed = |ms: u64| i64::try_from(ms).unwrap_or(i64::MAX);
    let ended = times::timestamp(now.shifted(-signed(settings.assign_after_ms)))?;
    let soon = times::timestamp(now.shifted(signed(settings.assign_before_ms)))?;
    let mut assigned: Vec<_> = sessions::of_organizer(txn, device.organizer)?
        .into_iter()
        .map(|session| session.value)
        .filter(|session| device.events.is_empty() || device.events.contains(&session.event))
        .filter(|session| !session.retired && session.ends > ended && session.doors < soon)
        .collect();
    // Whoever lets in tickets of another session needs them, however long ago that one was.
    let held: Vec<_> = assigned.iter().map(|session| session.id).collect();
    for session in held {
        for other in honours::honoured_by(txn, session)? {
            if !assigned.iter().any(|session| session.id == other) {
                assigned.push(sessions::of_id(txn, device.organizer, other)?.value);
            }
        }
    }
    assigned.sort_by_key(|session| (session.doors, session.id));
    Ok(assigned)
}

/// The tables that a device with these sessions should hold.
pub(crate) fn names(device: &StoredDevice, sessions: &[Session]) -> Vec<TableId> {
    let mut names = vec![TableId::Roster(device.organizer)];
    for session in sessions {
        names.push(TableId::Set(session.id));
        if device.role == DeviceRole::Desk {
            names.push(TableId::Directory(session.id));
        }
    }
    names
}

/// The tables that a device should hold now, sealed already or not.
pub(crate) fn table_names(
    txn: &dyn Transaction,
    device: DeviceId,
    settings: &Settings,
    now: UnixMillis,
) -> Result<Vec<TableId>> {
    let device = devices::active(txn, device)?.value;
    let sessions = assigned(txn, &device, settings, now)?;
    Ok(names(&device, &sessions))
}

/// The tables of these sessions that have a version.
fn tables(
    txn: &dyn Transaction,
    device: &StoredDevice,
    sessions: &[Session],
) -> Result<Vec<TableVersion>> {
    let mut tables = Vec::new();
    for table in names(device, sessions) {
        if let Some(head) = txn.table_head(table)? {
            tables.push(TableVersion {
                table,
                version: head.version,
            });
        }
    }
    Ok(tables)
}

fn scopes(sessions: &[Session]) -> Vec<ScopeId> {
    let mut scopes: Vec<_> = sessions.iter().map(|session| session.scope).collect();
    scopes.sort_unstable();
    scopes.dedup();
    scopes
}

/// What a device holds or should hold now.
pub(crate) struct Holdings {
    pub(crate) organizer: OrganizerId,
    /// Version of the trust document.
    pub(crate) trust: Version,
    /// Tables, sealed already or not.
    pub(crate) names: Vec<TableId>,
    /// Those that have a version.
    pub(crate) tables: Vec<TableVersion>,
    pub(crate) scopes: Vec<ScopeId>,
}

/// What a device that counts holds or should hold now.
pub(crate) fn holdings(
    txn: &dyn Transaction,
    device: DeviceId,
    settings: &Settings,
    now: UnixMillis,
) -> Result<Holdings> {
    let device = devices::active(txn, device)?.value;
    let trust = organizers::trust(txn, device.organizer)?
        .ok_or(Error::Conflict("the organizer has no trust document"))?;
    let sessions = assigned(txn, &device, settings, now)?;
    Ok(Holdings {
        organizer: device.organizer,
        trust: trust.keys.trust().version,
        names: names(&device, &sessions),
        tables: tables(txn, &device, &sessions)?,
        scopes: scopes(&sessions),
    })
}

/// Records on the device that the server lacks.
fn unsent(txn: &dyn Transaction, device: DeviceId, heartbeat: &Heartbeat) -> Result<u64> {
    let mut here: BTreeMap<LogRef, u64> = BTreeMap::new();
    for (_, head) in txn.heads_of_device(device)? {
        let end = here.entry(head.log).or_default();
        *end = (*end).max(head.sequence);
    }
    let own = heartbeat
        .heads
        .iter()
        .filter(|head| head.log.device == device);
    Ok(own
        .map(|head| {
            let sent = here.get(&head.log).copied().unwrap_or(0);
            head.sequence.saturating_sub(sent)
        })
        .fold(0, u64::saturating_add))
}

fn answer_heartbeat(
    txn: &mut dyn Transaction,
    id: DeviceId,
    (told, found): (&Heartbeat, &heartbeat::Found),
    settings: &Settings,
    mut yields: Vec<YieldRequest>,
    now: UnixMillis,
) -> Result<(HeartbeatAnswer, Option<Proved>)> {
    let Loaded { value: device, .. } = devices::active(txn, id)?;
    let before = devices::status(txn, id)?;
    let organizer = device.organizer;
    let runs = duty::note_run(txn, organizer, id, told, before.as_ref(), now)?;
    let copied = runs.copied();
    let status = DeviceStatus {
        seen: now,
        clock_offset_ms: told.clock_offset_ms,
        unsent: Some(unsent(txn, id, told)?),
        program: Some(told.program.chars().take(PROGRAM_MAX).collect()),
        storage_left: told.storage_left,
        holds: Some(Held::told(told, &found.tables)),
        trust: told.trust.map(|version| version.to_string()),
        runs,
    };
    heartbeat::watch(txn, organizer, id, before.as_ref(), (told, found), now)?;
    devices::put_status(txn, id, &status)?;
    let proved = duty::note(txn, id, told, &found.scopes, now)?;
    yields.extend(claims::granted_elsewhere(txn, id, now)?);
    let trust = organizers::trust(txn, device.organizer)?
        .ok_or(Error::Conflict("the organizer has no trust document"))?;
    let sessions = assigned(txn, &device, settings, now)?;
    let told = scopes(&sessions);
    super::scopes::tell(txn, device.organizer, &told, now)?;
    let feeds = told
        .into_iter()
        .map(|scope| {
            Ok(FeedEnd {
                scope,
                position: txn.feed_end(scope)?,
            })
        })
        .collect::<Result<Vec<_>>>()?;
    let answer = HeartbeatAnswer {
        server_time: now,
        epoch: epoch(txn)?,
        tables: tables(txn, &device, &sessions)?,
        feeds,
        trust: trust.keys.trust().version,
        device: id,
        open: Some(claims::open_of(txn, id)?),
        waited_ms: None,
        instance: None,
        copied,
        yields: Some(yields),
    };
    Ok((answer, proved))
}

fn assign(
    txn: &dyn Transaction,
    device: DeviceId,
    settings: &Settings,
    now: UnixMillis,
) -> Result<Assignment> {
    let device = devices::active(txn, device)?.value;
    let trust = organizers::trust(txn, device.organizer)?
        .ok_or(Error::Conflict("the organizer has no trust document"))?;
    let sessions = assigned(txn, &device, settings, now)?;
    Ok(Assignment {
        trust: trust.bytes.into(),
        tables: tables(txn, &device, &sessions)?,
        scopes: scopes(&sessions),
        gate: device.gate,
        server_time: now,
        epoch: epoch(txn)?,
    })
}

impl Service {
    /// What a device should hold now, and the documents that say whom to believe. All that was changed
    /// before is in the versions named: it waits, for a bounded time, until that is sealed.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::DeviceRevoked`], [`Error::Unauthenticated`] while it waits.
    pub async fn assignment(&self, device: DeviceId) -> Result<Assignment> {
        self.settle(device).await?;
        let now = self.now();
        let settings = self.settings().clone();
        let (assignment, untold) = self
            .read(move |txn| {
                let assignment = assign(txn, device, &settings, now)?;
                let untold = super::scopes::untold(txn, &assignment.scopes)?;
                Ok((assignment, untold))
            })
            .await?;
        if untold.is_empty() {
            return Ok(assignment);
        }
        let settings = self.settings().clone();
        self.write_quietly(move |txn, now| {
            let assignment = assign(txn, device, &settings, now)?;
            let organizer = devices::active(txn, device)?.value.organizer;
            super::scopes::tell(txn, organizer, &assignment.scopes, now)?;
            Ok(assignment)
        })
        .await
    }

    /// Notes a device's sign of life and tells how far the server is, with all that was changed before.
    ///
    /// # Errors
    /// As [`Service::assignment`]; [`Error::TooLarge`] and [`Error::Invalid`] for one that says more than a
    /// device can have to say.
    pub async fn heartbeat(
        &self,
        device: DeviceId,
        heartbeat: Heartbeat,
    ) -> Result<HeartbeatAnswer> {
        heartbeat::check(&heartbeat)?;
        let asked = self.now();
        self.settle(device).await?;
        let waited_ms = self.now().since(asked);
        let settings = self.settings().clone();
        let yields = self.claims().homes().asked(device);
        // Reading takes as long as what was said; nobody else waits for that.
        let (heartbeat, found) = self
            .read(move |txn| {
                let found = heartbeat::look(txn, device, &heartbeat)?;
                Ok((heartbeat, found))
            })
            .await?;
        // Nothing that is sealed changes, so the sealer need not wake up.
        let (answer, proved) = self
            .write_quietly(move |txn, now| {
                answer_heartbeat(txn, device, (&heartbeat, &found), &settings, yields, now)
            })
            .await?;
        match (proved, answer.copied) {
            (Some(proved), _) => self.duties().prove(&proved, self.now()),
            (None, Some(_)) => self.duties().forget(device),
            (None, None) => {}
        }
        Ok(HeartbeatAnswer {
            waited_ms: Some(waited_ms).filter(|ms| *ms > 0),
            instance: Some(self.instance()),
            ..answer
        })
    }
}
