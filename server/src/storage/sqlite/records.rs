//! [`Records`] in SQL.

use super::statements::{Doing as _, Session, bytes, int, uint};
use crate::storage::{
    BatchLine, Kept, LogPlace, NewBatch, Novelty, Reach, Records, Result, Stamped, StorageError,
    StoredIncident, StoredRecord,
};
use rusqlite::{Row, params};
use usher_domain::cbor;
use usher_domain::document::batch::Batch;
use usher_domain::hash::Hash;
use usher_domain::ids::{DeviceId, LogId, OrganizerId, ScopeId, SessionId};
use usher_domain::protocol::Head;
use usher_domain::record::{LogRef, Subject};
use usher_domain::time::UnixMillis;

fn read_record(row: &Row<'_>) -> rusqlite::Result<StoredRecord> {
    Ok(StoredRecord {
        hash: Hash::from_bytes(bytes(row, 0)?),
        position: uint(row, 1)?,
        bytes: row.get(2)?,
    })
}

fn read_head(row: &Row<'_>) -> rusqlite::Result<(ScopeId, Head)> {
    let head = Head {
        log: LogRef {
            device: DeviceId::from_bytes(bytes(row, 1)?),
            log: LogId::from_bytes(bytes(row, 2)?),
        },
        sequence: uint(row, 3)?,
        hash: Hash::from_bytes(bytes(row, 4)?),
    };
    Ok((ScopeId::from_bytes(bytes(row, 0)?), head))
}

fn read_incident(row: &Row<'_>) -> rusqlite::Result<StoredIncident> {
    let session: Option<[u8; 16]> = row.get(1)?;
    Ok(StoredIncident {
        id: row.get(0)?,
        session: session.map(SessionId::from_bytes),
        at: UnixMillis::new(uint(row, 2)?),
        body: row.get(3)?,
    })
}

/// How a subject stands in a column; what reaches the whole scope is empty.
fn subject_key(subject: Option<&Subject>) -> Vec<u8> {
    subject.map(cbor::encode).unwrap_or_default()
}

/// In place of a subject where a record is about none and reaches nothing. No subject is written so: they
/// are arrays.
const REACHES_NOTHING: [u8; 1] = [0];

fn column_of(line: &BatchLine) -> Vec<u8> {
    match (&line.subject, line.reach) {
        (None, Reach::Nothing) => REACHES_NOTHING.to_vec(),
        (subject, Reach::Scope | Reach::Nothing) => subject_key(subject.as_ref()),
    }
}

impl Session<'_> {
    fn put_line(
        &self,
        batch: &NewBatch,
        position: i64,
        place: usize,
        line: &BatchLine,
    ) -> Result<()> {
        let doing = "storing a record";
        self.execute(
            "INSERT INTO record (scope, position, place, hash, device, log, sequence, stamp, subject,
                session, repeated, bytes)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
            params![
                batch.scope.as_bytes(),
                position,
                int(place as u64, doing)?,
                line.hash.as_bytes(),
                batch.log.device.as_bytes(),
                batch.log.log.as_bytes(),
                int(line.sequence, doing)?,
                int(line.stamp.get(), doing)?,
                column_of(line),
                line.session.map(|session| *session.as_bytes()),
                line.novelty == Novelty::Repeated,
                line.bytes
            ],
            doing,
        )
        .map(drop)
    }

    fn batch_records(&self, scope: ScopeId, position: u64) -> Result<Vec<Vec<u8>>> {
        let doing = "reading a batch";
        self.all(
            "SELECT bytes FROM record WHERE scope = ?1 AND position = ?2 ORDER BY place",
            params![scope.as_bytes(), int(position, doing)?],
            doing,
            |row| row.get(0),
        )
    }
}

impl Records for Session<'_> {
    fn append_batch(&mut self, batch: &NewBatch) -> Result<u64> {
        let doing = "storing a batch";
        let position = self.feed_end(batch.scope)? + 1;
        self.execute(
            "INSERT INTO batch (scope, position, device, log, head, at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            params![
                batch.scope.as_bytes(),
                int(position, doing)?,
                batch.log.device.as_bytes(),
                batch.log.log.as_bytes(),
                batch.head,
                int(batch.at.get(), doing)?
            ],
            doing,
        )?;
        for (place, line) in batch.lines.iter().enumerate() {
            self.put_line(batch, int(position, doing)?, place, line)?;
        }
        Ok(position)
    }

    fn feed(&self, scope: ScopeId, after: u64, limit: u32) -> Result<Vec<(u64, Batch)>> {
        let doing = "reading a feed";
        let heads = self.all(
            "SELECT position, head FROM batch WHERE scope = ?1 AND position > ?2
             ORDER BY position LIMIT ?3",
            params![scope.as_bytes(), int(after, doing)?, limit],
            doing,
            |row| Ok((uint(row, 0)?, row.get::<_, Vec<u8>>(1)?)),
        )?;
        heads
            .into_iter()
            .map(|(position, head)| {
                let records = self.batch_records(scope, position)?;
                Ok((
                    position,
                    Batch {
                        head: head.into(),
                        records: records.into_iter().map(Into::into).collect(),
                    },
                ))
            })
            .collect()
    }

    fn batch_heads(&self, device: DeviceId) -> Result<Vec<(ScopeId, u64, Vec<u8>)>> {
        self.all(
            "SELECT scope, position, head FROM batch WHERE device = ?1 ORDER BY scope, position",
            params![device.as_bytes()],
            "listing the batches of a device",
            |row| {
                let scope = ScopeId::from_bytes(bytes(row, 0)?);
                Ok((scope, uint(row, 1)?, row.get(2)?))
            },
        )
    }

    fn first_batches_since(
        &self,
        device: DeviceId,
        since: UnixMillis,
    ) -> Result<Vec<(ScopeId, u64)>> {
        let doing = "looking when a device's batches arrived";
        self.all(
            "SELECT scope, MIN(position) FROM batch WHERE device = ?1 AND at >= ?2
             GROUP BY scope ORDER BY scope",
            params![device.as_bytes(), int(since.get(), doing)?],
            doing,
            |row| Ok((ScopeId::from_bytes(bytes(row, 0)?), uint(row, 1)?)),
        )
    }

    fn put_batch_head(&mut self, scope: ScopeId, position: u64, head: &[u8]) -> Result<()> {
        let doing = "signing a batch anew";
        self.execute(
            "UPDATE batch SET head = ?3 WHERE scope = ?1 AND position = ?2",
            params![scope.as_bytes(), int(position, doing)?, head],
            doing,
        )
        .map(drop)
    }

    fn last_record_at(&self, scope: ScopeId, position: u64) -> Result<Option<Hash>> {
        let doing = "reading the last record of a batch";
        self.first(
            "SELECT hash FROM record WHERE scope = ?1 AND position = ?2
             ORDER BY place DESC LIMIT 1",
            params![scope.as_bytes(), int(position, doing)?],
            doing,
            |row| Ok(Hash::from_bytes(bytes(row, 0)?)),
        )
    }

    fn feed_end(&self, scope: ScopeId) -> Result<u64> {
        let end = self.first(
            "SELECT position FROM batch WHERE scope = ?1 ORDER BY position DESC LIMIT 1",
            params![scope.as_bytes()],
            "reading the end of a feed",
            |row| uint(row, 0),
        )?;
        Ok(end.unwrap_or(0))
    }

    fn record(&self, scope: ScopeId, hash: &Hash) -> Result<Option<StoredRecord>> {
        self.first(
            "SELECT hash, position, bytes FROM record
             WHERE scope = ?1 AND hash = ?2 AND repeated = 0",
            params![scope.as_bytes(), hash.as_bytes()],
            "reading a record",
            read_record,
        )
    }

    fn records_about(
        &self,
        scope: ScopeId,
        subject: Option<&Subject>,
    ) -> Result<Vec<StoredRecord>> {
        self.all(
            "SELECT hash, position, bytes FROM record
             WHERE scope = ?1 AND subject = ?2 AND repeated = 0 ORDER BY stamp, hash",
            params![scope.as_bytes(), subject_key(subject)],
            "reading the records about a subject",
            read_record,
        )
    }

    fn records_of_log(
        &self,
        log: LogRef,
        after: LogPlace,
        limit: u32,
    ) -> Result<Vec<(LogPlace, StoredRecord)>> {
        let doing = "reading a log";
        self.all(
            "SELECT hash, position, bytes, sequence FROM record
             WHERE device = ?1 AND log = ?2 AND (sequence, hash) > (?3, ?4) AND repeated = 0
             ORDER BY sequence, hash LIMIT ?5",
            params![
                log.device.as_bytes(),
                log.log.as_bytes(),
                // A number beyond the column is after every record.
                i64::try_from(after.sequence).unwrap_or(i64::MAX),
                after.hash.as_bytes(),
                limit
            ],
            doing,
            |row| {
                let record = read_record(row)?;
                let place = LogPlace {
                    sequence: uint(row, 3)?,
                    hash: record.hash,
                };
                Ok((place, record))
            },
        )
    }

    fn stamped_after(&self, scope: ScopeId, at: UnixMillis) -> Result<Vec<Stamped>> {
        let doing = "reading records that are dated ahead";
        let stamp = int(at.get().min(i64::MAX as u64), doing)?;
        self.all(
            "SELECT r.device, r.log, r.sequence, r.hash, b.at
             FROM record r JOIN batch b ON b.scope = r.scope AND b.position = r.position
             WHERE r.scope = ?1 AND r.subject > x'00' AND r.stamp > ?2 AND r.repeated = 0
                AND r.stamp > b.at
             ORDER BY r.device, r.log, r.sequence, r.hash",
            params![scope.as_bytes(), stamp],
            doing,
            |row| {
                Ok(Stamped {
                    log: LogRef {
                        device: DeviceId::from_bytes(bytes(row, 0)?),
                        log: LogId::from_bytes(bytes(row, 1)?),
                    },
                    sequence: uint(row, 2)?,
                    hash: Hash::from_bytes(bytes(row, 3)?),
                    arrived: UnixMillis::new(uint(row, 4)?),
                })
            },
        )
    }

    fn visit_records(
        &self,
        scope: ScopeId,
        session: Option<SessionId>,
        visit: &mut dyn FnMut(StoredRecord) -> Result<()>,
    ) -> Result<()> {
        let doing = "reading the records of a scope";
        self.each(
            "SELECT hash, position, bytes FROM record
             WHERE scope = ?1 AND repeated = 0 AND (?2 IS NULL OR session = ?2)
             ORDER BY position, place",
            params![scope.as_bytes(), session.map(|session| *session.as_bytes())],
            doing,
            |row| visit(read_record(row).doing(doing)?),
        )
    }

    fn heads(&self, scope: ScopeId) -> Result<Vec<Head>> {
        let heads = self.all(
            "SELECT scope, device, log, sequence, hash FROM log_head
             WHERE scope = ?1 ORDER BY device, log, sequence, hash",
            params![scope.as_bytes()],
            "reading the heads of a scope",
            read_head,
        )?;
        Ok(heads.into_iter().map(|(_, head)| head).collect())
    }

    fn heads_of_device(&self, device: DeviceId) -> Result<Vec<(ScopeId, Head)>> {
        self.all(
            "SELECT scope, device, log, sequence, hash FROM log_head
             WHERE device = ?1 ORDER BY scope, log, sequence, hash",
            params![device.as_bytes()],
            "reading the heads of a device",
            read_head,
        )
    }

    fn put_heads(&mut self, scope: ScopeId, log: LogRef, heads: &[Head]) -> Result<()> {
        let doing = "writing the heads of a log";
        self.execute(
            "DELETE FROM log_head WHERE scope = ?1 AND device = ?2 AND log = ?3",
            params![scope.as_bytes(), log.device.as_bytes(), log.log.as_bytes()],
            doing,
        )?;
        for head in heads {
            self.execute(
                "INSERT INTO log_head (scope, device, log, sequence, hash) VALUES (?1, ?2, ?3, ?4, ?5)",
                params![
                    scope.as_bytes(),
                    log.device.as_bytes(),
                    log.log.as_bytes(),
                    int(head.sequence, doing)?,
                    head.hash.as_bytes()
                ],
                doing,
            )?;
        }
        Ok(())
    }

    fn records_between(&self, scope: ScopeId, after: u64, upto: u64) -> Result<Vec<StoredRecord>> {
        let doing = "reading the newest records of a scope";
        self.all(
            "SELECT hash, position, bytes FROM record
             WHERE scope = ?1 AND position > ?2 AND position <= ?3 AND repeated = 0
             ORDER BY position, place",
            params![scope.as_bytes(), int(after, doing)?, int(upto, doing)?],
            doing,
            read_record,
        )
    }

    fn visit_by_subject(
        &self,
        scope: ScopeId,
        visit: &mut dyn FnMut(Subject, StoredRecord) -> Result<()>,
    ) -> Result<()> {
        let doing = "reading the records of a scope by subject";
        self.each(
            "SELECT hash, position, bytes, subject FROM record
             WHERE scope = ?1 AND subject > x'00' AND repeated = 0 ORDER BY subject, stamp, hash",
            params![scope.as_bytes()],
            doing,
            |row| {
                let unreadable = || StorageError::Unreadable { doing };
                let subject = row.get_ref(3).doing(doing)?.as_blob();
                let subject = subject.map_err(|_| unreadable())?;
                let subject = cbor::decode(subject).map_err(|_| unreadable())?;
                visit(subject, read_record(row).doing(doing)?)
            },
        )
    }

    fn incident(&self, organizer: OrganizerId, id: &str) -> Result<Option<StoredIncident>> {
        self.first(
            "SELECT id, session, at, body FROM incident WHERE organizer = ?1 AND id = ?2",
            params![organizer.as_bytes(), id],
            "reading an incident",
            read_incident,
        )
    }

    fn incidents(
        &self,
        organizer: OrganizerId,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Vec<StoredIncident>> {
        self.all(
            "SELECT id, session, at, body FROM incident
             WHERE organizer = ?1 AND (?2 IS NULL OR (at, id) > (
                SELECT at, id FROM incident WHERE organizer = ?1 AND id = ?2))
             ORDER BY at, id LIMIT ?3",
            params![organizer.as_bytes(), after, limit],
            "listing incidents",
            read_incident,
        )
    }

    fn put_incident(&mut self, organizer: OrganizerId, incident: &StoredIncident) -> Result<()> {
        let doing = "writing an incident";
        self.execute(
            "INSERT INTO incident (organizer, id, session, at, body) VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT (organizer, id) DO UPDATE SET session = excluded.session, body = excluded.body",
            params![
                organizer.as_bytes(),
                incident.id,
                incident.session.map(|session| *session.as_bytes()),
                int(incident.at.get(), doing)?,
                incident.body
            ],
            doing,
        )
        .map(drop)
    }

    fn drop_incident(&mut self, organizer: OrganizerId, id: &str) -> Result<()> {
        self.execute(
            "DELETE FROM incident WHERE organizer = ?1 AND id = ?2",
            params![organizer.as_bytes(), id],
            "taking an incident away",
        )
        .map(drop)
    }

    fn keep(&mut self, organizer: OrganizerId, kept: &Kept) -> Result<()> {
        let doing = "keeping what cannot be interpreted";
        let hash = Hash::of(&[organizer.as_bytes(), kept.device.as_bytes(), &kept.bytes]);
        self.execute(
            "INSERT INTO kept (organizer, device, reason, at, hash, bytes)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT (hash) DO NOTHING",
            params![
                organizer.as_bytes(),
                kept.device.as_bytes(),
                kept.reason,
                int(kept.at.get(), doing)?,
                hash.as_bytes(),
                kept.bytes
            ],
            doing,
        )
        .map(drop)
    }

    fn kept(&self, organizer: OrganizerId, after: u64, limit: u32) -> Result<Vec<(u64, Kept)>> {
        let doing = "listing what is kept";
        self.all(
            "SELECT number, device, reason, at, bytes FROM kept
             WHERE organizer = ?1 AND number > ?2 ORDER BY number LIMIT ?3",
            params![organizer.as_bytes(), int(after, doing)?, limit],
            doing,
            |row| {
                let kept = Kept {
                    device: DeviceId::from_bytes(bytes(row, 1)?),
                    reason: row.get(2)?,
                    at: UnixMillis::new(uint(row, 3)?),
                    bytes: row.get(4)?,
                };
                Ok((uint(row, 0)?, kept))
            },
        )
    }
}
