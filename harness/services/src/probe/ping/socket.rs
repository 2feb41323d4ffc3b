//! A socket for pings in tokio's hands.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicU16, Ordering};

use rustix::net::{AddressFamily, SocketType, sockopt};
use tokio::net::UdpSocket;

use super::icmp::{Echo, Family, ipv4_payload};

/// Whether a packet that is too large may be cut into pieces on its way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Fragmentation {
    /// It may.
    #[default]
    Allowed,
    /// It may not, and what the kernel believes of the path is ignored (`IP_PMTUDISC_PROBE`).
    Forbidden,
}

/// An ICMP socket, raw or datagram, and the identifier of its echo requests.
pub struct PingSocket {
    /// Not UDP at all: tokio's `send_to` and `recv_from` are the plain system calls, which suit ICMP sockets as well,
    /// and its own type for other descriptors (`AsyncFd`) needs unsafe code.
    socket: UdpSocket,
    family: Family,
    /// Datagram sockets have their identifier chosen by the kernel and see their own replies only.
    raw: bool,
    id: u16,
    next: AtomicU16,
}

impl PingSocket {
    /// Takes an ICMP socket ([`crate::sockets::icmp`] makes one); `id` tells raw sockets of one node apart.
    pub fn new(socket: OwnedFd, id: u16) -> io::Result<Self> {
        let raw = sockopt::socket_type(&socket)? == SocketType::RAW;
        let family = match sockopt::socket_domain(&socket)? {
            AddressFamily::INET => Family::V4,
            _ => Family::V6,
        };
        let socket = std::net::UdpSocket::from(socket);
        socket.set_nonblocking(true)?;
        Ok(Self { socket: UdpSocket::from_std(socket)?, family, raw, id, next: AtomicU16::new(0) })
    }

    /// IP version of the socket.
    pub fn family(&self) -> Family {
        self.family
    }

    /// A sequence number that this socket has not used of late, so that a late reply is never taken for a new one.
    pub fn next_seq(&self) -> u16 {
        self.next.fetch_add(1, Ordering::Relaxed)
    }

    /// Sends one echo request that makes an IP packet of `size` bytes.
    pub(super) async fn send(&self, target: IpAddr, size: u32, seq: u16) -> io::Result<()> {
        let packet = Echo { id: self.id, seq }.request(self.family, size);
        self.socket.send_to(&packet, SocketAddr::new(target, 0)).await.map(|_| ())
    }

    /// Waits for the reply to a request; anything else that comes is passed over.
    pub(super) async fn reply(&self, target: IpAddr, seq: u16) -> io::Result<()> {
        let mut buffer = vec![0; 65_536];
        loop {
            let (length, from) = self.socket.recv_from(&mut buffer).await?;
            let with_ip_header = self.raw && self.family == Family::V4;
            let packet = if with_ip_header { ipv4_payload(&buffer[..length]) } else { Some(&buffer[..length]) };
            if let Some(echo) = packet.and_then(|packet| Echo::reply(self.family, packet))
                && echo.seq == seq
                && (!self.raw || echo.id == self.id)
                && from.ip() == target
            {
                return Ok(());
            }
        }
    }
}
