//! The trust document as the organizer signs it, with the root key that never leaves this machine.

use crate::error::CliError;
use crate::files;
use crate::shell::{new_seed, random};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::path::Path;
use usher_domain::api::venue::{NewTrust, Organizer};
use usher_domain::code::Limit;
use usher_domain::cose::SigningKey;
use usher_domain::document::root_key::{Fresh, RootKeyError, RootKeyFile};
use usher_domain::document::sign;
use usher_domain::document::trust::{Delegation, Purpose, Trust};
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
    let text = std::fs::read_to_string(file).map_err(|error| {
        if error.kind() == std::io::ErrorKind::InvalidData {
            RootKeyError::NotARootKeyFile.into()
        } else {
            CliError::reading(file, error)
        }
    })?;
    Ok(RootKeyFile::parse(&text)?.decrypt(passphrase)?)
}

/// Signs the next trust document: the server's keys are trusted for `days` from `now`.
///
/// The windows are open towards the past: the server made these keys for this organizer, and what they
/// signed under an earlier document stays good.
#[must_use]
pub fn next_document(
    organizer: &Organizer,
    root: &SigningKey,
    now: UnixMillis,
    days: u32,
) -> NewTrust {
    let until = now.shifted(i64::from(days) * DAY_MS);
    let version = match &organizer.trust {
        Some(held) => Version {
            epoch: held.epoch,
            number: held.number + 1,
        },
        None => Version {
            epoch: 1,
            number: 1,
        },
    };
    let everything = Purpose::Code {
        accesses: Limit::All,
        types: Limit::All,
    };
    let delegate = |key, purpose| Delegation {
        key,
        purpose,
        not_before: UnixMillis::new(0),
        not_after: until,
        revoked_at: None,
    };
    let trust = Trust {
        organizer: organizer.id,
        version,
        issued_at: now,
        expires_at: until,
        server: organizer.server,
        delegations: vec![
            delegate(organizer.keys.roster, Purpose::Roster),
            delegate(organizer.keys.set, Purpose::Set),
            delegate(organizer.keys.code, everything),
        ],
    };
    NewTrust {
        root: root.public(),
        document: STANDARD.encode(sign(&trust, root)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use usher_domain::api::venue::{OrganizerKeys, TrustStatus};
    use usher_domain::document::verify_trust;
    use usher_domain::ids::{DeviceId, OrganizerId};
    use usher_domain::secret::Seed;

    fn key(number: u8) -> SigningKey {
        SigningKey::from_seed(&Seed::new([number; 32]))
    }

    fn organizer(trust: Option<TrustStatus>) -> Organizer {
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
            trust,
        }
    }

    #[test]
    fn a_first_document_verifies_under_its_root_and_names_the_servers_keys() {
        let (organizer, now) = (organizer(None), UnixMillis::new(1_800_000_000_000));
        let new = next_document(&organizer, &key(9), now, 400);
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

    #[test]
    fn every_renewal_takes_the_next_version() {
        let held = TrustStatus {
            epoch: 3,
            number: 7,
            expires_at: jiff::Timestamp::UNIX_EPOCH,
            root: String::new(),
        };
        let new = next_document(&organizer(Some(held)), &key(9), UnixMillis::new(1), 1);
        let bytes = STANDARD.decode(&new.document).unwrap();
        let verified = verify_trust(&bytes, &new.root, None).unwrap();
        assert_eq!(
            verified.value().version,
            Version {
                epoch: 3,
                number: 8
            }
        );
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
