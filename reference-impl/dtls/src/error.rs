//! What can go wrong.

use crate::suite::Version;

/// Says why a connection or a call failed; reads after "failed to set up DTLS: ".
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DtlsError {
    /// Two parts of the configuration contradict each other.
    #[error("the configuration does not work: {0}")]
    BadConfig(&'static str),
    /// The connection is not established, or already over.
    #[error("the connection is not established")]
    NotEstablished,
    /// Nothing complete came from the peer in time.
    #[error("no complete handshake in time{}", timeout_hint(*.undecryptable, *.peer_alert))]
    TimedOut {
        /// Number of protected records that did not authenticate.
        undecryptable: u32,
        /// Last alert that came without protection and was therefore not acted upon.
        peer_alert: Option<u8>,
    },
    /// The server did not resume the session that was agreed over TLS (AC-DTLS-09).
    #[error("the server did not resume the agreed session, possible man in the middle: {0}")]
    NotResumed(&'static str),
    /// The server took up a session id that only served as an identifier (AC-DTLS-06).
    #[error("the server claims to resume a session that does not exist")]
    UnexpectedResumption,
    /// Both sides have no suite in common, or the server chose one that was not offered.
    #[error("no cipher suite in common")]
    NoCommonSuite,
    /// The peer speaks another version.
    #[error("the peer wants version {0:#06x}, only {name} is allowed", name = .1.name())]
    WrongVersion(u16, Version),
    /// A message is well formed but may not come here.
    #[error("unexpected handshake message of type {0}")]
    UnexpectedMessage(u8),
    /// A message breaks a rule of the protocol.
    #[error("illegal handshake message: {0}")]
    IllegalParameter(&'static str),
    /// The peer's Finished message does not fit the handshake.
    #[error("the handshake was altered on the way or the secrets differ (bad Finished message)")]
    BadFinished,
    /// The peer ended the connection with a fatal alert.
    #[error("the peer sent the fatal alert {0}")]
    PeerAlert(u8),
    /// The application data do not fit into one record.
    #[error("{0} bytes do not fit into one record")]
    TooLong(usize),
    /// All sequence numbers are used up.
    #[error("all record sequence numbers are used up")]
    SequenceExhausted,
    /// The cryptographic library refused an operation.
    #[error("the cryptographic library refused an operation")]
    Crypto,
}

fn timeout_hint(undecryptable: u32, peer_alert: Option<u8>) -> String {
    match (undecryptable, peer_alert) {
        (0, None) => String::new(),
        (0, Some(alert)) => format!(" (the peer sent the unprotected alert {alert})"),
        (count, None) => {
            format!(" ({count} protected records did not authenticate, the two sides probably have different secrets)")
        }
        (count, Some(alert)) => {
            format!(" ({count} protected records did not authenticate, the peer sent the unprotected alert {alert})")
        }
    }
}
