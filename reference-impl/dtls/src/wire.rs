//! Record and handshake headers (RFC 6347, 4.1 and 4.2.2).

use crate::error::DtlsError;

/// Length of a record header.
pub(crate) const RECORD_HEADER: usize = 13;
/// Length of a handshake header.
pub(crate) const HANDSHAKE_HEADER: usize = 12;
/// Most plaintext in one record.
pub(crate) const MAX_PLAINTEXT: usize = 1 << 14;
/// First record sequence number that does not exist.
pub(crate) const SEQUENCE_END: u64 = 1 << 48;

/// Record types.
pub(crate) mod content {
    pub(crate) const CHANGE_CIPHER_SPEC: u8 = 0x14;
    pub(crate) const ALERT: u8 = 0x15;
    pub(crate) const HANDSHAKE: u8 = 0x16;
    pub(crate) const APPLICATION_DATA: u8 = 0x17;
}

/// Handshake message types.
pub(crate) mod message {
    pub(crate) const HELLO_REQUEST: u8 = 0;
    pub(crate) const CLIENT_HELLO: u8 = 1;
    pub(crate) const SERVER_HELLO: u8 = 2;
    pub(crate) const HELLO_VERIFY_REQUEST: u8 = 3;
    pub(crate) const SERVER_KEY_EXCHANGE: u8 = 12;
    pub(crate) const SERVER_HELLO_DONE: u8 = 14;
    pub(crate) const CLIENT_KEY_EXCHANGE: u8 = 16;
    pub(crate) const FINISHED: u8 = 20;
}

/// Alert levels and descriptions.
pub(crate) mod alert {
    pub(crate) const WARNING: u8 = 1;
    pub(crate) const FATAL: u8 = 2;

    pub(crate) const CLOSE_NOTIFY: u8 = 0;
    pub(crate) const UNEXPECTED_MESSAGE: u8 = 10;
    pub(crate) const HANDSHAKE_FAILURE: u8 = 40;
    pub(crate) const ILLEGAL_PARAMETER: u8 = 47;
    pub(crate) const DECRYPT_ERROR: u8 = 51;
    pub(crate) const PROTOCOL_VERSION: u8 = 70;
    pub(crate) const INTERNAL_ERROR: u8 = 80;
    pub(crate) const NO_RENEGOTIATION: u8 = 100;
}

/// DTLS 1.0, which the record layer of the first flight and every HelloVerifyRequest name (RFC 6347, 4.2.1).
pub(crate) const DTLS_1_0: u16 = 0xfeff;

/// Is the header of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RecordHeader {
    pub(crate) content: u8,
    pub(crate) version: u16,
    pub(crate) epoch: u16,
    pub(crate) sequence: u64,
    pub(crate) length: usize,
}

impl RecordHeader {
    /// Reads the header of the record that `bytes` begin with; none if the record is not whole.
    pub(crate) fn parse(bytes: &[u8]) -> Option<Self> {
        let head: &[u8; RECORD_HEADER] = bytes.first_chunk()?;
        let [content, v1, v0, e1, e0, s5, s4, s3, s2, s1, s0, l1, l0] = *head;
        let header = Self {
            content,
            version: u16::from_be_bytes([v1, v0]),
            epoch: u16::from_be_bytes([e1, e0]),
            sequence: u64::from_be_bytes([0, 0, s5, s4, s3, s2, s1, s0]),
            length: usize::from(u16::from_be_bytes([l1, l0])),
        };
        (bytes.len() - RECORD_HEADER >= header.length).then_some(header)
    }

    /// Gives the bytes of the wire; a length that does not fit is cut, so callers bound it.
    pub(crate) fn to_bytes(self) -> [u8; RECORD_HEADER] {
        let version = self.version.to_be_bytes();
        let epoch = self.epoch.to_be_bytes();
        let [_, _, s5, s4, s3, s2, s1, s0] = self.sequence.to_be_bytes();
        let length = (self.length as u16).to_be_bytes();
        [self.content, version[0], version[1], epoch[0], epoch[1], s5, s4, s3, s2, s1, s0, length[0], length[1]]
    }
}

/// Is a fragment of a handshake message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Fragment<'a> {
    pub(crate) kind: u8,
    pub(crate) length: usize,
    pub(crate) sequence: u16,
    pub(crate) offset: usize,
    pub(crate) body: &'a [u8],
}

impl<'a> Fragment<'a> {
    /// Reads one fragment and gives the rest of the record.
    pub(crate) fn parse(bytes: &'a [u8]) -> Option<(Self, &'a [u8])> {
        let (head, rest) = bytes.split_at_checked(HANDSHAKE_HEADER)?;
        let mut reader = Reader(head);
        let kind = reader.u8()?;
        let length = reader.u24()?;
        let sequence = reader.u16()?;
        let offset = reader.u24()?;
        let (body, rest) = rest.split_at_checked(reader.u24()?)?;
        (offset + body.len() <= length).then_some((Self { kind, length, sequence, offset, body }, rest))
    }

    /// Tells whether the fragment is the whole message.
    pub(crate) fn is_whole(&self) -> bool {
        self.body.len() == self.length
    }
}

/// Gives the header of a fragment of a handshake message.
pub(crate) fn handshake_header(
    kind: u8,
    length: usize,
    sequence: u16,
    offset: usize,
    part: usize,
) -> [u8; HANDSHAKE_HEADER] {
    let [_, l2, l1, l0] = (length as u32).to_be_bytes();
    let [s1, s0] = sequence.to_be_bytes();
    let [_, o2, o1, o0] = (offset as u32).to_be_bytes();
    let [_, p2, p1, p0] = (part as u32).to_be_bytes();
    [kind, l2, l1, l0, s1, s0, o2, o1, o0, p2, p1, p0]
}

/// Reads big-endian numbers and length-prefixed vectors.
pub(crate) struct Reader<'a>(pub(crate) &'a [u8]);

impl<'a> Reader<'a> {
    pub(crate) fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    pub(crate) fn u8(&mut self) -> Option<u8> {
        self.array().map(|[byte]| byte)
    }

    pub(crate) fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_be_bytes)
    }

    pub(crate) fn u24(&mut self) -> Option<usize> {
        self.array().map(|[a, b, c]| u32::from_be_bytes([0, a, b, c]) as usize)
    }

    /// Takes a vector with a length of one byte.
    pub(crate) fn vector8(&mut self) -> Option<&'a [u8]> {
        let length = self.u8()?;
        self.take(usize::from(length))
    }

    /// Takes a vector with a length of two bytes.
    pub(crate) fn vector16(&mut self) -> Option<&'a [u8]> {
        let length = self.u16()?;
        self.take(usize::from(length))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Appends a vector with a length of one byte.
pub(crate) fn push_vector8(out: &mut Vec<u8>, bytes: &[u8]) -> Result<(), DtlsError> {
    let length = u8::try_from(bytes.len()).map_err(|_| DtlsError::TooLong(bytes.len()))?;
    out.push(length);
    out.extend_from_slice(bytes);
    Ok(())
}

/// Appends a vector with a length of two bytes.
pub(crate) fn push_vector16(out: &mut Vec<u8>, bytes: &[u8]) -> Result<(), DtlsError> {
    let length = u16::try_from(bytes.len()).map_err(|_| DtlsError::TooLong(bytes.len()))?;
    out.extend_from_slice(&length.to_be_bytes());
    out.extend_from_slice(bytes);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn record_headers_survive_the_round_trip() {
        let header = RecordHeader {
            content: content::APPLICATION_DATA,
            version: 0xfefd,
            epoch: 1,
            sequence: 0x0102_0304_0506,
            length: 3,
        };
        let mut bytes = header.to_bytes().to_vec();
        bytes.extend_from_slice(b"abc");
        assert_eq!(RecordHeader::parse(&bytes), Some(header));
        assert_eq!(RecordHeader::parse(&bytes[..15]), None, "one byte is missing");
        assert_eq!(RecordHeader::parse(&bytes[..12]), None);
    }

    #[test]
    fn fragments_may_not_reach_beyond_their_message() {
        let mut bytes = handshake_header(message::FINISHED, 12, 3, 8, 4).to_vec();
        bytes.extend_from_slice(b"4444rest");
        let (fragment, rest) = Fragment::parse(&bytes).unwrap();
        assert_eq!((fragment.offset, fragment.body, rest), (8, &b"4444"[..], &b"rest"[..]));
        assert!(!fragment.is_whole());
        bytes[8] = 9;
        assert!(Fragment::parse(&bytes).is_none());
    }
}
