use super::*;

/// 192.0.2.9 to 10.9.0.1, TCP, "do not fragment", 1434 bytes.
const HEADER: &str = "4500059a123440003f065817c00002090a090001";
/// 2001:db8::9 to fd00:9::1.
const ADDRESSES: &str = "20010db8000000000000000000000009fd000009000000000000000000000001";

fn bytes(text: &str) -> Vec<u8> {
    hex::decode(text).unwrap()
}

/// A header, then bytes that count.
fn packet(header: &str, length: usize) -> Vec<u8> {
    let mut packet = bytes(header);
    packet.extend((packet.len()..length).map(|number| number as u8));
    packet
}

fn six(kind: u8, length: usize) -> Vec<u8> {
    let payload = u16::try_from(length - 40).unwrap();
    packet(&format!("60000000{payload:04x}{kind:02x}3f{ADDRESSES}"), length)
}

fn about(packet: &[u8], mtu: u16) -> Option<Vec<u8>> {
    let mut out = b"old".to_vec();
    message(packet, mtu, &mut out).then_some(out)
}

/// The checksums come from another program.
#[test]
fn the_message_of_ipv4_quotes_the_packet_and_names_the_size() {
    let packet = packet(HEADER, 1434);
    let message = about(&packet, 1334).unwrap();
    assert_eq!(message.len(), 576);
    assert_eq!(hex::encode(&message[..20]), "45c00240000000004001abea0a090001c0000209");
    assert_eq!(hex::encode(&message[20..28]), "03049e6500000536");
    assert_eq!(message[28..], packet[..548]);
}

#[test]
fn the_message_of_ipv6_quotes_the_packet_and_names_the_size() {
    let packet = six(6, 1434);
    let message = about(&packet, 1334).unwrap();
    assert_eq!(message.len(), 1280);
    assert_eq!(hex::encode(&message[..8]), "6000000004d83a40");
    assert_eq!(hex::encode([&message[24..40], &message[8..24]].concat()), ADDRESSES);
    assert_eq!(hex::encode(&message[40..48]), "0200ac9400000536");
    assert_eq!(message[48..], packet[..1232]);
}

#[test]
fn an_odd_length_is_summed_too_and_ipv6_never_hears_of_less_than_1280() {
    let mut packet = six(6, 41);
    packet[40] = 0x7f;
    let message = about(&packet, 576).unwrap();
    assert_eq!((message.len(), hex::encode(&message[40..48])), (89, "0200bdb900000500".to_owned()));
}

#[test]
fn some_packets_are_never_answered() {
    let changed = |at: usize, value: u8| {
        let mut packet = packet(HEADER, 1434);
        packet[at] = value;
        about(&packet, 1334)
    };
    assert!(changed(0, 0x45).is_some());
    assert_eq!(changed(6, 0x00), None, "it may be fragmented");
    assert_eq!(changed(7, 0x01), None, "a later fragment");
    for source in [0, 127, 224, 255] {
        assert_eq!(changed(12, source), None, "from {source}.0.2.9");
    }
    let echo = |kind| {
        let mut packet = packet(HEADER, 1434);
        (packet[9], packet[20]) = (1, kind);
        about(&packet, 1334)
    };
    assert!(echo(8).is_some() && echo(0).is_some());
    assert_eq!((echo(3), echo(11)), (None, None), "about a message");

    let echo = |kind| {
        let mut packet = six(58, 1400);
        packet[40] = kind;
        about(&packet, 1334)
    };
    assert!(echo(128).is_some() && echo(2).is_none());
    let mut multicast = six(6, 1400);
    multicast[8] = 0xff;
    assert_eq!(about(&multicast, 1334), None);
}

#[test]
fn damage_is_survived() {
    let (four, six) = (packet(HEADER, 600), six(6, 600));
    for whole in [four, six] {
        for end in 0..whole.len() {
            about(&whole[..end], 500);
        }
    }
    let mut long = packet(HEADER, 40);
    long[0] = 0x4f;
    assert_eq!(about(&long, 500), None, "options beyond the end");
    assert_eq!(about(&[0x50; 60], 500), None);
}

#[test]
fn messages_are_limited_in_time() {
    let start = Instant::now();
    let mut allowance = Allowance::new(start);
    let taken = |allowance: &mut Allowance, now| (0..1000).filter(|_| allowance.take(now)).count();
    assert_eq!(taken(&mut allowance, start), 200);
    assert_eq!(taken(&mut allowance, start + Duration::from_millis(999)), 0);
    assert_eq!(taken(&mut allowance, start + Duration::from_secs(1)), 200);
}
