//! SHA-256 digests (FIPS 180-4).

use sha2::{Digest as _, Sha256};
use std::fmt;

crate::bytes::bytes_type!(
    /// A SHA-256 digest.
    #[derive(Default)]
    Hash(32)
);

impl Hash {
    /// What stands before the first record of a log.
    pub const ZERO: Self = Self([0; 32]);

    /// SHA-256 of all `parts`, one after the other.
    #[must_use]
    pub fn of(parts: &[&[u8]]) -> Self {
        let mut hasher = Sha256::new();
        for part in parts {
            hasher.update(part);
        }
        Self(hasher.finalize().into())
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// Why a text is not a digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a digest has 64 hexadecimal digits")]
pub struct InvalidHash;

impl std::str::FromStr for Hash {
    type Err = InvalidHash;

    fn from_str(text: &str) -> Result<Self, InvalidHash> {
        crate::keys::read_hex(text)
            .map(Self)
            .map_err(|_| InvalidHash)
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Hash({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_reads_back_from_its_text() {
        let hash = Hash::of(&[b"abc"]);
        assert_eq!(hash.to_string().parse(), Ok(hash));
        for text in ["", "ba78", &"g".repeat(64)] {
            assert_eq!(text.parse::<Hash>(), Err(InvalidHash), "{text}");
        }
    }
}
