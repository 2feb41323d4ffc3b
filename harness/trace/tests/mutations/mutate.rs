//! What becomes of valid frames and files.

use std::time::Duration;

use interop_capture::{Frame, LinkType};

use crate::dice::Dice;

/// Longest frame that mutations make, in bytes; what offloading leaves in captures is not longer.
const LONGEST: usize = 66_000;
/// Where headers are: of Ethernet, IP, TCP with options, a record and the message in it.
const FRONT: usize = 120;

/// Bytes that mean something somewhere.
const BYTES: &[u8] =
    b"\0\x01\x02\x03\x04\x05\x06\x0b\x11\x14\x15\x16\x17\x1d\x2c\x32\x3a\x3c\x45\x60\x7f\x80\x86\xdd\xfe\xff\r\n :";

/// Pieces that mean something somewhere.
const TOKENS: &[&[u8]] = &[
    b"\x16\x03\x01\xff\xff\x01\0\xff\xff",
    b"\x17\x03\x03\0\0",
    b"\x17\x03\x03\x41\x00",
    b"\x15\x03\x03\0\x02\x01\0",
    b"\x14\x03\x03\0\x01\x01",
    b"\x16\xfe\xfd\0\0\0\0\0\0\0\0\0\x0c\x01\0\0\0\0\0\0\0\0\0\0\0",
    b"\x17\xfe\xfd\0\x01\xff\xff\xff\xff\xff\xff\0\0",
    b"\x16\x01\0\0\0\0\0\0\0\0\0\xff\xff",
    b"STF\x01\xff\xff\0\0",
    b"STF\x01\0\0\x05\0",
    b"GET / HTTP/1.1\r\n\r\n",
    b"CONNECT / HTTP/1.1\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: 18446744073709551615\r\n\r\n",
    b"HTTP/1.0 200 OK\r\n\r\n<config-auth type='auth-request'><auth><form>",
    b"\xc0\x0c",
    b"\xc0\x0c\0\x05\0\x01\0\0\0\0\0\x02\xc0\x0c",
    b"\0\0\x29\xff\xff\0\0\0\0\xff\xff",
    b"\0\x0e\x38\x01\x02\x03\x04\x05\x06\x07\x08\0\0\0\0\0",
    b"\x20\x01\x02\x03\x04\x05\x06\x07\x08\x04\0\0\0\0",
    b"\x2c\0\0\x01\0\0\0\x01",
    b"\x81\0\0\x01\x81\0\0\x01",
];

/// Frames with some changes, at least one.
pub(crate) fn frames(frames: &mut Vec<Frame>, others: &[Frame], dice: &mut Dice) {
    for _ in 0..=dice.below(4) {
        one_frame(frames, others, dice);
    }
    for (index, frame) in frames.iter_mut().enumerate() {
        frame.number = index as u64 + 1;
        frame.data.truncate(LONGEST);
    }
}

fn one_frame(frames: &mut Vec<Frame>, others: &[Frame], dice: &mut Dice) {
    let at = dice.below(frames.len());
    let other = dice.pick(others).clone();
    let Some(frame) = frames.get_mut(at) else { return frames.push(other) };
    match dice.below(24) {
        0..=9 => front(&mut frame.data, dice),
        10..=13 => once(&mut frame.data, &other.data, dice),
        14 => {
            let cut = dice.below(frame.data.len());
            frame.data.truncate(cut);
        }
        15 => {
            frame.link_type = *dice.pick(&[
                LinkType::Ethernet,
                LinkType::RawIp,
                LinkType::Other(0),
                LinkType::Other(113),
                LinkType::Other(276),
            ])
        }
        16 => frame.interface = dice.pick(&["", "access", "client:tun0", "gateway:"]).to_string().into(),
        17 => frame.time = *dice.pick(&[Duration::ZERO, Duration::MAX, Duration::from_secs(1), other.time]),
        18 => {
            let again = frame.clone();
            let to = dice.below(frames.len() + 1);
            frames.insert(to, again);
        }
        19 => {
            let to = dice.below(frames.len());
            frames.swap(at, to);
        }
        20 => {
            frames.remove(at);
        }
        21 => frames.insert(at, other),
        22 => swap_ends(frame),
        _ => {
            // The payload of one with the headers of another.
            let from = dice.below(FRONT).min(frame.data.len());
            frame.data.truncate(from);
            frame.data.extend_from_slice(other.data.get(from..).unwrap_or_default());
        }
    }
}

/// Turns an IPv4 packet in an Ethernet frame round.
fn swap_ends(frame: &mut Frame) {
    let ip = if frame.link_type == LinkType::Ethernet { 14 } else { 0 };
    let Some(ends) = frame.data.get_mut(ip + 12..ip + 24) else { return };
    ends[..8].rotate_left(4);
    ends[8..].rotate_left(2);
}

/// Changes a byte or a number of the headers, so that what is behind them stays in its place.
fn front(bytes: &mut [u8], dice: &mut Dice) {
    let most = if dice.one_in(3) { bytes.len() } else { bytes.len().min(FRONT) };
    let at = dice.below(most);
    let Some(byte) = bytes.get_mut(at) else { return };
    match dice.below(8) {
        0..=2 => *byte ^= 1 << dice.below(8),
        3 | 4 => *byte = *dice.pick(BYTES),
        5 => *byte = dice.byte(),
        _ => number(&mut bytes[at..], dice),
    }
}

/// Changes a number of one to four bytes, a little or to an end of its range.
fn number(bytes: &mut [u8], dice: &mut Dice) {
    let width = (1 + dice.below(4)).min(bytes.len());
    let field = &mut bytes[..width];
    let old = field.iter().fold(0_u32, |sum, byte| sum << 8 | u32::from(*byte));
    let new = match dice.below(7) {
        0 => old.wrapping_add(1),
        1 => old.wrapping_sub(1),
        2 => 0,
        3 => u32::MAX,
        4 => old << 1,
        5 => old.wrapping_add(dice.below(3000) as u32),
        _ => dice.next() as u32,
    };
    field.copy_from_slice(&new.to_be_bytes()[4 - width..]);
}

/// A file with some changes, at least one.
pub(crate) fn file(bytes: &mut Vec<u8>, other: &[u8], dice: &mut Dice) {
    for _ in 0..=dice.below(6) {
        match dice.below(4) {
            0 => once(bytes, other, dice),
            1 => {
                // Where the descriptions of file and interfaces are.
                let most = bytes.len().min(400);
                front(&mut bytes[..most], dice);
            }
            _ => {
                let from = dice.below(bytes.len());
                front(&mut bytes[from..], dice);
            }
        }
    }
    if dice.one_in(6) {
        bytes.truncate(dice.below(bytes.len()));
    }
}

fn once(bytes: &mut Vec<u8>, other: &[u8], dice: &mut Dice) {
    let at = dice.below(bytes.len());
    match dice.below(8) {
        0 => {
            let (from, to) = range(bytes.len(), dice);
            bytes.drain(from..to);
        }
        1 => {
            let (from, to) = range(bytes.len(), dice);
            let most = if dice.one_in(20) { 500 } else { 3 };
            let times = 1 + dice.below(most);
            let piece = bytes[from..to].repeat(times.min(LONGEST / (to - from).max(1)));
            bytes.splice(to..to, piece);
        }
        2 => {
            let piece: Vec<u8> = (0..=dice.below(16)).map(|_| dice.byte()).collect();
            bytes.splice(at..at, piece);
        }
        3 | 4 => {
            let token = *dice.pick(TOKENS);
            bytes.splice(at..at, token.iter().copied());
        }
        5 => {
            let token = *dice.pick(TOKENS);
            let to = (at + token.len()).min(bytes.len());
            bytes.splice(at..to, token.iter().copied());
        }
        6 => bytes.truncate(at),
        _ => {
            let (from, to) = range(other.len(), dice);
            bytes.splice(at..at, other[from..to].iter().copied());
        }
    }
}

/// A part of so many bytes, mostly a short one.
fn range(length: usize, dice: &mut Dice) -> (usize, usize) {
    let from = dice.below(length);
    let longest = if dice.one_in(4) { length } else { 32 };
    (from, (from + 1 + dice.below(longest)).min(length))
}
