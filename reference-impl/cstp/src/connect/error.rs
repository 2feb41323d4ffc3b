//! What can be wrong with a CONNECT, on both sides.

use crate::http::Response;

/// A CONNECT that leads to no tunnel.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConnectError {
    /// Status 401: the cookie is unknown or too old. It is not used again (AC-CON-05, AC-CON-06).
    #[error("the server does not accept the session cookie")]
    CookieRefused,
    /// Status 503, with the text of `X-Reason` (AC-CON-07).
    #[error("the VPN service is not available: {reason}")]
    Unavailable {
        /// The server's own words; empty when it has none.
        reason: String,
    },
    /// Any other status than 200.
    #[error("the server answered CONNECT with {status} {reason}")]
    Refused {
        /// The status.
        status: u16,
        /// The reason phrase.
        reason: String,
    },
    /// The reply has neither `X-CSTP-MTU` nor `X-DTLS-MTU` (AC-MTU-11).
    #[error("the reply to CONNECT names no MTU")]
    NoMtu,
    /// The reply has no inner address.
    #[error("the reply to CONNECT holds no address")]
    NoAddress,
    /// `X-DTLS-Session-ID` is not 32 bytes in hexadecimal (AC-DTLS-13).
    #[error("X-DTLS-Session-ID has {0} characters or odd ones; 64 hexadecimal digits are needed")]
    SessionId(usize),
    /// `X-DTLS-App-ID` is not 1 to 32 bytes in hexadecimal.
    #[error("X-DTLS-App-ID has {0} characters or odd ones; 2 to 64 hexadecimal digits are needed")]
    AppId(usize),
    /// A `Content-Encoding` that nobody asked for.
    #[error("the server chose the unknown encoding `{0}`")]
    Encoding(String),
    /// The request is no CONNECT.
    #[error("the method is {0} instead of CONNECT")]
    Method(String),
    /// The target is not that of the tunnel.
    #[error("the target of CONNECT is {0} instead of /CSCOSSLC/tunnel")]
    Target(String),
    /// The request carries no cookie `webvpn`.
    #[error("the request carries no session cookie")]
    NoCookie,
}

impl ConnectError {
    /// Returns the server's answer to a request with this error; the connection is closed behind it.
    pub fn to_response(&self) -> Response {
        let (status, phrase) = match self {
            Self::CookieRefused | Self::NoCookie => (401, "Unauthorized"),
            Self::Unavailable { .. } => (503, "Service Unavailable"),
            Self::Method(_) => (405, "Method Not Allowed"),
            Self::Target(_) => (404, "Not Found"),
            _ => (400, "Bad Request"),
        };
        let mut response = Response::new(status, phrase);
        if let Self::Unavailable { reason } = self {
            response.headers.push("X-Reason", reason);
        }
        response.headers.push("Content-Length", "0");
        response.headers.push("Connection", "close");
        response
    }
}
