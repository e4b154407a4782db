//! Batches of others' logs as their writers signed them: proof of what was read, for a server that lost it.

use super::super::error::Doing as _;
use super::own::ANOTHERS;
use super::{Store, StoreError, logs_of};
use rusqlite::{Connection, OptionalExtension as _};
use std::collections::BTreeMap;
use usher_domain::cbor;
use usher_domain::document::batch::Batch;
use usher_domain::hash::Hash;
use usher_domain::ids::ScopeId;
use usher_domain::log::{Frame, VerifiedBatch};
use usher_domain::protocol::Head;
use usher_domain::record::LogRef;

/// A range of another's log of which the signature is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SignedRange {
    /// Sequence of its first record.
    pub first: u64,
    /// Its last record.
    pub last: Head,
}

/// Keeps the signature of a batch of another's log. What this device wrote itself it signs anew.
pub(super) fn keep(tx: &Connection, log_no: i64, batch: &VerifiedBatch) -> Result<(), StoreError> {
    let (head, last) = (batch.head(), batch.entries().last());
    let Some(last) = last else { return Ok(()) };
    // Of two batches with one end the longer one proves more.
    tx.prepare_cached(
        "INSERT INTO signatures (log_no, last, hash, first, head)
         SELECT log_no, ?2, ?3, ?4, ?5 FROM logs WHERE log_no = ?1 AND standing = ?6
         ON CONFLICT (log_no, last, hash) DO UPDATE SET first = excluded.first, head = excluded.head
         WHERE excluded.first < first",
    )
    .and_then(|mut statement| {
        statement.execute((
            log_no,
            last.frame.sequence,
            head.last.as_bytes(),
            head.first,
            batch.signed(),
            ANOTHERS,
        ))
    })
    .doing("keeping a signature")?;
    Ok(())
}

impl Store {
    /// The logs of a scope that are not this device's.
    ///
    /// # Errors
    /// What reading the file says.
    pub fn others_logs(&self, scope: ScopeId) -> Result<Vec<LogRef>, StoreError> {
        let own: Vec<LogRef> = self
            .own_logs()?
            .iter()
            .map(|own| own.end.head.log)
            .collect();
        let all = logs_of(&self.conn, scope)?.into_iter();
        Ok(all
            .map(|(_, log)| log)
            .filter(|log| !own.contains(log))
            .collect())
    }

    /// Whether a record is held.
    ///
    /// # Errors
    /// What reading the file says.
    pub fn holds(&self, head: &Head) -> Result<bool, StoreError> {
        self.conn
            .prepare_cached(
                "SELECT EXISTS (SELECT 1 FROM logs l JOIN records r ON r.log_no = l.log_no
                 WHERE l.device = ?1 AND l.log = ?2 AND r.sequence = ?3 AND r.hash = ?4)",
            )
            .and_then(|mut statement| {
                let log = (head.log.device.as_bytes(), head.log.log.as_bytes());
                statement.query_row((log.0, log.1, head.sequence, head.hash.as_bytes()), |row| {
                    row.get(0)
                })
            })
            .doing("looking for a record")
    }

    /// The ranges of another's log whose signatures are kept, those that end first before others.
    ///
    /// # Errors
    /// What reading the file says.
    pub fn signed_ranges(&self, log: LogRef) -> Result<Vec<SignedRange>, StoreError> {
        let doing = "reading signatures";
        let mut statement = self
            .conn
            .prepare_cached(
                "SELECT s.first, s.last, s.hash FROM logs l JOIN signatures s ON s.log_no = l.log_no
                 WHERE l.device = ?1 AND l.log = ?2 ORDER BY s.last, s.first, s.hash",
            )
            .doing(doing)?;
        let rows = statement
            .query_map((log.device.as_bytes(), log.log.as_bytes()), |row| {
                Ok(SignedRange {
                    first: row.get(0)?,
                    last: Head {
                        log,
                        sequence: row.get(1)?,
                        hash: Hash::from_bytes(row.get(2)?),
                    },
                })
            })
            .doing(doing)?;
        rows.map(|row| row.doing(doing)).collect()
    }

    /// A batch as its writer signed it; none if a record of it is not here any more.
    ///
    /// # Errors
    /// What reading the file says.
    pub fn signed_batch(&self, range: &SignedRange) -> Result<Option<Batch>, StoreError> {
        let doing = "reading a signed batch";
        let log = range.last.log;
        let head: Option<Vec<u8>> = self
            .conn
            .prepare_cached(
                "SELECT s.head FROM logs l JOIN signatures s ON s.log_no = l.log_no
                 WHERE l.device = ?1 AND l.log = ?2 AND s.last = ?3 AND s.hash = ?4",
            )
            .and_then(|mut statement| {
                let key = (log.device.as_bytes(), log.log.as_bytes());
                let end = (range.last.sequence, range.last.hash);
                statement
                    .query_row((key.0, key.1, end.0, end.1.as_bytes()), |row| row.get(0))
                    .optional()
            })
            .doing(doing)?;
        let records = self.chain_to(range)?;
        Ok(head.zip(records).map(|(head, records)| Batch {
            head: head.into(),
            records: records.into_iter().map(Into::into).collect(),
        }))
    }

    /// The records of a range in order. A log that forked has several of one sequence: from its last record
    /// on, each is the one that the next names.
    fn chain_to(&self, range: &SignedRange) -> Result<Option<Vec<Vec<u8>>>, StoreError> {
        let rows = self.log_range(range.last.log, range.first, range.last.sequence)?;
        let mut held: BTreeMap<Hash, Vec<u8>> = rows.into_iter().collect();
        let mut chain = Vec::new();
        let mut next = range.last.hash;
        for _ in range.first..=range.last.sequence {
            let Some(record) = held.remove(&next) else {
                return Ok(None);
            };
            let frame: Option<Frame> = cbor::decode(&record).ok();
            let Some(frame) = frame else { return Ok(None) };
            next = frame.previous;
            chain.push(record);
        }
        chain.reverse();
        Ok(Some(chain))
    }
}
