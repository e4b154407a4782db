//! Repairing a table: rows of the buckets that differ take the place of those held.

use super::error::{SyncError, is_about_data};
use super::parts::Access;
use super::retry::Timer;
use super::run::Exchange;
use super::tables::{TRIES_MAX, digests};
use crate::store::StoreError;
use usher_domain::document::Accepted;
use usher_domain::problem::Code;
use usher_domain::protocol::SyncApi;
use usher_domain::table::{Bucket, Manifest, TableId};

/// With more differing buckets than this, the whole is taken: it comes in bounded pieces.
const REPAIR_BUCKETS_MAX: usize = 256;

impl<A: SyncApi, S: Access, T: Timer> Exchange<'_, A, S, T> {
    /// Compares digests and takes the buckets that differ, or the whole table if they are many.
    ///
    /// Where the server's rows are behind those held, it was put back and nobody told it: it is given what it
    /// lost before anything is replaced. What it does not take then is a damaged copy's.
    pub(super) async fn repair(&mut self, table: TableId) -> Result<(), SyncError> {
        let mut is_given = false;
        for _ in 0..TRIES_MAX {
            let answer = self.ask(|| self.parts.api.buckets(table)).await?;
            let manifest = self.accept(table, &answer.manifest)?;
            let theirs = digests(answer.digests, manifest.value())?;
            let ours = match self.parts.store.with(|store| store.digests(table)) {
                Ok(ours) => ours,
                Err(StoreError::NotFound { .. }) => return self.download(table).await,
                Err(error) => return Err(error.into()),
            };
            let differing = ours.differing(&theirs);
            if differing.len() > REPAIR_BUCKETS_MAX {
                // Looking at all these rows costs more than giving them; the server takes what is newer.
                if !is_given && !usher_domain::mutated!(HandNothingBack) {
                    self.hand_back_if_proven(table).await?;
                    if self.unsigned.contains(&table) {
                        return Ok(());
                    }
                }
                return self.download(table).await;
            }
            let (manifest, rows) = match self.rows_of(table, manifest, &differing).await {
                Ok(rows) => rows,
                // These buckets fill more than one answer: the whole comes in bounded pieces.
                Err(SyncError::Problem(problem)) if problem.code == Code::TooLarge => {
                    return self.download(table).await;
                }
                Err(error) => return Err(error),
            };
            if !is_given && self.is_ahead(table, &differing, &rows)? {
                is_given = true;
                self.hand_back_if_proven(table).await?;
                if self.unsigned.contains(&table) {
                    return Ok(());
                }
            } else if self.replace(&manifest, &differing, &rows)? {
                return self.updated(table);
            }
        }
        // What is kept of the digests may itself be damaged: only the whole helps.
        self.download(table).await
    }

    /// The server's rows of some buckets, with the manifest that they are of.
    async fn rows_of(
        &mut self,
        table: TableId,
        manifest: Accepted<Manifest>,
        buckets: &[Bucket],
    ) -> Result<(Accepted<Manifest>, Vec<u8>), SyncError> {
        if buckets.is_empty() {
            return Ok((manifest, Vec::new()));
        }
        let numbers: Vec<u16> = buckets.iter().map(|bucket| bucket.get()).collect();
        let answer = self
            .ask(|| self.parts.api.bucket_rows(table, numbers.clone()))
            .await?;
        let rows: Vec<u8> = answer.rows.into();
        self.report.table_bytes += rows.len() as u64;
        Ok((self.accept(table, &answer.manifest)?, rows))
    }

    /// Whether rows are held that the server would take back. Rows that cannot be read say nothing: they are
    /// not taken either.
    fn is_ahead(
        &self,
        table: TableId,
        buckets: &[Bucket],
        rows: &[u8],
    ) -> Result<bool, StoreError> {
        if usher_domain::mutated!(HandNothingBack) {
            return Ok(false);
        }
        let held = self
            .parts
            .store
            .with(|store| store.would_go_back(table, buckets, rows));
        match held {
            Err(error) if is_about_data(&error) => Ok(false),
            held => held,
        }
    }

    /// Puts the server's rows of some buckets in place of those held; says whether the whole fits then.
    fn replace(
        &mut self,
        manifest: &Accepted<Manifest>,
        buckets: &[Bucket],
        rows: &[u8],
    ) -> Result<bool, SyncError> {
        let replaced = self
            .parts
            .store
            .with(|store| store.replace_buckets(manifest, buckets, rows));
        match replaced {
            Ok(applied) => {
                self.report.rows += applied.rows;
                Ok(true)
            }
            Err(error) if is_about_data(&error) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }
}
