//! Secrets of the server: random bytes, and the signing keys of its organizers.
//!
//! Seeds lie in the database file, which only its owner may read: one file to back up, and a restored
//! backup signs on with the keys that devices know. The organizer's root key is never here.

use crate::storage::{Space, StorageError, Transaction};
use usher_domain::cose::SigningKey;
use usher_domain::ids::OrganizerId;
use usher_domain::secret::Seed;
use usher_domain::time::UnixMillis;
use zeroize::Zeroizing;

/// Why there is no key or no secret.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The system has no random bytes.
    #[error("the system gives no random bytes")]
    NoRandomness,
    /// The organizer has no key for this.
    #[error("the organizer has no such key")]
    Missing,
    /// Storage failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

/// What a key of the server signs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyUse {
    /// The roster and enrollments.
    Roster = 0,
    /// Ticket sets, directories and the server's own log.
    Set = 1,
    /// Ticket codes.
    Code = 2,
}

impl KeyUse {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Roster, Self::Set, Self::Code];

    fn name(self, organizer: OrganizerId) -> [u8; 17] {
        let mut name = [self as u8; 17];
        name.iter_mut()
            .zip(organizer.as_bytes())
            .for_each(|(to, from)| *to = *from);
        name
    }
}

/// Makes the key that follows the one in use, in the place of one that waits already: that one may stand in
/// a backup which somebody stole. It signs nothing before [`promote`].
///
/// # Errors
/// [`KeyError`].
pub fn make_next(
    txn: &mut dyn Transaction,
    organizer: OrganizerId,
    key_use: KeyUse,
    now: UnixMillis,
) -> Result<SigningKey, KeyError> {
    let seed = Seed::new(random()?);
    let name = next_name(organizer, key_use);
    txn.put_value(Space::Seed, &name, seed.reveal(), now)?;
    Ok(SigningKey::from_seed(&seed))
}

/// The key that waits to follow the one in use.
///
/// # Errors
/// [`KeyError`].
pub fn load_next(
    txn: &dyn Transaction,
    organizer: OrganizerId,
    key_use: KeyUse,
) -> Result<Option<SigningKey>, KeyError> {
    let waiting = next(txn, organizer, key_use)?;
    Ok(waiting.map(|seed| SigningKey::from_seed(&seed)))
}

/// Puts the waiting key into use. The one before is gone then: nothing can be signed with it any more.
///
/// # Errors
/// [`KeyError::Missing`] if none waits.
pub fn promote(
    txn: &mut dyn Transaction,
    organizer: OrganizerId,
    key_use: KeyUse,
    now: UnixMillis,
) -> Result<(), KeyError> {
    let waiting = next(txn, organizer, key_use)?.ok_or(KeyError::Missing)?;
    txn.put_value(Space::Seed, &key_use.name(organizer), waiting.reveal(), now)?;
    txn.put_value(Space::Seed, &next_name(organizer, key_use), &[], now)?;
    Ok(())
}

fn next_name(organizer: OrganizerId, key_use: KeyUse) -> Vec<u8> {
    [key_use.name(organizer).as_slice(), b"next"].concat()
}

fn next(
    txn: &dyn Transaction,
    organizer: OrganizerId,
    key_use: KeyUse,
) -> Result<Option<Seed>, KeyError> {
    let bytes = txn
        .value(Space::Seed, &next_name(organizer, key_use))?
        .map(Zeroizing::new);
    Ok(bytes
        .and_then(|bytes| <[u8; 32]>::try_from(bytes.as_slice()).ok())
        .map(Seed::new))
}

/// Random bytes of the operating system.
///
/// # Errors
/// [`KeyError::NoRandomness`].
pub fn random<const N: usize>() -> Result<[u8; N], KeyError> {
    let mut bytes = [0; N];
    #[cfg(feature = "simulation")]
    if simulated::fill(&mut bytes) {
        return Ok(bytes);
    }
    getrandom::fill(&mut bytes).map_err(|_| KeyError::NoRandomness)?;
    Ok(bytes)
}

/// Makes and stores a key.
///
/// # Errors
/// [`KeyError`].
pub fn make(
    txn: &mut dyn Transaction,
    organizer: OrganizerId,
    key_use: KeyUse,
    now: UnixMillis,
) -> Result<SigningKey, KeyError> {
    let seed = Seed::new(random()?);
    txn.put_value(Space::Seed, &key_use.name(organizer), seed.reveal(), now)?;
    Ok(SigningKey::from_seed(&seed))
}

/// A stored key.
///
/// # Errors
/// [`KeyError`].
pub fn load(
    txn: &dyn Transaction,
    organizer: OrganizerId,
    key_use: KeyUse,
) -> Result<SigningKey, KeyError> {
    let bytes = txn
        .value(Space::Seed, &key_use.name(organizer))?
        .map(Zeroizing::new)
        .ok_or(KeyError::Missing)?;
    let seed = <[u8; 32]>::try_from(bytes.as_slice()).map_err(|_| KeyError::Missing)?;
    Ok(SigningKey::from_seed(&Seed::new(seed)))
}

/// A secret that all nodes over this database share, made at its first use.
///
/// # Errors
/// [`KeyError`].
pub fn shared(txn: &mut dyn Transaction, name: &[u8], now: UnixMillis) -> Result<Seed, KeyError> {
    if let Some(bytes) = txn.value(Space::Server, name)?.map(Zeroizing::new) {
        let bytes = <[u8; 32]>::try_from(bytes.as_slice()).map_err(|_| KeyError::Missing)?;
        return Ok(Seed::new(bytes));
    }
    renew_shared(txn, name, now)
}

/// A new secret in the place of the one that all nodes shared: what the old one authenticated counts no more.
///
/// # Errors
/// [`KeyError`].
pub fn renew_shared(
    txn: &mut dyn Transaction,
    name: &[u8],
    now: UnixMillis,
) -> Result<Seed, KeyError> {
    let seed = Seed::new(random()?);
    txn.put_value(Space::Server, name, seed.reveal(), now)?;
    Ok(seed)
}

/// Chance that a simulation repeats. No program that serves anybody is built with it.
#[cfg(feature = "simulation")]
pub mod simulated {
    use std::cell::RefCell;

    /// Fills bytes.
    pub type Source = Box<dyn FnMut(&mut [u8])>;

    thread_local! {
        static SOURCE: RefCell<Option<Source>> = const { RefCell::new(None) };
    }

    /// Lets this thread draw its random bytes from `source`, or from the system again.
    pub fn draw_from(source: Option<Source>) {
        SOURCE.set(source);
    }

    pub(super) fn fill(bytes: &mut [u8]) -> bool {
        SOURCE.with_borrow_mut(|source| source.as_mut().map(|fill| fill(bytes)).is_some())
    }
}
