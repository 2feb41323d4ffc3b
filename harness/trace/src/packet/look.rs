//! What a frame shows by itself, whatever came before it.

use std::ops::Range;

use interop_capture::{Frame, Summary};

use super::ip;
use super::link::{self, Packet};
use super::wires::Device;

/// A look at a frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Look {
    pub(super) device: Device,
    pub(super) inside: Inside,
}

/// What is in a frame, by its place there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Inside {
    /// An IP packet without padding, and how many bytes of its end were not captured.
    Ip {
        packet: Range<usize>,
        missing: usize,
        summary: Summary,
    },
    Arp(Range<usize>),
    /// Headers that end too early or make no sense.
    Broken,
    Other,
}

impl Look {
    /// Looks at a frame; `None` if its link type is not understood.
    pub(crate) fn at(frame: &Frame) -> Option<Self> {
        let content = link::content(frame.link_type, &frame.data)?;
        let end = frame.data.len();
        // What a link layer carries goes on to the end of the frame.
        let start = |rest: &[u8]| end.saturating_sub(rest.len());
        let inside = match content.packet {
            Packet::Ip(packet) => Inside::of_ip(packet, start(packet)),
            Packet::Arp(packet) => Inside::Arp(start(packet)..end),
            Packet::Other => Inside::Other,
        };
        Some(Self { device: (content.device, content.is_tunnel), inside })
    }
}

impl Inside {
    fn of_ip(packet: &[u8], start: usize) -> Self {
        let Some(length) = ip::length(packet) else { return Self::Broken };
        let missing = length.saturating_sub(packet.len());
        // Without the padding of short Ethernet frames.
        let packet = packet.get(..length).unwrap_or(packet);
        let summary = Summary::of_ip(packet);
        if summary.ip().is_none() {
            return Self::Broken;
        }
        Self::Ip { packet: start..start.saturating_add(packet.len()), missing, summary }
    }
}
