//! The feed: all batches of a scope, of all devices and of the server, by position.
//!
//! A position is given inside the transaction that stores the batch, and those run one after the other:
//! whoever saw position n has seen everything before it. Positions count anew in every epoch, because a
//! server that was restored from a backup gives them out a second time.

use super::devices::StoredDevice;
use super::error::{Error, Result};
use super::records::is_scope_of;
use super::{Service, devices, epoch, things};
use crate::storage::Transaction;
use usher_domain::document::batch::Batch;
use usher_domain::ids::{DeviceId, OrganizerId, ScopeId};
use usher_domain::protocol::{
    BODY_BYTES_MAX, FEED_PAGE_MAX, FeedBatch, FeedPage, FeedRequest, HeadsAnswer, Whose,
};

/// Bytes of a batch, but for the few that hold it together.
pub(super) fn size(batch: &Batch) -> usize {
    let records = batch.records.iter().map(|record| record.len());
    batch.head.len() + records.sum::<usize>()
}

/// Batches after a position, as many as fit one answer; at least one if there is one.
fn page(txn: &dyn Transaction, request: &FeedRequest, after: u64) -> Result<Vec<FeedBatch>> {
    let mut batches: Vec<FeedBatch> = Vec::new();
    let mut bytes = 0_usize;
    let mut last = after;
    while batches.len() < request.limit.clamp(1, FEED_PAGE_MAX) as usize {
        let Some((position, batch)) = txn.feed(request.scope, last, 1)?.pop() else {
            break;
        };
        bytes = bytes.saturating_add(size(&batch));
        if bytes > BODY_BYTES_MAX && !batches.is_empty() {
            break;
        }
        last = position;
        batches.push(FeedBatch { position, batch });
    }
    Ok(batches)
}

/// Whether the device read another batch at its position than this server has there.
fn is_other(txn: &dyn Transaction, request: &FeedRequest) -> Result<bool> {
    let Some(read) = request.last else {
        return Ok(false);
    };
    let here = txn.last_record_at(request.scope, request.after)?;
    Ok(here.is_some_and(|here| here != read))
}

fn check_scope(txn: &dyn Transaction, device: DeviceId, scope: ScopeId) -> Result<()> {
    let organizer = devices::active(txn, device)?.value.organizer;
    check_owner(txn, organizer, scope)
}

fn check_owner(txn: &dyn Transaction, organizer: OrganizerId, scope: ScopeId) -> Result<()> {
    if is_scope_of(txn, organizer, scope)? {
        Ok(())
    } else {
        Err(Error::NotFound("scope"))
    }
}

impl Service {
    /// Batches of all devices of a scope after a position. In another epoch than the server's the feed
    /// starts from its beginning.
    ///
    /// # Errors
    /// [`Error::Conflict`] if the device read another batch at that position: this server was put back from a
    /// backup and nobody told it. [`Error::NotFound`] for the device or the scope, [`Error::DeviceRevoked`],
    /// [`Error::Unauthenticated`] while the device waits.
    pub async fn feed(&self, device: DeviceId, request: FeedRequest) -> Result<FeedPage> {
        self.read(move |txn| {
            check_scope(txn, device, request.scope)?;
            let epoch = epoch(txn)?;
            let skipped = u64::from(usher_domain::mutated!(FeedSkips) && request.after % 3 == 2);
            let after = if request.epoch == epoch {
                request.after
            } else {
                0
            };
            if request.epoch == epoch && is_other(txn, &request)? {
                return Err(Error::Conflict(
                    "the feed has another batch at this position",
                ));
            }
            Ok(FeedPage {
                epoch,
                batches: page(txn, &request, after + skipped)?,
                end: txn.feed_end(request.scope)?,
            })
        })
        .await
    }

    /// Ends of logs in a scope as the server has them. A revoked device may ask too: it still hands in what
    /// it holds.
    ///
    /// # Errors
    /// [`Error::NotFound`] for the device, and for a scope that is none of its organizer's where everybody's
    /// are asked for; [`Error::Storage`].
    pub async fn heads(
        &self,
        device: DeviceId,
        scope: ScopeId,
        whose: Whose,
    ) -> Result<HeadsAnswer> {
        self.read(move |txn| {
            let heads = match whose {
                Whose::Own => {
                    let all = txn.heads_of_device(device)?.into_iter();
                    all.filter(|(of, _)| *of == scope)
                        .map(|(_, head)| head)
                        .collect()
                }
                Whose::Everybody => {
                    let asking = things::get::<StoredDevice>(txn, device.as_bytes())?;
                    check_owner(txn, asking.value.organizer, scope)?;
                    txn.heads(scope)?
                }
            };
            Ok(HeadsAnswer {
                heads,
                epoch: epoch(txn)?,
            })
        })
        .await
    }
}
