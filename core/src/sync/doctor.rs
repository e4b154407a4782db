//! Comparing copies of tables with what was signed and with the server's, and mending them: the way out
//! when everything else failed.

use super::error::SyncError;
use super::parts::{Access, Memory, Parts};
use super::report::Report;
use super::retry::Timer;
use super::run::Exchange;
use super::tables::digests;
use serde::Serialize;
use usher_domain::protocol::{SyncApi, TableVersion};
use usher_domain::table::{BUCKETS, Bucket, TableId, Version};

/// How a copy of a table stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Health {
    /// It is what was signed, and what the server has.
    Equal,
    /// It is what was signed; the server has a newer version.
    Older,
    /// Its rows are not what was signed.
    Damaged,
    /// It is not held.
    Missing,
    /// It is what was signed for it, and the server's of the same version differs.
    Differs,
}

/// A table and how its copy stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TableHealth {
    /// The table by name.
    pub table: String,
    /// How its copy stands.
    pub health: Health,
    /// Buckets of 1,024 in which the copy and the server's newest version differ.
    pub differing_buckets: usize,
}

/// Compares all tables that the device should hold, and changes nothing.
///
/// # Errors
/// [`SyncError`].
pub async fn compare<A: SyncApi, S: Access, T: Timer>(
    parts: &Parts<'_, A, S, T>,
) -> Result<Vec<TableHealth>, SyncError> {
    let mut memory = Memory::default();
    let mut exchange = Exchange::new(parts, &mut memory)?;
    let remote = exchange.greet().await?;
    let mut all = Vec::new();
    for listed in remote.tables {
        all.push(exchange.examine(listed).await?);
    }
    Ok(all)
}

/// Computes all digests anew and takes what differs from the server's copies.
///
/// # Errors
/// [`SyncError`].
pub async fn mend<A: SyncApi, S: Access, T: Timer>(
    parts: &Parts<'_, A, S, T>,
    memory: &mut Memory,
) -> Result<Report, SyncError> {
    let mut exchange = Exchange::new(parts, memory)?;
    let remote = exchange.greet().await?;
    for TableVersion { table, version } in remote.tables {
        let held = parts.store.with(|store| {
            let held = store.held_manifest(table)?;
            if store.serving(table)?.is_some() {
                store.refresh_digests(table, Bucket::FIRST, BUCKETS)?;
            }
            Ok::<_, SyncError>(held)
        })?;
        // A restored server must get back what it lost before its copy is believed; that is an exchange's
        // work, not a repair's.
        let mended = match held {
            Some(held) if held.version.epoch < version.epoch => continue,
            Some(_) | None => exchange.repair(table).await,
        };
        match mended {
            Ok(()) => {}
            Err(error) if error.ends_exchange() => return Err(error),
            Err(error) => exchange.note(&error)?,
        }
    }
    Ok(exchange.report)
}

impl<A: SyncApi, S: Access, T: Timer> Exchange<'_, A, S, T> {
    async fn examine(&mut self, listed: TableVersion) -> Result<TableHealth, SyncError> {
        let TableVersion { table, version } = listed;
        let answer = self.ask(|| self.parts.api.buckets(table)).await?;
        let manifest = self.accept(table, &answer.manifest)?;
        let theirs = digests(answer.digests, manifest.value())?;
        let held = self.parts.store.with(|store| {
            if store.serving(table)?.is_none() {
                return Ok::<_, SyncError>(None);
            }
            let signed = store.manifest(table)?;
            Ok(signed.map(|signed| (signed, store.computed_digests(table))))
        })?;
        let Some((signed, computed)) = held else {
            return Ok(health(table, Health::Missing, theirs.hashes().len()));
        };
        let computed = computed?;
        let differing = computed.differing(&theirs).len();
        let word = if computed.table_digest() != signed.digest {
            Health::Damaged
        } else if differing == 0 {
            Health::Equal
        } else if signed.version < newest(version, manifest.value().version) {
            Health::Older
        } else {
            Health::Differs
        };
        Ok(health(table, word, differing))
    }
}

fn newest(one: Version, other: Version) -> Version {
    one.max(other)
}

fn health(table: TableId, health: Health, differing_buckets: usize) -> TableHealth {
    TableHealth {
        table: table.to_string(),
        health,
        differing_buckets,
    }
}
