//! Bits in the order of LZS: the first one is the highest of its byte.

/// Appends bits to bytes, up to a limit.
pub(super) struct BitWriter<'a> {
    out: &'a mut Vec<u8>,
    end: usize,
    pending: u64,
    count: u32,
}

impl<'a> BitWriter<'a> {
    /// Appends at most `room` bytes.
    pub(super) fn new(out: &'a mut Vec<u8>, room: usize) -> Self {
        let end = out.len() + room;
        Self { out, end, pending: 0, count: 0 }
    }

    /// Appends the low `count` bits of `value`, 32 at most; returns false when there is no room.
    pub(super) fn put(&mut self, value: u32, count: u32) -> bool {
        self.pending = self.pending << count | u64::from(value);
        self.count += count;
        while self.count >= 8 {
            if self.out.len() == self.end {
                return false;
            }
            self.count -= 8;
            // The low byte is the one that is complete.
            let [.., byte] = (self.pending >> self.count).to_be_bytes();
            self.out.push(byte);
        }
        true
    }

    /// Fills the last byte with zeros.
    pub(super) fn finish(mut self) -> bool {
        let fill = (8 - self.count % 8) % 8;
        self.put(0, fill)
    }
}

/// Takes bits from bytes.
pub(super) struct BitReader<'a> {
    rest: &'a [u8],
    pending: u64,
    count: u32,
}

impl<'a> BitReader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes, pending: 0, count: 0 }
    }

    /// Takes `count` bits, 32 at most; `None` at the end of the input.
    pub(super) fn take(&mut self, count: u32) -> Option<u32> {
        while self.count < count {
            let (byte, rest) = self.rest.split_first()?;
            self.rest = rest;
            self.pending = self.pending << 8 | u64::from(*byte);
            self.count += 8;
        }
        self.count -= count;
        u32::try_from(self.pending >> self.count & ((1 << count) - 1)).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_bit_is_the_highest() {
        let mut out = Vec::new();
        let mut writer = BitWriter::new(&mut out, 9);
        assert!(writer.put(0b1, 1) && writer.put(0b01, 2) && writer.put(0x1ff, 9));
        assert!(writer.finish());
        assert_eq!(out, [0b1011_1111, 0b1111_0000]);
        let mut reader = BitReader::new(&out);
        assert_eq!((reader.take(1), reader.take(2), reader.take(9)), (Some(1), Some(1), Some(0x1ff)));
        assert_eq!((reader.take(4), reader.take(1)), (Some(0), None));
    }

    #[test]
    fn a_writer_stops_at_its_room() {
        let mut out = vec![7];
        let mut writer = BitWriter::new(&mut out, 1);
        assert!(writer.put(0xab, 8) && !writer.put(0xcd, 8));
        assert_eq!(out, [7, 0xab]);
    }
}
