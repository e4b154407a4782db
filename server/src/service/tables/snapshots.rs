//! Snapshots: whole versions, prepared and compressed once for all devices and served by range.
//!
//! A snapshot is a file of its own beside the database and never changes. Files can be deleted at any
//! time; they are made again.

use super::serve::{ZSTD_LEVEL, readable};
use crate::private;
use crate::service::error::{Error, Result};
use crate::service::{Service, Settings};
use crate::storage::{StorageError, TableHead};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufWriter, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use usher_domain::cbor;
use usher_domain::hash::Hash;
use usher_domain::ids::DeviceId;
use usher_domain::protocol::{SnapshotPart, SnapshotRequest};
use usher_domain::table::{TableId, Version, write_row};
use usher_domain::time::UnixMillis;

/// Bytes of one part at most.
const PART_BYTES_MAX: u64 = 8 << 20;
/// A prepared snapshot this young is handed out although the table has changed since: the changes are a
/// small segment, and preparing costs more.
const YOUNG_MS: u64 = 60_000;
/// A snapshot asked for within this time is in use and kept.
const IN_USE_MS: u64 = 10 * 60_000;

/// Endings of the files: the rows, the manifest, and rows that are being written.
const ENDINGS: [&str; 3] = ["zst", "manifest", "part"];

/// A prepared snapshot.
#[derive(Debug, Clone)]
struct Prepared {
    version: Version,
    bytes: u64,
    prepared_at: UnixMillis,
    used_at: UnixMillis,
}

/// Which snapshots are prepared.
#[derive(Debug, Default)]
pub(crate) struct Snapshots {
    known: Mutex<BTreeMap<TableId, Vec<Prepared>>>,
    /// Held while one is prepared, so that many devices at once make one file.
    preparing: tokio::sync::Mutex<()>,
}

/// Where a snapshot lies. The table's name is hashed: ids in file names would be long.
fn path(settings: &Settings, table: TableId, version: Version, ending: &str) -> PathBuf {
    let name = Hash::of(&[&cbor::encode(&(table, version))]).to_string();
    let short: String = name.chars().take(32).collect();
    settings.snapshots.join(format!("{short}.{ending}"))
}

const fn file(doing: &'static str) -> impl Fn(std::io::Error) -> Error {
    move |source| Error::File { doing, source }
}

impl Snapshots {
    /// None prepared. What an earlier run of the server left is removed.
    pub(crate) fn empty(settings: &Settings) -> Self {
        let left = std::fs::read_dir(&settings.snapshots).into_iter().flatten();
        for entry in left.flatten() {
            let path = entry.path();
            let ending = path.extension().and_then(|ending| ending.to_str());
            if ending.is_some_and(|ending| ENDINGS.contains(&ending)) {
                // What cannot be removed only takes room, and is tried again at the next start.
                let _gone = std::fs::remove_file(path);
            }
        }
        Self::default()
    }

    fn with<R>(&self, change: impl FnOnce(&mut BTreeMap<TableId, Vec<Prepared>>) -> R) -> R {
        change(&mut self.known.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The newest prepared one that will do for `newest`.
    fn fresh(&self, table: TableId, newest: Version, now: UnixMillis) -> Option<Version> {
        self.with(|known| {
            let last = known.get(&table)?.iter().max_by_key(|one| one.version)?;
            let young =
                last.version.epoch == newest.epoch && now.since(last.prepared_at) < YOUNG_MS;
            (last.version == newest || young).then_some(last.version)
        })
    }

    fn add(&self, table: TableId, prepared: Prepared) {
        self.with(|known| {
            let all = known.entry(table).or_default();
            all.retain(|one| one.version != prepared.version);
            all.push(prepared);
        });
    }

    fn touch(&self, table: TableId, version: Version, now: UnixMillis) {
        self.with(|known| {
            known
                .entry(table)
                .or_default()
                .iter_mut()
                .filter(|one| one.version == version)
                .for_each(|one| one.used_at = now);
        });
    }

    /// Forgets and names those that are neither the newest of their table nor in use, and beyond the
    /// bound those used longest ago.
    fn expire(&self, most: u64, now: UnixMillis) -> Vec<(TableId, Version)> {
        let mut gone = Vec::new();
        self.with(|known| {
            let mut total: u64 = known.values().flatten().map(|one| one.bytes).sum();
            let mut old: Vec<(UnixMillis, TableId, Version, u64)> = Vec::new();
            for (table, all) in known.iter() {
                let newest = all.iter().map(|one| one.version).max();
                for one in all.iter().filter(|one| now.since(one.used_at) > IN_USE_MS) {
                    if Some(one.version) == newest {
                        old.push((one.used_at, *table, one.version, one.bytes));
                    } else {
                        total = total.saturating_sub(one.bytes);
                        gone.push((*table, one.version));
                    }
                }
            }
            old.sort_unstable();
            for (_, table, version, bytes) in old {
                if total > most {
                    total = total.saturating_sub(bytes);
                    gone.push((table, version));
                }
            }
            for (table, version) in &gone {
                if let Some(all) = known.get_mut(table) {
                    all.retain(|one| one.version != *version);
                }
            }
        });
        gone
    }
}

/// Writes the snapshot of the newest version to a file and answers with its size. The file appears
/// under its name only when it is whole.
fn prepare(
    txn: &dyn crate::storage::Transaction,
    settings: &Settings,
    table: TableId,
    head: &TableHead,
) -> Result<u64> {
    let doing = "preparing a snapshot";
    private::make_folder(&settings.snapshots).map_err(file(doing))?;
    let part = path(settings, table, head.version, "part");
    let out = BufWriter::new(private::create_private(&part).map_err(file(doing))?);
    let mut encoder = zstd::stream::write::Encoder::new(out, ZSTD_LEVEL).map_err(file(doing))?;
    let mut framed = Vec::new();
    txn.sealed_rows(table, 0..=1023, &mut |_, row| {
        framed.clear();
        write_row(&mut framed, row);
        encoder
            .write_all(&framed)
            .map_err(|source| StorageError::Io { doing, source })
    })?;
    let mut out = encoder.finish().map_err(file(doing))?;
    out.flush().map_err(file(doing))?;
    let manifest = path(settings, table, head.version, "manifest");
    private::create_private(&manifest)
        .and_then(|mut to| to.write_all(&head.manifest))
        .map_err(file(doing))?;
    let whole = path(settings, table, head.version, "zst");
    std::fs::rename(part, &whole).map_err(file(doing))?;
    Ok(std::fs::metadata(whole).map_err(file(doing))?.len())
}

/// Reads a part of a prepared snapshot.
fn read_part(
    settings: &Settings,
    table: TableId,
    version: Version,
    from: u64,
    length: u64,
) -> Result<SnapshotPart> {
    let gone = |_| Error::SnapshotGone;
    let manifest = std::fs::read(path(settings, table, version, "manifest")).map_err(gone)?;
    let mut snapshot = File::open(path(settings, table, version, "zst")).map_err(gone)?;
    let doing = "reading a snapshot";
    let total = snapshot.metadata().map_err(file(doing))?.len();
    if from > total {
        return Err(Error::invalid("from", "beyond the end of the snapshot"));
    }
    snapshot.seek(SeekFrom::Start(from)).map_err(file(doing))?;
    let mut bytes = Vec::new();
    snapshot
        .take(length.min(PART_BYTES_MAX))
        .read_to_end(&mut bytes)
        .map_err(file(doing))?;
    Ok(SnapshotPart {
        version,
        total,
        from,
        bytes,
        manifest,
    })
}

fn remove(settings: &Settings, table: TableId, version: Version) {
    for ending in ["zst", "manifest"] {
        let at: &Path = &path(settings, table, version, ending);
        // One that is gone already is gone; one that stays is removed at the next start.
        let _gone = std::fs::remove_file(at);
    }
}

impl Service {
    /// A part of the prepared snapshot of a table.
    ///
    /// # Errors
    /// [`Error::SnapshotGone`] for a version that is not kept, [`Error::NotFound`],
    /// [`Error::Forbidden`], [`Error::DeviceRevoked`], [`Error::Invalid`] for a range beyond its end.
    pub async fn snapshot(
        &self,
        device: DeviceId,
        request: SnapshotRequest,
    ) -> Result<SnapshotPart> {
        let SnapshotRequest { table, .. } = request;
        let head = self.read(move |txn| readable(txn, device, table)).await?;
        self.begin_duty(device, table).await?;
        let version = match request.of {
            Some(version) => version,
            None => self.newest_snapshot(table, head.version).await?,
        };
        self.snapshots().touch(table, version, self.now());
        let settings = self.settings().clone();
        self.store()
            .beside(move || read_part(&settings, table, version, request.from, request.length))
            .await?
    }

    async fn newest_snapshot(&self, table: TableId, newest: Version) -> Result<Version> {
        if let Some(version) = self.snapshots().fresh(table, newest, self.now()) {
            return Ok(version);
        }
        let _alone = self.snapshots().preparing.lock().await;
        if let Some(version) = self.snapshots().fresh(table, newest, self.now()) {
            return Ok(version);
        }
        let settings = self.settings().clone();
        let (version, bytes) = self
            .read(move |txn| {
                let head = txn.table_head(table)?.ok_or(Error::NotFound("table"))?;
                Ok((head.version, prepare(txn, &settings, table, &head)?))
            })
            .await?;
        let now = self.now();
        let prepared = Prepared {
            version,
            bytes,
            prepared_at: now,
            used_at: now,
        };
        self.snapshots().add(table, prepared);
        for (table, version) in self
            .snapshots()
            .expire(self.settings().snapshot_bytes_max, now)
        {
            remove(self.settings(), table, version);
        }
        Ok(version)
    }
}
