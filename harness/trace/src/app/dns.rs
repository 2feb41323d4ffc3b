//! DNS over UDP and TCP: questions, and what they were answered.
//!
//! Transaction ids, times to live and EDNS are left out: they differ from run to run or say nothing about a VPN.

use std::collections::VecDeque;
use std::fmt::Write as _;

use hickory_proto::op::{Message, MessageType, OpCode, ResponseCode};
use hickory_proto::rr::{Name, RData, Record, RecordType};
use interop_evidence::{Layer, View};

use super::variable::plain;
use crate::Keys;
use crate::found::{FlowDecoder, Found, Piece, Way};

/// Bytes of the header of a message (RFC 1035, section 4.1.1).
const HEADER: usize = 12;
/// Questions and records of a message that are read; a transfer of a zone has more.
const MOST_RECORDS: usize = 250;
/// Records of an answer that are shown.
const MOST_SHOWN: usize = 24;
/// Messages that are remembered to recognise repetitions.
const MOST_REMEMBERED: usize = 64;
/// Bytes of a message over TCP with its length in front.
const LONGEST: usize = 2 + 0xffff;

/// DNS between two ends.
#[derive(Debug, Default)]
pub(crate) struct Dns {
    tcp: bool,
    /// What is left of a stream in each direction.
    streams: [Vec<u8>; 2],
    /// Identifier and text of messages, the latest last.
    seen: VecDeque<(Way, u16, String)>,
}

impl Dns {
    /// `tcp`: messages follow each other with their length in front (RFC 1035, section 4.2.2).
    pub(crate) fn new(tcp: bool) -> Self {
        Self { tcp, ..Self::default() }
    }

    fn message(&mut self, piece: &Piece<'_>, out: &mut Vec<Found>) {
        let text = read(piece.bytes);
        let id = match piece.bytes {
            [high, low, ..] => u16::from_be_bytes([*high, *low]),
            _ => 0,
        };
        let message = (piece.way, id, text.clone());
        let again = self.seen.contains(&message);
        if !again {
            self.seen.push_back(message);
            if self.seen.len() > MOST_REMEMBERED {
                self.seen.pop_front();
            }
        }
        out.push(Found::at(piece, View::Dns, Layer::Dns, text).repeated(again));
    }
}

impl FlowDecoder for Dns {
    fn feed(&mut self, piece: &Piece<'_>, _keys: &mut Keys, out: &mut Vec<Found>) {
        if !self.tcp {
            return self.message(piece, out);
        }
        let mut stream = std::mem::take(&mut self.streams[piece.way.index()]);
        // Whole messages are taken out after each part, so that no more than one message and one part is ever held.
        for part in piece.bytes.chunks(LONGEST) {
            stream.extend_from_slice(part);
            let mut rest = stream.as_slice();
            while let [high, low, behind @ ..] = rest {
                let Some((message, behind)) = behind.split_at_checked(u16::from_be_bytes([*high, *low]).into()) else {
                    break;
                };
                self.message(&piece.with(message), out);
                rest = behind;
            }
            let used = stream.len() - rest.len();
            stream.drain(..used);
        }
        self.streams[piece.way.index()] = stream;
    }

    fn gap(&mut self, way: Way, _bytes: u64) {
        // What follows is taken to begin a message.
        self.streams[way.index()].clear();
    }
}

/// A message in words.
fn read(bytes: &[u8]) -> String {
    let Some(header) = bytes.get(..HEADER) else { return format!("DNS broken: {} bytes", bytes.len()) };
    let counts = header.get(4..).unwrap_or_default().chunks_exact(2);
    let records: usize = counts.map(|count| count.iter().fold(0, |sum, byte| sum << 8 | usize::from(*byte))).sum();
    if records > MOST_RECORDS {
        return format!("DNS message of {records} records, not read");
    }
    match Message::from_vec(bytes) {
        Ok(message) => in_words(&message),
        Err(error) => {
            let asked = interop_capture::dns_names(bytes);
            let about = if asked.is_empty() { String::new() } else { format!(" {}", plain(&asked.join(" "))) };
            format!("DNS{about} broken: {}", plain(&error.to_string()))
        }
    }
}

fn in_words(message: &Message) -> String {
    let metadata = &message.metadata;
    let mut text = "DNS".to_owned();
    if metadata.op_code != OpCode::Query {
        // Writing to a string cannot fail.
        _ = write!(text, " {:?}", metadata.op_code);
    }
    for query in message.queries.iter().take(MOST_SHOWN) {
        _ = write!(text, " {} {}", query.query_type(), name(query.name()));
    }
    let asked = message.queries.first().map(hickory_proto::op::Query::query_type);
    match (metadata.message_type, metadata.response_code) {
        (MessageType::Query, _) => text.push_str(" ?"),
        (MessageType::Response, ResponseCode::NoError) => {
            text.push_str(" = ");
            text.push_str(&answers(&message.answers, asked));
        }
        (MessageType::Response, code) => {
            text.push_str(" = ");
            text.push_str(&rcode(code));
        }
    }
    if metadata.truncation {
        text.push_str(" truncated");
    }
    text
}

/// The records of an answer, those of other types than what was asked with their type.
fn answers(records: &[Record], asked: Option<RecordType>) -> String {
    if records.is_empty() {
        return "nothing".to_owned();
    }
    let mut shown: Vec<String> = records.iter().take(MOST_SHOWN).map(|record| answer(record, asked)).collect();
    // Servers turn the addresses of a host round from answer to answer.
    if records.iter().all(|record| matches!(record.data, RData::A(_) | RData::AAAA(_))) {
        shown.sort();
    }
    if records.len() > MOST_SHOWN {
        shown.push(format!("{} more", records.len() - MOST_SHOWN));
    }
    shown.join(", ")
}

fn answer(record: &Record, asked: Option<RecordType>) -> String {
    let kind = record.record_type();
    let data = match &record.data {
        RData::CNAME(target) => name(target),
        RData::NS(target) => name(target),
        RData::PTR(target) => name(target),
        data => {
            let mut text = String::new();
            // Some records cannot be written.
            if write!(text, "{data}").is_err() {
                "?".clone_into(&mut text);
            }
            plain(&text)
        }
    };
    if asked == Some(kind) { data } else { format!("{kind} {data}") }
}

/// A name in lower case without the last dot.
fn name(name: &Name) -> String {
    let text = name.to_ascii().to_ascii_lowercase();
    match text.strip_suffix('.') {
        Some("") | None => plain(&text),
        Some(text) => plain(text),
    }
}

/// Names as RFC 1035 section 4.1.1 and RFC 6895 section 2.3 give them.
fn rcode(code: ResponseCode) -> String {
    match code {
        ResponseCode::FormErr => "FORMERR".to_owned(),
        ResponseCode::ServFail => "SERVFAIL".to_owned(),
        ResponseCode::NXDomain => "NXDOMAIN".to_owned(),
        ResponseCode::NotImp => "NOTIMP".to_owned(),
        ResponseCode::Refused => "REFUSED".to_owned(),
        other => format!("RCODE {}", u16::from(other)),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::found::Moment;

    /// What dnsmasq and the clients of a lab said; glibc asks for both families at once.
    const QUESTION: &str = "3ec60100000100000000000003777777076578616d706c6504746573740000010001";
    const ANSWER: &str =
        "3ec68580000100010000000003777777076578616d706c6504746573740000010001c00c00010001000000000004cb007135";
    const NOTHING: &str = "b4ac858000010000000000000376706e076578616d706c65047465737400001c0001";
    const NO_SUCH_NAME: &str = "4dfe85830001000000000000076e6f7768657265076578616d706c6504746573740000010001";

    fn feed(dns: &mut Dns, way: Way, bytes: &[u8]) -> Vec<(String, bool)> {
        let mut found = Vec::new();
        let piece = Piece { moment: Moment::default(), way, bytes };
        dns.feed(&piece, &mut Keys::new(), &mut found);
        assert!(found.iter().all(|found| found.view == View::Dns && found.layer == Layer::Dns));
        found.into_iter().map(|found| (super::super::variable::shown(&found.words), found.again)).collect()
    }

    fn udp(hex: &str) -> String {
        feed(&mut Dns::new(false), Way::Back, &hex::decode(hex).unwrap()).remove(0).0
    }

    /// A response to `A alias.test` with these counts and this behind the question.
    fn response(flags: u16, counts: [u8; 3], records: &str) -> String {
        let [answers, authorities, additionals] = counts;
        let counts = format!("0001{answers:04x}{authorities:04x}{additionals:04x}");
        udp(&format!("0001{flags:04x}{counts}05616c69617304746573740000010001{records}"))
    }

    #[test]
    fn questions_and_answers_are_said_in_words() {
        assert_eq!(udp(QUESTION), "DNS A www.example.test ?");
        assert_eq!(udp(ANSWER), "DNS A www.example.test = 203.0.113.53");
        assert_eq!(udp(NOTHING), "DNS AAAA vpn.example.test = nothing");
        assert_eq!(udp(NO_SUCH_NAME), "DNS A nowhere.example.test = NXDOMAIN");
    }

    #[test]
    fn other_records_are_shown_with_their_type() {
        let alias = "c00c00050001000000000008026f6e03746e7400";
        let address = "c00c000100010000000000040a000002";
        let other = "c00c000100010000000000040a000001";
        assert_eq!(
            response(0x8180, [2, 0, 0], &format!("{alias}{address}")),
            "DNS A alias.test = CNAME on.tnt, 10.0.0.2"
        );
        // Servers turn the order round.
        for records in [format!("{address}{other}"), format!("{other}{address}")] {
            assert_eq!(response(0x8180, [2, 0, 0], &records), "DNS A alias.test = 10.0.0.1, 10.0.0.2");
        }
        assert_eq!(response(0x8182, [0, 0, 0], ""), "DNS A alias.test = SERVFAIL");
        assert_eq!(response(0x8380, [0, 0, 0], ""), "DNS A alias.test = nothing truncated");
        // EDNS, 1232 bytes.
        assert_eq!(response(0x8185, [0, 0, 1], "00002904d0000000000000"), "DNS A alias.test = REFUSED");
    }

    #[test]
    fn a_question_that_is_asked_again_is_marked() {
        let mut dns = Dns::new(false);
        let question = hex::decode(QUESTION).unwrap();
        assert!(!feed(&mut dns, Way::Forth, &question)[0].1);
        assert!(feed(&mut dns, Way::Forth, &question)[0].1);
        let mut other = question.clone();
        other[1] ^= 1;
        assert!(!feed(&mut dns, Way::Forth, &other)[0].1);
        assert!(!feed(&mut dns, Way::Back, &hex::decode(ANSWER).unwrap())[0].1);
    }

    #[test]
    fn messages_over_tcp_come_in_any_pieces() {
        let message = |hex: &str| {
            let message = hex::decode(hex).unwrap();
            [&u16::try_from(message.len()).unwrap().to_be_bytes()[..], &message].concat()
        };
        let stream = [message(QUESTION), message(NOTHING)].concat();
        let whole = feed(&mut Dns::new(true), Way::Forth, &stream);
        assert_eq!(whole[0].0, "DNS A www.example.test ?");
        assert_eq!(whole[1].0, "DNS AAAA vpn.example.test = nothing");
        for size in 1..stream.len() {
            let mut dns = Dns::new(true);
            let found: Vec<_> = stream.chunks(size).flat_map(|part| feed(&mut dns, Way::Forth, part)).collect();
            assert_eq!(found, whole);
        }
        let mut dns = Dns::new(true);
        assert_eq!(feed(&mut dns, Way::Forth, &stream[..9]), []);
        dns.gap(Way::Forth, 1000);
        assert_eq!(feed(&mut dns, Way::Forth, &message(QUESTION)).len(), 1);
    }

    #[test]
    fn broken_messages_say_so() {
        let question = hex::decode(QUESTION).unwrap();
        for length in 0..question.len() {
            let said = udp(&hex::encode(&question[..length]));
            assert!(said.contains("broken"), "{length}: {said}");
        }
        assert_eq!(udp("000181800001ffff00000000"), "DNS message of 65536 records, not read");
        // An OPT record among the answers cannot be written.
        assert!(response(0x8180, [1, 0, 0], "00002904d0000000000000").contains("broken"));
        // A pointer to itself.
        assert!(udp("000101000001000000000000c00c00010001").contains("broken"));
    }

    proptest! {
        #[test]
        fn any_bytes_are_said_in_words(
            bytes in proptest::collection::vec(any::<u8>(), 0..400),
            start in 0..4_usize,
            tcp: bool,
            size in 1..100_usize,
        ) {
            let start = hex::decode([QUESTION, ANSWER, NOTHING, ""][start]).unwrap();
            let mut dns = Dns::new(tcp);
            for part in [start, bytes].concat().chunks(size) {
                for (text, _) in feed(&mut dns, Way::Forth, part) {
                    prop_assert!(text.starts_with("DNS") && !text.contains(char::is_control), "{text}");
                }
            }
        }
    }
}
