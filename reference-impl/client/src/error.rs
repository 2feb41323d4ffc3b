//! What ends the program early: one line that says what failed, one that says what to do.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use reference_cstp::login::LoginError;

use crate::exit::Exit;
use crate::trust::Refusal;

/// Why the program gives up; each message reads after `failed to `.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ClientError {
    #[error("read the command line: {0}")]
    Usage(String),
    #[error("read {what} from {path}: {reason}", path = path.display())]
    Unreadable { what: &'static str, path: PathBuf, reason: String },
    #[error("write {what} to {path}: {reason}", path = path.display())]
    Unwritable { what: &'static str, path: PathBuf, reason: String },
    #[error("find the address of {host}: {reason}")]
    Resolve { host: String, reason: String },
    #[error("reach {host}: {reason}")]
    Unreachable { host: String, reason: String },
    #[error("make a TLS connection to {host}: certificate refused: {refusal}")]
    Certificate { host: String, refusal: Refusal },
    #[error("make a TLS connection to {host}: {reason}")]
    Tls { host: String, reason: String },
    #[error("set up TLS: {0}")]
    TlsSetup(String),
    #[error("talk to {host}: {reason}")]
    Http { host: String, reason: String },
    #[error("log in: {0}")]
    Login(LoginError),
    #[error("log in: the form asks for {field}, and nothing answers it")]
    Unanswered { field: String },
    #[error("fetch {uri}: {reason}")]
    Download { uri: String, reason: String },
    #[error("open the tunnel: the gateway did not accept the cookie (status 401)")]
    CookieRejected,
    #[error("open the tunnel: {0}")]
    Refused(String),
    #[error("open the tunnel: {0}")]
    BadReply(String),
    #[error("bring up DTLS, which --require-dtls asks for: {0}")]
    DtlsRequired(String),
    #[error("set up the network: {0}")]
    Network(String),
    #[error("change the network of this machine: {0}")]
    NoPermission(String),
    #[error("reconnect within {} s: {reason}", limit.as_secs())]
    ReconnectTimedOut { limit: Duration, reason: String },
    #[error("go on after the reconnect: the inner address has changed from {from} to {to}")]
    AddressChanged { from: String, to: String },
    #[error("keep the session: the gateway ended it: {0}")]
    Ended(String),
    #[error("run: {0}")]
    Internal(String),
}

impl ClientError {
    /// A file that cannot be read.
    pub(crate) fn unreadable(what: &'static str, path: impl Into<PathBuf>, reason: impl ToString) -> Self {
        Self::Unreadable { what, path: path.into(), reason: reason.to_string() }
    }

    /// A mistake of the program or the machine.
    pub(crate) fn internal(error: impl ToString) -> Self {
        Self::Internal(error.to_string())
    }

    /// The exit code.
    pub(crate) const fn exit(&self) -> Exit {
        match self {
            Self::Usage(_) => Exit::Usage,
            Self::Unreadable { .. } | Self::Unwritable { .. } => Exit::Unreadable,
            Self::Resolve { .. }
            | Self::Unreachable { .. }
            | Self::Certificate { .. }
            | Self::Tls { .. }
            | Self::TlsSetup(_) => Exit::Tls,
            Self::Http { .. } | Self::Login(_) | Self::Unanswered { .. } => Exit::Authentication,
            Self::Download { .. } => Exit::Downloader,
            Self::CookieRejected | Self::Refused(_) | Self::BadReply(_) => Exit::Connect,
            Self::DtlsRequired(_) => Exit::DtlsRequired,
            Self::Network(_) => Exit::Network,
            Self::NoPermission(_) => Exit::NoPermission,
            Self::ReconnectTimedOut { .. } | Self::AddressChanged { .. } => Exit::Lost,
            Self::Ended(_) => Exit::Ended,
            Self::Internal(_) => Exit::Internal,
        }
    }

    /// In which phase it happened, for the event log.
    pub(crate) const fn phase(&self) -> &'static str {
        match self {
            Self::Usage(_) | Self::Unreadable { .. } | Self::Unwritable { .. } => "start",
            Self::Resolve { .. } => "resolve",
            Self::Unreachable { .. } => "tcp",
            Self::Certificate { .. } | Self::Tls { .. } | Self::TlsSetup(_) => "tls-handshake",
            Self::Http { .. } | Self::Login(_) | Self::Unanswered { .. } => "user-authentication",
            Self::Download { .. } => "downloader",
            Self::CookieRejected | Self::Refused(_) | Self::BadReply(_) => "cstp-connect",
            Self::DtlsRequired(_) => "dtls-handshake",
            Self::Network(_) | Self::NoPermission(_) => "network",
            Self::ReconnectTimedOut { .. } | Self::AddressChanged { .. } => "reconnect",
            Self::Ended(_) => "session",
            Self::Internal(_) => "internal",
        }
    }

    /// What the user can do about it.
    pub(crate) fn hint(&self) -> String {
        match self {
            Self::Usage(_) => "see `vpn-ref-client --help` and `vpn-ref-client connect --help`".into(),
            Self::Unreadable { .. } => "check that the file exists, is complete, and may be read by this user".into(),
            Self::Unwritable { .. } => "check the path, that its folder exists, and that this user may write there".into(),
            Self::Resolve { .. } => "check the name, or give the address with --resolve HOST:ADDRESS".into(),
            Self::Unreachable { .. } => "check that the gateway runs, the port, and the firewalls in between".into(),
            Self::Certificate { refusal, .. } => refusal.hint(),
            Self::Tls { .. } => "compare the TLS versions of both sides: --tls-min, --tls-max, --tls-backend".into(),
            Self::TlsSetup(_) => "check --certificate, --key, --ca-file and --crl".into(),
            Self::Http { .. } => "check that the URL is that of an AnyConnect gateway".into(),
            Self::Login(error) => login_hint(error).into(),
            Self::Unanswered { .. } => {
                "give --user, --password-file, --group or --otp-secret-file, or run it on a terminal".into()
            }
            Self::Download { .. } => {
                "ask the gateway's administrator for the file; a profile that does not need it, such as openconnect, goes on".into()
            }
            Self::CookieRejected => "the session is over or used elsewhere: log in again without --cookie".into(),
            Self::Refused(_) => "the gateway is out of service or has no address left: try later, see its log".into(),
            Self::BadReply(_) => "the gateway's answer is not one of AnyConnect: see its log".into(),
            Self::DtlsRequired(_) => "check that UDP reaches the gateway's DTLS port, or leave --require-dtls out".into(),
            Self::Network(_) => "the message names what was refused; `vpn-ref-client cleanup` undoes what a killed run left".into(),
            Self::NoPermission(_) => {
                "run it as root or with CAP_NET_ADMIN; --no-network tries the session alone, without any right".into()
            }
            Self::ReconnectTimedOut { .. } => "check the network; --reconnect-timeout waits longer".into(),
            Self::AddressChanged { .. } => {
                "connect again; a profile of AnyConnect, such as anyconnect-desktop, takes the new address over".into()
            }
            Self::Ended(_) => "idle or session timeout, a restart, or an administrator: log in again".into(),
            Self::Internal(_) => "please report it with the lines before it".into(),
        }
    }
}

/// What the user can do about a login that failed.
const fn login_hint(error: &LoginError) -> &'static str {
    match error {
        LoginError::Rejected { .. } | LoginError::Unanswered { .. } => {
            "check user, password, group and one-time secret; the gateway's log may say more"
        }
        LoginError::UnknownGroup { .. } | LoginError::GroupNotAccepted(_) => {
            "give one of the gateway's groups with --group, or none"
        }
        LoginError::CertificateRequired => "give --certificate and --key, of an authority that the gateway trusts",
        LoginError::SsoRequired { .. } | LoginError::HostScanRequired | LoginError::HttpAuth(_) => {
            "this client cannot do that: ask the gateway's administrator for a group with passwords or certificates"
        }
        LoginError::Http { .. }
        | LoginError::NotVpn(_)
        | LoginError::TooManyRedirects(_)
        | LoginError::Redirect(_)
        | LoginError::RedirectWithoutTarget
        | LoginError::ForeignForm(_) => "check that the URL is that of an AnyConnect gateway",
        LoginError::NoCookie | LoginError::TooManyRounds(_) => "the gateway is at fault: see its log",
        LoginError::Transport(_) => "check the network, and the gateway's log",
    }
}

impl From<io::Error> for ClientError {
    fn from(error: io::Error) -> Self {
        Self::Internal(error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_this_client_cannot_do_is_not_blamed_on_the_password() {
        let hint = |error| ClientError::Login(error).hint();
        assert!(hint(LoginError::SsoRequired { page: None }).starts_with("this client cannot do that"));
        assert!(hint(LoginError::HostScanRequired).starts_with("this client cannot do that"));
        assert!(hint(LoginError::CertificateRequired).contains("--certificate"));
        assert!(hint(LoginError::Rejected { reason: "no".into() }).contains("password"));
    }
}
