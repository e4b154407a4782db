//! The same database without threads: every job runs on its caller's, before the call returns.
//!
//! For programs of one thread, such as a simulation that must repeat itself. Commits are made by the same
//! code as in [`super::Sqlite`]; only nobody shares one.

use super::read::Readers;
use super::{Opened, writer};
use crate::storage::{Backend, ReadJob, Result, Store, WriteJob};
use rusqlite::Connection;
use std::fs::File;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

/// An open database that has no threads.
pub struct Inline {
    readers: Readers,
    writer: Mutex<Connection>,
    /// Held as long as the database is open.
    _lock: File,
}

impl Inline {
    /// Opens the database in `folder`, and creates or migrates it.
    ///
    /// # Errors
    /// As [`super::Sqlite::open`].
    pub fn open(folder: &Path) -> Result<Self> {
        let Opened {
            connection,
            path,
            lock,
        } = super::open(folder)?;
        Ok(Self {
            readers: Readers::new(path, 1),
            writer: Mutex::new(connection),
            _lock: lock,
        })
    }

    /// Opens the database in `folder` as a [`Store`].
    ///
    /// # Errors
    /// As [`super::Sqlite::open`].
    pub fn store(folder: &Path) -> Result<Store> {
        Self::open(folder).map(Store::new)
    }
}

impl Backend for Inline {
    fn enqueue(&self, job: WriteJob) -> Result<()> {
        let connection = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        writer::run_group(&connection, std::iter::once(job));
        Ok(())
    }

    fn read(&self, job: ReadJob) {
        self.readers.read(job);
    }

    fn has_threads(&self) -> bool {
        false
    }
}
