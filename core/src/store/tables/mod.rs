//! Copies of tables: ticket sets, directories and the roster, all by the same code.
//!
//! A copy is a generation of rows that a signed manifest vouches for. A snapshot is staged in a new
//! generation over many small transactions and takes the old one's place in one; a segment or a repair
//! changes the serving generation in one transaction, and only if the result fits its signed digest.

mod change;
mod fault;
mod find;
mod fold;
mod hand_backs;
mod index;
mod parts;
mod staging;
mod sweep;
mod unpack;
mod unzip;
mod wipe;

pub use change::Applied;
pub use find::{Generation, Person};
pub use staging::Staging;
pub use unpack::{Progress, Unpacking};

use super::documents::{self, Name, name_of, table_of};
use super::error::Doing as _;
use super::{Store, StoreError};
use rusqlite::{Connection, OptionalExtension as _};
use std::collections::BTreeMap;
use usher_domain::hash::Hash;
use usher_domain::protocol::TableVersion;
use usher_domain::table::{
    BUCKETS, Bucket, BucketHasher, Digests, Row, TableId, bucket_digest, write_row,
};

const STAGED: i64 = 0;
const SERVING: i64 = 1;
const DROPPED: i64 = 2;

/// The generation of a name in a state.
fn generation(conn: &Connection, name: Name, state: i64) -> Result<Option<i64>, StoreError> {
    conn.prepare_cached("SELECT generation FROM generations WHERE name = ?1 AND state = ?2")
        .and_then(|mut statement| {
            statement
                .query_row((name, state), |row| row.get(0))
                .optional()
        })
        .doing("finding a table")
}

fn set_state(conn: &Connection, generation: i64, state: i64) -> Result<(), StoreError> {
    conn.execute(
        "UPDATE generations SET state = ?2 WHERE generation = ?1",
        (generation, state),
    )
    .doing("changing a table's state")?;
    Ok(())
}

fn load_digests(conn: &Connection, generation: i64) -> Result<Digests, StoreError> {
    let unreadable = || StoreError::Unreadable {
        what: "the digests of a table",
    };
    let blob: Vec<u8> = conn
        .prepare_cached("SELECT buckets FROM digests WHERE generation = ?1")
        .and_then(|mut statement| statement.query_row([generation], |row| row.get(0)))
        .doing("reading the digests of a table")?;
    let (hashes, rest) = blob.as_chunks::<32>();
    if hashes.len() != BUCKETS || !rest.is_empty() {
        return Err(unreadable());
    }
    Digests::from_hashes(hashes.iter().copied().map(Hash::from_bytes).collect())
        .map_err(|_| unreadable())
}

fn save_digests(conn: &Connection, generation: i64, digests: &Digests) -> Result<(), StoreError> {
    let blob: Vec<u8> = digests
        .hashes()
        .iter()
        .flat_map(|hash| *hash.as_bytes())
        .collect();
    conn.prepare_cached(
        "INSERT INTO digests (generation, buckets) VALUES (?1, ?2)
         ON CONFLICT (generation) DO UPDATE SET buckets = excluded.buckets",
    )
    .and_then(|mut statement| statement.execute((generation, blob)))
    .doing("writing the digests of a table")?;
    Ok(())
}

/// Hands each row of a bucket, in key order, to `each`.
fn each_row(
    conn: &Connection,
    generation: i64,
    bucket: Bucket,
    mut each: impl FnMut(&[u8]),
) -> Result<(), StoreError> {
    let doing = "reading the rows of a bucket";
    let mut statement = conn
        .prepare_cached("SELECT row FROM rows WHERE generation = ?1 AND bucket = ?2 ORDER BY key")
        .doing(doing)?;
    let mut rows = statement.query((generation, bucket.get())).doing(doing)?;
    while let Some(row) = rows.next().doing(doing)? {
        let bytes = row.get_ref(0).doing(doing)?;
        each(bytes.as_blob().map_err(|_| StoreError::Unreadable {
            what: "a row of a table",
        })?);
    }
    Ok(())
}

/// Computes the digests of so many buckets from one on, in one pass over their rows.
fn digest_buckets(
    conn: &Connection,
    generation: i64,
    (from, count): (Bucket, usize),
    into: &mut Digests,
) -> Result<(), StoreError> {
    let doing = "reading the rows of a table";
    let mut hashers: BTreeMap<u16, BucketHasher> = BTreeMap::new();
    let end = usize::from(from.get()).saturating_add(count);
    let mut statement = conn
        .prepare_cached(
            "SELECT bucket, row FROM rows WHERE generation = ?1 AND bucket >= ?2 AND bucket < ?3
             ORDER BY bucket, key",
        )
        .doing(doing)?;
    let parameters = (generation, from.get(), end.min(BUCKETS) as i64);
    let mut rows = statement.query(parameters).doing(doing)?;
    while let Some(row) = rows.next().doing(doing)? {
        let bytes = row.get_ref(1).doing(doing)?;
        let bytes = bytes.as_blob().map_err(|_| StoreError::Unreadable {
            what: "a row of a table",
        })?;
        let bucket = row.get(0).doing(doing)?;
        hashers.entry(bucket).or_default().push(bytes);
    }
    for bucket in Bucket::all().skip(from.get().into()).take(count) {
        let hasher = hashers.get_mut(&bucket.get());
        into.set(
            bucket,
            hasher.map_or_else(|| bucket_digest([]), BucketHasher::finish),
        );
    }
    Ok(())
}

fn bad_rows(table: TableId, reason: &'static str) -> StoreError {
    StoreError::BadRows { table, reason }
}

impl Store {
    /// The serving generation of a table; none until a snapshot was taken in.
    ///
    /// # Errors
    /// What reading the file says.
    pub fn serving(&self, table: TableId) -> Result<Option<Generation>, StoreError> {
        Ok(generation(&self.conn, name_of(table), SERVING)?.map(Generation::new))
    }

    /// All tables held and their versions.
    ///
    /// # Errors
    /// What reading the file says.
    pub fn tables(&self) -> Result<Vec<TableVersion>, StoreError> {
        let doing = "listing tables";
        let mut statement = self
            .conn
            .prepare_cached(
                "SELECT g.name, d.epoch, d.number FROM generations g JOIN documents d ON d.name = g.name
                 WHERE g.state = 1 ORDER BY g.name",
            )
            .doing(doing)?;
        let rows = statement
            .query_map([], |row| {
                let version = usher_domain::table::Version {
                    epoch: row.get(1)?,
                    number: row.get(2)?,
                };
                Ok((row.get::<_, Vec<u8>>(0)?, version))
            })
            .doing(doing)?;
        let mut tables = Vec::new();
        for row in rows {
            let (name, version) = row.doing(doing)?;
            if let Some(table) = table_of(&name) {
                tables.push(TableVersion { table, version });
            }
        }
        Ok(tables)
    }

    /// The digests of all buckets as they are kept.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] if the table is not held.
    pub fn digests(&self, table: TableId) -> Result<Digests, StoreError> {
        load_digests(&self.conn, self.must_serve(table)?)
    }

    /// The digests of all buckets computed from the rows, for a doctor who does not believe what is kept.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] if the table is not held.
    pub fn computed_digests(&self, table: TableId) -> Result<Digests, StoreError> {
        let generation = self.must_serve(table)?;
        let mut digests = Digests::empty();
        let all = (Bucket::FIRST, BUCKETS);
        digest_buckets(&self.conn, generation, all, &mut digests)?;
        Ok(digests)
    }

    /// The rows of some buckets as a stream, not compressed.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] if the table is not held.
    pub fn bucket_rows(&self, table: TableId, buckets: &[Bucket]) -> Result<Vec<u8>, StoreError> {
        let generation = self.must_serve(table)?;
        let mut stream = Vec::new();
        for bucket in buckets {
            each_row(&self.conn, generation, *bucket, |row| {
                write_row(&mut stream, row);
            })?;
        }
        Ok(stream)
    }

    /// Stops holding a table. Its rows are deleted by [`Store::sweep`]; its version is remembered, so that
    /// an older one is not taken in later.
    ///
    /// # Errors
    /// What writing the file says.
    pub fn drop_table(&mut self, table: TableId) -> Result<(), StoreError> {
        self.learn("dropping a table", |tx| {
            for state in [STAGED, SERVING] {
                if let Some(generation) = generation(tx, name_of(table), state)? {
                    set_state(tx, generation, DROPPED)?;
                }
            }
            hand_backs::forget(tx, name_of(table))?;
            documents::empty(tx, name_of(table))
        })
    }

    fn must_serve(&self, table: TableId) -> Result<i64, StoreError> {
        generation(&self.conn, name_of(table), SERVING)?
            .ok_or(StoreError::NotFound { what: "table" })
    }
}

/// Writes the manifest that vouches for a generation's rows.
fn save_manifest(
    conn: &Connection,
    generation: i64,
    name: Name,
    bytes: &[u8],
    held: usher_domain::document::Held,
) -> Result<(), StoreError> {
    documents::put(conn, name, bytes, held)?;
    conn.prepare_cached("UPDATE generations SET manifest = ?2 WHERE generation = ?1")
        .and_then(|mut statement| statement.execute((generation, bytes)))
        .doing("writing a manifest")?;
    Ok(())
}

/// Statements that write rows.
fn put_row(conn: &Connection, generation: i64, row: &Row<'_>) -> Result<(), StoreError> {
    conn.prepare_cached(
        "INSERT OR REPLACE INTO rows (generation, bucket, key, row) VALUES (?1, ?2, ?3, ?4)",
    )
    .and_then(|mut statement| {
        statement.execute((
            generation,
            row.bucket().get(),
            row.key().as_bytes(),
            row.bytes(),
        ))
    })
    .doing("writing a row")?;
    Ok(())
}
