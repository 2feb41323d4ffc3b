//! Packets inside the tunnel.

use reference_tunnel::net::clamp_mss;

use crate::dice::Dice;
use crate::harness::{Parser, Verdict};

/// TCP SYN packets, whose segment size is clamped in place.
pub(crate) struct Segments;

impl Segments {
    pub(crate) fn new() -> Self {
        Self
    }
}

/// A SYN with the options that Linux sends.
fn syn() -> Vec<u8> {
    let mut segment = vec![0x9c, 0x40, 0, 80, 0, 0, 0, 1, 0, 0, 0, 0, 0xa0, 2, 0xfa, 0xf0, 0x12, 0x34, 0, 0];
    segment.extend_from_slice(&[2, 4, 0x05, 0xb4, 4, 2, 8, 10, 1, 2, 3, 4, 0, 0, 0, 0, 1, 3, 3, 7]);
    segment
}

fn ipv4(options: usize) -> Vec<u8> {
    let segment = syn();
    let mut packet = vec![0x45 + (options / 4) as u8, 0, 0, 0, 0, 1, 0x40, 0, 64, 6, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2];
    packet.extend(std::iter::repeat_n(1, options));
    packet.extend_from_slice(&segment);
    let length = (packet.len() as u16).to_be_bytes();
    packet[2..4].copy_from_slice(&length);
    packet
}

fn ipv6(next: u8, extensions: &[u8]) -> Vec<u8> {
    let payload = [extensions, &syn()].concat();
    let mut packet = vec![0x60, 0, 0, 0, 0, payload.len() as u8, next, 64];
    packet.extend_from_slice(&[0xfd; 32]);
    packet.extend_from_slice(&payload);
    packet
}

impl Parser for Segments {
    fn name(&self) -> &'static str {
        "tcp-segments"
    }

    fn samples(&self) -> Vec<(usize, Vec<u8>)> {
        let chain = [&[60, 0, 1, 4, 0, 0, 0, 0][..], &[44, 1, 0, 0, 0, 0, 0, 0], &[0; 8], &[6, 0, 0, 0, 0, 0, 0, 1]];
        [ipv4(0), ipv4(8), ipv6(6, &[]), ipv6(0, &chain.concat())].map(|sample| (0, sample)).to_vec()
    }

    fn feed(&mut self, _: usize, input: &[u8], dice: &mut Dice) -> Verdict {
        let mut clamped = false;
        for mtu in [*dice.pick(&[1280, 576, 0, 1, 40, 60, 65_535]), 1400] {
            let mut packet = input.to_vec();
            clamped = clamp_mss(&mut packet, mtu);
            let differences = packet.iter().zip(input).filter(|(new, old)| new != old).count();
            assert!(differences <= if clamped { 4 } else { 0 }, "{differences} bytes are changed");
            let mut again = packet.clone();
            assert!(!clamp_mss(&mut again, mtu) && again == packet, "it is changed again");
        }
        if clamped { Verdict::Accepted } else { Verdict::Refused("left alone".into()) }
    }
}
