//! Files of others, and broken ones.

use std::fs;
use std::time::Duration;

use interop_capture::{CaptureReader, CaptureWriter, LinkType, ReadError, Side, read_all};

use crate::capture::{START, WIRE, create, folder, interface};

fn pcap(magic: u32, big_endian: bool, packets: &[(u32, u32, &[u8])]) -> Vec<u8> {
    let word = |value: u32| if big_endian { value.to_be_bytes() } else { value.to_le_bytes() };
    let half = |value: u16| if big_endian { value.to_be_bytes() } else { value.to_le_bytes() };
    let mut file = [&word(magic)[..], &half(2), &half(4), &word(0), &word(0), &word(65535), &word(1)].concat();
    for (seconds, fraction, data) in packets {
        let length = word(u32::try_from(data.len()).expect("a short packet"));
        file.extend([&word(*seconds)[..], &word(*fraction), &length, &length, data].concat());
    }
    file
}

#[test]
fn all_kinds_of_pcap() {
    let (_folder, path) = folder();
    for big_endian in [false, true] {
        for (magic, nanos) in [(0xa1b2_c3d4, 5000), (0xa1b2_3c4d, 5)] {
            fs::write(&path, pcap(magic, big_endian, &[(7, 5, b"one"), (8, 0, b"two")])).unwrap();
            let (frames, error) = read_all(&path).unwrap();
            assert!(error.is_none());
            assert_eq!(frames.iter().map(|frame| &*frame.data).collect::<Vec<_>>(), [b"one", b"two"]);
            assert_eq!(frames[0].time, Duration::new(7, nanos));
            assert_eq!((frames[1].number, frames[1].link_type, &*frames[1].interface), (2, LinkType::Ethernet, "if0"));
        }
    }
}

#[test]
fn a_truncated_pcap_names_the_packet() {
    let (_folder, path) = folder();
    let whole = pcap(0xa1b2_c3d4, false, &[(7, 5, b"one"), (8, 0, b"two")]);
    fs::write(&path, &whole[..whole.len() - 1]).unwrap();
    let (frames, error) = read_all(&path).unwrap();
    assert_eq!(frames.len(), 1);
    let error = error.unwrap();
    assert!(matches!(error, ReadError::Packet { number: 2, .. }));
    assert!(error.to_string().starts_with("read packet 2 of "), "{error}");
}

#[test]
fn a_truncated_capture_gives_what_came_before() {
    let (_folder, path) = folder();
    let mut writer = create(&path);
    for number in 0..5_u8 {
        writer.frame(WIRE, START, Side::A, &[number; 50], Some("comment"));
    }
    writer.finish(&[]).unwrap();
    let whole = fs::read(&path).unwrap();
    let mut last = 0;
    for length in 0..whole.len() {
        fs::write(&path, &whole[..length]).unwrap();
        let Ok((frames, error)) = read_all(&path) else {
            assert_eq!(last, 0, "unreadable at {length}");
            continue;
        };
        assert!(frames.len() == last || frames.len() == last + 1);
        last = frames.len();
        if let Some(ReadError::Packet { number, .. }) = error {
            assert_eq!(number, last as u64 + 1);
        }
    }
    assert_eq!(last, 4);
}

#[test]
fn what_is_no_capture_is_refused() {
    let (_folder, path) = folder();
    for content in [&b""[..], b"abc", b"PK\x03\x04 is something else", &[0x0a, 0x0d, 0x0d, 0x0a]] {
        fs::write(&path, content).unwrap();
        let error = CaptureReader::open(&path).unwrap_err();
        assert!(matches!(error, ReadError::Format { .. }), "{error}");
        assert!(error.to_string().contains("not a capture file"), "{error}");
    }
}

#[test]
fn reading_ends_after_an_error() {
    let (_folder, path) = folder();
    let mut file = pcap(0xa1b2_c3d4, false, &[(7, 5, b"one")]);
    file.extend([0xff; 40]);
    fs::write(&path, file).unwrap();
    let results: Vec<bool> = CaptureReader::open(&path).unwrap().map(|frame| frame.is_ok()).collect();
    assert_eq!(results, [true, false]);
}

#[test]
fn a_second_section_has_interfaces_of_its_own() {
    let (_folder, path) = folder();
    let mut file = Vec::new();
    for name in ["one", "two"] {
        let mut writer = CaptureWriter::create(&path, &[interface(name, LinkType::Ethernet)]).unwrap();
        writer.frame(WIRE, START, Side::A, b"x", None);
        writer.finish(&[]).unwrap();
        file.extend(fs::read(&path).unwrap());
    }
    fs::write(&path, file).unwrap();
    let (frames, error) = read_all(&path).unwrap();
    assert!(error.is_none(), "{error:?}");
    assert_eq!(
        frames.iter().map(|frame| (frame.number, &*frame.interface)).collect::<Vec<_>>(),
        [(1, "one"), (2, "two")]
    );
}

#[test]
fn simple_packets_and_nameless_interfaces() {
    // Section header, interface description without options, simple packet block.
    let blocks: [&[u32]; 3] = [
        &[0x0a0d_0d0a, 28, 0x1a2b_3c4d, 1, u32::MAX, u32::MAX, 28],
        &[1, 20, 1, 65535, 20],
        &[3, 20, 4, u32::from_le_bytes(*b"data"), 20],
    ];
    let (_folder, path) = folder();
    fs::write(&path, blocks.concat().iter().flat_map(|word| word.to_le_bytes()).collect::<Vec<u8>>()).unwrap();
    let (frames, error) = read_all(&path).unwrap();
    assert!(error.is_none(), "{error:?}");
    assert_eq!((&*frames[0].interface, &*frames[0].data), ("if0", &b"data"[..]));
    assert_eq!((frames[0].time, frames[0].from, frames.len()), (Duration::ZERO, None, 1));
}
