//! This device's own logs: appending, sending, starting anew.

use super::super::error::Doing as _;
use super::{Store, StoreError, insert, known_scope_no, scope_no};
use crate::clock::{Entropy, random};
use rusqlite::{Connection, OptionalExtension as _};
use usher_domain::cbor;
use usher_domain::hash::Hash;
use usher_domain::ids::{DeviceId, LogId, ScopeId};
use usher_domain::log::{Entry, LogEnd};
use usher_domain::protocol::Head;
use usher_domain::record::{LogRef, Subject};

/// Whether records are still added to a log of this device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogStanding {
    /// They are.
    Open,
    /// A newer log took its place.
    Closed,
}

/// A log of this device and how much of it the server has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OwnLog {
    /// Its end.
    pub end: LogEnd,
    /// Whether records are still added.
    pub standing: LogStanding,
    /// The last sequence that the server said it has.
    pub on_server: u64,
}

impl OwnLog {
    /// Records that the server does not have.
    #[must_use]
    pub const fn unsent(&self) -> u64 {
        self.end.head.sequence.saturating_sub(self.on_server)
    }
}

pub(super) const ANOTHERS: i64 = 0;
pub(in crate::store) const CLOSED: i64 = 1;
const OPEN: i64 = 2;

/// Sequence and hash of the last record of a log.
pub(super) fn end_of(conn: &Connection, log_no: i64) -> Result<(u64, Hash), StoreError> {
    let end: Option<(u64, [u8; 32])> = conn
        .prepare_cached(
            "SELECT sequence, hash FROM records WHERE log_no = ?1 ORDER BY sequence DESC LIMIT 1",
        )
        .and_then(|mut statement| {
            statement
                .query_row([log_no], |row| Ok((row.get(0)?, row.get(1)?)))
                .optional()
        })
        .doing("reading the end of a log")?;
    Ok(end.map_or((0, Hash::ZERO), |(sequence, hash)| {
        let reused = u64::from(usher_domain::mutated!(ReuseSequence));
        (sequence - reused, Hash::from_bytes(hash))
    }))
}

/// The number and the name of the open log of a scope.
pub(super) fn open_log(
    conn: &Connection,
    scope: ScopeId,
) -> Result<Option<(i64, LogRef)>, StoreError> {
    conn.prepare_cached("SELECT log_no, device, log FROM logs WHERE scope = ?1 AND standing = 2")
        .and_then(|mut statement| {
            statement
                .query_row([scope.as_bytes()], |row| {
                    let log = LogRef {
                        device: DeviceId::from_bytes(row.get(1)?),
                        log: LogId::from_bytes(row.get(2)?),
                    };
                    Ok((row.get(0)?, log))
                })
                .optional()
        })
        .doing("finding the open log")
}

/// Adds a log, or finds it, and says its number.
pub(in crate::store) fn ensure_log(
    conn: &Connection,
    log: LogRef,
    scope: ScopeId,
    standing: i64,
) -> Result<i64, StoreError> {
    let doing = "adding a log";
    let key = (log.device.as_bytes(), log.log.as_bytes());
    let known: Option<i64> = conn
        .prepare_cached("SELECT log_no FROM logs WHERE device = ?1 AND log = ?2")
        .and_then(|mut statement| statement.query_row(key, |row| row.get(0)).optional())
        .doing(doing)?;
    if let Some(log_no) = known {
        return Ok(log_no);
    }
    conn.execute(
        "INSERT INTO logs (device, log, scope, standing) VALUES (?1, ?2, ?3, ?4)",
        (key.0, key.1, scope.as_bytes(), standing),
    )
    .doing(doing)?;
    Ok(conn.last_insert_rowid())
}

impl Store {
    /// The end of this device's open log in a scope. A log is begun where there is none.
    ///
    /// # Errors
    /// What writing the file says; [`StoreError::NoEntropy`].
    pub fn log_end(
        &mut self,
        scope: ScopeId,
        device: DeviceId,
        entropy: &dyn Entropy,
    ) -> Result<LogEnd, StoreError> {
        let (log_no, log) = match open_log(&self.conn, scope)? {
            // An open log of another device id is of an earlier enrollment.
            Some((log_no, log)) if log.device == device => (log_no, log),
            Some(_) | None => self.start_log(scope, device, entropy)?,
        };
        let (sequence, hash) = end_of(&self.conn, log_no)?;
        Ok(LogEnd {
            scope,
            head: Head {
                log,
                sequence,
                hash,
            },
        })
    }

    /// Closes the open log of a scope, if there is one, and begins another. A device does so when the
    /// server holds more of its log than itself, or another branch of it.
    ///
    /// # Errors
    /// What writing the file says; [`StoreError::NoEntropy`].
    pub fn start_log(
        &mut self,
        scope: ScopeId,
        device: DeviceId,
        entropy: &dyn Entropy,
    ) -> Result<(i64, LogRef), StoreError> {
        let log = LogRef {
            device,
            log: LogId::from_bytes(random(entropy)?),
        };
        self.write("beginning a log", |tx| {
            tx.execute(
                "UPDATE logs SET standing = ?2 WHERE scope = ?1 AND standing = ?3",
                (scope.as_bytes(), CLOSED, OPEN),
            )
            .doing("closing a log")?;
            Ok((ensure_log(tx, log, scope, OPEN)?, log))
        })
    }

    /// Appends records to this device's open log of a scope, all or none. They are durable when this
    /// returns.
    ///
    /// # Errors
    /// [`StoreError::BrokenChain`] if one does not follow the end of the log; nothing is written then.
    pub fn append(&mut self, scope: ScopeId, entries: &[Entry]) -> Result<(), StoreError> {
        self.write("writing a record", |tx| {
            let (log_no, log) = open_log(tx, scope)?.ok_or(StoreError::BrokenChain)?;
            let (mut sequence, mut previous) = end_of(tx, log_no)?;
            let scope_no = scope_no(tx, scope)?;
            for entry in entries {
                let frame = &entry.frame;
                let follows = frame.log == log
                    && frame.scope == scope
                    && frame.sequence == sequence + 1
                    && frame.previous == previous;
                if !follows {
                    return Err(StoreError::BrokenChain);
                }
                insert(tx, log_no, scope_no, entry)?;
                (sequence, previous) = (frame.sequence, entry.hash);
            }
            Ok(())
        })
    }

    /// Records of one subject in this device's logs that the server does not have, the oldest first, in
    /// the bytes they were hashed in.
    ///
    /// # Errors
    /// What reading the file says.
    pub fn unsent_about(
        &self,
        scope: ScopeId,
        device: DeviceId,
        subject: &Subject,
    ) -> Result<Vec<(u64, Vec<u8>)>, StoreError> {
        let doing = "reading unsent records of a ticket";
        let Some(scope_no) = known_scope_no(&self.conn, scope)? else {
            return Ok(Vec::new());
        };
        let mut statement = self
            .conn
            .prepare_cached(
                "SELECT r.place, r.body FROM records r JOIN logs l ON l.log_no = r.log_no
                 WHERE r.scope_no = ?1 AND r.subject = ?2 AND l.device = ?3
                 AND l.standing > 0 AND r.sequence > l.on_server ORDER BY r.place",
            )
            .doing(doing)?;
        let key = (scope_no, cbor::encode(subject), device.as_bytes());
        let rows = statement
            .query_map(key, |row| Ok((row.get(0)?, row.get(1)?)))
            .doing(doing)?;
        rows.map(|row| row.doing(doing)).collect()
    }

    /// All logs of this device, with how much of each the server has.
    ///
    /// # Errors
    /// What reading the file says.
    pub fn own_logs(&self) -> Result<Vec<OwnLog>, StoreError> {
        let doing = "reading this device's logs";
        let mut statement = self
            .conn
            .prepare_cached(
                "SELECT log_no, device, log, scope, standing, on_server FROM logs
                 WHERE standing > 0 ORDER BY log_no",
            )
            .doing(doing)?;
        let rows = statement
            .query_map([], |row| {
                let log = LogRef {
                    device: DeviceId::from_bytes(row.get(1)?),
                    log: LogId::from_bytes(row.get(2)?),
                };
                let scope = ScopeId::from_bytes(row.get(3)?);
                let standing: i64 = row.get(4)?;
                Ok((row.get(0)?, log, scope, standing, row.get(5)?))
            })
            .doing(doing)?;
        rows.map(|row| {
            let (log_no, log, scope, standing, on_server) = row.doing(doing)?;
            let (sequence, hash) = end_of(&self.conn, log_no)?;
            Ok(OwnLog {
                end: LogEnd {
                    scope,
                    head: Head {
                        log,
                        sequence,
                        hash,
                    },
                },
                standing: if standing == OPEN {
                    LogStanding::Open
                } else {
                    LogStanding::Closed
                },
                on_server,
            })
        })
        .collect()
    }

    /// Records of one of this device's logs from a sequence on, in the bytes they were hashed in.
    ///
    /// # Errors
    /// What reading the file says.
    pub fn log_records(
        &self,
        log: LogRef,
        from: u64,
        limit: u32,
    ) -> Result<Vec<(Hash, Vec<u8>)>, StoreError> {
        self.encoded(
            "SELECT r.hash, r.body FROM logs l JOIN records r ON r.log_no = l.log_no
             WHERE l.device = ?1 AND l.log = ?2 AND r.sequence >= ?3
             ORDER BY r.sequence, r.hash LIMIT ?4",
            (log.device.as_bytes(), log.log.as_bytes(), from, limit),
        )
    }

    /// Records of a log between two sequences, both included, in the bytes they were hashed in.
    ///
    /// # Errors
    /// What reading the file says.
    pub(super) fn log_range(
        &self,
        log: LogRef,
        first: u64,
        last: u64,
    ) -> Result<Vec<(Hash, Vec<u8>)>, StoreError> {
        self.encoded(
            "SELECT r.hash, r.body FROM logs l JOIN records r ON r.log_no = l.log_no
             WHERE l.device = ?1 AND l.log = ?2 AND r.sequence BETWEEN ?3 AND ?4
             ORDER BY r.sequence, r.hash",
            (log.device.as_bytes(), log.log.as_bytes(), first, last),
        )
    }

    fn encoded(
        &self,
        sql: &str,
        params: impl rusqlite::Params,
    ) -> Result<Vec<(Hash, Vec<u8>)>, StoreError> {
        let doing = "reading a log";
        let mut statement = self.conn.prepare_cached(sql).doing(doing)?;
        let rows = statement
            .query_map(params, |row| {
                Ok((Hash::from_bytes(row.get(0)?), row.get(1)?))
            })
            .doing(doing)?;
        rows.map(|row| row.doing(doing)).collect()
    }

    /// The record of one of this device's logs at a sequence, as a head; none at 0 or past the end.
    ///
    /// # Errors
    /// What reading the file says.
    pub fn log_head_at(&self, log: LogRef, sequence: u64) -> Result<Option<Head>, StoreError> {
        let found = self.log_records(log, sequence, 1)?.into_iter().next();
        Ok(found.filter(|_| sequence > 0).map(|(hash, _)| Head {
            log,
            sequence,
            hash,
        }))
    }

    /// Takes in that the server has a log up to a sequence. On a new epoch it may be fewer than before.
    ///
    /// # Errors
    /// What writing the file says.
    pub fn server_has(&mut self, log: LogRef, sequence: u64) -> Result<(), StoreError> {
        self.write("noting what the server has", |tx| {
            tx.execute(
                "UPDATE logs SET on_server = ?3 WHERE device = ?1 AND log = ?2 AND standing > 0",
                (log.device.as_bytes(), log.log.as_bytes(), sequence),
            )
            .doing("noting what the server has")?;
            Ok(())
        })
    }

    /// As if the page of a record had been unreadable when the store was rescued.
    #[cfg(test)]
    pub(crate) fn lose_record(&mut self, log: LogRef, sequence: u64) {
        let lost = self.conn.execute(
            "DELETE FROM records WHERE sequence = ?3 AND log_no =
                 (SELECT log_no FROM logs WHERE device = ?1 AND log = ?2)",
            (log.device.as_bytes(), log.log.as_bytes(), sequence),
        );
        assert_eq!(lost, Ok(1));
    }
}
