//! The task that seals what changed, at most every 200 ms, and signs anew what grows old.

use super::seal::{Sealing, seal};
use crate::service::Service;
use crate::service::error::{Error, Result};
use std::collections::BTreeSet;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use usher_domain::table::TableId;

/// Without any change, manifests are looked at this often for their age.
const LOOK_AGAIN: Duration = Duration::from_secs(60);
/// Versions of one table in one go at most; whoever always writes more must not keep the others waiting.
const VERSIONS_MAX: usize = 2_000;

/// How far the sealer is. Every round looks for all that waits when it begins.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Rounds {
    /// Whether there is a sealer.
    pub(crate) running: bool,
    /// Rounds that began.
    pub(crate) begun: u64,
    /// Rounds that ended, well or not.
    pub(crate) ended: u64,
}

/// What one look found.
#[derive(Debug, Clone, Copy, Default)]
struct Looked {
    /// Tables with something to seal.
    found: usize,
    /// Those that were sealed.
    sealed: usize,
    /// Those that could not be, for a reason that may pass.
    failed: usize,
}

/// The running sealer. Dropping it lets it run on; [`Sealer::stop`] ends it.
#[derive(Debug)]
pub struct Sealer {
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Sealer {
    /// Seals what waits and ends the task.
    pub async fn stop(self) {
        let _gone = self.stop.send(true);
        let _panicked = self.task.await;
    }
}

impl Service {
    /// Starts the task that seals tables.
    #[must_use]
    pub fn start_sealer(&self) -> Sealer {
        let (stop, stopped) = watch::channel(false);
        let service = self.clone();
        self.rounds().send_modify(|rounds| rounds.running = true);
        let task = tokio::spawn(async move {
            service.keep_sealing(stopped).await;
            service
                .rounds()
                .send_modify(|rounds| rounds.running = false);
        });
        Sealer { stop, task }
    }

    async fn keep_sealing(&self, mut stopped: watch::Receiver<bool>) {
        let pause = Duration::from_millis(self.settings().seal_every_ms);
        loop {
            let found = self.round().await;
            let ended = Instant::now();
            if *stopped.borrow() {
                return;
            }
            tokio::select! {
                _ = stopped.changed() => {}
                () = self.changed() => {}
                () = tokio::time::sleep(LOOK_AGAIN) => {}
            }
            // What changes after a quiet time is sealed at once, what comes soon after that together.
            // A look that found nothing was cheap and is no reason to pause.
            if found && !*stopped.borrow() {
                tokio::select! {
                    _ = stopped.changed() => {}
                    () = tokio::time::sleep_until(ended + pause) => {}
                }
            }
        }
    }

    /// Seals what waits, tells those who wait for it, and answers whether there was anything.
    async fn round(&self) -> bool {
        self.rounds().send_modify(|rounds| rounds.begun += 1);
        let outcome = self.seal_and_note().await;
        self.rounds().send_modify(|rounds| rounds.ended += 1);
        match outcome {
            Ok(looked) => looked.found > 0,
            Err(error) => {
                tracing::warn!(%error, code = %error.code(), "looking for tables to seal failed");
                true
            }
        }
    }

    /// Seals every table that changed or grows old, and tells how many. One that cannot be sealed does
    /// not keep the others waiting; it is tried again.
    ///
    /// # Errors
    /// [`Error::Storage`] if it cannot be told what there is to seal.
    pub async fn seal_now(&self) -> Result<usize> {
        self.seal_and_note().await.map(|looked| looked.sealed)
    }

    async fn seal_and_note(&self) -> Result<Looked> {
        let waited = self.unsealed().take();
        let outcome = self.seal_all().await;
        // What was not sealed waits on, from when it began to wait.
        if !matches!(outcome, Ok(Looked { failed: 0, .. })) {
            self.unsealed().begin(waited.unwrap_or_else(|| self.now()));
        }
        outcome
    }

    /// Seals what waits.
    async fn seal_all(&self) -> Result<Looked> {
        let old = i64::try_from(self.settings().reseal_after_ms).unwrap_or(i64::MAX);
        let aged_before = self.now().shifted(old.saturating_neg());
        let tables: BTreeSet<TableId> = self
            .read(move |txn| {
                let epoch = crate::service::epoch(txn)?;
                let mut tables = txn.dirty_tables()?;
                tables.extend(txn.aged_tables(aged_before, epoch)?);
                Ok(tables.into_iter().collect())
            })
            .await?;
        let mut looked = Looked {
            found: tables.len(),
            ..Looked::default()
        };
        for table in tables {
            match self.seal_whole(table).await {
                Ok(Sealing::Sealed | Sealing::Part) => looked.sealed += 1,
                Ok(Sealing::NoTrust) => {}
                Err(error @ Error::Storage(_)) => return Err(error),
                Err(error) => {
                    // A key that ran out is for its organizer to renew; the server itself works.
                    looked.failed += usize::from(!matches!(error, Error::KeyExpired(_)));
                    tracing::warn!(%error, code = %error.code(), ?table, "a table was not sealed");
                }
            }
        }
        Ok(looked)
    }

    /// Seals versions of a table until no row waits. Every version is a transaction of its own, between
    /// which others write. What still comes after many of them waits for the next look.
    async fn seal_whole(&self, table: TableId) -> Result<Sealing> {
        let mut sealing = Sealing::Part;
        for _ in 0..VERSIONS_MAX {
            let settings = self.settings().clone();
            sealing = self
                .write_quietly(move |txn, now| seal(txn, table, &settings, now))
                .await?;
            if sealing != Sealing::NoTrust {
                self.live().sealed(table);
            }
            if sealing != Sealing::Part {
                break;
            }
        }
        Ok(sealing)
    }
}
