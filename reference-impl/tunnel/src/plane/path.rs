//! What the kernel knows of the path that datagrams take.

use std::ffi::c_int;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, UdpSocket};
use std::os::fd::{AsRawFd, RawFd};

use super::udp::Route;

/// Bytes of the headers of IPv4 and UDP.
const HEADERS_V4: usize = 20 + 8;
/// Bytes of the headers of IPv6 and UDP.
const HEADERS_V6: usize = 40 + 8;

/// Makes the kernel refuse what is longer than it knows the path to be, with EMSGSIZE, instead of sending it in vain.
///
/// The kernel learns from ICMP (RFC 1191, RFC 8201). Nothing is fragmented (AC-MTU-03).
pub(super) fn know_the_path(socket: &UdpSocket) -> io::Result<()> {
    let fd = socket.as_raw_fd();
    // A socket for both families needs both; that for IPv6 fails on one for IPv4 only.
    set(fd, libc::IPPROTO_IP, libc::IP_MTU_DISCOVER, libc::IP_PMTUDISC_DO)?;
    match socket.local_addr()?.ip() {
        IpAddr::V4(_) => Ok(()),
        IpAddr::V6(_) => set(fd, libc::IPPROTO_IPV6, libc::IPV6_MTU_DISCOVER, libc::IPV6_PMTUDISC_DO),
    }
}

/// Returns the largest datagram for a path, in bytes of payload; `None` when the kernel has no route.
///
/// A socket of its own asks: only a connected one can, and those of the data plane are not.
pub(super) fn path_mtu(route: Route) -> Option<usize> {
    let peer = route.peer.ip().to_canonical();
    let any: IpAddr = if peer.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let local = route.local.map(|local| local.to_canonical()).filter(|local| local.is_ipv4() == peer.is_ipv4());
    // An address that is not bindable, such as a link-local one without its scope, leaves the choice to the kernel.
    let socket = UdpSocket::bind((local.unwrap_or(any), 0)).or_else(|_| UdpSocket::bind((any, 0))).ok()?;
    // The scope of a link-local address counts, so that only the form of mapped addresses changes.
    let mut to = route.peer;
    if to.ip() != peer {
        to.set_ip(peer);
    }
    socket.connect(to).ok()?;
    let (level, name, headers) = match peer {
        IpAddr::V4(_) => (libc::IPPROTO_IP, libc::IP_MTU, HEADERS_V4),
        IpAddr::V6(_) => (libc::IPPROTO_IPV6, libc::IPV6_MTU, HEADERS_V6),
    };
    let mtu = usize::try_from(get(socket.as_raw_fd(), level, name).ok()?).ok()?;
    mtu.checked_sub(headers)
}

fn set(fd: RawFd, level: c_int, name: c_int, value: c_int) -> io::Result<()> {
    let pointer = (&raw const value).cast();
    // SAFETY: the pointer and the length are those of `value`, which lives until the call returns.
    let result = unsafe { libc::setsockopt(fd, level, name, pointer, size_of::<c_int>() as libc::socklen_t) };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

fn get(fd: RawFd, level: c_int, name: c_int) -> io::Result<c_int> {
    let mut value: c_int = 0;
    let mut length = size_of::<c_int>() as libc::socklen_t;
    // SAFETY: both pointers are valid for writing until the call returns, and `length` is the size of `value`.
    let result = unsafe { libc::getsockopt(fd, level, name, (&raw mut value).cast(), &raw mut length) };
    if result == 0 { Ok(value) } else { Err(io::Error::last_os_error()) }
}

#[cfg(test)]
mod tests {
    use super::super::udp::Udp;
    use super::*;

    #[test]
    fn the_loopback_path_is_known_in_both_families() {
        let peers = ["127.0.0.1:9", "[::1]:9", "[::ffff:127.0.0.1]:9"];
        // The loopback device has 65,536 bytes, unless somebody changed that; IPv4 knows no packet of that size.
        for (peer, most) in peers.into_iter().zip([65_535 - HEADERS_V4, 65_536 - HEADERS_V6, 65_535 - HEADERS_V4]) {
            for local in [None, Some(IpAddr::from(Ipv4Addr::LOCALHOST)), Some("192.0.2.77".parse().unwrap())] {
                let found = path_mtu(Route { peer: peer.parse().unwrap(), local });
                assert_eq!(found, Some(most), "{peer} from {local:?}");
            }
        }
    }

    #[test]
    fn sockets_of_both_families_are_told_to_heed_the_path() {
        for address in ["127.0.0.1:0", "[::1]:0", "[::]:0"] {
            let udp = Udp::new(UdpSocket::bind(address).unwrap()).unwrap();
            let fd = udp.as_raw_fd();
            assert_eq!(get(fd, libc::IPPROTO_IP, libc::IP_MTU_DISCOVER).unwrap(), libc::IP_PMTUDISC_DO, "{address}");
            if address.starts_with('[') {
                assert_eq!(get(fd, libc::IPPROTO_IPV6, libc::IPV6_MTU_DISCOVER).unwrap(), libc::IPV6_PMTUDISC_DO);
            }
        }
    }
}
