//! Rows given to a server that was put back from a backup and lacks them.
//!
//! A request is kept in the store before it is sent, and until the server says that none of its rows waits
//! any more: what gives rights waits there for a person, and this device's copy follows the server's
//! meanwhile. Whenever the server's program was started anew, its database may have been put back once more;
//! then everything kept is sent again.

use super::error::SyncError;
use super::parts::Access;
use super::retry::Timer;
use super::run::Exchange;
use super::tables::digests;
use crate::store::StoreError;
use usher_domain::problem::Code;
use usher_domain::protocol::{HandBack, SyncApi};
use usher_domain::table::{Bucket, TableId, verify_manifest};

/// Unpacked bytes of rows in one request that hands rows back.
const REQUEST_BYTES: usize = 256 * 1024;

impl<A: SyncApi, S: Access, T: Timer> Exchange<'_, A, S, T> {
    /// Hands back what the server takes; that it takes nothing of a damaged copy is no failure.
    pub(super) async fn hand_back_if_proven(&mut self, table: TableId) -> Result<(), SyncError> {
        match self.hand_back(table).await {
            Err(error) if !error.ends_exchange() => {
                tracing::warn!(code = error.code(), "rows are not handed back: {error}");
                Ok(())
            }
            done => done,
        }
    }

    /// Gives a restored server the buckets that differ, with the manifest that proves them.
    pub(super) async fn hand_back(&mut self, table: TableId) -> Result<(), SyncError> {
        let answer = self.ask(|| self.parts.api.buckets(table)).await?;
        // It is only compared with: it may be older than what is held.
        let manifest = verify_manifest(&answer.manifest, &self.keys()?, table)?;
        let theirs = digests(answer.digests, manifest.value())?;
        let (ours, signed) = self.parts.store.with(|store| {
            let signed = store.signed_manifest(table)?;
            Ok::<_, StoreError>((store.digests(table)?, signed))
        })?;
        let Some(signed) = signed else {
            return Ok(());
        };
        let mut buckets = ours.differing(&theirs).into_iter().peekable();
        while buckets.peek().is_some() {
            let (numbers, rows) = self.gather(table, &mut buckets)?;
            let request = HandBack {
                table,
                manifest: signed.clone().into(),
                digests: ours.hashes().to_vec(),
                buckets: numbers,
                rows: pack(&rows).into(),
            };
            self.offer(request).await?;
        }
        Ok(())
    }

    /// Sends once more what was kept, if the server's program was started since it was last sent; says whether
    /// something was taken. It comes after everything else: where it does not get through, it goes on from
    /// there with the next exchange, and nothing else is kept waiting.
    pub(super) async fn offer_again(&mut self) -> Result<bool, SyncError> {
        if self.memory.instance.is_none() {
            return Ok(false);
        }
        let before = self.report.handed_back;
        for hash in self.parts.store.with(|store| store.hand_backs())? {
            if self.memory.offered.contains(&hash) {
                continue;
            }
            let request = self.parts.store.with(|store| store.hand_back(hash))?;
            let Some(request) = request else {
                self.parts
                    .store
                    .with(|store| store.settle_hand_back(hash))?;
                continue;
            };
            match self.offer(request).await {
                Ok(()) => {}
                Err(SyncError::Store(error)) => return Err(error.into()),
                Err(error) if error.ends_exchange() => {
                    tracing::warn!(code = error.code(), "rows are not handed back yet: {error}");
                    break;
                }
                Err(error) => {
                    self.memory.offered.insert(hash);
                    self.note(&error)?;
                }
            }
        }
        Ok(self.report.handed_back > before)
    }

    /// Gives the server rows, and keeps them until none of them waits there.
    async fn offer(&mut self, request: HandBack) -> Result<(), SyncError> {
        let hash = self
            .parts
            .store
            .with(|store| store.keep_hand_back(&request))?;
        let table = request.table;
        let answer = match self.ask(|| self.parts.api.hand_back(request.clone())).await {
            Ok(answer) => answer,
            Err(problem) => {
                let error = SyncError::from(problem);
                if proves_nothing(&error) {
                    self.parts
                        .store
                        .with(|store| store.settle_hand_back(hash))?;
                }
                return Err(error);
            }
        };
        self.memory.offered.insert(hash);
        self.report.handed_back += answer.taken;
        if answer.taken > 0 {
            self.unsigned.push(table);
        }
        if answer.waiting.unwrap_or(0) == 0 || usher_domain::mutated!(ForgetHandBack) {
            self.parts
                .store
                .with(|store| store.settle_hand_back(hash))?;
        }
        Ok(())
    }

    /// The next buckets whose rows fit one request.
    fn gather(
        &self,
        table: TableId,
        buckets: &mut impl Iterator<Item = Bucket>,
    ) -> Result<(Vec<u16>, Vec<u8>), StoreError> {
        let (mut numbers, mut rows) = (Vec::new(), Vec::new());
        while rows.len() < REQUEST_BYTES {
            let Some(bucket) = buckets.next() else { break };
            let more = self
                .parts
                .store
                .with(|store| store.bucket_rows(table, &[bucket]))?;
            rows.extend_from_slice(&more);
            numbers.push(bucket.get());
        }
        Ok((numbers, rows))
    }
}

/// Whether the server says of rows that they can never be taken: they are a damaged copy's. One that does not
/// know the table may have been put back from the wrong backup.
fn proves_nothing(error: &SyncError) -> bool {
    match error {
        SyncError::Problem(problem) => matches!(
            problem.code,
            Code::NotAuthentic | Code::InvalidValue | Code::MalformedRequest
        ),
        SyncError::Revoked { .. }
        | SyncError::Store(_)
        | SyncError::Rejected(_)
        | SyncError::Untrusted(_)
        | SyncError::OwnLog(_)
        | SyncError::OutOfStep(_) => false,
    }
}

/// Compresses a stream of rows (zstd, RFC 8878).
pub(super) fn pack(rows: &[u8]) -> Vec<u8> {
    ruzstd::encoding::compress_to_vec(rows, ruzstd::encoding::CompressionLevel::Fastest)
}
