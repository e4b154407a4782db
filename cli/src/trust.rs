//! The trust document as the organizer signs it, with the root key that never leaves this machine.

use crate::error::CliError;
use crate::files;
use crate::shell::{new_seed, random};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::path::Path;
use usher_domain::api::venue::{NewTrust, Organizer, OrganizerKeys, TrustHandedBack};
use usher_domain::code::Limit;
use usher_domain::cose::SigningKey;
use usher_domain::document::root_key::{Fresh, RootKeyError, RootKeyFile};
use usher_domain::document::trust::{Delegation, Purpose, Trust};
use usher_domain::document::{sign, verify_trust};
use usher_domain::secret::Private;
use usher_domain::table::Version;
use usher_domain::time::UnixMillis;

const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// Makes a root key and writes its file, encrypted; or opens the one that is there, so that a command
/// that failed half-way can be repeated.
///
/// # Errors
/// [`CliError`] if the file cannot be written or read, or the passphrase does not fit.
pub fn make_or_open_root(file: &Path, passphrase: &Private) -> Result<SigningKey, CliError> {
    if file.exists() {
        return open_root(file, passphrase);
    }
    let seed = new_seed()?;
    let fresh = Fresh {
        salt: random()?,
        nonce: random()?,
    };
    let encrypted = RootKeyFile::encrypt(&seed, passphrase, fresh)?;
    files::create_private(file, encrypted.text().as_bytes())?;
    // What was written is what counts: a key that cannot be read back is no key.
    open_root(file, passphrase)
}

/// Opens a root key's file.
///
/// # Errors
/// [`CliError`] if it is not readable, or the passphrase does not fit.
pub fn open_root(file: &Path, passphrase: &Private) -> Result<SigningKey, CliError> {
    // Encrypted or not, nobody else needs to have it to try passphrases on.
    files::take_rights_of_others(file);
    let text = std::fs::read_to_string(file).map_err(|error| {
        if error.kind() == std::io::ErrorKind::InvalidData {
            RootKeyError::NotARootKeyFile.into()
        } else {
            CliError::reading(file, error)
        }
    })?;
    Ok(RootKeyFile::parse(&text)?.decrypt(passphrase)?)
}

/// Opens the trust document in force, as the server hands it out: only the root's own word is gone on from.
///
/// # Errors
/// [`CliError::Invalid`] if the root did not sign it for this organizer.
pub fn open_document(
    held: &NewTrust,
    organizer: &Organizer,
    root: &SigningKey,
) -> Result<Trust, CliError> {
    let bytes = STANDARD
        .decode(&held.document)
        .map_err(|_| CliError::Invalid("the server's trust document is not readable".to_owned()))?;
    let verified = verify_trust(&bytes, &root.public(), Some(organizer.id))
        .map_err(|error| CliError::Invalid(format!("the server's trust document: {error}")))?;
    Ok(verified.value().clone())
}

/// Opens those of the trust documents that devices handed back which the root signed for this organizer.
#[must_use]
pub fn open_handed_back(
    handed_back: &TrustHandedBack,
    organizer: &Organizer,
    root: &SigningKey,
) -> Vec<Trust> {
    let opened = handed_back.documents.iter().filter_map(|document| {
        let document = NewTrust {
            root: root.public(),
            document: document.clone(),
        };
        open_document(&document, organizer, root).ok()
    });
    opened.collect()
}

/// How a trust document is signed.
pub struct Signing<'a> {
    /// The organizer's root key.
    pub root: &'a SigningKey,
    /// When.
    pub now: UnixMillis,
    /// How many days the server's keys are trusted from then on.
    pub days: u32,
}

impl Signing<'_> {
    /// Signs the next trust document, of an epoch of `epoch` at least, after all of `held`: the one in force and
    /// those that devices handed back. Keys that were delegated to before stay listed: what they signed stays good,
    /// or revoked. With keys that are `next`, those in use are withdrawn.
    ///
    /// The windows are open towards the past: the server made these keys for this organizer, and what they
    /// signed under an earlier document stays good.
    #[must_use]
    pub fn next_document(
        &self,
        organizer: &Organizer,
        held: &[Trust],
        next: Option<&OrganizerKeys>,
        epoch: u32,
    ) -> NewTrust {
        let until = self.now.shifted(i64::from(self.days) * DAY_MS);
        let newest = held.iter().map(|held| held.version).max();
        let newest = newest.unwrap_or_default();
        let version = Version {
            epoch: newest.epoch.max(epoch).max(1),
            number: newest.number + 1,
        };
        let withdrawn = next.map(|_| self.now);
        let mut delegations = delegated(&organizer.keys, until, withdrawn);
        delegations.extend(
            next.into_iter()
                .flat_map(|next| delegated(next, until, None)),
        );
        let mut earlier = Trust::united(held);
        for new in &mut delegations {
            let mut known = earlier.iter();
            let revoked_at = known
                .find(|old| old.key == new.key)
                .and_then(|old| old.revoked_at);
            new.revoked_at = revoked_at.or(new.revoked_at);
        }
        earlier.retain(|old| delegations.iter().all(|new| new.key != old.key));
        earlier.append(&mut delegations);
        let trust = Trust {
            organizer: organizer.id,
            version,
            issued_at: self.now,
            expires_at: until,
            server: organizer.server,
            delegations: earlier,
        };
        NewTrust {
            root: self.root.public(),
            document: STANDARD.encode(sign(&trust, self.root)),
        }
    }
}

/// Whether a key that a server signs with was revoked by any of some documents: it must have new ones.
#[must_use]
pub fn is_any_revoked(keys: &OrganizerKeys, documents: &[Trust]) -> bool {
    let revoked = documents
        .iter()
        .flat_map(|trust| &trust.delegations)
        .filter(|delegation| delegation.revoked_at.is_some());
    let own = [keys.roster, keys.set, keys.code];
    revoked
        .into_iter()
        .any(|revoked| own.contains(&revoked.key))
}

fn delegated(
    keys: &OrganizerKeys,
    until: UnixMillis,
    revoked_at: Option<UnixMillis>,
) -> Vec<Delegation> {
    let everything = Purpose::Code {
        accesses: Limit::All,
        types: Limit::All,
    };
    [
        (keys.roster, Purpose::Roster),
        (keys.set, Purpose::Set),
        (keys.code, everything),
    ]
    .into_iter()
    .map(|(key, purpose)| Delegation {
        key,
        purpose,
        not_before: UnixMillis::new(0),
        not_after: until,
        revoked_at,
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use usher_domain::code::KeyStanding;
    use usher_domain::cose::PublicKey;
    use usher_domain::document::TrustedKeys;
    use usher_domain::ids::{DeviceId, OrganizerId};
    use usher_domain::secret::Seed;

    fn key(number: u8) -> SigningKey {
        SigningKey::from_seed(&Seed::new([number; 32]))
    }

    fn organizer() -> Organizer {
        Organizer {
            id: OrganizerId::from_bytes([1; 16]),
            slug: "house".to_owned(),
            name: "House".to_owned(),
            keys: OrganizerKeys {
                roster: key(1).public(),
                set: key(2).public(),
                code: key(3).public(),
            },
            server: DeviceId::from_bytes([2; 16]),
            trust: None,
            pin_digits: Default::default(),
        }
    }

    #[test]
    fn a_first_document_verifies_under_its_root_and_names_the_servers_keys() {
        let (organizer, now) = (organizer(), UnixMillis::new(1_800_000_000_000));
        let new = signing(now, &key(9)).next_document(&organizer, &[], None, 1);
        let bytes = STANDARD.decode(&new.document).unwrap();
        let verified = verify_trust(&bytes, &new.root, Some(organizer.id)).unwrap();
        let trust = verified.value();
        assert_eq!(
            trust.version,
            Version {
                epoch: 1,
                number: 1
            }
        );
        assert_eq!(trust.expires_at.since(now), 400 * 86_400_000);
        let keys: Vec<_> = trust
            .delegations
            .iter()
            .map(|delegation| delegation.key)
            .collect();
        assert_eq!(keys, [key(1).public(), key(2).public(), key(3).public()]);
    }

    fn signing(now: UnixMillis, root: &SigningKey) -> Signing<'_> {
        Signing {
            root,
            now,
            days: 400,
        }
    }

    #[test]
    fn every_renewal_takes_the_next_version_and_keeps_what_earlier_keys_signed() {
        let (organizer, root) = (organizer(), key(9));
        let now = UnixMillis::new(1_800_000_000_000);
        let first = signing(now, &root).next_document(&organizer, &[], None, 1);
        let held = open_document(&first, &organizer, &root).unwrap();
        let next = OrganizerKeys {
            roster: key(11).public(),
            set: key(12).public(),
            code: key(13).public(),
        };
        let second = signing(now, &root).next_document(&organizer, &[held], Some(&next), 1);
        let held = open_document(&second, &organizer, &root).unwrap();
        assert_eq!(held.version.number, 2);
        let rotated = Organizer {
            keys: next,
            ..organizer
        };
        let third = signing(now, &root).next_document(&rotated, &[held], None, 1);
        let bytes = STANDARD.decode(&third.document).unwrap();
        let verified = verify_trust(&bytes, &root.public(), Some(rotated.id)).unwrap();
        assert_eq!(verified.value().version.number, 3);
        let codes = TrustedKeys::from(&verified).code_keys();
        let standings: Vec<_> = codes.iter().map(|code| (code.key, code.standing)).collect();
        assert_eq!(
            standings,
            [
                (key(3).public(), KeyStanding::Revoked),
                (key(13).public(), KeyStanding::Good)
            ]
        );
        let other = open_document(&third, &rotated, &key(8));
        assert_eq!(other.unwrap_err().code(), "invalid_value");
    }

    #[test]
    fn what_any_document_that_was_handed_back_revoked_stays_revoked_in_a_higher_epoch() {
        let (organizer, root) = (organizer(), key(9));
        let now = UnixMillis::new(1_800_000_000_000);
        let open = |document| open_document(&document, &organizer, &root).unwrap();
        let keys = |first: u8| OrganizerKeys {
            roster: key(first).public(),
            set: key(first + 1).public(),
            code: key(first + 2).public(),
        };
        // The backup knows the first document; two rotations after it are lost, the second in two ways.
        let first = open(signing(now, &root).next_document(&organizer, &[], None, 1));
        let (two, three, other) = (keys(11), keys(21), keys(31));
        let later = |ms| signing(now.shifted(ms), &root);
        let second = open(later(1_000).next_document(
            &organizer,
            std::slice::from_ref(&first),
            Some(&two),
            1,
        ));
        let rotated = |keys: &OrganizerKeys| Organizer {
            keys: keys.clone(),
            ..organizer.clone()
        };
        let held = std::slice::from_ref(&second);
        let third = open(later(2_000).next_document(&rotated(&two), held, Some(&three), 1));
        let branch = open(later(3_000).next_document(&rotated(&two), held, Some(&other), 1));
        assert_eq!(third.version, branch.version);

        let united = [first, branch, third];
        assert!(is_any_revoked(&organizer.keys, &united));
        let fresh = keys(41);
        let next = later(9_000).next_document(&organizer, &united, Some(&fresh), 2);
        let next = open(next);
        assert_eq!((next.version.epoch, next.version.number), (2, 4));
        for document in &united {
            assert!(!next.lacks(document) && !next.revives(document));
        }
        let revoked_at = |key: &PublicKey| {
            let mut all = next.delegations.iter();
            all.find(|one| one.key == *key).unwrap().revoked_at
        };
        assert_eq!(revoked_at(&organizer.keys.code), Some(now.shifted(1_000)));
        assert_eq!(revoked_at(&two.set), Some(now.shifted(2_000)));
        assert_eq!(revoked_at(&fresh.set), None);
        // Without new keys the old ones would not count either.
        let kept = open(later(9_000).next_document(&organizer, &united, None, 2));
        assert!(united.iter().all(|document| !kept.revives(document)));
    }

    #[test]
    fn a_handed_back_document_that_the_root_did_not_sign_is_passed_over() {
        let (organizer, root) = (organizer(), key(9));
        let now = UnixMillis::new(1_800_000_000_000);
        let forged = signing(now, &key(8)).next_document(&organizer, &[], None, 7);
        let true_one = signing(now, &root).next_document(&organizer, &[], None, 1);
        let handed_back = TrustHandedBack {
            epoch: 1,
            documents: vec![forged.document, true_one.document, "?".to_owned()],
        };
        let opened = open_handed_back(&handed_back, &organizer, &root);
        let versions: Vec<_> = opened.iter().map(|trust| trust.version.epoch).collect();
        assert_eq!(versions, [1]);
    }

    #[test]
    fn a_root_key_is_made_once_and_opened_ever_after() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("house.root");
        let passphrase = Private::new("correct horse battery");
        let made = make_or_open_root(&file, &passphrase).unwrap().public();
        assert_eq!(
            make_or_open_root(&file, &passphrase).unwrap().public(),
            made
        );
        let wrong = open_root(&file, &Private::new("another passphrase")).unwrap_err();
        assert_eq!(wrong.code(), "root_key");
    }
}
