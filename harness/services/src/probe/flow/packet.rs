//! The packet of a numbered flow.

use interop_evidence::Micros;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore as _, SeedableRng as _};

/// `VPNi` in ASCII: tells the flow from everything else.
const MAGIC: [u8; 4] = *b"VPNi";

/// What each packet carries: magic, flow, sequence number and time, all big-endian, then filling that does not compress.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NumberedPacket {
    /// Which flow.
    pub flow: u32,
    /// From 0.
    pub seq: u32,
    /// When it was sent.
    pub sent: Micros,
}

impl NumberedPacket {
    /// Bytes without filling.
    pub const MIN_SIZE: usize = 20;

    /// The packet with filling up to `size` bytes of UDP payload, at least [`Self::MIN_SIZE`].
    pub fn encode(&self, size: usize) -> Vec<u8> {
        let mut bytes = vec![0; size.max(Self::MIN_SIZE)];
        bytes[..4].copy_from_slice(&MAGIC);
        bytes[4..8].copy_from_slice(&self.flow.to_be_bytes());
        bytes[8..12].copy_from_slice(&self.seq.to_be_bytes());
        bytes[12..20].copy_from_slice(&self.sent.0.to_be_bytes());
        ChaCha8Rng::seed_from_u64(u64::from(self.seq)).fill_bytes(&mut bytes[Self::MIN_SIZE..]);
        bytes
    }

    /// Reads a packet; `None` if it is something else.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let rest = bytes.strip_prefix(&MAGIC)?;
        let (flow, rest) = rest.split_first_chunk()?;
        let (seq, rest) = rest.split_first_chunk()?;
        let (sent, _) = rest.split_first_chunk()?;
        Some(Self {
            flow: u32::from_be_bytes(*flow),
            seq: u32::from_be_bytes(*seq),
            sent: Micros(u64::from_be_bytes(*sent)),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn survives_the_wire() {
        let packet = NumberedPacket { flow: 7, seq: 0x0102_0304, sent: Micros(5_000_000_001) };
        for size in [0, 20, 21, 1400] {
            let bytes = packet.encode(size);
            assert_eq!(bytes.len(), size.max(20));
            assert_eq!(NumberedPacket::parse(&bytes), Some(packet));
        }
        assert_eq!(NumberedPacket::parse(&packet.encode(20)[..19]), None);
        assert_eq!(NumberedPacket::parse(b"GET / HTTP/1.1\r\n\r\n....."), None);
    }
}
