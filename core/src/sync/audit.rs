//! Checking the signatures of everything a feed says, once more and from its start.

use super::error::SyncError;
use super::feeds::{last_position, verify};
use super::parts::{Access, Memory, Parts};
use super::retry::Timer;
use super::run::Exchange;
use usher_domain::ids::ScopeId;
use usher_domain::protocol::{FeedRequest, SyncApi};

/// Batches asked for at once.
const PAGE: u32 = 64;
/// Pages of one feed at most.
const PAGES_MAX: u32 = 1_000_000;

/// What a feed holds, checked from its start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct FeedAudit {
    /// Batches whose signature and chain hold.
    pub verified: u64,
    /// Batches of which that cannot be said.
    pub unverified: u64,
    /// Records of verified batches that this device does not hold.
    pub missing_here: u64,
}

/// Reads a feed from its start and checks every batch. Nothing is stored.
///
/// # Errors
/// [`SyncError`].
pub async fn audit_feed<A: SyncApi, S: Access, T: Timer>(
    parts: &Parts<'_, A, S, T>,
    scope: ScopeId,
) -> Result<FeedAudit, SyncError> {
    let mut memory = Memory::default();
    let mut exchange = Exchange::new(parts, &mut memory)?;
    exchange.greet().await?;
    let keys = exchange.keys()?;
    let mut audit = FeedAudit::default();
    let mut after = 0;
    for _ in 0..PAGES_MAX {
        let request = FeedRequest {
            scope,
            epoch: exchange.epoch,
            after,
            limit: PAGE,
            last: None,
        };
        let page = exchange.ask(|| parts.api.feed(request)).await?;
        after = last_position(&page.batches, after)?;
        let own = (exchange.device, &exchange.key);
        for line in &page.batches {
            parts.store.with(|store| {
                let Some(batch) = verify(store, &line.batch, scope, &keys, own)? else {
                    audit.unverified += 1;
                    return Ok::<_, SyncError>(());
                };
                audit.verified += 1;
                for entry in batch.entries() {
                    audit.missing_here += u64::from(store.record(entry.hash)?.is_none());
                }
                Ok(())
            })?;
        }
        if page.batches.is_empty() || after >= page.end {
            break;
        }
    }
    Ok(audit)
}
