//! Whether the copies of tables are what was signed: by their rows, not by what was written down of them.
//!
//! Rows may be gone that nobody took away: a disk went bad, somebody mended the database by hand. Then a sign
//! of life would prove what the device does not have any more. So each process looks at all rows once, when
//! device and server are in step otherwise, and takes what differs.

use super::deliver::breathe;
use super::error::SyncError;
use super::parts::Access;
use super::plan::{Action, Remote};
use super::retry::Timer;
use super::run::Exchange;
use crate::store::StoreError;
use usher_domain::protocol::SyncApi;
use usher_domain::table::{Bucket, TableId};

/// Buckets looked at before a scan gets its turn.
const BUCKETS_AT_ONCE: usize = 64;

/// What a copy turned out to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Copy {
    /// What was signed, or not held at all.
    Intact,
    /// Its rows are not what was signed.
    Damaged,
}

impl<A: SyncApi, S: Access, T: Timer> Exchange<'_, A, S, T> {
    /// Repairs the copies whose rows are not what was signed. Says whether there were any.
    ///
    /// A copy that cannot be read is trouble of its own: the gate goes on with what it can read.
    pub(super) async fn mend_copies(&mut self, remote: &Remote) -> Result<bool, SyncError> {
        let mut mended = false;
        for listed in &remote.tables {
            let table = listed.table;
            let repair = Action::Repair(table);
            if self.is_settled(repair) {
                continue;
            }
            match self.look_at(table).await {
                Ok(Copy::Intact) => {}
                Ok(Copy::Damaged) => {
                    mended = true;
                    self.tell_difference(table)?;
                    self.perform(repair, remote).await?;
                }
                Err(error) => {
                    if matches!(error, StoreError::Damaged { .. }) {
                        self.parts.store.with(|store| store.suspect());
                    }
                    self.troubled.push(table);
                    self.note(&error.into())?;
                }
            }
        }
        Ok(mended)
    }

    async fn look_at(&mut self, table: TableId) -> Result<Copy, StoreError> {
        if !self.memory.examined.contains(&table) {
            self.correct_digests(table).await?;
            self.memory.examined.insert(table);
        }
        self.parts.store.with(|store| {
            let Some(signed) = store.manifest(table)? else {
                return Ok(Copy::Intact);
            };
            let is_held = store.serving(table)?.is_some();
            let is_intact = !is_held || store.digests(table)?.table_digest() == signed.digest;
            Ok(if is_intact {
                Copy::Intact
            } else {
                Copy::Damaged
            })
        })
    }

    /// Writes down what the rows of a copy are: the next sign of life tells the truth, and a repair finds what
    /// differs.
    async fn correct_digests(&self, table: TableId) -> Result<(), StoreError> {
        for from in Bucket::all().step_by(BUCKETS_AT_ONCE) {
            self.parts.store.with(|store| match store.serving(table)? {
                Some(_) => store.refresh_digests(table, from, BUCKETS_AT_ONCE),
                None => Ok(()),
            })?;
            breathe().await;
        }
        Ok(())
    }
}
