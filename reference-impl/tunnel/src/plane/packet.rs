//! The little that the data plane reads of inner packets.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

const ICMP: u8 = 1;
const IGMP: u8 = 2;
const TCP: u8 = 6;
const ICMPV6: u8 = 58;
/// SYN in the byte of TCP flags.
const SYN: u8 = 0x02;

/// What matters of one inner packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Packet {
    pub(super) source: IpAddr,
    pub(super) destination: IpAddr,
    /// Whether it keeps an idle session alive: ICMP, IGMP and ICMPv6 do not (AC-KA-07).
    pub(super) is_traffic: bool,
    /// Whether it may be a TCP segment with SYN, whose MSS has to be looked at.
    pub(super) may_be_syn: bool,
}

impl Packet {
    /// Reads an IPv4 or IPv6 packet; `None` for anything else.
    pub(super) fn parse(packet: &[u8]) -> Option<Self> {
        match packet.first()? >> 4 {
            4 => {
                let header = packet.first_chunk::<20>()?;
                let [s0, s1, s2, s3, d0, d1, d2, d3] = *header.last_chunk::<8>()?;
                let at = usize::from(header[0] & 0x0f) * 4;
                let flags = packet.get(at + 13).copied().unwrap_or_default();
                Some(Self {
                    source: Ipv4Addr::new(s0, s1, s2, s3).into(),
                    destination: Ipv4Addr::new(d0, d1, d2, d3).into(),
                    is_traffic: !matches!(header[9], ICMP | IGMP),
                    may_be_syn: header[9] == TCP && flags & SYN != 0,
                })
            }
            6 => {
                let header = packet.first_chunk::<40>()?;
                let source: [u8; 16] = header[8..24].try_into().ok()?;
                let destination: [u8; 16] = header[24..40].try_into().ok()?;
                let flags = packet.get(40 + 13).copied().unwrap_or_default();
                Some(Self {
                    source: Ipv6Addr::from(source).into(),
                    destination: Ipv6Addr::from(destination).into(),
                    is_traffic: header[6] != ICMPV6,
                    // Behind extension headers flags are not found that cheaply; such a packet is looked at in full.
                    may_be_syn: if header[6] == TCP { flags & SYN != 0 } else { matches!(header[6], 0 | 43 | 44 | 60) },
                })
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_found_in_both_families() {
        let mut four = [0_u8; 40];
        (four[0], four[9]) = (0x45, TCP);
        four[12..20].copy_from_slice(&[10, 0, 0, 1, 10, 0, 0, 2]);
        let packet = Packet::parse(&four).unwrap();
        assert_eq!((packet.source, packet.destination), ([10, 0, 0, 1].into(), [10, 0, 0, 2].into()));
        assert!(packet.is_traffic && !packet.may_be_syn);
        four[33] = SYN;
        assert!(Packet::parse(&four).unwrap().may_be_syn);

        let mut six = [0_u8; 60];
        (six[0], six[6], six[23], six[39]) = (0x60, ICMPV6, 1, 2);
        let packet = Packet::parse(&six).unwrap();
        assert_eq!((packet.source, packet.destination), ("::1".parse().unwrap(), "::2".parse().unwrap()));
        assert!(!packet.is_traffic && !packet.may_be_syn);
    }

    #[test]
    fn what_is_too_short_or_no_ip_is_nothing() {
        assert_eq!(Packet::parse(&[]), None);
        assert_eq!(Packet::parse(&[0x45; 19]), None);
        assert_eq!(Packet::parse(&[0x60; 39]), None);
        assert_eq!(Packet::parse(&[0x50; 60]), None);
        assert!(Packet::parse(&[0x4f; 20]).is_some(), "options beyond the end");
    }
}
