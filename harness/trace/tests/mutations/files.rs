//! Captures as other programs write them, made of the frames of ours.

use interop_capture::{Frame, LinkType};

/// Byte order and resolution of time of a pcap file.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pcap {
    pub(crate) big_endian: bool,
    pub(crate) nanoseconds: bool,
    /// By its number in the registry of link types.
    pub(crate) link_type: u32,
}

/// `LINKTYPE_ETHERNET`, `LINKTYPE_RAW`, `LINKTYPE_LINUX_SLL` and `LINKTYPE_LINUX_SLL2`.
pub(crate) const LINK_TYPES: [u32; 4] = [1, 101, 113, 276];

/// Every kind of pcap file.
pub(crate) fn kinds() -> impl Iterator<Item = Pcap> {
    let orders = [(false, false), (false, true), (true, false), (true, true)];
    let all = LINK_TYPES.into_iter().flat_map(move |link_type| orders.map(|(big, nano)| (link_type, big, nano)));
    all.map(|(link_type, big_endian, nanoseconds)| Pcap { big_endian, nanoseconds, link_type })
}

impl Pcap {
    /// A file with these frames; those that do not fit its link type are left out.
    pub(crate) fn file(self, frames: &[Frame]) -> Vec<u8> {
        let mut bytes = Vec::new();
        let magic = if self.nanoseconds { 0xa1b2_3c4d } else { 0xa1b2_c3d4 };
        self.word(&mut bytes, magic);
        // Version 2.4.
        self.word(&mut bytes, if self.big_endian { 0x0002_0004 } else { 0x0004_0002 });
        [0, 0, 0x0004_0000, self.link_type].into_iter().for_each(|word| self.word(&mut bytes, word));
        for frame in frames {
            let Some(data) = self.data(frame) else { continue };
            let fraction = if self.nanoseconds { frame.time.subsec_nanos() } else { frame.time.subsec_micros() };
            let length = data.len() as u32;
            [frame.time.as_secs() as u32, fraction, length, length]
                .into_iter()
                .for_each(|word| self.word(&mut bytes, word));
            bytes.extend(data);
        }
        bytes
    }

    fn word(self, bytes: &mut Vec<u8>, word: u32) {
        bytes.extend(if self.big_endian { word.to_be_bytes() } else { word.to_le_bytes() });
    }

    /// The frame with the header of this link type.
    fn data(self, frame: &Frame) -> Option<Vec<u8>> {
        let packet = match frame.link_type {
            LinkType::Ethernet => frame.data.get(14..)?,
            LinkType::RawIp => frame.data.as_slice(),
            LinkType::Other(_) => return None,
        };
        let protocol: [u8; 2] = match packet.first()? >> 4 {
            4 => [0x08, 0x00],
            6 => [0x86, 0xdd],
            _ => return None,
        };
        let [high, low] = protocol;
        let header = match self.link_type {
            1 => vec![2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, high, low],
            101 => Vec::new(),
            113 => vec![0, 4, 0, 1, 0, 6, 2, 0, 0, 0, 0, 1, 0, 0, high, low],
            _ => vec![high, low, 0, 0, 0, 0, 0, 2, 0, 1, 4, 6, 2, 0, 0, 0, 0, 1, 0, 0],
        };
        Some([&header, packet].concat())
    }
}

/// A pcapng file with the words in the order of big-endian machines: one interface, and a block for each frame.
pub(crate) fn big_endian_pcapng(frames: &[Frame]) -> Vec<u8> {
    let mut file = Vec::new();
    let mut block = |kind: u32, body: &[u8]| {
        let padding = (4 - body.len() % 4) % 4;
        let length = (12 + body.len() + padding) as u32;
        file.extend([kind.to_be_bytes(), length.to_be_bytes()].concat());
        file.extend_from_slice(body);
        file.extend(vec![0; padding]);
        file.extend(length.to_be_bytes());
    };
    block(0x0a0d_0d0a, b"\x1a\x2b\x3c\x4d\0\x01\0\0\xff\xff\xff\xff\xff\xff\xff\xff");
    block(1, b"\0\x01\0\0\0\0\0\0");
    for frame in frames.iter().filter(|frame| frame.link_type == LinkType::Ethernet) {
        let time = frame.time.as_micros() as u64;
        let length = (frame.data.len() as u32).to_be_bytes();
        block(6, &[&[0; 4][..], &time.to_be_bytes(), &length, &length, &frame.data].concat());
    }
    file
}
