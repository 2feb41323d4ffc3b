//! Compression as both channels use it: round trips, limits, corrupt input (AC-CMP-01 to AC-CMP-05).

#![forbid(unsafe_code)]

use proptest::prelude::*;
use reference_cstp::compress::{Compression, DecompressError, MAX_OUTPUT, MIN_INPUT, Scratch};

const BOTH: [Compression; 2] = [Compression::OcLz4, Compression::Lzs];

/// A packet that looks like one: a header that repeats itself, then text.
fn packet(length: usize) -> Vec<u8> {
    let text = b"GET /index.html HTTP/1.1\r\nHost: inside.example\r\nAccept: text/html, text/plain, text/css\r\n";
    let mut packet = vec![0x45, 0, 5, 0x78, 0, 0, 0x40, 0, 0x40, 6, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2];
    packet.extend(text.iter().cycle().take(length.saturating_sub(packet.len())));
    packet
}

/// Bytes without any pattern, from a linear congruence.
fn noise(length: usize) -> Vec<u8> {
    let mut state = 0x1234_5678_u32;
    let next = |state: &mut u32| {
        *state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (*state >> 24) as u8
    };
    (0..length).map(|_| next(&mut state)).collect()
}

#[test]
fn a_packet_shrinks_and_comes_back() {
    for method in BOTH {
        let (mut scratch, mut small, mut plain) = (Scratch::new(), vec![8], Vec::new());
        assert!(method.compress(&mut scratch, &packet(1400), &mut small), "{method}");
        assert!(small[0] == 8 && small.len() < 400, "{method} made {} bytes", small.len());
        method.decompress(&small[1..], &mut plain, 1400).unwrap();
        assert_eq!(plain, packet(1400), "{method}");
    }
}

/// AC-CMP-04: what does not shrink is left to be sent as DATA, and the output is untouched.
#[test]
fn noise_and_small_packets_are_left_alone() {
    let mut scratch = Scratch::new();
    for method in [Compression::None, Compression::OcLz4, Compression::Lzs] {
        for input in [noise(1400), noise(MIN_INPUT), vec![0; MIN_INPUT - 1], Vec::new(), vec![0; MAX_OUTPUT + 1]] {
            let mut out = b"before".to_vec();
            assert!(!method.compress(&mut scratch, &input, &mut out), "{method} {}", input.len());
            assert_eq!(out, b"before");
        }
    }
    assert!(!Compression::None.compress(&mut scratch, &packet(1400), &mut Vec::new()));
}

/// AC-CMP-01, AC-CSTP-13: nothing is compressed by default, and a compressed packet is refused then.
#[test]
fn without_an_agreement_compressed_packets_are_refused() {
    assert_eq!(Compression::default(), Compression::None);
    let mut out = Vec::new();
    assert_eq!(Compression::None.decompress(&[0; 50], &mut out, 1400), Err(DecompressError::NotNegotiated));
    assert!(out.is_empty());
}

/// AC-CMP-03: no packet needs an earlier one, so that loss and disorder on DTLS do no harm.
#[test]
fn packets_stand_alone() {
    for method in BOTH {
        let mut scratch = Scratch::new();
        let packets: Vec<Vec<u8>> = (60..260).map(|length| packet(length * 3)).collect();
        let small: Vec<Vec<u8>> = packets
            .iter()
            .map(|plain| {
                let mut out = Vec::new();
                assert!(method.compress(&mut scratch, plain, &mut out));
                out
            })
            .collect();
        for (plain, small) in packets.iter().zip(&small).rev().step_by(3) {
            let (mut out, mut fresh) = (Vec::new(), Vec::new());
            method.decompress(small, &mut out, 1400).unwrap();
            assert_eq!(out, *plain, "{method}");
            assert!(method.compress(&mut Scratch::new(), plain, &mut fresh));
            assert_eq!(fresh, *small, "{method} saw an earlier packet");
        }
    }
}

/// AC-CMP-05: a packet that would grow beyond the limit is refused, and the output is as it was.
#[test]
fn bombs_are_refused() {
    for method in BOTH {
        let mut small = Vec::new();
        assert!(method.compress(&mut Scratch::new(), &vec![7; MAX_OUTPUT], &mut small));
        assert!(small.len() < 1200, "{method} made {} bytes", small.len());
        for limit in [0, 1, 1400, MAX_OUTPUT - 1] {
            let mut out = b"before".to_vec();
            assert!(method.decompress(&small, &mut out, limit).is_err(), "{method} {limit}");
            assert_eq!(out, b"before");
        }
        let mut out = Vec::new();
        assert_eq!(method.decompress(&small, &mut out, usize::MAX), Ok(()), "{method}");
        assert_eq!(out.len(), MAX_OUTPUT);
    }
}

#[test]
fn names_are_those_of_the_headers() {
    assert_eq!(Compression::named("OC-LZ4"), Some(Compression::OcLz4));
    assert_eq!(Compression::named("lzs"), Some(Compression::Lzs));
    for other in ["deflate", "none", "", " lzs"] {
        assert_eq!(Compression::named(other), None);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn what_was_compressed_comes_back(
        lzs: bool, alphabet in 1..=255_u8, input in proptest::collection::vec(any::<u8>(), 0..4000),
    ) {
        let method = BOTH[usize::from(lzs)];
        let input: Vec<u8> = input.iter().map(|byte| byte % alphabet).collect();
        let (mut small, mut plain) = (Vec::new(), Vec::new());
        if method.compress(&mut Scratch::new(), &input, &mut small) {
            prop_assert!(small.len() < input.len());
            prop_assert_eq!(method.decompress(&small, &mut plain, input.len()), Ok(()));
            prop_assert_eq!(plain, input);
        } else {
            prop_assert!(small.is_empty());
        }
    }

    #[test]
    fn any_input_is_taken_or_refused_within_the_limit(
        lzs: bool, limit in 0..2000_usize, input in proptest::collection::vec(any::<u8>(), 0..600),
    ) {
        let mut out = vec![1, 2, 3];
        let done = BOTH[usize::from(lzs)].decompress(&input, &mut out, limit);
        prop_assert!(out.len() <= 3 + limit);
        prop_assert!(done.is_ok() || out == [1, 2, 3]);
    }

    #[test]
    fn a_mutated_packet_is_taken_or_refused_within_the_limit(
        lzs: bool, length in 100..1400_usize, at: prop::sample::Index, bits in 1..=255_u8,
    ) {
        let method = BOTH[usize::from(lzs)];
        let (mut small, mut out) = (Vec::new(), Vec::new());
        prop_assert!(method.compress(&mut Scratch::new(), &packet(length), &mut small));
        let at = at.index(small.len());
        small[at] ^= bits;
        let _either = method.decompress(&small, &mut out, 1400);
        prop_assert!(out.len() <= 1400);
        small.truncate(at);
        let _either = method.decompress(&small, &mut out, 1400);
    }
}
