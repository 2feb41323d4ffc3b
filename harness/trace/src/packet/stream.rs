//! One direction of a TCP connection: bytes in order.

use std::collections::BTreeMap;

use crate::limits::{MOST_OUT_OF_ORDER, MOST_OUT_OF_ORDER_ALL};

/// Where positions begin: far enough from zero that no 32-bit step leads below.
const BASE: u64 = 1 << 32;
/// What a segment costs that waits, beside its bytes.
const OVERHEAD: usize = 128;

/// What a stream gives, in its order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Event<'a> {
    /// The next bytes.
    Bytes(&'a [u8]),
    /// So many bytes are behind the end of what was captured of their packet.
    Cut(u64),
    /// So many bytes never came.
    Lost(u64),
}

/// What a segment was.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Taken {
    /// Some of its bytes had come before.
    pub(super) is_repeat: bool,
}

/// Bytes on their way in one direction.
#[derive(Debug, Default)]
pub(super) struct Stream {
    /// Position of the next byte in order; the lower 32 bits are its sequence number.
    next: Option<u64>,
    /// Position before which the other side has everything.
    acknowledged: u64,
    /// Segments beyond a hole, by their position.
    waiting: BTreeMap<u64, Waiting>,
    held: usize,
}

#[derive(Debug)]
struct Waiting {
    bytes: Vec<u8>,
    /// With the bytes that were not captured.
    length: u64,
}

impl Waiting {
    const fn cost(&self) -> usize {
        self.bytes.len() + OVERHEAD
    }
}

impl Stream {
    /// Sets the sequence number of the first byte.
    pub(super) fn start(&mut self, sequence: u32) {
        self.next = Some(BASE | u64::from(sequence));
    }

    /// Memory that is held.
    pub(super) const fn held(&self) -> usize {
        self.held
    }

    /// Takes a segment of which `bytes` were captured, and gives to `out` what is in order now. `length` is that of the
    /// segment on the wire; `all` is the memory that is held for all streams.
    pub(super) fn take(
        &mut self,
        sequence: u32,
        bytes: &[u8],
        length: usize,
        all: &mut usize,
        out: &mut impl FnMut(Event<'_>),
    ) -> Taken {
        let length = (length as u64).max(bytes.len() as u64);
        if length == 0 {
            return Taken::default();
        }
        let next = *self.next.get_or_insert(BASE | u64::from(sequence));
        let start = position(next, sequence);
        let end = start + length;
        if end <= next {
            // A keepalive asks for a reply with a byte that the other side has (RFC 9293, section 3.8.4).
            return Taken { is_repeat: !(length == 1 && end == next) };
        }
        if start <= next {
            self.advance(start, bytes, length, out);
            self.drain(all, out);
            return Taken { is_repeat: start < next };
        }
        let is_repeat = self.wait(start, Waiting { bytes: bytes.to_vec(), length }, all);
        if self.held > MOST_OUT_OF_ORDER || *all > MOST_OUT_OF_ORDER_ALL {
            self.skip(out);
            self.drain(all, out);
        } else {
            self.skip_acknowledged(all, out);
        }
        Taken { is_repeat }
    }

    /// The other side has everything before this sequence number, so what is missing before it will not come again.
    pub(super) fn acknowledge(&mut self, sequence: u32, all: &mut usize, out: &mut impl FnMut(Event<'_>)) {
        let Some(next) = self.next else { return };
        self.acknowledged = self.acknowledged.max(position(next, sequence));
        if !self.waiting.is_empty() {
            self.skip_acknowledged(all, out);
        }
    }

    /// Keeps a segment until what is before it has come. Whether it has come before.
    fn wait(&mut self, start: u64, segment: Waiting, all: &mut usize) -> bool {
        let end = start + segment.length;
        let is_known = |(at, known): (&u64, &Waiting)| at + known.length >= end;
        if self.waiting.range(..=start).next_back().is_some_and(is_known) {
            return true;
        }
        let cost = segment.cost();
        let replaced = self.waiting.insert(start, segment);
        let freed = replaced.as_ref().map_or(0, Waiting::cost);
        self.held = (self.held + cost).saturating_sub(freed);
        *all = (*all + cost).saturating_sub(freed);
        replaced.is_some()
    }

    fn skip_acknowledged(&mut self, all: &mut usize, out: &mut impl FnMut(Event<'_>)) {
        while self.waiting.first_key_value().is_some_and(|(start, _)| *start <= self.acknowledged) {
            self.skip(out);
            self.drain(all, out);
        }
    }

    /// Gives up what is missing before the first segment that waits.
    fn skip(&mut self, out: &mut impl FnMut(Event<'_>)) {
        let (Some(next), Some((start, _))) = (self.next, self.waiting.first_key_value()) else { return };
        if *start > next {
            out(Event::Lost(start - next));
            self.next = Some(*start);
        }
    }

    /// Gives what waited and is in order now.
    fn drain(&mut self, all: &mut usize, out: &mut impl FnMut(Event<'_>)) {
        while let (Some(next), Some(first)) = (self.next, self.waiting.first_entry())
            && *first.key() <= next
        {
            let (start, segment) = first.remove_entry();
            self.held = self.held.saturating_sub(segment.cost());
            *all = all.saturating_sub(segment.cost());
            self.advance(start, &segment.bytes, segment.length, out);
        }
    }

    /// Goes on to the end of a segment that begins at or before the next byte.
    fn advance(&mut self, start: u64, bytes: &[u8], length: u64, out: &mut impl FnMut(Event<'_>)) {
        let Some(next) = self.next else { return };
        let end = start + length;
        if end <= next {
            return;
        }
        let captured = start + bytes.len() as u64;
        let new = usize::try_from(next - start).ok().and_then(|skipped| bytes.get(skipped..)).unwrap_or_default();
        if !new.is_empty() {
            out(Event::Bytes(new));
        }
        let missing = end - captured.max(next);
        if missing > 0 {
            out(Event::Cut(missing));
        }
        self.next = Some(end);
    }
}

/// The position of a sequence number that is near `next`.
fn position(next: u64, sequence: u32) -> u64 {
    let [_, _, _, _, a, b, c, d] = next.to_be_bytes();
    let distance = sequence.wrapping_sub(u32::from_be_bytes([a, b, c, d])).cast_signed();
    next.saturating_add_signed(distance.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Default)]
    struct Bench {
        stream: Stream,
        all: usize,
        text: String,
    }

    impl Bench {
        fn starting(sequence: u32) -> Self {
            let mut bench = Self::default();
            bench.stream.start(sequence);
            bench
        }

        /// Gives whether it was a repeat.
        fn take(&mut self, sequence: u32, bytes: &str, length: usize) -> bool {
            let Self { stream, all, text } = self;
            let taken = stream.take(sequence, bytes.as_bytes(), length, all, &mut |event| write(text, event));
            assert_eq!(stream.held, *all);
            taken.is_repeat
        }

        fn acknowledge(&mut self, sequence: u32) {
            let Self { stream, all, text } = self;
            stream.acknowledge(sequence, all, &mut |event| write(text, event));
        }
    }

    fn write(text: &mut String, event: Event<'_>) {
        text.push_str(&match event {
            Event::Bytes(bytes) => String::from_utf8_lossy(bytes).into_owned(),
            Event::Cut(bytes) => format!("[{bytes} cut]"),
            Event::Lost(bytes) => format!("[{bytes} lost]"),
        });
    }

    #[test]
    fn out_of_order_repeated_and_overlapping_segments_across_the_wrap() {
        let mut bench = Bench::starting(u32::MAX - 2);
        assert!(!bench.take(u32::MAX - 2, "abc", 3));
        assert!(!bench.take(6, "jk", 2));
        assert!(!bench.take(3, "ghi", 3));
        assert_eq!(bench.text, "abc");
        assert!(bench.take(3, "ghi", 3), "it waits already");
        assert!(bench.take(4, "h", 1), "a part of what waits");
        assert!(!bench.take(0, "def", 3));
        assert_eq!(bench.text, "abcdefghijk");
        assert!(bench.take(u32::MAX, "cde", 3));
        assert!(bench.take(6, "jklm", 4));
        assert_eq!(bench.text, "abcdefghijklm");
        assert_eq!(bench.all, 0);
    }

    #[test]
    fn a_keepalive_is_no_repeat() {
        let mut bench = Bench::starting(100);
        assert!(!bench.take(100, "abc", 3));
        assert!(!bench.take(102, "\0", 1));
        assert!(!bench.take(102, "", 0));
        assert!(bench.take(101, "bc", 2));
        assert_eq!(bench.text, "abc");
    }

    #[test]
    fn what_the_other_side_has_will_not_come_again() {
        let mut bench = Bench::starting(0);
        assert!(!bench.take(0, "abc", 3));
        assert!(!bench.take(6, "ghi", 3));
        assert!(!bench.take(12, "mno", 3));
        bench.acknowledge(3);
        assert_eq!(bench.text, "abc");
        bench.acknowledge(9);
        assert_eq!(bench.text, "abc[3 lost]ghi");
        assert!(bench.take(3, "def", 3), "too late");
        bench.acknowledge(15);
        assert_eq!(bench.text, "abc[3 lost]ghi[3 lost]mno");
        // The acknowledgement came first: a hole may still be filled, but is not waited for.
        bench.acknowledge(21);
        assert!(!bench.take(18, "stu", 3));
        assert_eq!(bench.text, "abc[3 lost]ghi[3 lost]mno[3 lost]stu");
    }

    #[test]
    fn a_hole_is_given_up_when_too_much_waits() {
        let mut bench = Bench::starting(0);
        let segment = "x".repeat(1000);
        let mut sequence = 1;
        while bench.text.is_empty() {
            bench.take(sequence, &segment, 1000);
            sequence += 1000;
            assert!(bench.all <= MOST_OUT_OF_ORDER + 2000);
        }
        assert!(bench.text.starts_with("[1 lost]xxx"));
        assert_eq!(bench.all, 0);
        assert_eq!(bench.text.len(), "[1 lost]".len() + usize::try_from(sequence).unwrap() - 1);
    }

    #[test]
    fn the_rest_of_a_cut_segment_is_missing() {
        let mut bench = Bench::starting(0);
        bench.take(0, "ab", 10);
        bench.take(20, "uv", 10);
        bench.take(10, "kl", 10);
        bench.take(28, "89", 4);
        assert_eq!(bench.text, "ab[8 cut]kl[8 cut]uv[8 cut][2 cut]");
        bench.take(32, "", 4);
        assert!(bench.text.ends_with("[2 cut][4 cut]"));
    }

    #[test]
    fn the_middle_of_a_stream_begins_where_it_is_met() {
        let mut bench = Bench::default();
        bench.acknowledge(77);
        bench.take(1000, "abc", 3);
        bench.take(1003, "def", 3);
        assert_eq!(bench.text, "abcdef");
    }
}
