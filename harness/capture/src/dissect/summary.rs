//! One frame from the outside in.

use std::net::{IpAddr, Ipv4Addr};
use std::ops::Range;

use etherparse::{IpNumber, Ipv6FragmentHeaderSlice, LaxNetSlice, LaxSlicedPacket, LinkSlice, ip_number};

use super::transport::Transport;
use crate::LinkType;

/// What a frame is. Fields that the frame is too short for, or that make no sense, are left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    /// The layer above Ethernet.
    pub network: Network,
    /// Where in the frame the innermost payload is that was understood.
    payload: Range<usize>,
}

/// The layer above Ethernet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Network {
    /// IPv4 or IPv6.
    Ip(Ip),
    /// Address resolution of IPv4.
    Arp(Arp),
    /// Something else, or nothing that could be understood.
    Other {
        /// As the Ethernet header says, where there is one.
        ether_type: Option<u16>,
    },
}

/// An IP packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ip {
    /// Source address.
    pub source: IpAddr,
    /// Destination address.
    pub destination: IpAddr,
    /// Protocol number, behind IPv6 extension headers.
    pub protocol: u8,
    /// Where it belongs, if it is a fragment.
    pub fragment: Option<Fragment>,
    /// The transport; [`Transport::Other`] for a fragment that is not the first.
    pub transport: Transport,
}

/// Which part of a packet a fragment is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fragment {
    /// The same for all fragments of a packet between two hosts.
    pub id: u32,
    /// Position of its payload in that of the packet, in bytes.
    pub offset: u32,
    /// Whether others follow.
    pub more: bool,
}

/// An ARP packet for IPv4 over Ethernet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arp {
    /// 1 request, 2 reply.
    pub operation: u16,
    /// Address of the sender.
    pub sender: Ipv4Addr,
    /// Address asked for.
    pub target: Ipv4Addr,
}

impl Summary {
    /// Dissects a frame by its link type.
    pub fn of(link_type: LinkType, frame: &[u8]) -> Self {
        match link_type {
            LinkType::Ethernet => Self::of_ethernet(frame),
            LinkType::RawIp => Self::of_ip(frame),
            LinkType::Other(_) => Self::unknown(None, frame),
        }
    }

    /// Dissects an Ethernet frame without check sequence.
    pub fn of_ethernet(frame: &[u8]) -> Self {
        match LaxSlicedPacket::from_ethernet(frame) {
            Ok(sliced) => Self::of_sliced(&sliced, frame),
            Err(_) => Self::unknown(None, frame),
        }
    }

    /// Dissects an IPv4 or IPv6 packet.
    pub fn of_ip(packet: &[u8]) -> Self {
        match LaxSlicedPacket::from_ip(packet) {
            Ok(sliced) => Self::of_sliced(&sliced, packet),
            Err(_) => Self::unknown(None, packet),
        }
    }

    /// The IP packet, if it is one.
    pub const fn ip(&self) -> Option<&Ip> {
        match &self.network {
            Network::Ip(ip) => Some(ip),
            _ => None,
        }
    }

    /// The innermost payload in `frame`, which must be the frame that was dissected: that of UDP, TCP or ICMP, else
    /// that of IP, else the whole frame.
    pub fn payload<'a>(&self, frame: &'a [u8]) -> &'a [u8] {
        frame.get(self.payload.clone()).unwrap_or_default()
    }

    /// Whether neighbours only keep house: ARP, neighbour discovery, router discovery, multicast membership.
    pub const fn is_housekeeping(&self) -> bool {
        match &self.network {
            Network::Arp(_) => true,
            Network::Ip(ip) => ip.transport.is_housekeeping(),
            Network::Other { .. } => false,
        }
    }

    fn unknown(ether_type: Option<u16>, frame: &[u8]) -> Self {
        Self { network: Network::Other { ether_type }, payload: 0..frame.len() }
    }

    fn of_sliced(sliced: &LaxSlicedPacket<'_>, frame: &[u8]) -> Self {
        let (source, destination, fragment, payload) = match &sliced.net {
            Some(LaxNetSlice::Ipv4(ip)) => {
                let header = ip.header();
                let fragment = ip.is_payload_fragmented().then(|| Fragment {
                    id: header.identification().into(),
                    offset: u32::from(header.fragments_offset().value()) * 8,
                    more: header.more_fragments(),
                });
                (header.source_addr().into(), header.destination_addr().into(), fragment, ip.payload())
            }
            Some(LaxNetSlice::Ipv6(ip)) => {
                let extensions = ip.extensions();
                let first = extensions.first_header().filter(|_| ip.is_payload_fragmented());
                let fragment = first.and_then(|first| fragment_in(first, extensions.slice()));
                let header = ip.header();
                (header.source_addr().into(), header.destination_addr().into(), fragment, ip.payload())
            }
            Some(LaxNetSlice::Arp(arp)) => return Self::of_arp(arp.slice(), frame),
            None => {
                let ether_type = sliced.link.as_ref().and_then(|link| match link {
                    LinkSlice::Ethernet2(header) => Some(header.ether_type().0),
                    _ => None,
                });
                return Self::unknown(ether_type, frame);
            }
        };
        let is_first = fragment.is_none_or(|fragment| fragment.offset == 0);
        let protocol = payload.ip_number.0;
        let (transport, skipped) = match is_first {
            true => Transport::of(protocol, payload.payload),
            false => (Transport::Other, 0..payload.payload.len()),
        };
        // Both slices are of one buffer; where the compiler cannot know that, `payload` checks the bounds.
        let start = (payload.payload.as_ptr() as usize).saturating_sub(frame.as_ptr() as usize);
        Self {
            network: Network::Ip(Ip { source, destination, protocol, fragment, transport }),
            payload: start.saturating_add(skipped.start)..start.saturating_add(skipped.end),
        }
    }

    fn of_arp(packet: &[u8], frame: &[u8]) -> Self {
        // Ethernet and IPv4 addresses only: six and four bytes long (RFC 826).
        let address = |at: usize| packet.get(at..at + 4).and_then(|bytes| <[u8; 4]>::try_from(bytes).ok());
        match (packet.get(4..8), address(14), address(24)) {
            (Some([6, 4, high, low]), Some(sender), Some(target)) => Self {
                network: Network::Arp(Arp {
                    operation: u16::from_be_bytes([*high, *low]),
                    sender: sender.into(),
                    target: target.into(),
                }),
                payload: frame.len()..frame.len(),
            },
            _ => Self::unknown(Some(etherparse::ether_type::ARP.0), frame),
        }
    }
}

/// The fragment header among IPv6 extension headers. The iterator of etherparse 0.21 must not be used on what its lax
/// parsing gives: in a chain that is cut off it reads beyond the end.
fn fragment_in(first: IpNumber, headers: &[u8]) -> Option<Fragment> {
    let mut kind = first;
    let mut rest = headers;
    loop {
        let length = match kind {
            ip_number::IPV6_FRAG => {
                let header = Ipv6FragmentHeaderSlice::from_slice(rest).ok()?;
                return Some(Fragment {
                    id: header.identification(),
                    offset: u32::from(header.fragment_offset().value()) * 8,
                    more: header.more_fragments(),
                });
            }
            ip_number::AUTH => (usize::from(*rest.get(1)?) + 2) * 4,
            ip_number::IPV6_HOP_BY_HOP | ip_number::IPV6_ROUTE | ip_number::IPV6_DEST_OPTIONS => {
                (usize::from(*rest.get(1)?) + 1) * 8
            }
            _ => return None,
        };
        kind = IpNumber(*rest.first()?);
        rest = rest.get(length..)?;
    }
}
