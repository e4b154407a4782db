//! What devices wait for: rounds of the sealer.
//!
//! A change is answered as soon as it is durable, and sealed a moment later. A device whose exchange
//! begins in between must still get it, or nobody could say from when on a cancellation counts. So an
//! exchange waits for its tables, for a bounded time: a sealer that hangs makes gates no worse informed
//! than a missing network would.

use super::sealer::Rounds;
use crate::service::error::Result;
use crate::service::{Service, assignment};
use crate::storage::Transaction;
use std::time::Duration;
use usher_domain::ids::DeviceId;
use usher_domain::table::TableId;

impl Service {
    /// Waits until what was changed before is sealed in all tables that a device should hold, or until
    /// [`crate::service::Settings::settle_within_ms`] are over. Nobody else waits for it, and without a
    /// running sealer nor does it.
    ///
    /// # Errors
    /// [`crate::service::Error::Storage`], and as [`Service::assignment`].
    pub(crate) async fn settle(&self, device: DeviceId) -> Result<()> {
        let now = self.now();
        let settings = self.settings().clone();
        self.settle_for(move |txn| assignment::table_names(txn, device, &settings, now))
            .await
    }

    /// As [`Self::settle`], for the tables that `wanted` names.
    ///
    /// # Errors
    /// [`crate::service::Error::Storage`], and what `wanted` says.
    pub(crate) async fn settle_for(
        &self,
        wanted: impl Fn(&dyn Transaction) -> Result<Vec<TableId>> + Clone + Send + 'static,
    ) -> Result<()> {
        let mut rounds = self.rounds().subscribe();
        // A round that began earlier may have looked before the change came.
        let enough = rounds.borrow().begun + 1;
        let within = Duration::from_millis(self.settings().settle_within_ms);
        let settled = tokio::time::timeout(within, async {
            while self.waits_for_sealing(wanted.clone()).await? {
                self.look_again();
                let over = |now: &Rounds| !now.running || now.ended >= enough;
                if over(&rounds.borrow_and_update()) || rounds.changed().await.is_err() {
                    break;
                }
            }
            Ok(())
        });
        settled.await.unwrap_or_else(|_| {
            tracing::warn!("answered before all that changed was sealed");
            Ok(())
        })
    }

    async fn waits_for_sealing(
        &self,
        wanted: impl Fn(&dyn Transaction) -> Result<Vec<TableId>> + Send + 'static,
    ) -> Result<bool> {
        self.read(move |txn| {
            let dirty = txn.dirty_tables()?;
            if dirty.is_empty() {
                return Ok(false);
            }
            let wanted = wanted(txn)?;
            Ok(wanted.iter().any(|table| dirty.contains(table)))
        })
        .await
    }
}
