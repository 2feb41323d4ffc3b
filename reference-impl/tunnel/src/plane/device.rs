//! Where inner packets come from and go to.

use std::io;
use std::os::fd::{AsFd, AsRawFd, RawFd};
use std::os::unix::net::UnixDatagram;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use crate::net::TunDevice;

/// How long a full pair is waited for, in milliseconds.
const PAIR_PATIENCE: u8 = 50;

/// The end of the data plane that faces inwards.
#[derive(Debug, Default)]
pub enum Device {
    /// Nothing: what comes out of the tunnel is counted and forgotten.
    #[default]
    None,
    /// One end of a pair of datagram sockets, one packet a datagram: for tests and load generators.
    ///
    /// Such a pair holds only a few packets; a reader that is slow holds the data plane up, within bounds.
    Pair(UnixDatagram),
    /// A TUN device.
    Tun(TunDevice),
}

impl Device {
    /// Makes it non-blocking and gives the descriptor to wait on.
    pub(super) fn prepare(&self) -> io::Result<Option<RawFd>> {
        match self {
            Self::None => Ok(None),
            Self::Pair(socket) => socket.set_nonblocking(true).map(|()| Some(socket.as_raw_fd())),
            Self::Tun(device) => Ok(Some(device.as_raw_fd())),
        }
    }

    /// Reads one packet.
    pub(super) fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::None => Err(io::ErrorKind::WouldBlock.into()),
            Self::Pair(socket) => socket.recv(buffer),
            Self::Tun(device) => device.read(buffer),
        }
    }

    /// Writes one packet.
    pub(super) fn write(&self, packet: &[u8]) -> io::Result<usize> {
        match self {
            Self::None => Ok(packet.len()),
            Self::Pair(socket) => match socket.send(packet) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    let mut wait = [PollFd::new(socket.as_fd(), PollFlags::POLLOUT)];
                    let _ = poll(&mut wait, PollTimeout::from(PAIR_PATIENCE));
                    socket.send(packet)
                }
                other => other,
            },
            Self::Tun(device) => device.write(packet),
        }
    }
}
