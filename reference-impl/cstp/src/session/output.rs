//! What a session is told and what it says.

use super::config::RekeyMethod;
use crate::frame::{Disconnect, PacketType};

/// Which side a session is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// The client.
    Client,
    /// The server.
    Server,
}

/// One of the two channels of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Channel {
    /// The TLS connection.
    Tls,
    /// The DTLS session.
    Dtls,
}

/// What happened to DTLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DtlsEvent {
    /// The handshake is done; also when a renewed session took the place of the old one.
    Established {
        /// Bytes of an inner packet that fit one datagram by the arithmetic of the record layer, without the type byte.
        data_mtu: u16,
    },
    /// The handshake of an attempt, or of a renewal, failed.
    Failed,
    /// An established session is gone: closed by the peer, or its socket is broken.
    Lost,
}

/// What the caller has to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// Send one control frame.
    Send {
        /// The channel to send it on.
        channel: Channel,
        /// The type of the frame.
        kind: PacketType,
        /// Its payload.
        payload: Vec<u8>,
    },
    /// Begin a DTLS handshake from a new socket.
    StartDtls {
        /// Counts the attempts of the session, from 1.
        attempt: u32,
    },
    /// Drop the DTLS session or the handshake.
    StopDtls(StopReason),
    /// Give the device this MTU.
    SetMtu(u16),
    /// Renew the keys of the TLS channel.
    RekeyTls(RekeyMethod),
    /// Renew the keys of the DTLS channel, by a new session beside the old one; tell [`DtlsEvent::Established`] when it took over.
    RekeyDtls,
    /// The TLS channel is dead. The client connects again with the same cookie.
    Lost(LostReason),
    /// The session is over; nothing follows.
    End(EndReason),
    /// Data leaves on another channel from now on.
    Transport(Channel),
}

/// Why DTLS is dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StopReason {
    /// The peer was silent for too long.
    Silence,
    /// The handshake took too long.
    Overdue,
    /// A reconnect changed the terms.
    Replaced,
}

impl StopReason {
    /// Returns a few words for logs and events.
    pub fn name(self) -> &'static str {
        match self {
            Self::Silence => "dead peer",
            Self::Overdue => "no answer in time",
            Self::Replaced => "other terms after a reconnect",
        }
    }
}

/// Why the TLS channel is dead.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LostReason {
    /// The peer was silent for too long.
    Silence,
    /// The connection was closed.
    Closed,
    /// The connection broke, or what came on it was no CSTP.
    Broken,
}

impl LostReason {
    /// Returns one or two words for logs and events.
    pub fn name(self) -> &'static str {
        match self {
            Self::Silence => "dead peer",
            Self::Closed => "closed",
            Self::Broken => "broken",
        }
    }
}

/// Why a session is over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EndReason {
    /// Our own side asked for it.
    Requested,
    /// The peer sent DISCONNECT.
    Disconnect(Disconnect),
    /// The peer sent TERMINATE.
    Terminate,
    /// There was no traffic for too long.
    IdleTimeout,
    /// The session reached its age limit.
    SessionTimeout,
}

impl EndReason {
    /// Returns whether the cookie and the lease stay valid for a reconnect (AC-CSTP-06, AC-CSTP-07).
    pub fn keeps_session(&self) -> bool {
        match self {
            Self::Disconnect(disconnect) => !disconnect.frees_session(),
            Self::Terminate => true,
            Self::Requested | Self::IdleTimeout | Self::SessionTimeout => false,
        }
    }

    /// Returns a few words for logs and events.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Requested => "requested",
            Self::Disconnect(_) => "disconnected by the peer",
            Self::Terminate => "terminated by the peer",
            Self::IdleTimeout => "idle timeout",
            Self::SessionTimeout => "session timeout",
        }
    }
}
