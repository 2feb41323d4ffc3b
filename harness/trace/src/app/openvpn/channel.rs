//! The control channel of one key: packets in the order of their ids, and the TLS that they carry.

use std::collections::BTreeMap;

use interop_evidence::{Layer, View};

use crate::Keys;
use crate::dtls::Window;
use crate::found::{FlowDecoder, Found, Piece};
use crate::tls::TlsStream;
use crate::words::Word;

use super::packet::{self, Guard, Packet};

/// How far ahead of the next packet one may be; OpenVPN has a window of 12.
const MOST_AHEAD: u32 = 16;
/// Bytes that wait for a packet before them. A control packet has at most 1250 bytes unless its limit was raised.
const MOST_WAITING: usize = 32 * 1024;

/// What both ends said with one key.
#[derive(Debug)]
pub(super) struct Channel {
    /// The key id of its packets.
    pub(super) key: u8,
    /// How its packets are protected, when it could be told. The first key's may be plain and the next one's not:
    /// ends that both can agree on a key for `tls-crypt` during the first handshake (dynamic tls-crypt, OpenVPN 2.6).
    pub(super) guard: Option<Guard>,
    sides: [Side; 2],
    tls: TlsStream,
}

/// What one end said.
#[derive(Debug, Default)]
struct Side {
    /// The id that comes next.
    next: u32,
    /// Later packets.
    waiting: BTreeMap<u32, Vec<u8>>,
    /// Packets of the other end that it has acknowledged.
    acknowledged: Window,
    /// Whether it began the channel.
    has_reset: bool,
}

impl Channel {
    /// A channel that begins with this reset; protected as the one before if the reset does not tell.
    pub(super) fn new(reset: &Packet<'_>, before: Option<Guard>) -> Self {
        let guard = Guard::of(reset).or(before);
        Self { key: reset.key, guard, sides: Default::default(), tls: TlsStream::default() }
    }

    /// Takes a packet, and says whether it repeats what was sent before.
    pub(super) fn take(
        &mut self,
        piece: &Piece<'_>,
        packet: &Packet<'_>,
        keys: &mut Keys,
        out: &mut Vec<Found>,
    ) -> bool {
        let Some(side) = self.sides.get_mut(piece.way.index()) else { return false };
        let is_reset = packet.opcode == packet::SOFT_RESET_V1 || packet::is_hard_reset(packet.opcode);
        let resets_again = is_reset && std::mem::replace(&mut side.has_reset, true);
        let Some(head) = self.guard.and_then(|guard| guard.head(packet)) else { return resets_again };
        let mut acks_again = !head.acks.is_empty();
        for ack in &head.acks {
            acks_again &= side.acknowledged.is_again(u64::from(*ack));
        }
        let Some(id) = head.id else { return acks_again };
        if id < side.next || side.waiting.contains_key(&id) {
            return true;
        }
        let kept: usize = side.waiting.values().map(Vec::len).sum();
        if id - side.next > MOST_AHEAD || kept.saturating_add(head.payload.len()) > MOST_WAITING {
            return false;
        }
        side.waiting.insert(id, head.payload.to_vec());
        let mut ready = Vec::new();
        while let Some(payload) = side.waiting.remove(&side.next) {
            side.next = side.next.saturating_add(1);
            ready.extend(payload);
        }
        if !ready.is_empty() {
            let mut found = Vec::new();
            self.tls.feed(&piece.with(&ready), keys, &mut found);
            out.extend(found.into_iter().filter_map(inside));
        }
        false
    }
}

/// A line of the TLS inside. What TLS carries is no HTTP, so only its own lines are of use.
fn inside(mut found: Found) -> Option<Found> {
    if found.layer != Layer::Tls || !matches!(found.view, View::OuterFlow | View::ConnectHeaders) {
        return None;
    }
    found.layer = Layer::Openvpn;
    found.words.0.insert(0, Word::Text("OpenVPN ".into()));
    Some(found)
}
