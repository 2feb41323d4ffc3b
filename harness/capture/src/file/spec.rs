//! Interfaces and directions.

use std::borrow::Cow;

use pcap_file::DataLink;
use pcap_file::pcapng::blocks::interface_description::{
    InterfaceDescriptionBlock, InterfaceDescriptionOption, InterfaceTsResolution,
};

/// What the frames of an interface begin with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LinkType {
    /// An Ethernet header: wires.
    #[default]
    Ethernet,
    /// An IPv4 or IPv6 header: TUN devices.
    RawIp,
    /// Anything else, by its number in the registry of link types; only met when reading.
    Other(u32),
}

/// `LINKTYPE_RAW`, `LINKTYPE_IPV4` and `LINKTYPE_IPV6`.
const RAW_IP: [u32; 3] = [101, 228, 229];

impl LinkType {
    pub(super) fn of(link: DataLink) -> Self {
        match u32::from(link) {
            1 => Self::Ethernet,
            number if RAW_IP.contains(&number) => Self::RawIp,
            number => Self::Other(number),
        }
    }

    pub(super) fn data_link(self) -> DataLink {
        DataLink::from(match self {
            Self::Ethernet => 1,
            Self::RawIp => RAW_IP[0],
            Self::Other(number) => number,
        })
    }
}

/// A wire or a TUN device as the capture describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InterfaceSpec {
    /// Short name, shown by Wireshark as `frame.interface_name`.
    pub name: String,
    /// What it connects.
    pub description: String,
    /// What its frames begin with.
    pub link_type: LinkType,
}

impl InterfaceSpec {
    /// Longest name or description in bytes; longer ones are cut.
    const MOST_TEXT: usize = 1024;

    pub(super) fn block(&self) -> InterfaceDescriptionBlock<'static> {
        let text = |text: &str| Cow::Owned(shorten(text, Self::MOST_TEXT).to_owned());
        InterfaceDescriptionBlock {
            linktype: self.link_type.data_link(),
            snaplen: 0,
            options: vec![
                InterfaceDescriptionOption::IfName(text(&self.name)),
                InterfaceDescriptionOption::IfDescription(text(&self.description)),
                InterfaceDescriptionOption::IfTsResol(InterfaceTsResolution::NANO),
            ],
        }
    }
}

/// An interface of a [`CaptureWriter`](super::CaptureWriter), in the order in which they were given or added.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct InterfaceId(pub u32);

/// Which end of a wire a frame came from. In the file, end A is the capturing side: its frames are outbound.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Side {
    /// From end A; of a TUN device, from the node's applications.
    A,
    /// From end B; of a TUN device, from the VPN program.
    B,
}

impl Side {
    /// Bits 0 and 1 of `epb_flags`: 1 inbound, 2 outbound.
    pub(super) const fn flags(self) -> u32 {
        match self {
            Self::A => 0x2,
            Self::B => 0x1,
        }
    }

    pub(super) const fn of_flags(flags: u32) -> Option<Self> {
        match flags & 0x3 {
            0x2 => Some(Self::A),
            0x1 => Some(Self::B),
            _ => None,
        }
    }
}

/// The beginning of `text`, at most `most` bytes long.
pub(super) fn shorten(text: &str, most: usize) -> &str {
    &text[..text.floor_char_boundary(most)]
}
