//! CSTP frames (draft-mavrogiannopoulos-openconnect, sections 2.2 and 2.3).
//!
//! Over TLS a frame has a header of 8 bytes: `STF` 0x01, the length of the payload, the type, zero. Over DTLS a
//! record is a frame, and one byte of type stands before the payload.

use interop_evidence::{Layer, View};

use crate::found::{Found, Piece, Way};
use crate::words::Words;

const HEADER: usize = 8;
const MAGIC: [u8; 4] = *b"STF\x01";

const DATA: u8 = 0x00;
const DPD_REQ: u8 = 0x03;
const DPD_RESP: u8 = 0x04;
const DISCONNECT: u8 = 0x05;
const KEEPALIVE: u8 = 0x07;
const COMPRESSED: u8 = 0x08;
const TERMINATE: u8 = 0x09;

/// From here on a dead peer detection asks about the path, not about the peer: clients and ocserv fill it up to the
/// MTU that they try.
const PADDED: usize = 64;
/// Characters of a reason that are shown.
const MOST_TEXT: usize = 100;

/// What carries a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Carrier {
    Tls,
    Dtls,
}

/// The frames of one CSTP channel over TLS, both directions.
#[derive(Debug, Default)]
pub(crate) struct CstpStream {
    sides: [Side; 2],
}

/// One direction.
#[derive(Debug, Default)]
struct Side {
    /// The beginning of a frame whose rest comes with the next record; at most one header and 65,535 bytes.
    pending: Vec<u8>,
    /// Something came that is no frame, so nobody knows where the next one begins.
    is_lost: bool,
    /// Bytes are missing: the next frame is looked for where a record begins.
    is_searching: bool,
}

impl CstpStream {
    /// Takes the plain text of one TLS record, after CONNECT was granted.
    pub(crate) fn feed(&mut self, piece: &Piece<'_>, out: &mut Vec<Found>) {
        let Some(side) = self.sides.get_mut(piece.way.index()).filter(|side| !side.is_lost) else { return };
        if side.is_searching && !piece.bytes.starts_with(&MAGIC) {
            return;
        }
        side.is_searching = false;
        let joined;
        let mut rest = piece.bytes;
        if !side.pending.is_empty() {
            side.pending.extend_from_slice(piece.bytes);
            joined = std::mem::take(&mut side.pending);
            rest = &joined;
        }
        while !rest.is_empty() {
            if rest.iter().zip(MAGIC).any(|(byte, magic)| *byte != magic) {
                side.is_lost = true;
                out.push(at(piece, "CSTP bytes that are no frame; the rest is not read"));
                return;
            }
            let Some((kind, payload, after)) = frame(rest) else {
                side.pending = rest.to_vec();
                return;
            };
            out.push(at(piece, words(Carrier::Tls, kind, payload)));
            rest = after;
        }
    }

    /// Bytes are missing.
    pub(crate) fn gap(&mut self, way: Way) {
        if let Some(side) = self.sides.get_mut(way.index()) {
            side.pending = Vec::new();
            side.is_searching = true;
        }
    }
}

/// Reads the plain text of a DTLS record: one byte of type, then the payload.
pub(crate) fn datagram(piece: &Piece<'_>, out: &mut Vec<Found>) {
    if let Some((kind, payload)) = piece.bytes.split_first() {
        out.push(at(piece, words(Carrier::Dtls, *kind, payload)));
    }
}

/// Type and payload of the frame at the beginning, and what follows it; `None` when it is not whole.
fn frame(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (header, rest) = bytes.split_first_chunk::<HEADER>()?;
    let [.., high, low, kind, _] = *header;
    let (payload, rest) = rest.split_at_checked(usize::from(u16::from_be_bytes([high, low])))?;
    Some((kind, payload, rest))
}

fn at(piece: &Piece<'_>, words: impl Into<Words>) -> Found {
    Found::at(piece, View::ConnectHeaders, Layer::Cstp, words)
}

fn words(carrier: Carrier, kind: u8, payload: &[u8]) -> Words {
    let is_tls = carrier == Carrier::Tls;
    // Nearly all frames are data, so that their text is not made anew.
    match kind {
        DATA => return Words::new(if is_tls { "CSTP data" } else { "CSTP over DTLS data" }).size(payload.len()),
        COMPRESSED => {
            let text = if is_tls { "CSTP COMPRESSED" } else { "CSTP over DTLS COMPRESSED" };
            return Words::new(text).size(payload.len());
        }
        _ => {}
    }
    let carrier = if is_tls { "CSTP" } else { "CSTP over DTLS" };
    let padded = if payload.len() > PADDED { " padded" } else { "" };
    let text = match kind {
        DPD_REQ => format!("{carrier} DPD-REQ{padded}"),
        DPD_RESP => format!("{carrier} DPD-RESP{padded}"),
        DISCONNECT => format!("{carrier} DISCONNECT{}", reason(payload)),
        KEEPALIVE => format!("{carrier} KEEPALIVE"),
        TERMINATE => format!("{carrier} TERMINATE"),
        other => format!("{carrier} frame of type 0x{other:02x}"),
    };
    Words::new(text)
}

/// Why a side leaves: a code and a text, both of which may be missing.
fn reason(payload: &[u8]) -> String {
    let Some((code, text)) = payload.split_first() else { return String::new() };
    let name = match code {
        0x70 => " (local error)",
        0x91 => " (reconnecting)",
        0xb0 => " (user disconnect)",
        0xd1 => " (pause)",
        _ => "",
    };
    let text = text.iter().take(MOST_TEXT).map(|byte| char::from(*byte));
    let text: String =
        text.map(|letter| if letter == ' ' || letter.is_ascii_graphic() { letter } else { '.' }).collect();
    let text = text.trim_end_matches(['.', ' ']);
    if text.is_empty() { format!(" 0x{code:02x}{name}") } else { format!(" 0x{code:02x}{name} \"{text}\"") }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::found::Moment;

    fn piece(way: Way, bytes: &[u8]) -> Piece<'_> {
        Piece { moment: Moment::default(), way, bytes }
    }

    fn lines(records: &[(Way, &[u8])]) -> Vec<Words> {
        let mut stream = CstpStream::default();
        let mut out = Vec::new();
        records.iter().for_each(|(way, bytes)| stream.feed(&piece(*way, bytes), &mut out));
        assert!(out.iter().all(|found| found.view == View::ConnectHeaders && found.layer == Layer::Cstp));
        out.into_iter().map(|found| found.words).collect()
    }

    #[test]
    fn every_type() {
        let records: [(Way, &[u8]); 8] = [
            (Way::Forth, b"STF\x01\0\x04\0\0\x45\0\0\0"),
            (Way::Back, b"STF\x01\0\0\x03\0"),
            (Way::Forth, b"STF\x01\0\x01\x04\0\0"),
            (Way::Forth, b"STF\x01\0\0\x07\0"),
            (Way::Forth, b"STF\x01\0\x02\x08\0ab"),
            (Way::Forth, b"STF\x01\0\0\x09\0"),
            (Way::Forth, b"STF\x01\0\0\x2a\0"),
            (Way::Forth, b"STF\x01\0\x05\x05\0\xb0bye\0"),
        ];
        assert_eq!(
            lines(&records),
            [
                Words::new("CSTP data").size(4),
                "CSTP DPD-REQ".into(),
                "CSTP DPD-RESP".into(),
                "CSTP KEEPALIVE".into(),
                Words::new("CSTP COMPRESSED").size(2),
                "CSTP TERMINATE".into(),
                "CSTP frame of type 0x2a".into(),
                "CSTP DISCONNECT 0xb0 (user disconnect) \"bye\"".into(),
            ]
        );
    }

    #[test]
    fn frames_split_over_records_and_several_in_one() {
        let records: [(Way, &[u8]); 4] = [
            (Way::Forth, b"STF\x01\0\x02"),
            (Way::Back, b"STF\x01\0\0\x04\0"),
            (Way::Forth, b"\0\0a"),
            (Way::Forth, b"bSTF\x01\0\0\x03\0ST"),
        ];
        assert_eq!(lines(&records), ["CSTP DPD-RESP".into(), Words::new("CSTP data").size(2), "CSTP DPD-REQ".into()]);
    }

    #[test]
    fn what_is_no_frame_ends_its_direction() {
        let records: [(Way, &[u8]); 4] = [
            (Way::Forth, b"STF\x01\0\0\x03\0STG"),
            (Way::Forth, b"STF\x01\0\0\x03\0"),
            (Way::Back, b"STF\x01\0\0\x04\0"),
            (Way::Back, b"HTTP/1.1 503"),
        ];
        let lost = Words::from("CSTP bytes that are no frame; the rest is not read");
        assert_eq!(lines(&records), ["CSTP DPD-REQ".into(), lost.clone(), "CSTP DPD-RESP".into(), lost]);
    }

    #[test]
    fn after_a_gap_the_next_frame_is_found_where_a_record_begins() {
        let (mut stream, mut out) = (CstpStream::default(), Vec::new());
        stream.feed(&piece(Way::Forth, b"STF\x01\0\x05\0\0ab"), &mut out);
        stream.gap(Way::Forth);
        stream.feed(&piece(Way::Forth, b"the end of a frame"), &mut out);
        assert!(out.is_empty());
        stream.feed(&piece(Way::Forth, b"STF\x01\0\0\x03\0"), &mut out);
        stream.feed(&piece(Way::Back, b"STF\x01\0\0\x04\0"), &mut out);
        let words: Vec<Words> = out.into_iter().map(|found| found.words).collect();
        assert_eq!(words, ["CSTP DPD-REQ".into(), "CSTP DPD-RESP".into()]);
    }

    #[test]
    fn over_dtls() {
        let mut out = Vec::new();
        let probe = [[DPD_REQ].as_slice(), &[0; 1400]].concat();
        for bytes in [[DATA, 0x45, 0].as_slice(), &[DPD_REQ], &probe, &[DISCONNECT], &[]] {
            datagram(&piece(Way::Forth, bytes), &mut out);
        }
        let words: Vec<Words> = out.into_iter().map(|found| found.words).collect();
        assert_eq!(
            words,
            [
                Words::new("CSTP over DTLS data").size(2),
                "CSTP over DTLS DPD-REQ".into(),
                "CSTP over DTLS DPD-REQ padded".into(),
                "CSTP over DTLS DISCONNECT".into(),
            ]
        );
    }

    proptest! {
        #[test]
        fn any_bytes(
            records in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 0..20),
            cut in 1usize..30,
        ) {
            let mut stream = CstpStream::default();
            let mut out = Vec::new();
            for record in &records {
                stream.feed(&piece(Way::Forth, record), &mut out);
                datagram(&piece(Way::Back, record), &mut out);
            }
            // Where records end does not change the frames.
            let frames: Vec<u8> = records
                .iter()
                .flat_map(|record| {
                    let rest = [u8::try_from(record.len()).unwrap(), 0, 0];
                    [b"STF\x01\0", rest.as_slice(), record].concat()
                })
                .collect();
            let (mut stream, mut out) = (CstpStream::default(), Vec::new());
            frames.chunks(cut).for_each(|part| stream.feed(&piece(Way::Forth, part), &mut out));
            let sizes: Vec<Words> = out.into_iter().map(|found| found.words).collect();
            let expected: Vec<Words> =
                records.iter().map(|record| Words::new("CSTP data").size(record.len())).collect();
            prop_assert_eq!(sizes, expected);
        }
    }
}
