//! OpenVPN packets: opcodes, acknowledgements, the TLS handshake inside.
//!
//! Control packets are readable unless `tls-crypt` hides them; then only opcode, key id and session id are. Data
//! packets are never opened.

mod channel;
mod packet;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::hash::{DefaultHasher, Hash, Hasher};

use interop_evidence::{Layer, View};

use crate::Keys;
use crate::found::{FlowDecoder, Found, Piece, Way};
use crate::words::Words;

use channel::Channel;
use packet::{Guard, Packet};

/// Channels that are followed at a time: the key in use, the one before it, the one that is being made.
const MOST_CHANNELS: usize = 3;
/// Data packets of one direction that are remembered, to know them when they come again.
const MOST_RECENT: usize = 256;
/// Bytes at the beginning of a data packet that tell it from others: its id, its tag or initialisation vector.
const DISTINCT: usize = 64;
/// Key ids after the first one go round from 1 to this.
const LAST_KEY: u8 = 7;

/// OpenVPN between two ends.
#[derive(Debug)]
pub(crate) struct Openvpn {
    tcp: bool,
    sides: [Side; 2],
    /// By the order in which they began.
    channels: Vec<Channel>,
}

/// One end.
#[derive(Debug, Default)]
struct Side {
    /// Of TCP, the beginning of a packet whose rest has not come yet.
    pending: Vec<u8>,
    /// Of TCP, whether nobody knows where the next packet begins: it is looked for where a segment does.
    is_lost: bool,
    /// The session that it began last.
    session: Option<Vec<u8>>,
    /// Hashes of its latest data packets.
    recent: VecDeque<u64>,
}

impl Openvpn {
    /// `tcp`: packets follow each other with their length in front.
    pub(crate) fn new(tcp: bool) -> Self {
        Self { tcp, sides: Default::default(), channels: Vec::new() }
    }

    /// Whether a flow that begins so is OpenVPN.
    pub(crate) fn looks_like(start: &[u8], tcp: bool) -> bool {
        if !tcp {
            return packet::is_first(start);
        }
        matches!(framed(start), Some((bytes, _)) if packet::is_first(bytes))
    }

    /// A stream whose beginning is not in the capture.
    pub(crate) fn in_midstream() -> Self {
        let mut this = Self::new(true);
        this.sides.iter_mut().for_each(|side| side.is_lost = true);
        this
    }

    /// Whether a segment from the middle of a stream begins with a packet and goes on with packets.
    pub(crate) fn goes_on(segment: &[u8]) -> bool {
        let mut rest = segment;
        let packets = std::iter::from_fn(|| {
            let (packet, after) = framed(rest)?;
            rest = after;
            Some(packet)
        });
        let mut are_first = packets.map(packet::is_first).peekable();
        are_first.peek().is_some() && are_first.all(|is_first| is_first)
    }

    fn packet(&mut self, piece: &Piece<'_>, keys: &mut Keys, out: &mut Vec<Found>) {
        let Some(packet) = Packet::new(piece.bytes) else { return };
        let (words, again) = match packet.opcode {
            packet::DATA_V1 | packet::DATA_V2 => {
                let name = if packet.opcode == packet::DATA_V1 { "OpenVPN data P_DATA_V1" } else { "OpenVPN data" };
                (Words::new(name).size(packet.body.len()), !self.tcp && self.is_recent(piece.way, piece.bytes))
            }
            packet::SOFT_RESET_V1..=packet::CONTROL_WKC_V1 => return self.control(piece, &packet, keys, out),
            opcode => {
                let name = packet::name(opcode).map_or_else(|| format!("packet of opcode {opcode}"), str::to_owned);
                (Words::new(format!("OpenVPN {name}")).size(packet.body.len()), false)
            }
        };
        out.push(Found::at(piece, View::OuterFlow, Layer::Openvpn, words).repeated(again));
    }

    fn control(&mut self, piece: &Piece<'_>, packet: &Packet<'_>, keys: &mut Keys, out: &mut Vec<Found>) {
        if packet::is_hard_reset(packet.opcode) {
            self.begin(piece.way, packet);
        } else if packet.opcode == packet::SOFT_RESET_V1 {
            self.renew(packet);
        }
        let is_of_session = self.is_of_session(piece.way, packet);
        let channel = self.channels.iter_mut().rev().find(|channel| channel.key == packet.key && is_of_session);
        let guard = channel.as_ref().and_then(|channel| channel.guard);
        let mut inside = Vec::new();
        let again = channel.is_some_and(|channel| channel.take(piece, packet, keys, &mut inside));
        let found = Found::at(piece, View::OuterFlow, Layer::Openvpn, words(packet, guard));
        out.push(found.repeated(again));
        out.append(&mut inside);
    }

    /// An end begins a session.
    fn begin(&mut self, way: Way, packet: &Packet<'_>) {
        let session = packet.session().map(<[u8]>::to_vec);
        let Some(side) = self.sides.get_mut(way.index()) else { return };
        if side.session.is_some() && side.session == session {
            return;
        }
        side.session = session;
        let Some(other) = self.sides.get_mut(way.other().index()) else { return };
        // The server answers; one that keeps no state may take another id for its next answer.
        let answers = packet.opcode == packet::HARD_RESET_SERVER_V2 && other.session.is_some();
        if !answers {
            other.session = None;
            self.channels = vec![Channel::new(packet, None)];
        }
    }

    /// An end wants another key, the one after the latest.
    fn renew(&mut self, packet: &Packet<'_>) {
        let Some(latest) = self.channels.last() else { return };
        let next = if latest.key >= LAST_KEY { 1 } else { latest.key + 1 };
        if packet.key == next {
            let channel = Channel::new(packet, latest.guard);
            self.channels.retain(|channel| channel.key != next);
            self.channels.push(channel);
            let surplus = self.channels.len().saturating_sub(MOST_CHANNELS);
            self.channels.drain(..surplus);
        }
    }

    /// Whether a packet is of the session that its sender began last.
    fn is_of_session(&self, way: Way, packet: &Packet<'_>) -> bool {
        let known = self.sides.get(way.index()).and_then(|side| side.session.as_deref());
        known.is_none_or(|known| packet.session() == Some(known))
    }

    /// Whether the same data packet came a moment ago: the network made two of one.
    fn is_recent(&mut self, way: Way, bytes: &[u8]) -> bool {
        let Some(side) = self.sides.get_mut(way.index()) else { return false };
        let mut hasher = DefaultHasher::new();
        (bytes.len(), bytes.get(..DISTINCT).unwrap_or(bytes)).hash(&mut hasher);
        let hash = hasher.finish();
        if side.recent.contains(&hash) {
            return true;
        }
        if side.recent.len() >= MOST_RECENT {
            side.recent.pop_front();
        }
        side.recent.push_back(hash);
        false
    }

    /// The packets in the bytes of a stream.
    fn stream(&mut self, piece: &Piece<'_>, keys: &mut Keys, out: &mut Vec<Found>) {
        let Some(side) = self.sides.get_mut(piece.way.index()) else { return };
        if side.is_lost && !Self::goes_on(piece.bytes) {
            return;
        }
        side.is_lost = false;
        let mut all = std::mem::take(&mut side.pending);
        all.extend_from_slice(piece.bytes);
        let mut rest = all.as_slice();
        while let Some((bytes, after)) = framed(rest) {
            rest = after;
            if bytes.is_empty() {
                self.lose(piece.way);
                let words = "OpenVPN bytes that are no packet";
                out.push(Found::at(piece, View::OuterFlow, Layer::Openvpn, words));
                return;
            }
            self.packet(&piece.with(bytes), keys, out);
        }
        if let Some(side) = self.sides.get_mut(piece.way.index()) {
            side.pending = rest.to_vec();
        }
    }

    fn lose(&mut self, way: Way) {
        if let Some(side) = self.sides.get_mut(way.index()) {
            side.is_lost = true;
            side.pending = Vec::new();
        }
    }
}

/// The line of a control packet. How many there are besides resets depends on how things were cut, so they have a size.
fn words(packet: &Packet<'_>, guard: Option<Guard>) -> Words {
    let name = packet::name(packet.opcode).unwrap_or_default();
    let key = if packet.key == 0 { String::new() } else { format!(" key {}", packet.key) };
    let label = guard.map_or("", Guard::label);
    match packet.session() {
        Some(session) if packet::is_hard_reset(packet.opcode) => {
            Words::new(format!("OpenVPN {name}{key}{label} session-id=")).random("session-id", session)
        }
        _ if packet.opcode == packet::SOFT_RESET_V1 => Words::new(format!("OpenVPN {name}{key}{label}")),
        _ => Words::new(format!("OpenVPN {name}{key}")).size(packet.body.len()),
    }
}

/// The packet at the beginning of a stream, and what follows it: two bytes of length stand in front.
fn framed(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<2>()?;
    rest.split_at_checked(usize::from(u16::from_be_bytes(*length)))
}

impl FlowDecoder for Openvpn {
    fn feed(&mut self, piece: &Piece<'_>, keys: &mut Keys, out: &mut Vec<Found>) {
        if self.tcp {
            self.stream(piece, keys, out);
        } else {
            self.packet(piece, keys, out);
        }
    }

    fn gap(&mut self, way: Way, _bytes: u64) {
        self.lose(way);
    }
}
