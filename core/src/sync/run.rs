//! One exchange: ask how far the server is, plan, do, until there is nothing left to do.

use super::error::SyncError;
use super::parts::{Access, Memory, Parts};
use super::plan::{Action, Remote, ServerBehind, plan};
use super::report::{Mismatch, Report, Trouble};
use super::retry::Timer;
use super::told::Wanted;
use crate::store::{NoticeBody, OwnLog, StoreError};
use usher_domain::cose::SigningKey;
use usher_domain::document::TrustedKeys;
use usher_domain::ids::DeviceId;
use usher_domain::problem::{Code, Problem};
use usher_domain::protocol::SyncApi;
use usher_domain::table::TableId;
use usher_domain::time::UnixMillis;

/// Rounds of asking and doing at most. The second usually finds nothing left; more come only while the
/// server moves on.
const ROUNDS_MAX: u32 = 6;

/// One exchange under way.
pub(super) struct Exchange<'p, A, S, T> {
    pub(super) parts: &'p Parts<'p, A, S, T>,
    pub(super) memory: &'p mut Memory,
    pub(super) report: Report,
    pub(super) device: DeviceId,
    pub(super) key: SigningKey,
    /// The server's epoch as it last said.
    pub(super) epoch: u32,
    /// When the server was asked last how far it is, by the corrected clock.
    pub(super) greeted_at: UnixMillis,
    /// Whether the feeds were read as far as the server said at some moment of this exchange.
    caught_up: bool,
    /// Tables to be left alone for the rest of this exchange.
    pub(super) troubled: Vec<TableId>,
    /// Tables of which the server took rows back that it has not signed yet: taken before, its table would
    /// lose them here as well.
    pub(super) unsigned: Vec<TableId>,
}

/// Brings device and server into step.
///
/// A part that fails is told in the report and the others go on; what ends all of it is the error. In both
/// cases everything that was done stays done, and the next run goes on there.
///
/// # Errors
/// [`SyncError`] where nothing more can succeed: no network, another server, a revoked device, a store
/// that fails.
pub async fn run<A: SyncApi, S: Access, T: Timer>(
    parts: &Parts<'_, A, S, T>,
    memory: &mut Memory,
) -> Result<Report, SyncError> {
    let mut exchange = Exchange::new(parts, memory)?;
    let ended = exchange.converge().await;
    exchange.conclude(ended).await
}

/// Does what is wanted and left to do, by what the server last said and told since; it is not asked how far
/// it is.
///
/// # Errors
/// As [`run`].
pub(super) async fn catch_up<A: SyncApi, S: Access, T: Timer>(
    parts: &Parts<'_, A, S, T>,
    memory: &mut Memory,
    wanted: Wanted,
) -> Result<Report, SyncError> {
    let mut exchange = Exchange::new(parts, memory)?;
    let ended = exchange.do_the_rest(wanted).await;
    exchange.conclude(ended).await
}

/// Hands over what this folder recorded as the device `former`, before it was enrolled anew. `parts` speak
/// to the server as that device. Returns how many records the server took.
///
/// # Errors
/// What reading the store says; what the server refuses stays and is no error.
pub async fn hand_over<A: SyncApi, S: Access, T: Timer>(
    parts: &Parts<'_, A, S, T>,
    former: DeviceId,
) -> Result<u64, SyncError> {
    let mut memory = Memory::default();
    let mut exchange = Exchange::new(parts, &mut memory)?;
    exchange.device = former;
    exchange.give_everything().await?;
    Ok(exchange.report.sent)
}

impl<'p, A: SyncApi, S: Access, T: Timer> Exchange<'p, A, S, T> {
    pub(super) fn new(
        parts: &'p Parts<'p, A, S, T>,
        memory: &'p mut Memory,
    ) -> Result<Self, StoreError> {
        let (identity, enrollment) = parts.store.with(|store| store.enrolled())?;
        Ok(Self {
            parts,
            memory,
            report: Report::default(),
            device: enrollment.device,
            key: identity.signing_key(),
            epoch: 0,
            greeted_at: UnixMillis::default(),
            caught_up: false,
            troubled: Vec::new(),
            unsigned: Vec::new(),
        })
    }

    async fn converge(&mut self) -> Result<(), SyncError> {
        let mut before: Vec<Action> = Vec::new();
        for _ in 0..ROUNDS_MAX {
            let mut remote = self.greet().await?;
            self.memory.told.raise(&mut remote);
            self.memory.remote = Some(remote.clone());
            let actions = plan(&self.local(&remote)?, &remote);
            let todo: Vec<Action> = actions
                .into_iter()
                .filter(|action| !self.is_settled(*action))
                .collect();
            let moved = !std::mem::take(&mut self.unsigned).is_empty();
            // The same again has the same result: what differs now is told, not tried for ever.
            if todo.is_empty() || (todo == before && !moved) {
                self.note_reach(&remote)?;
                if self.mend_copies(&remote).await? || self.offer_again().await? {
                    continue;
                }
                self.compare_at_end(&remote)?;
                return self.settle(&remote);
            }
            let was_revoked = self.is_revoked()?;
            for action in &todo {
                self.perform(*action, &remote).await?;
            }
            if !was_revoked && self.is_revoked()? {
                // The roster said so, and what it belonged to is held no more.
                return Ok(());
            }
            self.note_reach(&remote)?;
            before = todo;
        }
        // The server moves on faster than this exchange; the next one goes on.
        Ok(())
    }

    async fn do_the_rest(&mut self, wanted: Wanted) -> Result<(), SyncError> {
        let Some(mut remote) = self.memory.remote.clone() else {
            return self.converge().await;
        };
        self.memory.told.raise(&mut remote);
        self.epoch = remote.epoch;
        for action in plan(&self.local(&remote)?, &remote) {
            let is_wanted = match action {
                Action::CompareLogs(_) | Action::Upload(_) => true,
                Action::RefreshTrust
                | Action::HandBack(_)
                | Action::Download(_)
                | Action::CatchUp(_)
                | Action::Repair(_)
                | Action::RetryParked
                | Action::HandBackLogs(_)
                | Action::OfferLogsAgain(_)
                | Action::ReadFeed(..) => wanted > Wanted::Upload,
                // Only an answer says that something is gone, or that the server is behind.
                Action::Forget(_) | Action::Report(_) => false,
            };
            if is_wanted {
                self.perform(action, &remote).await?;
            }
        }
        Ok(())
    }

    /// Ends an exchange: what a revoked device recorded goes to the server, and the reason is remembered.
    async fn conclude(mut self, ended: Result<(), SyncError>) -> Result<Report, SyncError> {
        let ended = match ended {
            Err(SyncError::Problem(problem)) if problem.code == Code::DeviceRevoked => {
                Err(self.save_records(problem).await)
            }
            ended => ended,
        };
        let now = self.now()?.0;
        if let Err(error) = &ended {
            self.note_end(error, now)?;
        }
        self.finish_wiping().await;
        ended.map(|()| self.report)
    }

    /// A revoked device still hands in what it recorded: a person decides what of it counts.
    async fn save_records(&mut self, problem: Problem) -> SyncError {
        let uploaded = if usher_domain::mutated!(DropUnsentOnRevocation) {
            Ok(())
        } else {
            self.give_everything().await
        };
        let logs = uploaded.and_then(|()| self.parts.store.with(|store| store.own_logs()));
        match logs {
            Ok(logs) => SyncError::Revoked {
                problem,
                sent: self.report.sent,
                unsent: logs.iter().map(OwnLog::unsent).sum(),
            },
            Err(error) => error.into(),
        }
    }

    /// Reports are made once, and tables in trouble are left alone.
    pub(super) fn is_settled(&self, action: Action) -> bool {
        match action {
            Action::Report(behind) => self.report.mismatches.contains(&Mismatch::Behind(behind)),
            Action::Repair(table) => {
                self.troubled.contains(&table) || self.unsigned.contains(&table)
            }
            Action::HandBack(table) | Action::Download(table) | Action::CatchUp(table) => {
                self.troubled.contains(&table)
            }
            Action::Upload(_) => self.waits_until(self.memory.upload_after_ms),
            Action::OfferLogsAgain(scope) => self.is_put_off(scope),
            Action::CompareLogs(_)
            | Action::RefreshTrust
            | Action::RetryParked
            | Action::HandBackLogs(_)
            | Action::ReadFeed(..)
            | Action::Forget(_) => false,
        }
    }

    /// Whether the server said that it takes records of a writer again later than now.
    fn waits_until(&self, after_ms: Option<u64>) -> bool {
        let now_ms = self.parts.clock.read().monotonic_ms;
        after_ms.is_some_and(|after_ms| now_ms < after_ms)
    }

    pub(super) async fn perform(
        &mut self,
        action: Action,
        remote: &Remote,
    ) -> Result<(), SyncError> {
        if self.is_settled(action) {
            return Ok(());
        }
        let done = match action {
            Action::CompareLogs(scope) => self.compare_logs(scope).await,
            Action::Upload(scope) => self.upload(scope).await,
            Action::RefreshTrust => self.refresh_trust().await,
            Action::HandBack(_) if usher_domain::mutated!(HandNothingBack) => Ok(()),
            Action::HandBack(table) => self.hand_back(table).await,
            Action::Download(table) => self.download(table).await,
            Action::CatchUp(table) => self.catch_up(table).await,
            Action::Repair(table) => self.repair(table).await,
            Action::RetryParked => self.retry_parked(remote),
            Action::HandBackLogs(scope) => self.hand_back_logs(scope, remote.recipient()).await,
            Action::OfferLogsAgain(scope) => self.offer_logs(scope, remote.recipient()).await,
            Action::ReadFeed(scope, start) => self.follow_feed(scope, start, remote).await,
            Action::Forget(table) => self.forget(table).await,
            Action::Report(behind) => {
                self.report.mismatches.push(Mismatch::Behind(behind));
                match behind {
                    ServerBehind::Trust => self.offer_trust().await,
                    ServerBehind::Table(_) | ServerBehind::Feed(_) => Ok(()),
                }
            }
        };
        match done {
            Ok(()) => Ok(()),
            Err(error) if error.ends_exchange() => Err(error),
            Err(error) => {
                if let Some(table) = table_of(action) {
                    self.troubled.push(table);
                }
                self.note(&error)
            }
        }
    }

    /// Once all feeds are read as far as the server said that they go, the device knows what others had done
    /// when it asked. Where many gates scan, the server is further by the time that this is so: what it heard
    /// meanwhile makes that no less true.
    fn note_reach(&mut self, remote: &Remote) -> Result<(), StoreError> {
        let at = self.greeted_at;
        let is_read = self.parts.store.with(|store| {
            for end in &remote.feeds {
                let held = store.feed_place(end.scope)?;
                let is_read = held.epoch == remote.epoch && held.position >= end.position;
                if !is_read && end.position > 0 {
                    return Ok(false);
                }
            }
            store.reached(at)?;
            Ok::<_, StoreError>(true)
        })?;
        self.caught_up |= is_read;
        Ok(())
    }

    /// Says what differs although everything was done.
    fn compare_at_end(&mut self, remote: &Remote) -> Result<(), StoreError> {
        let local = self.local(remote)?;
        for listed in &remote.tables {
            let same = local
                .tables
                .iter()
                .any(|held| held.table == listed.table && held.version >= listed.version);
            if !same {
                self.report.mismatches.push(Mismatch::Table(listed.table));
            }
        }
        // A feed that grew on while it was read differs from nothing.
        let grown = if self.caught_up {
            &[][..]
        } else {
            &remote.feeds
        };
        for end in grown {
            let read = local.feeds.iter().any(|held| {
                held.scope == end.scope
                    && (held.position >= end.position && held.epoch == remote.epoch
                        || end.position == 0)
            });
            if !read {
                self.report.mismatches.push(Mismatch::Feed(end.scope));
            }
        }
        Ok(())
    }

    /// Everything that could be done is done: tells what waits.
    fn settle(&mut self, remote: &Remote) -> Result<(), SyncError> {
        let (now, _) = self.now()?;
        self.parts.store.with(|store| {
            let mut parked = 0;
            for end in &remote.feeds {
                parked += store.parked(end.scope)?.len() as u64;
            }
            self.report.parked = parked;
            if parked > 0 {
                store.notice(now, &NoticeBody::RecordsParked { batches: parked })?;
            }
            Ok::<_, StoreError>(())
        })?;
        Ok(())
    }

    pub(super) fn keys(&self) -> Result<TrustedKeys, StoreError> {
        self.parts.store.with(|store| store.trusted_keys())
    }

    /// Writes a failed part into the report, and tells a person of what only a person can mend.
    pub(super) fn note(&mut self, error: &SyncError) -> Result<(), SyncError> {
        tracing::warn!(
            code = error.code(),
            "a part of the exchange failed: {error}"
        );
        let (now, _) = self.now()?;
        if let SyncError::Rejected(_) | SyncError::Untrusted(_) = error {
            let notice = NoticeBody::DocumentRejected {
                code: error.code().to_owned(),
                detail: error.to_string(),
            };
            self.parts.store.with(|store| store.notice(now, &notice))?;
        }
        self.report.troubles.push(Trouble {
            code: error.code(),
            detail: error.to_string(),
            correlation: match error {
                SyncError::Problem(problem) | SyncError::Revoked { problem, .. } => {
                    problem.correlation.clone()
                }
                SyncError::Store(_)
                | SyncError::Rejected(_)
                | SyncError::Untrusted(_)
                | SyncError::OwnLog(_)
                | SyncError::OutOfStep(_) => None,
            },
        });
        Ok(())
    }

    /// Remembers why an exchange ended early.
    fn note_end(&self, error: &SyncError, now: UnixMillis) -> Result<(), StoreError> {
        match error {
            SyncError::Problem(_) | SyncError::Revoked { .. } => {
                self.parts.store.with(|store| store.lost(now))
            }
            SyncError::Store(_)
            | SyncError::Rejected(_)
            | SyncError::Untrusted(_)
            | SyncError::OwnLog(_)
            | SyncError::OutOfStep(_) => Ok(()),
        }
    }
}

const fn table_of(action: Action) -> Option<TableId> {
    match action {
        Action::HandBack(table)
        | Action::Download(table)
        | Action::CatchUp(table)
        | Action::Repair(table)
        | Action::Forget(table) => Some(table),
        Action::CompareLogs(_)
        | Action::Upload(_)
        | Action::RefreshTrust
        | Action::RetryParked
        | Action::HandBackLogs(_)
        | Action::OfferLogsAgain(_)
        | Action::ReadFeed(..)
        | Action::Report(_) => None,
    }
}
