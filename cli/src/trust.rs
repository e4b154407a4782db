//! The trust document as the organizer signs it, with the root key that never leaves this machine.

use crate::error::CliError;
use crate::files;
use crate::shell::{new_seed, random};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::path::Path;
use usher_domain::api::venue::{NewTrust, Organizer, OrganizerKeys};
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
    /// Signs the next trust document. Keys that were delegated to before stay listed as they are: what they
    /// signed stays good, or revoked. With keys that are `next`, those in use are withdrawn.
    ///
    /// The windows are open towards the past: the server made these keys for this organizer, and what they
    /// signed under an earlier document stays good.
    #[must_use]
    pub fn next_document(
        &self,
        organizer: &Organizer,
        held: Option<&Trust>,
        next: Option<&OrganizerKeys>,
    ) -> NewTrust {
        let until = self.now.shifted(i64::from(self.days) * DAY_MS);
        let version = match held {
            Some(held) => Version {
                epoch: held.version.epoch,
                number: held.version.number + 1,
            },
            None => Version {
                epoch: 1,
                number: 1,
            },
        };
        let withdrawn = next.map(|_| self.now);
        let mut delegations = delegated(&organizer.keys, until, withdrawn);
        delegations.extend(
            next.into_iter()
                .flat_map(|next| delegated(next, until, None)),
        );
        let mut earlier: Vec<Delegation> = held
            .into_iter()
            .flat_map(|held| held.delegations.iter().cloned())
            .filter(|old| delegations.iter().all(|new| new.key != old.key))
            .collect();
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
        let new = signing(now, &key(9)).next_document(&organizer, None, None);
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
        let first = signing(now, &root).next_document(&organizer, None, None);
        let held = open_document(&first, &organizer, &root).unwrap();
        let next = OrganizerKeys {
            roster: key(11).public(),
            set: key(12).public(),
            code: key(13).public(),
        };
        let second = signing(now, &root).next_document(&organizer, Some(&held), Some(&next));
        let held = open_document(&second, &organizer, &root).unwrap();
        assert_eq!(held.version.number, 2);
        let rotated = Organizer {
            keys: next,
            ..organizer
        };
        let third = signing(now, &root).next_document(&rotated, Some(&held), None);
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
