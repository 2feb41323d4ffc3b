//! Putting packets together: from frames to flows.
//!
//! [`look`] and [`link`] find the packet in a frame, [`fragments`] puts IP packets together and [`stream`] TCP streams, [`table`]
//! knows the flows, and [`dispatch`] chooses what reads them.

mod dispatch;
mod fragments;
mod house;
mod ip;
mod link;
mod look;
mod notes;
mod plain;
mod stream;
mod table;
mod tcp;
#[cfg(test)]
mod tests;
mod wires;

use std::ops::Range;
use std::sync::Arc;

use interop_capture::{Frame, Ip, LinkType, Summary, Transport};
use interop_evidence::{Layer, Micros, View};

use self::dispatch::{DatagramReader, Place, Sink};
use self::fragments::Fragments;
use self::house::Line;
use self::look::Inside;
use self::notes::Notes;
use self::table::{End, Met, State, Table};
use self::tcp::{Connection, Segment};
use self::wires::{Seen, Wires};
use crate::Keys;
use crate::app::icmp::icmp;
use crate::found::{Flow, Found, Item, Moment, Piece, Protocol, Way};
use crate::words::Words;

pub(crate) use self::look::Look;

/// Protocols whose headers the dissector reads, beside extension headers of IPv6: without a transport, theirs was cut off.
const WITH_HEADERS: [u8; 9] = [0, 1, 6, 17, 43, 44, 51, 58, 60];
/// Ports below are those of servers (RFC 6335, section 6), and so is that of OpenVPN.
const FIRST_USER_PORT: u16 = 1024;
const OPENVPN: u16 = 1194;

/// Every flow of a capture that is being followed.
#[derive(Default)]
pub(crate) struct Flows {
    wires: Wires,
    fragments: Fragments,
    table: Table,
    notes: Notes,
    /// What was found in the frame at hand; kept for its memory.
    found: Vec<Found>,
}

impl Flows {
    /// Takes the next frame, and gives what was found in it.
    pub(crate) fn frame(
        &mut self,
        frame: &Frame,
        look: Option<&Look>,
        at: Micros,
        keys: &mut Keys,
        each: &mut impl FnMut(Item<'_>),
    ) {
        let number = frame.number;
        let Some(Look { device, inside }) = look else {
            if let LinkType::Other(link_type) = frame.link_type {
                self.notes.link_type(link_type);
            }
            return;
        };
        let Some(wire) = self.wires.of(&frame.interface, *device) else { return self.notes.wire(number) };
        let seen = Seen {
            moment: Moment { frame: number, at },
            wire,
            is_tunnel: self.wires.is_tunnel(wire),
            remark: frame.comment.as_deref(),
            missing: 0,
        };
        let bytes = |at: &Range<usize>| frame.data.get(at.clone()).unwrap_or_default();
        match inside {
            Inside::Ip { packet, missing, summary } => {
                self.ip(Seen { missing: *missing, ..seen }, summary, bytes(packet), keys, each);
            }
            Inside::Arp(packet) => match house::arp(bytes(packet)) {
                Some(line) => self.single(&seen, line, each),
                None => self.notes.broken(number),
            },
            Inside::Broken => self.notes.broken(number),
            Inside::Other => {}
        }
    }

    /// What was noticed since the last call: lost segments, fragments without their rest, limits.
    pub(crate) fn notes(&mut self) -> Vec<String> {
        self.fragments.give_up(&mut self.notes);
        self.notes.take()
    }

    fn ip(
        &mut self,
        seen: Seen<'_>,
        summary: &Summary,
        packet: &[u8],
        keys: &mut Keys,
        each: &mut impl FnMut(Item<'_>),
    ) {
        let Some(ip) = summary.ip() else { return self.notes.broken(seen.moment.frame) };
        if ip.fragment.is_none() {
            return self.transport(&seen, ip, packet, summary.payload(packet), keys, each);
        }
        let Some(whole) = self.fragments.take(&seen, ip, packet, &mut self.notes) else { return };
        let summary = Summary::of_ip(&whole.packet);
        let Some(ip) = summary.ip() else { return self.notes.broken(seen.moment.frame) };
        let seen = Seen { missing: 0, remark: whole.remark.as_deref(), ..seen };
        self.transport(&seen, ip, &whole.packet, summary.payload(&whole.packet), keys, each);
    }

    fn transport(
        &mut self,
        seen: &Seen<'_>,
        ip: &Ip,
        packet: &[u8],
        payload: &[u8],
        keys: &mut Keys,
        each: &mut impl FnMut(Item<'_>),
    ) {
        // Both kinds of ICMP have headers of eight bytes, of which type, code and checksum are four.
        let icmp_rest =
            || packet.len().checked_sub(payload.len() + 4).and_then(|at| packet.get(at..)).unwrap_or_default();
        match ip.transport {
            Transport::Tcp { source, destination, sequence, acknowledgement, flags } => {
                let length = payload.len().saturating_add(seen.missing);
                let segment = Segment { sequence, acknowledgement, flags, payload, length };
                self.tcp(seen, ((ip.source, source), (ip.destination, destination)), &segment, keys, each);
            }
            Transport::Udp { source, destination, length } => {
                self.udp(seen, ((ip.source, source), (ip.destination, destination)), (payload, length), keys, each);
            }
            Transport::Icmp { kind, code, echo } | Transport::Icmpv6 { kind, code, echo } => {
                let rest = icmp_rest();
                if let Some(line) = house::icmpv6(ip, rest) {
                    return self.single(seen, line, each);
                }
                let words = icmp(matches!(ip.transport, Transport::Icmpv6 { .. }), kind, code, rest);
                let (protocol, layer) = (Protocol::Icmp, Layer::Icmp);
                let is_reply = echo.is_some_and(|echo| echo.is_reply);
                self.single(seen, Line { protocol, from: ip.source, to: ip.destination, is_reply, layer, words }, each);
            }
            Transport::Other if ip.protocol == house::IGMP => self.single(seen, house::igmp(ip), each),
            Transport::Other if WITH_HEADERS.contains(&ip.protocol) => self.notes.broken(seen.moment.frame),
            Transport::Other => {
                let size = payload.len().saturating_add(seen.missing);
                let words = Words::new(format!("IP protocol {}", ip.protocol)).size(size);
                let (protocol, layer) = (Protocol::Ip(ip.protocol), Layer::Ip);
                let (from, to) = (ip.source, ip.destination);
                self.single(seen, Line { protocol, from, to, is_reply: false, layer, words }, each);
            }
        }
    }

    fn tcp(
        &mut self,
        seen: &Seen<'_>,
        (from, to): (End, End),
        segment: &Segment<'_>,
        keys: &mut Keys,
        each: &mut impl FnMut(Item<'_>),
    ) {
        let Self { wires, table, notes, found, .. } = self;
        // In the middle of a connection, the higher port is that of the client.
        let is_reply = !segment.opens() && (segment.accepts() || from.1 < to.1);
        let met = Met { protocol: Protocol::Tcp, from, to, is_reply };
        let (entry, held) = table.entry(seen, met, wires, notes);
        if let State::Connection(connection) = &entry.state
            && segment.opens()
            && !connection.was_opened_by(entry.way(from), segment)
        {
            *held = held.saturating_sub(connection.held());
            entry.renew(from, to);
        }
        if !matches!(entry.state, State::Connection(_)) {
            entry.state = State::Connection(Box::new(Connection::new(segment)));
        }
        let at = Piece { moment: seen.moment, way: entry.way(from), bytes: &[] };
        let place = Place { ports: entry.flow.ports, is_tunnel: seen.is_tunnel };
        let State::Connection(connection) = &mut entry.state else { return };
        let missing = connection.take(at, segment, place, held, &mut Sink { keys, out: found });
        if missing.cut > 0 {
            notes.cut(seen.moment.frame, missing.cut);
        }
        if let Some((way, bytes)) = missing.lost {
            notes.add(|| lost(&entry.flow, seen.moment.frame, way, bytes));
        }
        hand_over(&entry.flow, seen, found, each);
    }

    fn udp(
        &mut self,
        seen: &Seen<'_>,
        (from, to): (End, End),
        (datagram, size): (&[u8], usize),
        keys: &mut Keys,
        each: &mut impl FnMut(Item<'_>),
    ) {
        let Self { wires, table, notes, found, .. } = self;
        let is_service = |port| port < FIRST_USER_PORT || port == OPENVPN;
        let is_reply = is_service(from.1) && !is_service(to.1);
        let met = Met { protocol: Protocol::Udp, from, to, is_reply };
        let (entry, _) = table.entry(seen, met, wires, notes);
        if !matches!(entry.state, State::Datagrams(_)) {
            entry.state = State::Datagrams(DatagramReader::new());
        }
        let piece = Piece { moment: seen.moment, way: entry.way(from), bytes: datagram };
        let place = Place { ports: entry.flow.ports, is_tunnel: seen.is_tunnel };
        let State::Datagrams(reader) = &mut entry.state else { return };
        reader.feed(&piece, size, place, &mut Sink { keys, out: found });
        hand_over(&entry.flow, seen, found, each);
    }

    /// A packet that stands for itself.
    fn single(&mut self, seen: &Seen<'_>, line: Line, each: &mut impl FnMut(Item<'_>)) {
        let Self { wires, table, notes, found, .. } = self;
        let Line { protocol, from, to, is_reply, layer, words } = line;
        let met = Met { protocol, from: (from, 0), to: (to, 0), is_reply };
        let (entry, _) = table.entry(seen, met, wires, notes);
        let piece = Piece { moment: seen.moment, way: entry.way(met.from), bytes: &[] };
        found.push(Found::at(&piece, View::OuterFlow, layer, words));
        hand_over(&entry.flow, seen, found, each);
    }
}

/// Gives what was found in a frame its flow and, inside a tunnel, its view.
fn hand_over(flow: &Arc<Flow>, seen: &Seen<'_>, found: &mut Vec<Found>, each: &mut impl FnMut(Item<'_>)) {
    for mut found in found.drain(..) {
        if seen.is_tunnel && found.view != View::Dns {
            found.view = View::InnerFlow;
        }
        each(Item { flow, found, remark: seen.remark });
    }
}

fn lost(flow: &Flow, frame: u64, way: Way, bytes: u64) -> String {
    let Flow { wire, ends, ports, .. } = flow;
    let [from, to] = [way, way.other()].map(|way| {
        let (end, port) = (ends[way.index()], ports[way.index()]);
        if end.is_ipv6() { format!("[{end}]:{port}") } else { format!("{end}:{port}") }
    });
    format!("frame {frame} of {wire}: {bytes} bytes of TCP from {from} to {to} are missing before it")
}
