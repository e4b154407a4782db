//! Rows that were handed back and wait for a person: who sees them, and what taking or refusing them does.

use super::change::Word;
use super::{Done, Offered, take_in};
use crate::service::error::{Error, Result};
use crate::service::incidents::{self, About};
use crate::service::{PAGE_MAX, Service, times};
use crate::storage::{HandedRow, Judged, StoredRow, Transaction};
use usher_domain::api::Page;
use usher_domain::api::handed_back::{
    HandedBackDecision, HandedBackDone, HandedBackRow, HandedBackWord,
};
use usher_domain::ids::{OrganizerId, SessionId, TicketId};
use usher_domain::table::rows::TicketRow;
use usher_domain::table::{TableId, decode_row};
use usher_domain::time::UnixMillis;

/// Rows of one step.
const ROWS_PER_STEP: u32 = 64;

/// The session that a table is of.
const fn session_of(table: TableId) -> Option<SessionId> {
    match table {
        TableId::Set(session) | TableId::Directory(session) => Some(session),
        TableId::Roster(_) => None,
    }
}

/// Brings the incident of a table's waiting rows up to date.
pub(super) fn tell(
    txn: &mut dyn Transaction,
    organizer: OrganizerId,
    table: TableId,
    now: UnixMillis,
) -> Result<()> {
    let session = session_of(table);
    let waiting = match session {
        Some(session) => {
            let tickets = txn.count_handed(TableId::Set(session))?;
            tickets.saturating_add(txn.count_handed(TableId::Directory(session))?)
        }
        None => txn.count_handed(table)?,
    };
    let about = About::handed_back(session);
    if waiting == 0 {
        return incidents::settle(txn, organizer, &about);
    }
    let detail = format!(
        "{waiting} newer rows that devices handed back would give rights, and nothing proves that this \
         server lost them: `usher incident rows` lists them; `take-rows` if the server was put back from a \
         backup, else `refuse-rows`"
    );
    incidents::raise(txn, organizer, &about, &detail, Vec::new(), now)
}

/// How many of these rows wait for a person, in this revision or a higher one.
pub(super) fn count(txn: &dyn Transaction, table: TableId, rows: &[StoredRow]) -> Result<u64> {
    let mut waiting = 0;
    for row in rows {
        let handed = txn.handed_row(table, &row.key)?;
        waiting += u64::from(matches!(handed, Some((_, Judged::Waits))));
    }
    Ok(waiting)
}

fn describe(txn: &dyn Transaction, handed: &HandedRow) -> Result<HandedBackRow> {
    let row = &handed.row;
    let held = txn.newest_row(handed.table, row.bucket, &row.key)?;
    let state = match handed.table {
        TableId::Set(_) => decode_row::<TicketRow>(&row.row).ok().map(|row| row.state),
        TableId::Roster(_) | TableId::Directory(_) => None,
    };
    Ok(HandedBackRow {
        table: handed.table.to_string(),
        // Ids of every kind are written the same.
        id: TicketId::from_bytes(row.key).to_string(),
        revision: row.revision,
        held: held.map(|held| held.revision),
        state,
        device: handed.device,
        at: times::timestamp(handed.at)?,
    })
}

/// The end of a page: the table and the key of its last row.
fn place_of(handed: &HandedRow) -> String {
    format!("{}/{}", handed.table, TicketId::from_bytes(handed.row.key))
}

fn read_place(text: &str) -> Option<(TableId, [u8; 16])> {
    let (table, key) = text.split_once('/')?;
    let key: TicketId = key.parse().ok()?;
    Some((table.parse().ok()?, *key.as_bytes()))
}

/// Decides about the next rows; tells where to go on, or that there are no more.
fn decide(
    txn: &mut dyn Transaction,
    organizer: OrganizerId,
    (decision, after): (&HandedBackDecision, Option<(TableId, [u8; 16])>),
    done: &mut HandedBackDone,
    now: UnixMillis,
) -> Result<Option<(TableId, [u8; 16])>> {
    let rows = txn.handed(organizer, after, ROWS_PER_STEP)?;
    let last = rows.last().map(|last| (last.table, last.row.key));
    let named = |handed: &&HandedRow| {
        let table = decision.table.as_ref();
        table.is_none_or(|table| *table == handed.table.to_string())
    };
    let mut tables = Vec::new();
    for handed in rows.iter().filter(named) {
        let (table, key) = (handed.table, &handed.row.key);
        tables.push(table);
        match decision.word {
            HandedBackWord::Refuse => {
                txn.refuse_handed(table, key)?;
                done.refused += 1;
            }
            HandedBackWord::Take => {
                let offered = Offered {
                    row: &handed.row,
                    word: Word::Person,
                    since: handed.at,
                };
                match take_in(txn, organizer, table, offered, now)? {
                    Done::Taken => done.taken += 1,
                    Done::Nothing => done.outdated += 1,
                    Done::Waits | Done::Refused => done.refused += 1,
                }
                txn.forget_handed(table, key)?;
            }
        }
    }
    tables.dedup();
    for table in tables {
        tell(txn, organizer, table, now)?;
    }
    Ok(last)
}

impl Service {
    /// Rows that devices handed back and that wait for a person, by table and id.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a page that begins nowhere.
    pub async fn handed_back(
        &self,
        organizer: OrganizerId,
        after: Option<String>,
        limit: u32,
    ) -> Result<Page<HandedBackRow>> {
        let after = after
            .map(|text| {
                let bad = || Error::invalid("after", "not the end of a page");
                read_place(&text).ok_or_else(bad)
            })
            .transpose()?;
        let limit = limit.clamp(1, PAGE_MAX);
        self.read(move |txn| {
            let rows = txn.handed(organizer, after, limit)?;
            let is_full = rows.len() >= limit as usize;
            let items = rows.iter().map(|handed| describe(txn, handed));
            Ok(Page {
                items: items.collect::<Result<Vec<_>>>()?,
                next: rows.last().filter(|_| is_full).map(place_of),
            })
        })
        .await
    }

    /// Takes or refuses the rows that wait, all of them or those of one table. What is taken is as good as
    /// if it had been changed here; a row that was refused is not asked about again.
    ///
    /// # Errors
    /// [`Error::Storage`]. What was decided before stays.
    pub async fn decide_handed_back(
        &self,
        organizer: OrganizerId,
        decision: HandedBackDecision,
    ) -> Result<HandedBackDone> {
        let mut done = HandedBackDone::default();
        let mut after = None;
        loop {
            let _turn = self.turn_to_write_long().await;
            let decision = decision.clone();
            let before = done;
            let (so_far, last) = self
                .write(move |txn, now| {
                    let mut done = before;
                    let next = decide(txn, organizer, (&decision, after), &mut done, now)?;
                    Ok((done, next))
                })
                .await?;
            done = so_far;
            if last.is_none() {
                return Ok(done);
            }
            after = last;
        }
    }
}
