//! Which decoder reads a flow, told by its first bytes.

use interop_evidence::{Layer, View};

use super::plain::Plain;
use crate::Keys;
use crate::app::clear::ClearHttp;
use crate::app::dns::Dns;
use crate::app::openvpn::Openvpn;
use crate::dtls::DtlsFlow;
use crate::found::{FlowDecoder, Found, Piece, Way};
use crate::tls::TlsStream;

const DNS: u16 = 53;
/// Multicast DNS (RFC 6762) and LLMNR (RFC 4795), whose messages are those of DNS.
const LOCAL_DNS: [u16; 2] = [5353, 5355];
/// Bytes of a stream that are enough to tell what it is.
const ENOUGH: usize = 8;
/// Where in a stream TLS may still begin, behind the words of a proxy or a `STARTTLS`.
const LATEST_TLS: u64 = 64 * 1024;
/// Datagrams within which OpenVPN must have been seen: a single byte tells it.
const LATEST_OPENVPN: u32 = 8;

/// What a reader must know of its flow.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    /// In the order of [`Way::Forth`].
    pub(super) ports: [u16; 2],
    /// Whether the interface is the inside of a tunnel: what is in there is named, not opened.
    pub(super) is_tunnel: bool,
}

/// Where a reader gets its keys, and where it leaves what it finds.
pub(super) struct Sink<'a> {
    pub(super) keys: &'a mut Keys,
    pub(super) out: &'a mut Vec<Found>,
}

/// Reads a stream.
pub(super) struct StreamReader {
    choice: Choice,
    /// The first bytes of each direction, while they are too few.
    start: [Vec<u8>; 2],
    /// Bytes that went by while nothing was recognised.
    passed: u64,
    /// Whether the beginning of the stream was seen; else any segment may be the first of something.
    is_whole: bool,
}

/// Reads datagrams between two ends.
pub(super) struct DatagramReader {
    choice: Choice,
    passed: u32,
}

enum Choice {
    Open,
    Plain(Plain),
    Read(Box<dyn FlowDecoder>),
}

impl Choice {
    fn read(decoder: impl FlowDecoder + 'static) -> Self {
        Self::Read(Box::new(decoder))
    }

    fn feed(&mut self, piece: &Piece<'_>, sink: &mut Sink<'_>) {
        match self {
            Self::Open => {}
            Self::Plain(plain) => plain.feed(piece, sink.keys, sink.out),
            Self::Read(decoder) => decoder.feed(piece, sink.keys, sink.out),
        }
    }
}

impl StreamReader {
    /// A reader for a stream of which nothing was read yet.
    pub(super) const fn new(is_whole: bool) -> Self {
        Self { choice: Choice::Open, start: [Vec::new(), Vec::new()], passed: 0, is_whole }
    }

    /// Takes the next bytes.
    pub(super) fn feed(&mut self, piece: &Piece<'_>, place: Place, sink: &mut Sink<'_>) {
        if let Choice::Open = self.choice {
            let start = &mut self.start[piece.way.index()];
            if !start.is_empty() || piece.bytes.len() < ENOUGH {
                start.extend_from_slice(piece.bytes);
                if start.len() >= ENOUGH {
                    self.settle(piece, piece.way, place, sink);
                }
                return;
            }
            self.choice = choose_stream(piece.bytes, place, self.is_whole);
            self.settle(piece, piece.way, place, sink);
        } else if let Choice::Plain(_) = self.choice {
            let may_begin = !self.is_whole || self.passed < LATEST_TLS;
            self.passed = self.passed.saturating_add(piece.bytes.len() as u64);
            if may_begin && !place.is_tunnel && TlsStream::looks_like(piece.bytes) {
                self.choice = Choice::read(TlsStream::default());
            } else if !self.is_whole && !place.is_tunnel && Openvpn::goes_on(piece.bytes) {
                self.choice = Choice::read(Openvpn::in_midstream());
            }
        }
        self.choice.feed(piece, sink);
    }

    /// Decides with what there is, and reads what was held back. `way` is the direction that decides.
    pub(super) fn settle(&mut self, at: &Piece<'_>, way: Way, place: Place, sink: &mut Sink<'_>) {
        let mut start = std::mem::take(&mut self.start);
        if let Choice::Open = self.choice {
            let of = if start[way.index()].is_empty() { way.other() } else { way };
            if start[of.index()].is_empty() {
                return;
            }
            self.choice = choose_stream(&start[of.index()], place, self.is_whole);
        }
        for way in [way, way.other()] {
            let bytes = std::mem::take(&mut start[way.index()]);
            if !bytes.is_empty() {
                self.choice.feed(&Piece { moment: at.moment, way, bytes: &bytes }, sink);
            }
        }
    }

    /// Bytes that are not in the capture.
    pub(super) fn gap(&mut self, way: Way, bytes: u64) {
        self.is_whole = false;
        if let Choice::Read(decoder) = &mut self.choice {
            decoder.gap(way, bytes);
        }
    }
}

impl DatagramReader {
    /// A reader for a flow of which nothing was read yet.
    pub(super) const fn new() -> Self {
        Self { choice: Choice::Open, passed: 0 }
    }

    /// Takes a datagram whose payload had `size` bytes when it was sent.
    pub(super) fn feed(&mut self, piece: &Piece<'_>, size: usize, place: Place, sink: &mut Sink<'_>) {
        if !matches!(self.choice, Choice::Read(_)) {
            // Once named, always named so.
            let is_named = matches!(self.choice, Choice::Plain(plain) if plain != Plain::data(Layer::Udp));
            if !is_named {
                self.choice = choose_datagrams(piece.bytes, place, self.passed < LATEST_OPENVPN);
            }
            self.passed = self.passed.saturating_add(1);
        }
        match &mut self.choice {
            Choice::Open => {}
            Choice::Plain(plain) => plain.datagram(piece, size, sink.out),
            Choice::Read(decoder) => decoder.feed(piece, sink.keys, sink.out),
        }
    }
}

fn choose_stream(start: &[u8], place: Place, is_whole: bool) -> Choice {
    let Place { ports, is_tunnel } = place;
    if ports.contains(&DNS) {
        Choice::read(Dns::new(true))
    } else if TlsStream::looks_like(start) {
        match is_tunnel {
            true => Choice::Plain(Plain::closed("TLS", Layer::Tls)),
            false => Choice::read(TlsStream::default()),
        }
    } else if ClearHttp::looks_like(start) {
        // Before OpenVPN: the letters of a method may be a length and an opcode.
        match is_tunnel {
            true => Choice::Plain(Plain::data(Layer::Tcp)),
            false => Choice::read(ClearHttp::new(View::OuterFlow)),
        }
    } else if Openvpn::looks_like(start, true) {
        match is_tunnel {
            true => Choice::Plain(Plain::closed("OpenVPN", Layer::Openvpn)),
            false if is_whole => Choice::read(Openvpn::new(true)),
            false => Choice::read(Openvpn::in_midstream()),
        }
    } else {
        Choice::Plain(Plain::data(Layer::Tcp))
    }
}

fn choose_datagrams(datagram: &[u8], place: Place, may_be_openvpn: bool) -> Choice {
    let Place { ports, is_tunnel } = place;
    if ports.iter().any(|port| *port == DNS || LOCAL_DNS.contains(port)) {
        Choice::read(Dns::new(false))
    } else if DtlsFlow::looks_like(datagram) {
        match is_tunnel {
            true => Choice::Plain(Plain::closed("DTLS", Layer::Dtls)),
            false => Choice::read(DtlsFlow::default()),
        }
    } else if may_be_openvpn && Openvpn::looks_like(datagram, false) {
        match is_tunnel {
            true => Choice::Plain(Plain::closed("OpenVPN", Layer::Openvpn)),
            false => Choice::read(Openvpn::new(false)),
        }
    } else {
        Choice::Plain(Plain::data(Layer::Udp))
    }
}
