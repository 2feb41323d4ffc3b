//! Housekeeping: what neighbours say to each other whether or not there is a VPN, at times of its own.

use std::net::IpAddr;

use interop_evidence::Layer;

use crate::found::{Flow, Item, Protocol};
use crate::words::Word;

/// Multicast DNS (RFC 6762, section 2).
const MDNS: u16 = 5353;
/// IGMP (RFC 3376, section 4).
const IGMP: u8 = 2;
/// What the messages of neighbour discovery (RFC 4861) and of multicast listener discovery (RFC 3810) are called.
const MESSAGES: [&str; 5] =
    ["neighbor", "neighbour", "router solicitation", "router advertisement", "multicast listener"];

/// Whether this is ARP, neighbour or router discovery, multicast membership or multicast DNS.
pub(super) fn is_housekeeping(item: &Item<'_>) -> bool {
    // Housekeeping of neighbours has this layer, whatever carries it.
    if item.found.layer == Layer::Arp {
        return true;
    }
    let Flow { protocol, ends, ports, .. } = &**item.flow;
    match protocol {
        Protocol::Tcp => false,
        Protocol::Udp => ports.contains(&MDNS),
        Protocol::Arp | Protocol::Ip(IGMP) => true,
        Protocol::Icmp => ends.iter().any(IpAddr::is_ipv6) && is_discovery(&item.found.words.0),
        Protocol::Ip(_) => false,
    }
}

fn is_discovery(words: &[Word]) -> bool {
    words.iter().any(|word| match word {
        Word::Text(text) => {
            let text = text.to_ascii_lowercase();
            MESSAGES.iter().any(|message| text.contains(message))
        }
        _ => false,
    })
}
