//! Reading connections beside the writer.

use super::statements::{Doing as _, Session};
use super::{ReadJob, Result, connect};
use rusqlite::{Connection, OpenFlags, TransactionBehavior};
use std::path::PathBuf;
use std::sync::{Condvar, Mutex, PoisonError};

/// A bounded pool: connections are opened when first needed and kept.
pub(super) struct Readers {
    path: PathBuf,
    pool: Mutex<Pool>,
    returned: Condvar,
}

struct Pool {
    idle: Vec<Connection>,
    /// How many more may be opened.
    unopened: usize,
    /// How many are kept for what is urgent.
    reserve: usize,
}

impl Pool {
    /// Whether a job of this urgency may take a connection now.
    fn has_room(&self, urgency: Urgency) -> bool {
        let kept = match urgency {
            Urgency::Usual => self.reserve,
            Urgency::Urgent => 0,
        };
        self.idle.len() + self.unopened > kept
    }
}

/// Which connections a job may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Urgency {
    /// Those that are not kept for others.
    Usual,
    /// All.
    Urgent,
}

impl Readers {
    pub(super) fn new(path: PathBuf, most: usize) -> Self {
        Self::of(path, most.max(1), 0)
    }

    /// Beside `most` connections one that is kept for what is urgent.
    pub(super) fn with_reserve(path: PathBuf, most: usize) -> Self {
        Self::of(path, most.max(1) + 1, 1)
    }

    fn of(path: PathBuf, unopened: usize, reserve: usize) -> Self {
        Self {
            path,
            pool: Mutex::new(Pool {
                idle: Vec::new(),
                unopened,
                reserve,
            }),
            returned: Condvar::new(),
        }
    }

    /// Runs a job in a read transaction; waits if all connections are in use.
    pub(super) fn read(&self, job: ReadJob) {
        self.read_as(Urgency::Usual, job);
    }

    /// The same with a connection that is kept for it if need be.
    pub(super) fn read_urgently(&self, job: ReadJob) {
        self.read_as(Urgency::Urgent, job);
    }

    fn read_as(&self, urgency: Urgency, job: ReadJob) {
        let mut connection = match self.take(urgency) {
            Ok(connection) => connection,
            Err(error) => return job(Err(error)),
        };
        // A job that panics must not shrink the pool: its connection goes back all the same.
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            match connection.transaction_with_behavior(TransactionBehavior::Deferred) {
                Ok(txn) => job(Ok(&Session { connection: &txn })),
                Err(error) => job(Err(error).doing("beginning to read")),
            }
        }));
        self.give_back(connection);
        if let Err(panic) = outcome {
            std::panic::resume_unwind(panic);
        }
    }

    fn take(&self, urgency: Urgency) -> Result<Connection> {
        let mut pool = self.pool.lock().unwrap_or_else(PoisonError::into_inner);
        while !pool.has_room(urgency) {
            pool = self
                .returned
                .wait(pool)
                .unwrap_or_else(PoisonError::into_inner);
        }
        if let Some(connection) = pool.idle.pop() {
            return Ok(connection);
        }
        pool.unopened -= 1;
        drop(pool);
        self.open().inspect_err(|_| {
            self.change(|pool| pool.unopened += 1);
        })
    }

    fn open(&self) -> Result<Connection> {
        let connection = connect(&self.path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        connection
            .execute_batch("PRAGMA query_only = ON; PRAGMA cache_size = -4096;")
            .doing("preparing a reader")?;
        Ok(connection)
    }

    fn give_back(&self, connection: Connection) {
        self.change(|pool| pool.idle.push(connection));
    }

    fn change(&self, change: impl FnOnce(&mut Pool)) {
        change(&mut self.pool.lock().unwrap_or_else(PoisonError::into_inner));
        // All: one that is woken may be one for which this connection is not.
        self.returned.notify_all();
    }
}
