//! Why a login fails.

use crate::http::UrlError;
use crate::xml::XmlError;

/// A login that failed; the message reads after "failed to log in: ".
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LoginError {
    /// The server refused, and said why (AC-AUTH-13).
    #[error("the server refused: {reason}")]
    Rejected {
        /// The text of the server.
        reason: String,
    },
    /// The server asks what nobody can answer.
    #[error("the server asks for what was not given: {}", .fields.join(", "))]
    Unanswered {
        /// The labels of the fields.
        fields: Vec<String>,
    },
    /// The group is none of those that the server offers.
    #[error("there is no group `{wish}`; the server offers: {}", .offered.join(", "))]
    UnknownGroup {
        /// What the user wanted.
        wish: String,
        /// The groups of the server.
        offered: Vec<String>,
    },
    /// The server does not take the choice of the group.
    #[error("the server did not accept the choice of the group after {0} requests")]
    GroupNotAccepted(u32),
    /// The server insists on a client certificate.
    #[error("the server requires a client certificate and has accepted none")]
    CertificateRequired,
    /// The server offers nothing but a single sign-on, which needs a web browser (AC-AUTH-32).
    #[error("the server requires a single sign-on in a web browser, which is not supported")]
    SsoRequired {
        /// The page of the sign-on, if the server named it.
        page: Option<String>,
    },
    /// The server wants to have a posture check run first (AC-AUTH-34).
    #[error("the server requires a host scan, which is not supported")]
    HostScanRequired,
    /// The server offers nothing but authentication in HTTP.
    #[error("the server requires HTTP authentication ({0}), which is not supported")]
    HttpAuth(String),
    /// The server answered with an unexpected status.
    #[error("the server answered with HTTP status {status} {reason}")]
    Http {
        /// The status.
        status: u16,
        /// The reason phrase.
        reason: String,
    },
    /// The reply is no message of this dialogue.
    #[error("the reply is none of a VPN server: {0}")]
    NotVpn(#[from] XmlError),
    /// There were too many redirects (AC-HTTP-14).
    #[error("there were more than {0} redirects")]
    TooManyRedirects(u32),
    /// A redirect or a form leads nowhere.
    #[error("the server redirects to an unusable place: {0}")]
    Redirect(#[from] UrlError),
    /// A redirect does not say where to.
    #[error("the server redirects without saying where to")]
    RedirectWithoutTarget,
    /// A form would be sent to another server.
    #[error("the server wants to have the form sent to another server, {0}")]
    ForeignForm(String),
    /// The login is complete, but there is no credential for CONNECT.
    #[error("the server completed the login without giving a session cookie")]
    NoCookie,
    /// There were too many forms.
    #[error("the server asked more than {0} times")]
    TooManyRounds(u32),
    /// The connection failed.
    #[error("the connection failed: {0}")]
    Transport(String),
}
