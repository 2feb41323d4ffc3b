//! What decoders give each other and the trace.

use std::net::IpAddr;
use std::sync::Arc;

use interop_evidence::{Layer, Micros, View};

use crate::words::Words;

/// Direction within a flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Way {
    /// From the host that opened the flow.
    Forth,
    /// Towards it.
    Back,
}

impl Way {
    pub(crate) const fn index(self) -> usize {
        match self {
            Self::Forth => 0,
            Self::Back => 1,
        }
    }

    pub(crate) const fn other(self) -> Self {
        match self {
            Self::Forth => Self::Back,
            Self::Back => Self::Forth,
        }
    }
}

/// A frame and its time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Moment {
    /// Number in the capture, from 1.
    pub(crate) frame: u64,
    /// On the clock of the trace.
    pub(crate) at: Micros,
}

/// Bytes of a stream in order, a whole datagram, or the plain text of one record.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Piece<'a> {
    /// The frame that completed it.
    pub(crate) moment: Moment,
    /// Its direction.
    pub(crate) way: Way,
    /// The bytes.
    pub(crate) bytes: &'a [u8],
}

impl<'a> Piece<'a> {
    /// Other bytes of the same moment and direction.
    pub(crate) const fn with<'b>(&self, bytes: &'b [u8]) -> Piece<'b> {
        Piece { moment: self.moment, way: self.way, bytes }
    }
}

/// What a decoder found in a flow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) moment: Moment,
    pub(crate) way: Way,
    pub(crate) view: View,
    pub(crate) layer: Layer,
    pub(crate) words: Words,
    /// Whether it repeats what was sent before.
    pub(crate) again: bool,
}

impl Found {
    /// Something at the moment and in the direction of `piece`.
    pub(crate) fn at(piece: &Piece<'_>, view: View, layer: Layer, words: impl Into<Words>) -> Self {
        Self { moment: piece.moment, way: piece.way, view, layer, words: words.into(), again: false }
    }

    /// The same, marked as a repetition.
    pub(crate) fn repeated(self, again: bool) -> Self {
        Self { again, ..self }
    }
}

/// Transport of a flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Protocol {
    Tcp,
    Udp,
    Icmp,
    Arp,
    /// Any other, by its number.
    Ip(u8),
}

/// A flow as the trace names it; ends are in the order of [`Way::Forth`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Flow {
    /// Interface of the capture.
    pub(crate) wire: Arc<str>,
    pub(crate) protocol: Protocol,
    /// Who opened it, and to whom.
    pub(crate) ends: [IpAddr; 2],
    /// Ports of TCP and UDP; zero elsewhere.
    pub(crate) ports: [u16; 2],
    /// Flows of the same ends and ports one after the other, from 0.
    pub(crate) generation: u32,
}

/// What was found, with its flow and what the capture says of the frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Item<'a> {
    pub(crate) flow: &'a Arc<Flow>,
    pub(crate) found: Found,
    /// The comment of the frame: `dropped: cut`.
    pub(crate) remark: Option<&'a str>,
}

/// Reads one TCP connection or one pair of UDP ends. Any input; never panics.
pub(crate) trait FlowDecoder: Send {
    /// Takes bytes of a stream in order, or one datagram.
    fn feed(&mut self, piece: &Piece<'_>, keys: &mut crate::Keys, out: &mut Vec<Found>);

    /// Bytes of a stream that the capture does not have.
    fn gap(&mut self, _way: Way, _bytes: u64) {}
}
