//! The authorities that are trusted, and what they revoked.

use std::path::{Path, PathBuf};

use openssl::ssl::SslFiletype;
use openssl::x509::store::{X509Lookup, X509Store, X509StoreBuilder};
use openssl::x509::verify::X509VerifyFlags;
use openssl::x509::{X509, X509PurposeId};

use crate::error::ClientError;

/// Largest bundle that is read, in bytes.
const MOST: usize = 16 << 20;

/// Where the usual systems keep their authorities.
const BUNDLES: [&str; 6] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
    "/usr/local/share/certs/ca-root-nss.crt",
];

/// Names another bundle, as it does for OpenSSL.
const VARIABLE: &str = "SSL_CERT_FILE";

/// Trusted authorities with their revocation lists.
pub(crate) struct Anchors {
    pub(super) store: X509Store,
}

impl Anchors {
    /// Loads the authorities of the system (unless not wanted), those of a file, and revocation lists.
    pub(crate) fn load(system: bool, file: Option<&Path>, crl: Option<&Path>) -> Result<Self, ClientError> {
        let mut builder = store().map_err(ClientError::internal)?;
        if system && let Some(bundle) = system_bundle() {
            add(&mut builder, &bundle, true)?;
        }
        if let Some(file) = file {
            add(&mut builder, file, false)?;
        }
        if let Some(crl) = crl {
            let unreadable = |reason: &dyn std::fmt::Display| {
                ClientError::unreadable("the revocation list", crl, reason.to_string())
            };
            // OpenSSL's own words for a file that is missing are of no use.
            std::fs::metadata(crl).map_err(|reason| unreadable(&reason))?;
            if crl.to_str().is_none() {
                return Err(unreadable(&"the name of the file is not UTF-8"));
            }
            let lookup = builder.add_lookup(X509Lookup::file()).map_err(ClientError::internal)?;
            let lists = lookup.load_crl_file(crl, SslFiletype::PEM).unwrap_or(0);
            if lists == 0 {
                return Err(unreadable(&"there is no revocation list in PEM in it"));
            }
            builder.set_flags(X509VerifyFlags::CRL_CHECK).map_err(ClientError::internal)?;
        }
        Ok(Self { store: builder.build() })
    }
}

fn store() -> Result<X509StoreBuilder, openssl::error::ErrorStack> {
    let mut builder = X509StoreBuilder::new()?;
    // An authority of the file counts even if it is an intermediate one. Times are judged by the policy itself, with its own clock.
    builder.set_flags(X509VerifyFlags::PARTIAL_CHAIN | X509VerifyFlags::NO_CHECK_TIME)?;
    builder.set_purpose(X509PurposeId::SSL_SERVER)?;
    Ok(builder)
}

fn system_bundle() -> Option<PathBuf> {
    let named = std::env::var_os(VARIABLE).map(PathBuf::from);
    named.into_iter().chain(BUNDLES.map(PathBuf::from)).find(|path| path.is_file())
}

/// Adds the certificates of a bundle; of the system's own bundle what cannot be read is left out.
fn add(builder: &mut X509StoreBuilder, path: &Path, lenient: bool) -> Result<(), ClientError> {
    let unreadable = |reason: &str| ClientError::unreadable("the authorities", path, reason);
    let pem = crate::secrets::read("the authorities", path, MOST)?;
    let certificates = match X509::stack_from_pem(&pem) {
        Ok(certificates) => certificates,
        Err(_) if lenient => Vec::new(),
        Err(_) => return Err(unreadable("it is not PEM")),
    };
    if certificates.is_empty() && !lenient {
        return Err(unreadable("there is no certificate in PEM in it"));
    }
    for certificate in certificates {
        builder.add_cert(certificate).map_err(ClientError::internal)?;
    }
    Ok(())
}
