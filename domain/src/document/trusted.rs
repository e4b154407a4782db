//! Whom to believe: the keys of a verified trust document.

use super::envelope::{Document, Received, Untrusted, Verified};
use super::trust::{Delegation, Purpose, Trust};
use crate::code::{CodeKey, KeyStanding};
use crate::cose::{ContentType, KeyId, PublicKey};
use crate::hash::Hash;
use crate::ids::{DeviceId, OrganizerId};
use crate::time::UnixMillis;

impl Document for Trust {
    fn content_type(&self) -> ContentType {
        ContentType::TRUST
    }
}

/// The root key a server tells, if it is the one whose fingerprint the enrollment code pinned.
///
/// # Errors
/// [`Untrusted::OtherRoot`].
pub fn pinned_root(told: PublicKey, fingerprint: &Hash) -> Result<PublicKey, Untrusted> {
    if Hash::of(&[told.as_bytes()]) == *fingerprint {
        Ok(told)
    } else {
        Err(Untrusted::OtherRoot)
    }
}

/// Checks a trust document under the organizer's root key. `organizer` is known from enrollment on.
///
/// # Errors
/// [`Untrusted`] with the first reason found.
pub fn verify_trust(
    bytes: &[u8],
    root: &PublicKey,
    organizer: Option<OrganizerId>,
) -> Result<Verified<Trust>, Untrusted> {
    let received = Received::parse(bytes)?;
    if received.kid() != root.kid() {
        return Err(Untrusted::OtherRoot);
    }
    let trust: Verified<Trust> = received.verify(root, ContentType::TRUST)?;
    if organizer.is_some_and(|known| known != trust.value().organizer) {
        return Err(Untrusted::OtherOrganizer);
    }
    Ok(trust)
}

/// The keys that a verified trust document delegates to.
#[derive(Debug, Clone)]
pub struct TrustedKeys {
    trust: Trust,
}

impl From<&Verified<Trust>> for TrustedKeys {
    fn from(trust: &Verified<Trust>) -> Self {
        Self {
            trust: trust.value().clone(),
        }
    }
}

impl TrustedKeys {
    /// Whose keys they are.
    #[must_use]
    pub const fn organizer(&self) -> OrganizerId {
        self.trust.organizer
    }

    /// Under which device id the server writes its own log.
    #[must_use]
    pub const fn server(&self) -> DeviceId {
        self.trust.server
    }

    /// The trust document they come from.
    #[must_use]
    pub const fn trust(&self) -> &Trust {
        &self.trust
    }

    /// The key `kid`, if it may sign documents of `content_type` that are issued at `issued_at`.
    ///
    /// Whoever stole a key can write any date, so nothing counts under a revoked one, not even what
    /// claims to be older.
    ///
    /// # Errors
    /// [`Untrusted::UnknownKey`], [`Untrusted::KeyRevoked`], [`Untrusted::WrongPurpose`],
    /// [`Untrusted::KeyNotYetValid`] or [`Untrusted::KeyExpired`].
    pub fn signer(
        &self,
        kid: KeyId,
        content_type: ContentType,
        issued_at: UnixMillis,
    ) -> Result<PublicKey, Untrusted> {
        let delegations = self.delegations(kid, content_type)?;
        if let Some(delegation) = delegations
            .iter()
            .find(|d| d.not_before <= issued_at && issued_at <= d.not_after)
        {
            return Ok(delegation.key);
        }
        if delegations.iter().all(|d| issued_at < d.not_before) {
            Err(Untrusted::KeyNotYetValid { kid, issued_at })
        } else {
            Err(Untrusted::KeyExpired { kid, issued_at })
        }
    }

    /// The key `kid`, if it may sign batches of the server's own log.
    ///
    /// A batch bears no date and a log outlives the window of the key it began under, so only revocation
    /// ends it: then the server signs its log anew under the next key.
    ///
    /// # Errors
    /// [`Untrusted::UnknownKey`], [`Untrusted::KeyRevoked`] or [`Untrusted::WrongPurpose`].
    pub fn server_log_signer(&self, kid: KeyId) -> Result<PublicKey, Untrusted> {
        self.delegations(kid, ContentType::BATCH)?
            .first()
            .map(|delegation| delegation.key)
            .ok_or(Untrusted::WrongPurpose(kid))
    }

    /// The keys under which ticket codes of this organizer verify. Codes carry no date of issue, so a
    /// key's window does not limit them; revocation does.
    #[must_use]
    pub fn code_keys(&self) -> Vec<CodeKey> {
        self.trust
            .delegations
            .iter()
            .filter_map(|delegation| match &delegation.purpose {
                Purpose::Roster | Purpose::Set => None,
                Purpose::Code { accesses, types } => Some(CodeKey {
                    key: delegation.key,
                    accesses: accesses.clone(),
                    types: types.clone(),
                    standing: if self.revoked_at(delegation.key.kid()).is_some() {
                        KeyStanding::Revoked
                    } else {
                        KeyStanding::Good
                    },
                }),
            })
            .collect()
    }

    /// When the organizer revoked the key `kid`, if it did.
    #[must_use]
    pub fn revoked_at(&self, kid: KeyId) -> Option<UnixMillis> {
        self.rows(kid).filter_map(|d| d.revoked_at).min()
    }

    /// When the organizer last revoked a key, if it ever did.
    #[must_use]
    pub fn last_revocation(&self) -> Option<UnixMillis> {
        let revoked = self.trust.delegations.iter().filter_map(|d| d.revoked_at);
        revoked.max()
    }

    fn rows(&self, kid: KeyId) -> impl Iterator<Item = &Delegation> {
        self.trust
            .delegations
            .iter()
            .filter(move |d| d.key.kid() == kid)
    }

    /// All delegations of a key that is not revoked which let it sign `content_type`; never empty.
    fn delegations(
        &self,
        kid: KeyId,
        content_type: ContentType,
    ) -> Result<Vec<&Delegation>, Untrusted> {
        if self.rows(kid).next().is_none() {
            return Err(Untrusted::UnknownKey(kid));
        }
        if self.revoked_at(kid).is_some() {
            return Err(Untrusted::KeyRevoked(kid));
        }
        let fitting: Vec<_> = self
            .rows(kid)
            .filter(|d| d.purpose.covers(content_type))
            .collect();
        if fitting.is_empty() {
            return Err(Untrusted::WrongPurpose(kid));
        }
        Ok(fitting)
    }

    /// Checks a document that a delegated key signed: the date it bears counts, so the signature is
    /// checked before that date is believed.
    pub(crate) fn verify<T: Document>(
        &self,
        bytes: &[u8],
        content_type: ContentType,
        issued_at: impl FnOnce(&T) -> UnixMillis,
    ) -> Result<Verified<T>, Untrusted> {
        let received = Received::parse(bytes)?;
        let kid = received.kid();
        let named = self
            .delegations(kid, content_type)?
            .first()
            .map(|delegation| delegation.key)
            .ok_or(Untrusted::UnknownKey(kid))?;
        let document = received.verify(&named, content_type)?;
        self.signer(kid, content_type, issued_at(document.value()))?;
        Ok(document)
    }
}

impl Purpose {
    /// Whether keys of this purpose sign documents of `content_type`.
    #[must_use]
    pub fn covers(&self, content_type: ContentType) -> bool {
        match self {
            Self::Roster => [ContentType::ROSTER, ContentType::ENROLLMENT].contains(&content_type),
            Self::Set => [ContentType::SET, ContentType::DIRECTORY, ContentType::BATCH]
                .contains(&content_type),
            Self::Code { .. } => content_type == ContentType::CODE,
        }
    }
}
