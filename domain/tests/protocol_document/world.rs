//! The fixed keys and ids of all examples.

use usher_domain::cose::SigningKey;
use usher_domain::ids::{
    AttemptId, DeviceId, EventId, GateId, LogId, OrganizerId, ScopeId, SessionId, StaffId,
    TicketId, ZoneId,
};
use usher_domain::record::LogRef;
use usher_domain::secret::Seed;
use usher_domain::table::Version;
use usher_domain::time::UnixMillis;

/// Examples of one kind of format, each with its name.
pub(crate) type Examples = Vec<(&'static str, String)>;

pub(crate) const ORGANIZER: OrganizerId = OrganizerId::from_bytes([0x01; 16]);
pub(crate) const EVENT: EventId = EventId::from_bytes([0x02; 16]);
pub(crate) const SESSION: SessionId = SessionId::from_bytes([0x03; 16]);
pub(crate) const SCOPE: ScopeId = ScopeId::from_bytes([0x04; 16]);
pub(crate) const ZONE: ZoneId = ZoneId::from_bytes([0x05; 16]);
pub(crate) const GATE: GateId = GateId::from_bytes([0x06; 16]);
pub(crate) const DEVICE: DeviceId = DeviceId::from_bytes([0x07; 16]);
pub(crate) const SERVER: DeviceId = DeviceId::from_bytes([0x08; 16]);
pub(crate) const STAFF: StaffId = StaffId::from_bytes([0x09; 16]);
pub(crate) const TICKET: TicketId = TicketId::from_bytes([0x0a; 16]);
pub(crate) const ATTEMPT: AttemptId = AttemptId::from_bytes([0x0b; 16]);
pub(crate) const ATTEMPT_2: AttemptId = AttemptId::from_bytes([0x0c; 16]);
pub(crate) const LOG: LogRef = LogRef {
    device: DEVICE,
    log: LogId::from_bytes([0x0d; 16]),
};
pub(crate) const SERVER_LOG: LogRef = LogRef {
    device: SERVER,
    log: LogId::from_bytes([0x0e; 16]),
};
pub(crate) const VERSION: Version = Version {
    epoch: 0,
    number: 7,
};
/// 2027-01-15T08:00:00Z.
pub(crate) const NOW: UnixMillis = UnixMillis::new(1_800_000_000_000);
pub(crate) const HOUR_MS: i64 = 3_600_000;

fn key(seed: u8) -> SigningKey {
    SigningKey::from_seed(&Seed::new([seed; 32]))
}

pub(crate) fn root() -> SigningKey {
    key(1)
}

pub(crate) fn roster_key() -> SigningKey {
    key(2)
}

pub(crate) fn set_key() -> SigningKey {
    key(3)
}

pub(crate) fn code_key() -> SigningKey {
    key(4)
}

pub(crate) fn device_key() -> SigningKey {
    key(5)
}

pub(crate) fn pretix_key() -> SigningKey {
    key(7)
}

/// The secret in the enrollment code.
pub(crate) const TOKEN: Seed = Seed::new([0x0f; 32]);

/// The seed of the supervisor's badge.
pub(crate) const BADGE: Seed = Seed::new([6; 32]);
