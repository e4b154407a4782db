//! Taking documents in: after the signature the version, then the expiry, then the store.

use super::envelope::{Document, Untrusted, Verified};
use super::trust::Trust;
use super::trusted::{TrustedKeys, verify_trust};
use crate::cose::{KeyId, PublicKey};
use crate::hash::Hash;
use crate::ids::OrganizerId;
use crate::table::{Manifest, TableId, Version, verify_manifest};
use crate::time::{ClockTrust, UnixMillis};

/// A document of which there is one newest: it has a version and an expiry.
pub trait Versioned: Document {
    /// Its version; every signing takes a new one.
    fn version(&self) -> Version;
    /// When it was signed.
    fn issued_at(&self) -> UnixMillis;
    /// From when a new device refuses it and a holder shows amber.
    fn expires_at(&self) -> UnixMillis;
}

impl Versioned for Trust {
    fn version(&self) -> Version {
        self.version
    }

    fn issued_at(&self) -> UnixMillis {
        self.issued_at
    }

    fn expires_at(&self) -> UnixMillis {
        self.expires_at
    }
}

impl Versioned for Manifest {
    fn version(&self) -> Version {
        self.version
    }

    fn issued_at(&self) -> UnixMillis {
        self.issued_at
    }

    fn expires_at(&self) -> UnixMillis {
        self.expires_at
    }
}

/// What a store remembers of the highest version it ever accepted of a document, beside the document and
/// in the same transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Held {
    /// The version.
    pub version: Version,
    /// SHA-256 of the signed bytes.
    pub hash: Hash,
    /// The key that signed it.
    pub signer: KeyId,
}

/// The highest number a version can have; a signer counts one by one and never comes near.
pub const VERSION_NUMBER_MAX: u64 = (1 << 53) - 1;
/// How far an epoch may rise at once: it counts restored backups.
pub const EPOCH_STEP_MAX: u32 = 1_000;

/// A document that passed every step; the only thing a store takes in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accepted<T>(Verified<T>);

impl<T> Accepted<T> {
    /// The verified document.
    #[must_use]
    pub const fn document(&self) -> &Verified<T> {
        &self.0
    }

    /// What it says.
    #[must_use]
    pub const fn value(&self) -> &T {
        self.0.value()
    }
}

impl<T: Versioned> Accepted<T> {
    /// What to remember of it.
    #[must_use]
    pub fn held(&self) -> Held {
        Held {
            version: self.value().version(),
            hash: self.0.hash(),
            signer: self.0.signer(),
        }
    }
}

/// A document that may be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Acceptance<T> {
    /// To be stored in place of the one held.
    New(Accepted<T>),
    /// The very one that is held.
    Same(Accepted<T>),
}

impl<T> Acceptance<T> {
    /// The document, new or not.
    #[must_use]
    pub fn into_accepted(self) -> Accepted<T> {
        match self {
            Self::New(accepted) | Self::Same(accepted) => accepted,
        }
    }
}

/// Why a document is not taken in. What is held stays as it is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Rejected {
    /// It is not what it claims to be.
    #[error(transparent)]
    Untrusted(#[from] Untrusted),
    /// Older than what was accepted before.
    #[error("version {offered} is older than version {held}, which is held")]
    Rollback {
        /// Its version.
        offered: Version,
        /// The highest version ever accepted.
        held: Version,
    },
    /// Two documents of one version: somebody signed twice. An incident.
    #[error("another document of version {0} was accepted before")]
    SameVersionOtherBytes(Version),
    /// Its version leaps so far that hardly any could follow it.
    #[error("version {0} is beyond what counting reaches")]
    FastForward(Version),
    /// The version held does not count, for its key was revoked; this one is older than the revocation.
    #[error("issued at {issued_at}, before the key of what is held was revoked at {revoked_at}")]
    BeforeRevocation {
        /// When it was issued.
        issued_at: UnixMillis,
        /// When the key was revoked.
        revoked_at: UnixMillis,
    },
    /// It had expired before it was first seen.
    #[error("expired at {at}")]
    Expired {
        /// When.
        at: UnixMillis,
    },
}

impl Rejected {
    /// Stable code for logs, incidents and answers.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Untrusted(untrusted) => untrusted.code(),
            Self::Rollback { .. } => "rollback",
            Self::SameVersionOtherBytes(_) => "same_version_other_bytes",
            Self::FastForward(_) => "fast_forward",
            Self::BeforeRevocation { .. } => "issued_before_revocation",
            Self::Expired { .. } => "expired",
        }
    }
}

/// Takes the steps after the signature.
///
/// Versions compare as pairs, epoch first. A version may not leap out of reach, so that a mistake or a
/// stolen key cannot shut out every later document:
///
/// * the number ends at [`VERSION_NUMBER_MAX`]; a new epoch starts below it again;
/// * an epoch rises by at most [`EPOCH_STEP_MAX`] at once;
/// * what a stolen key signed binds nobody once the key is revoked: see [`accept_manifest`].
///
/// Expiry refuses new documents only, and only where the clock is proved: an unproved one may be years
/// off, and a gate goes on with what it holds.
///
/// # Errors
/// [`Rejected`] with the first reason found.
pub fn accept<T: Versioned>(
    verified: Verified<T>,
    held: Option<Held>,
    now: UnixMillis,
    clock: ClockTrust,
) -> Result<Acceptance<T>, Rejected> {
    let offered = verified.value().version();
    if offered.number > VERSION_NUMBER_MAX {
        return Err(Rejected::FastForward(offered));
    }
    if let Some(held) = held {
        if offered < held.version && !crate::mutated!(AcceptOldVersion) {
            return Err(Rejected::Rollback {
                offered,
                held: held.version,
            });
        }
        if offered == held.version && !crate::mutated!(AcceptOldVersion) {
            return if verified.hash() == held.hash {
                Ok(Acceptance::Same(Accepted(verified)))
            } else {
                Err(Rejected::SameVersionOtherBytes(offered))
            };
        }
        if offered.epoch > held.version.epoch.saturating_add(EPOCH_STEP_MAX) {
            return Err(Rejected::FastForward(offered));
        }
    }
    match (clock, Age::of(verified.value().expires_at(), now)) {
        (ClockTrust::Proved, Age::Expired { at }) => Err(Rejected::Expired { at }),
        (ClockTrust::Proved, Age::Fresh) | (ClockTrust::Unproved, _) => {
            Ok(Acceptance::New(Accepted(verified)))
        }
    }
}

/// Takes in a trust document: every step, in order.
///
/// # Errors
/// [`Rejected`] with the first reason found.
pub fn accept_trust(
    bytes: &[u8],
    root: &PublicKey,
    organizer: Option<OrganizerId>,
    held: Option<Held>,
    now: UnixMillis,
    clock: ClockTrust,
) -> Result<Acceptance<Trust>, Rejected> {
    accept(verify_trust(bytes, root, organizer)?, held, now, clock)
}

/// Takes in the manifest of `table`: every step, in order.
///
/// A version that is held does not count if its key was revoked since, for a thief may have signed the
/// highest there is. (The Update Framework forgets versions at a rotation of keys for the same reason.)
/// In its place counts the date of the revocation, so that no older document of a good key comes back.
///
/// # Errors
/// [`Rejected`] with the first reason found.
pub fn accept_manifest(
    bytes: &[u8],
    table: TableId,
    keys: &TrustedKeys,
    held: Option<Held>,
    now: UnixMillis,
    clock: ClockTrust,
) -> Result<Acceptance<Manifest>, Rejected> {
    let manifest = verify_manifest(bytes, keys, table)?;
    let floor = match held.map(|held| (held, keys.revoked_at(held.signer))) {
        None => None,
        Some((held, None)) => Some(held),
        Some((_, Some(revoked_at))) => {
            let issued_at = manifest.value().issued_at;
            if issued_at < revoked_at {
                return Err(Rejected::BeforeRevocation {
                    issued_at,
                    revoked_at,
                });
            }
            None
        }
    };
    accept(manifest, floor, now, clock)
}

/// Whether a document that is held is still fresh. An expired one never stops a gate: it turns amber.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Age {
    /// It is.
    Fresh,
    /// It is not, since then.
    Expired {
        /// When it expired.
        at: UnixMillis,
    },
}

impl Age {
    /// The age at `now` of a document that expires at `expires_at`: from that moment on it is expired.
    #[must_use]
    pub fn of(expires_at: UnixMillis, now: UnixMillis) -> Self {
        if now < expires_at {
            Self::Fresh
        } else {
            Self::Expired { at: expires_at }
        }
    }
}
