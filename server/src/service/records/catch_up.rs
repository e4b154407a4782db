//! Interpreting what is stored, in steps of bounded length, beside everything else that the server does.
//!
//! Each step is a write transaction of its own. One that fails for a reason that lies in the records is
//! tried again with a single batch, and a batch that cannot be interpreted even alone is set aside beside
//! an incident: it stays in the feed, does not count, and holds up neither the batches after it, nor other
//! scopes, nor the start of the server.

use super::interpret::{self, Portion};
use super::progress::{self, Progress};
use crate::service::error::{Error, Result};
use crate::service::incidents::{self, About};
use crate::service::organizers::{NOBODY, StoredOrganizer};
use crate::service::{Service, sessions, things};
use crate::storage::{StorageError, Transaction};
use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::task::JoinHandle;
use usher_domain::api::reports::IncidentKind;
use usher_domain::cbor;
use usher_domain::ids::{OrganizerId, ScopeId};
use usher_domain::log::Frame;
use usher_domain::time::UnixMillis;

/// The task that interprets what an earlier run of the server had stored. It ends by itself; dropping it
/// lets it run on, and [`Interpreter::stop`] ends it early.
#[derive(Debug)]
pub struct Interpreter {
    task: JoinHandle<()>,
    is_stopping: Arc<AtomicBool>,
}

impl Interpreter {
    /// Ends the task between two steps. What it did not interpret waits for the next start or push.
    pub async fn stop(self) {
        self.is_stopping.store(true, Ordering::Relaxed);
        let _ended = self.task.await;
    }
}

/// Whether an error says that records cannot be interpreted, however often it is tried. The others tell of
/// the disk or of the load, and pass.
const fn lies_in_the_records(error: &Error) -> bool {
    match error {
        Error::Storage(error) => match error {
            StorageError::Unreadable { .. }
            | StorageError::Aborted
            | StorageError::Taken { .. }
            | StorageError::OtherOwner { .. }
            | StorageError::OutOfRange { .. } => true,
            StorageError::Busy
            | StorageError::Closed
            | StorageError::InUse
            | StorageError::RestoreUnfinished { .. }
            | StorageError::NewerSchema { .. }
            | StorageError::Damaged { .. }
            | StorageError::NoDatabase { .. }
            | StorageError::CannotWrite { .. }
            | StorageError::Failed { .. }
            | StorageError::Io { .. } => false,
        },
        Error::Unauthenticated | Error::Forbidden | Error::Full(_) | Error::File { .. } => false,
        Error::NotFound(_)
        | Error::AlreadyExists { .. }
        | Error::Invalid { .. }
        | Error::Conflict(_)
        | Error::InUse(_)
        | Error::OtherTimes { .. }
        | Error::ChangedMeanwhile { .. }
        | Error::IdempotencyMismatch
        | Error::ScopeInUse
        | Error::EnrollmentRefused
        | Error::SnapshotGone
        | Error::TooLarge { .. }
        | Error::NotAuthentic(_)
        | Error::KeyExpired(_)
        | Error::DeviceRevoked
        | Error::ImportRefused(_)
        | Error::ImportStopped(_)
        | Error::WriterOverQuota { .. }
        | Error::Internal(_) => true,
    }
}

/// Sets the next batch of a scope aside, or, if there is none, the look that cannot be taken.
fn set_aside(
    txn: &mut dyn Transaction,
    organizer: OrganizerId,
    scope: ScopeId,
    now: UnixMillis,
) -> Result<()> {
    let mut progress = Progress::of(txn, organizer, scope)?;
    if progress.position >= txn.feed_end(scope)? {
        let _dropped = progress.take_look();
        return progress.store(txn, scope, now);
    }
    progress.set_next_aside();
    progress.store(txn, scope, now)?;
    let position = progress.position;
    let batch = txn.records_between(scope, position.saturating_sub(1), position)?;
    let frames = batch
        .iter()
        .filter_map(|record| cbor::decode::<Frame>(&record.bytes).ok());
    let logs: BTreeSet<_> = frames.map(|frame| frame.log).collect();
    for log in logs {
        let about = About::log(IncidentKind::Unreadable, log);
        let detail = "records of this log could not be interpreted: they are stored and passed on, and do \
                      not count. Report this as a fault of the server";
        incidents::raise(txn, organizer, &about, detail, Vec::new(), now)?;
    }
    Ok(())
}

impl Service {
    /// Tries the batches of a scope once more that were set aside: this program may know better than the one
    /// that set them aside did.
    async fn interpret_aside(&self, organizer: OrganizerId, scope: ScopeId) -> Result<()> {
        let aside = self
            .read(move |txn| Ok(Progress::of(txn, organizer, scope)?.aside()))
            .await?;
        for position in aside {
            let _turn = self.turn_to_write_long().await;
            let again = self
                .write_quietly(move |txn, now| {
                    interpret::try_again(txn, organizer, scope, position, now)
                })
                .await;
            match again {
                Ok(merged) => self.figures().merged(&merged),
                Err(error) if !lies_in_the_records(&error) => return Err(error),
                Err(error) => tracing::warn!(%error, %scope, "a batch of records stays set aside"),
            }
        }
        Ok(())
    }

    /// Interprets what is stored of a scope and not interpreted yet.
    pub(in crate::service) async fn interpret(
        &self,
        organizer: OrganizerId,
        scope: ScopeId,
    ) -> Result<()> {
        let mut portion = Portion::Many;
        while let ControlFlow::Continue(next) =
            self.interpret_step(organizer, scope, portion).await?
        {
            portion = next;
        }
        Ok(())
    }

    /// Interprets the next portion of a scope, and tells how large the one after it is to be; a break if
    /// nothing was left.
    async fn interpret_step(
        &self,
        organizer: OrganizerId,
        scope: ScopeId,
        portion: Portion,
    ) -> Result<ControlFlow<(), Portion>> {
        let _turn = self.turn_to_write_long().await;
        // A look from beside the writer: most of the time somebody else was faster.
        if !self
            .read(move |txn| progress::is_pending(txn, scope))
            .await?
        {
            return Ok(ControlFlow::Break(()));
        }
        let step = self
            .write_quietly(move |txn, now| interpret::step(txn, organizer, scope, portion, now))
            .await;
        let next = match step {
            Ok(merged) => {
                self.figures().merged(&merged);
                Portion::Many
            }
            Err(error) if !lies_in_the_records(&error) => return Err(error),
            Err(_) if portion == Portion::Many => Portion::One,
            Err(error) => {
                tracing::error!(%error, %scope, "a batch of records is set aside");
                self.write_quietly(move |txn, now| set_aside(txn, organizer, scope, now))
                    .await?;
                Portion::Many
            }
        };
        Ok(ControlFlow::Continue(next))
    }

    /// Interprets what is stored of all of an organizer's scopes and not interpreted yet. A scope that
    /// cannot be interpreted now is told in the log and holds up no other.
    ///
    /// # Errors
    /// [`Error::Storage`] if it cannot be told which scopes there are.
    pub(in crate::service) async fn interpret_organizer(
        &self,
        organizer: OrganizerId,
    ) -> Result<()> {
        for scope in self.scopes_of(organizer).await? {
            if let Err(error) = self.interpret(organizer, scope).await {
                tracing::error!(%error, %scope, "records wait to be interpreted");
            }
        }
        Ok(())
    }

    async fn scopes_of(&self, organizer: OrganizerId) -> Result<BTreeSet<ScopeId>> {
        self.read(move |txn| {
            let sessions = sessions::of_organizer(txn, organizer)?;
            Ok(sessions.iter().map(|session| session.value.scope).collect())
        })
        .await
    }

    /// Interprets what a server that stopped between storing and interpreting left behind. A scope that
    /// cannot be interpreted now is told in the log and holds up no other.
    ///
    /// # Errors
    /// [`Error::Storage`] if it cannot be told which scopes there are.
    pub async fn interpret_pending(&self) -> Result<()> {
        self.interpret_until(&AtomicBool::new(false)).await
    }

    /// The same, until it is asked to stop: between two steps, so that nothing of it reads or writes any more
    /// once it has ended.
    async fn interpret_until(&self, is_stopping: &AtomicBool) -> Result<()> {
        let organizers = self
            .read(|txn| {
                let all = things::all::<StoredOrganizer>(txn, &NOBODY)?;
                Ok(all.into_iter().map(|one| OrganizerId::from_bytes(one.id)))
            })
            .await?;
        for organizer in organizers {
            for scope in self.scopes_of(organizer).await? {
                let interpreted = self.interpret_scope(organizer, scope, is_stopping).await;
                if let Err(error) = interpreted {
                    tracing::error!(%error, %scope, "records wait to be interpreted");
                }
                if is_stopping.load(Ordering::Relaxed) {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    async fn interpret_scope(
        &self,
        organizer: OrganizerId,
        scope: ScopeId,
        is_stopping: &AtomicBool,
    ) -> Result<()> {
        let aside = self.interpret_aside(organizer, scope).await;
        let mut portion = Portion::Many;
        while !is_stopping.load(Ordering::Relaxed) {
            match self.interpret_step(organizer, scope, portion).await? {
                ControlFlow::Continue(next) => portion = next,
                ControlFlow::Break(()) => return aside,
            }
        }
        aside
    }

    /// Starts the task that does [`Self::interpret_pending`], once, beside a server that serves already.
    #[must_use]
    pub fn start_interpreter(&self) -> Interpreter {
        let service = self.clone();
        let is_stopping = Arc::new(AtomicBool::new(false));
        let stopping = Arc::clone(&is_stopping);
        let task = tokio::spawn(async move {
            if let Err(error) = service.interpret_until(&stopping).await {
                tracing::error!(%error, "records wait to be interpreted");
            }
        });
        Interpreter { task, is_stopping }
    }
}
