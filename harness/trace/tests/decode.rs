//! Captures of all kinds, from the file to the trace.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use interop_capture::{CaptureReader, CaptureWriter, InterfaceId, InterfaceSpec, LinkType, ReadError, Side};
use interop_evidence::{Micros, View};
use interop_trace::{Decoded, Setup, Wires, decode_file};
use tempfile::TempDir;

const START: Duration = Duration::new(1_700_000_000, 123_456_789);
const WAN: InterfaceId = InterfaceId(0);
const TUN: InterfaceId = InterfaceId(1);

const SYN: u8 = 0x02;
const SYN_ACK: u8 = 0x12;
const ACK: u8 = 0x10;
const FIN: u8 = 0x11;

/// Bytes of a file in one of both orders.
#[derive(Clone, Copy)]
struct Order {
    is_big: bool,
}

impl Order {
    const BOTH: [Self; 2] = [Self { is_big: false }, Self { is_big: true }];

    fn word(self, value: u32) -> [u8; 4] {
        if self.is_big { value.to_be_bytes() } else { value.to_le_bytes() }
    }

    fn half(self, value: u16) -> [u8; 2] {
        if self.is_big { value.to_be_bytes() } else { value.to_le_bytes() }
    }

    /// A pcap file; packets have seconds, fraction and bytes.
    fn pcap(self, magic: u32, link_type: u32, packets: &[(u32, u32, Vec<u8>)]) -> Vec<u8> {
        let word = |value| self.word(value);
        let versions = [self.half(2), self.half(4)].concat();
        let mut file = [&word(magic)[..], &versions, &word(0), &word(0), &word(65535), &word(link_type)].concat();
        for (seconds, fraction, data) in packets {
            let length = word(u32::try_from(data.len()).expect("a short packet"));
            file.extend([&word(*seconds)[..], &word(*fraction), &length, &length, data].concat());
        }
        file
    }

    /// A block of pcapng.
    fn block(self, kind: u32, body: &[u8]) -> Vec<u8> {
        let padding = body.len().next_multiple_of(4) - body.len();
        let length = self.word(u32::try_from(body.len() + padding + 12).expect("a short block"));
        [&self.word(kind)[..], &length, body, &vec![0; padding], &length].concat()
    }

    fn section(self) -> Vec<u8> {
        let versions = [self.half(1), self.half(0)].concat();
        self.block(0x0a0d_0d0a, &[&self.word(0x1a2b_3c4d)[..], &versions, &[0xff; 8]].concat())
    }

    /// An interface of Ethernet with this `if_tsresol` and `if_tsoffset`.
    fn interface(self, resolution: u8, offset: u64) -> Vec<u8> {
        let offset = if self.is_big { offset.to_be_bytes() } else { offset.to_le_bytes() };
        let half = |value| self.half(value);
        let options = [
            &[half(9), half(1)].concat()[..],
            &[resolution, 0, 0, 0],
            &[half(14), half(8)].concat(),
            &offset,
            &[half(0), half(0)].concat(),
        ];
        self.block(1, &[&[half(1), half(0)].concat()[..], &self.word(0), &options.concat()].concat())
    }

    fn packet(self, interface: u32, time: u64, data: &[u8]) -> Vec<u8> {
        let length = self.word(u32::try_from(data.len()).expect("a short packet"));
        let [high, low] =
            [time >> 32, time & 0xffff_ffff].map(|half| self.word(u32::try_from(half).expect("half of it")));
        self.block(6, &[&self.word(interface)[..], &high, &low, &length, &length, data].concat())
    }

    fn secrets(self, text: &str) -> Vec<u8> {
        let length = self.word(u32::try_from(text.len()).expect("a short text"));
        self.block(10, &[&self.word(0x544c_534b)[..], &length, text.as_bytes()].concat())
    }
}

fn be(length: usize) -> [u8; 2] {
    u16::try_from(length).expect("a short packet").to_be_bytes()
}

fn ip(is_up: bool, protocol: u8, payload: &[u8]) -> Vec<u8> {
    let (mut from, mut to) = ([192, 0, 2, 1], [198, 51, 100, 1]);
    if !is_up {
        (from, to) = (to, from);
    }
    let header = [&[0x45, 0][..], &be(20 + payload.len()), &[0, 7, 0, 0, 64, protocol, 0, 0], &from, &to];
    [&header.concat(), payload].concat()
}

/// A segment of a connection from port 5000 to port 7.
fn tcp(is_up: bool, sequence: u32, acknowledgement: u32, flags: u8, payload: &[u8]) -> Vec<u8> {
    let ports: [u8; 4] = if is_up { [0x13, 0x88, 0, 7] } else { [0, 7, 0x13, 0x88] };
    let numbers = [sequence.to_be_bytes(), acknowledgement.to_be_bytes()].concat();
    ip(is_up, 6, &[&ports[..], &numbers, &[0x50, flags, 0xff, 0xff, 0, 0, 0, 0], payload].concat())
}

fn udp(payload: &[u8]) -> Vec<u8> {
    ip(true, 17, &[&[0x13, 0x88, 0, 7][..], &be(payload.len() + 8), &[0, 0], payload].concat())
}

fn ethernet(packet: &[u8]) -> Vec<u8> {
    [&[2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0][..], packet].concat()
}

/// A short conversation: one second, five packets.
fn conversation() -> Vec<Vec<u8>> {
    vec![
        tcp(true, 99, 0, SYN, b""),
        tcp(false, 499, 100, SYN_ACK, b""),
        tcp(true, 100, 500, ACK, b"hello, gateway"),
        tcp(false, 500, 114, FIN, b""),
        tcp(true, 114, 501, FIN, b""),
    ]
}

const CONVERSATION: [&str; 5] = ["SYN", "SYN ACK", "data (small)", "FIN", "FIN"];

struct Bench {
    _folder: TempDir,
    path: PathBuf,
}

impl Bench {
    fn new() -> Self {
        let folder = TempDir::new().expect("a temporary folder");
        let path = folder.path().join("capture.pcapng");
        Self { _folder: folder, path }
    }

    fn with(content: &[u8]) -> Self {
        let bench = Self::new();
        fs::write(&bench.path, content).expect("a file");
        bench
    }

    /// A capture with a wire and a tunnel, completed with these frames.
    fn written(frames: &[(InterfaceId, Vec<u8>, Option<&str>)]) -> Self {
        let bench = Self::new();
        let interface =
            |name: &str, link_type| InterfaceSpec { name: name.to_owned(), description: String::new(), link_type };
        let interfaces = [interface("wan", LinkType::Ethernet), interface("client:tun0", LinkType::RawIp)];
        let mut writer = CaptureWriter::create(&bench.path, &interfaces).expect("a capture");
        for (n, (interface, frame, comment)) in (0..).zip(frames) {
            writer.frame(*interface, START + Duration::from_millis(n), Side::A, frame, *comment);
        }
        writer.finish(&[]).expect("a capture");
        bench
    }

    fn decode(&self) -> Decoded {
        self.decode_with(Setup::default())
    }

    fn decode_with(&self, setup: Setup) -> Decoded {
        decode_file(&self.path, setup).expect("a capture")
    }
}

fn texts(decoded: &Decoded) -> Vec<&str> {
    decoded.trace.lines.iter().map(|line| line.text.as_str()).collect()
}

/// Time, text and number of each line.
fn times(decoded: &Decoded) -> Vec<(u64, &str)> {
    decoded.trace.lines.iter().map(|line| (line.at.0, line.text.as_str())).collect()
}

#[test]
fn a_stream_that_arrived_in_disorder_reads_as_it_was_sent() {
    let request = b"GET /index.html HTTP/1.1\r\nHost: www.example.test\r\n\r\n";
    let (first, second) = request.split_at(20);
    let frames = [
        tcp(true, 99, 0, SYN, b""),
        tcp(true, 99, 0, SYN, b""),
        tcp(false, 499, 100, SYN_ACK, b""),
        tcp(true, 120, 500, ACK, second),
        tcp(true, 100, 500, ACK, first),
        tcp(true, 100, 500, ACK, first),
        tcp(true, 100 + 53, 500, FIN, b""),
    ];
    let bench = Bench::written(&frames.map(|packet| (WAN, ethernet(&packet), None)));
    let decoded = bench.decode();
    let lines = &decoded.trace.lines;
    assert_eq!((decoded.frames, decoded.broken.as_deref()), (7, None));
    assert_eq!(lines[0].text, "SYN");
    assert_eq!((lines[0].count, lines[0].retransmissions, lines[0].last_frame), (2, 1, 2));
    let get = lines.iter().find(|line| line.text.contains("GET /index.html")).expect("the request");
    assert_eq!((get.frame, get.view), (5, View::OuterFlow), "{get:?}");
    assert!(lines.iter().all(|line| !line.text.contains("retransmission")), "{lines:#?}");
    assert_eq!(lines.iter().map(|line| line.retransmissions).sum::<u64>(), 2);
    assert_eq!(lines.last().map(|line| line.text.as_str()), Some("FIN"));
    assert_eq!(decoded.trace.notes, [""; 0]);
}

#[test]
fn fragments_make_one_datagram_and_say_when_they_do_not() {
    let datagram = udp(&[b'x'; 1200]);
    let part = |from: usize, to: usize, more: u8| {
        let mut packet = ip(true, 17, &datagram[20 + from..20 + to]);
        packet[6..8].copy_from_slice(&be(from / 8));
        packet[6] |= more;
        (WAN, ethernet(&packet), (more == 0).then_some("dropped: wire cut"))
    };
    let frames = [part(600, 1208, 0), part(0, 600, 0x20), part(0, 600, 0x20)];
    let decoded = Bench::written(&frames).decode();
    let lines = &decoded.trace.lines;
    assert_eq!(lines.len(), 1, "{lines:#?}");
    assert_eq!((lines[0].frame, lines[0].text.as_str()), (2, "data"));
    assert_eq!(lines[0].remark.as_deref(), Some("dropped: wire cut"));
    let note =
        "frame 3: a fragmented packet from 192.0.2.1 to 198.51.100.1 was never completed: 600 bytes of it were seen";
    assert_eq!(decoded.trace.notes, [note]);
}

#[test]
fn wires_are_chosen_and_tunnels_have_their_own_view() {
    let mut frames: Vec<_> = conversation().iter().map(|packet| (WAN, ethernet(packet), None)).collect();
    frames.extend(conversation().into_iter().map(|packet| (TUN, packet, None)));
    let bench = Bench::written(&frames);
    let of = |wires| {
        let decoded = bench.decode_with(Setup { wires, ..Setup::default() });
        assert_eq!(decoded.frames, 10);
        assert!(decoded.trace.lines.iter().all(|line| (line.view == View::InnerFlow) == (line.wire == "client:tun0")));
        texts(&decoded).into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(of(Wires::All), [CONVERSATION, CONVERSATION].concat());
    assert_eq!(of(Wires::Named(vec!["wan".to_owned()])), CONVERSATION);
    assert_eq!(of(Wires::Named(vec!["client:".to_owned()])), CONVERSATION);
    assert_eq!(of(Wires::Named(vec!["gateway:".to_owned()])), [""; 0]);
}

#[test]
fn pcap_in_both_orders_and_both_units_of_time() {
    for order in Order::BOTH {
        for (magic, unit) in [(0xa1b2_c3d4, 1), (0xa1b2_3c4d, 1000)] {
            let at = [(7, 999_990), (8, 0), (8, 5), (8, 6), (9, 0)];
            let packets: Vec<_> = at
                .iter()
                .zip(conversation())
                .map(|((seconds, micros), packet)| (*seconds, micros * unit, ethernet(&packet)))
                .collect();
            let decoded = Bench::with(&order.pcap(magic, 1, &packets)).decode();
            let expected = [0, 10, 15, 16, 1_000_010].into_iter().zip(CONVERSATION).collect::<Vec<_>>();
            assert_eq!(times(&decoded), expected);
            // With a check sequence behind each frame, as the upper bits of the link type say.
            let packets: Vec<_> =
                packets.into_iter().map(|(a, b, data)| (a, b, [data, vec![0xfc; 4]].concat())).collect();
            assert_eq!(times(&Bench::with(&order.pcap(magic, 0x2400_0001, &packets)).decode()), expected);
        }
    }
}

#[test]
fn pcapng_in_both_orders_with_its_units_and_offsets() {
    for order in Order::BOTH {
        // Microseconds; nanoseconds that count from a day of their own; powers of two.
        let packets = conversation().into_iter().map(|packet| ethernet(&packet)).collect::<Vec<_>>();
        let file = [
            order.section(),
            order.interface(6, 0),
            order.interface(9, 1_700_000_000),
            order.interface(0x80 | 10, 0),
            order.packet(0, 1_700_000_000_000_000, &packets[0]),
            order.packet(1, 2_500, &packets[1]),
            order.packet(2, 1_700_000_000 * 1024 + 512, &packets[2]),
        ];
        let decoded = Bench::with(&file.concat()).decode();
        let mut seen = times(&decoded);
        seen.sort_unstable();
        assert_eq!(seen, [(0, "SYN"), (2, "SYN ACK"), (500_000, "data (small)")]);
        let wires: Vec<&str> = decoded.trace.lines.iter().map(|line| line.wire.as_str()).collect();
        assert!(["if0", "if1", "if2"].iter().all(|wire| wires.contains(wire)), "{wires:?}");
    }
}

#[test]
fn keys_in_the_file_are_used() {
    let keys = ["CLIENT_RANDOM 00ff 11ee\n", "this is no key\n"];
    for order in Order::BOTH {
        let parts = [
            order.section(),
            order.secrets(keys[0]),
            order.interface(6, 0),
            order.packet(0, 5, &ethernet(&conversation()[0])),
            order.secrets(keys[1]),
        ];
        let bench = Bench::with(&parts.concat());
        let mut reader = CaptureReader::open(&bench.path).unwrap();
        assert!(reader.next().is_some_and(|frame| frame.is_ok()));
        assert_eq!(reader.take_secrets(), keys[..1]);
        assert!(reader.next().is_none());
        assert_eq!(reader.take_secrets(), keys[1..]);
        assert_eq!(reader.take_secrets(), [""; 0]);
        let notes = bench.decode().trace.notes;
        assert_eq!(notes.len(), 1, "{notes:?}");
        assert!(notes[0].contains("no keys"), "{notes:?}");
    }
}

#[test]
fn the_clock_of_the_trace_begins_where_it_is_told_to() {
    let order = Order::BOTH[0];
    let [first, second, ..] = &conversation()[..] else { unreachable!("five packets") };
    let packets = [(10, 0, ethernet(first)), (9, 500_000, ethernet(second))];
    let bench = Bench::with(&order.pcap(0xa1b2_c3d4, 1, &packets));
    assert_eq!(times(&bench.decode()), [(0, "SYN"), (0, "SYN ACK")], "never before zero");
    let setup = Setup { epoch_ns: Some(9_250_000_000), ..Setup::default() };
    let decoded = bench.decode_with(setup);
    let mut at: Vec<Micros> = decoded.trace.lines.iter().map(|line| line.at).collect();
    at.sort_unstable();
    assert_eq!(at, [Micros(250_000), Micros(750_000)]);
}

#[test]
fn link_types_that_hold_ip() {
    let of = |link_type, head: &[u8]| {
        let packets: Vec<_> = (0..).zip(conversation()).map(|(n, packet)| (7, n, [head, &packet].concat())).collect();
        let decoded = Bench::with(&Order::BOTH[0].pcap(0xa1b2_c3d4, link_type, &packets)).decode();
        assert_eq!(texts(&decoded), CONVERSATION, "link type {link_type}");
        assert_eq!(decoded.trace.notes, [""; 0]);
        (decoded.trace.lines[0].wire.clone(), decoded.trace.lines[0].view)
    };
    let wire = |name: &str| (name.to_owned(), View::OuterFlow);
    let tunnel = |name: &str| (name.to_owned(), View::InnerFlow);
    // As `tcpdump -i any` writes it: Linux cooked, in both versions, of a wire and of a TUN device.
    let cooked = |device: u16| [&[0, 4][..], &device.to_be_bytes(), &[0, 6, 2, 0, 0, 0, 0, 1, 0, 0, 8, 0]].concat();
    assert_eq!(of(113, &cooked(1)), wire("if0"));
    assert_eq!(of(113, &cooked(0xfffe)), tunnel("if0"));
    let cooked =
        |device: u16| [&[8, 0, 0, 0, 0, 0, 0, 3][..], &device.to_be_bytes(), &[4, 6, 2, 0, 0, 0, 0, 1, 0, 0]].concat();
    assert_eq!(of(276, &cooked(1)), wire("if0/3"));
    assert_eq!(of(276, &cooked(0xfffe)), tunnel("if0:3"));
    // BSD loopback in both orders.
    assert_eq!(of(0, &[2, 0, 0, 0]), wire("if0"));
    assert_eq!(of(108, &[0, 0, 0, 2]), wire("if0"));
    // With a tag of IEEE 802.1Q, and with two.
    let addresses = [2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2];
    assert_eq!(of(1, &[&addresses[..], &[0x81, 0, 0, 5, 8, 0]].concat()), wire("if0"));
    assert_eq!(of(1, &[&addresses[..], &[0x88, 0xa8, 0, 5, 0x81, 0, 0, 6, 8, 0]].concat()), wire("if0"));
    assert_eq!(of(101, &[]), tunnel("if0"));
}

#[test]
fn a_foreign_link_type_is_named() {
    let packets: Vec<_> = (0..12).map(|n| (7, n, vec![0; 50])).collect();
    let decoded = Bench::with(&Order::BOTH[0].pcap(0xa1b2_c3d4, 127, &packets)).decode();
    assert_eq!((decoded.frames, decoded.trace.lines.len()), (12, 0));
    assert_eq!(decoded.trace.notes, ["link type 127 (802.11) is not understood: 12 frames left out"]);
}

#[test]
fn frames_that_were_cut_short_still_say_what_they_can() {
    // As `tcpdump -s 60` writes it.
    let frames = [
        tcp(true, 99, 0, SYN, b""),
        tcp(true, 100, 500, ACK, &[b'x'; 1400]),
        tcp(true, 1500, 500, ACK, &[b'x'; 1400]),
        tcp(true, 2900, 500, FIN, b""),
    ];
    let bench = Bench::written(&frames.map(|packet| {
        let mut frame = ethernet(&packet);
        frame.truncate(64);
        (WAN, frame, None)
    }));
    let decoded = bench.decode();
    assert_eq!(texts(&decoded), ["SYN", "data (small)", "FIN"]);
    assert_eq!(decoded.trace.lines[1].count, 2);
    let note = "2 TCP segments captured only in part: 2780 bytes are missing, the first in frame 2";
    assert_eq!(decoded.trace.notes, [note]);
}

#[test]
fn a_capture_that_is_cut_off_gives_what_came_before() {
    let frames: Vec<_> = conversation().iter().map(|packet| (WAN, ethernet(packet), None)).collect();
    let bench = Bench::written(&frames);
    let whole = fs::read(&bench.path).unwrap();
    let mut longest = 0;
    for length in 0..whole.len() {
        fs::write(&bench.path, &whole[..length]).unwrap();
        let Ok(decoded) = decode_file(&bench.path, Setup::default()) else {
            assert_eq!(longest, 0, "unreadable at {length}");
            continue;
        };
        longest = longest.max(decoded.frames);
        assert_eq!(decoded.frames, longest);
        assert_eq!(texts(&decoded), CONVERSATION[..decoded.trace.lines.len()]);
        assert_eq!(decoded.trace.lines.len() as u64, decoded.frames);
        if let Some(broken) = decoded.broken {
            assert!(broken.starts_with(&format!("read packet {} of ", longest + 1)), "{broken}");
        }
    }
    assert_eq!(longest, 4);
    fs::write(&bench.path, &whole[..whole.len() - 1]).unwrap();
    assert!(bench.decode().broken.is_some());
}

#[test]
fn what_is_no_capture_is_refused() {
    let refused = |bench: &Bench| decode_file(&bench.path, Setup::default()).unwrap_err();
    for content in [&b""[..], b"abc", b"PK\x03\x04 is something else altogether", &[0x1f, 0x8b, 8, 0, 0, 0, 0, 0]] {
        let error = refused(&Bench::with(content));
        assert!(matches!(error, ReadError::Format { .. }), "{error}");
        assert!(error.to_string().contains("not a capture file"), "{error}");
    }
    let error = decode_file(Path::new("/nonexistent/capture.pcapng"), Setup::default()).unwrap_err();
    assert!(matches!(error, ReadError::Open { .. }), "{error}");
    // No packets at all are a capture without anything in it.
    let decoded = Bench::with(&Order::BOTH[1].pcap(0xa1b2_c3d4, 1, &[])).decode();
    assert_eq!((decoded.frames, decoded.trace.lines.len(), decoded.broken), (0, 0, None));
}
