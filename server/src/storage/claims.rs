//! Reservations of granted claims, and which devices are on duty.

use super::Result;
use usher_domain::ids::{AttemptId, DeviceId, GateId, ScopeId, SessionId, ZoneId};
use usher_domain::record::{Direction, Subject};
use usher_domain::time::UnixMillis;

/// An admission that was granted and whose record has not come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reservation {
    /// The attempt that it was granted to.
    pub attempt: AttemptId,
    /// The scope.
    pub scope: ScopeId,
    /// Whom it was granted for, as it was shown: a link made since may give a medium to a ticket.
    pub subject: Subject,
    /// Who asked.
    pub device: DeviceId,
    /// Where that device stood.
    pub gate: Option<GateId>,
    /// In or out.
    pub direction: Direction,
    /// The session.
    pub session: SessionId,
    /// The zone that the gate leads to.
    pub zone: Option<ZoneId>,
    /// When it was granted.
    pub at: UnixMillis,
    /// The encoded answer: asking again gets the same.
    pub answer: Vec<u8>,
}

/// Whether a device may admit in a scope without asking.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DutyState {
    /// It may: it holds a ticket set of the scope, or may have begun to.
    OnDuty = 1,
    /// It signed off, with all its records handed in.
    SignedOff = 2,
    /// A supervisor took it off duty; its records may be missing.
    StoodDown = 3,
    /// It was revoked: what it records from then on waits for a person.
    Revoked = 4,
}

/// A device's duty in a scope.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Duty {
    /// The scope.
    pub scope: ScopeId,
    /// The device.
    pub device: DeviceId,
    /// How it stands.
    pub state: DutyState,
    /// Since when. Of one that was stood down: up to when its log is known; zero if it is not.
    pub since: UnixMillis,
}

/// Reservations and duties.
pub trait Claims {
    /// The open reservation of a device's attempt.
    ///
    /// # Errors
    /// [`super::StorageError`].
    fn reservation(&self, device: DeviceId, attempt: AttemptId) -> Result<Option<Reservation>>;

    /// Open reservations that were granted for a subject.
    ///
    /// # Errors
    /// [`super::StorageError`].
    fn reservations_about(&self, scope: ScopeId, subject: &Subject) -> Result<Vec<Reservation>>;

    /// Open reservations that a device holds, by scope and subject, `limit` at most.
    ///
    /// # Errors
    /// [`super::StorageError`].
    fn reservations_of(&self, device: DeviceId, limit: u32) -> Result<Vec<Reservation>>;

    /// Open reservations of all devices, the oldest first, `limit` at most.
    ///
    /// # Errors
    /// [`super::StorageError`].
    fn open_reservations(&self, limit: u32) -> Result<Vec<Reservation>>;

    /// How many open reservations a device holds.
    ///
    /// # Errors
    /// [`super::StorageError`].
    fn count_reservations_of(&self, device: DeviceId) -> Result<u64>;

    /// Open reservations of entries to a zone of a session.
    ///
    /// # Errors
    /// [`super::StorageError`].
    fn reserved_entries(&self, session: SessionId, zone: ZoneId) -> Result<u32>;

    /// All open reservations.
    ///
    /// # Errors
    /// [`super::StorageError`].
    fn count_reservations(&self) -> Result<u64>;

    /// Stores a reservation.
    ///
    /// # Errors
    /// [`super::StorageError::Taken`] if the device's attempt has one.
    fn put_reservation(&mut self, reservation: &Reservation) -> Result<()>;

    /// Ends the reservation of a device's attempt. Says whether there was one.
    ///
    /// # Errors
    /// [`super::StorageError`].
    fn end_reservation(&mut self, device: DeviceId, attempt: AttemptId) -> Result<bool>;

    /// Duties in a scope, by device.
    ///
    /// # Errors
    /// [`super::StorageError`].
    fn duties_in(&self, scope: ScopeId) -> Result<Vec<Duty>>;

    /// Duties of a device, by scope.
    ///
    /// # Errors
    /// [`super::StorageError`].
    fn duties_of(&self, device: DeviceId) -> Result<Vec<Duty>>;

    /// Creates or replaces a duty.
    ///
    /// # Errors
    /// [`super::StorageError`].
    fn put_duty(&mut self, duty: &Duty) -> Result<()>;
}
