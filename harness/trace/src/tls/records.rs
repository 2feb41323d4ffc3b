//! Records of a stream (RFC 8446, section 5.1).

/// Bytes of a record header.
const HEADER: usize = 5;
/// Most bytes of a record's body: of ciphertext in TLS 1.2 (RFC 5246, section 6.2.3).
const LONGEST_BODY: usize = 16384 + 2048;

pub(crate) const CHANGE_CIPHER_SPEC: u8 = 20;
pub(crate) const ALERT: u8 = 21;
pub(crate) const HANDSHAKE: u8 = 22;
pub(crate) const APPLICATION_DATA: u8 = 23;
pub(crate) const HEARTBEAT: u8 = 24;

/// A record as it is on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Record<'a> {
    /// Content type.
    pub(crate) kind: u8,
    /// Version of the header.
    pub(crate) version: u16,
    pub(crate) body: &'a [u8],
}

/// One direction of a stream.
#[derive(Debug, Default)]
pub(crate) struct Records {
    /// The beginning of a record that is not whole yet.
    buffer: Vec<u8>,
    /// Bytes are missing: the next record has to be found.
    lost: bool,
}

/// What the beginning of a record says.
enum Start {
    /// Bytes of the whole record, its header included.
    Whole(usize),
    /// The header is not whole yet.
    Short,
    /// No record begins so.
    None,
}

impl Records {
    /// Takes the next bytes and gives each record that is whole now. False when something is there that is no record: then
    /// records are looked for again where later bytes begin.
    pub(crate) fn feed(&mut self, bytes: &[u8], mut each: impl FnMut(Record<'_>)) -> bool {
        if self.lost && !matches!(start(bytes), Start::Whole(_)) {
            return true;
        }
        self.lost = false;
        let mut rest = bytes;
        while !rest.is_empty() {
            let want = match start(if self.buffer.is_empty() { rest } else { &self.buffer }) {
                Start::Whole(length) => length,
                Start::Short => HEADER,
                Start::None => {
                    self.lose();
                    return false;
                }
            };
            // Bytes of what is wanted that are still in the stream.
            let missing = want.saturating_sub(self.buffer.len());
            let (part, after) = rest.split_at_checked(missing).unwrap_or((rest, &[]));
            let whole = part.len() == missing && want > HEADER;
            if whole && self.buffer.is_empty() {
                each_of(part, &mut each);
            } else {
                self.buffer.extend_from_slice(part);
                let empty_body = self.buffer.len() == HEADER && matches!(start(&self.buffer), Start::Whole(HEADER));
                if whole || empty_body {
                    each_of(&self.buffer, &mut each);
                    self.buffer.clear();
                }
            }
            rest = after;
        }
        true
    }

    /// Bytes of the stream are missing here.
    pub(crate) fn lose(&mut self) {
        self.buffer.clear();
        self.lost = true;
    }
}

fn each_of(bytes: &[u8], each: &mut impl FnMut(Record<'_>)) {
    if let Some((&[kind, major, minor, _, _], body)) = bytes.split_first_chunk::<HEADER>() {
        each(Record { kind, version: u16::from_be_bytes([major, minor]), body });
    }
}

fn start(bytes: &[u8]) -> Start {
    let Some(&[kind, major, minor, high, low]) = bytes.first_chunk::<HEADER>() else { return Start::Short };
    let length = usize::from(u16::from_be_bytes([high, low]));
    let fits = (CHANGE_CIPHER_SPEC..=HEARTBEAT).contains(&kind) && major == 3 && minor <= 4 && length <= LONGEST_BODY;
    if fits { Start::Whole(HEADER + length) } else { Start::None }
}

/// Whether a stream that begins so is TLS, as far as its first bytes tell.
pub(crate) fn looks_like(bytes: &[u8]) -> bool {
    match start(bytes) {
        Start::Whole(length) => length > HEADER,
        Start::None => false,
        // A ClientHello of which there is not even the header yet.
        Start::Short => match bytes {
            [kind] => *kind == HANDSHAKE,
            [kind, major, ..] => *kind == HANDSHAKE && *major == 3,
            [] => false,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Seen = Vec<(u8, Vec<u8>)>;

    fn feed(records: &mut Records, bytes: &[u8], seen: &mut Seen) -> bool {
        records.feed(bytes, |record| seen.push((record.kind, record.body.to_vec())))
    }

    /// A ChangeCipherSpec, an empty record and an alert.
    const STREAM: &[u8] = &[20, 3, 3, 0, 1, 1, 23, 3, 3, 0, 0, 21, 3, 1, 0, 2, 1, 0];

    fn expected() -> Seen {
        vec![(20, vec![1]), (23, vec![]), (21, vec![1, 0])]
    }

    #[test]
    fn any_split_gives_the_same_records() {
        for first in 0..=STREAM.len() {
            for second in first..=STREAM.len() {
                let (mut records, mut seen) = (Records::default(), Vec::new());
                for part in [&STREAM[..first], &STREAM[first..second], &STREAM[second..]] {
                    assert!(feed(&mut records, part, &mut seen));
                }
                assert_eq!(seen, expected(), "{first} {second}");
            }
        }
    }

    #[test]
    fn after_a_gap_the_next_record_is_found_where_a_piece_begins() {
        let (mut records, mut seen) = (Records::default(), Vec::new());
        feed(&mut records, &STREAM[..3], &mut seen);
        records.lose();
        feed(&mut records, b"the rest of something", &mut seen);
        assert!(seen.is_empty());
        feed(&mut records, STREAM, &mut seen);
        assert_eq!(seen, expected());
    }

    #[test]
    fn what_is_no_record_is_reported_once() {
        let (mut records, mut seen) = (Records::default(), Vec::new());
        assert!(feed(&mut records, &STREAM[..6], &mut seen));
        assert!(!feed(&mut records, b"GET / HTTP/1.1\r\n", &mut seen));
        assert!(feed(&mut records, b"Host: x\r\n", &mut seen));
        assert_eq!(seen.len(), 1);
        let mut records = Records::default();
        assert!(!feed(&mut records, &[23, 3, 3, 0x48, 1], &mut seen));
    }

    #[test]
    fn the_longest_record_is_taken() {
        let (mut records, mut seen) = (Records::default(), Vec::new());
        let mut bytes = vec![23, 3, 3, 0x48, 0];
        bytes.resize(5 + LONGEST_BODY, 7);
        assert!(bytes.chunks(1000).all(|part| feed(&mut records, part, &mut seen)));
        assert_eq!(seen[0].1.len(), LONGEST_BODY);
    }

    #[test]
    fn tls_is_told_from_its_beginning() {
        assert!(looks_like(&[22, 3, 1, 2, 0, 1]));
        assert!(looks_like(&[23, 3, 3, 0, 40]));
        assert!(looks_like(&[22]));
        assert!(looks_like(&[22, 3, 1]));
        assert!(!looks_like(&[]));
        assert!(!looks_like(b"GET / "));
        assert!(!looks_like(&[22, 4, 1, 2, 0]));
        assert!(!looks_like(&[22, 3, 1, 0, 0]));
    }
}
