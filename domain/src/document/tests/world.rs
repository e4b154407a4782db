//! An organizer with its keys, as the cases know it. All of it is fixed, so that files never change by
//! themselves.

use crate::code::Limit;
use crate::cose::{PublicKey, SigningKey};
use crate::document::enrollment::Enrollment;
use crate::document::trust::{Delegation, Purpose, Trust};
use crate::document::{Document, Held, Versioned, sign};
use crate::hash::Hash;
use crate::ids::{DeviceId, EventId, OrganizerId, ScopeId, SessionId};
use crate::rules::Rules;
use crate::secret::Seed;
use crate::session::{SessionSummary, SessionTerms};
use crate::table::rows::DeviceRole;
use crate::table::{Digests, Manifest, TableId, Version};
use crate::time::UnixMillis;

pub(crate) const DAY_MS: i64 = 24 * 60 * 60 * 1000;
pub(crate) const NOW: UnixMillis = UnixMillis::new(1_800_000_000_000);
pub(crate) const ORGANIZER: OrganizerId = OrganizerId::from_bytes([1; 16]);
pub(crate) const SESSION: SessionId = SessionId::from_bytes([2; 16]);
pub(crate) const SERVER: DeviceId = DeviceId::from_bytes([3; 16]);
pub(crate) const DEVICE: DeviceId = DeviceId::from_bytes([4; 16]);

pub(crate) fn key(seed: u8) -> SigningKey {
    SigningKey::from_seed(&Seed::new([seed; 32]))
}

pub(crate) fn root() -> SigningKey {
    key(1)
}

pub(crate) fn set_key() -> SigningKey {
    key(2)
}

pub(crate) fn roster_key() -> SigningKey {
    key(3)
}

pub(crate) fn code_key() -> SigningKey {
    key(4)
}

/// The key that follows after the set key.
pub(crate) fn next_set_key() -> SigningKey {
    key(5)
}

/// A key that nobody trusts.
pub(crate) fn stranger() -> SigningKey {
    key(9)
}

pub(crate) fn device_key() -> SigningKey {
    key(7)
}

pub(crate) const fn version(epoch: u32, number: u64) -> Version {
    Version { epoch, number }
}

/// A delegation from 30 days ago to in 30 days.
pub(crate) fn delegation(key: PublicKey, purpose: Purpose) -> Delegation {
    Delegation {
        key,
        purpose,
        not_before: NOW.shifted(-30 * DAY_MS),
        not_after: NOW.shifted(30 * DAY_MS),
        revoked_at: None,
    }
}

pub(crate) fn trust() -> Trust {
    Trust {
        organizer: ORGANIZER,
        version: version(0, 3),
        issued_at: NOW.shifted(-DAY_MS),
        expires_at: NOW.shifted(90 * DAY_MS),
        server: SERVER,
        delegations: vec![
            delegation(roster_key().public(), Purpose::Roster),
            delegation(set_key().public(), Purpose::Set),
            delegation(
                code_key().public(),
                Purpose::Code {
                    accesses: Limit::All,
                    types: Limit::All,
                },
            ),
        ],
    }
}

/// The same trust document after the set key was revoked and the next one took over.
pub(crate) fn trust_after_revocation() -> Trust {
    let mut trust = trust();
    trust.version.number += 1;
    trust.delegations[1].revoked_at = Some(NOW);
    trust
        .delegations
        .push(delegation(next_set_key().public(), Purpose::Set));
    trust
}

pub(crate) fn terms() -> SessionTerms {
    let event = EventId::from_bytes([5; 16]);
    SessionTerms {
        organizer: ORGANIZER,
        event,
        event_name: "Winter Gala".to_owned(),
        session: SessionSummary {
            id: SESSION,
            name: "Evening".to_owned(),
            doors: NOW,
            starts: NOW,
            ends: NOW.shifted(DAY_MS / 4),
            accepts: Vec::new(),
            event,
        },
        scope: ScopeId::from_bytes([6; 16]),
        time_zone: "Europe/Berlin".to_owned(),
        rules: Rules::default(),
        types: Vec::new(),
        zones: Vec::new(),
        gates: Vec::new(),
        others: Vec::new(),
        pretix: None,
        channels: Vec::new(),
        counts: Vec::new(),
        authority: None,
        notices: None,
        slugs: None,
    }
}

pub(crate) fn manifest(table: TableId) -> Manifest {
    Manifest {
        table,
        version: version(0, 7),
        rows: 0,
        digest: Digests::empty().table_digest(),
        issued_at: NOW.shifted(-DAY_MS / 24),
        expires_at: NOW.shifted(7 * DAY_MS),
        terms: matches!(table, TableId::Set(_)).then(terms),
    }
}

pub(crate) fn set() -> Manifest {
    manifest(TableId::Set(SESSION))
}

pub(crate) fn enrollment() -> Enrollment {
    Enrollment {
        organizer: ORGANIZER,
        device: DEVICE,
        key: device_key().public(),
        name: "north 1".to_owned(),
        role: DeviceRole::Gate,
        gate: None,
        issued_at: NOW,
    }
}

/// What a store remembers of `document` under `key`.
pub(crate) fn held<T: Document + Versioned>(document: &T, key: &SigningKey) -> Held {
    Held {
        version: document.version(),
        hash: Hash::of(&[&sign(document, key)]),
        signer: key.kid(),
    }
}
