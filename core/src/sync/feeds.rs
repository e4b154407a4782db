//! Feeds: what all devices of a scope recorded.

use super::error::SyncError;
use super::facts::documents;
use super::parts::Access;
use super::plan::{FeedStart, Remote, ServerBehind};
use super::report::{Mismatch, Progress};
use super::retry::Timer;
use super::run::Exchange;
use crate::store::{FeedEntry, FeedPlace, Store, StoreError};
use usher_domain::cose::{self, PublicKey, SigningKey};
use usher_domain::document::TrustedKeys;
use usher_domain::document::batch::{Batch, BatchHead};
use usher_domain::hash::Hash;
use usher_domain::ids::{DeviceId, ScopeId};
use usher_domain::log::{VerifiedBatch, verify_batch};
use usher_domain::problem::{Code, Problem};
use usher_domain::protocol::live::FeedNews;
use usher_domain::protocol::{FEED_PAGE_MAX, FeedBatch, FeedRequest, SyncApi};
use usher_domain::time::UnixMillis;
use usher_domain::{cbor, record::LogRef};

/// Pages of one feed in one go at most; the next round goes on.
const PAGES_MAX: u32 = 10_000;

impl<A: SyncApi, S: Access, T: Timer> Exchange<'_, A, S, T> {
    /// Reads a feed to its end. Where the server has another batch at the place held, it was put back from a
    /// backup and its feed has grown past that place since: it gets back what it lost, and the feed is read from
    /// its start.
    pub(super) async fn follow_feed(
        &mut self,
        scope: ScopeId,
        start: FeedStart,
        remote: &Remote,
    ) -> Result<(), SyncError> {
        match self.read_feed(scope, start).await {
            Err(SyncError::Problem(problem))
                if problem.code == Code::Conflict && start == FeedStart::Held =>
            {
                let behind = Mismatch::Behind(ServerBehind::Feed(scope));
                self.report.mismatches.push(behind);
                self.compare_logs(scope).await?;
                self.upload(scope).await?;
                self.hand_back_logs(scope, remote.recipient()).await?;
                self.read_feed(scope, FeedStart::Beginning).await
            }
            read => read,
        }
    }

    /// Reads a feed to its end.
    async fn read_feed(&mut self, scope: ScopeId, start: FeedStart) -> Result<(), SyncError> {
        let keys = self.keys()?;
        let held = self.parts.store.with(|store| store.feed_place(scope))?;
        let mut place = match start {
            FeedStart::Held => FeedPlace {
                epoch: self.epoch,
                ..held
            },
            FeedStart::Beginning => FeedPlace {
                epoch: self.epoch,
                position: 0,
                read_at: held.read_at,
                last: None,
            },
        };
        let mut limit = FEED_PAGE_MAX;
        for _ in 0..PAGES_MAX {
            let request = FeedRequest {
                scope,
                epoch: place.epoch,
                after: place.position,
                limit,
                last: place
                    .last
                    .filter(|_| !usher_domain::mutated!(ReadOnOverHole)),
            };
            let page = match self.ask(|| self.parts.api.feed(request)).await {
                Ok(page) => page,
                // Batches can be large, and a page of many too large.
                Err(problem) if problem.code == Code::BadAnswer && limit > 1 => {
                    limit = (limit / 8).max(1);
                    continue;
                }
                Err(problem) => return Err(problem.into()),
            };
            if page.epoch != place.epoch {
                return Err(SyncError::OutOfStep("the server's epoch changed meanwhile"));
            }
            let last = last_position(&page.batches, place.position)?;
            let at_end = page.batches.is_empty() || last >= page.end;
            if page.batches.is_empty() && last < page.end {
                return Err(bad_page("a feed that ends before its end"));
            }
            place.position = last;
            if let Some(batch) = page.batches.last() {
                place.last = last_record(batch);
            }
            if at_end {
                place.read_at = self.now()?.0;
            }
            self.take(scope, page.batches, &keys, (start, place))?;
            let (done, of) = (last, page.end);
            (self.parts.progress)(Progress::Reading { scope, done, of });
            if at_end {
                return Ok(());
            }
        }
        Ok(())
    }

    fn take(
        &mut self,
        scope: ScopeId,
        batches: Vec<FeedBatch>,
        keys: &TrustedKeys,
        (start, mut place): (FeedStart, FeedPlace),
    ) -> Result<(), SyncError> {
        let own = (self.device, &self.key);
        let taken = self.parts.store.with(|store| {
            // What was told live meanwhile may be further than this page.
            let held = store.feed_place(scope)?;
            if start == FeedStart::Held
                && held.epoch == place.epoch
                && held.position > place.position
            {
                (place.position, place.last) = (held.position, held.last);
            }
            let entries = entries(store, scope, batches, keys, own)?;
            store.take_feed(scope, &entries, place)
        })?;
        self.report.received += taken.records;
        Ok(())
    }

    /// Tries batches set aside once more, now that a document is newer.
    pub(super) fn retry_parked(&mut self, remote: &Remote) -> Result<(), SyncError> {
        let keys = self.keys()?;
        let own = (self.device, &self.key);
        let (received, tried) = self.parts.store.with(|store| {
            let mut received = 0;
            for end in &remote.feeds {
                for (number, batch) in store.parked(end.scope)? {
                    if let Some(verified) = verify(store, &batch, end.scope, &keys, own)? {
                        received += store.unpark(number, end.scope, &verified)?.records;
                    }
                }
            }
            Ok::<_, StoreError>((received, documents(store)?))
        })?;
        self.report.received += received;
        self.memory.parked_tried = Some(tried);
        Ok(())
    }
}

/// What became of news of a feed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Heard {
    /// So many records are new here.
    Taken(u64),
    /// All of it was known.
    Known,
    /// Something before it is missing here, or it does not tell what it is about.
    Missing,
}

/// Takes in what was told of a feed, if it goes on from the place held: records and place in one transaction.
pub(super) fn take_news(
    store: &mut Store,
    news: FeedNews,
    own: (DeviceId, &SigningKey),
    now: UnixMillis,
) -> Result<Heard, SyncError> {
    let (scope, end) = (news.scope, news.end);
    let held = store.feed_place(scope)?;
    if held.epoch != news.epoch {
        return Ok(Heard::Missing);
    }
    if held.position >= end {
        return Ok(Heard::Known);
    }
    if held.position < news.after || news.batches.is_empty() {
        return Ok(Heard::Missing);
    }
    // Where the server has another batch at the place held, it was put back: an exchange finds out more.
    let at_place = news.batches.iter().find(|it| it.position == held.position);
    let there = match at_place {
        Some(batch) => last_record(batch),
        None => news.last.filter(|_| held.position == news.after),
    };
    if held.last.is_some() && there.is_some() && held.last != there {
        return Ok(Heard::Missing);
    }
    if last_position(&news.batches, news.after)? != end {
        return Err(bad_page("news of a feed that end before their end"));
    }
    let keys = store.trusted_keys()?;
    let mut batches = news.batches;
    batches.retain(|batch| batch.position > held.position);
    let last = batches.last().and_then(last_record);
    let entries = entries(store, scope, batches, &keys, own)?;
    let place = FeedPlace {
        epoch: held.epoch,
        position: end,
        read_at: now,
        last,
    };
    let taken = store.take_feed(scope, &entries, place)?;
    Ok(Heard::Taken(taken.records))
}

/// Each batch with its proof, or set aside until there is one.
fn entries(
    store: &Store,
    scope: ScopeId,
    batches: Vec<FeedBatch>,
    keys: &TrustedKeys,
    own: (DeviceId, &SigningKey),
) -> Result<Vec<FeedEntry>, StoreError> {
    let mut entries = Vec::new();
    for FeedBatch { batch, .. } in batches {
        entries.push(match verify(store, &batch, scope, keys, own)? {
            Some(verified) => FeedEntry::Verified(verified),
            None => FeedEntry::Parked(batch),
        });
    }
    Ok(entries)
}

/// Checks a batch against the key of its writer; none if it cannot be checked, or does not hold.
pub(super) fn verify(
    store: &Store,
    batch: &Batch,
    scope: ScopeId,
    keys: &TrustedKeys,
    (device, key): (DeviceId, &SigningKey),
) -> Result<Option<VerifiedBatch>, StoreError> {
    let Some(log) = claimed_log(batch) else {
        return Ok(None);
    };
    let signer = if log.device == device {
        Some(key.public())
    } else {
        signer(store, batch, log, keys)?
    };
    let Some(signer) = signer else {
        return Ok(None);
    };
    let verified = verify_batch(batch, &signer).ok();
    Ok(verified.filter(|verified| verified.head().log == log && verified.head().scope == scope))
}

/// Whose log a batch says it is of: only good for finding the key that must prove it.
fn claimed_log(batch: &Batch) -> Option<LogRef> {
    let envelope = cose::parse(&batch.head).ok()?;
    let head: BatchHead = cbor::decode(envelope.unverified_payload()).ok()?;
    Some(head.log)
}

/// The key that must have signed: a set key for the server's own log, the roster's for a device's. That a
/// device was revoked since does not matter: where its log ends is said by a cut in the feed.
fn signer(
    store: &Store,
    batch: &Batch,
    log: LogRef,
    keys: &TrustedKeys,
) -> Result<Option<PublicKey>, StoreError> {
    if log.device == keys.server() {
        let kid = cose::parse(&batch.head).ok().map(|envelope| envelope.kid());
        return Ok(kid.and_then(|kid| keys.server_log_signer(kid).ok()));
    }
    let entry = store.roster_device(keys.organizer(), log.device)?;
    Ok(entry.map(|entry| entry.key))
}

/// The last record of a batch.
fn last_record(batch: &FeedBatch) -> Option<Hash> {
    let last = batch.batch.records.last();
    last.map(|record| Hash::of(&[record]))
}

/// The last position of batches, whose positions must rise.
pub(super) fn last_position(batches: &[FeedBatch], after: u64) -> Result<u64, SyncError> {
    batches.iter().try_fold(after, |last, batch| {
        if batch.position > last {
            Ok(batch.position)
        } else {
            Err(bad_page("a feed whose positions do not rise"))
        }
    })
}

fn bad_page(what: &str) -> SyncError {
    Problem::new(Code::BadAnswer, format!("the server answered with {what}")).into()
}
