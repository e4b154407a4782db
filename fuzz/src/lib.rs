//! What the targets share: one organizer with fixed keys, so that a target can sign what the fuzzer
//! made up and reach what stands behind the signature check.

use usher_domain::code::Limit;
use usher_domain::cose::{PublicKey, SigningKey};
use usher_domain::document::trust::{Delegation, Purpose, Trust};
use usher_domain::document::{TrustedKeys, sign, verify_trust};
use usher_domain::ids::{DeviceId, OrganizerId, SessionId};
use usher_domain::secret::Seed;
use usher_domain::table::Version;
use usher_domain::time::UnixMillis;

/// The organizer.
pub const ORGANIZER: OrganizerId = OrganizerId::from_bytes([1; 16]);
/// The session of its sets and directories.
pub const SESSION: SessionId = SessionId::from_bytes([2; 16]);
/// A time within the window of every key.
pub const NOW: UnixMillis = UnixMillis::new(1_800_000_000_000);

/// The key of this number.
#[must_use]
pub fn key(number: u8) -> SigningKey {
    SigningKey::from_seed(&Seed::new([number; 32]))
}

/// The root key.
#[must_use]
pub fn root() -> SigningKey {
    key(1)
}

/// Signs rosters and enrollments.
#[must_use]
pub fn roster_key() -> SigningKey {
    key(2)
}

/// Signs sets, directories and the server's log.
#[must_use]
pub fn set_key() -> SigningKey {
    key(3)
}

/// Signs ticket codes.
#[must_use]
pub fn code_key() -> SigningKey {
    key(4)
}

/// A device's key.
#[must_use]
pub fn device_key() -> PublicKey {
    key(5).public()
}

/// The keys as a device knows them.
///
/// # Panics
/// If the trust document made here does not verify, which would be a finding of its own.
#[must_use]
pub fn keys() -> TrustedKeys {
    let delegation = |key: SigningKey, purpose| Delegation {
        key: key.public(),
        purpose,
        not_before: UnixMillis::new(0),
        not_after: UnixMillis::new(u64::MAX),
        revoked_at: None,
    };
    let trust = Trust {
        organizer: ORGANIZER,
        version: Version {
            epoch: 0,
            number: 1,
        },
        issued_at: NOW,
        expires_at: UnixMillis::new(u64::MAX),
        server: DeviceId::from_bytes([9; 16]),
        delegations: vec![
            delegation(roster_key(), Purpose::Roster),
            delegation(set_key(), Purpose::Set),
            delegation(
                code_key(),
                Purpose::Code {
                    accesses: Limit::All,
                    types: Limit::All,
                },
            ),
        ],
    };
    let bytes = sign(&trust, &root());
    let verified =
        verify_trust(&bytes, &root().public(), Some(ORGANIZER)).expect("a good document");
    TrustedKeys::from(&verified)
}
