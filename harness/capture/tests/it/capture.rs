//! What is written is what is read.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use interop_capture::{
    CaptureError, CaptureReader, CaptureWriter, Frame, InterfaceId, InterfaceSpec, LinkType, Side, read_all, recover,
};
use pcap_file::pcapng::blocks::{ENHANCED_PACKET_BLOCK, INTERFACE_DESCRIPTION_BLOCK, SECTION_HEADER_BLOCK};
use pcap_file::pcapng::{Block, PcapNgReader};
use tempfile::TempDir;

use crate::frames::*;

pub(crate) const WIRE: InterfaceId = InterfaceId(0);
pub(crate) const START: Duration = Duration::new(1_700_000_000, 123_456_789);

pub(crate) fn interface(name: &str, link_type: LinkType) -> InterfaceSpec {
    InterfaceSpec { name: name.to_owned(), description: format!("the {name} of the test"), link_type }
}

pub(crate) fn folder() -> (TempDir, PathBuf) {
    let folder = TempDir::new().expect("a temporary folder");
    let path = folder.path().join("capture.pcapng");
    (folder, path)
}

pub(crate) fn create(path: &Path) -> CaptureWriter {
    CaptureWriter::create(path, &[interface("isp", LinkType::Ethernet)]).expect("a capture")
}

fn frames_of(path: &Path) -> Vec<Frame> {
    let (frames, error) = read_all(path).expect("a capture");
    assert!(error.is_none(), "{error:?}");
    frames
}

/// The types of all blocks in order, repeats folded.
fn block_types(path: &Path) -> Vec<u32> {
    let mut reader = PcapNgReader::new(fs::File::open(path).expect("a file")).expect("a capture");
    let mut types = vec![SECTION_HEADER_BLOCK];
    while let Some(block) = reader.next_raw_block() {
        types.push(block.expect("a block").0.type_);
    }
    types.dedup();
    types
}

#[test]
fn a_capture_reads_back_as_written() {
    let (_folder, path) = folder();
    let mut writer = create(&path);
    let frame = ip4(CLIENT, GATEWAY, UDP, &udp(1, 2, b"odd length"));
    assert_eq!(writer.frame(WIRE, START, Side::A, &frame, Some("lost on the wire")), 1);
    let tun = writer.add_interface(interface("tun0", LinkType::RawIp));
    assert_eq!(writer.frame(tun, START + Duration::from_nanos(1), Side::B, &frame[14..], None), 2);
    assert_eq!(writer.frame(WIRE, START + Duration::from_secs(1), Side::B, &[], None), 3);
    assert_eq!(writer.frames(), 3);
    let completed = writer.finish(&[]).unwrap();
    assert_eq!((completed.frames, completed.dropped, completed.keys), (3, 0, 0));
    assert_eq!(completed.notes, [""; 0]);

    let base = Frame {
        number: 1,
        interface: "isp".into(),
        link_type: LinkType::Ethernet,
        time: START,
        from: Some(Side::A),
        data: frame.clone(),
        comment: Some("lost on the wire".to_owned()),
    };
    let expected = [
        base.clone(),
        Frame {
            number: 2,
            interface: "tun0".into(),
            link_type: LinkType::RawIp,
            time: START + Duration::from_nanos(1),
            from: Some(Side::B),
            data: frame[14..].to_vec(),
            comment: None,
        },
        Frame {
            number: 3,
            time: START + Duration::from_secs(1),
            from: Some(Side::B),
            data: Vec::new(),
            comment: None,
            ..base
        },
    ];
    assert_eq!(frames_of(&path), expected);
    assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1, "temporary files are left");
}

#[test]
fn interfaces_and_keys_come_before_the_packets() {
    let (_folder, path) = folder();
    let mut writer = create(&path);
    writer.frame(WIRE, START, Side::A, b"frame", None);
    let tun = writer.add_interface(interface("tun0", LinkType::RawIp));
    writer.frame(tun, START, Side::A, b"packet", None);
    let keys = ["CLIENT_RANDOM 00 11", "noise", "CLIENT_RANDOM 00 11", "EXPORTER_SECRET 00 22"].map(str::to_owned);
    let completed = writer.finish(&keys).unwrap();
    assert_eq!(completed.keys, 2);
    assert_eq!(completed.notes, ["1 lines of the key logs were no keys and were left out"]);
    let secrets = 0x0000_000a;
    let expected = [SECTION_HEADER_BLOCK, INTERFACE_DESCRIPTION_BLOCK, secrets, ENHANCED_PACKET_BLOCK];
    assert_eq!(block_types(&path), expected);
    let bytes = fs::read(&path).unwrap();
    let text = "CLIENT_RANDOM 00 11\nEXPORTER_SECRET 00 22\n";
    let body = [&0x544c_534b_u32.to_le_bytes()[..], &(text.len() as u32).to_le_bytes(), text.as_bytes()].concat();
    assert!(bytes.windows(body.len()).any(|window| window == body));
}

#[test]
fn the_header_says_where_it_comes_from() {
    let (_folder, path) = folder();
    create(&path).finish(&[]).unwrap();
    let reader = PcapNgReader::new(fs::File::open(&path).unwrap()).unwrap();
    let text = format!("{:?}", reader.section().options);
    for expected in ["Hardware(", "OS(\"linux ", "UserApplication(\"vpn-interop "] {
        assert!(text.contains(expected), "{text}");
    }
}

#[test]
fn above_the_limit_frames_are_counted_and_not_stored() {
    let (_folder, path) = folder();
    let mut writer = create(&path).with_limit(2000);
    for number in 1..=100 {
        assert_eq!(writer.frame(WIRE, START, Side::A, &[0; 100], None), number);
    }
    let completed = writer.finish(&[]).unwrap();
    assert!((10..20).contains(&completed.frames), "{completed:?}");
    assert_eq!(completed.frames + completed.dropped, 100);
    let note = format!("{} frames are not in this file: the limit of 2000 bytes was reached", completed.dropped);
    assert_eq!(completed.notes, std::slice::from_ref(&note));
    assert_eq!(frames_of(&path).len() as u64, completed.frames);
    let header = format!("{:?}", PcapNgReader::new(fs::File::open(&path).unwrap()).unwrap().section().options);
    assert!(header.contains(&note), "{header}");
}

#[test]
fn a_frame_of_an_unknown_interface_does_no_harm() {
    let (_folder, path) = folder();
    let mut writer = create(&path);
    writer.frame(WIRE, START, Side::A, b"good", None);
    assert_eq!(writer.frame(InterfaceId(7), START, Side::A, b"bad", None), 2);
    let completed = writer.finish(&[]).unwrap();
    assert_eq!((completed.frames, completed.dropped), (1, 1));
    assert!(completed.notes[0].contains('7'), "{:?}", completed.notes);
}

#[test]
fn a_killed_cell_leaves_a_capture_to_recover() {
    let (_folder, path) = folder();
    let mut writer = create(&path);
    writer.frame(WIRE, START, Side::A, b"first", Some("kept"));
    let tun = writer.add_interface(interface("tun0", LinkType::RawIp));
    writer.frame(tun, START, Side::B, b"second", None);
    writer.frame(tun, START, Side::B, b"third, cut off", None);
    writer.flush().unwrap();
    std::mem::forget(writer);
    let part = path.with_extension("pcapng.part");
    let bytes = fs::read(&part).unwrap();
    fs::write(&part, &bytes[..bytes.len() - 9]).unwrap();

    let completed = recover(&path, &["CLIENT_RANDOM 00 11".to_owned()]).unwrap();
    assert_eq!((completed.frames, completed.keys), (2, 1));
    assert!(completed.notes[0].starts_with("recovered"));
    let frames = frames_of(&path);
    let seen: Vec<_> = frames.iter().map(|frame| (&*frame.interface, &*frame.data)).collect();
    assert_eq!(seen, [("isp", &b"first"[..]), ("tun0", b"second")]);
    assert_eq!(frames[0].comment.as_deref(), Some("kept"));
    assert!(!part.exists());
    assert!(matches!(recover(&path, &[]), Err(CaptureError::Io { .. })));
}

#[test]
fn an_unfinished_capture_is_readable_as_it_is() {
    let (_folder, path) = folder();
    let mut writer = create(&path);
    writer.frame(WIRE, START, Side::A, b"first", None);
    let tun = writer.add_interface(interface("tun0", LinkType::RawIp));
    writer.frame(tun, START, Side::B, b"second", None);
    writer.flush().unwrap();
    assert_eq!(frames_of(&path.with_extension("pcapng.part")).len(), 2);
    assert!(matches!(CaptureReader::open(&path), Err(interop_capture::ReadError::Open { .. })));
}

#[test]
fn long_texts_are_cut_at_a_character() {
    let (_folder, path) = folder();
    let mut writer = CaptureWriter::create(&path, &[interface(&"ü".repeat(40_000), LinkType::Ethernet)]).unwrap();
    writer.frame(WIRE, START, Side::A, b"frame", Some(&"€".repeat(40_000)));
    writer.finish(&[]).unwrap();
    let frames = frames_of(&path);
    assert_eq!(frames[0].comment.as_ref().unwrap(), &"€".repeat(4096 / 3));
    assert_eq!(&*frames[0].interface, "ü".repeat(512));
}

#[test]
fn nanoseconds_are_kept() {
    let (_folder, path) = folder();
    let mut writer = create(&path);
    let times: Vec<Duration> = (0..1000).map(|step| START + Duration::from_nanos(step * 1_000_003)).collect();
    for time in &times {
        writer.frame(WIRE, *time, Side::A, b"x", None);
    }
    writer.finish(&[]).unwrap();
    assert!(frames_of(&path).iter().map(|frame| &frame.time).eq(&times));
    // And they are nanoseconds for others too.
    let mut reader = PcapNgReader::new(fs::File::open(&path).unwrap()).unwrap();
    let Some(Ok((Block::InterfaceDescription(block), _))) = reader.next_block() else { panic!("no interface") };
    assert_eq!(block.ts_resolution().to_u8(), 9);
}
