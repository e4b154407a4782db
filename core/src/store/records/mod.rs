//! Records: this device's own logs and what the feed brought of others'.
//!
//! A record is found by its log and sequence (to send it), by its subject (to fold a ticket's state) and
//! by its hash (to undo it). It is stored in the one encoding it was hashed in.

mod anew;
mod feed;
mod ground;
mod own;
mod signed;

pub use feed::{FeedEntry, FeedPlace, Taken};
pub(super) use own::{CLOSED, ensure_log};
pub use own::{LogStanding, OwnLog};
pub use signed::SignedRange;

use super::error::Doing as _;
use super::{Store, StoreError};
use rusqlite::{Connection, OptionalExtension as _};
use usher_domain::cbor;
use usher_domain::hash::Hash;
use usher_domain::ids::{DeviceId, LogId, ScopeId};
use usher_domain::log::{Entry, Frame, Line};
use usher_domain::merge;
use usher_domain::protocol::Heads;
use usher_domain::record::{Body, LogRef, Record, Subject};

/// Stands in the index of subjects for a record of a kind that this program does not know.
const NOT_READ: &[u8] = &[0xff];

/// What the index of subjects says of a record: empty where it concerns the whole scope.
fn subject_key(record: Option<&Record>) -> Vec<u8> {
    let Some(record) = record else {
        return NOT_READ.to_vec();
    };
    match &record.body {
        Body::Scan(scan) => cbor::encode(&scan.subject),
        Body::Undo(undo) => cbor::encode(&undo.subject),
        Body::Abort(abort) => cbor::encode(&abort.subject),
        Body::Yield(held) => cbor::encode(&held.subject),
        Body::Correction(correction) => cbor::encode(&correction.subject),
        Body::Link(_)
        | Body::Rule(_)
        | Body::Cut(_)
        | Body::Ruling(_)
        | Body::EveryoneOut(_)
        | Body::FreeFlow(_)
        | Body::StandDown(_)
        | Body::Honour(_)
        | Body::Notice(_)
        | Body::Delay(_)
        | Body::OverrideKey(_)
        | Body::Arrival(_)
        | Body::OutTakenBack(_) => Vec::new(),
    }
}

/// Puts corrections into the index under the tickets that they are of: programs before put them under the whole
/// scope, where nobody who decides on a ticket looks for them.
pub(super) fn index_corrections(conn: &Connection) -> Result<(), StoreError> {
    let doing = "indexing corrections";
    let mut statement = conn
        .prepare("SELECT place, hash, body FROM records WHERE subject = x''")
        .doing(doing)?;
    let rows = statement
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
        .doing(doing)?;
    let rows: Vec<(i64, [u8; 32], Vec<u8>)> = rows.collect::<Result<_, _>>().doing(doing)?;
    for (place, hash, body) in rows {
        let Some(line) = line(hash, &body) else {
            continue;
        };
        if let Body::Correction(_) = &line.record.body {
            let subject = subject_key(Some(&line.record));
            conn.execute(
                "UPDATE records SET subject = ?2 WHERE place = ?1",
                (place, subject),
            )
            .doing(doing)?;
        }
    }
    Ok(())
}

/// The small number of a scope, given on first use.
pub(super) fn scope_no(conn: &Connection, scope: ScopeId) -> Result<i64, StoreError> {
    let doing = "numbering a scope";
    if let Some(number) = known_scope_no(conn, scope)? {
        return Ok(number);
    }
    conn.execute("INSERT INTO scopes (scope) VALUES (?1)", [scope.as_bytes()])
        .doing(doing)?;
    Ok(conn.last_insert_rowid())
}

fn known_scope_no(conn: &Connection, scope: ScopeId) -> Result<Option<i64>, StoreError> {
    conn.prepare_cached("SELECT scope_no FROM scopes WHERE scope = ?1")
        .and_then(|mut statement| {
            statement
                .query_row([scope.as_bytes()], |row| row.get(0))
                .optional()
        })
        .doing("finding a scope")
}

/// Writes a record; one that is there already changes nothing. Says whether it is new.
pub(super) fn insert(
    conn: &Connection,
    log_no: i64,
    scope_no: i64,
    entry: &Entry,
) -> Result<bool, StoreError> {
    // The column only orders; what counts is in the body. No honest log comes near the end of the range.
    let sequence = i64::try_from(entry.frame.sequence).unwrap_or(i64::MAX);
    let changed = conn
        .prepare_cached(
            "INSERT INTO records (log_no, sequence, hash, scope_no, subject, body)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)
             ON CONFLICT (log_no, sequence, hash) DO NOTHING",
        )
        .and_then(|mut statement| {
            statement.execute((
                log_no,
                sequence,
                entry.hash.as_bytes(),
                scope_no,
                subject_key(entry.record.as_ref()),
                &entry.encoded,
            ))
        })
        .doing("writing a record")?;
    Ok(changed > 0)
}

/// A record of a kind that this program does not know is passed over: merging does the same.
fn line(hash: [u8; 32], body: &[u8]) -> Option<Line> {
    Some(Line {
        hash: Hash::from_bytes(hash),
        record: cbor::decode(body).ok()?,
    })
}

/// Records as they were read from the store. Where they are read page by page, the next page begins after
/// the place up to which this one was *read*: a page may hold nothing but records of kinds that this
/// program does not know.
#[derive(Debug, Clone, Default)]
pub struct RecordPage {
    /// The place of the last record that was read; none if there was none.
    pub read_to: Option<u64>,
    /// The records that this program can interpret, each with its place.
    pub lines: Vec<(u64, Line)>,
}

impl Store {
    fn lines(&self, sql: &str, params: impl rusqlite::Params) -> Result<RecordPage, StoreError> {
        let doing = "reading records";
        let mut statement = self.conn.prepare_cached(sql).doing(doing)?;
        let mut rows = statement.query(params).doing(doing)?;
        let mut page = RecordPage::default();
        while let Some(row) = rows.next().doing(doing)? {
            let read = || -> rusqlite::Result<(u64, Option<Line>)> {
                let body = row.get_ref(2)?.as_blob()?;
                Ok((row.get(0)?, line(row.get(1)?, body)))
            };
            let (place, line) = read().doing(doing)?;
            page.read_to = Some(place);
            page.lines.extend(line.map(|line| (place, line)));
        }
        Ok(page)
    }

    /// All records of a scope that speak of one subject, of whatever log.
    ///
    /// # Errors
    /// What reading the file says.
    pub fn records_about(
        &self,
        scope: ScopeId,
        subject: &Subject,
    ) -> Result<Vec<Line>, StoreError> {
        let Some(scope_no) = known_scope_no(&self.conn, scope)? else {
            return Ok(Vec::new());
        };
        let page = self.lines(
            "SELECT place, hash, body FROM records WHERE scope_no = ?1 AND subject = ?2",
            (scope_no, cbor::encode(subject)),
        )?;
        Ok(page.lines.into_iter().map(|(_, line)| line).collect())
    }

    /// The records of a scope's authority that concern more than one ticket: links, rules, cuts, rulings,
    /// everyone out, free flow. They are few: what [`usher_domain::merge::Ground`] is made of. Of others such
    /// records count for nothing, and there may be any number of them.
    ///
    /// # Errors
    /// What reading the file says.
    pub fn scope_wide_records(
        &self,
        scope: ScopeId,
        authority: DeviceId,
    ) -> Result<Vec<Line>, StoreError> {
        let Some(scope_no) = known_scope_no(&self.conn, scope)? else {
            return Ok(Vec::new());
        };
        let page = self.lines(
            "SELECT place, hash, body FROM records
             WHERE log_no IN (SELECT log_no FROM logs WHERE scope = ?2 AND device = ?3)
                AND +scope_no = ?1 AND +subject = x''",
            (scope_no, scope.as_bytes(), authority.as_bytes()),
        )?;
        Ok(page.lines.into_iter().map(|(_, line)| line).collect())
    }

    /// Records of a scope in the order in which they came to this device, after a place, each with its
    /// place.
    ///
    /// # Errors
    /// What reading the file says.
    pub fn records_after(
        &self,
        scope: ScopeId,
        place: u64,
        limit: u32,
    ) -> Result<RecordPage, StoreError> {
        let Some(scope_no) = known_scope_no(&self.conn, scope)? else {
            return Ok(RecordPage::default());
        };
        self.lines(
            "SELECT place, hash, body FROM records WHERE place > ?2 AND +scope_no = ?1
             ORDER BY place LIMIT ?3",
            (scope_no, place, limit),
        )
    }

    /// The place of the last record of all; it grows with every record that comes.
    ///
    /// # Errors
    /// What reading the file says.
    pub fn last_place(&self) -> Result<u64, StoreError> {
        self.conn
            .prepare_cached("SELECT ifnull(max(place), 0) FROM records")
            .and_then(|mut statement| statement.query_row([], |row| row.get(0)))
            .doing("reading records")
    }

    /// The record of a hash.
    ///
    /// # Errors
    /// What reading the file says.
    pub fn record(&self, hash: Hash) -> Result<Option<Line>, StoreError> {
        let page = self.lines(
            "SELECT place, hash, body FROM records
             WHERE substr(hash, 1, 8) = substr(?1, 1, 8) AND hash = ?1 LIMIT 1",
            [hash.as_bytes()],
        )?;
        Ok(page.lines.into_iter().next().map(|(_, line)| line))
    }

    /// Records whose hashes lie in a range, both ends included.
    ///
    /// # Errors
    /// What reading the file says.
    pub fn records_between(
        &self,
        (low, high): (Hash, Hash),
        limit: u32,
    ) -> Result<Vec<Line>, StoreError> {
        let page = self.lines(
            "SELECT place, hash, body FROM records
             WHERE substr(hash, 1, 8) BETWEEN substr(?1, 1, 8) AND substr(?2, 1, 8)
               AND hash BETWEEN ?1 AND ?2 LIMIT ?3",
            (low.as_bytes(), high.as_bytes(), limit),
        )?;
        Ok(page.lines.into_iter().map(|(_, line)| line).collect())
    }

    /// The newest records of this device's own logs, newest first.
    ///
    /// # Errors
    /// What reading the file says.
    pub fn latest_own(&self, limit: u32) -> Result<Vec<Line>, StoreError> {
        let page = self.lines(
            "SELECT place, hash, body FROM records
             WHERE log_no IN (SELECT log_no FROM logs WHERE standing > 0)
             ORDER BY place DESC LIMIT ?1",
            [limit],
        )?;
        Ok(page.lines.into_iter().map(|(_, line)| line).collect())
    }

    /// The ends of all branches of all logs of a scope, sorted.
    ///
    /// # Errors
    /// What reading the file says.
    pub fn heads(&self, scope: ScopeId) -> Result<Heads, StoreError> {
        let doing = "reading heads";
        let mut heads = Vec::new();
        for (log_no, _) in logs_of(&self.conn, scope)? {
            // Almost every log has one branch, and its end is its last record. Only where a sequence
            // occurs twice must all of its records be looked at.
            let forked: bool = self
                .conn
                .prepare_cached(
                    "SELECT EXISTS (SELECT 1 FROM records WHERE log_no = ?1
                       GROUP BY sequence HAVING count(*) > 1)",
                )
                .and_then(|mut statement| statement.query_row([log_no], |row| row.get(0)))
                .doing(doing)?;
            let limit = if forked { i64::MAX } else { 1 };
            heads.extend(
                merge::heads(
                    self.frames(log_no, limit)?
                        .iter()
                        .map(|(frame, hash)| (frame, *hash)),
                )
                .heads,
            );
        }
        heads.sort_unstable();
        Ok(Heads { heads })
    }

    /// Places in the chain of the last records of a log, last first.
    fn frames(&self, log_no: i64, limit: i64) -> Result<Vec<(Frame, Hash)>, StoreError> {
        let doing = "reading heads";
        let mut statement = self
            .conn
            .prepare_cached(
                "SELECT hash, body FROM records WHERE log_no = ?1 ORDER BY sequence DESC LIMIT ?2",
            )
            .doing(doing)?;
        let mut rows = statement.query((log_no, limit)).doing(doing)?;
        let mut frames = Vec::new();
        while let Some(row) = rows.next().doing(doing)? {
            let hash = Hash::from_bytes(row.get(0).doing(doing)?);
            let body = row.get_ref(1).doing(doing)?;
            let frame = body.as_blob().ok().and_then(|body| cbor::decode(body).ok());
            frames.push((
                frame.ok_or(StoreError::Unreadable { what: "a record" })?,
                hash,
            ));
        }
        Ok(frames)
    }
}

fn logs_of(conn: &Connection, scope: ScopeId) -> Result<Vec<(i64, LogRef)>, StoreError> {
    let doing = "reading logs";
    let mut statement = conn
        .prepare_cached("SELECT log_no, device, log FROM logs WHERE scope = ?1")
        .doing(doing)?;
    let rows = statement
        .query_map([scope.as_bytes()], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?))
        })
        .doing(doing)?;
    rows.map(|row| {
        let (log_no, device, log) = row.doing(doing)?;
        Ok((
            log_no,
            LogRef {
                device: DeviceId::from_bytes(device),
                log: LogId::from_bytes(log),
            },
        ))
    })
    .collect()
}
