//! The file that keeps an organizer's root key, encrypted under a passphrase.
//!
//! ```text
//! -----BEGIN USHER ROOT KEY-----
//! base64, 64 characters a line, of CBOR [1, salt (16), nonce (12), public key (32), sealed (48)]
//! -----END USHER ROOT KEY-----
//!
//! key    = Argon2id(passphrase, salt), RFC 9106, version 0x13, 64 MiB, 3 passes, 1 lane, 32 bytes
//! sealed = AES-256-GCM-SIV (RFC 8452) of the 32-byte seed, AAD = the public key
//! ```
//!
//! The public key stands in the open, so that the right file is found without its passphrase. The file
//! is text, so that it survives printing and pasting.

use super::badge::{KeyDerivationFailed, derive_key};
use crate::cbor;
use crate::cose::{PublicKey, SigningKey};
use crate::secret::{Private, Seed};
use aes_gcm_siv::aead::{Aead as _, KeyInit as _, Payload};
use aes_gcm_siv::{Aes256GcmSiv, Nonce};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use minicbor::bytes::ByteArray;
use minicbor::{Decode, Encode};
use zeroize::Zeroizing;

const BEGIN: &str = "-----BEGIN USHER ROOT KEY-----";
const END: &str = "-----END USHER ROOT KEY-----";
const FORMAT: u8 = 1;
const LINE_CHARS: usize = 64;
/// Bytes of the longest file read.
pub const FILE_BYTES_MAX: usize = 4096;
/// Characters a passphrase has at least.
pub const PASSPHRASE_CHARS_MIN: usize = 12;

/// The content of a root key's file.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct RootKeyFile {
    #[n(0)]
    format: u8,
    #[n(1)]
    salt: ByteArray<16>,
    #[n(2)]
    nonce: ByteArray<12>,
    #[n(3)]
    public: PublicKey,
    #[n(4)]
    sealed: ByteArray<48>,
}

/// Random bytes for one encryption; never used twice.
#[derive(Debug, Clone, Copy)]
pub struct Fresh {
    /// Salt of Argon2id.
    pub salt: [u8; 16],
    /// Nonce of the cipher.
    pub nonce: [u8; 12],
}

/// Why a file gives no root key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RootKeyError {
    /// Not the file of a root key, or damaged.
    #[error("not the file of a root key, or damaged")]
    NotARootKeyFile,
    /// Written by a newer program.
    #[error("a root key file of another version")]
    OtherVersion,
    /// The passphrase is not the one it was encrypted with.
    #[error("the passphrase is wrong")]
    WrongPassphrase,
    /// The passphrase is too short to protect anything.
    #[error("a passphrase has at least {PASSPHRASE_CHARS_MIN} characters")]
    WeakPassphrase,
    /// The key could not be made.
    #[error(transparent)]
    Failed(#[from] KeyDerivationFailed),
}

impl RootKeyFile {
    /// Encrypts the root key that grows from `seed`.
    ///
    /// # Errors
    /// [`RootKeyError::WeakPassphrase`] or [`RootKeyError::Failed`].
    pub fn encrypt(seed: &Seed, passphrase: &Private, fresh: Fresh) -> Result<Self, RootKeyError> {
        if passphrase.reveal().chars().count() < PASSPHRASE_CHARS_MIN {
            return Err(RootKeyError::WeakPassphrase);
        }
        let public = SigningKey::from_seed(seed).public();
        let sealed = cipher(passphrase, &fresh.salt)?
            .encrypt(&Nonce::from(fresh.nonce), bound_to(&public, seed.reveal()))
            .ok()
            .and_then(|sealed| <[u8; 48]>::try_from(sealed).ok())
            .ok_or(KeyDerivationFailed)?;
        Ok(Self {
            format: FORMAT,
            salt: fresh.salt.into(),
            nonce: fresh.nonce.into(),
            public,
            sealed: sealed.into(),
        })
    }

    /// The root key's public half, which the file tells without its passphrase.
    #[must_use]
    pub const fn public(&self) -> PublicKey {
        self.public
    }

    /// Decrypts the root key.
    ///
    /// # Errors
    /// [`RootKeyError::WrongPassphrase`], [`RootKeyError::NotARootKeyFile`] if the public key in the file
    /// is not the one of the secret key, or [`RootKeyError::Failed`].
    pub fn decrypt(&self, passphrase: &Private) -> Result<SigningKey, RootKeyError> {
        let seed = cipher(passphrase, self.salt.as_slice())?
            .decrypt(
                &Nonce::from(*self.nonce),
                bound_to(&self.public, self.sealed.as_slice()),
            )
            .map(Zeroizing::new)
            .map_err(|_| RootKeyError::WrongPassphrase)?;
        let seed =
            <[u8; 32]>::try_from(seed.as_slice()).map_err(|_| RootKeyError::NotARootKeyFile)?;
        let key = SigningKey::from_seed(&Seed::new(seed));
        if key.public() == self.public {
            Ok(key)
        } else {
            Err(RootKeyError::NotARootKeyFile)
        }
    }

    /// The text of the file.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = format!("{BEGIN}\n");
        for (at, c) in STANDARD.encode(cbor::encode(self)).chars().enumerate() {
            if at > 0 && at % LINE_CHARS == 0 {
                text.push('\n');
            }
            text.push(c);
        }
        text.push('\n');
        text.push_str(END);
        text.push('\n');
        text
    }

    /// Reads the text of a file; how its lines are broken does not matter.
    ///
    /// # Errors
    /// [`RootKeyError::NotARootKeyFile`] or [`RootKeyError::OtherVersion`].
    pub fn parse(text: &str) -> Result<Self, RootKeyError> {
        if text.len() > FILE_BYTES_MAX {
            return Err(RootKeyError::NotARootKeyFile);
        }
        let body = text
            .trim()
            .strip_prefix(BEGIN)
            .and_then(|rest| rest.strip_suffix(END))
            .ok_or(RootKeyError::NotARootKeyFile)?;
        let body: String = body.split_whitespace().collect();
        let bytes = STANDARD
            .decode(body)
            .map_err(|_| RootKeyError::NotARootKeyFile)?;
        let [_, version, ..] = bytes.as_slice() else {
            return Err(RootKeyError::NotARootKeyFile);
        };
        if *version != FORMAT {
            return Err(RootKeyError::OtherVersion);
        }
        cbor::decode_deterministic(&bytes).map_err(|_| RootKeyError::NotARootKeyFile)
    }
}

fn cipher(passphrase: &Private, salt: &[u8]) -> Result<Aes256GcmSiv, RootKeyError> {
    let key = derive_key(passphrase.reveal().as_bytes(), salt)?;
    Ok(Aes256GcmSiv::new_from_slice(key.as_slice()).map_err(|_| KeyDerivationFailed)?)
}

fn bound_to<'a>(public: &'a PublicKey, msg: &'a [u8]) -> Payload<'a, 'a> {
    Payload {
        msg,
        aad: public.as_bytes(),
    }
}

#[cfg(test)]
mod tests;
