//! The task that seals what changed, at most every 200 ms, and signs anew what grows old.

use super::seal::{Sealing, seal};
use crate::service::Service;
use crate::service::error::{Error, Result};
use std::collections::BTreeSet;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use usher_domain::table::TableId;

/// Without any change, manifests are looked at this often for their age.
const LOOK_AGAIN: Duration = Duration::from_secs(60);
/// Versions of one table in one go at most; whoever always writes more must not keep the others waiting.
const VERSIONS_MAX: usize = 2_000;

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
        let task = tokio::spawn(async move { service.keep_sealing(stopped).await });
        Sealer { stop, task }
    }

    async fn keep_sealing(&self, mut stopped: watch::Receiver<bool>) {
        let pause = Duration::from_millis(self.settings().seal_every_ms);
        loop {
            if let Err(error) = self.seal_now().await {
                tracing::warn!(%error, code = %error.code(), "looking for tables to seal failed");
            }
            if *stopped.borrow() {
                return;
            }
            tokio::select! {
                _ = stopped.changed() => {}
                () = self.changed() => {
                    tokio::select! {
                        _ = stopped.changed() => {}
                        () = tokio::time::sleep(pause) => {}
                    }
                }
                () = tokio::time::sleep(LOOK_AGAIN) => {}
            }
        }
    }

    /// Seals every table that changed or grows old, and tells how many. One that cannot be sealed does
    /// not keep the others waiting; it is tried again.
    ///
    /// # Errors
    /// [`Error::Storage`] if it cannot be told what there is to seal.
    pub async fn seal_now(&self) -> Result<usize> {
        let waited = self.unsealed().take();
        let outcome = self.seal_all().await;
        // What was not sealed waits on, from when it began to wait.
        if !matches!(outcome, Ok((_, 0))) {
            self.unsealed().begin(waited.unwrap_or_else(|| self.now()));
        }
        outcome.map(|(sealed, _)| sealed)
    }

    /// Seals what waits; answers how many tables were sealed, and how many could not be.
    async fn seal_all(&self) -> Result<(usize, usize)> {
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
        let (mut sealed, mut failed) = (0, 0);
        for table in tables {
            match self.seal_whole(table).await {
                Ok(Sealing::Sealed | Sealing::Part) => sealed += 1,
                Ok(Sealing::NoTrust) => {}
                Err(error @ Error::Storage(_)) => return Err(error),
                Err(error) => {
                    // A key that ran out is for its organizer to renew; the server itself works.
                    failed += usize::from(!matches!(error, Error::KeyExpired(_)));
                    tracing::warn!(%error, code = %error.code(), ?table, "a table was not sealed");
                }
            }
        }
        Ok((sealed, failed))
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
            if sealing != Sealing::Part {
                break;
            }
        }
        Ok(sealing)
    }
}
