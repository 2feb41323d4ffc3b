//! Putting fragmented IP packets together.

use std::collections::VecDeque;
use std::net::IpAddr;

use interop_capture::Ip;
use interop_evidence::Micros;

use super::ip;
use super::notes::Notes;
use super::wires::Seen;
use crate::limits::MOST_FRAGMENTED;

/// How long fragments wait for the rest of their packet (RFC 8200, section 4.5), in microseconds.
const PATIENCE: u64 = 60_000_000;
/// Longest payload: the offset has thirteen bits and counts in eights, and the last fragment may be the longest.
const MOST_PAYLOAD: usize = 0x1fff * 8 + 0xffff;

/// Packets of which some fragments were seen, the oldest first.
#[derive(Debug, Default)]
pub(super) struct Fragments {
    waiting: VecDeque<Partial>,
}

/// A packet that was put together.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Whole {
    /// With a header that the dissector understands.
    pub(super) packet: Vec<u8>,
    /// What the capture says of one of its fragments.
    pub(super) remark: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Key {
    wire: u32,
    source: IpAddr,
    destination: IpAddr,
    /// IPv6 goes by the identification alone; IPv4 has one sequence for each protocol (RFC 791, section 3.2).
    protocol: Option<u8>,
    id: u32,
}

#[derive(Debug)]
struct Partial {
    key: Key,
    frame: u64,
    since: Micros,
    protocol: u8,
    bytes: Vec<u8>,
    /// Parts of `bytes` that are there: sorted, none touching another.
    present: Vec<(usize, usize)>,
    /// Length of the payload, known from the last fragment.
    length: Option<usize>,
    remark: Option<String>,
}

impl Fragments {
    /// Takes a packet that is a fragment, and gives the packet that it completes.
    pub(super) fn take(&mut self, seen: &Seen<'_>, summary: &Ip, packet: &[u8], notes: &mut Notes) -> Option<Whole> {
        let fragment = summary.fragment?;
        let Some((start, protocol)) = ip::fragment_payload(packet) else {
            notes.broken(seen.moment.frame);
            return None;
        };
        let payload = packet.get(start..).unwrap_or_default();
        let offset = usize::try_from(fragment.offset).unwrap_or(usize::MAX);
        if offset.saturating_add(payload.len()) > MOST_PAYLOAD {
            notes.broken(seen.moment.frame);
            return None;
        }
        let (source, destination) = (summary.source, summary.destination);
        let by_protocol = source.is_ipv4().then_some(protocol);
        let key = Key { wire: seen.wire, source, destination, protocol: by_protocol, id: fragment.id };

        let mut partial = match self.waiting.iter().position(|partial| partial.key == key) {
            Some(at) => self.waiting.remove(at)?,
            None => Partial::new(key, seen),
        };
        let is_late = seen.moment.at.0.saturating_sub(partial.since.0) > PATIENCE;
        // Identifications come round again: what contradicts is another packet.
        if is_late || !partial.agrees(offset, payload) {
            partial.give_up(notes);
            partial = Partial::new(key, seen);
        }
        partial.add(offset, payload);
        if offset == 0 {
            partial.protocol = protocol;
        }
        if !fragment.more && seen.missing == 0 {
            partial.length = Some(offset + payload.len());
        }
        if let (None, Some(remark)) = (&partial.remark, seen.remark) {
            partial.remark = Some(remark.to_owned());
        }
        if partial.is_whole() {
            let packet = ip::packet(source, destination, partial.protocol, &partial.bytes);
            return Some(Whole { packet, remark: partial.remark });
        }
        if self.waiting.len() >= MOST_FRAGMENTED
            && let Some(oldest) = self.waiting.pop_front()
        {
            oldest.give_up(notes);
        }
        self.waiting.push_back(partial);
        None
    }

    /// Notes every packet that is not whole, and forgets it.
    pub(super) fn give_up(&mut self, notes: &mut Notes) {
        self.waiting.drain(..).for_each(|partial| partial.give_up(notes));
    }
}

impl Partial {
    fn new(key: Key, seen: &Seen<'_>) -> Self {
        Self {
            key,
            frame: seen.moment.frame,
            since: seen.moment.at,
            protocol: key.protocol.unwrap_or_default(),
            bytes: Vec::new(),
            present: Vec::new(),
            length: None,
            remark: None,
        }
    }

    /// Whether a part says nothing else than what is known, where they overlap.
    fn agrees(&self, offset: usize, part: &[u8]) -> bool {
        let end = offset + part.len();
        self.length.is_none_or(|length| end <= length)
            && self.present.iter().all(|(from, to)| {
                let (from, to) = (offset.max(*from), end.min(*to));
                from >= to || self.bytes.get(from..to) == part.get(from - offset..to - offset)
            })
    }

    fn add(&mut self, offset: usize, part: &[u8]) {
        let (mut from, mut to) = (offset, offset + part.len());
        if self.bytes.len() < to {
            self.bytes.resize(to, 0);
        }
        if let Some(place) = self.bytes.get_mut(from..to) {
            place.copy_from_slice(part);
        }
        self.present.retain(|known| {
            let is_apart = known.1 < from || to < known.0;
            if !is_apart {
                (from, to) = (from.min(known.0), to.max(known.1));
            }
            is_apart
        });
        let at = self.present.partition_point(|known| known.0 < from);
        self.present.insert(at, (from, to));
    }

    fn is_whole(&self) -> bool {
        self.length.is_some_and(|length| self.present.first() == Some(&(0, length)))
    }

    fn give_up(self, notes: &mut Notes) {
        let Key { source, destination, .. } = self.key;
        let have: usize = self.present.iter().map(|(from, to)| to - from).sum();
        notes.add(|| {
            format!(
                "frame {}: a fragmented packet from {source} to {destination} was never completed: {have} bytes of it were seen",
                self.frame
            )
        });
    }
}

#[cfg(test)]
mod tests {
    use interop_capture::Summary;

    use super::*;
    use crate::found::Moment;

    /// A fragment of IPv4 without a valid checksum; `offset` in bytes.
    fn fragment(id: u16, offset: u16, more: bool, payload: &[u8]) -> Vec<u8> {
        let length = u16::try_from(20 + payload.len()).unwrap().to_be_bytes();
        let position = ((offset / 8) | if more { 0x2000 } else { 0 }).to_be_bytes();
        let header =
            [&[0x45, 0][..], &length, &id.to_be_bytes(), &position, &[64, 17, 0, 0, 192, 0, 2, 1, 192, 0, 2, 2]];
        [&header.concat(), payload].concat()
    }

    struct Bench {
        fragments: Fragments,
        notes: Notes,
        frame: u64,
        at: Micros,
    }

    impl Bench {
        fn new() -> Self {
            Self { fragments: Fragments::default(), notes: Notes::default(), frame: 0, at: Micros(0) }
        }

        fn take(&mut self, packet: &[u8], remark: Option<&str>) -> Option<Whole> {
            self.frame += 1;
            let moment = Moment { frame: self.frame, at: self.at };
            let seen = Seen { moment, wire: 0, is_tunnel: false, remark, missing: 0 };
            let summary = Summary::of_ip(packet);
            self.fragments.take(&seen, summary.ip().expect("an IP packet"), packet, &mut self.notes)
        }
    }

    #[test]
    fn any_order_with_repeats_and_overlaps() {
        let payload: Vec<u8> = (0..=255).collect();
        let piece = |from: u16, to: u16| fragment(7, from, to < 256, &payload[usize::from(from)..usize::from(to)]);
        for order in [[0, 1, 2, 3], [3, 2, 1, 0], [2, 0, 3, 1]] {
            let pieces = [piece(0, 64), piece(48, 128), piece(128, 200), piece(192, 256)];
            let mut bench = Bench::new();
            let mut whole = None;
            for at in order {
                assert_eq!(whole, None);
                whole = bench.take(&pieces[at], (at == 2).then_some("dropped: queue full"));
                if whole.is_none() {
                    assert_eq!(bench.take(&pieces[at], None), None, "a repeat completes nothing");
                }
            }
            let whole = whole.expect("all pieces were there");
            assert_eq!(whole.packet[20..], payload);
            assert_eq!(whole.remark.as_deref(), Some("dropped: queue full"));
            assert!(bench.fragments.waiting.is_empty());
            assert_eq!(bench.notes.take(), [""; 0]);
        }
    }

    #[test]
    fn what_contradicts_or_comes_late_is_another_packet() {
        let mut bench = Bench::new();
        assert_eq!(bench.take(&fragment(7, 0, true, &[1; 64]), None), None);
        assert_eq!(bench.take(&fragment(7, 0, true, &[2; 64]), None), None);
        let whole = bench.take(&fragment(7, 64, false, &[3; 8]), None).expect("the second packet");
        assert_eq!((whole.packet[20], whole.packet[84]), (2, 3));
        assert_eq!(bench.take(&fragment(8, 0, true, &[1; 64]), None), None);
        bench.at = Micros(PATIENCE + 1);
        assert_eq!(bench.take(&fragment(8, 64, false, &[3; 8]), None), None);
        bench.fragments.give_up(&mut bench.notes);
        let notes = bench.notes.take();
        let of = |frame, bytes| {
            format!(
                "frame {frame}: a fragmented packet from 192.0.2.1 to 192.0.2.2 was never completed: {bytes} bytes of it were seen"
            )
        };
        assert_eq!(notes, [of(1, 64), of(4, 64), of(5, 8)]);
    }

    #[test]
    fn only_so_many_wait() {
        let mut bench = Bench::new();
        for id in 0..u16::try_from(MOST_FRAGMENTED).unwrap() + 3 {
            assert_eq!(bench.take(&fragment(id, 0, true, &[1; 64]), None), None);
        }
        assert_eq!(bench.notes.take().len(), 3);
        assert_eq!(bench.take(&fragment(0, 64, false, &[1; 64]), None), None, "the first ones are gone");
        assert!(bench.take(&fragment(60, 64, false, &[1; 64]), None).is_some());
    }
}
