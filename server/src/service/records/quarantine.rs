//! Records of a device that wait in quarantine until a person accepts or voids them.

use super::cuts;
use super::lines::ground_lines;
use crate::service::devices::StoredDevice;
use crate::service::error::{Error, Result};
use crate::service::incidents::{self, Standing};
use crate::service::organizers::StoredOrganizer;
use crate::service::statistics::find_session;
use crate::service::things::{self, Loaded};
use crate::service::{Service, times};
use crate::storage::{LogPlace, StoredRecord, Transaction};
use jiff::Timestamp;
use std::collections::BTreeSet;
use usher_domain::api::Page;
use usher_domain::api::reports::QuarantinedRecord;
use usher_domain::cbor;
use usher_domain::hash::Hash;
use usher_domain::ids::{DeviceId, OrganizerId, ScopeId};
use usher_domain::log::{Frame, Line};
use usher_domain::merge::Ground;
use usher_domain::record::LogRef;

/// Records read for one page at most; how many of them wait is another matter.
const READ_AT_ONCE: u32 = 1_000;

/// Which quarantined records are wanted.
#[derive(Debug, Clone)]
pub struct QuarantineFilter {
    /// The device, by id.
    pub device: String,
    /// Only what arrived at this time or later.
    pub from: Option<Timestamp>,
    /// Only what arrived before this time.
    pub until: Option<Timestamp>,
}

/// Positions of a scope's feed.
#[derive(Debug, Clone, Copy)]
struct Positions {
    first: u64,
    end: u64,
}

/// The positions at which a device's records arrived between two times.
fn positions(
    txn: &dyn Transaction,
    scope: ScopeId,
    device: DeviceId,
    wanted: &QuarantineFilter,
) -> Result<Positions> {
    let first = |field, since: Timestamp| -> Result<u64> {
        let since =
            times::unix_millis(since).ok_or_else(|| Error::invalid(field, "is before 1970"))?;
        let batches = txn.first_batches_since(device, since)?;
        let of_scope = batches.iter().find(|(of, _)| *of == scope);
        Ok(of_scope.map_or(u64::MAX, |(_, position)| *position))
    };
    Ok(Positions {
        first: wanted.from.map_or(Ok(0), |from| first("from", from))?,
        end: wanted
            .until
            .map_or(Ok(u64::MAX), |until| first("until", until))?,
    })
}

/// The end of a page: a log and a place in it.
fn write_place(log: LogRef, place: &LogPlace) -> String {
    format!("{}/{}/{}", log.log, place.sequence, place.hash)
}

fn read_place(device: DeviceId, text: &str) -> Option<(LogRef, LogPlace)> {
    let mut parts = text.splitn(3, '/');
    let log = parts.next()?.parse().ok()?;
    let sequence = parts.next()?.parse().ok()?;
    let hash: Hash = parts.next()?.parse().ok()?;
    Some((LogRef { device, log }, LogPlace { sequence, hash }))
}

fn describe(ground: &Ground, record: &StoredRecord) -> QuarantinedRecord {
    let line = Line::read(&record.bytes).ok();
    let scan = line.as_ref().and_then(|line| {
        let subject = ground.resolve(line.record.subject()?);
        let at = ground.stamp_of(&line.record);
        incidents::scan_line(line, at, subject, Standing::Waits)
    });
    QuarantinedRecord {
        record: record.hash.to_string(),
        scan,
    }
}

fn page(
    txn: &dyn Transaction,
    organizer: OrganizerId,
    (scope, device): (ScopeId, DeviceId),
    wanted: &QuarantineFilter,
    after: Option<&str>,
) -> Result<Page<QuarantinedRecord>> {
    let bad = || Error::invalid("after", "not the end of a page");
    let after = after
        .map(|text| read_place(device, text).ok_or_else(bad))
        .transpose()?;
    let server = things::get::<StoredOrganizer>(txn, organizer.as_bytes())?;
    let general = ground_lines(txn, scope)?;
    let ground = cuts::ground_of_all(txn, scope, server.value.server, &general)?;
    let positions = positions(txn, scope, device, wanted)?;
    let heads = txn.heads_of_device(device)?;
    let logs: BTreeSet<LogRef> = heads
        .iter()
        .filter(|(of, head)| *of == scope && ground.is_cut(head.log))
        .map(|(_, head)| head.log)
        .collect();
    let (begin, mut from) = match after {
        Some((log, place)) => (Some(log), place),
        None => (None, LogPlace::before(0)),
    };
    let mut left = READ_AT_ONCE;
    let mut items = Vec::new();
    for log in logs
        .into_iter()
        .filter(|log| begin.is_none_or(|begin| *log >= begin))
    {
        if begin != Some(log) {
            from = LogPlace::before(0);
        }
        let records = txn.records_of_log(log, from, left)?;
        for (place, record) in &records {
            from = *place;
            let is_wanted = (positions.first..positions.end).contains(&record.position);
            let frame = cbor::decode::<Frame>(&record.bytes);
            if is_wanted
                && frame.is_ok_and(|frame| ground.is_place_quarantined(&frame, record.hash))
            {
                items.push(describe(&ground, record));
            }
        }
        left = left.saturating_sub(u32::try_from(records.len()).unwrap_or(u32::MAX));
        if left == 0 {
            let next = Some(write_place(log, &from));
            return Ok(Page { items, next });
        }
    }
    Ok(Page { items, next: None })
}

impl Service {
    /// Records of a device in a session's scope that wait until a person accepts or voids them, by log and
    /// sequence. A page may be empty where others follow.
    ///
    /// # Errors
    /// [`Error::NotFound`] for session or device, [`Error::Invalid`] for a page that begins nowhere.
    pub async fn quarantined(
        &self,
        organizer: OrganizerId,
        (event, session): (String, String),
        wanted: QuarantineFilter,
        after: Option<String>,
    ) -> Result<Page<QuarantinedRecord>> {
        self.read(move |txn| {
            let (_, session) = find_session(txn, organizer, &event, &session)?;
            let device: Loaded<StoredDevice> =
                things::find(txn, organizer.as_bytes(), &wanted.device)?;
            let device = DeviceId::from_bytes(device.id);
            page(
                txn,
                organizer,
                (session.scope, device),
                &wanted,
                after.as_deref(),
            )
        })
        .await
    }
}
