//! Others' logs, handed back to a server that lost them: a record is gone only with the last disk that holds
//! it, whoever wrote it.
//!
//! A batch proves itself by its writer's signature, so it does not matter who hands it in. What the server
//! has is asked once; then the batches that it lacks go to it in the order of their logs. All of it may be
//! cut anywhere and done again: what the server has by then, it knows.

use super::error::SyncError;
use super::logs::{GAPS_MAX, ends_of};
use super::parts::Access;
use super::retry::Timer;
use super::run::Exchange;
use crate::store::{OwnLog, Recipient, SignedRange, StoreError};
use std::collections::BTreeSet;
use usher_domain::ids::ScopeId;
use usher_domain::protocol::{Head, HeadsAnswer, PushAnswer, SyncApi, Whose};
use usher_domain::record::LogRef;

/// What the server took of what was handed back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Taken {
    /// Everything that it lacked.
    All,
    /// Not everything, and it may with other documents.
    NotAll,
    /// Not everything: a writer wrote too much lately, and the rest goes when the time told is over.
    Later,
}

impl<A: SyncApi, S: Access, T: Timer> Exchange<'_, A, S, T> {
    /// Hands in what was read of others' logs in a scope and the server lacks. What it refuses is handed in
    /// again once its documents are others: that is written down before the feed is read anew, for afterwards
    /// nothing else tells that it lacks something.
    pub(super) async fn hand_back_logs(
        &mut self,
        scope: ScopeId,
        to: Recipient,
    ) -> Result<(), SyncError> {
        let answer = self.everybodys_heads(scope).await?;
        let taken = self.hand_back_after(scope, &answer).await?;
        let by = match taken {
            Taken::All => None,
            Taken::NotAll => Some(to),
            Taken::Later => Some(Recipient::NOBODY),
        };
        self.parts
            .store
            .with(|store| store.set_refused_by(scope, by))?;
        Ok(())
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
        let refused_by = self.parts.store.with(|store| store.refused_by(scope))?;
        if !is_known || refused_by.is_some() {
            self.hand_back_after(scope, &answer).await?;
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
    ) -> Result<Taken, SyncError> {
        let mut taken = Taken::All;
        let held = self.parts.store.with(|store| store.heads(scope))?.heads;
        for log in self.lacking(scope, &held, &answer.heads)? {
            let ends = (ends_of(log, &held), ends_of(log, &answer.heads));
            match self.hand_back_log(log, &ends.0, &ends.1).await {
                Err(SyncError::Problem(problem)) if problem.is_of_writer() => {
                    taken = Taken::Later;
                    self.memory.hand_back_after_ms = Some(self.retry_at_ms(&problem));
                    self.note(&problem.into())?;
                }
                // One log that the server does not take keeps no other one here.
                Err(error) if !error.ends_exchange() => {
                    if taken == Taken::All {
                        taken = Taken::NotAll;
                    }
                    self.note(&error)?;
                }
                done => done?,
            }
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
