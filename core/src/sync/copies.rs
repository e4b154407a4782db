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

impl<A: SyncApi, S: Access, T: Timer> Exchange<'_, A, S, T> {
    /// Looks at the copies that were not looked at yet, and repairs those whose rows are not what was signed.
    /// Says whether there were any.
    pub(super) async fn mend_copies(&mut self, remote: &Remote) -> Result<bool, SyncError> {
        let mut mended = false;
        for listed in &remote.tables {
            let table = listed.table;
            let repair = Action::Repair(table);
            if self.memory.examined.contains(&table) || self.is_settled(repair) {
                continue;
            }
            if self.is_intact(table).await? {
                self.memory.examined.insert(table);
                continue;
            }
            tracing::warn!("rows of {table} are not what was signed: they are taken anew");
            mended = true;
            self.perform(repair, remote).await?;
        }
        Ok(mended)
    }

    /// Whether the rows are what was signed. What is written down of them is corrected where they are not: the
    /// next sign of life tells the truth, and a repair finds what differs.
    async fn is_intact(&self, table: TableId) -> Result<bool, StoreError> {
        for from in Bucket::all().step_by(BUCKETS_AT_ONCE) {
            let is_held = self.parts.store.with(|store| {
                let is_held = store.serving(table)?.is_some();
                if is_held {
                    store.examine(table, from, BUCKETS_AT_ONCE)?;
                }
                Ok::<_, StoreError>(is_held)
            })?;
            if !is_held {
                return Ok(true);
            }
            breathe().await;
        }
        self.parts.store.with(|store| {
            let signed = store.manifest(table)?;
            let kept = store.digests(table)?;
            Ok(signed.is_none_or(|signed| signed.digest == kept.table_digest()))
        })
    }
}
