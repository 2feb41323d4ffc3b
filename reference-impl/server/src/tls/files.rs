//! Reads PEM and DER files, and says which one cannot be used.

use std::path::Path;

use rustls::pki_types::{
    CertificateDer, CertificateRevocationListDer, PrivateKeyDer,
    pem::{self, PemObject},
};
use x509_parser::prelude::{ASN1Time, CertificateRevocationList, FromDer, GeneralName, X509Certificate};

use crate::{config::CertificateFiles, failure::Failure};

/// Largest file that is read.
const LARGEST: u64 = 64 << 20;

pub(super) fn read(what: &str, path: &Path) -> Result<Vec<u8>, Failure> {
    let hint = "check the path in the configuration and the rights of the file";
    let meta = std::fs::metadata(path).map_err(|error| Failure::unreadable(what, path, error, hint))?;
    if meta.len() > LARGEST {
        return Err(Failure::unreadable(what, path, "larger than 64 MiB", hint));
    }
    std::fs::read(path).map_err(|error| Failure::unreadable(what, path, error, hint))
}

/// Reads a chain, leaf first.
pub(super) fn chain(path: &Path) -> Result<Vec<CertificateDer<'static>>, Failure> {
    certificates("certificate chain", path, "leaf first, then every intermediate, in PEM")
}

/// Reads the authorities of client certificates.
pub(super) fn authorities(path: &Path) -> Result<Vec<CertificateDer<'static>>, Failure> {
    certificates("client authorities", path, "one or more certificates in PEM")
}

fn certificates(what: &str, path: &Path, hint: &str) -> Result<Vec<CertificateDer<'static>>, Failure> {
    let bytes = read(what, path)?;
    let parsed: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&bytes).collect();
    let list = parsed.map_err(|error| Failure::unreadable(what, path, error, hint))?;
    if list.is_empty() {
        return Err(Failure::unreadable(what, path, "no certificate inside", hint));
    }
    Ok(list)
}

pub(super) fn key(path: &Path) -> Result<PrivateKeyDer<'static>, Failure> {
    let bytes = read("private key", path)?;
    let hint = "an unencrypted private key in PEM (PKCS#8, PKCS#1 or SEC1)";
    PrivateKeyDer::from_pem_slice(&bytes).map_err(|error| match error {
        pem::Error::NoItemsFound => Failure::unreadable("private key", path, "no unencrypted key inside", hint),
        error => Failure::unreadable("private key", path, error, hint),
    })
}

/// Reads revocation lists: PEM, or one in DER.
pub(super) fn revocation_lists(path: &Path) -> Result<Vec<CertificateRevocationListDer<'static>>, Failure> {
    let bytes = read("revocation list", path)?;
    if !is_pem(&bytes) {
        return Ok(vec![CertificateRevocationListDer::from(bytes)]);
    }
    let hint = "one or more revocation lists in PEM (`X509 CRL`), or one in DER";
    let parsed: Result<Vec<_>, _> = CertificateRevocationListDer::pem_slice_iter(&bytes).collect();
    let list = parsed.map_err(|error| Failure::unreadable("revocation list", path, error, hint))?;
    if list.is_empty() {
        return Err(Failure::unreadable("revocation list", path, "no revocation list inside", hint));
    }
    Ok(list)
}

/// Says which revocation lists are outdated.
pub(super) fn outdated_lists(path: &Path) -> Result<Vec<String>, Failure> {
    let lists = revocation_lists(path)?;
    let warning = |list: &CertificateRevocationListDer<'_>| {
        let (_, list) = CertificateRevocationList::from_der(list).ok()?;
        let due = list.next_update().filter(|due| *due < ASN1Time::now())?;
        Some(format!(
            "the revocation list {} of {} is outdated since {due}: it is used, but what was revoked later is accepted",
            path.display(),
            list.issuer(),
        ))
    };
    Ok(lists.iter().filter_map(warning).collect())
}

pub(super) fn is_pem(bytes: &[u8]) -> bool {
    bytes.windows(11).take(4096).any(|window| window == b"-----BEGIN ")
}

/// The names for which a certificate is shown: those of the configuration, else those of the certificate itself.
pub(super) fn names(files: &CertificateFiles, leaf: &[u8]) -> Vec<String> {
    if !files.names.is_empty() {
        return files.names.clone();
    }
    let Ok((_, leaf)) = X509Certificate::from_der(leaf) else { return Vec::new() };
    let Ok(Some(alternatives)) = leaf.subject_alternative_name() else { return Vec::new() };
    let dns = |name: &GeneralName<'_>| match name {
        GeneralName::DNSName(name) => Some((*name).to_owned()),
        _ => None,
    };
    alternatives.value.general_names.iter().filter_map(dns).collect()
}
