//! [`Claims`] in SQL.

use super::statements::{Session, bytes, int, uint};
use crate::storage::{Claims, Duty, DutyState, Reservation, Result};
use rusqlite::{Row, params};
use usher_domain::cbor;
use usher_domain::ids::{AttemptId, DeviceId, GateId, ScopeId, SessionId, ZoneId};
use usher_domain::record::{Direction, Subject};
use usher_domain::time::UnixMillis;

/// A value of a column that this program does not know.
fn unknown(column: usize, value: i64) -> rusqlite::Error {
    rusqlite::Error::IntegralValueOutOfRange(column, value)
}

fn read_subject(row: &Row<'_>, column: usize) -> rusqlite::Result<Subject> {
    let bytes = row.get_ref(column)?.as_blob()?;
    cbor::decode(bytes).map_err(|error| {
        let kind = rusqlite::types::Type::Blob;
        rusqlite::Error::FromSqlConversionFailure(column, kind, Box::new(error))
    })
}

const fn direction_number(direction: Direction) -> u8 {
    match direction {
        Direction::Entry => 0,
        Direction::Exit => 1,
    }
}

fn read_reservation(row: &Row<'_>) -> rusqlite::Result<Reservation> {
    let gate: Option<[u8; 16]> = row.get(4)?;
    let zone: Option<[u8; 16]> = row.get(7)?;
    Ok(Reservation {
        scope: ScopeId::from_bytes(bytes(row, 0)?),
        subject: read_subject(row, 1)?,
        attempt: AttemptId::from_bytes(bytes(row, 2)?),
        device: DeviceId::from_bytes(bytes(row, 3)?),
        gate: gate.map(GateId::from_bytes),
        direction: match row.get(5)? {
            0 => Direction::Entry,
            1 => Direction::Exit,
            other => return Err(unknown(5, other)),
        },
        session: SessionId::from_bytes(bytes(row, 6)?),
        zone: zone.map(ZoneId::from_bytes),
        at: UnixMillis::new(uint(row, 8)?),
        answer: row.get(9)?,
    })
}

fn read_duty(row: &Row<'_>) -> rusqlite::Result<Duty> {
    Ok(Duty {
        scope: ScopeId::from_bytes(bytes(row, 0)?),
        device: DeviceId::from_bytes(bytes(row, 1)?),
        state: match row.get(2)? {
            1 => DutyState::OnDuty,
            2 => DutyState::SignedOff,
            3 => DutyState::StoodDown,
            4 => DutyState::Revoked,
            other => return Err(unknown(2, other)),
        },
        since: UnixMillis::new(uint(row, 3)?),
    })
}

impl Claims for Session<'_> {
    fn reservation(&self, device: DeviceId, attempt: AttemptId) -> Result<Option<Reservation>> {
        self.first(
            "SELECT scope, subject, attempt, device, gate, direction, session, zone, at, answer
             FROM reservation WHERE device = ?1 AND attempt = ?2",
            params![device.as_bytes(), attempt.as_bytes()],
            "reading a reservation",
            read_reservation,
        )
    }

    fn reservations_about(&self, scope: ScopeId, subject: &Subject) -> Result<Vec<Reservation>> {
        self.all(
            "SELECT scope, subject, attempt, device, gate, direction, session, zone, at, answer
             FROM reservation WHERE scope = ?1 AND subject = ?2 ORDER BY attempt, device",
            params![scope.as_bytes(), cbor::encode(subject)],
            "reading the reservations of a ticket",
            read_reservation,
        )
    }

    fn reservations_of(&self, device: DeviceId, limit: u32) -> Result<Vec<Reservation>> {
        self.all(
            "SELECT scope, subject, attempt, device, gate, direction, session, zone, at, answer
             FROM reservation WHERE device = ?1 ORDER BY scope, subject, attempt LIMIT ?2",
            params![device.as_bytes(), limit],
            "reading the reservations of a device",
            read_reservation,
        )
    }

    fn open_reservations(&self, limit: u32) -> Result<Vec<Reservation>> {
        self.all(
            "SELECT scope, subject, attempt, device, gate, direction, session, zone, at, answer
             FROM reservation ORDER BY at, attempt, device LIMIT ?1",
            params![limit],
            "reading the reservations of all devices",
            read_reservation,
        )
    }

    fn count_reservations_of(&self, device: DeviceId) -> Result<u64> {
        let count = self.first(
            "SELECT count(*) FROM reservation WHERE device = ?1",
            params![device.as_bytes()],
            "counting the reservations of a device",
            |row| uint(row, 0),
        )?;
        Ok(count.unwrap_or(0))
    }

    fn reserved_entries(&self, session: SessionId, zone: ZoneId) -> Result<u32> {
        let count = self.first(
            "SELECT count(*) FROM reservation WHERE session = ?1 AND zone = ?2 AND direction = 0",
            params![session.as_bytes(), zone.as_bytes()],
            "counting the reservations of a zone",
            |row| row.get(0),
        )?;
        Ok(count.unwrap_or(0))
    }

    fn count_reservations(&self) -> Result<u64> {
        let count = self.first(
            "SELECT count(*) FROM reservation",
            [],
            "counting reservations",
            |row| uint(row, 0),
        )?;
        Ok(count.unwrap_or(0))
    }

    fn put_reservation(&mut self, reservation: &Reservation) -> Result<()> {
        let doing = "writing a reservation";
        self.execute(
            "INSERT INTO reservation
                (scope, subject, attempt, device, gate, direction, session, zone, at, answer)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
            params![
                reservation.scope.as_bytes(),
                cbor::encode(&reservation.subject),
                reservation.attempt.as_bytes(),
                reservation.device.as_bytes(),
                reservation.gate.map(|gate| *gate.as_bytes()),
                direction_number(reservation.direction),
                reservation.session.as_bytes(),
                reservation.zone.map(|zone| *zone.as_bytes()),
                int(reservation.at.get(), doing)?,
                reservation.answer
            ],
            doing,
        )
        .map(drop)
    }

    fn end_reservation(&mut self, device: DeviceId, attempt: AttemptId) -> Result<bool> {
        let ended = self.execute(
            "DELETE FROM reservation WHERE device = ?1 AND attempt = ?2",
            params![device.as_bytes(), attempt.as_bytes()],
            "ending a reservation",
        )?;
        Ok(ended > 0)
    }

    fn duties_in(&self, scope: ScopeId) -> Result<Vec<Duty>> {
        self.all(
            "SELECT scope, device, state, since FROM duty WHERE scope = ?1 ORDER BY device",
            params![scope.as_bytes()],
            "reading who is on duty",
            read_duty,
        )
    }

    fn duties_of(&self, device: DeviceId) -> Result<Vec<Duty>> {
        self.all(
            "SELECT scope, device, state, since FROM duty WHERE device = ?1 ORDER BY scope",
            params![device.as_bytes()],
            "reading a device's duties",
            read_duty,
        )
    }

    fn put_duty(&mut self, duty: &Duty) -> Result<()> {
        let doing = "writing a duty";
        self.execute(
            "INSERT INTO duty (scope, device, state, since) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (scope, device) DO UPDATE SET state = excluded.state, since = excluded.since",
            params![
                duty.scope.as_bytes(),
                duty.device.as_bytes(),
                duty.state as u8,
                int(duty.since.get(), doing)?
            ],
            doing,
        )
        .map(drop)
    }
}
