//! Datagrams that arrive: which session and which association they belong to.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use reference_dtls::{HelloVerifier, Verdict, peek_client_hello};

use super::inbound;
use super::index::Index;
use super::io::Io;
use super::link::{Link, Socket, Stage};
use super::live::{Core, Live};
use super::udp::Route;
use super::worker::Slots;

/// Content type of handshake messages (RFC 6347 section 4.1).
const HANDSHAKE: u8 = 0x16;
/// Bytes of the record header.
const HEADER: usize = 13;
/// The type of a ClientHello, behind the record header.
const CLIENT_HELLO: u8 = 1;
/// Sessions at one address that a record from an unknown port is tried with.
const MAX_CANDIDATES: usize = 8;
/// Such trials in one second; each costs a decryption.
const MAX_TRIALS: u32 = 400;

/// What is needed to find the session of a datagram.
pub(super) struct Arrivals {
    verifier: Option<HelloVerifier>,
    trials: (Instant, u32),
    copy: Vec<u8>,
}

impl Arrivals {
    pub(super) fn new(verifier: Option<HelloVerifier>, now: Instant) -> Self {
        Self { verifier, trials: (now, 0), copy: Vec::new() }
    }

    /// Takes a datagram of the server's socket number `socket`; gives the slot of the session that it belongs to.
    pub(super) fn datagram(
        &mut self,
        socket: usize,
        route: Route,
        datagram: &mut [u8],
        slots: &mut Slots,
        io: &mut Io,
        index: &mut Index,
    ) -> Option<usize> {
        if is_client_hello(datagram) {
            return self.hello(socket, route, datagram, slots, io, index);
        }
        match index.peers.get(&(socket, route.peer)) {
            Some(slot) => {
                let live = slots.live(*slot)?;
                live.receive(|link| link.key() == Some((socket, route.peer)), datagram, io);
                Some(*slot)
            }
            None => self.stranger(socket, route, datagram, slots, io, index),
        }
    }

    /// A ClientHello: the repetition of one that is being answered, or a new association beside the old one (AC-DTLS-24,
    /// AC-DTLS-25). An unknown id gets no answer at all (AC-DTLS-16).
    fn hello(
        &mut self,
        socket: usize,
        route: Route,
        datagram: &mut [u8],
        slots: &mut Slots,
        io: &mut Io,
        index: &mut Index,
    ) -> Option<usize> {
        let peek = peek_client_hello(datagram)?;
        let slot = *index.hellos.get(&peek.session_id)?;
        let live = slots.live(slot)?;
        let key = (socket, route.peer);
        let same = live.links.all.iter().any(|link| link.key() == Some(key) && link.hello == Some(peek.random));
        if !same {
            match self.verifier.as_ref().map(|verifier| verifier.respond(datagram, route.peer)) {
                None | Some(Verdict::Verified) => {}
                Some(Verdict::Reply(reply)) => {
                    let udp = io.sockets.get(io.answers.unwrap_or(socket))?;
                    // The client repeats its hello when this is lost.
                    let _ = udp.send(route, &reply, None);
                    return None;
                }
                Some(Verdict::Drop) => return None,
            }
            live.links.answer(slot, socket, route, peek.random, io, index);
        }
        live.receive(|link| link.key() == Some(key) && link.hello == Some(peek.random), datagram, io);
        Some(slot)
    }

    /// A record from an address that is in no table: the session at the same address that can decrypt it has moved.
    fn stranger(
        &mut self,
        socket: usize,
        route: Route,
        datagram: &mut [u8],
        slots: &mut Slots,
        io: &mut Io,
        index: &mut Index,
    ) -> Option<usize> {
        if is_in_clear(datagram) {
            return None;
        }
        let candidates: Vec<usize> = index.neighbours(route.peer.ip()).iter().copied().take(MAX_CANDIDATES).collect();
        for slot in candidates {
            if !self.may_try(io.now) {
                return None;
            }
            let Some(live) = slots.live(slot) else { continue };
            self.copy.clear();
            self.copy.extend_from_slice(datagram);
            if live.receive(|link| link.stage == Stage::Active, &mut self.copy, io) {
                live.links.move_to(slot, socket, route, index);
                return Some(slot);
            }
        }
        None
    }

    fn may_try(&mut self, now: Instant) -> bool {
        if now.saturating_duration_since(self.trials.0) >= Duration::from_secs(1) {
            self.trials = (now, 0);
        }
        self.trials.1 += 1;
        self.trials.1 <= MAX_TRIALS
    }
}

impl Live {
    /// Gives a datagram to the association that it belongs to, among those that `which` names; tells whether it held data.
    ///
    /// Two may share a path. What belongs to a handshake goes to the one that has not finished it, data goes to the first
    /// that can read it.
    pub(super) fn receive(&mut self, which: impl Fn(&Link) -> bool, datagram: &mut [u8], io: &mut Io) -> bool {
        let (core, links) = (&mut self.core, &mut self.links.all);
        if links.iter().filter(|link| which(link)).count() <= 1 {
            return links.iter_mut().find(|link| which(link)).is_some_and(|link| deliver(link, core, datagram, io));
        }
        if is_in_clear(datagram) || datagram[0] == HANDSHAKE {
            let young = |link: &Link| which(link) && !link.connection.is_established();
            let at = links.iter().position(young).or_else(|| links.iter().position(&which));
            return at.is_some_and(|at| deliver(&mut links[at], core, datagram, io));
        }
        // Decryption in place destroys what it cannot read.
        let mut copy = io.buffer();
        let read = links.iter_mut().filter(|link| which(link) && link.connection.is_established()).any(|link| {
            copy.clear();
            copy.extend_from_slice(datagram);
            deliver(link, core, &mut copy, io)
        });
        copy.clear();
        io.recycle(copy);
        read
    }
}

/// Decrypts a datagram; tells whether it held data.
fn deliver(link: &mut Link, core: &mut Core, datagram: &mut [u8], io: &mut Io) -> bool {
    let (now, mut delivered) = (io.now, false);
    // An error is the end of the association, which its state tells as well; it is acted on when the session is settled.
    let _ = link.connection.receive(datagram, now, &mut |record| {
        delivered = true;
        inbound::datagram_record(core, io, record);
    });
    delivered
}

/// Takes a datagram of a client's own socket.
pub(super) fn own(live: &mut Live, number: usize, peer: SocketAddr, datagram: &mut [u8], io: &mut Io) {
    let from =
        |link: &Link| link.route.peer == peer && matches!(link.socket, Socket::Own { token, .. } if token == number);
    live.receive(from, datagram, io);
}

/// Whether the first record is a ClientHello in clear.
fn is_client_hello(datagram: &[u8]) -> bool {
    is_in_clear(datagram) && datagram.first() == Some(&HANDSHAKE) && datagram.get(HEADER) == Some(&CLIENT_HELLO)
}

/// Whether the first record belongs to epoch 0.
fn is_in_clear(datagram: &[u8]) -> bool {
    datagram.len() <= HEADER || datagram[3..5] == [0, 0]
}
