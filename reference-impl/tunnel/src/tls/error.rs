//! What can go wrong with a TLS channel.

use std::io;

/// Says why a TLS channel cannot go on; each message reads well after "failed to ...: ".
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The peer closed the connection.
    #[error("the peer closed the connection")]
    Closed,
    /// The socket failed.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// A payload does not fit one TLS record.
    #[error("{0} bytes do not fit one TLS record")]
    PayloadTooLong(usize),
    /// What arrived is not a TLS record: an unknown content type, version or an impossible length.
    #[error("what arrived is not a TLS record (it begins with {0:02x?})")]
    NotARecord([u8; 5]),
    /// The handshake is not complete.
    #[error("the TLS handshake is not complete")]
    NotReady,
    /// OpenSSL reported an error.
    #[error("{0}")]
    OpenSsl(String),
    /// The peer showed another certificate in a renegotiation (AC-RKY-09).
    #[error("the peer changed its certificate during a renegotiation")]
    PeerChanged,
    /// rustls reported an error.
    #[error("{0}")]
    Rustls(#[from] rustls::Error),
    /// The library or the negotiated version does not have the operation.
    #[error("{0} is not supported by this TLS connection")]
    Unsupported(&'static str),
}

impl TlsError {
    /// Renders an OpenSSL error, with the verdict on the certificate when there is one.
    pub(super) fn from_openssl(ssl: &openssl::ssl::SslRef, error: &openssl::ssl::Error) -> Self {
        let verdict = ssl.verify_result();
        if verdict == openssl::x509::X509VerifyResult::OK {
            Self::OpenSsl(error.to_string())
        } else {
            Self::OpenSsl(format!("{error} ({})", verdict.error_string()))
        }
    }
}

impl From<openssl::error::ErrorStack> for TlsError {
    fn from(stack: openssl::error::ErrorStack) -> Self {
        Self::OpenSsl(stack.to_string())
    }
}
