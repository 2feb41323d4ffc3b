//! ICMP echo packets (RFC 792, RFC 4443).

use std::net::IpAddr;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore as _, SeedableRng as _};

/// ICMP type of an echo request.
const ECHO: u8 = 8;
/// ICMP type of an echo reply.
const ECHO_REPLY: u8 = 0;
/// ICMPv6 type of an echo request.
const ECHO_REQUEST_V6: u8 = 128;
/// ICMPv6 type of an echo reply.
const ECHO_REPLY_V6: u8 = 129;
/// Type, code, checksum, identifier, sequence number.
const HEADER: u32 = 8;

/// IP version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Family {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

impl Family {
    /// That of an address.
    pub const fn of(address: IpAddr) -> Self {
        if address.is_ipv4() { Self::V4 } else { Self::V6 }
    }

    /// Bytes of the IP header without options or extensions.
    pub const fn ip_header(self) -> u32 {
        match self {
            Self::V4 => 20,
            Self::V6 => 40,
        }
    }

    /// Smallest IP packet that holds an echo request.
    pub const fn min_size(self) -> u32 {
        self.ip_header() + HEADER
    }
}

/// An echo request or reply without its data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Echo {
    /// Tells the sender from others.
    pub id: u16,
    /// Number of the request.
    pub seq: u16,
}

impl Echo {
    /// An echo request that makes an IP packet of `size` bytes. Its data does not compress. The checksum of ICMPv6,
    /// which covers addresses, is left to the kernel.
    pub fn request(self, family: Family, size: u32) -> Vec<u8> {
        let length = size.max(family.min_size()) - family.ip_header();
        let mut packet = vec![0; length as usize];
        packet[0] = if family == Family::V4 { ECHO } else { ECHO_REQUEST_V6 };
        packet[4..6].copy_from_slice(&self.id.to_be_bytes());
        packet[6..8].copy_from_slice(&self.seq.to_be_bytes());
        ChaCha8Rng::seed_from_u64(u64::from(self.seq)).fill_bytes(&mut packet[HEADER as usize..]);
        if family == Family::V4 {
            let sum = checksum(&packet);
            packet[2..4].copy_from_slice(&sum.to_be_bytes());
        }
        packet
    }

    /// Reads an echo reply, given from the ICMP header on; `None` if it is something else or damaged.
    pub fn reply(family: Family, packet: &[u8]) -> Option<Self> {
        let [kind, 0, _, _, id0, id1, seq0, seq1, ..] = packet else { return None };
        let wanted = if family == Family::V4 { ECHO_REPLY } else { ECHO_REPLY_V6 };
        let intact = family == Family::V6 || checksum(packet) == 0;
        let echo = Self { id: u16::from_be_bytes([*id0, *id1]), seq: u16::from_be_bytes([*seq0, *seq1]) };
        (*kind == wanted && intact).then_some(echo)
    }
}

/// What follows the header of an IPv4 packet, as a raw socket gives it.
pub fn ipv4_payload(packet: &[u8]) -> Option<&[u8]> {
    let first = *packet.first()?;
    let header = usize::from(first & 0x0f) * 4;
    if first >> 4 == 4 && header >= 20 { packet.get(header..) } else { None }
}

/// The Internet checksum (RFC 1071); over a packet with a correct checksum it is 0.
pub fn checksum(bytes: &[u8]) -> u16 {
    let words = bytes.chunks(2).map(|pair| u32::from(u16::from_be_bytes([pair[0], *pair.get(1).unwrap_or(&0)])));
    let mut sum: u32 = words.sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_that_of_rfc_1071() {
        assert_eq!(checksum(&[0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7]), !0xddf2);
        assert_eq!(checksum(&[0x01]), !0x0100);
    }

    #[test]
    fn a_request_has_the_size_that_was_asked_for() {
        let echo = Echo { id: 0x1234, seq: 7 };
        assert_eq!(echo.request(Family::V4, 1400).len(), 1380);
        assert_eq!(echo.request(Family::V6, 1400).len(), 1360);
        assert_eq!(echo.request(Family::V4, 0).len(), 8);
        assert_eq!(checksum(&echo.request(Family::V4, 101)), 0);
    }

    #[test]
    fn a_reply_is_told_from_everything_else() {
        let echo = Echo { id: 0x1234, seq: 7 };
        let mut reply = echo.request(Family::V4, 100);
        assert_eq!(Echo::reply(Family::V4, &reply), None, "a request");
        reply[0] = ECHO_REPLY;
        assert_eq!(Echo::reply(Family::V4, &reply), None, "the checksum is wrong now");
        reply[2..4].fill(0);
        let sum = checksum(&reply);
        reply[2..4].copy_from_slice(&sum.to_be_bytes());
        assert_eq!(Echo::reply(Family::V4, &reply), Some(echo));
        assert_eq!(Echo::reply(Family::V4, &reply[..7]), None);
    }

    #[test]
    fn options_of_the_ip_header_are_skipped() {
        let mut packet = vec![0; 24];
        packet[0] = 0x46;
        packet.extend([ECHO_REPLY, 0]);
        assert_eq!(ipv4_payload(&packet), Some(&[ECHO_REPLY, 0][..]));
        assert_eq!(ipv4_payload(&packet[..20]), None);
        assert_eq!(ipv4_payload(&[0x60; 40]), None);
    }
}
