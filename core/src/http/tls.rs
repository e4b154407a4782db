//! TLS to a server that is known by its key alone.

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, Error, SignatureScheme};
use std::sync::Arc;
use usher_domain::hash::Hash;
use usher_domain::problem::{Code, Problem};
use webpki::EndEntityCert;

/// TLS 1.2 and 1.3 to the server whose certificate holds the key of this fingerprint: SHA-256 of its
/// SubjectPublicKeyInfo.
///
/// # Errors
/// `internal` if no TLS can be set up.
pub fn pinned(pin: Hash) -> Result<ClientConfig, Problem> {
    config(Some(pin))
}

/// TLS to nobody: for connections that never speak it.
pub(super) fn refusing() -> Result<ClientConfig, Problem> {
    config(None)
}

fn config(pin: Option<Hash>) -> Result<ClientConfig, Problem> {
    let provider = Arc::new(ring::default_provider());
    let verifier = Arc::new(PinnedKey {
        pin,
        provider: Arc::clone(&provider),
    });
    Ok(ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|_| Problem::new(Code::Internal, "no TLS can be set up"))?
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth())
}

/// Takes a certificate for its key: that the server holds the key is proved by the handshake's
/// signature, which is checked as always.
#[derive(Debug)]
struct PinnedKey {
    pin: Option<Hash>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for PinnedKey {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let certificate =
            EndEntityCert::try_from(end_entity).map_err(|_| CertificateError::BadEncoding)?;
        let key = Hash::of(&[&certificate.subject_public_key_info()]);
        if self.pin == Some(key) {
            Ok(ServerCertVerified::assertion())
        } else {
            Err(CertificateError::ApplicationVerificationFailure.into())
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, cert, dss, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, cert, dss, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}

/// Whether a failed connection failed because the server is another one.
#[must_use]
pub fn is_distrust(error: &(dyn std::error::Error + 'static)) -> bool {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(Error::InvalidCertificate(_)) = error.downcast_ref::<Error>() {
            return true;
        }
        // An io::Error is itself what it carries: its `source` would be the source of that.
        next = match error.downcast_ref::<std::io::Error>() {
            Some(carrier) => carrier.get_ref().map(|inner| inner as _),
            None => error.source(),
        };
    }
    false
}
