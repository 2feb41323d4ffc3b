//! LZS, the format of ANSI X3.241 and RFC 1974, one packet at a time.
//!
//! A literal is `0` and eight bits. A repetition is `1`, an offset (`1` and seven bits, or `0` and eleven bits) and a length:
//!
//! | length | bits |
//! |---|---|
//! | 2, 3, 4 | `00`, `01`, `10` |
//! | 5, 6, 7 | `1100`, `1101`, `1110` |
//! | 8 and more | `1111`, then length - 8 as a sum of four-bit digits: each `1111` adds 15 and goes on, the first other digit ends it |
//!
//! An offset of seven bits that is zero, `110000000`, ends the packet; zeros fill the last byte.

use super::bits::{BitReader, BitWriter};
use super::method::DecompressError;

/// The largest offset of eleven bits.
const REACH: usize = 2047;

/// The end marker and its number of bits.
const END: (u32, u32) = (0b1_1000_0000, 9);

const HASH_BITS: u32 = 12;
const SLOTS: usize = 1 << HASH_BITS;
const WINDOW: usize = REACH + 1;

/// Earlier places with the same hash that are looked at.
const MOST_CANDIDATES: usize = 24;

/// A repetition of this length is taken without looking for a better one.
const GOOD_ENOUGH: usize = 96;

/// Where pairs of bytes were seen. Reused from packet to packet, without being cleared: places of earlier packets are told by number.
#[derive(Clone, Debug)]
pub(super) struct Table {
    /// The last place of each hash, plus `base`.
    newest: Vec<u32>,
    /// The place before, for each place in the window.
    older: Vec<u32>,
    /// Added to places of this packet, so that they are above all of earlier packets.
    base: u32,
}

impl Table {
    pub(super) fn new() -> Self {
        Self { newest: vec![0; SLOTS], older: vec![0; WINDOW], base: 1 }
    }

    fn begin(&mut self, length: usize) {
        // Inputs are below 64 KiB, so one clearing serves tens of thousands of packets.
        if u32::MAX - self.base < 0x2_0000 || length > 0xffff {
            self.newest.fill(0);
            self.base = 1;
        }
    }

    fn end(&mut self, length: usize) {
        self.base = self.base.saturating_add(u32::try_from(length).unwrap_or(u32::MAX));
    }

    /// Notes that `input[at..]` begins here, and returns the place before with the same hash.
    fn note(&mut self, input: &[u8], at: usize) -> Option<usize> {
        let pair = u32::from(*input.get(at)?) << 8 | u32::from(*input.get(at + 1)?);
        let slot = (pair.wrapping_mul(0x9e37_79b1) >> (32 - HASH_BITS)) as usize;
        let number = self.base + u32::try_from(at).ok()?;
        let before = std::mem::replace(&mut self.newest[slot], number);
        self.older[at % WINDOW] = before;
        self.place(before)
    }

    /// The place that a number stands for, when it is of this packet.
    fn place(&self, number: u32) -> Option<usize> {
        Some(number.checked_sub(self.base)? as usize)
    }

    /// Finds the longest repetition of what begins at `at`, from the candidate on: offset and length.
    fn longest(&self, input: &[u8], at: usize, mut candidate: Option<usize>) -> Option<(usize, usize)> {
        let mut best = None;
        let mut best_length = 1;
        for _ in 0..MOST_CANDIDATES {
            let Some(place) = candidate.filter(|place| at - place <= REACH) else { break };
            // The byte that would make it longer decides first.
            if input.get(place + best_length) == input.get(at + best_length) {
                let length = same(&input[place..], &input[at..]);
                if length > best_length {
                    (best, best_length) = (Some((at - place, length)), length);
                }
                if length >= GOOD_ENOUGH || at + length == input.len() {
                    break;
                }
            }
            candidate = self.place(self.older[place % WINDOW]).filter(|older| *older < place);
        }
        best
    }
}

/// The number of equal bytes at the beginning; the slices may overlap, as repetitions do.
fn same(earlier: &[u8], later: &[u8]) -> usize {
    earlier.iter().zip(later).take_while(|(one, other)| one == other).count()
}

/// Appends the compressed input to `out`; returns false, with rubbish appended, when it would need more than `room` bytes.
pub(super) fn compress(table: &mut Table, input: &[u8], out: &mut Vec<u8>, room: usize) -> bool {
    table.begin(input.len());
    let mut writer = BitWriter::new(out, room);
    let fits = encode(table, input, &mut writer) && writer.put(END.0, END.1) && writer.finish();
    table.end(input.len());
    fits
}

fn encode(table: &mut Table, input: &[u8], writer: &mut BitWriter<'_>) -> bool {
    let mut at = 0;
    while at < input.len() {
        let candidate = table.note(input, at);
        let step = match table.longest(input, at, candidate) {
            Some((offset, length)) => {
                if !put_repetition(writer, offset, length) {
                    return false;
                }
                for passed in at + 1..at + length {
                    table.note(input, passed);
                }
                length
            }
            None => {
                if !writer.put(u32::from(input[at]), 9) {
                    return false;
                }
                1
            }
        };
        at += step;
    }
    true
}

fn put_repetition(writer: &mut BitWriter<'_>, offset: usize, length: usize) -> bool {
    let Ok(bits) = u32::try_from(offset) else { return false };
    let offset_put = if bits < 128 { writer.put(0b11 << 7 | bits, 9) } else { writer.put(0b10 << 11 | bits, 13) };
    offset_put && put_length(writer, length)
}

fn put_length(writer: &mut BitWriter<'_>, length: usize) -> bool {
    match length {
        2 => writer.put(0b00, 2),
        3 => writer.put(0b01, 2),
        4 => writer.put(0b10, 2),
        5 => writer.put(0b1100, 4),
        6 => writer.put(0b1101, 4),
        7 => writer.put(0b1110, 4),
        _ => {
            let mut rest = length - 8;
            if !writer.put(0b1111, 4) {
                return false;
            }
            while rest >= 15 {
                if !writer.put(0b1111, 4) {
                    return false;
                }
                rest -= 15;
            }
            u32::try_from(rest).is_ok_and(|digit| writer.put(digit, 4))
        }
    }
}

/// Appends the plain packet to `out`, at most `limit` bytes.
pub(super) fn decompress(input: &[u8], out: &mut Vec<u8>, limit: usize) -> Result<(), DecompressError> {
    let mut reader = BitReader::new(input);
    let mut take = |count| reader.take(count).ok_or(DecompressError::Truncated);
    let start = out.len();
    loop {
        if take(1)? == 0 {
            let [.., literal] = take(8)?.to_be_bytes();
            if out.len() - start == limit {
                return Err(DecompressError::TooLarge(limit));
            }
            out.push(literal);
            continue;
        }
        let offset = if take(1)? == 1 {
            match take(7)? {
                0 => return Ok(()),
                offset => offset,
            }
        } else {
            take(11)?
        } as usize;
        let mut length = match take(2)? {
            3 => match take(2)? {
                3 => 8,
                more => 5 + more as usize,
            },
            more => 2 + more as usize,
        };
        if length == 8 {
            loop {
                let digit = take(4)? as usize;
                length += digit;
                if length > limit {
                    return Err(DecompressError::TooLarge(limit));
                }
                if digit != 15 {
                    break;
                }
            }
        }
        let made = out.len() - start;
        if offset == 0 || offset > made {
            return Err(DecompressError::Offset { offset, made });
        }
        if made + length > limit {
            return Err(DecompressError::TooLarge(limit));
        }
        repeat(out, offset, length);
    }
}

/// Appends `length` bytes from `offset` back; source and result may overlap.
fn repeat(out: &mut Vec<u8>, offset: usize, length: usize) {
    let from = out.len() - offset;
    if length <= offset {
        out.extend_from_within(from..from + length);
        return;
    }
    for at in from..from + length {
        out.push(out[at]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Turns a picture of bits into bytes; blanks are for the eye, zeros fill the last byte.
    fn bits(picture: &str) -> Vec<u8> {
        let digits: Vec<u8> = picture.bytes().filter(|digit| *digit != b' ').map(|digit| digit - b'0').collect();
        digits.chunks(8).map(|byte| (0..8).fold(0, |sum, at| sum << 1 | byte.get(at).unwrap_or(&0))).collect()
    }

    fn decompressed(input: &[u8]) -> Result<Vec<u8>, DecompressError> {
        let mut out = Vec::new();
        decompress(input, &mut out, 16_384).map(|()| out)
    }

    fn compressed(input: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        assert!(compress(&mut Table::new(), input, &mut out, 70_000));
        out
    }

    /// Derived by hand from the format's definition.
    #[test]
    fn vectors_made_by_hand_hold_in_both_directions() {
        let table: &[(&[u8], &str)] = &[
            // Nothing but the end.
            (b"", "110000000"),
            // One literal, `A` = 0x41.
            (b"A", "0 01000001 110000000"),
            // Two literals, then 3 from 2 back: the repetition overlaps itself.
            (b"ababa", "0 01100001 0 01100010 1 1 0000010 01 110000000"),
            // A run: one literal, then 9 from 1 back; 9 = 8 + digit 1.
            (b"aaaaaaaaaa", "0 01100001 1 1 0000001 1111 0001 110000000"),
            // 5, 6 and 7 have four bits.
            (b"aaaaaa", "0 01100001 1 1 0000001 1100 110000000"),
            (b"aaaaaaa", "0 01100001 1 1 0000001 1101 110000000"),
            (b"aaaaaaaa", "0 01100001 1 1 0000001 1110 110000000"),
            // 23 = 8 + 15 + 0: a full digit goes on, and a zero ends it.
            (b"aaaaaaaaaaaaaaaaaaaaaaaa", "0 01100001 1 1 0000001 1111 1111 0000 110000000"),
        ];
        for (plain, picture) in table {
            assert_eq!(compressed(plain), bits(picture), "{plain:?}");
            assert_eq!(decompressed(&bits(picture)).as_deref(), Ok(*plain), "{plain:?}");
        }
    }

    #[test]
    fn an_offset_above_127_has_eleven_bits() {
        // 0..=199, then the pair (0, 1) again from 200 back.
        let mut plain: Vec<u8> = (0..200).collect();
        plain.extend_from_slice(&[0, 1]);
        let literals: String = (0..200).map(|byte| format!("0 {byte:08b} ")).collect();
        let expected = bits(&format!("{literals} 1 0 00011001000 00 110000000"));
        assert_eq!(compressed(&plain), expected);
        assert_eq!(decompressed(&expected), Ok(plain));
    }

    #[test]
    fn the_farthest_offset_is_used_and_nothing_beyond() {
        for distance in [REACH, REACH + 1] {
            let mut plain = b"\xffmarker\xff".to_vec();
            plain.extend((0..distance - plain.len()).map(|at| (at % 251) as u8));
            plain.extend_from_slice(b"\xffmarker\xff");
            assert_eq!(decompressed(&compressed(&plain)), Ok(plain));
        }
    }

    #[test]
    fn what_follows_the_end_marker_is_ignored() {
        let mut input = bits("0 01000001 110000000");
        input.extend_from_slice(b"rubbish");
        assert_eq!(decompressed(&input), Ok(b"A".to_vec()));
    }

    #[test]
    fn corrupt_input_is_refused() {
        use DecompressError::{Offset, Truncated};
        assert_eq!(decompressed(b""), Err(Truncated));
        assert_eq!(decompressed(&bits("0 01000001")), Err(Truncated));
        assert_eq!(decompressed(&bits("0 01000001 1 1 0000010 00 110000000")), Err(Offset { offset: 2, made: 1 }));
        assert_eq!(decompressed(&bits("0 01000001 1 0 00000000000 00 110000000")), Err(Offset { offset: 0, made: 1 }));
    }

    #[test]
    fn a_bomb_stops_at_the_limit() {
        let mut bomb = bits("0 01000001 1 1 0000001 11");
        bomb.resize(64 * 1024, 0xff);
        let mut out = b"before".to_vec();
        assert_eq!(decompress(&bomb, &mut out, 1500), Err(DecompressError::TooLarge(1500)));
        assert!(out.len() <= 6 + 1500);
    }

    #[test]
    fn a_table_serves_many_packets_and_does_not_mix_them() {
        let mut table = Table::new();
        for round in 0..300_u32 {
            let plain: Vec<u8> = (0..700).map(|at: u32| (at * round % 17) as u8).collect();
            let (mut reused, mut out) = (Vec::new(), Vec::new());
            assert!(compress(&mut table, &plain, &mut reused, 70_000));
            decompress(&reused, &mut out, 700).unwrap();
            assert_eq!(out, plain);
            assert_eq!(reused, compressed(&plain), "round {round} saw an earlier packet");
        }
        table.base = u32::MAX - 100;
        assert!(compress(&mut table, b"wraps around wraps around", &mut Vec::new(), 70_000));
    }
}
