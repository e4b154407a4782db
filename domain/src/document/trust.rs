//! The trust document: which keys the organizer's root lets do what, and for how long. Small, signed by
//! the root (`usher/trust/1`).

use crate::code::Limit;
use crate::cose::PublicKey;
use crate::ids::{DeviceId, OrganizerId};
use crate::numbers::{AccessNumber, TypeNumber};
use crate::table::Version;
use crate::time::UnixMillis;
use minicbor::{Decode, Encode};

/// What an organizer's root key says.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Trust {
    /// The organizer.
    #[n(0)]
    pub organizer: OrganizerId,
    /// Every signing takes a new version.
    #[n(1)]
    pub version: Version,
    /// When it was signed.
    #[n(2)]
    pub issued_at: UnixMillis,
    /// From when a new device refuses it and a holder shows amber.
    #[n(3)]
    pub expires_at: UnixMillis,
    /// Under which device id the server writes its own log; that log is signed by a set key.
    #[n(4)]
    pub server: DeviceId,
    /// Keys and what they may sign.
    #[n(5)]
    pub delegations: Vec<Delegation>,
}

impl Trust {
    /// Whether another document says of keys what this one does not: it delegates to one that this does not
    /// know, or revokes one that counts here.
    #[must_use]
    pub fn lacks(&self, other: &Self) -> bool {
        other.delegations.iter().any(|theirs| {
            let mut ours = self.delegations.iter();
            let own = ours.find(|own| own.key == theirs.key);
            own.is_none_or(|own| theirs.revoked_at.is_some() && own.revoked_at.is_none())
        })
    }

    /// Whether a key counts by this document that another one revoked.
    #[must_use]
    pub fn revives(&self, other: &Self) -> bool {
        let revoked = other
            .delegations
            .iter()
            .filter(|one| one.revoked_at.is_some());
        revoked.into_iter().any(|revoked| {
            let mut own = self.delegations.iter();
            own.any(|own| own.key == revoked.key && own.revoked_at.is_none())
        })
    }

    /// All that documents say of keys: of what one key may do the newest, and that it was revoked whoever says so,
    /// at the earliest time said.
    #[must_use]
    pub fn united(documents: &[Self]) -> Vec<Delegation> {
        let mut newest_first: Vec<&Self> = documents.iter().collect();
        newest_first.sort_by_key(|trust| std::cmp::Reverse(trust.version));
        let mut united: Vec<Delegation> = Vec::new();
        for one in newest_first
            .into_iter()
            .flat_map(|trust| &trust.delegations)
        {
            match united.iter_mut().find(|known| known.key == one.key) {
                Some(known) => {
                    let said = [known.revoked_at, one.revoked_at];
                    known.revoked_at = said.into_iter().flatten().min();
                }
                None => united.push(one.clone()),
            }
        }
        united
    }
}

/// One key and what it may sign.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Delegation {
    /// The key.
    #[n(0)]
    pub key: PublicKey,
    /// What it may sign.
    #[n(1)]
    pub purpose: Purpose,
    /// Documents issued before this are not its.
    #[n(2)]
    pub not_before: UnixMillis,
    /// Documents issued after this are not its.
    #[n(3)]
    pub not_after: UnixMillis,
    /// When it was revoked: nothing it signs counts any more, and codes only if the set lists them.
    #[n(4)]
    pub revoked_at: Option<UnixMillis>,
}

/// What a key may sign.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(flat)]
pub enum Purpose {
    /// The roster and enrollment documents.
    #[n(0)]
    Roster,
    /// Manifests of ticket sets and directories, and the server's own log.
    #[n(1)]
    Set,
    /// Ticket codes.
    #[n(2)]
    Code {
        /// Access numbers it may put into a code.
        #[n(0)]
        accesses: Limit<AccessNumber>,
        /// Types it may put into a code.
        #[n(1)]
        types: Limit<TypeNumber>,
    },
}
