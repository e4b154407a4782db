//! The event's public keys: each is base64 of a PEM block, which is base64 of a `SubjectPublicKeyInfo`.

use super::super::ImportError;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::VerifyingKey;

/// An Ed25519 `SubjectPublicKeyInfo` is these twelve bytes and the key (RFC 8410, section 4).
const PREFIX: [u8; 12] = [
    0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00,
];

/// Reads all keys; a key that is left out would make genuine tickets look forged, so each must be one.
pub(super) fn read(keys: &[String]) -> Result<Vec<[u8; 32]>, ImportError> {
    keys.iter()
        .zip(1..)
        .map(|(key, index)| public_key(key).ok_or(ImportError::BadKey { index }))
        .collect()
}

fn public_key(text: &str) -> Option<[u8; 32]> {
    let pem = STANDARD.decode(text.trim()).ok()?;
    let body: String = std::str::from_utf8(&pem)
        .ok()?
        .trim()
        .strip_prefix("-----BEGIN PUBLIC KEY-----")?
        .strip_suffix("-----END PUBLIC KEY-----")?
        .split_ascii_whitespace()
        .collect();
    let info = STANDARD.decode(body).ok()?;
    let key = info.strip_prefix(&PREFIX)?.try_into().ok()?;
    VerifyingKey::from_bytes(&key).is_ok().then_some(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pem_of(info: &[u8]) -> String {
        let body = STANDARD.encode(info);
        STANDARD.encode(format!(
            "-----BEGIN PUBLIC KEY-----\n{body}\n-----END PUBLIC KEY-----\n"
        ))
    }

    #[test]
    fn a_public_key_is_read_and_anything_else_is_an_error() {
        let key = ed25519_dalek::SigningKey::from_bytes(&[7; 32])
            .verifying_key()
            .to_bytes();
        let good = pem_of(&[&PREFIX[..], &key].concat());
        assert_eq!(read(std::slice::from_ref(&good)), Ok(vec![key]));
        for bad in [
            pem_of(&[&PREFIX[..], &key, &[0]].concat()),
            pem_of(&key),
            "no base64".to_owned(),
            String::new(),
        ] {
            assert_eq!(
                read(&[good.clone(), bad]),
                Err(ImportError::BadKey { index: 2 })
            );
        }
    }
}
