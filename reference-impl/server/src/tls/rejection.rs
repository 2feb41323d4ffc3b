//! Why a client's certificate was not accepted, in words that are the same for both libraries.

use std::fmt;

use reference_tunnel::tls::TlsError;
use rustls::CertificateError;

/// Why a client certificate was rejected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rejection {
    /// It is on the revocation list (AC-TLS-14).
    Revoked,
    /// Its time is over, or that of an authority.
    Expired,
    /// Its time has not begun.
    NotYetValid,
    /// No known authority signed it.
    UnknownAuthority,
    /// There is none, and one is required.
    Missing,
    /// Something else, in the words of the library.
    Other(String),
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Revoked => "revoked",
            Self::Expired => "expired",
            Self::NotYetValid => "not yet valid",
            Self::UnknownAuthority => "unknown authority",
            Self::Missing => "missing",
            Self::Other(text) => text,
        })
    }
}

/// Tells whether a handshake failed because of the client's certificate, and why.
#[must_use]
pub fn rejection(error: &TlsError) -> Option<Rejection> {
    match error {
        TlsError::Rustls(rustls::Error::InvalidCertificate(error)) => Some(of_rustls(error)),
        TlsError::Rustls(rustls::Error::NoCertificatesPresented) => Some(Rejection::Missing),
        TlsError::OpenSsl(text) => of_openssl(text),
        _ => None,
    }
}

fn of_rustls(error: &CertificateError) -> Rejection {
    match error {
        CertificateError::Revoked => Rejection::Revoked,
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => Rejection::Expired,
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => Rejection::NotYetValid,
        CertificateError::UnknownIssuer => Rejection::UnknownAuthority,
        other => Rejection::Other(other.to_string()),
    }
}

/// OpenSSL's error ends with the verdict on the certificate in parentheses.
fn of_openssl(text: &str) -> Option<Rejection> {
    if text.contains("peer did not return a certificate") {
        return Some(Rejection::Missing);
    }
    if !text.contains("certificate verify failed") {
        return None;
    }
    let words: [(&str, Rejection); 7] = [
        ("certificate revoked", Rejection::Revoked),
        ("certificate has expired", Rejection::Expired),
        ("not yet valid", Rejection::NotYetValid),
        ("unable to get local issuer", Rejection::UnknownAuthority),
        ("unable to get issuer", Rejection::UnknownAuthority),
        ("self-signed certificate", Rejection::UnknownAuthority),
        ("self signed certificate", Rejection::UnknownAuthority),
    ];
    let found = words.into_iter().find(|(word, _)| text.contains(word)).map(|(_, rejection)| rejection);
    let verdict = || text.rsplit_once('(').map_or(text, |(_, verdict)| verdict.trim_end_matches(')')).to_owned();
    Some(found.unwrap_or_else(|| Rejection::Other(verdict())))
}
