//! Deleting generations that nobody uses any more, in small steps between scans.

use super::super::error::Doing as _;
use super::{DROPPED, Store, StoreError};
use rusqlite::{Connection, OptionalExtension as _};

/// Buckets emptied in one step.
const STEP_BUCKETS: i64 = 16;
/// Index entries deleted in one step.
const STEP_ENTRIES: i64 = 8_192;
/// Parts deleted in one step.
const STEP_PARTS: i64 = 4;

/// Deletes a little of a generation; each answers how much it deleted.
const STEPS: [(&str, i64); 4] = [
    (
        "DELETE FROM parts WHERE generation = ?1 AND start IN
           (SELECT start FROM parts WHERE generation = ?1 ORDER BY start LIMIT ?2)",
        STEP_PARTS,
    ),
    (
        "DELETE FROM media WHERE generation = ?1 AND medium <=
           ifnull((SELECT medium FROM media WHERE generation = ?1 ORDER BY medium LIMIT 1 OFFSET ?2), x'ffffffffffffffffffffffffffffffffff')",
        STEP_ENTRIES,
    ),
    (
        "DELETE FROM orders WHERE generation = ?1 AND order_id <=
           ifnull((SELECT order_id FROM orders WHERE generation = ?1 ORDER BY order_id LIMIT 1 OFFSET ?2), x'ffffffffffffffffffffffffffffffffff')",
        STEP_ENTRIES,
    ),
    (
        "DELETE FROM rows WHERE generation = ?1 AND bucket <
           (SELECT min(bucket) FROM rows WHERE generation = ?1) + ?2",
        STEP_BUCKETS,
    ),
];

impl Store {
    /// Deletes a little of what nobody uses any more, and the parts of snapshots that were taken in. Says
    /// whether there is more.
    ///
    /// # Errors
    /// What writing the file says.
    pub fn sweep(&mut self) -> Result<bool, StoreError> {
        let doing = "deleting an old table";
        self.write(doing, |tx| {
            if delete_unpacked_parts(tx)? {
                return Ok(true);
            }
            let dropped: Option<i64> = tx
                .query_row(
                    "SELECT min(generation) FROM generations WHERE state = ?1",
                    [DROPPED],
                    |row| row.get(0),
                )
                .doing(doing)?;
            let Some(generation) = dropped else {
                return Ok(false);
            };
            for (sql, limit) in STEPS {
                let deleted = tx
                    .prepare_cached(sql)
                    .and_then(|mut statement| statement.execute((generation, limit)))
                    .doing(doing)?;
                if deleted > 0 {
                    return Ok(true);
                }
            }
            for sql in [
                "DELETE FROM digests WHERE generation = ?1",
                "DELETE FROM generations WHERE generation = ?1",
            ] {
                tx.execute(sql, [generation]).doing(doing)?;
            }
            Ok(true)
        })
    }
}

/// Parts of a snapshot that serves are of no use.
fn delete_unpacked_parts(tx: &Connection) -> Result<bool, StoreError> {
    let doing = "deleting the parts of a snapshot";
    let serving: Option<i64> = tx
        .prepare_cached(
            "SELECT p.generation FROM parts p JOIN generations g ON g.generation = p.generation
             WHERE g.state = 1 LIMIT 1",
        )
        .and_then(|mut statement| statement.query_row([], |row| row.get(0)).optional())
        .doing(doing)?;
    let Some(generation) = serving else {
        return Ok(false);
    };
    tx.prepare_cached(
        "DELETE FROM parts WHERE generation = ?1 AND start IN
           (SELECT start FROM parts WHERE generation = ?1 ORDER BY start LIMIT ?2)",
    )
    .and_then(|mut statement| statement.execute((generation, STEP_PARTS)))
    .doing(doing)?;
    Ok(true)
}
