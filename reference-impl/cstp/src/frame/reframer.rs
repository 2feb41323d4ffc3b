//! For peers and proxies that split and merge TLS records: frames are found by the length in their header.

use super::header::{FrameError, HEADER_LEN, PacketType, read};

/// Collects bytes and gives out whole frames. Holds at most one incomplete frame beside what was pushed last.
#[derive(Debug, Default)]
pub struct Reframer {
    buffer: Vec<u8>,
    start: usize,
}

impl Reframer {
    /// Returns an empty reframer.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds the bytes of one record, or of any part of the stream.
    pub fn push(&mut self, bytes: &[u8]) {
        if self.start > 0 {
            self.buffer.drain(..self.start);
            self.start = 0;
        }
        self.buffer.extend_from_slice(bytes);
    }

    /// Returns the next whole frame, or `None` when more bytes are needed.
    ///
    /// All frames have to be taken before the next [`Reframer::push`], or memory grows with what is left.
    ///
    /// # Errors
    /// Fails on bytes that are no header; the stream is then useless (AC-CSTP-02).
    pub fn next_frame(&mut self) -> Result<Option<(PacketType, &[u8])>, FrameError> {
        let Some(head) = self.buffer[self.start..].first_chunk::<HEADER_LEN>() else { return Ok(None) };
        let (kind, length) = read(*head)?;
        let from = self.start + HEADER_LEN;
        let Some(payload) = self.buffer.get(from..from + length) else { return Ok(None) };
        self.start = from + length;
        Ok(Some((kind, payload)))
    }

    /// Returns the number of bytes that wait for the rest of their frame.
    pub fn pending(&self) -> usize {
        self.buffer.len() - self.start
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::header::{MAX_PAYLOAD, header};
    use super::*;

    fn stream(payloads: &[Vec<u8>]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for payload in payloads {
            bytes.extend_from_slice(&header(PacketType::Data, payload.len()).unwrap());
            bytes.extend_from_slice(payload);
        }
        bytes
    }

    #[test]
    fn two_frames_in_one_record_and_one_in_two_are_both_found() {
        let bytes = stream(&[b"one".to_vec(), b"two".to_vec()]);
        let mut reframer = Reframer::new();
        reframer.push(&bytes[..14]);
        assert_eq!(reframer.next_frame(), Ok(Some((PacketType::Data, &b"one"[..]))));
        assert_eq!(reframer.next_frame(), Ok(None));
        reframer.push(&bytes[14..]);
        assert_eq!(reframer.next_frame(), Ok(Some((PacketType::Data, &b"two"[..]))));
        assert_eq!(reframer.next_frame(), Ok(None));
        assert_eq!(reframer.pending(), 0);
    }

    #[test]
    fn there_is_no_resynchronisation() {
        let mut reframer = Reframer::new();
        reframer.push(b"xxxxxxxx");
        assert!(reframer.next_frame().is_err() && reframer.next_frame().is_err());
    }

    proptest! {
        #[test]
        fn every_way_to_cut_a_stream_gives_the_same_frames(
            payloads in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..300), 0..12),
            cuts in proptest::collection::vec(1..400_usize, 1..40),
        ) {
            let bytes = stream(&payloads);
            let (mut rest, mut found, mut cuts) = (&bytes[..], Vec::new(), cuts.iter().cycle());
            let mut reframer = Reframer::new();
            while !rest.is_empty() {
                let (now, later) = rest.split_at((*cuts.next().unwrap()).min(rest.len()));
                reframer.push(now);
                while let Some((_, payload)) = reframer.next_frame().unwrap() {
                    found.push(payload.to_vec());
                }
                prop_assert!(reframer.pending() < HEADER_LEN + MAX_PAYLOAD);
                rest = later;
            }
            prop_assert_eq!(found, payloads);
        }
    }
}
