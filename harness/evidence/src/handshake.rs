//! Handshakes of TLS and DTLS, as far as a witness on the wire sees them.

use serde::{Deserialize, Serialize};

use crate::Micros;

/// A message of a handshake that passed a client's wire (`handshakes.json`). Retransmissions are listed, too.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HandshakeSeen {
    /// When.
    pub at: Micros,
    /// Number of its frame in the capture, from 1.
    pub frame: u64,
    /// Wire on which it was seen.
    pub wire: String,
    /// Port of the client.
    pub client_port: u16,
    /// What it is.
    #[serde(flatten)]
    pub message: HandshakeMessage,
}

/// The message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "message", rename_all = "kebab-case")]
pub enum HandshakeMessage {
    /// A TLS client begins.
    TlsClientHello,
    /// A TLS server answers.
    TlsServerHello {
        /// The version that was chosen: 0x0304 is TLS 1.3.
        version: u16,
        /// The cipher suite.
        suite: u16,
    },
    /// A DTLS client begins, or repeats itself.
    DtlsClientHello {
        /// Version of the hello: 0xfefd is DTLS 1.2, 0x0100 Cisco's DTLS 0.9.
        version: u16,
        /// The same in the repetitions of one attempt: the first bytes of the client's random value, in hexadecimal.
        random: String,
        /// The session that the client names, in hexadecimal.
        session: String,
        /// Whether it has the server's cookie.
        cookie: bool,
    },
    /// A DTLS server asks for its cookie.
    DtlsHelloVerify,
    /// A DTLS server answers.
    DtlsServerHello {
        /// The version that was chosen.
        version: u16,
        /// The cipher suite.
        suite: u16,
        /// The session of the server, in hexadecimal.
        session: String,
    },
    /// A DTLS client gives its part of the key: the handshake is a full one.
    DtlsClientKeyExchange,
    /// The first protected application data of a DTLS session, from this port: the handshake is over.
    DtlsData,
}

/// Kinds of DTLS sessions that AnyConnect servers give, as a wire shows them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum DtlsFamily {
    /// A full handshake with a pre-shared key.
    #[serde(rename = "psk")]
    Psk,
    /// DTLS 1.2 that takes up a session which never was: `cisco12` or `openconnect12`, by the name of the suite in CONNECT.
    #[serde(rename = "resumed-1.2")]
    Resumed12,
    /// The same with Cisco's DTLS 0.9.
    #[serde(rename = "dtls-0.9")]
    Legacy09,
}

impl DtlsFamily {
    /// The name used in YAML and in reports.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Psk => "psk",
            Self::Resumed12 => "resumed-1.2",
            Self::Legacy09 => "dtls-0.9",
        }
    }
}

impl std::fmt::Display for DtlsFamily {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.as_str())
    }
}
