//! Feeds: the records of all devices of a scope, and what of them cannot be read yet.

use super::super::error::Doing as _;
use super::own::{ANOTHERS, ensure_log};
use super::{Store, StoreError, insert, known_scope_no, scope_no, signed};
use rusqlite::Connection;
use usher_domain::cbor;
use usher_domain::document::batch::Batch;
use usher_domain::hash::Hash;
use usher_domain::ids::ScopeId;
use usher_domain::log::VerifiedBatch;
use usher_domain::time::UnixMillis;

/// How far the feed of a scope was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct FeedPlace {
    /// The epoch of the position.
    pub epoch: u32,
    /// The last position read; 0 for none.
    pub position: u64,
    /// When the feed was last read to its end; zero for never.
    pub read_at: UnixMillis,
    /// The last record of the batch at that position, if it is known: another one there is another history.
    pub last: Option<Hash>,
}

/// A batch of a feed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FeedEntry {
    /// Its signature and chain were checked.
    Verified(VerifiedBatch),
    /// It cannot be checked yet: it waits for a newer roster or a newer program.
    Parked(Batch),
}

/// What a page of a feed brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Taken {
    /// Records that were new here.
    pub records: u64,
    /// Batches that wait.
    pub parked: u64,
}

impl Store {
    /// How far the feed of a scope was read.
    ///
    /// # Errors
    /// What reading the file says.
    pub fn feed_place(&self, scope: ScopeId) -> Result<FeedPlace, StoreError> {
        let Some(scope_no) = known_scope_no(&self.conn, scope)? else {
            return Ok(FeedPlace::default());
        };
        self.conn
            .query_row(
                "SELECT epoch, position, read_at, last FROM scopes WHERE scope_no = ?1",
                [scope_no],
                |row| {
                    Ok(FeedPlace {
                        epoch: row.get(0)?,
                        position: row.get(1)?,
                        read_at: UnixMillis::new(row.get(2)?),
                        last: row.get::<_, Option<[u8; 32]>>(3)?.map(Hash::from_bytes),
                    })
                },
            )
            .doing("reading the place in a feed")
    }

    /// Takes in a page of a feed and where it ends, in one transaction. Records that are here already
    /// change nothing.
    ///
    /// # Errors
    /// What writing the file says.
    pub fn take_feed(
        &mut self,
        scope: ScopeId,
        entries: &[FeedEntry],
        place: FeedPlace,
    ) -> Result<Taken, StoreError> {
        let doing = "taking a feed in";
        self.learn(doing, |tx| {
            let scope_no = scope_no(tx, scope)?;
            let mut taken = Taken::default();
            for entry in entries {
                match entry {
                    FeedEntry::Verified(_)
                        if usher_domain::mutated!(PlaceWithoutRecords)
                            && place.position % 5 == 4 => {}
                    FeedEntry::Verified(batch) => taken.records += take(tx, scope_no, batch)?,
                    FeedEntry::Parked(batch) => {
                        let bytes = cbor::encode(batch);
                        tx.execute(
                            "INSERT INTO parked (scope, hash, batch) VALUES (?1, ?2, ?3)
                             ON CONFLICT (hash) DO NOTHING",
                            (scope.as_bytes(), Hash::of(&[&bytes]).as_bytes(), &bytes),
                        )
                        .doing(doing)?;
                        taken.parked += 1;
                    }
                }
            }
            tx.execute(
                "UPDATE scopes SET epoch = ?2, position = ?3, read_at = ?4, last = ?5
                 WHERE scope_no = ?1",
                (
                    scope_no,
                    place.epoch,
                    place.position,
                    place.read_at.get(),
                    place.last.map(|last| *last.as_bytes()),
                ),
            )
            .doing(doing)?;
            Ok(taken)
        })
    }

    /// Batches of a scope that wait, each with its number.
    ///
    /// # Errors
    /// What reading the file says.
    pub fn parked(&self, scope: ScopeId) -> Result<Vec<(u64, Batch)>, StoreError> {
        let doing = "reading parked batches";
        let mut statement = self
            .conn
            .prepare_cached(
                "SELECT parked_no, batch FROM parked WHERE scope = ?1 ORDER BY parked_no",
            )
            .doing(doing)?;
        let rows = statement
            .query_map([scope.as_bytes()], |row| {
                Ok((row.get(0)?, row.get::<_, Vec<u8>>(1)?))
            })
            .doing(doing)?;
        rows.map(|row| {
            let (number, bytes) = row.doing(doing)?;
            let batch = cbor::decode(&bytes).map_err(|_| StoreError::Unreadable {
                what: "a parked batch",
            })?;
            Ok((number, batch))
        })
        .collect()
    }

    /// Takes in a batch that waited, now that it can be checked.
    ///
    /// # Errors
    /// What writing the file says.
    pub fn unpark(
        &mut self,
        number: u64,
        scope: ScopeId,
        batch: &VerifiedBatch,
    ) -> Result<Taken, StoreError> {
        let doing = "taking a parked batch in";
        self.learn(doing, |tx| {
            let scope_no = scope_no(tx, scope)?;
            let records = take(tx, scope_no, batch)?;
            tx.execute("DELETE FROM parked WHERE parked_no = ?1", [number])
                .doing(doing)?;
            Ok(Taken { records, parked: 0 })
        })
    }

    /// Forgets the records of a scope, once its sessions are archived. Records that the server does not
    /// have are kept, and then everything is: says whether it was forgotten.
    ///
    /// # Errors
    /// What writing the file says.
    pub fn forget_scope(&mut self, scope: ScopeId) -> Result<bool, StoreError> {
        let unsent = self
            .own_logs()?
            .iter()
            .any(|log| log.end.scope == scope && log.unsent() > 0);
        if unsent {
            return Ok(false);
        }
        let doing = "forgetting an archived scope";
        self.learn(doing, |tx| {
            for sql in [
                "DELETE FROM signatures WHERE log_no IN (SELECT log_no FROM logs WHERE scope = ?1)",
                "DELETE FROM records WHERE log_no IN (SELECT log_no FROM logs WHERE scope = ?1)",
                "DELETE FROM logs WHERE scope = ?1",
                "DELETE FROM parked WHERE scope = ?1",
                "DELETE FROM scopes WHERE scope = ?1",
            ] {
                tx.execute(sql, [scope.as_bytes()]).doing(doing)?;
            }
            Ok(true)
        })
    }
}

fn take(tx: &Connection, scope_no: i64, batch: &VerifiedBatch) -> Result<u64, StoreError> {
    let head = batch.head();
    let log_no = ensure_log(tx, head.log, head.scope, ANOTHERS)?;
    let mut new = 0;
    for entry in batch.entries() {
        new += u64::from(insert(tx, log_no, scope_no, entry)?);
    }
    signed::keep(tx, log_no, batch)?;
    Ok(new)
}
