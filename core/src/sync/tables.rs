//! Trust document and tables: taken only when they verify, swapped in only when they are whole.

use super::deliver::breathe;
use super::error::{SyncError, is_about_data};
use super::parts::Access;
use super::report::Progress;
use super::retry::Timer;
use super::run::Exchange;
use crate::store::tables::Progress as Unpacked;
use crate::store::{NoticeBody, StoreError};
use usher_domain::document::{Acceptance, Accepted, accept_manifest, accept_trust};
use usher_domain::problem::{Code, Problem, Retry};
use usher_domain::protocol::live::TableSegment;
use usher_domain::protocol::{Changes, SnapshotPart, SnapshotRequest, SyncApi, TrustHandBack};
use usher_domain::table::{Digests, Manifest, TableId, Version};

/// How often a download or a repair is begun anew while the server's table changes meanwhile.
pub(super) const TRIES_MAX: u32 = 4;
/// Compressed bytes of a snapshot at most.
const SNAPSHOT_BYTES_MAX: u64 = 1024 * 1024 * 1024;

impl<A: SyncApi, S: Access, T: Timer> Exchange<'_, A, S, T> {
    /// Takes the newest trust document.
    pub(super) async fn refresh_trust(&mut self) -> Result<(), SyncError> {
        // One of a higher epoch was signed after a restore, maybe without what this one says.
        let held = self.parts.store.with(|store| store.held_trust())?;
        let newest = self.memory.remote.as_ref().map(|remote| remote.trust);
        if held.is_some_and(|held| newest.is_some_and(|new| new.epoch > held.version.epoch)) {
            self.offer_trust().await?;
        }
        let (assignment, asked, answered) = self.ask_timed(|| self.parts.api.assignment()).await?;
        self.compare_clocks(asked, assignment.server_time, answered)?;
        let (now, clock) = self.now()?;
        self.parts.store.with(|store| {
            let (identity, enrollment) = store.enrolled()?;
            let root = identity.root_key.ok_or(StoreError::NotEnrolled)?;
            let held = store.held_trust()?;
            let organizer = Some(enrollment.organizer);
            match accept_trust(&assignment.trust, &root, organizer, held, now, clock)? {
                Acceptance::New(trust) => Ok(store.accept_trust(&trust)?),
                Acceptance::Same(_) => Ok(()),
            }
        })
    }

    /// Gives the server the trust document that is held, once to each start of its program: it may have lost it.
    pub(super) async fn offer_trust(&mut self) -> Result<(), SyncError> {
        let trust = self.parts.store.with(|store| store.trust())?;
        let (Some(instance), Some(trust)) = (self.memory.instance, trust) else {
            return Ok(());
        };
        let offer = (instance, trust.hash());
        if self.memory.trust_offered == Some(offer) {
            return Ok(());
        }
        let request = TrustHandBack {
            document: trust.bytes().to_vec().into(),
        };
        match self
            .ask(|| self.parts.api.hand_back_trust(request.clone()))
            .await
        {
            Ok(()) => {}
            // What the server will never take, an older one any, keeps no newer document from the device.
            Err(problem) if problem.retry() == Retry::Never => {}
            Err(problem) => return Err(problem.into()),
        }
        self.memory.trust_offered = Some(offer);
        Ok(())
    }

    /// Checks a manifest by everything that is held: signature, version, expiry.
    pub(super) fn accept(
        &self,
        table: TableId,
        manifest: &[u8],
    ) -> Result<Accepted<Manifest>, SyncError> {
        let keys = self.keys()?;
        let held = self.parts.store.with(|store| store.held_manifest(table))?;
        let (now, clock) = self.now()?;
        let accepted = accept_manifest(manifest, table, &keys, held, now, clock)?.into_accepted();
        let known = held.map_or(self.epoch, |held| held.version.epoch.max(self.epoch));
        if accepted.value().version.epoch > known {
            // The next exchange gives it what it lost before anything of it is taken.
            return Err(SyncError::OutOfStep(
                "the server was restored since this exchange began",
            ));
        }
        Ok(accepted)
    }

    /// Takes a whole table: begins a snapshot or goes on with the one begun.
    pub(super) async fn download(&mut self, table: TableId) -> Result<(), SyncError> {
        let mut last = SyncError::OutOfStep("no snapshot could be taken in");
        for _ in 0..TRIES_MAX {
            match self.try_download(table).await {
                Ok(()) => return self.updated(table),
                // Gone, damaged, or older than what came in meanwhile: from the beginning.
                Err(error) if is_stale_snapshot(&error) => {
                    self.parts
                        .store
                        .with(|store| store.abandon_staging(table))?;
                    last = error;
                }
                Err(error) => return Err(error),
            }
        }
        Err(last)
    }

    async fn try_download(&mut self, table: TableId) -> Result<(), SyncError> {
        let begun = self.parts.store.with(|store| store.staging(table))?;
        let (manifest, mut received, total) = match begun {
            Some(staging) => {
                let manifest = self.accept(table, &staging.manifest)?;
                (manifest, staging.received, staging.total)
            }
            None => self.begin_download(table).await?,
        };
        let version = manifest.value().version;
        while received < total {
            let part = self.next_part(table, Some(version), received).await?;
            if part.version != version || part.total != total {
                return Err(bad_part());
            }
            received = self.keep(table, received, &part)?;
            self.tell_download(table, received, total);
        }
        let mut unpacking = self.parts.store.with(|store| store.unpack(&manifest))?;
        loop {
            match self.parts.store.with(|store| unpacking.step(store))? {
                Unpacked::Rows { done, of } => {
                    (self.parts.progress)(Progress::Storing { table, done, of });
                }
                Unpacked::Serving => break,
            }
            breathe().await;
        }
        self.report.rows += manifest.value().rows;
        Ok(())
    }

    async fn begin_download(
        &mut self,
        table: TableId,
    ) -> Result<(Accepted<Manifest>, u64, u64), SyncError> {
        let part = self.next_part(table, None, 0).await?;
        let manifest = self.accept(table, &part.manifest)?;
        if part.version != manifest.value().version || part.total > SNAPSHOT_BYTES_MAX {
            return Err(bad_part());
        }
        self.parts
            .store
            .with(|store| store.begin_staging(&manifest, part.total))?;
        let received = self.keep(table, 0, &part)?;
        self.tell_download(table, received, part.total);
        Ok((manifest, received, part.total))
    }

    async fn next_part(
        &self,
        table: TableId,
        of: Option<Version>,
        from: u64,
    ) -> Result<SnapshotPart, SyncError> {
        let portion = &self.memory.portion;
        let request = || {
            self.parts.api.snapshot(SnapshotRequest {
                table,
                of,
                from,
                length: portion.ask(),
            })
        };
        let part = self.ask(request).await?;
        portion.came();
        Ok(part)
    }

    fn keep(&mut self, table: TableId, from: u64, part: &SnapshotPart) -> Result<u64, SyncError> {
        if part.from != from || (part.bytes.is_empty() && from < part.total) {
            return Err(bad_part());
        }
        self.report.table_bytes += part.bytes.len() as u64;
        let received = self
            .parts
            .store
            .with(|store| store.stage_part(table, from, &part.bytes))?;
        Ok(received)
    }

    fn tell_download(&self, table: TableId, done: u64, of: u64) {
        (self.parts.progress)(Progress::Downloading { table, done, of });
    }

    /// Takes what changed since the version held.
    pub(super) async fn catch_up(&mut self, table: TableId) -> Result<(), SyncError> {
        let held = self.parts.store.with(|store| store.held_manifest(table))?;
        let Some(held) = held else {
            return self.download(table).await;
        };
        let changes = self
            .ask(|| self.parts.api.changes(table, held.version))
            .await?;
        let Changes::Segment { manifest, rows } = changes else {
            return match changes {
                Changes::TakeSnapshot => self.repair(table).await,
                Changes::UpToDate | Changes::Segment { .. } => Ok(()),
            };
        };
        match self.apply(table, &manifest, &rows) {
            // This copy or that segment is not what it should be: digests say which rows are. Or the server
            // was put back and nobody told it; then what it lost is here.
            Err(SyncError::Store(error)) if is_about_data(&error) => {
                self.tell_difference(table)?;
                self.hand_back_if_proven(table).await?;
                if self.unsigned.contains(&table) {
                    return Ok(());
                }
                self.repair(table).await
            }
            applied => applied,
        }
    }

    /// Takes what was told to have changed, if it goes on from exactly the version held; says whether it did.
    pub(super) fn take_segment(
        &mut self,
        table: TableId,
        segment: &TableSegment,
    ) -> Result<bool, SyncError> {
        let held = self.parts.store.with(|store| store.held_manifest(table))?;
        if held.is_none_or(|held| held.version != segment.since) {
            return Ok(false);
        }
        self.apply(table, &segment.manifest, &segment.rows)
            .map(|()| true)
    }

    fn apply(&mut self, table: TableId, manifest: &[u8], rows: &[u8]) -> Result<(), SyncError> {
        let manifest = self.accept(table, manifest)?;
        self.report.table_bytes += rows.len() as u64;
        let applied = self
            .parts
            .store
            .with(|store| store.apply_segment(&manifest, rows))?;
        self.report.rows += applied.rows;
        self.updated(table)
    }

    pub(super) fn updated(&mut self, table: TableId) -> Result<(), SyncError> {
        (self.parts.progress)(Progress::Updated { table });
        if let TableId::Roster(organizer) = table {
            self.take_own_place(organizer)?;
        }
        // Old generations go a little at a time; what is left goes with the next exchange.
        for _ in 0..SWEEPS_PER_UPDATE {
            if !self.parts.store.with(|store| store.sweep())? {
                break;
            }
        }
        Ok(())
    }

    /// The roster says where this device stands, and whether it still counts.
    fn take_own_place(&self, organizer: usher_domain::ids::OrganizerId) -> Result<(), SyncError> {
        let (now, _) = self.now()?;
        self.parts.store.with(|store| {
            let Some(entry) = store.roster_device(organizer, self.device)? else {
                return Ok(());
            };
            if store.gate()? != entry.gate {
                store.set_gate(entry.gate)?;
            }
            match entry.revoked {
                Some(_) => store.note_revoked(now)?,
                // The server was restored to a time before: its signed word counts.
                None if store.revoked()?.is_some() => store.set_revoked(None)?,
                None => {}
            }
            Ok(())
        })
    }

    pub(super) fn tell_difference(&self, table: TableId) -> Result<(), StoreError> {
        let (now, _) = self.now()?;
        let table = table.to_string();
        self.parts
            .store
            .with(|store| store.notice(now, &NoticeBody::TableDiffers { table }))
    }
}

/// Steps of sweeping after each update of a table.
const SWEEPS_PER_UPDATE: u32 = 64;

/// Digests that fit the manifest they came with.
pub(super) fn digests(
    hashes: Vec<usher_domain::hash::Hash>,
    manifest: &Manifest,
) -> Result<Digests, SyncError> {
    Digests::from_hashes(hashes)
        .ok()
        .filter(|digests| digests.table_digest() == manifest.digest)
        .ok_or_else(|| {
            Problem::new(
                Code::BadAnswer,
                "the server answered with digests that do not fit their manifest",
            )
            .into()
        })
}

fn bad_part() -> SyncError {
    Problem::new(
        Code::BadAnswer,
        "the server answered with another part of a snapshot than the one asked for",
    )
    .into()
}

/// Whether a snapshot must be begun anew.
fn is_stale_snapshot(error: &SyncError) -> bool {
    match error {
        SyncError::Problem(problem) => problem.code == Code::SnapshotGone,
        SyncError::Store(error) => is_about_data(error),
        SyncError::Rejected(_) => true,
        SyncError::Revoked { .. }
        | SyncError::Untrusted(_)
        | SyncError::OwnLog(_)
        | SyncError::OutOfStep(_) => false,
    }
}
