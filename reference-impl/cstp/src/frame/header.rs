//! The eight bytes `53 54 46 01`, length, type, zero.

/// Bytes of the header.
pub const HEADER_LEN: usize = 8;

/// The largest payload that is built or taken, in bytes (AC-CSTP-04). One TLS record holds 8 bytes less, so no sender fills it.
pub const MAX_PAYLOAD: usize = 16_384;

const MAGIC: [u8; 4] = [0x53, 0x54, 0x46, 0x01];

/// The type of a packet; the same on TLS and DTLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum PacketType {
    /// 0x00: an IPv4 or IPv6 packet.
    Data,
    /// 0x03: asks for a sign of life.
    DpdRequest,
    /// 0x04: the answer to it, with the same payload.
    DpdResponse,
    /// 0x05: the end, with a reason.
    Disconnect,
    /// 0x07: keeps state in the network alive; not answered.
    Keepalive,
    /// 0x08: a compressed packet.
    Compressed,
    /// 0x09: the server goes away.
    Terminate,
    /// Any other byte; ignored (AC-CSTP-05, AC-DTLS-28).
    Other(u8),
}

impl PacketType {
    /// Returns the byte on the wire.
    pub const fn code(self) -> u8 {
        match self {
            Self::Data => 0x00,
            Self::DpdRequest => 0x03,
            Self::DpdResponse => 0x04,
            Self::Disconnect => 0x05,
            Self::Keepalive => 0x07,
            Self::Compressed => 0x08,
            Self::Terminate => 0x09,
            Self::Other(code) => code,
        }
    }

    /// Returns the type for a byte.
    pub const fn from_code(code: u8) -> Self {
        match code {
            0x00 => Self::Data,
            0x03 => Self::DpdRequest,
            0x04 => Self::DpdResponse,
            0x05 => Self::Disconnect,
            0x07 => Self::Keepalive,
            0x08 => Self::Compressed,
            0x09 => Self::Terminate,
            other => Self::Other(other),
        }
    }
}

/// A record that is no CSTP frame. The session ends; there is no resynchronisation (AC-CSTP-02).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// Fewer than eight bytes.
    #[error("a CSTP frame of {0} bytes has no room for its header")]
    Short(usize),
    /// The first four bytes are not `53 54 46 01`.
    #[error("a CSTP frame begins with {0:02x?} instead of 53 54 46 01")]
    Magic([u8; 4]),
    /// The eighth byte is not zero.
    #[error("the last byte of a CSTP header is {0:#04x} instead of zero")]
    Reserved(u8),
    /// The length in the header is not that of the record: two frames, or half a frame (AC-CSTP-03).
    #[error("a CSTP frame says {said} bytes of payload, but its record has {has}")]
    Length {
        /// What the header says.
        said: usize,
        /// What follows the header.
        has: usize,
    },
    /// The payload is larger than [`MAX_PAYLOAD`].
    #[error("a CSTP payload of {0} bytes is too large")]
    TooLarge(usize),
}

/// Builds the header for a payload of this many bytes.
///
/// # Errors
/// Fails when the payload is larger than [`MAX_PAYLOAD`].
pub fn header(kind: PacketType, payload_len: usize) -> Result<[u8; HEADER_LEN], FrameError> {
    if payload_len > MAX_PAYLOAD {
        return Err(FrameError::TooLarge(payload_len));
    }
    let [high, low] = u16::try_from(payload_len).map_err(|_| FrameError::TooLarge(payload_len))?.to_be_bytes();
    let [m0, m1, m2, m3] = MAGIC;
    Ok([m0, m1, m2, m3, high, low, kind.code(), 0])
}

/// Splits one TLS record into type and payload; the record must hold exactly one frame (AC-CSTP-01).
///
/// # Errors
/// Fails on a header that is short or wrong, and on a record of another length than the header says.
pub fn parse(record: &[u8]) -> Result<(PacketType, &[u8]), FrameError> {
    let (head, payload) = record.split_first_chunk().ok_or(FrameError::Short(record.len()))?;
    let (kind, said) = read(*head)?;
    if said != payload.len() {
        return Err(FrameError::Length { said, has: payload.len() });
    }
    Ok((kind, payload))
}

/// Splits the plaintext of one DTLS record into type and payload (AC-DTLS-26); `None` when it is empty.
pub fn parse_datagram(record: &[u8]) -> Option<(PacketType, &[u8])> {
    let (code, payload) = record.split_first()?;
    Some((PacketType::from_code(*code), payload))
}

/// Reads a header: the type, and the length of the payload.
pub(super) fn read(head: [u8; HEADER_LEN]) -> Result<(PacketType, usize), FrameError> {
    let [m0, m1, m2, m3, high, low, code, zero] = head;
    if [m0, m1, m2, m3] != MAGIC {
        return Err(FrameError::Magic([m0, m1, m2, m3]));
    }
    if zero != 0 {
        return Err(FrameError::Reserved(zero));
    }
    let length = usize::from(u16::from_be_bytes([high, low]));
    if length > MAX_PAYLOAD {
        return Err(FrameError::TooLarge(length));
    }
    Ok((PacketType::from_code(code), length))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_header_is_what_the_draft_draws() {
        assert_eq!(header(PacketType::Data, 0x0584).unwrap(), [0x53, 0x54, 0x46, 0x01, 0x05, 0x84, 0x00, 0x00]);
        assert_eq!(header(PacketType::Keepalive, 0).unwrap(), [0x53, 0x54, 0x46, 0x01, 0, 0, 0x07, 0]);
        assert_eq!(header(PacketType::Data, MAX_PAYLOAD + 1), Err(FrameError::TooLarge(MAX_PAYLOAD + 1)));
    }

    #[test]
    fn every_byte_is_a_type_and_leads_back() {
        for code in 0..=u8::MAX {
            assert_eq!(PacketType::from_code(code).code(), code);
        }
        assert_eq!(PacketType::from_code(0x06), PacketType::Other(0x06));
    }

    #[test]
    fn wrong_magic_and_a_wrong_last_byte_are_errors() {
        assert_eq!(parse(b"STG\x01\0\0\0\0"), Err(FrameError::Magic(*b"STG\x01")));
        assert_eq!(parse(b"STF\x02\0\0\0\0"), Err(FrameError::Magic(*b"STF\x02")));
        assert_eq!(parse(b"STF\x01\0\0\0\x01"), Err(FrameError::Reserved(1)));
        assert_eq!(parse(b"STF\x01\0\0\0"), Err(FrameError::Short(7)));
    }

    #[test]
    fn a_record_with_two_frames_or_half_a_frame_is_never_misparsed() {
        let mut two = b"STF\x01\0\x01\0\0A".to_vec();
        two.extend_from_slice(b"STF\x01\0\x01\0\0B");
        assert_eq!(parse(&two), Err(FrameError::Length { said: 1, has: 10 }));
        assert_eq!(parse(b"STF\x01\0\x03\0\0AB"), Err(FrameError::Length { said: 3, has: 2 }));
    }

    #[test]
    fn empty_data_and_the_largest_payload_pass() {
        assert_eq!(parse(b"STF\x01\0\0\0\0"), Ok((PacketType::Data, &[][..])));
        let mut large = header(PacketType::Data, MAX_PAYLOAD).unwrap().to_vec();
        large.resize(HEADER_LEN + MAX_PAYLOAD, 7);
        assert_eq!(parse(&large).map(|(_, payload)| payload.len()), Ok(MAX_PAYLOAD));
    }

    #[test]
    fn a_datagram_has_one_byte_of_type() {
        assert_eq!(parse_datagram(&[0x04, 1, 2]), Some((PacketType::DpdResponse, &[1, 2][..])));
        assert_eq!(parse_datagram(&[]), None);
    }

    proptest! {
        #[test]
        fn what_was_built_is_read_back(code: u8, payload in proptest::collection::vec(any::<u8>(), 0..2000)) {
            let mut record = header(PacketType::from_code(code), payload.len()).unwrap().to_vec();
            record.extend_from_slice(&payload);
            prop_assert_eq!(parse(&record), Ok((PacketType::from_code(code), &payload[..])));
        }

        #[test]
        fn any_record_is_taken_or_refused(record in proptest::collection::vec(any::<u8>(), 0..64)) {
            if let Ok((kind, payload)) = parse(&record) {
                prop_assert_eq!(payload.len() + HEADER_LEN, record.len());
                prop_assert_eq!(kind.code(), record[6]);
            }
        }
    }
}
