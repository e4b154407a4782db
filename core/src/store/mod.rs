//! The store of a device: one SQLite file in the device's folder, and the only place with SQL.
//!
//! Everything that must not be lost is in it before anybody is told: a record before its verdict, a
//! document in the same transaction as what it speaks of. One process at a time works in a folder.
//!
//! | file | subject |
//! | --- | --- |
//! | `open`, `private`, `schema`, `rescue`, `room` | the file itself: locks, rights, migrations, damage, the disk it is on |
//! | `identity`, `documents`, `settings`, `clock`, `notices` | who the device is, whom it believes, small facts |
//! | `tables` | copies of ticket sets, directories and the roster |
//! | `records` | logs, feeds, what the server has |

mod clock;
mod documents;
mod error;
mod identity;
mod notices;
mod open;
mod private;
mod records;
mod rescue;
mod room;
mod schema;
mod settings;
pub mod tables;

pub use error::StoreError;
pub use identity::{DeviceIdentity, ServerPin};
pub use notices::{Notice, NoticeBody, SignOutReason};
pub use open::Opened;
pub use private::Exposure;
pub use records::{FeedEntry, FeedPlace, LogStanding, OwnLog, RecordPage, SignedRange, Taken};
pub use rescue::Rescue;
pub use settings::{Operator, PinFailures, Reach, Recipient};

use crate::clock::ClockState;
use error::Doing as _;
use rusqlite::{Connection, Transaction, TransactionBehavior};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs::File;
use std::path::PathBuf;
use usher_domain::hash::Hash;
use usher_domain::merge::Ancestors;

/// A device's store, open for this process alone.
///
/// Reading takes `&self`, writing `&mut self`: two transactions cannot overlap. Every writing method is
/// one transaction: it happens whole, durably, before it returns, or not at all.
#[derive(Debug)]
pub struct Store {
    conn: Connection,
    folder: PathBuf,
    /// How the clock stands, as last observed; written down only when something changes.
    clock: Option<ClockState>,
    /// What cuts of logs let count, by the record of the cut, as far as their logs could be followed to the
    /// beginning: that never changes.
    cut_extents: RefCell<BTreeMap<Hash, Ancestors>>,
    /// Counts what changes the basis of verdicts, so that a gate knows when to read it anew.
    knowledge: u64,
    /// Held as long as the store is open; the system releases it with the process.
    _lock: File,
}

impl Store {
    /// Runs `work` in one transaction and commits it.
    fn write<T>(
        &mut self,
        doing: &'static str,
        work: impl FnOnce(&Transaction<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let tx = self
            .conn
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .doing(doing)?;
        let value = work(&tx)?;
        tx.commit().doing(doing)?;
        Ok(value)
    }

    /// Grows whenever documents, tables, settings or others' records change: what a gate keeps in memory
    /// of them is then to be read anew. Its own records do not count.
    #[must_use]
    pub const fn knowledge(&self) -> u64 {
        self.knowledge
    }

    /// Runs `work` like [`Self::write`], and says that the basis of verdicts changed.
    fn learn<T>(
        &mut self,
        doing: &'static str,
        work: impl FnOnce(&Transaction<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let value = self.write(doing, work)?;
        self.knowledge = self.knowledge.wrapping_add(1);
        Ok(value)
    }

    /// As if the folder could not be written any more.
    #[cfg(test)]
    pub(crate) fn refuse_writes(&self) {
        let set = self.conn.pragma_update(None, "query_only", true);
        assert!(set.is_ok());
    }

    /// As if it could be written again.
    #[cfg(test)]
    pub(crate) fn allow_writes(&self) {
        let set = self.conn.pragma_update(None, "query_only", false);
        assert!(set.is_ok());
    }

    /// The device's folder.
    #[must_use]
    pub fn folder(&self) -> &std::path::Path {
        &self.folder
    }
}

#[cfg(test)]
mod tests;
