//! This device's logs: how much of them the server has, and sending the rest.

use super::error::SyncError;
use super::parts::Access;
use super::report::{Mismatch, Progress};
use super::retry::Timer;
use super::run::Exchange;
use crate::store::{LogStanding, NoticeBody, OwnLog, StoreError};
use std::collections::{BTreeMap, BTreeSet};
use std::iter::Peekable;
use usher_domain::cbor;
use usher_domain::document::batch::Batch;
use usher_domain::hash::Hash;
use usher_domain::ids::ScopeId;
use usher_domain::log::{BatchError, Frame, sign_batch};
use usher_domain::problem::Problem;
use usher_domain::protocol::{
    BATCH_RECORDS_MAX, BODY_BYTES_MAX, Head, HeadsAnswer, PushAnswer, SyncApi, Whose,
};
use usher_domain::record::LogRef;

/// Bytes of records in one batch: the head and the frames of the records need some room too.
const BATCH_BYTES: usize = BODY_BYTES_MAX - 64 * 1024;
/// What frames a record in a batch, at most.
const RECORD_FRAME_BYTES: usize = 8;
/// The longest that a server may have a device wait with its records, in seconds.
const UPLOAD_WAITS_S: u32 = 3_600;
/// How often a server may say that something before a batch is missing.
pub(super) const GAPS_MAX: u32 = 3;

impl<A: SyncApi, S: Access, T: Timer> Exchange<'_, A, S, T> {
    /// Asks for the server's heads of this device's logs and notes how far it has them.
    pub(super) async fn compare_logs(&mut self, scope: ScopeId) -> Result<(), SyncError> {
        let whose = Whose::Own;
        let answer = self.ask(|| self.parts.api.heads(scope, whose)).await?;
        self.compare_with(scope, &answer)
    }

    /// Notes how far the server has this device's logs. A log that the server has more of is closed: this
    /// device was restored from an old copy.
    pub(super) fn compare_with(
        &mut self,
        scope: ScopeId,
        answer: &HeadsAnswer,
    ) -> Result<(), SyncError> {
        let held = self.parts.store.with(|store| store.heads(scope))?.heads;
        for own in self.own_logs(scope)? {
            let log = own.end.head.log;
            let theirs = ends_of(log, &answer.heads);
            if theirs
                .iter()
                .any(|head| head.sequence > own.end.head.sequence)
            {
                self.begin_log_after(&own)?;
            }
            let common = self.common(&ends_of(log, &held), &theirs)?;
            self.parts
                .store
                .with(|store| store.server_has(log, common.min(own.end.head.sequence)))?;
        }
        self.memory.compared.insert(scope, answer.epoch);
        Ok(())
    }

    /// Up to which sequence the server has a log as it is held here, by the ends that each holds of it. Where
    /// it forked, and where the server's end is not held here, nobody can say that of a sequence: then it is
    /// sent from its start, and the server keeps what it lacks.
    pub(super) fn common(&self, ours: &[Head], theirs: &[Head]) -> Result<u64, StoreError> {
        if ours.iter().all(|end| theirs.contains(end)) {
            return Ok(ours.iter().map(|end| end.sequence).max().unwrap_or(0));
        }
        let ([_], [end]) = (ours, theirs) else {
            return Ok(0);
        };
        let is_held = self.parts.store.with(|store| store.holds(end))?;
        Ok(if is_held { end.sequence } else { 0 })
    }

    /// What this folder wrote as another device, before it was enrolled anew, is not this device's.
    fn own_logs(&self, scope: ScopeId) -> Result<Vec<OwnLog>, StoreError> {
        let logs = self.parts.store.with(|store| store.own_logs())?;
        Ok(logs
            .into_iter()
            .filter(|log| log.end.scope == scope && log.end.head.log.device == self.device)
            .collect())
    }

    /// Closes a log that went another way on the server, and begins another.
    fn begin_log_after(&self, own: &OwnLog) -> Result<(), StoreError> {
        match own.standing {
            LogStanding::Closed => Ok(()),
            LogStanding::Open => self.parts.store.with(|store| {
                store
                    .start_log(own.end.scope, self.device, self.parts.entropy)
                    .map(drop)
            }),
        }
    }

    /// Sends everything that the server lacks of this device's logs in a scope, oldest first.
    pub(super) async fn upload(&mut self, scope: ScopeId) -> Result<(), SyncError> {
        let logs = self.own_logs(scope)?;
        let of = logs.iter().map(OwnLog::unsent).sum();
        let mut sent = 0;
        let mut stuck = None;
        for own in logs.iter().filter(|own| own.unsent() > 0) {
            match self.upload_log(own, &mut sent, of).await {
                // One log that is out of step keeps no other one here.
                Err(error @ SyncError::OutOfStep(_)) => stuck = Some(error),
                // Nothing was taken, and nothing is lost: it goes when there is room for it.
                Err(SyncError::Problem(problem)) if problem.is_of_writer() => {
                    self.memory.upload_after_ms = Some(self.retry_at_ms(&problem));
                    stuck = Some(problem.into());
                    break;
                }
                done => done?,
            }
        }
        if of > 0 {
            self.prove_upload(scope).await?;
        }
        stuck.map_or(Ok(()), Err)
    }

    /// When the server takes more of a writer who wrote too much, by the clock that is never set.
    pub(super) fn retry_at_ms(&self, problem: &Problem) -> u64 {
        let seconds = problem.retry_after.unwrap_or(1).min(UPLOAD_WAITS_S);
        let now_ms = self.parts.clock.read().monotonic_ms;
        now_ms.saturating_add(u64::from(seconds) * 1_000)
    }

    async fn upload_log(&mut self, own: &OwnLog, sent: &mut u64, of: u64) -> Result<(), SyncError> {
        let mut gaps = 0;
        let mut has = own.on_server;
        // Each turn sends at least one record or counts a gap, so this ends.
        while has < own.end.head.sequence {
            let batch = match self.next_batch(own, has) {
                Ok(batch) => batch,
                // Several branches of a log that forked are held here, since the feed brought the others;
                // or a record is missing, since the store was damaged.
                Err(SyncError::OwnLog(BatchError::Chain { .. })) => {
                    return self.upload_branches(own).await;
                }
                Err(error) => return Err(error),
            };
            let last = has + batch.records.len() as u64;
            let answer = self.ask(|| self.parts.api.push(batch.clone())).await?;
            let new_end = match answer {
                PushAnswer::Stored(end) | PushAnswer::Known(end) => {
                    if end > own.end.head.sequence && !self.grew_to(own, end)? {
                        // The server has records of this log that this device does not know.
                        self.begin_log_after(own)?;
                    }
                    // The answer speaks of the log's end, which other branches may have moved; that this
                    // batch is there, it says in any case.
                    last
                }
                PushAnswer::Gap(missing) => {
                    gaps += 1;
                    if gaps > GAPS_MAX || missing == 0 || missing > last {
                        return Err(SyncError::OutOfStep("the server misses what it has"));
                    }
                    missing - 1
                }
                PushAnswer::Forked(_) => {
                    self.tell_of_fork()?;
                    self.begin_log_after(own)?;
                    last
                }
            };
            self.parts
                .store
                .with(|store| store.server_has(own.end.head.log, new_end))?;
            let more = new_end.saturating_sub(has);
            self.report.sent += more;
            *sent = (*sent + more).min(of);
            has = new_end;
            (self.parts.progress)(Progress::Sending { done: *sent, of });
        }
        Ok(())
    }

    /// Whether this device's log itself reaches `end` by now: scans go on while records are sent.
    fn grew_to(&self, own: &OwnLog, end: u64) -> Result<bool, StoreError> {
        self.parts
            .store
            .with(|store| store.log_head_at(own.end.head.log, end))
            .map(|head| head.is_some())
    }

    /// Signs the records after `has`, as many as fit.
    fn next_batch(&self, own: &OwnLog, has: u64) -> Result<Batch, SyncError> {
        let limit = u32::try_from(BATCH_RECORDS_MAX).unwrap_or(u32::MAX);
        let rows = self
            .parts
            .store
            .with(|store| store.log_records(own.end.head.log, has + 1, limit))?;
        let mut records = rows.into_iter().map(|(_, record)| record).peekable();
        sign_batch(&self.key, fitting(&mut records)).map_err(SyncError::OwnLog)
    }

    /// Sends every branch of a log that forked, each from its start. That happens once after a server was
    /// restored; what it has already, it knows. What follows a record that neither end has is no part of
    /// any chain: it is written anew at the end of the open log and goes with that.
    async fn upload_branches(&mut self, own: &OwnLog) -> Result<(), SyncError> {
        let log = own.end.head.log;
        let rows = self
            .parts
            .store
            .with(|store| store.log_records(log, 1, u32::MAX))?;
        let mut lost_before = Vec::new();
        for branch in branches(rows) {
            let begins_the_log = branch.first().is_some_and(|record| is_first(record));
            let mut records = branch.into_iter().peekable();
            while records.peek().is_some() {
                let batch =
                    sign_batch(&self.key, fitting(&mut records)).map_err(SyncError::OwnLog)?;
                let answer = self.ask(|| self.parts.api.push(batch.clone())).await?;
                if let PushAnswer::Gap(_) = answer {
                    if begins_the_log {
                        return Err(SyncError::OutOfStep(
                            "the server misses what it was just sent",
                        ));
                    }
                    let rest = batch.records.iter().map(|record| record.to_vec());
                    lost_before.extend(rest.chain(records.by_ref()));
                }
            }
        }
        self.write_anew(own, &lost_before)?;
        let end = own.end.head.sequence;
        self.report.sent += own.unsent() - lost_before.len() as u64;
        self.parts.store.with(|store| store.server_has(log, end))?;
        Ok(())
    }

    /// Writes records anew that stand after a hole, and tells a person.
    fn write_anew(&mut self, own: &OwnLog, records: &[Vec<u8>]) -> Result<(), StoreError> {
        if records.is_empty() {
            return Ok(());
        }
        let (now, _) = self.now()?;
        let end = own.end;
        self.parts.store.with(|store| {
            let (device, entropy) = (self.device, self.parts.entropy);
            let records = store.write_anew(end.scope, end.head.log, records, device, entropy)?;
            store.notice(now, &NoticeBody::RecordsWrittenAnew { records })
        })
    }

    fn tell_of_fork(&self) -> Result<(), StoreError> {
        let (now, _) = self.now()?;
        self.parts
            .store
            .with(|store| store.notice(now, &NoticeBody::LogForked))
    }

    /// After sending, the server's heads must be records of this device at the ends of its logs.
    async fn prove_upload(&mut self, scope: ScopeId) -> Result<(), SyncError> {
        let whose = Whose::Own;
        let answer = self.ask(|| self.parts.api.heads(scope, whose)).await?;
        let heads = answer.heads;
        for own in self.own_logs(scope)? {
            let there = own.on_server == 0
                || heads
                    .iter()
                    .any(|head| head.log == own.end.head.log && head.sequence >= own.on_server);
            if !there {
                self.report.mismatches.push(Mismatch::Log(own.end.head.log));
                // Asked and sent anew next time, from where the server really is.
                self.memory.compared.remove(&scope);
            }
        }
        Ok(())
    }
}

/// The ends of one log among those of many.
pub(super) fn ends_of(log: LogRef, ends: &[Head]) -> Vec<Head> {
    let own = ends.iter().filter(|end| end.log == log);
    own.copied().collect()
}

/// As many records from the front as fit one batch; at least one.
fn fitting(records: &mut Peekable<impl Iterator<Item = Vec<u8>>>) -> Vec<Vec<u8>> {
    let (mut batch, mut bytes) = (Vec::new(), 0);
    while let Some(record) = records.next_if(|record| {
        let fits = bytes + record.len() + RECORD_FRAME_BYTES <= BATCH_BYTES;
        fits && batch.len() < BATCH_RECORDS_MAX
    }) {
        bytes += record.len() + RECORD_FRAME_BYTES;
        batch.push(record);
    }
    batch
}

/// Whether a record is the first of its log.
fn is_first(record: &[u8]) -> bool {
    cbor::decode(record).is_ok_and(|frame: Frame| frame.sequence == 1)
}

/// The branches of a log, each from the log's start to its end, or from after a hole.
fn branches(rows: Vec<(Hash, Vec<u8>)>) -> Vec<Vec<Vec<u8>>> {
    let before = |record: &[u8]| cbor::decode(record).map(|frame: Frame| frame.previous).ok();
    let held: BTreeMap<Hash, Vec<u8>> = rows.into_iter().collect();
    let followed: BTreeSet<Hash> = held.values().filter_map(|record| before(record)).collect();
    let ends = held.keys().filter(|hash| !followed.contains(hash));
    ends.map(|end| {
        let mut branch = Vec::new();
        let mut next = Some(*end);
        while let Some(record) = next.and_then(|hash| held.get(&hash)) {
            branch.push(record.clone());
            next = before(record);
        }
        branch.reverse();
        branch
    })
    .collect()
}
