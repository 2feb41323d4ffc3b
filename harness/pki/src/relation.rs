//! How certificates, names and revocation lists relate to each other.

use std::net::IpAddr;

use openssl::x509::{CrlStatus, X509, X509Crl, X509Ref, X509VerifyResult};

use crate::CertInfo;

/// Whether `issuer` signed `cert`: names, key identifiers and the signature itself.
pub(crate) fn issued(issuer: &X509Ref, cert: &X509Ref) -> bool {
    issuer.issued(cert) == X509VerifyResult::OK
        && issuer.public_key().is_ok_and(|key| cert.verify(&key).unwrap_or(false))
}

/// Whether `cert` signed itself.
pub(crate) fn self_signed(cert: &X509Ref) -> bool {
    cert.public_key().is_ok_and(|key| cert.verify(&key).unwrap_or(false))
}

/// The certificate in `pool` that signed `cert`, itself excluded.
pub(crate) fn issuer_in<'a>(pool: &'a [X509], cert: &X509Ref) -> Option<&'a X509> {
    pool.iter().find(|other| &***other != cert && issued(other, cert))
}

/// Whether a certificate is good for this DNS name or address (RFC 9525: alternative names only, a wildcard stands
/// for one whole leftmost label).
pub(crate) fn names(info: &CertInfo, wanted: &str) -> bool {
    if let Ok(address) = wanted.parse::<IpAddr>() {
        let wanted = format!("IP:{address}");
        return info.sans.contains(&wanted);
    }
    let wanted = wanted.trim_end_matches('.').to_ascii_lowercase();
    info.sans.iter().filter_map(|san| san.strip_prefix("DNS:")).any(|name| {
        let name = name.to_ascii_lowercase();
        match (name.strip_prefix("*."), wanted.split_once('.')) {
            (Some(parent), Some((label, rest))) => !label.is_empty() && parent == rest,
            _ => name == wanted,
        }
    })
}

/// Whether a list signed by the issuer of `cert` revokes it. `pool` is where the issuer is looked for.
pub(crate) fn revoked(lists: &[X509Crl], pool: &[X509], cert: &X509Ref) -> bool {
    let Some(key) = issuer_in(pool, cert).and_then(|issuer| issuer.public_key().ok()) else { return false };
    lists
        .iter()
        .filter(|list| list.verify(&key).unwrap_or(false))
        .any(|list| matches!(list.get_by_serial(cert.serial_number()), CrlStatus::Revoked(_)))
}

/// Every revocation list in a text, each in PEM form; anything else is passed over.
pub(crate) fn read_lists(text: &[u8]) -> Vec<X509Crl> {
    const END: &str = "-----END X509 CRL-----";
    let text = String::from_utf8_lossy(text);
    text.split_inclusive(END).filter_map(|part| X509Crl::from_pem(part.as_bytes()).ok()).collect()
}
