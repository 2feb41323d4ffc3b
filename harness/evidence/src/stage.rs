//! The six stages of an AnyConnect connection.

use serde::{Deserialize, Serialize};

/// A stage, in the order in which they come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// The first TLS handshake.
    TlsHandshake,
    /// The server offers groups, the client chooses one.
    GroupSelection,
    /// Name, password, certificate, one-time password.
    UserAuthentication,
    /// The client fetches what the server announces, its profile above all.
    Downloader,
    /// CONNECT: addresses, routes, resolver, MTU.
    CstpConnect,
    /// The DTLS handshake beside the TLS connection.
    DtlsHandshake,
}

impl Stage {
    /// Every stage.
    pub const ALL: [Self; 6] = [
        Self::TlsHandshake,
        Self::GroupSelection,
        Self::UserAuthentication,
        Self::Downloader,
        Self::CstpConnect,
        Self::DtlsHandshake,
    ];

    /// The name used in YAML and in reports.
    pub const fn as_str(self) -> &'static str {
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

impl std::fmt::Display for Stage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.as_str())
    }
}

/// What becomes of a stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StageStatus {
    /// It begins.
    Begin,
    /// It is over, and went well.
    Done,
    /// There was nothing to do.
    Skipped,
    /// It went wrong.
    Failed,
}

impl StageStatus {
    /// Every status.
    pub const ALL: [Self; 4] = [Self::Begin, Self::Done, Self::Skipped, Self::Failed];

    /// The name used in YAML and in reports.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Begin => "begin",
            Self::Done => "done",
            Self::Skipped => "skipped",
            Self::Failed => "failed",
        }
    }
}

impl std::fmt::Display for StageStatus {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn name_and_serde_agree() {
        for stage in Stage::ALL {
            assert_eq!(serde_json::to_value(stage).unwrap(), stage.as_str());
        }
        for status in StageStatus::ALL {
            assert_eq!(serde_json::to_value(status).unwrap(), status.as_str());
        }
    }
}
