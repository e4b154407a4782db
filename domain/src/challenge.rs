//! How a device proves that it has its key: at enrollment and whenever it asks for a token.
//!
//! Both proofs are signed as `usher/challenge/1`. What is signed differs in shape, so that neither can be
//! drawn out of a device in place of the other:
//!
//! ```text
//! at enrollment   SHA-256 of the enrollment code's token, a byte string
//! for a token     [device, nonce], a Proof
//! ```

use crate::cbor;
use crate::cose::{self, ContentType, PublicKey, SigningKey};
use crate::hash::Hash;
use crate::ids::DeviceId;
use crate::secret::Seed;
use crate::wire::Proof;

/// Bytes of the longest proof.
pub const PROOF_BYTES_MAX: usize = 512;

/// The proof does not fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the proof does not fit key and challenge")]
pub struct WrongProof;

/// Proves at enrollment that the new key is there.
#[must_use]
pub fn prove_enrollment(token: &Seed, key: &SigningKey) -> Vec<u8> {
    cose::sign(key, ContentType::CHALLENGE, &enrollment(token))
}

/// Checks what [`prove_enrollment`] made.
///
/// # Errors
/// [`WrongProof`].
pub fn check_enrollment(proof: &[u8], token: &Seed, key: &PublicKey) -> Result<(), WrongProof> {
    check(proof, &enrollment(token), key)
}

/// Answers a server's challenge.
#[must_use]
pub fn prove_device(device: DeviceId, nonce: &[u8], key: &SigningKey) -> Vec<u8> {
    cose::sign(key, ContentType::CHALLENGE, &sign_in(device, nonce))
}

/// Checks what [`prove_device`] made.
///
/// # Errors
/// [`WrongProof`].
pub fn check_device(
    proof: &[u8],
    device: DeviceId,
    nonce: &[u8],
    key: &PublicKey,
) -> Result<(), WrongProof> {
    check(proof, &sign_in(device, nonce), key)
}

fn enrollment(token: &Seed) -> Vec<u8> {
    cbor::encode(&Hash::of(&[token.reveal()]))
}

fn sign_in(device: DeviceId, nonce: &[u8]) -> Vec<u8> {
    let nonce = nonce.to_vec().into();
    cbor::encode(&Proof { device, nonce })
}

fn check(proof: &[u8], expected: &[u8], key: &PublicKey) -> Result<(), WrongProof> {
    if proof.len() > PROOF_BYTES_MAX {
        return Err(WrongProof);
    }
    let payload = cose::parse(proof)
        .map_err(|_| WrongProof)?
        .verify(key, ContentType::CHALLENGE)
        .map_err(|_| WrongProof)?;
    if payload == expected {
        Ok(())
    } else {
        Err(WrongProof)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn key(seed: u8) -> SigningKey {
        SigningKey::from_seed(&Seed::new([seed; 32]))
    }

    #[test]
    fn a_proof_fits_its_own_key_and_challenge_only() {
        let token = Seed::new([9; 32]);
        let device = DeviceId::from_bytes([1; 16]);
        let enrollment = prove_enrollment(&token, &key(1));
        let sign_in = prove_device(device, &[2; 32], &key(1));
        assert_eq!(
            check_enrollment(&enrollment, &token, &key(1).public()),
            Ok(())
        );
        assert_eq!(
            check_device(&sign_in, device, &[2; 32], &key(1).public()),
            Ok(())
        );
        for (proof, token, by) in [
            (&enrollment, &token, key(2)),
            (&enrollment, &Seed::new([8; 32]), key(1)),
            (&sign_in, &token, key(1)),
        ] {
            assert_eq!(
                check_enrollment(proof, token, &by.public()),
                Err(WrongProof)
            );
        }
        for (proof, device, nonce, by) in [
            (&sign_in, device, &[2; 32][..], key(2)),
            (&sign_in, device, &[3; 32], key(1)),
            (&sign_in, DeviceId::from_bytes([2; 16]), &[2; 32], key(1)),
            (&enrollment, device, &[2; 32], key(1)),
        ] {
            assert_eq!(
                check_device(proof, device, nonce, &by.public()),
                Err(WrongProof)
            );
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_wrong_proof(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            prop_assert_eq!(
                check_device(&bytes, DeviceId::from_bytes([1; 16]), &[2; 32], &key(1).public()),
                Err(WrongProof)
            );
        }
    }
}
