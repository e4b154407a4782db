//! Where the server keeps everything: a small transaction trait and its backends.
//!
//! Rules about tickets, devices and records stand above, in [`crate::service`]; here are only things
//! and their places. SQL lives below this folder alone.
//!
//! # Guarantees of every backend
//! * **Isolation.** A transaction sees the state at its beginning and its own writes, nothing else.
//!   Write transactions behave as if they ran one after the other.
//! * **All or nothing.** A job that returns an error, panics, or whose process dies leaves nothing behind.
//! * **Durability.** [`Store::write`] answers after its changes would survive the loss of power.
//!   Several jobs may share one flush to disk; each fails alone.
//! * **Reads do not wait for writes**, and writes not for reads.
//!
//! Jobs are plain closures: a backend that talks over a network runs them on a blocking thread.

mod claims;
mod error;
mod gauges;
mod handed;
mod overlay;
mod records;
pub mod sqlite;
#[cfg(test)]
mod suite;
mod tables;
mod things;
mod tickets;

pub use claims::{Claims, Duty, DutyState, Reservation};
pub use error::{Result, StorageError};
pub use gauges::WriterGauges;
pub use handed::{HandedRow, HandedRows, Judged};
pub use overlay::Overlay;
pub use records::{
    BatchLine, Kept, LogPlace, NewBatch, Novelty, Reach, Records, Stamped, StoredIncident,
    StoredRecord,
};
pub use tables::{Pending, StoredRow, TableHead, Tables};
pub use things::{Belonging, Entity, Id, Kind, Space, Things};
pub use tickets::{StoredTicket, Tickets};

use std::sync::Arc;
use tokio::sync::Semaphore;

/// Everything that can be done in one transaction. Methods that take `&self` read; those that take
/// `&mut self` write, so a job that only got a shared reference cannot.
pub trait Transaction: Things + Tickets + Tables + HandedRows + Records + Claims {}

impl<T: Things + Tickets + Tables + HandedRows + Records + Claims> Transaction for T {}

/// A write job, called with its transaction or with why there is none. It says whether its changes are
/// to be kept, and whom to tell once their fate is known.
pub type WriteJob = Box<dyn FnOnce(Result<&mut dyn Transaction>) -> Done + Send>;
/// A read job, called with its transaction or with why there is none.
pub type ReadJob = Box<dyn FnOnce(Result<&dyn Transaction>) + Send>;
/// Called once the fate of a write job is known.
pub type Reply = Box<dyn FnOnce(Result<()>) + Send>;

/// How a write job ended.
pub enum Done {
    /// Keep its changes, then tell.
    Commit(Reply),
    /// Undo its changes, then tell.
    RollBack(Reply),
}

/// A database. Implemented once for each engine.
pub trait Backend: Send + Sync {
    /// Puts a write job into the queue. It is dropped unanswered only if it panics.
    ///
    /// # Errors
    /// [`StorageError::Busy`] at once if the queue is full, [`StorageError::Closed`] if there is none.
    fn enqueue(&self, job: WriteJob) -> Result<()>;

    /// Puts a write job into a queue of its own, which goes first.
    ///
    /// # Errors
    /// As [`Backend::enqueue`].
    fn enqueue_urgent(&self, job: WriteJob) -> Result<()> {
        self.enqueue(job)
    }

    /// Runs a read job on this thread, which may block.
    fn read(&self, job: ReadJob);

    /// Runs a read job on this thread, without waiting for those of [`Backend::read`] where it can.
    fn read_urgently(&self, job: ReadJob) {
        self.read(job);
    }

    /// Whether what may block is run on threads beside the caller's.
    fn has_threads(&self) -> bool {
        true
    }

    /// How busy the writer is; zeros that stay where a backend does not know.
    fn gauges(&self) -> WriterGauges {
        WriterGauges::default()
    }
}

/// A handle on the database; cheap to clone.
#[derive(Clone)]
pub struct Store {
    backend: Arc<dyn Backend>,
    /// Whose turn it is to read. Whoever waits for a connection waits here and takes no thread, so that what
    /// is urgent always has one.
    reading: Arc<Semaphore>,
}

/// Reads that are run or wait for a connection at once, beside urgent ones.
const READING_MAX: usize = 64;

impl Store {
    /// A handle on a backend.
    pub fn new(backend: impl Backend + 'static) -> Self {
        Self {
            backend: Arc::new(backend),
            reading: Arc::new(Semaphore::new(READING_MAX)),
        }
    }

    /// How busy the writer is.
    #[must_use]
    pub fn gauges(&self) -> WriterGauges {
        self.backend.gauges()
    }

    /// Runs `job` in a write transaction of its own and answers once it is durable. An error rolls back.
    ///
    /// # Errors
    /// What the job returns, or [`StorageError`].
    pub async fn write<T, E>(
        &self,
        job: impl FnOnce(&mut dyn Transaction) -> std::result::Result<T, E> + Send + 'static,
    ) -> std::result::Result<T, E>
    where
        T: Send + 'static,
        E: From<StorageError> + Send + 'static,
    {
        self.write_by(job, |backend, job| backend.enqueue(job))
            .await
    }

    /// The same, before everything that is not urgent.
    ///
    /// # Errors
    /// As [`Store::write`].
    pub async fn write_urgently<T, E>(
        &self,
        job: impl FnOnce(&mut dyn Transaction) -> std::result::Result<T, E> + Send + 'static,
    ) -> std::result::Result<T, E>
    where
        T: Send + 'static,
        E: From<StorageError> + Send + 'static,
    {
        self.write_by(job, |backend, job| backend.enqueue_urgent(job))
            .await
    }

    async fn write_by<T, E>(
        &self,
        job: impl FnOnce(&mut dyn Transaction) -> std::result::Result<T, E> + Send + 'static,
        enqueue: impl FnOnce(&dyn Backend, WriteJob) -> Result<()>,
    ) -> std::result::Result<T, E>
    where
        T: Send + 'static,
        E: From<StorageError> + Send + 'static,
    {
        let (tell, told) = tokio::sync::oneshot::channel();
        let job: WriteJob = Box::new(move |txn| {
            let outcome = txn.map_err(E::from).and_then(job);
            let commit = outcome.is_ok();
            // Whoever asked may have gone away; the transaction counts all the same.
            let reply: Reply = Box::new(move |fate: Result<()>| {
                let _gone = tell.send(match fate {
                    Ok(()) => outcome,
                    Err(error) => Err(error.into()),
                });
            });
            if commit {
                Done::Commit(reply)
            } else {
                Done::RollBack(reply)
            }
        });
        enqueue(&*self.backend, job)?;
        told.await
            .unwrap_or_else(|_| Err(StorageError::Aborted.into()))
    }

    /// Runs `job` in a read transaction.
    ///
    /// # Errors
    /// What the job returns, or [`StorageError`].
    pub async fn read<T, E>(
        &self,
        job: impl FnOnce(&dyn Transaction) -> std::result::Result<T, E> + Send + 'static,
    ) -> std::result::Result<T, E>
    where
        T: Send + 'static,
        E: From<StorageError> + Send + 'static,
    {
        // Nobody closes it, so there always is a turn. The thread keeps it, for whoever asked may go away.
        let turn = Arc::clone(&self.reading).acquire_owned().await;
        self.read_by(job, move |backend, job| {
            backend.read(job);
            drop(turn);
        })
        .await
    }

    /// The same, without waiting for what is not urgent.
    ///
    /// # Errors
    /// As [`Store::read`].
    pub async fn read_urgently<T, E>(
        &self,
        job: impl FnOnce(&dyn Transaction) -> std::result::Result<T, E> + Send + 'static,
    ) -> std::result::Result<T, E>
    where
        T: Send + 'static,
        E: From<StorageError> + Send + 'static,
    {
        self.read_by(job, |backend, job| backend.read_urgently(job))
            .await
    }

    async fn read_by<T, E>(
        &self,
        job: impl FnOnce(&dyn Transaction) -> std::result::Result<T, E> + Send + 'static,
        read: impl FnOnce(&dyn Backend, ReadJob) + Send + 'static,
    ) -> std::result::Result<T, E>
    where
        T: Send + 'static,
        E: From<StorageError> + Send + 'static,
    {
        let backend = Arc::clone(&self.backend);
        let (tell, told) = tokio::sync::oneshot::channel();
        // The thread lets go of the database before anybody is told, so that whoever drops the last
        // handle afterwards has closed it. How it ended is told below.
        let _ended = self
            .beside(move || {
                let job: ReadJob = Box::new(move |txn| {
                    let _gone = tell.send(match txn {
                        Ok(txn) => job(txn),
                        Err(error) => Err(error.into()),
                    });
                });
                read(&*backend, job);
            })
            .await;
        told.await
            .unwrap_or_else(|_| Err(StorageError::Aborted.into()))
    }

    /// Runs work that may block its thread on one that may; on the caller's where the backend has no
    /// threads.
    ///
    /// # Errors
    /// [`StorageError::Aborted`] if it panics.
    pub async fn beside<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T> {
        if self.backend.has_threads() {
            let working = tokio::task::spawn_blocking(work);
            working.await.map_err(|_| StorageError::Aborted)
        } else {
            Ok(work())
        }
    }
}
