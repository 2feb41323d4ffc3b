//! Opens sockets in the network namespace of the calling thread.

use std::io;
use std::net::{IpAddr, SocketAddr, TcpListener, UdpSocket};
use std::os::fd::OwnedFd;

use rustix::net::sockopt::{self, Ipv4PathMtuDiscovery, Ipv6PathMtuDiscovery};
use rustix::net::{AddressFamily, Protocol, SocketFlags, SocketType, bind, ipproto, listen, socket_with};

use crate::Fragmentation;

/// Connections that wait in the kernel for a service.
const BACKLOG: i32 = 128;

/// A UDP socket bound to this address; port 0 lets the kernel choose. An IPv6 socket carries IPv6 only.
pub fn udp(address: SocketAddr) -> io::Result<UdpSocket> {
    let socket = open(family(address.ip()), SocketType::DGRAM, None)?;
    only_v6(&socket, address.ip())?;
    bind(&socket, &address)?;
    Ok(socket.into())
}

/// A listening TCP socket bound to this address; port 0 lets the kernel choose. An IPv6 socket carries IPv6 only.
pub fn tcp_listener(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = open(family(address.ip()), SocketType::STREAM, None)?;
    only_v6(&socket, address.ip())?;
    sockopt::set_socket_reuseaddr(&socket, true)?;
    bind(&socket, &address)?;
    listen(&socket, BACKLOG)?;
    Ok(socket.into())
}

/// A TCP socket, not connected yet, for a call to `target`.
pub fn tcp_client(target: IpAddr) -> io::Result<OwnedFd> {
    open(family(target), SocketType::STREAM, None)
}

/// An ICMP socket for pings to `target`: raw where that is allowed, else a datagram one (see
/// `net.ipv4.ping_group_range`).
pub fn icmp(target: IpAddr, fragmentation: Fragmentation) -> io::Result<OwnedFd> {
    let protocol = if target.is_ipv4() { ipproto::ICMP } else { ipproto::ICMPV6 };
    let socket = match open(family(target), SocketType::RAW, Some(protocol)) {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            open(family(target), SocketType::DGRAM, Some(protocol))?
        }
        other => other?,
    };
    match (fragmentation, target) {
        (Fragmentation::Allowed, IpAddr::V4(_)) => sockopt::set_ip_mtu_discover(&socket, Ipv4PathMtuDiscovery::DONT)?,
        (Fragmentation::Allowed, IpAddr::V6(_)) => sockopt::set_ipv6_mtu_discover(&socket, Ipv6PathMtuDiscovery::WANT)?,
        (Fragmentation::Forbidden, IpAddr::V4(_)) => {
            sockopt::set_ip_mtu_discover(&socket, Ipv4PathMtuDiscovery::PROBE)?
        }
        (Fragmentation::Forbidden, IpAddr::V6(_)) => {
            sockopt::set_ipv6_mtu_discover(&socket, Ipv6PathMtuDiscovery::PROBE)?;
        }
    }
    Ok(socket)
}

fn open(family: AddressFamily, kind: SocketType, protocol: Option<Protocol>) -> io::Result<OwnedFd> {
    Ok(socket_with(family, kind, SocketFlags::CLOEXEC | SocketFlags::NONBLOCK, protocol)?)
}

fn family(address: IpAddr) -> AddressFamily {
    if address.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 }
}

/// So that `0.0.0.0` and `::` can both be bound.
fn only_v6(socket: &OwnedFd, address: IpAddr) -> io::Result<()> {
    if address.is_ipv6() {
        sockopt::set_ipv6_v6only(socket, true)?;
    }
    Ok(())
}
