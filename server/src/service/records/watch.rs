//! What a person must see that is no matter of one ticket: unreadable records, clocks that are ahead, and
//! records that wait after a revocation.

use super::lines::Placed;
use crate::service::error::Result;
use crate::service::incidents::{self, About, Standing};
use crate::storage::{LogPlace, StoredRecord, Transaction};
use minicbor::{Decode, Encode};
use std::collections::{BTreeMap, BTreeSet};
use usher_domain::api::reports::IncidentKind;
use usher_domain::cbor;
use usher_domain::hash::Hash;
use usher_domain::ids::{DeviceId, OrganizerId, ScopeId};
use usher_domain::log::{Frame, Line};
use usher_domain::merge::{Ground, jumped_ahead};
use usher_domain::record::{Body, LogRef};
use usher_domain::time::UnixMillis;

/// Scans that one incident lists at most.
const LISTED_MAX: usize = 1_000;

/// Records of a quarantined log that are read at once.
const READ_AT_ONCE: u32 = 1_000;

/// Logs with records that this program cannot interpret.
pub(super) fn unreadable_logs(stored: &[StoredRecord]) -> BTreeSet<LogRef> {
    stored
        .iter()
        .filter(|record| Line::read(&record.bytes).is_err())
        .filter_map(|record| cbor::decode::<Frame>(&record.bytes).ok())
        .map(|frame| frame.log)
        .collect()
}

/// Tells of records that a newer program wrote: they are stored and passed on, but do not count here.
pub(super) fn unreadable(
    txn: &mut dyn Transaction,
    organizer: OrganizerId,
    logs: &BTreeSet<LogRef>,
    now: UnixMillis,
) -> Result<()> {
    for log in logs {
        let about = About::log(IncidentKind::Unreadable, *log);
        let detail = "records of a kind that this program does not know are stored and do not \
                      count: update the server";
        incidents::raise(txn, organizer, &about, detail, Vec::new(), now)?;
    }
    Ok(())
}

/// Tells of devices whose stamps are ahead of the server's clock, of the device alone that wrote them.
pub(super) fn clocks(
    txn: &mut dyn Transaction,
    organizer: OrganizerId,
    ground: &Ground,
    arrived: &[Placed],
    now: UnixMillis,
) -> Result<()> {
    let mut ahead: BTreeMap<DeviceId, u64> = BTreeMap::new();
    let is_told =
        |line: &Line| ground.counts(line) || line.record.stamp > usher_domain::merge::LAST_STAMP;
    for (_, line) in arrived.iter().filter(|(_, line)| is_told(line)) {
        if let Some(ms) = jumped_ahead(line.record.stamp, now) {
            let most = ahead.entry(line.record.log.device).or_default();
            *most = (*most).max(ms);
        }
    }
    for (device, ms) in ahead {
        let about = About::device(IncidentKind::ClockJump, device);
        let detail = format!(
            "scans are dated up to {} minutes ahead of the server's clock",
            ms / 60_000
        );
        incidents::raise(txn, organizer, &about, &detail, Vec::new(), now)?;
    }
    Ok(())
}

/// Logs whose incident of quarantined records may say something else after these records: those that were
/// cut, those of records that were ruled on, and those to which a revoked device added something, also
/// what this program cannot read.
pub(super) fn to_look_at(
    txn: &dyn Transaction,
    scope: ScopeId,
    (ground, authority): (&Ground, DeviceId),
    unreadable: &BTreeSet<LogRef>,
    arrived: &[Placed],
) -> Result<BTreeSet<LogRef>> {
    let mut logs: BTreeSet<LogRef> = unreadable
        .iter()
        .filter(|log| ground.is_cut(**log))
        .copied()
        .collect();
    for (_, line) in arrived {
        match &line.record.body {
            Body::Cut(cut) if line.record.log.device == authority => logs.extend([cut.log]),
            Body::Ruling(ruling) if line.record.log.device == authority => {
                let of = txn.record(scope, &ruling.of)?;
                let of = of.and_then(|record| cbor::decode::<Frame>(&record.bytes).ok());
                logs.extend(of.map(|frame| frame.log));
            }
            Body::Scan(_)
            | Body::Undo(_)
            | Body::Link(_)
            | Body::Rule(_)
            | Body::Cut(_)
            | Body::Ruling(_)
            | Body::EveryoneOut(_)
            | Body::FreeFlow(_)
            | Body::Abort(_)
            | Body::Yield(_)
            | Body::StandDown(_)
            | Body::Honour(_)
            | Body::Notice(_)
            | Body::Delay(_)
            | Body::OverrideKey(_)
            | Body::Arrival(_)
            | Body::OutTakenBack(_)
            | Body::Correction(_) => {
                if ground.is_quarantined(line) {
                    logs.insert(line.record.log);
                }
            }
        }
    }
    Ok(logs)
}

/// How far the quarantined records of a log are looked through.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub(super) struct Look {
    #[n(0)]
    pub(super) log: LogRef,
    /// The last record that was read; none before the first.
    #[n(1)]
    read: Option<LogPlace>,
    /// The records that wait for a person, as far as the log was read.
    #[n(2)]
    waiting: Vec<Hash>,
}

impl Look {
    /// A look of which nothing was done yet.
    pub(super) const fn at_the_beginning(log: LogRef) -> Self {
        Self {
            log,
            read: None,
            waiting: Vec::new(),
        }
    }

    /// Reads the next records, and tells whether there may be more to read: page by page, for a person may
    /// have ruled on many of them. It goes on after what was *read*, for nothing says that a record is
    /// readable here.
    fn read_on(&mut self, txn: &dyn Transaction, ground: &Ground, first: u64) -> Result<Rest> {
        let after = self.read.unwrap_or(LogPlace::before(first));
        let page = txn.records_of_log(self.log, after, READ_AT_ONCE)?;
        let is_last = page.len() < READ_AT_ONCE as usize;
        for (place, record) in page {
            self.read = Some(place);
            let frame = cbor::decode::<Frame>(&record.bytes);
            if frame.is_ok_and(|frame| ground.is_place_quarantined(&frame, record.hash)) {
                self.waiting.push(record.hash);
            }
        }
        if is_last || self.waiting.len() >= LISTED_MAX {
            Ok(Rest::Nothing)
        } else {
            Ok(Rest::Something)
        }
    }

    /// Brings the incident of the log up to date.
    fn tell(
        &self,
        txn: &mut dyn Transaction,
        organizer: OrganizerId,
        ground: &Ground,
        now: UnixMillis,
    ) -> Result<()> {
        let about = About::log(IncidentKind::Quarantined, self.log);
        if self.waiting.is_empty() {
            return incidents::settle(txn, organizer, &about);
        }
        let mut scans = Vec::new();
        for hash in self.waiting.iter().take(LISTED_MAX) {
            if let Some(record) = txn.record(ground.scope(), hash)?
                && let Ok(line) = Line::read(&record.bytes)
                && let Some(subject) = line.record.subject()
            {
                let subject = ground.resolve(subject);
                let at = ground.stamp_of(&line.record);
                scans.extend(incidents::scan_line(&line, at, subject, Standing::Waits));
            }
        }
        let count = match self.waiting.len() {
            few if few < LISTED_MAX => few.to_string(),
            _ => format!("{LISTED_MAX} or more"),
        };
        let detail =
            format!("{count} records of this revoked device wait to be accepted or voided");
        incidents::raise(txn, organizer, &about, &detail, scans, now)
    }
}

/// Whether there is more of something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rest {
    Nothing,
    Something,
}

/// Looks through the next records of a log, and brings its incident of quarantined records up to date when
/// all that it needs is read; else answers with what is left to do. `first` is the first sequence of which a
/// record may wait.
pub(super) fn look(
    txn: &mut dyn Transaction,
    organizer: OrganizerId,
    ground: &Ground,
    (mut look, first): (Look, u64),
    now: UnixMillis,
) -> Result<Option<Look>> {
    match look.read_on(txn, ground, first)? {
        Rest::Something => Ok(Some(look)),
        Rest::Nothing => {
            look.tell(txn, organizer, ground, now)?;
            Ok(None)
        }
    }
}
