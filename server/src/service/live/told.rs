//! What is told, as it is read from storage.

use crate::service::error::Result;
use crate::service::feed::size;
use crate::service::tables::serve::segment;
use crate::storage::Transaction;
use usher_domain::ids::ScopeId;
use usher_domain::protocol::live::{FeedNews, TOLD_BYTES_MAX, TableNews, TableSegment};
use usher_domain::protocol::{Changes, FeedBatch};
use usher_domain::table::{TableId, Version};

/// Batches in one event at most.
const BATCHES_MAX: usize = 200;

/// The next batches of a scope after a position, as many as one event takes; none if there are none. Where
/// the very next is too large to be told, all up to the feed's end are only announced: who lacks that much
/// reads it in pages.
pub(super) fn feed(
    txn: &dyn Transaction,
    scope: ScopeId,
    epoch: u32,
    after: u64,
) -> Result<Option<FeedNews>> {
    let mut batches: Vec<FeedBatch> = Vec::new();
    let (mut bytes, mut end) = (0_usize, after);
    while batches.len() < BATCHES_MAX {
        let Some((position, batch)) = txn.feed(scope, end, 1)?.pop() else {
            break;
        };
        bytes = bytes.saturating_add(size(&batch));
        if bytes > TOLD_BYTES_MAX {
            if batches.is_empty() {
                end = txn.feed_end(scope)?;
            }
            break;
        }
        end = position;
        batches.push(FeedBatch { position, batch });
    }
    Ok((end > after).then_some(FeedNews {
        scope,
        epoch,
        after,
        batches,
        end,
        last: txn.last_record_at(scope, after)?,
    }))
}

/// The newest version of a table, with what changed since the version before if that is little.
pub(super) fn table(
    txn: &dyn Transaction,
    table: TableId,
    told: Option<Version>,
) -> Result<Option<TableNews>> {
    let Some(head) = txn.table_head(table)? else {
        return Ok(None);
    };
    let version = head.version;
    let before = Version {
        number: version.number.saturating_sub(1),
        ..version
    };
    let since = told
        .filter(|told| told.epoch == version.epoch && told.number < version.number)
        .unwrap_or(before);
    let segment = match segment(txn, table, head, since, TOLD_BYTES_MAX)? {
        Changes::Segment { manifest, rows } if manifest.len() + rows.len() <= TOLD_BYTES_MAX => {
            Some(TableSegment {
                since,
                manifest,
                rows,
            })
        }
        Changes::Segment { .. } | Changes::UpToDate | Changes::TakeSnapshot => None,
    };
    Ok(Some(TableNews {
        table,
        version,
        segment,
    }))
}
