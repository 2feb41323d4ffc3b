//! UDP, TCP and ICMP.

use std::ops::Range;

use etherparse::{Icmpv4Slice, Icmpv6Slice, TcpSlice, UdpHeader, UdpSlice, ip_number};

/// The transport of an IP packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// UDP.
    Udp {
        /// Source port.
        source: u16,
        /// Destination port.
        destination: u16,
        /// Bytes of the whole payload as the header has it: more than there are, in the first of several fragments.
        length: usize,
    },
    /// TCP.
    Tcp {
        /// Source port.
        source: u16,
        /// Destination port.
        destination: u16,
        /// Sequence number.
        sequence: u32,
        /// Acknowledgement number.
        acknowledgement: u32,
        /// The eight flags, from CWR (0x80) to FIN (0x01).
        flags: u8,
    },
    /// ICMP for IPv4.
    Icmp {
        /// Type.
        kind: u8,
        /// Code.
        code: u8,
        /// For echo requests and replies.
        echo: Option<Echo>,
    },
    /// ICMP for IPv6.
    Icmpv6 {
        /// Type.
        kind: u8,
        /// Code.
        code: u8,
        /// For echo requests and replies.
        echo: Option<Echo>,
    },
    /// Any other protocol, or a header that is cut off.
    Other,
}

/// What makes the request and the reply of an echo belong together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Echo {
    /// Whether it is the reply.
    pub is_reply: bool,
    /// Identifier.
    pub id: u16,
    /// Sequence number.
    pub sequence: u16,
}

impl Transport {
    /// Dissects the payload of an IP packet, and says which part of it is the payload of the transport.
    pub(super) fn of(protocol: u8, bytes: &[u8]) -> (Self, Range<usize>) {
        let dissected = match etherparse::IpNumber(protocol) {
            ip_number::UDP => UdpSlice::from_slice_lax(bytes).ok().map(|udp| of_udp(&udp)),
            ip_number::TCP => TcpSlice::from_slice(bytes).ok().map(|tcp| of_tcp(&tcp)),
            ip_number::ICMP => Icmpv4Slice::from_slice(bytes).ok().map(|icmp| {
                let (kind, code) = (icmp.type_u8(), icmp.code_u8());
                let echo = Echo::of(kind == 8, kind == 0, icmp.bytes5to8());
                (Self::Icmp { kind, code, echo }, icmp.payload().len())
            }),
            ip_number::IPV6_ICMP => Icmpv6Slice::from_slice(bytes).ok().map(|icmp| {
                let (kind, code) = (icmp.type_u8(), icmp.code_u8());
                let echo = Echo::of(kind == 128, kind == 129, icmp.bytes5to8());
                (Self::Icmpv6 { kind, code, echo }, icmp.payload().len())
            }),
            _ => None,
        };
        match dissected {
            // UDP may be shorter than the packet that carries it, the others never are.
            Some((Self::Udp { source, destination, length }, present)) => {
                let start = UdpHeader::LEN;
                (Self::Udp { source, destination, length }, start..start + present)
            }
            Some((transport, length)) => (transport, bytes.len().saturating_sub(length)..bytes.len()),
            None => (Self::Other, 0..bytes.len()),
        }
    }

    /// Source and destination port, of UDP and TCP.
    pub const fn ports(&self) -> Option<(u16, u16)> {
        match self {
            Self::Udp { source, destination, .. } | Self::Tcp { source, destination, .. } => {
                Some((*source, *destination))
            }
            _ => None,
        }
    }

    /// The echo, if it is one.
    pub const fn echo(&self) -> Option<Echo> {
        match self {
            Self::Icmp { echo, .. } | Self::Icmpv6 { echo, .. } => *echo,
            _ => None,
        }
    }

    /// Multicast listeners (130 to 132, 143), router and neighbour discovery (133 to 137).
    pub(super) const fn is_housekeeping(&self) -> bool {
        matches!(self, Self::Icmpv6 { kind: 130..=137 | 143, .. })
    }
}

impl Echo {
    fn of(is_request: bool, is_reply: bool, [a, b, c, d]: [u8; 4]) -> Option<Self> {
        (is_request || is_reply).then(|| Self {
            is_reply,
            id: u16::from_be_bytes([a, b]),
            sequence: u16::from_be_bytes([c, d]),
        })
    }
}

fn of_udp(udp: &UdpSlice<'_>) -> (Transport, usize) {
    let present = udp.payload().len();
    let length = usize::from(udp.length()).saturating_sub(UdpHeader::LEN).max(present);
    (Transport::Udp { source: udp.source_port(), destination: udp.destination_port(), length }, present)
}

fn of_tcp(tcp: &TcpSlice<'_>) -> (Transport, usize) {
    // Byte 13 holds the flags (RFC 9293, section 3.1); the header is at least twenty bytes long.
    let flags = tcp.header_slice().get(13).copied().unwrap_or_default();
    let transport = Transport::Tcp {
        source: tcp.source_port(),
        destination: tcp.destination_port(),
        sequence: tcp.sequence_number(),
        acknowledgement: tcp.acknowledgment_number(),
        flags,
    };
    (transport, tcp.payload().len())
}
