//! What a frame begins with: from the link layer to the packet inside.

use std::borrow::Cow;

use interop_capture::LinkType;

/// `EtherType` values (RFC 9542, appendix B.1; IEEE 802.1Q for the tags).
const IPV4: u16 = 0x0800;
const ARP: u16 = 0x0806;
const VLAN: u16 = 0x8100;
const IPV6: u16 = 0x86dd;
const PROVIDER_VLAN: u16 = 0x88a8;
const OLD_PROVIDER_VLAN: u16 = 0x9100;
/// Tags that are skipped; more of them make no sense.
const MOST_TAGS: usize = 4;

/// `LINKTYPE_NULL` and `LINKTYPE_LOOP`: four bytes of address family.
const NULL: u32 = 0;
const LOOP: u32 = 108;
/// `DLT_RAW` of BSD and OpenBSD, which files should not have and some do.
const OLD_RAW_IP: [u32; 2] = [12, 14];
/// `LINKTYPE_LINUX_SLL`: sixteen bytes, type of device in bytes 2 and 3, protocol in the last two.
const SLL: u32 = 113;
/// `LINKTYPE_LINUX_SLL2`: twenty bytes that begin with the protocol, with the index of the device in bytes 4 to 7 and its
/// type in bytes 8 and 9.
const SLL2: u32 = 276;
/// `ARPHRD_NONE`: a device without a link layer, such as a TUN device.
const NO_LINK_LAYER: u16 = 0xfffe;

/// A frame without its link layer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Content<'a> {
    /// The packet inside.
    pub(super) packet: Packet<'a>,
    /// Of a capture on all devices of a host: which one, where the file says that.
    pub(super) device: Option<u32>,
    /// Whether the device has no link layer: it is the inside of a tunnel.
    pub(super) is_tunnel: bool,
}

/// The packet in a frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Packet<'a> {
    /// IPv4 or IPv6, with whatever padding follows it.
    Ip(&'a [u8]),
    /// Address resolution.
    Arp(&'a [u8]),
    /// Any other, or one whose beginning is cut off.
    Other,
}

/// Looks into a frame; `None` for link types that are not understood.
pub(super) fn content(link_type: LinkType, frame: &[u8]) -> Option<Content<'_>> {
    let plain = |packet, is_tunnel| Content { packet, device: None, is_tunnel };
    Some(match link_type {
        LinkType::Ethernet => plain(typed(word(frame, 12), frame.get(14..)), false),
        LinkType::RawIp => plain(Packet::Ip(frame), true),
        LinkType::Other(number) if OLD_RAW_IP.contains(&number) => plain(Packet::Ip(frame), true),
        // The values for IPv6 differ from system to system, and so does their byte order; the packet says it as well.
        LinkType::Other(NULL | LOOP) => plain(frame.get(4..).map_or(Packet::Other, Packet::Ip), false),
        LinkType::Other(SLL) => plain(typed(word(frame, 14), frame.get(16..)), word(frame, 2) == Some(NO_LINK_LAYER)),
        LinkType::Other(SLL2) => Content {
            packet: typed(word(frame, 0), frame.get(20..)),
            device: frame.get(4..8).and_then(|bytes| bytes.try_into().ok()).map(u32::from_be_bytes),
            is_tunnel: word(frame, 8) == Some(NO_LINK_LAYER),
        },
        LinkType::Other(_) => return None,
    })
}

/// How a person names a link type.
pub(super) fn name(number: u32) -> Cow<'static, str> {
    let name = match number {
        9 | 50 => "PPP",
        51 => "PPPoE",
        105 | 127 | 163 => "802.11",
        187 | 201 => "Bluetooth",
        189 | 220 => "USB",
        195 | 215 | 230 => "802.15.4",
        227 => "CAN",
        239 => "NFLOG",
        253 => "Netlink",
        number => return format!("link type {number}").into(),
    };
    format!("link type {number} ({name})").into()
}

/// What follows an `EtherType`, behind all tags.
fn typed(kind: Option<u16>, rest: Option<&[u8]>) -> Packet<'_> {
    let (Some(mut kind), Some(mut rest)) = (kind, rest) else { return Packet::Other };
    for _ in 0..MOST_TAGS {
        match kind {
            VLAN | PROVIDER_VLAN | OLD_PROVIDER_VLAN => match (word(rest, 2), rest.get(4..)) {
                (Some(inner), Some(behind)) => (kind, rest) = (inner, behind),
                _ => return Packet::Other,
            },
            IPV4 | IPV6 => return Packet::Ip(rest),
            ARP => return Packet::Arp(rest),
            _ => return Packet::Other,
        }
    }
    Packet::Other
}

fn word(bytes: &[u8], at: usize) -> Option<u16> {
    match bytes.get(at..)? {
        [high, low, ..] => Some(u16::from_be_bytes([*high, *low])),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn other(number: u32, frame: &[u8]) -> Content<'_> {
        content(LinkType::Other(number), frame).expect("a known link type")
    }

    #[test]
    fn cooked_captures_say_which_device_it_was() {
        // Protocol, reserved, index 3, ARPHRD_NONE, packet type, address length, address.
        let sll2 = [&[8, 0, 0, 0, 0, 0, 0, 3, 0xff, 0xfe, 0, 0][..], &[0; 8], b"packet"].concat();
        let expected = Content { packet: Packet::Ip(b"packet"), device: Some(3), is_tunnel: true };
        assert_eq!(other(SLL2, &sll2), expected);
        let sll = [&[0, 4, 0, 1, 0, 6][..], &[0; 8], &[8, 6], b"who has"].concat();
        assert_eq!(other(SLL, &sll), Content { packet: Packet::Arp(b"who has"), device: None, is_tunnel: false });
        assert_eq!(other(SLL, &sll[..15]).packet, Packet::Other);
        assert_eq!(other(NULL, b"\x02\0\0\0packet").packet, Packet::Ip(b"packet"));
        assert!(content(LinkType::Other(127), &sll).is_none());
        assert_eq!(name(127), "link type 127 (802.11)");
    }

    #[test]
    fn tags_are_skipped_but_not_without_end() {
        let header = [&[0; 12][..], &[0x88, 0xa8]].concat();
        let tagged = [&header[..], &[0, 1, 0x81, 0, 0, 2, 0x86, 0xdd], b"packet"].concat();
        let packet = |frame: &[u8]| content(LinkType::Ethernet, frame).map(|it| it.packet == Packet::Ip(b"packet"));
        assert_eq!(packet(&tagged), Some(true));
        assert_eq!(packet(&tagged[..20]), Some(false));
        let endless = [&header[..], &[0, 1, 0x81, 0].repeat(9), &[8, 0], b"packet"].concat();
        assert_eq!(packet(&endless), Some(false));
    }
}
