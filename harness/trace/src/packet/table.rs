//! The flows that are followed.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hash, Hasher};
use std::net::IpAddr;
use std::sync::Arc;

use super::dispatch::DatagramReader;
use super::notes::Notes;
use super::tcp::Connection;
use super::wires::{Seen, Wires};
use crate::found::{Flow, Protocol, Way};
use crate::limits::MOST_FLOWS;

/// Flows that are given up at a time when there are too many, so that a scan of ports does not search the table for each
/// of its packets.
const GIVEN_UP: usize = MOST_FLOWS / 64;

/// An address and a port; zero where there are no ports.
pub(super) type End = (IpAddr, u16);

/// What a packet says of its flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Met {
    pub(super) protocol: Protocol,
    pub(super) from: End,
    pub(super) to: End,
    /// Whether a new flow was opened by `to`.
    pub(super) is_reply: bool,
}

/// Two ends that talk on an interface, in as few numbers as they fit in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Key {
    low: u128,
    high: u128,
    ports: u32,
    wire: u32,
    protocol: u32,
}

impl Key {
    fn of(wire: u32, protocol: Protocol, from: End, to: End) -> Self {
        let (low, high) = (from.min(to), from.max(to));
        let number = match protocol {
            Protocol::Tcp => 0x100,
            Protocol::Udp => 0x101,
            Protocol::Icmp => 0x102,
            Protocol::Arp => 0x103,
            Protocol::Ip(number) => number.into(),
        };
        // An IPv6 packet may have addresses that stand for some of IPv4.
        let family = if low.0.is_ipv6() { 0x1_0000 } else { 0 };
        Self {
            low: number_of(low.0),
            high: number_of(high.0),
            ports: u32::from(low.1) << 16 | u32::from(high.1),
            wire,
            protocol: family | number,
        }
    }
}

fn number_of(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => u32::from(address).into(),
        IpAddr::V6(address) => address.into(),
    }
}

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let Self { low, high, ports, wire, protocol } = self;
        for address in [low, high] {
            let [upper, lower] =
                [address >> 64, address & u128::from(u64::MAX)].map(|half| u64::try_from(half).unwrap_or(0));
            state.write_u64(upper ^ lower.rotate_left(32));
        }
        state.write_u64(u64::from(*ports) << 32 | u64::from(wire ^ protocol << 8));
    }
}

/// A cheap hash. Whoever makes flows collide on purpose gains little: [`MOST_FLOWS`] bounds every search.
#[derive(Clone, Copy, Debug, Default)]
struct Cheap(u64);

impl Hasher for Cheap {
    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.write_u64(u64::from(*byte)));
    }

    fn write_u64(&mut self, value: u64) {
        // An odd number without a pattern: the fraction of the golden ratio.
        self.0 = (self.0.rotate_left(23) ^ value).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }

    fn finish(&self) -> u64 {
        self.0 ^ (self.0 >> 32)
    }
}

/// A flow and what reads it.
pub(super) struct Entry {
    pub(super) flow: Arc<Flow>,
    pub(super) state: State,
    /// Number of its last frame.
    last: u64,
}

/// What reads a flow.
pub(super) enum State {
    /// Each packet stands for itself.
    Single,
    Datagrams(DatagramReader),
    Connection(Box<Connection>),
}

/// All flows, by their ends.
#[derive(Default)]
pub(super) struct Table {
    flows: HashMap<Key, Entry, BuildHasherDefault<Cheap>>,
    /// Memory that connections hold for what is not in order.
    pub(super) held: usize,
}

impl Entry {
    fn new(wire: Arc<str>, protocol: Protocol, from: End, to: End, generation: u32) -> Self {
        let flow = Flow { wire, protocol, ends: [from.0, to.0], ports: [from.1, to.1], generation };
        Self { flow: Arc::new(flow), state: State::Single, last: 0 }
    }

    /// The direction of a packet from this end.
    pub(super) fn way(&self, from: End) -> Way {
        match (self.flow.ends[0], self.flow.ports[0]) == from {
            true => Way::Forth,
            false => Way::Back,
        }
    }

    /// Begins the next flow of the same ends, which `from` opens.
    pub(super) fn renew(&mut self, from: End, to: End) {
        let generation = self.flow.generation.saturating_add(1);
        *self = Self { last: self.last, ..Self::new(self.flow.wire.clone(), self.flow.protocol, from, to, generation) };
    }

    fn is_finished(&self) -> bool {
        matches!(&self.state, State::Connection(connection) if connection.is_closed())
    }
}

impl Table {
    /// The flow that a packet belongs to, with the memory that is held for all.
    pub(super) fn entry(
        &mut self,
        seen: &Seen<'_>,
        met: Met,
        wires: &Wires,
        notes: &mut Notes,
    ) -> (&mut Entry, &mut usize) {
        let Met { protocol, from, to, is_reply } = met;
        let key = Key::of(seen.wire, protocol, from, to);
        if self.flows.len() >= MOST_FLOWS && !self.flows.contains_key(&key) {
            self.forget(seen.moment.frame, notes);
        }
        let entry = self.flows.entry(key).or_insert_with(|| {
            let (opener, target) = if is_reply { (to, from) } else { (from, to) };
            Entry::new(wires.name(seen.wire), protocol, opener, target, 0)
        });
        entry.last = seen.moment.frame;
        (entry, &mut self.held)
    }

    /// Gives up finished flows, then those that were silent longest.
    fn forget(&mut self, frame: u64, notes: &mut Notes) {
        let mut all: Vec<(bool, u64, Key)> =
            self.flows.iter().map(|(key, entry)| (!entry.is_finished(), entry.last, *key)).collect();
        all.sort_unstable_by_key(|(is_open, last, _)| (*is_open, *last));
        for (is_open, _, key) in all.into_iter().take(GIVEN_UP) {
            if let Some(Entry { state: State::Connection(connection), .. }) = self.flows.remove(&key) {
                self.held = self.held.saturating_sub(connection.held());
            }
            if is_open {
                notes.forgotten(frame);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::found::{Moment, Piece};
    use crate::packet::dispatch::{Place, Sink};
    use crate::packet::tcp::Segment;

    const GATEWAY: End = (IpAddr::V4(std::net::Ipv4Addr::new(198, 51, 100, 1)), 443);

    fn end(port: usize) -> End {
        ([192, 0, 2, 1].into(), u16::try_from(port).unwrap())
    }

    #[derive(Default)]
    struct Bench {
        table: Table,
        notes: Notes,
        frame: u64,
    }

    impl Bench {
        fn entry(&mut self, from: End, to: End, is_reply: bool) -> (&mut Entry, &mut usize) {
            self.frame += 1;
            let moment = Moment { frame: self.frame, ..Moment::default() };
            let seen = Seen { moment, wire: 0, is_tunnel: false, remark: None, missing: 0 };
            let met = Met { protocol: Protocol::Tcp, from, to, is_reply };
            self.table.entry(&seen, met, &Wires::default(), &mut self.notes)
        }

        fn has(&self, port: usize) -> bool {
            self.table.flows.values().any(|entry| usize::from(entry.flow.ports[0]) == port)
        }
    }

    #[test]
    fn finished_flows_are_forgotten_first_then_those_silent_longest() {
        let mut bench = Bench::default();
        for port in 0..MOST_FLOWS {
            bench.entry(end(port), GATEWAY, false);
        }
        // Flow 0 speaks again, and flow 1000 comes to its end.
        bench.entry(end(0), GATEWAY, false);
        let (entry, held) = bench.entry(GATEWAY, end(1000), false);
        assert_eq!(entry.way(GATEWAY), Way::Back);
        let reset = Segment { sequence: 1, acknowledgement: 0, flags: 0x04, payload: &[], length: 0 };
        let mut connection = Box::new(Connection::new(&reset));
        let at = Piece { moment: Moment::default(), way: Way::Back, bytes: &[] };
        let place = Place { ports: [1000, 443], is_tunnel: false };
        connection.take(at, &reset, place, held, &mut Sink { keys: &mut crate::Keys::new(), out: &mut Vec::new() });
        entry.state = State::Connection(connection);

        bench.entry(end(60_000), GATEWAY, false);
        assert_eq!(bench.table.flows.len(), MOST_FLOWS - GIVEN_UP + 1);
        assert!(bench.has(0) && !bench.has(1) && !bench.has(1000) && bench.has(60_000));
        assert!(!bench.has(GIVEN_UP - 1) && bench.has(GIVEN_UP));
        let open = GIVEN_UP - 1;
        let frame = MOST_FLOWS + 3;
        assert_eq!(
            bench.notes.take(),
            [format!("too many flows at a time: {open} open flows forgotten, the first in frame {frame}")]
        );
    }

    #[test]
    fn the_next_flow_may_be_opened_by_the_other_end() {
        let mut bench = Bench::default();
        let (entry, _) = bench.entry(GATEWAY, end(5000), true);
        assert_eq!((entry.flow.ports, entry.way(GATEWAY)), ([5000, 443], Way::Back));
        entry.renew(GATEWAY, end(5000));
        assert_eq!((entry.flow.ports, entry.flow.generation), ([443, 5000], 1));
        assert_eq!(entry.way(GATEWAY), Way::Forth);
    }
}
