//! One turn of work: what arrived, what is due, and what follows from both.

use std::io;

use mio::Token;
use reference_cstp::session::Role;

use super::arrivals;
use super::lane::Reading;
use super::link::Socket;
use super::packet::Packet;
use super::udp::{MESSAGE, Route};
use super::worker::{Entry, LANE, MAX_PACKET, PACKETS, RETIRED, Worker};

/// Reads of one UDP socket in one turn; each brings up to four coalesced bursts.
const READS: usize = 8;

impl Worker {
    /// Does all that can be done now, within bounds for each source.
    pub(super) fn turn(&mut self) -> io::Result<()> {
        for socket in 0..self.sockets_ready.len() {
            if self.sockets_ready[socket] {
                self.sockets_ready[socket] = self.read_socket(socket);
            }
        }
        for _ in 0..self.ready.len() {
            if let Some(token) = self.ready.pop_front() {
                self.read_session(token);
            }
        }
        if self.device_ready && !self.is_held_up() {
            self.device_ready = self.read_device()?;
        }
        // What arrived was handled before: an answer that was waiting is not taken for silence.
        while let Some(slot) = self.timers.take(self.io.now) {
            self.due(slot);
        }
        while let Some(slot) = self.dirty.pop() {
            self.settle(slot);
        }
        Ok(())
    }

    /// Reads a socket of the server; tells whether there may be more.
    fn read_socket(&mut self, socket: usize) -> bool {
        let mut more = false;
        for _ in 0..READS {
            let received = match self.io.sockets.get(socket) {
                Some(udp) => udp.receive(&mut self.scratch.datagrams, &mut self.scratch.meta),
                None => return false,
            };
            let messages = match received {
                Ok(messages) => messages,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return false,
                // Something about an earlier datagram; there may be others behind it.
                Err(_) => continue,
            };
            more = true;
            let meta = self.scratch.meta;
            for (number, meta) in meta.iter().enumerate().take(messages) {
                let route = Route { peer: meta.addr, local: meta.dst_ip };
                let start = number * MESSAGE;
                for at in (0..meta.len).step_by(meta.stride.max(1)) {
                    let range = start + at..start + (at + meta.stride).min(meta.len);
                    let datagram = &mut self.scratch.datagrams[range];
                    self.io.counters.udp_rx += 1;
                    let (slots, io, index) = (&mut self.slots, &mut self.io, &mut self.index);
                    match self.arrivals.datagram(socket, route, datagram, slots, io, index) {
                        Some(slot) => self.touch(slot),
                        None => self.io.counters.udp_unknown += 1,
                    }
                }
            }
        }
        more
    }

    /// Reads a descriptor of a session; what may have more goes to the end of the list.
    fn read_session(&mut self, token: Token) {
        let (slot, number) = (token.0 >> 3, token.0 & 7);
        let more = match self.slots.get(slot) {
            None => return,
            Some(Entry::Closing(closing)) => {
                if !closing.goes_on(&mut self.io, &mut self.scratch.tcp) {
                    self.release(slot);
                }
                return;
            }
            Some(Entry::Live(live)) => {
                live.ready &= !(1 << number);
                let scratch = &mut self.scratch;
                match number {
                    LANE => {
                        let Some(lane) = &mut live.lane else { return };
                        match lane.read(&mut live.core, &mut self.io, &mut scratch.tcp, &mut scratch.plain) {
                            Reading::Drained => false,
                            Reading::More => true,
                            Reading::Lost(reason, detail) => {
                                live.lose(reason, detail, &mut self.io);
                                false
                            }
                        }
                    }
                    RETIRED => live.read_retired(&mut self.io, &mut scratch.tcp, &mut scratch.plain),
                    _ => self.read_own(slot, number),
                }
            }
        };
        self.touch(slot);
        if more && let Some(live) = self.slots.live(slot) {
            live.ready |= 1 << number;
            self.ready.push_back(token);
        }
    }

    /// Reads a UDP socket of a client; tells whether there may be more.
    fn read_own(&mut self, slot: usize, number: usize) -> bool {
        let mut more = false;
        for _ in 0..READS {
            let Some(live) = self.slots.live(slot) else { return false };
            let own = live.links.all.iter().find_map(|link| match &link.socket {
                Socket::Own { udp, token } if *token == number => Some(udp),
                _ => None,
            });
            let Some(udp) = own else { return false };
            let messages = match udp.receive(&mut self.scratch.datagrams, &mut self.scratch.meta) {
                Ok(messages) => messages,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return false,
                Err(_) => continue,
            };
            more = true;
            for (number_of_message, meta) in self.scratch.meta.iter().enumerate().take(messages) {
                let message = &mut self.scratch.datagrams[number_of_message * MESSAGE..][..meta.len];
                for datagram in message.chunks_mut(meta.stride.max(1)) {
                    self.io.counters.udp_rx += 1;
                    arrivals::own(live, number, meta.addr, datagram, &mut self.io);
                }
            }
        }
        more
    }

    /// Reads a batch of packets from the device and sends them; tells whether there may be more.
    fn read_device(&mut self) -> io::Result<bool> {
        let (mut at, mut more) = (0, true);
        for _ in 0..PACKETS {
            if at + MAX_PACKET > self.scratch.arena.len() {
                break;
            }
            match self.io.device.read(&mut self.scratch.arena[at..at + MAX_PACKET]) {
                Ok(0) => {
                    more = false;
                    break;
                }
                Ok(length) => {
                    self.io.counters.device_rx += 1;
                    self.route(at..at + length);
                    // Packets begin on their own cache lines.
                    at = (at + length).next_multiple_of(64);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    more = false;
                    break;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if is_transient(&error) => {
                    more = false;
                    break;
                }
                Err(error) => return Err(io::Error::new(error.kind(), format!("the device cannot be read: {error}"))),
            }
        }
        while let Some(slot) = self.batched.pop() {
            if let Some(live) = self.slots.live(slot) {
                live.flush_batch(&self.scratch.arena, &mut self.io);
            }
        }
        Ok(more)
    }

    /// Finds the session of a packet that lies in the arena, and sends it there.
    fn route(&mut self, range: std::ops::Range<usize>) {
        let Some(packet) = Packet::parse(&self.scratch.arena[range.clone()]) else {
            self.io.counters.unrouted += 1;
            return;
        };
        let slot = match self.io.role {
            Role::Server => self.index.inner(packet.destination),
            Role::Client if self.index.ids.len() == 1 => self.index.ids.values().next().copied(),
            Role::Client => self.index.inner(packet.source),
        };
        let Some((slot, live)) = slot.and_then(|slot| Some((slot, self.slots.live(slot)?))) else {
            self.io.counters.unrouted += 1;
            return;
        };
        let had_batch = live.batch.is_some();
        live.send_packet(packet, &mut self.scratch.arena, range, &mut self.io);
        if !had_batch && live.batch.is_some() {
            self.batched.push(slot);
        }
        self.touch(slot);
    }

    /// Something of this slot is due.
    fn due(&mut self, slot: usize) {
        match self.slots.get(slot) {
            None => {}
            Some(Entry::Live(live)) => {
                live.armed = None;
                live.on_timeout(&self.io);
                self.touch(slot);
            }
            Some(Entry::Closing(closing)) => {
                closing.armed = None;
                if closing.goes_on(&mut self.io, &mut self.scratch.tcp) {
                    self.timers.arm(slot, &mut closing.armed, Some(closing.until));
                } else {
                    self.release(slot);
                }
            }
        }
    }

    /// Puts a session on the list of those that are settled at the end of the turn.
    pub(super) fn touch(&mut self, slot: usize) {
        if let Some(live) = self.slots.live(slot)
            && !live.dirty
        {
            live.dirty = true;
            self.dirty.push(slot);
        }
    }

    fn settle(&mut self, slot: usize) {
        let Some(live) = self.slots.live(slot) else { return };
        live.dirty = false;
        match live.settle(&mut self.io, &mut self.index) {
            Some(reason) => self.finish(slot, reason),
            None => {
                let next = live.next(&self.io);
                self.timers.arm(slot, &mut live.armed, next);
            }
        }
    }
}

/// Whether a device is only out of order for a while, or a test has dropped the other end of a pair.
fn is_transient(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionRefused)
}
