//! Gates at which most of the codes shown are in no list: the list may be of another event, or a scanner is
//! set in a way that changes what it reads.

use super::lines::Placed;
use crate::service::error::Result;
use crate::service::incidents::{self, About, Standing};
use crate::storage::{LogPlace, Transaction};
use std::collections::BTreeMap;
use usher_domain::api::reports::IncidentKind;
use usher_domain::ids::{OrganizerId, SessionId};
use usher_domain::log::Line;
use usher_domain::record::{LogRef, Scan};
use usher_domain::time::UnixMillis;
use usher_domain::timetable::{LOOK_BACK, UNKNOWN_FROM};
use usher_domain::verdict::Reason;

/// Records before those that arrived which are looked at as well: the last scans stand among them, whatever a
/// device wrote between them.
const BEFORE: u64 = 40;
/// Records of a log that are read at most.
const READ_MAX: u32 = 2_000;

/// Tells of devices at which eight of ten scans in a row, at one session, were of unknown codes.
pub(super) fn watch(
    txn: &mut dyn Transaction,
    organizer: OrganizerId,
    arrived: &[Placed],
    now: UnixMillis,
) -> Result<()> {
    let mut first: BTreeMap<LogRef, u64> = BTreeMap::new();
    for (_, line) in arrived {
        if line.record.body.as_scan().is_some_and(is_unknown) {
            let sequence = line.record.sequence;
            let from = first.entry(line.record.log).or_insert(sequence);
            *from = (*from).min(sequence);
        }
    }
    for (log, from) in first {
        let after = LogPlace::before(from.saturating_sub(BEFORE));
        let records = txn.records_of_log(log, after, READ_MAX)?;
        let lines: Vec<Line> = records
            .iter()
            .filter_map(|(_, record)| Line::read(&record.bytes).ok())
            .collect();
        for (session, scans) in mostly_unknown(&lines, from) {
            let about = About::device_at(IncidentKind::UnknownCodes, log.device, session);
            let detail = format!(
                "{} of {LOOK_BACK} codes in a row are in no list: is this the right list, the right scanner?",
                scans.len()
            );
            let scans = scans.into_iter().filter_map(|(line, scan)| {
                let at = line.record.stamp;
                incidents::scan_line(line, at, scan.subject, Standing::Counts)
            });
            incidents::raise(
                txn,
                organizer,
                &about,
                &detail,
                scans.collect::<Vec<_>>(),
                now,
            )?;
        }
    }
    Ok(())
}

const fn is_unknown(scan: &Scan) -> bool {
    matches!(
        scan.reason,
        Reason::Unknown | Reason::Malformed | Reason::Forged
    )
}

/// Of each session the unknown codes among the first ten scans in a row of which so many are, where one of the
/// ten is not before `from`.
fn mostly_unknown(lines: &[Line], from: u64) -> BTreeMap<SessionId, Vec<(&Line, &Scan)>> {
    let mut sessions: BTreeMap<SessionId, Vec<(&Line, &Scan)>> = BTreeMap::new();
    for line in lines {
        if let Some(scan) = line.record.body.as_scan() {
            sessions.entry(scan.session).or_default().push((line, scan));
        }
    }
    sessions.retain(|_, scans| {
        let found = scans.windows(LOOK_BACK).find_map(|ten| {
            let is_new = ten.iter().any(|(line, _)| line.record.sequence >= from);
            let unknown = ten.iter().filter(|(_, scan)| is_unknown(scan));
            let unknown: Vec<_> = unknown.copied().collect();
            (is_new && unknown.len() >= UNKNOWN_FROM).then_some(unknown)
        });
        *scans = found.unwrap_or_default();
        !scans.is_empty()
    });
    sessions
}
