//! TLS 1.2 and 1.3 over rustls.

use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::{Duration, UNIX_EPOCH};

use openssl::pkey::Id;
use rustls::client::ResolvesClientCert;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName, UnixTime};
use rustls::sign::CertifiedKey;
use rustls::{
    CertificateError, ClientConfig, ClientConnection, DigitallySignedStruct, Error, SignatureScheme,
    SupportedProtocolVersion, version,
};

use super::Identity;
use super::key_log::KeyLogFile;
use crate::cli::TlsVersion;
use crate::error::ClientError;
use crate::trust::{Policy, Refusal};

/// Where a refusal is left, since the library's own error has no room for it.
pub(super) type Verdict = Arc<Mutex<Option<Refusal>>>;

/// Makes a connection object for `host`.
pub(super) fn connection(
    versions: (TlsVersion, TlsVersion),
    host: &str,
    policy: &Arc<Policy>,
    identity: Option<&Identity>,
    key_log: Option<&Arc<KeyLogFile>>,
    verdict: &Verdict,
) -> Result<ClientConnection, ClientError> {
    let setup = |error: &dyn fmt::Display| ClientError::TlsSetup(error.to_string());
    let provider = Arc::new(aws_lc_rs::default_provider());
    let wanted: Vec<&'static SupportedProtocolVersion> =
        [(TlsVersion::V1_2, &version::TLS12), (TlsVersion::V1_3, &version::TLS13)]
            .into_iter()
            .filter(|(version, _)| (versions.0..=versions.1).contains(version))
            .map(|(_, version)| version)
            .collect();
    let verifier = Verifier {
        policy: policy.clone(),
        host: host.to_owned(),
        verdict: verdict.clone(),
        provider: provider.clone(),
    };
    let builder = ClientConfig::builder_with_provider(provider.clone())
        .with_protocol_versions(&wanted)
        .map_err(|error| setup(&error))?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier));
    let mut config = match identity {
        None => builder.with_no_client_auth(),
        Some(identity) => {
            builder.with_client_cert_resolver(Arc::new(Resolver::new(identity, &provider).map_err(|e| setup(&e))?))
        }
    };
    if let Some(key_log) = key_log {
        config.key_log = key_log.clone();
    }
    let name = ServerName::try_from(host.to_owned()).map_err(|error| setup(&error))?;
    ClientConnection::new(Arc::new(config), name).map_err(|error| setup(&error))
}

struct Verifier {
    policy: Arc<Policy>,
    host: String,
    verdict: Verdict,
    provider: Arc<CryptoProvider>,
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Verifier({})", self.host)
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _name: &ServerName<'_>,
        _ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let chain: Vec<&[u8]> = std::iter::once(leaf.as_ref())
            .chain(intermediates.iter().map(|certificate| certificate.as_ref()))
            .collect();
        let now = UNIX_EPOCH + Duration::from_secs(now.as_secs());
        self.policy.check(&chain, &self.host, now).map(|()| ServerCertVerified::assertion()).map_err(|refusal| {
            let error = alert(&refusal);
            if let Ok(mut verdict) = self.verdict.lock() {
                *verdict = Some(refusal);
            }
            Error::InvalidCertificate(error)
        })
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, cert, signed, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, signed, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

/// The error from which the library makes the alert for the gateway.
fn alert(refusal: &Refusal) -> CertificateError {
    use crate::trust::Defect;
    match refusal.defect {
        Defect::Expired => CertificateError::Expired,
        Defect::NotYetValid => CertificateError::NotValidYet,
        Defect::WrongName => CertificateError::NotValidForName,
        Defect::UnknownAuthority | Defect::MissingIntermediate | Defect::SelfSigned => CertificateError::UnknownIssuer,
        Defect::Revoked => CertificateError::Revoked,
        Defect::RevocationUnknown => CertificateError::UnknownRevocationStatus,
        Defect::WrongExtendedKeyUsage | Defect::WrongKeyUsage => CertificateError::InvalidPurpose,
        Defect::WeakKey | Defect::WeakSignature | Defect::WrongPin => CertificateError::ApplicationVerificationFailure,
        Defect::Unreadable => CertificateError::BadEncoding,
    }
}

struct Resolver {
    identity: Identity,
    key: Arc<CertifiedKey>,
}

impl Resolver {
    fn new(identity: &Identity, provider: &CryptoProvider) -> Result<Self, String> {
        let failed = |error: &dyn fmt::Display| format!("use the client certificate: {error}");
        if !matches!(identity.key.id(), Id::RSA | Id::EC | Id::ED25519) {
            return Err(failed(&"its kind of key is not known to rustls; use --tls-backend openssl"));
        }
        let der = identity.key.private_key_to_pkcs8().map_err(|error| failed(&error))?;
        let key = provider
            .key_provider
            .load_private_key(PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(der)))
            .map_err(|error| failed(&error))?;
        let chain = identity
            .chain
            .iter()
            .map(|certificate| certificate.to_der().map(CertificateDer::from))
            .collect::<Result<Vec<_>, _>>()
            .map_err(|error| failed(&error))?;
        Ok(Self { identity: identity.clone(), key: Arc::new(CertifiedKey::new(chain, key)) })
    }
}

impl fmt::Debug for Resolver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Resolver")
    }
}

impl ResolvesClientCert for Resolver {
    fn resolve(&self, authorities: &[&[u8]], schemes: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        let fits = self.identity.matches(authorities) && self.key.key.choose_scheme(schemes).is_some();
        fits.then(|| self.key.clone())
    }

    fn has_certs(&self) -> bool {
        true
    }
}
