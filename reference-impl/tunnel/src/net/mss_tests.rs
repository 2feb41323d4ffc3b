use proptest::prelude::*;

use super::*;

/// 10.0.0.1:40000 to 10.0.0.2:443, SYN with MSS 1460, SACK permitted, timestamps, NOP, window scale; checksums right.
const SYN_IPV4: &str = "4500003c1c4640004006 0a74 0a000001 0a000002 \
     9c4001bb 00000001 00000000 a002faf0 0000 0000 020405b4 0402080a 00000001 00000000 01030307";

fn bytes(text: &str) -> Vec<u8> {
    hex::decode(text.replace([' ', '\n'], "")).unwrap()
}

/// The sum over pseudo header and segment as RFC 9293 section 3.1 has it; 0 when the checksum in it is right.
fn tcp_sum(addresses: &[u8], segment: &[u8]) -> u16 {
    let mut all = addresses.to_vec();
    all.extend_from_slice(&(segment.len() as u32).to_be_bytes());
    all.extend_from_slice(&[0, 0, 0, 6]);
    all.extend_from_slice(segment);
    let mut sum = 0_u32;
    for pair in all.chunks(2) {
        sum += u32::from(u16::from_be_bytes([pair[0], pair.get(1).copied().unwrap_or(0)]));
    }
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}

fn sign(addresses: &[u8], segment: &mut [u8]) {
    segment[16..18].fill(0);
    let sum = tcp_sum(addresses, segment);
    segment[16..18].copy_from_slice(&sum.to_be_bytes());
}

fn ipv4_syn() -> Vec<u8> {
    let mut packet = bytes(SYN_IPV4);
    let addresses = packet[12..20].to_vec();
    sign(&addresses, &mut packet[20..]);
    packet
}

fn ipv6_syn(extension: &[u8], first: u8) -> Vec<u8> {
    let segment = ipv4_syn().split_off(20);
    let mut packet = bytes("60000000 0000 00 40");
    packet[4..6].copy_from_slice(&((extension.len() + segment.len()) as u16).to_be_bytes());
    packet[6] = first;
    packet.extend_from_slice(&bytes("fd000000000000000000000000000001 fd000000000000000000000000000002"));
    packet.extend_from_slice(extension);
    packet.extend_from_slice(&segment);
    let (addresses, at) = (packet[8..40].to_vec(), 40 + extension.len());
    sign(&addresses, &mut packet[at..]);
    packet
}

#[test]
fn ipv4_syn_is_lowered_and_its_checksum_holds() {
    let mut packet = ipv4_syn();
    // Both sums come from another program, so that the test does not only agree with itself.
    assert_eq!(packet[36..38], [0x9b, 0x0f]);
    assert!(clamp_mss(&mut packet, 1400));
    assert_eq!(packet[40..44], [2, 4, 0x05, 0x50]);
    assert_eq!(packet[36..38], [0x9b, 0x73]);
    assert_eq!(tcp_sum(&packet[12..20], &packet[20..]), 0);
    assert!(!clamp_mss(&mut packet, 1400));
}

#[test]
fn what_fits_stays() {
    let mut packet = ipv4_syn();
    let before = packet.clone();
    assert!(!clamp_mss(&mut packet, 1500));
    assert_eq!(packet, before);
}

#[test]
fn syn_ack_counts_and_other_segments_do_not() {
    for (flags, expected) in [(0x12, true), (0x10, false), (0x18, false), (0x04, false)] {
        let mut packet = ipv4_syn();
        packet[33] = flags;
        assert_eq!(clamp_mss(&mut packet, 1280), expected, "{flags:#x}");
    }
}

#[test]
fn ipv6_with_and_without_extension_headers() {
    let destination_options = bytes("06 00 0104 00000000");
    let first_fragment = bytes("06 00 0001 00000007");
    for (extension, first) in [(&[][..], 6), (&destination_options, 60), (&first_fragment, 44)] {
        let mut packet = ipv6_syn(extension, first);
        assert!(clamp_mss(&mut packet, 1280));
        let at = 40 + extension.len();
        assert_eq!(packet[at + 22..at + 24], 1220_u16.to_be_bytes());
        assert_eq!(tcp_sum(&packet[8..40], &packet[at..]), 0);
    }
    let later_fragment = bytes("06 00 0008 00000007");
    assert!(!clamp_mss(&mut ipv6_syn(&later_fragment, 44), 1280));
    assert!(!clamp_mss(&mut ipv6_syn(&[], 17), 1280));
}

#[test]
fn an_option_at_an_odd_place() {
    let mut packet = ipv4_syn();
    packet[40..44].copy_from_slice(&[1, 2, 4, 0x05]);
    packet[44..48].copy_from_slice(&[0xb4, 1, 1, 1]);
    packet[48..60].fill(1);
    let addresses = packet[12..20].to_vec();
    sign(&addresses, &mut packet[20..]);
    assert!(clamp_mss(&mut packet, 1340));
    assert_eq!(packet[43..45], 1300_u16.to_be_bytes());
    assert_eq!(tcp_sum(&packet[12..20], &packet[20..]), 0);
}

#[test]
fn later_fragments_and_other_protocols_stay() {
    for (at, value) in [(7, 1), (9, 17), (0, 0x44), (0, 0x55)] {
        let mut packet = ipv4_syn();
        packet[at] = value;
        let before = packet.clone();
        assert!(!clamp_mss(&mut packet, 1280));
        assert_eq!(packet, before);
    }
}

proptest! {
    #[test]
    fn any_bytes(mut packet in proptest::collection::vec(any::<u8>(), 0..120), mtu in any::<u16>()) {
        clamp_mss(&mut packet, mtu);
    }

    #[test]
    fn damaged_syn(at in 0_usize..60, value in any::<u8>(), length in 0_usize..61, mtu in any::<u16>()) {
        let mut packet = ipv4_syn();
        packet[at] = value;
        packet.truncate(length);
        clamp_mss(&mut packet, mtu);
    }

    #[test]
    fn the_checksum_holds_for_every_value(mss in 1_u16.., mtu in 41_u16.., port in any::<u16>()) {
        let mut packet = ipv4_syn();
        packet[42..44].copy_from_slice(&mss.to_be_bytes());
        packet[20..22].copy_from_slice(&port.to_be_bytes());
        let addresses = packet[12..20].to_vec();
        sign(&addresses, &mut packet[20..]);
        let changed = clamp_mss(&mut packet, mtu);
        prop_assert_eq!(changed, mss > mtu - 40);
        prop_assert_eq!(tcp_sum(&packet[12..20], &packet[20..]), 0);
        prop_assert_eq!(&packet[42..44], &mss.min(mtu - 40).to_be_bytes()[..]);
    }
}
