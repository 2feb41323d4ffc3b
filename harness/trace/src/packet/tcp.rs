//! A TCP connection: how it opens and closes, and what it carries.

use interop_evidence::{Layer, View};

use super::dispatch::{Place, Sink, StreamReader};
use super::stream::{Event, Stream};
use crate::found::{Found, Piece, Way};

/// Flags (RFC 9293, section 3.1).
const FIN: u8 = 0x01;
const SYN: u8 = 0x02;
const RST: u8 = 0x04;
const ACK: u8 = 0x10;

/// A TCP segment.
#[derive(Clone, Copy, Debug)]
pub(super) struct Segment<'a> {
    pub(super) sequence: u32,
    pub(super) acknowledgement: u32,
    pub(super) flags: u8,
    /// What was captured of its payload.
    pub(super) payload: &'a [u8],
    /// Length of its payload when it was sent.
    pub(super) length: usize,
}

impl Segment<'_> {
    const fn has(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }

    /// Whether it asks for a new connection.
    pub(super) const fn opens(&self) -> bool {
        self.has(SYN) && !self.has(ACK)
    }

    /// Whether it grants one.
    pub(super) const fn accepts(&self) -> bool {
        self.has(SYN) && self.has(ACK)
    }
}

/// Both directions of a connection.
pub(super) struct Connection {
    sides: [Side; 2],
    reader: StreamReader,
}

/// What one end sent.
#[derive(Debug, Default)]
struct Side {
    stream: Stream,
    syn: Option<u32>,
    /// Sequence number behind its last byte.
    fin: Option<u32>,
    has_reset: bool,
}

/// What a segment did beside what was found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Missing {
    /// Bytes of packets that were captured in part.
    pub(super) cut: u64,
    /// Bytes that never came, with their direction.
    pub(super) lost: Option<(Way, u64)>,
}

impl Connection {
    /// A connection of which `first` is the first segment.
    pub(super) fn new(first: &Segment<'_>) -> Self {
        Self { sides: Default::default(), reader: StreamReader::new(first.has(SYN)) }
    }

    /// Whether nothing more is to come.
    pub(super) fn is_closed(&self) -> bool {
        self.sides.iter().any(|side| side.has_reset) || self.sides.iter().all(|side| side.fin.is_some())
    }

    /// Whether a segment that opens a connection opened this one.
    pub(super) fn was_opened_by(&self, way: Way, segment: &Segment<'_>) -> bool {
        self.sides[way.index()].syn == Some(segment.sequence)
    }

    /// Memory that is held for what is not in order.
    pub(super) fn held(&self) -> usize {
        self.sides.iter().map(|side| side.stream.held()).sum()
    }

    /// Takes the next segment; `at` has its moment and its direction. `held` is the memory that is held for all
    /// connections.
    pub(super) fn take(
        &mut self,
        at: Piece<'_>,
        segment: &Segment<'_>,
        place: Place,
        held: &mut usize,
        sink: &mut Sink<'_>,
    ) -> Missing {
        let Self { sides: [forth, back], reader } = self;
        let way = at.way;
        let (side, other) = match way {
            Way::Forth => (forth, back),
            Way::Back => (back, forth),
        };
        let line = |words: &'static str, again| Found::at(&at, View::OuterFlow, Layer::Tcp, words).repeated(again);
        let mut missing = Missing::default();

        let mut sequence = segment.sequence;
        if segment.has(SYN) {
            let again = side.syn.replace(sequence) == Some(sequence);
            sink.out.push(line(if segment.has(ACK) { "SYN ACK" } else { "SYN" }, again));
            sequence = sequence.wrapping_add(1);
            if !again {
                side.stream.start(sequence);
            }
        }
        if segment.has(ACK) && !segment.has(RST) {
            let way = way.other();
            other.stream.acknowledge(segment.acknowledgement, held, &mut |event| {
                missing.add(way, event);
                read(reader, Piece { way, ..at }, event, place, sink);
            });
        }
        // What a reset carries is a message to people at best (RFC 9293, section 3.5.3).
        if segment.has(RST) {
            reader.settle(&at, way, place, sink);
            sink.out.push(line("RST", side.has_reset));
            side.has_reset = true;
            return missing;
        }
        let taken = side.stream.take(sequence, segment.payload, segment.length, held, &mut |event| {
            missing.add(way, event);
            read(reader, at, event, place, sink);
        });
        if taken.is_repeat {
            sink.out.push(line("TCP retransmission", true));
        }
        if segment.has(FIN) {
            let end = u32::try_from(segment.length).map_or(sequence, |length| sequence.wrapping_add(length));
            reader.settle(&at, way, place, sink);
            sink.out.push(line("FIN", side.fin.replace(end).is_some()));
        }
        missing
    }
}

impl Missing {
    fn add(&mut self, way: Way, event: Event<'_>) {
        match event {
            Event::Bytes(_) => {}
            Event::Cut(bytes) => self.cut = self.cut.saturating_add(bytes),
            Event::Lost(bytes) => {
                let before = self.lost.map_or(0, |(_, bytes)| bytes);
                self.lost = Some((way, before.saturating_add(bytes)));
            }
        }
    }
}

fn read(reader: &mut StreamReader, at: Piece<'_>, event: Event<'_>, place: Place, sink: &mut Sink<'_>) {
    match event {
        Event::Bytes(bytes) => reader.feed(&at.with(bytes), place, sink),
        Event::Cut(bytes) | Event::Lost(bytes) => reader.gap(at.way, bytes),
    }
}
