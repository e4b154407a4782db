//! The server's certificate: made at the beginning, read at every start.
//!
//! Devices know the server by the SHA-256 of its certificate's SubjectPublicKeyInfo (RFC 7469, section
//! 2.4, of which only the pin is taken), which the enrollment code carries; so a self-signed certificate
//! is as good as any, and may be renewed as long as the key stays.

use rcgen::{CertificateParams, DnType, ExtendedKeyUsagePurpose, KeyPair, KeyUsagePurpose};
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use usher_domain::hash::Hash;
use zeroize::Zeroizing;

/// Why there is no certificate.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A name cannot stand in a certificate.
    #[error("a certificate cannot be made for these names: {0}")]
    Names(rcgen::Error),
    /// A file is missing or not readable as PEM.
    #[error("{}: {detail}", file.display())]
    File {
        /// Which file.
        file: PathBuf,
        /// What is wrong.
        detail: String,
    },
    /// Certificate and key do not belong together, or are of a kind that is not served.
    #[error("certificate and key cannot be used: {0}")]
    Unusable(rustls::Error),
    /// The certificate is not one.
    #[error("the certificate is not readable: {0}")]
    Certificate(webpki::Error),
}

/// A new self-signed certificate.
pub struct NewCertificate {
    /// The certificate as PEM.
    pub certificate: String,
    /// Its private key as PEM.
    pub key: Zeroizing<String>,
}

/// Makes a key (P-256) and a certificate signed by itself, for `names`, `localhost` and the loopback
/// addresses.
///
/// # Errors
/// [`TlsError::Names`] if a name is neither a host name nor an address.
pub fn make(names: &[String]) -> Result<NewCertificate, TlsError> {
    let mut all = names.to_vec();
    for always in ["localhost", "127.0.0.1", "::1"] {
        if !all.iter().any(|name| name == always) {
            all.push(always.to_owned());
        }
    }
    let mut params = CertificateParams::new(all).map_err(TlsError::Names)?;
    params
        .distinguished_name
        .push(DnType::CommonName, "Usher server");
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let key = KeyPair::generate().map_err(TlsError::Names)?;
    let certificate = params.self_signed(&key).map_err(TlsError::Names)?;
    Ok(NewCertificate {
        certificate: certificate.pem(),
        key: Zeroizing::new(key.serialize_pem()),
    })
}

/// A certificate ready to serve with.
#[derive(Clone)]
pub struct Identity {
    /// For the acceptor.
    pub config: Arc<ServerConfig>,
    /// SHA-256 of the certificate's SubjectPublicKeyInfo.
    pub spki: Hash,
}

impl Identity {
    /// Reads certificate and key.
    ///
    /// # Errors
    /// [`TlsError`] if a file is missing, unreadable or does not fit the other.
    pub fn load(certificate: &Path, key: &Path) -> Result<Self, TlsError> {
        let fault = |file: &Path| {
            let file = file.to_owned();
            move |error: rustls::pki_types::pem::Error| TlsError::File {
                file,
                detail: error.to_string(),
            }
        };
        let chain = CertificateDer::pem_file_iter(certificate)
            .and_then(Iterator::collect::<Result<Vec<_>, _>>)
            .map_err(fault(certificate))?;
        let Some(leaf) = chain.first() else {
            return Err(TlsError::File {
                file: certificate.to_owned(),
                detail: "holds no certificate".into(),
            });
        };
        let spki = spki(leaf)?;
        let key = PrivateKeyDer::from_pem_file(key).map_err(fault(key))?;
        let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, key))
            .map_err(TlsError::Unusable)?;
        // One protocol less to attack: devices and the organizer's tool ask one thing at a time.
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self {
            config: Arc::new(config),
            spki,
        })
    }
}

/// SHA-256 of a certificate's SubjectPublicKeyInfo.
///
/// # Errors
/// [`TlsError::Certificate`] if it is not readable.
pub fn spki(certificate: &CertificateDer<'_>) -> Result<Hash, TlsError> {
    let parsed = webpki::EndEntityCert::try_from(certificate).map_err(TlsError::Certificate)?;
    Ok(Hash::of(&[parsed.subject_public_key_info().as_ref()]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(made: &NewCertificate) -> (tempfile::TempDir, PathBuf, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let certificate = folder.path().join("certificate.pem");
        let key = folder.path().join("key.pem");
        std::fs::write(&certificate, &made.certificate).unwrap();
        std::fs::write(&key, made.key.as_bytes()).unwrap();
        (folder, certificate, key)
    }

    #[test]
    fn a_certificate_that_was_made_can_be_served() {
        let made = make(&["tickets.example".into(), "10.0.0.7".into()]).unwrap();
        let (_folder, certificate, key) = write(&made);
        let one = Identity::load(&certificate, &key).unwrap();
        let again = Identity::load(&certificate, &key).unwrap();
        assert_eq!(one.spki, again.spki);
    }

    #[test]
    fn a_key_of_another_certificate_is_refused() {
        let (_one, certificate, _) = write(&make(&[]).unwrap());
        let (_other, _, key) = write(&make(&[]).unwrap());
        assert!(matches!(
            Identity::load(&certificate, &key),
            Err(TlsError::Unusable(_))
        ));
    }

    #[test]
    fn a_missing_or_empty_file_is_named() {
        let (_folder, certificate, key) = write(&make(&[]).unwrap());
        std::fs::remove_file(&key).unwrap();
        let Err(error) = Identity::load(&certificate, &key) else {
            panic!("loaded without a key");
        };
        assert!(error.to_string().contains("key.pem"), "{error}");
        std::fs::write(&certificate, "nothing").unwrap();
        assert!(matches!(
            Identity::load(&certificate, &key),
            Err(TlsError::File { .. })
        ));
    }

    #[test]
    fn a_name_that_is_none_is_refused() {
        assert!(matches!(make(&["täglich".into()]), Err(TlsError::Names(_))));
    }
}
