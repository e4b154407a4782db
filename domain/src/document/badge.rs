//! Staff badges, and the key that supervisors make of badge and PIN.
//!
//! ```text
//! badge text   = "USHB1:" ‖ base45(seed ‖ check)
//! seed         = 32 random bytes; the badge's key is the Ed25519 key that grows from it
//! check        = first 4 bytes of SHA-256("usher/badge/1" ‖ seed)
//! override key = Ed25519(Argon2id(PIN, salt = seed)), RFC 9106, version 0x13,
//!                64 MiB, 3 passes, 1 lane, 32 bytes
//! ```
//!
//! There is no other verifier of a PIN than that the key it makes is the one in the roster.

use crate::code::base45;
use crate::cose::SigningKey;
use crate::hash::Hash;
use crate::memo;
use crate::secret::{Private, Seed};
use crate::table::rows::StaffEntry;
use argon2::{Algorithm, Argon2, Params, Version};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use zeroize::Zeroizing;

/// What the text of a badge begins with.
pub const PREFIX: &str = "USHB1:";
const CHECK_BYTES: usize = 4;
/// Characters of a badge's text: 36 bytes in base45 after the prefix.
pub const CHARS: usize = PREFIX.len() + (32 + CHECK_BYTES) / 2 * 3;

/// Memory of Argon2id in KiB: what a phone can spare for a moment. RFC 9106, section 4, second choice.
pub(super) const ARGON2_MEMORY_KIB: u32 = 64 * 1024;
/// Passes of Argon2id: with that memory about half a second on a phone.
pub(super) const ARGON2_PASSES: u32 = 3;
/// One lane: wasm has no threads.
pub(super) const ARGON2_LANES: u32 = 1;

/// Digits a PIN has at least. Whoever has badge and roster tries all of six digits in some sixty hours of a
/// processor's core, or ten minutes of a graphics card: [`PinLength`] asks for more of new ones.
pub const PIN_DIGITS_MIN: usize = 6;
/// Digits a PIN has at most.
pub const PIN_DIGITS_MAX: usize = 12;

/// How many digits a new PIN has at least, by the organizer's rule: 6 to 12, and 8 where nothing else was
/// said, which cost more than 1,000 hours of a processor's core to try. A PIN that was chosen before the
/// rule stays good, for nobody knows how long it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "u8", into = "u8")]
pub struct PinLength(u8);

impl PinLength {
    /// The number of digits.
    #[must_use]
    pub const fn get(self) -> u8 {
        self.0
    }
}

impl Default for PinLength {
    fn default() -> Self {
        Self(8)
    }
}

impl From<PinLength> for u8 {
    fn from(length: PinLength) -> Self {
        length.0
    }
}

impl TryFrom<u8> for PinLength {
    type Error = InvalidPin;

    fn try_from(digits: u8) -> Result<Self, InvalidPin> {
        if (PIN_DIGITS_MIN..=PIN_DIGITS_MAX).contains(&usize::from(digits)) {
            Ok(Self(digits))
        } else {
            Err(InvalidPin)
        }
    }
}

/// The secret of a staff badge. Forgotten as soon as its keys are made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Badge(Seed);

/// Why a text is not a badge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidBadge {
    /// It does not begin as one.
    #[error("not a staff badge: it does not begin with {PREFIX}")]
    Prefix,
    /// Damaged: characters are missing, added or changed.
    #[error("the badge is damaged or incomplete")]
    Damaged,
}

impl Badge {
    /// The badge of 32 random bytes.
    #[must_use]
    pub const fn new(seed: Seed) -> Self {
        Self(seed)
    }

    /// Reads the text of a badge; white space around it is left out.
    ///
    /// # Errors
    /// [`InvalidBadge`] for everything but what [`Badge::text`] writes.
    pub fn parse(text: &str) -> Result<Self, InvalidBadge> {
        let text = text.trim();
        let body = text.strip_prefix(PREFIX).ok_or(InvalidBadge::Prefix)?;
        if text.len() != CHARS {
            return Err(InvalidBadge::Damaged);
        }
        let bytes = Zeroizing::new(base45::decode(body).map_err(|_| InvalidBadge::Damaged)?);
        let (seed, sum) = bytes
            .split_first_chunk::<32>()
            .ok_or(InvalidBadge::Damaged)?;
        let seed = Seed::new(*seed);
        if *sum == check(&seed) {
            Ok(Self(seed))
        } else {
            Err(InvalidBadge::Damaged)
        }
    }

    /// The text that the badge's QR code holds. Whoever has it can sign in.
    #[must_use]
    pub fn text(&self) -> Private {
        let mut bytes = Zeroizing::new(self.0.reveal().to_vec());
        bytes.extend_from_slice(&check(&self.0));
        Private::new(format!("{PREFIX}{}", base45::encode(&bytes)))
    }

    /// The key that signs in.
    #[must_use]
    pub fn key(&self) -> SigningKey {
        SigningKey::from_seed(&self.0)
    }

    /// The key that signs overrides. Slow by intent: it is what keeps a found badge from being a
    /// supervisor.
    ///
    /// # Errors
    /// [`KeyDerivationFailed`] if there is not enough memory.
    pub fn override_key(&self, pin: &Pin) -> Result<SigningKey, KeyDerivationFailed> {
        let pin = pin.0.reveal().as_bytes();
        let seed = memo::recall("override key", &[self.0.reveal(), pin], || {
            derive_key(pin, self.0.reveal())
        })?;
        Ok(SigningKey::from_seed(&Seed::new(*seed)))
    }

    /// The key that signs overrides, if the PIN makes the one that the roster lists for this person.
    ///
    /// # Errors
    /// [`OverrideKeyError`].
    pub fn unlock(&self, pin: &Pin, staff: &StaffEntry) -> Result<SigningKey, OverrideKeyError> {
        let listed = staff
            .override_key
            .filter(|_| staff.role.may_override())
            .ok_or(OverrideKeyError::MayNotOverride)?;
        let key = self.override_key(pin)?;
        if key.public() == listed {
            Ok(key)
        } else {
            Err(OverrideKeyError::WrongPin)
        }
    }
}

fn check(seed: &Seed) -> [u8; CHECK_BYTES] {
    let digest = Hash::of(&[b"usher/badge/1", seed.reveal()]);
    let [a, b, c, d, ..] = *digest.as_bytes();
    [a, b, c, d]
}

/// A supervisor's PIN.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pin(Private);

/// Why a text is not a PIN.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a PIN has {PIN_DIGITS_MIN} to {PIN_DIGITS_MAX} digits")]
pub struct InvalidPin;

impl Pin {
    /// Takes a PIN in.
    ///
    /// # Errors
    /// [`InvalidPin`] unless it has 6 to 12 digits.
    pub fn new(text: &str) -> Result<Self, InvalidPin> {
        let fits = (PIN_DIGITS_MIN..=PIN_DIGITS_MAX).contains(&text.len());
        if fits && text.bytes().all(|c| c.is_ascii_digit()) {
            Ok(Self(Private::new(text)))
        } else {
            Err(InvalidPin)
        }
    }

    /// Takes a new PIN in. Shorter ones than the rule asks for are refused, and so are those that people try
    /// first: the pauses at a gate leave a thief few tries, and these would be among them.
    ///
    /// # Errors
    /// [`UnfitPin`].
    pub fn choose(text: &str, least: PinLength) -> Result<Self, UnfitPin> {
        let is_number = text.bytes().all(|c| c.is_ascii_digit());
        if is_number && text.len() < usize::from(least.get()) {
            return Err(UnfitPin::TooShort(least.get()));
        }
        let pin = Self::new(text)?;
        if is_guessable(text.as_bytes()) {
            return Err(UnfitPin::Guessable);
        }
        Ok(pin)
    }
}

/// Why a text is not taken as a new PIN.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UnfitPin {
    /// It is no PIN.
    #[error(transparent)]
    Invalid(#[from] InvalidPin),
    /// It has fewer digits than the organizer's rule asks for.
    #[error(
        "a new PIN has at least {0} digits here: usher organizer change --pin-digits sets how many"
    )]
    TooShort(u8),
    /// It is among those that are tried first.
    #[error("a PIN like 123456, 111111, 121212 or 471147 is guessed first: choose another")]
    Guessable,
}

/// Whether digits are all but two of a kind, go up or down in equal steps, or begin again after four at
/// most.
fn is_guessable(digits: &[u8]) -> bool {
    let kinds: BTreeSet<_> = digits.iter().collect();
    let steps = || digits.iter().zip(digits.iter().skip(1));
    let mut sizes = steps().map(|(one, next)| (10 + next - one) % 10);
    let first = sizes.next();
    let is_even = sizes.all(|size| Some(size) == first);
    let begins_again = |after: usize| {
        digits
            .iter()
            .zip(digits.iter().skip(after))
            .all(|(one, next)| one == next)
    };
    kinds.len() <= 2 || is_even || (1..=4).any(begins_again)
}

/// Argon2id could not run: there is not enough memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not enough memory to make the key")]
pub struct KeyDerivationFailed;

/// Why a PIN gives no override key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OverrideKeyError {
    /// The member of staff may not override.
    #[error("this member of staff may not override")]
    MayNotOverride,
    /// The PIN makes another key than the one in the roster.
    #[error("the PIN is wrong")]
    WrongPin,
    /// The key could not be made.
    #[error(transparent)]
    Failed(#[from] KeyDerivationFailed),
}

/// Argon2id of a secret that people remember.
pub(super) fn derive_key(
    secret: &[u8],
    salt: &[u8],
) -> Result<Zeroizing<[u8; 32]>, KeyDerivationFailed> {
    let params = Params::new(ARGON2_MEMORY_KIB, ARGON2_PASSES, ARGON2_LANES, Some(32))
        .map_err(|_| KeyDerivationFailed)?;
    let mut key = Zeroizing::new([0; 32]);
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into(secret, salt, key.as_mut_slice())
        .map_err(|_| KeyDerivationFailed)?;
    Ok(key)
}

#[cfg(test)]
mod tests;
