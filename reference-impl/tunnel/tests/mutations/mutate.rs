//! What becomes of a valid input.

use crate::dice::Dice;

/// Longest input that mutations make, in bytes; a few may be as long as [`GIANT`].
const LONGEST: usize = 20_000;
/// Longer than any message that is taken.
const GIANT: usize = 400_000;

/// Bytes that mean something somewhere.
const BYTES: &[u8] = b"\0\x01\x02\x03\x14\x16\x17\x7f\x80\xfd\xfe\xff\r\n\t :;,=<>&\"'/%+-0159aAz[]";

/// Pieces that mean something somewhere.
const TOKENS: &[&[u8]] = &[
    b"\r\n",
    b"\r\n\r\n",
    b"Content-Length: 1073741824\r\n",
    b"Content-Length: -1\r\n",
    b"Transfer-Encoding: chunked\r\n",
    b"Connection: close\r\n",
    b"X-CSTP-DPD: 4294967295\r\n",
    b"X-CSTP-Keepalive: 1\r\n",
    b"X-CSTP-MTU: 65535\r\n",
    b"X-CSTP-Split-Include: 0.0.0.0/0.0.0.0\r\n",
    b"X-DTLS-Session-ID: 00\r\n",
    b"Set-Cookie: webvpn=; path=/\r\n",
    b"Location: https://[::1]:99999/\r\n",
    b"ffffffffffffffff\r\n",
    b"<![CDATA[",
    b"]]>",
    b"<!--",
    b"<!DOCTYPE a [<!ENTITY e 'e'>]>",
    b"&#x0;",
    b"&#x10ffff;",
    b"&amp;",
    b"<a>",
    b"</a>",
    b"<opaque>",
    b"</opaque>",
    b"<config-auth type=\"complete\">",
    b"%00",
    b"%2e%2e/",
    b"\xc3\x28",
    b"\xf0\x9f\x98\x80",
    b"STF\x01\xff\xff\x00\x00",
    b"STF\x01\x00\x00\x05\x00",
    b"99999999999999999999",
    b"18446744073709551615",
    b"4294967296",
    b"65536",
];

/// Numbers at the ends of their ranges, as text.
const NUMBERS: &[&str] =
    &["", "0", "1", "-1", "127", "128", "255", "256", "32768", "65535", "65536", "2147483648", "4294967295"];

/// Changes a copy of `input` one to four times; `others` lends pieces.
pub(crate) fn mutate(input: &[u8], others: &[(usize, Vec<u8>)], dice: &mut Dice) -> Vec<u8> {
    let mut bytes = input.to_vec();
    for _ in 0..=dice.below(4) {
        once(&mut bytes, others, dice);
    }
    let most = if dice.one_in(500) {
        while !bytes.is_empty() && bytes.len() < GIANT && dice.below(20) > 0 {
            repeat(&mut bytes, 2000, dice);
        }
        GIANT
    } else {
        LONGEST.max(input.len())
    };
    bytes.truncate(most);
    bytes
}

fn once(bytes: &mut Vec<u8>, others: &[(usize, Vec<u8>)], dice: &mut Dice) {
    let at = dice.below(bytes.len());
    match dice.below(16) {
        0..=2 if !bytes.is_empty() => bytes[at] ^= 1 << dice.below(8),
        3 | 4 if !bytes.is_empty() => bytes[at] = *dice.pick(BYTES),
        5 if !bytes.is_empty() => bytes[at] = dice.byte(),
        6 => {
            let (from, to) = range(bytes.len(), dice);
            bytes.drain(from..to);
        }
        7 => repeat(bytes, 1 + dice.below(3), dice),
        8 => repeat(bytes, 1 + dice.below(200), dice),
        9 => {
            let piece: Vec<u8> = (0..=dice.below(16)).map(|_| dice.byte()).collect();
            insert(bytes, at, &piece);
        }
        10 => {
            let token = *dice.pick(TOKENS);
            insert(bytes, at, token);
        }
        11 => bytes.truncate(at),
        12 => {
            // The beginning of one and the end of another.
            let (_, other) = dice.pick(others);
            let from = dice.below(other.len());
            bytes.truncate(at);
            bytes.extend_from_slice(&other[from..]);
        }
        13 => {
            let (_, other) = dice.pick(others);
            let (from, to) = range(other.len(), dice);
            if dice.one_in(8) {
                *bytes = other.clone();
            } else {
                insert(bytes, at, &other[from..to]);
            }
        }
        14 => length(bytes, dice),
        _ => number(bytes, at, dice),
    }
}

fn insert(bytes: &mut Vec<u8>, at: usize, piece: &[u8]) {
    bytes.splice(at..at, piece.iter().copied());
}

/// A part of so many bytes, mostly a short one.
fn range(length: usize, dice: &mut Dice) -> (usize, usize) {
    let from = dice.below(length);
    let longest = if dice.one_in(4) { length } else { 32 };
    (from, (from + 1 + dice.below(longest)).min(length))
}

/// Puts further copies of a part behind it.
fn repeat(bytes: &mut Vec<u8>, times: usize, dice: &mut Dice) {
    let (from, to) = range(bytes.len(), dice);
    let room = GIANT.saturating_sub(bytes.len()) / (to - from).max(1);
    let piece = bytes[from..to].repeat(times.min(room));
    insert(bytes, to, &piece);
}

/// Changes what may be a length of one to three bytes, a little or to an end of its range.
fn length(bytes: &mut [u8], dice: &mut Dice) {
    let width = 1 + dice.below(3);
    let at = dice.below(bytes.len().saturating_sub(width));
    let Some(field) = bytes.get_mut(at..at + width) else { return };
    let old = field.iter().fold(0_u32, |sum, byte| sum << 8 | u32::from(*byte));
    let new = match dice.below(6) {
        0 => old.wrapping_add(1),
        1 => old.wrapping_sub(1),
        2 => 0,
        3 => u32::MAX,
        4 => old << 1,
        _ => dice.next() as u32,
    };
    let digits = new.to_be_bytes();
    field.copy_from_slice(&digits[4 - width..]);
}

/// Replaces the next number in decimal digits.
fn number(bytes: &mut Vec<u8>, at: usize, dice: &mut Dice) {
    let digit = |byte: &u8| byte.is_ascii_digit();
    let Some(from) = bytes.iter().skip(at).position(digit).map(|found| at + found) else { return };
    let to = bytes[from..].iter().position(|byte| !digit(byte)).map_or(bytes.len(), |end| from + end);
    bytes.splice(from..to, dice.pick(NUMBERS).bytes());
}
