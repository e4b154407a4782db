//! The indexes of ticket sets: which media and which order a ticket has. Other tables have none.

use super::super::error::Doing as _;
use super::{StoreError, bad_rows};
use rusqlite::Connection;
use usher_domain::cbor;
use usher_domain::table::rows::TicketRow;
use usher_domain::table::{Row, TableId};

/// An entry of an index: what is looked up, and the key of the row it leads to.
type Entry = ([u8; 16], [u8; 16]);

/// Entries written in one transaction.
const STEP_ENTRIES: usize = 20_000;
/// Entries held in memory at most, for each index; beyond them they are written early and in several runs.
const HELD_ENTRIES_MAX: usize = 700_000;

/// Entries gathered while rows pass by, to be written in key order: random inserts into a large index
/// would touch a page each.
#[derive(Default)]
pub(super) struct Gathered {
    media: Vec<Entry>,
    orders: Vec<Entry>,
}

impl Gathered {
    /// Takes the entries of a row in.
    pub(super) fn add(&mut self, table: TableId, row: &Row<'_>) -> Result<(), StoreError> {
        let Some((media, order)) = entries(table, row)? else {
            return Ok(());
        };
        let key = *row.key().as_bytes();
        self.media
            .extend(media.into_iter().map(|medium| (medium, key)));
        self.orders.extend(order.map(|order| (order, key)));
        Ok(())
    }

    /// Whether so many are held that they should be written.
    pub(super) fn is_full(&self) -> bool {
        self.media.len().max(self.orders.len()) >= HELD_ENTRIES_MAX
    }

    /// Puts the entries in order. They are written from the end, so the order is a falling one.
    pub(super) fn sort(&mut self) {
        self.media.sort_unstable_by(|a, b| b.cmp(a));
        self.orders.sort_unstable_by(|a, b| b.cmp(a));
    }

    /// Writes some of them; says whether all are written.
    pub(super) fn write_some(
        &mut self,
        conn: &Connection,
        generation: i64,
    ) -> Result<bool, StoreError> {
        let doing = "writing an index";
        for (entries, sql) in [
            (&mut self.media, INSERT_MEDIUM),
            (&mut self.orders, INSERT_ORDER),
        ] {
            let mut statement = conn.prepare_cached(sql).doing(doing)?;
            let rest = entries.len().saturating_sub(STEP_ENTRIES);
            for (entry, key) in entries.drain(rest..).rev() {
                statement.execute((generation, entry, key)).doing(doing)?;
            }
        }
        Ok(self.media.is_empty() && self.orders.is_empty())
    }
}

const INSERT_MEDIUM: &str =
    "INSERT OR IGNORE INTO media (generation, medium, key) VALUES (?1, ?2, ?3)";
const INSERT_ORDER: &str =
    "INSERT OR IGNORE INTO orders (generation, order_id, key) VALUES (?1, ?2, ?3)";
const DELETE_MEDIUM: &str = "DELETE FROM media WHERE generation = ?1 AND medium = ?2 AND key = ?3";
const DELETE_ORDER: &str =
    "DELETE FROM orders WHERE generation = ?1 AND order_id = ?2 AND key = ?3";

/// Media and order of a row; none where the table has no indexes.
#[expect(
    clippy::type_complexity,
    reason = "media and order, used in this file alone"
)]
fn entries(
    table: TableId,
    row: &Row<'_>,
) -> Result<Option<(Vec<[u8; 16]>, Option<[u8; 16]>)>, StoreError> {
    match table {
        TableId::Set(_) => {}
        TableId::Roster(_) | TableId::Directory(_) => return Ok(None),
    }
    // The row was checked to be in the one encoding.
    let ticket: TicketRow =
        cbor::decode(row.bytes()).map_err(|_| bad_rows(table, "a row is not a ticket"))?;
    let media = ticket.media.iter().map(|medium| *medium.as_bytes());
    let order = ticket.order.map(|order| *order.as_bytes());
    Ok(Some((media.collect(), order)))
}

fn each_entry(
    conn: &Connection,
    generation: i64,
    table: TableId,
    row: &Row<'_>,
    sql: [&str; 2],
) -> Result<(), StoreError> {
    let doing = "changing an index";
    let Some((media, order)) = entries(table, row)? else {
        return Ok(());
    };
    let [for_media, for_orders] = sql;
    for (entries, sql) in [
        (media, for_media),
        (order.into_iter().collect(), for_orders),
    ] {
        let mut statement = conn.prepare_cached(sql).doing(doing)?;
        for entry in entries {
            statement
                .execute((generation, entry, row.key().as_bytes()))
                .doing(doing)?;
        }
    }
    Ok(())
}

/// Adds the entries of a row.
pub(super) fn add(
    conn: &Connection,
    generation: i64,
    table: TableId,
    row: &Row<'_>,
) -> Result<(), StoreError> {
    each_entry(conn, generation, table, row, [INSERT_MEDIUM, INSERT_ORDER])
}

/// Puts the entries of a row in place of those of its image before. Most changes concern neither medium
/// nor order, and then there is nothing to do.
pub(super) fn replace(
    conn: &Connection,
    generation: i64,
    table: TableId,
    held: &Row<'_>,
    row: &Row<'_>,
) -> Result<(), StoreError> {
    if entries(table, held)? == entries(table, row)? {
        return Ok(());
    }
    remove(conn, generation, table, held)?;
    add(conn, generation, table, row)
}

/// Takes the entries of a row away.
pub(super) fn remove(
    conn: &Connection,
    generation: i64,
    table: TableId,
    row: &Row<'_>,
) -> Result<(), StoreError> {
    each_entry(conn, generation, table, row, [DELETE_MEDIUM, DELETE_ORDER])
}
