//! A conversation without TLS, as it is behind a proxy that ends it: what is inside can be changed as well.

use std::time::Duration;

use interop_capture::{Frame, LinkType};

/// What openconnect and ocserv said, with their keys taken away.
const DIALOGUE: &str = include_str!("../../src/app/fixtures/ocserv.txt");
/// What follows: data with an echo request, a probe and its answer, the end.
const TUNNEL: [(bool, &[u8]); 4] = [
    (
        true,
        b"STF\x01\0\x1c\0\0\x45\0\0\x1c\0\x01\0\0\x40\x01\x66\xc5\x0a\x1e\0\x32\x0a\x14\0\x0a\x08\0\xf7\xfd\0\x01\0\x01",
    ),
    (false, b"STF\x01\0\x02\x03\0\0\0"),
    (true, b"STF\x01\0\x02\x04\0\0\0"),
    (true, b"STF\x01\0\x08\x05\0\xb0goodbye"),
];
const CLIENT: ([u8; 4], u16) = ([192, 0, 2, 100], 40_000);
const SERVER: ([u8; 4], u16) = ([198, 51, 100, 10], 80);

/// One frame for each message, and those that open the connection.
pub(crate) fn frames() -> Vec<Frame> {
    let mut messages: Vec<(bool, Vec<u8>)> = Vec::new();
    for part in DIALOGUE.split("==== ").skip(1) {
        let (who, text) = part.split_once('\n').unwrap();
        let (head, body) = text.strip_suffix('\n').unwrap().split_once("\n\n").unwrap();
        let message = format!("{}\r\n\r\n{body}", head.replace('\n', "\r\n"));
        messages.push((who == "client", message.into_bytes()));
    }
    messages.extend(TUNNEL.map(|(forth, bytes)| (forth, bytes.to_vec())));
    let mut sent = [1, 1];
    let mut frames = vec![frame(true, [0, 0], 0x02, &[]), frame(false, [0, 1], 0x12, &[])];
    for (forth, bytes) in messages {
        let [mine, other] = if forth { [0, 1] } else { [1, 0] };
        frames.push(frame(forth, [sent[mine], sent[other]], 0x18, &bytes));
        sent[mine] += bytes.len() as u32;
    }
    for (index, frame) in frames.iter_mut().enumerate() {
        frame.number = index as u64 + 1;
        frame.time = Duration::from_millis(1_000_000 + index as u64 * 10);
    }
    frames
}

/// A segment with its sequence and acknowledgement numbers and flags.
fn frame(forth: bool, [sequence, acknowledged]: [u32; 2], flags: u8, payload: &[u8]) -> Frame {
    let [from, to] = if forth { [CLIENT, SERVER] } else { [SERVER, CLIENT] };
    let length = (40 + payload.len()) as u16;
    let data = [
        &[2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0, 0x45, 0][..],
        &length.to_be_bytes(),
        &[0, 0, 0x40, 0, 64, 6, 0, 0],
        &from.0,
        &to.0,
        &from.1.to_be_bytes(),
        &to.1.to_be_bytes(),
        &sequence.to_be_bytes(),
        &acknowledged.to_be_bytes(),
        &[0x50, flags, 0xff, 0xff, 0, 0, 0, 0],
        payload,
    ];
    Frame {
        number: 0,
        interface: "access".into(),
        link_type: LinkType::Ethernet,
        time: Duration::ZERO,
        from: None,
        data: data.concat(),
        comment: None,
    }
}
