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
}

impl Readers {
    pub(super) fn new(path: PathBuf, most: usize) -> Self {
        Self {
            path,
            pool: Mutex::new(Pool {
                idle: Vec::new(),
                unopened: most.max(1),
            }),
            returned: Condvar::new(),
        }
    }

    /// Runs a job in a read transaction; waits if all connections are in use.
    pub(super) fn read(&self, job: ReadJob) {
        let mut connection = match self.take() {
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

    fn take(&self) -> Result<Connection> {
        let mut pool = self.pool.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some(connection) = pool.idle.pop() {
                return Ok(connection);
            }
            if pool.unopened > 0 {
                pool.unopened -= 1;
                drop(pool);
                return self.open().inspect_err(|_| {
                    self.change(|pool| pool.unopened += 1);
                });
            }
            pool = self
                .returned
                .wait(pool)
                .unwrap_or_else(PoisonError::into_inner);
        }
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
        self.returned.notify_one();
    }
}
