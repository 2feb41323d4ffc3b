//! What a data plane and a session are made with.

use std::fmt;
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;
use reference_cstp::compress::Compression;
use reference_cstp::defects::Defects;
use reference_cstp::session::{Role, SessionConfig};
use reference_dtls::{ClientConfig, ServerConfig};

use super::Device;
use crate::tls::TlsChannel;

/// The name of a session, chosen by the program; unique among the sessions that live.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionId(pub u64);

impl fmt::Display for SessionId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

/// What a data plane is made with.
#[derive(Debug)]
pub struct PlaneConfig {
    /// Which side all its sessions are.
    pub role: Role,
    /// Where inner packets come from and go to.
    pub device: Device,
    /// The server's UDP sockets, bound; answers leave from the address that was asked. A client makes its own.
    pub udp: Vec<UdpSocket>,
    /// Whether a server asks for a cookie before it makes state for a ClientHello (AC-DTLS-15, AC-DTLS-16).
    pub hello_verify: bool,
    /// The file that the secrets of DTLS handshakes are appended to, in the format of NSS.
    pub key_log: Option<PathBuf>,
    /// How long a peer may take nothing of what waits for it before its TLS channel is given up (AC-CSTP-17).
    pub send_deadline: Duration,
    /// Deliberate defects.
    pub defects: Defects,
}

impl PlaneConfig {
    /// Returns a configuration without UDP sockets, cookies, key log and defects, and 30 s for a peer that takes nothing.
    pub fn new(role: Role, device: Device) -> Self {
        Self {
            role,
            device,
            udp: Vec::new(),
            hello_verify: false,
            key_log: None,
            send_deadline: Duration::from_secs(30),
            defects: Defects::NONE,
        }
    }
}

/// The keys of a session's DTLS channel and how it is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DtlsSetup {
    /// The client dials; each attempt has a UDP socket of its own.
    Client {
        /// The server's UDP address.
        remote: SocketAddr,
        /// The handshake.
        config: ClientConfig,
    },
    /// The server waits for a ClientHello with the session id of `config` (AC-DTLS-05).
    Server {
        /// The handshake.
        config: ServerConfig,
    },
}

/// A session that the data plane takes over, right behind the CONNECT reply.
///
/// When the id lives already, this replaces its TLS channel (a reconnect or a new tunnel): the old one is flushed and
/// closed, counters and age go on. DTLS goes on too, unless `session` or `dtls` differ from what they were; then the
/// session falls back to TLS and builds it anew (AC-RKY-08).
pub struct Attach {
    /// The name of the session.
    pub id: SessionId,
    /// The TCP connection.
    pub tcp: TcpStream,
    /// The TLS channel over it, with the handshake complete.
    pub tls: TlsChannel,
    /// Plaintext that came behind the HTTP head (AC-CON-16).
    pub early: Vec<u8>,
    /// Timers and sizes.
    pub session: SessionConfig,
    /// The inner addresses of the peer: on a server the destinations that lead to this session and the only sources that
    /// it may use (AC-CSTP-15). A client needs them only when it has several sessions: they are its own addresses then.
    pub inner: Vec<IpNet>,
    /// The DTLS channel; `None` when there shall be none.
    pub dtls: Option<DtlsSetup>,
    /// What was negotiated for TLS and for DTLS.
    pub compression: (Compression, Compression),
}

/// How a session is told that it ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Farewell {
    /// DISCONNECT with a reason byte and a text (AC-CSTP-08).
    Disconnect {
        /// The reason, see [`reference_cstp::frame::reason`].
        reason: u8,
        /// What a human may read.
        text: String,
    },
    /// TERMINATE: the server goes away.
    Terminate,
    /// Only the end of the TLS connection.
    Silent,
}
