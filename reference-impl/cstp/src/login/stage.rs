//! The stages of a connection, as users and event logs know them.

use std::fmt;

/// A stage of a connection, in the order in which they follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stage {
    /// TCP and TLS.
    TlsHandshake,
    /// The first messages, until the group is settled.
    GroupSelection,
    /// Forms and their answers.
    UserAuthentication,
    /// What the server announced is fetched.
    Downloader,
    /// CONNECT, addresses and routes.
    CstpConnect,
    /// DTLS beside TLS.
    DtlsHandshake,
}

impl Stage {
    /// All stages in order.
    pub const ALL: [Self; 6] = [
        Self::TlsHandshake,
        Self::GroupSelection,
        Self::UserAuthentication,
        Self::Downloader,
        Self::CstpConnect,
        Self::DtlsHandshake,
    ];

    /// Returns the name in kebab case, such as `group-selection`.
    pub fn name(self) -> &'static str {
        match self {
            Self::TlsHandshake => "tls-handshake",
            Self::GroupSelection => "group-selection",
            Self::UserAuthentication => "user-authentication",
            Self::Downloader => "downloader",
            Self::CstpConnect => "cstp-connect",
            Self::DtlsHandshake => "dtls-handshake",
        }
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}
