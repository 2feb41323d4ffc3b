//! What a connection is made from.

use std::fmt;
use std::time::Duration;

use crate::suite::{Suite, Version};

/// Is what both sides already share; it decides the family of the handshake.
#[derive(Clone, PartialEq, Eq)]
pub enum Secret {
    /// Leads to a full handshake with a pre-shared key (AC-DTLS-03).
    Psk {
        /// Identity that a client sends (OpenConnect: `psk`); a server accepts any (AC-DTLS-07).
        identity: Vec<u8>,
        /// The key: 32 bytes of the TLS exporter, label `EXPORTER-openconnect-psk`.
        key: Vec<u8>,
    },
    /// Leads to an abbreviated handshake with this master secret (AC-DTLS-08).
    Master([u8; 48]),
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Psk { .. } => f.write_str("Psk(..)"),
            Self::Master(_) => f.write_str("Master(..)"),
        }
    }
}

/// Says when an unanswered flight is sent again (RFC 6347, 4.2.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retransmit {
    /// Wait before the first repetition; each further wait is twice as long.
    pub first: Duration,
    /// Longest wait.
    pub max: Duration,
    /// Age at which an unfinished handshake fails.
    pub give_up: Duration,
}

impl Default for Retransmit {
    /// Waits 400 ms, 800 ms and so on up to 4 s, and gives up after the 12 s that OpenConnect allows.
    fn default() -> Self {
        Self { first: Duration::from_millis(400), max: Duration::from_secs(4), give_up: Duration::from_secs(12) }
    }
}

/// Describes the client's side of one connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientConfig {
    /// Only version offered and accepted.
    pub version: Version,
    /// Suites offered, best first; those that do not fit version and secret are left out.
    pub suites: Vec<Suite>,
    /// What both sides share.
    pub secret: Secret,
    /// The App-ID (1 to 32 bytes, AC-DTLS-04) or the X-DTLS-Session-ID (32 bytes, AC-DTLS-08).
    pub session_id: Vec<u8>,
    /// Largest handshake datagram in bytes, without IP and UDP headers.
    pub mtu: u16,
    /// Repetition of flights.
    pub retransmit: Retransmit,
}

/// Describes the server's side of one connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerConfig {
    /// Only version accepted.
    pub version: Version,
    /// Suites accepted, best first; those that do not fit version and secret are left out.
    pub suites: Vec<Suite>,
    /// What both sides share.
    pub secret: Secret,
    /// The App-ID or X-DTLS-Session-ID that the ClientHello must carry; empty with a pre-shared key: any.
    pub session_id: Vec<u8>,
    /// Largest handshake datagram in bytes, without IP and UDP headers.
    pub mtu: u16,
    /// Repetition of flights.
    pub retransmit: Retransmit,
}
