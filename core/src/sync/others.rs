//! Others' logs, handed back to a server that lost them: a record is gone only with the last disk that holds
//! it, whoever wrote it.
//!
//! A batch proves itself by its writer's signature, so it does not matter who hands it in. What the server
//! has is asked once; then the batches that it lacks go to it in the order of their logs. All of it may be
//! cut anywhere and done again: what the server has by then, it knows.

use super::error::SyncError;
use super::logs::{GAPS_MAX, ends_of};
use super::parts::Access;
use super::plan::Remote;
use super::retry::Timer;
use super::run::Exchange;
use crate::store::{OwnLog, Recipient, SignedRange, StoreError};
use std::collections::{BTreeMap, BTreeSet};
use usher_domain::ids::{DeviceId, ScopeId};
use usher_domain::problem::Retry;
use usher_domain::protocol::{Head, HeadsAnswer, PushAnswer, SyncApi, Whose};
use usher_domain::record::LogRef;

/// How many seconds later something is offered again that the server could not store, if it does not say.
const OFFER_AGAIN_S: u32 = 60;

/// What the server took of what was handed back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Taken {
    /// Everything that it lacked.
    All,
    /// Not everything, and it may with other documents.
    NotAll,
    /// Not everything: the rest goes later, by [`PutOff`].
    Later,
}

/// What a server did not take of others' logs in a scope, and takes later: a device wrote too much lately, or
/// something was wrong with the server.
#[derive(Debug)]
pub(super) struct PutOff {
    /// The server as it was then. With other documents it may take what it refused for another reason.
    by: Option<Recipient>,
    /// When the logs of a device are offered again, by the clock that is never set.
    until_ms: BTreeMap<DeviceId, u64>,
}

impl PutOff {
    /// Whether it is too early for all of it.
    fn waits(&self, now_ms: u64) -> bool {
        self.until_ms.values().all(|until_ms| now_ms < *until_ms)
    }
}

impl<A: SyncApi, S: Access, T: Timer> Exchange<'_, A, S, T> {
    /// Hands in what was read of others' logs in a scope and the server lacks. What it refuses is offered again
    /// later, or once its documents are others. That something may be lacking is written down before the
    /// server is asked, and so before the feed is read anew: afterwards nothing else tells that it does.
    ///
    /// A server that lost something may have forgotten, too, that a device wrote too much: nothing of what it
    /// put off before waits.
    pub(super) async fn hand_back_logs(
        &mut self,
        scope: ScopeId,
        to: Recipient,
    ) -> Result<(), SyncError> {
        self.memory.put_off.remove(&scope);
        self.note_refusal(scope, Some(Recipient::NOBODY))?;
        self.offer_logs(scope, to).await
    }

    /// Hands in what the server lacks of others' logs in a scope, but for what it takes later.
    pub(super) async fn offer_logs(
        &mut self,
        scope: ScopeId,
        to: Recipient,
    ) -> Result<(), SyncError> {
        let answer = self.everybodys_heads(scope).await?;
        let taken = self.hand_back_after(scope, &answer, Some(to)).await?;
        let by = match taken {
            Taken::All => None,
            Taken::NotAll => Some(to),
            Taken::Later if usher_domain::mutated!(ForgetPutOff) => None,
            Taken::Later => Some(Recipient::NOBODY),
        };
        Ok(self.note_refusal(scope, by)?)
    }

    /// Whether it is too early to offer what the server did not take of others' logs in a scope, and its
    /// documents are the same still.
    pub(super) fn is_put_off(&self, scope: ScopeId) -> bool {
        let now_ms = self.parts.clock.read().monotonic_ms;
        let by = self.memory.remote.as_ref().map(Remote::recipient);
        let put_off = self.memory.put_off.get(&scope);
        put_off.is_some_and(|put_off| put_off.by == by && put_off.waits(now_ms))
    }

    fn note_refusal(&self, scope: ScopeId, by: Option<Recipient>) -> Result<(), StoreError> {
        self.parts
            .store
            .with(|store| store.set_refused_by(scope, by))
    }

    /// What a device that counts no more can still do for the records it holds: its own are compared with the
    /// server's, once in each of its epochs, and sent; and so is what it read of others.
    pub(super) async fn give_everything(&mut self) -> Result<(), StoreError> {
        let logs = self.parts.store.with(|store| store.own_logs())?;
        let scopes: BTreeSet<ScopeId> = logs.iter().map(|log: &OwnLog| log.end.scope).collect();
        for scope in scopes {
            if let Err(error) = self.give(scope).await {
                tracing::warn!(code = error.code(), "scans are not handed over: {error}");
            }
        }
        Ok(())
    }

    async fn give(&mut self, scope: ScopeId) -> Result<(), SyncError> {
        let answer = self.everybodys_heads(scope).await?;
        let is_known = self.memory.compared.get(&scope) == Some(&answer.epoch);
        if !is_known {
            self.compare_with(scope, &answer)?;
        }
        self.upload(scope).await?;
        if !is_known {
            self.memory.put_off.remove(&scope);
        }
        let now_ms = self.parts.clock.read().monotonic_ms;
        let put_off = self.memory.put_off.get(&scope);
        let waits = put_off.is_some_and(|put_off| put_off.waits(now_ms));
        let refused_by = self.parts.store.with(|store| store.refused_by(scope))?;
        if !is_known || refused_by.is_some() && !waits {
            match self.hand_back_after(scope, &answer, None).await? {
                Taken::All => self.note_refusal(scope, None)?,
                Taken::Later => self.note_refusal(scope, Some(Recipient::NOBODY))?,
                // Whoever is not told the server's documents cannot say by which it was refused.
                Taken::NotAll => {}
            }
        }
        Ok(())
    }

    async fn everybodys_heads(&self, scope: ScopeId) -> Result<HeadsAnswer, SyncError> {
        let whose = Whose::Everybody;
        Ok(self.ask(|| self.parts.api.heads(scope, whose)).await?)
    }

    async fn hand_back_after(
        &mut self,
        scope: ScopeId,
        answer: &HeadsAnswer,
        by: Option<Recipient>,
    ) -> Result<Taken, SyncError> {
        let mut taken = Taken::All;
        let now_ms = self.parts.clock.read().monotonic_ms;
        let before = self.memory.put_off.remove(&scope);
        let mut until_ms = before.map_or_else(BTreeMap::new, |before| before.until_ms);
        until_ms.retain(|_, until_ms| now_ms < *until_ms);
        let held = self.parts.store.with(|store| store.heads(scope))?.heads;
        for log in self.lacking(scope, &held, &answer.heads)? {
            if until_ms.contains_key(&log.device) {
                taken = Taken::Later;
                continue;
            }
            let ends = (ends_of(log, &held), ends_of(log, &answer.heads));
            match self.hand_back_log(log, &ends.0, &ends.1).await {
                Ok(()) => {}
                Err(error) if error.ends_exchange() => return Err(error),
                // One log that the server does not take keeps no other one here.
                Err(SyncError::Problem(mut problem)) if problem.retry() == Retry::Later => {
                    taken = Taken::Later;
                    problem.retry_after.get_or_insert(OFFER_AGAIN_S);
                    until_ms.insert(log.device, self.retry_at_ms(&problem));
                    self.note(&problem.into())?;
                }
                Err(error) => {
                    if taken == Taken::All {
                        taken = Taken::NotAll;
                    }
                    self.note(&error)?;
                }
            }
        }
        if !until_ms.is_empty() {
            let put_off = PutOff { by, until_ms };
            self.memory.put_off.insert(scope, put_off);
        }
        Ok(taken)
    }

    /// Others' logs of which an end held here is none of the server's. The server's own comes first: it says
    /// where revoked devices' logs end.
    fn lacking(
        &self,
        scope: ScopeId,
        held: &[Head],
        theirs: &[Head],
    ) -> Result<Vec<LogRef>, SyncError> {
        let server = self.keys()?.server();
        let others = self.parts.store.with(|store| store.others_logs(scope))?;
        let theirs: BTreeSet<&Head> = theirs.iter().collect();
        let lacking: BTreeSet<LogRef> = held
            .iter()
            .filter(|head| !theirs.contains(head))
            .map(|head| head.log)
            .collect();
        let mut logs: Vec<LogRef> = others
            .into_iter()
            .filter(|log| lacking.contains(log))
            .collect();
        logs.sort_by_key(|log| (log.device != server, *log));
        Ok(logs)
    }

    async fn hand_back_log(
        &mut self,
        log: LogRef,
        ours: &[Head],
        theirs: &[Head],
    ) -> Result<(), SyncError> {
        let mut has = self.common(ours, theirs)?;
        let ranges = self.parts.store.with(|store| store.signed_ranges(log))?;
        for _ in 0..GAPS_MAX {
            match self.send_after(&ranges, has).await? {
                None => return Ok(()),
                Some(missing) => has = missing.saturating_sub(1),
            }
        }
        Err(SyncError::OutOfStep("the server misses what is not here"))
    }

    /// Sends the batches that end after a sequence; says from where on the server misses something before
    /// one of them.
    async fn send_after(
        &mut self,
        ranges: &[SignedRange],
        has: u64,
    ) -> Result<Option<u64>, SyncError> {
        for range in ranges.iter().filter(|range| range.last.sequence > has) {
            let batch = self.parts.store.with(|store| store.signed_batch(range))?;
            let Some(batch) = batch else { continue };
            match self.ask(|| self.parts.api.push(batch.clone())).await? {
                PushAnswer::Known(_) => {}
                PushAnswer::Stored(_) | PushAnswer::Forked(_) => {
                    self.report.records_handed_back += batch.records.len() as u64;
                }
                PushAnswer::Gap(missing) => return Ok(Some(missing)),
            }
        }
        Ok(None)
    }
}
