//! Removing from the disk what a device holds no more: tables of past sessions, and everything once it was
//! revoked.

use super::deliver::breathe;
use super::error::SyncError;
use super::parts::Access;
use super::retry::Timer;
use super::run::Exchange;
use crate::store::StoreError;
use usher_domain::protocol::SyncApi;
use usher_domain::table::TableId;

impl<A: SyncApi, S: Access, T: Timer> Exchange<'_, A, S, T> {
    pub(super) fn is_revoked(&self) -> Result<bool, StoreError> {
        let revoked = self.parts.store.with(|store| store.revoked())?;
        Ok(revoked.is_some())
    }

    /// Stops holding a table, and removes it from the disk at once: a directory has names in it.
    pub(super) async fn forget(&self, table: TableId) -> Result<(), SyncError> {
        self.parts.store.with(|store| store.drop_table(table))?;
        self.sweep().await?;
        let emptied = self.parts.store.with(|store| store.sweep_to_the_end());
        Ok(emptied?)
    }

    /// Removes from the disk what a device may not hold any more since it was revoked.
    pub(super) async fn finish_wiping(&self) {
        if let Err(error) = self.wipe_what_was_begun().await {
            // The next exchange and the next start go on.
            tracing::error!(code = error.code(), "the device is not wiped yet: {error}");
        }
    }

    async fn wipe_what_was_begun(&self) -> Result<(), StoreError> {
        if !self.parts.store.with(|store| store.is_wiping())? {
            return Ok(());
        }
        self.sweep().await?;
        self.parts.store.with(|store| store.finish_wiping())
    }

    /// Deletes the rows of dropped tables. A scan that waits for the store waits for one step only.
    async fn sweep(&self) -> Result<(), StoreError> {
        while self.parts.store.with(|store| store.sweep())? {
            breathe().await;
        }
        Ok(())
    }
}
