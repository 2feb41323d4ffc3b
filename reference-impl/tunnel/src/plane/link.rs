//! One DTLS association: the connection, its path, its socket.

use std::os::fd::AsRawFd;
use std::time::Instant;

use reference_dtls::{Connection, State};

use super::io::Io;
use super::udp::{Route, Udp};

/// Where an association is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// The handshake is under way.
    Handshaking,
    /// Data leaves here.
    Active,
    /// Another one took over; what was under way may still arrive until then.
    Retiring(Instant),
}

/// The socket of an association.
#[derive(Debug)]
pub(super) enum Socket {
    /// A client's: its own, with the number that its token carries.
    Own { udp: Box<Udp>, token: usize },
    /// A server's: one of those of the data plane.
    Shared(usize),
}

/// One DTLS association.
pub(super) struct Link {
    pub(super) connection: Connection,
    pub(super) stage: Stage,
    pub(super) attempt: u32,
    pub(super) route: Route,
    pub(super) socket: Socket,
    /// A server's: the random number of the ClientHello, by which its repetition is known.
    pub(super) hello: Option<[u8; 32]>,
    /// The largest datagram by arithmetic, in bytes.
    pub(super) datagram: u16,
}

impl Link {
    /// The socket that datagrams leave from.
    pub(super) fn udp<'a>(&'a self, io: &'a Io) -> Option<&'a Udp> {
        match &self.socket {
            Socket::Own { udp, .. } => Some(udp),
            Socket::Shared(index) => io.sockets.get(io.answers.unwrap_or(*index)),
        }
    }

    /// The largest inner packet whose record fits a datagram of this many bytes.
    pub(super) fn inner(&self, datagram: usize) -> u16 {
        // One byte is the type (AC-DTLS-26).
        u16::try_from(self.connection.capacity(datagram).saturating_sub(1)).unwrap_or(u16::MAX)
    }

    /// The largest inner packet for which the path has room, as far as the kernel knows the path.
    pub(super) fn known_mtu(&self, io: &Io) -> Option<u16> {
        Some(self.inner(self.udp(io)?.largest(self.route)?))
    }

    /// Sends what the handshake wants to send. Losses are what DTLS repeats flights for.
    pub(super) fn transmit(&mut self, io: &Io) {
        while let Some(datagram) = self.connection.poll_transmit() {
            if let Some(udp) = self.udp(io) {
                let _ = udp.send(self.route, &datagram, None);
            }
        }
    }

    /// Tells the peer about the end, and lets the socket go.
    pub(super) fn close(&mut self, io: &Io) {
        if self.connection.state() == State::Established {
            self.connection.close();
        }
        self.transmit(io);
        if let Socket::Own { udp, .. } = &self.socket {
            io.forget(udp.as_raw_fd());
        }
    }

    /// The key in the table of associations.
    pub(super) fn key(&self) -> Option<(usize, std::net::SocketAddr)> {
        match self.socket {
            Socket::Own { .. } => None,
            Socket::Shared(index) => Some((index, self.route.peer)),
        }
    }

    /// When something has to be done without a datagram.
    pub(super) fn next(&self) -> Option<Instant> {
        match self.stage {
            Stage::Retiring(until) => Some(until),
            Stage::Handshaking | Stage::Active => self.connection.poll_timeout(),
        }
    }
}
