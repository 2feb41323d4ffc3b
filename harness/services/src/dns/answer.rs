//! From a query to its answer.

use std::net::{IpAddr, SocketAddr};
use std::sync::{Mutex, MutexGuard, PoisonError};

use hickory_proto::op::{Edns, Message, MessageType, Metadata, OpCode, Query, ResponseCode};
use hickory_proto::rr::{DNSClass, RData, Record, RecordType};

use super::state::{Changeable, LoggedQuery, Override, Transport};
use super::{Zone, normal};
use crate::Clock;

/// Nobody may remember an answer: overrides change in mid-run.
const TTL: u32 = 0;
/// Length of the header, below which there is not even an id to answer to (RFC 1035, 4.1.1).
const HEADER: usize = 12;
/// Largest answer over UDP that the server claims and gives (DNS flag day 2020).
const MAX_UDP: u16 = 1232;

/// Everything that answers depend on.
pub(crate) struct Responder {
    zone: Zone,
    clock: Clock,
    changeable: Mutex<Changeable>,
}

impl Responder {
    pub(crate) fn new(zone: Zone, clock: Clock) -> Self {
        Self { zone, clock, changeable: Mutex::default() }
    }

    pub(crate) fn changeable(&self) -> MutexGuard<'_, Changeable> {
        self.changeable.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The answer in wire form; `None` if the query deserves none.
    pub(crate) fn answer(&self, query: &[u8], from: SocketAddr, transport: Transport) -> Option<Vec<u8>> {
        let Ok(request) = Message::from_vec(query) else {
            let id = u16::from_be_bytes([*query.first()?, *query.get(1)?]);
            let is_query = query.len() >= HEADER && query[2] & 0x80 == 0;
            let message = Message::error_msg(id, OpCode::Query, ResponseCode::FormErr);
            return if is_query { message.to_vec().ok() } else { None };
        };
        if request.metadata.message_type == MessageType::Response {
            return None; // answering answers would let two servers talk for ever
        }
        let response = self.respond(&request, from, transport)?;
        let encoded = response.to_vec().ok()?;
        let limit = usize::from(request.max_payload().clamp(512, MAX_UDP));
        if transport == Transport::Udp && encoded.len() > limit {
            response.truncate().to_vec().ok()
        } else {
            Some(encoded)
        }
    }

    fn respond(&self, request: &Message, from: SocketAddr, transport: Transport) -> Option<Message> {
        let mut response = Message::response(request.metadata.id, request.metadata.op_code);
        response.metadata = Metadata::response_from_request(&request.metadata);
        response.metadata.recursion_available = true; // some stubs complain otherwise
        if request.edns.is_some() {
            let mut edns = Edns::new();
            edns.set_max_payload(MAX_UDP);
            response.set_edns(edns);
        }
        response.metadata.response_code = match (request.metadata.op_code, request.queries.as_slice()) {
            (OpCode::Query, [query]) => {
                response.add_query(query.clone());
                let (code, records) = self.resolve(query, from, transport)?;
                response.metadata.authoritative = true;
                response.add_answers(records);
                code
            }
            (OpCode::Query, _) => ResponseCode::FormErr,
            _ => ResponseCode::NotImp,
        };
        Some(response)
    }

    fn resolve(&self, query: &Query, from: SocketAddr, transport: Transport) -> Option<(ResponseCode, Vec<Record>)> {
        let name = normal(&query.name().to_ascii());
        let altered = {
            let mut changeable = self.changeable();
            let kind = query.query_type().to_string();
            changeable.record(LoggedQuery { at: self.clock.now(), from, transport, name: name.clone(), kind });
            changeable.altered_answer(&name)
        };
        if query.query_class() != DNSClass::IN {
            return Some((ResponseCode::Refused, Vec::new()));
        }
        Some(match altered {
            Some(Override::Addresses(addresses)) => (ResponseCode::NoError, records(query, &addresses)),
            Some(Override::NxDomain) => (ResponseCode::NXDomain, Vec::new()),
            Some(Override::ServFail) => (ResponseCode::ServFail, Vec::new()),
            Some(Override::Drop) => return None,
            None => match self.zone.addresses(&name) {
                Some(addresses) => (ResponseCode::NoError, records(query, addresses)),
                None => (ResponseCode::NXDomain, Vec::new()),
            },
        })
    }
}

/// The addresses of the type that was asked for.
fn records(query: &Query, addresses: &[IpAddr]) -> Vec<Record> {
    let data = addresses.iter().map(|address| match address {
        IpAddr::V4(four) => RData::A((*four).into()),
        IpAddr::V6(six) => RData::AAAA((*six).into()),
    });
    let wanted = query.query_type();
    data.filter(|data| wanted == RecordType::ANY || data.record_type() == wanted)
        .map(|data| Record::from_rdata(query.name().clone(), TTL, data))
        .collect()
}

#[cfg(test)]
mod tests {
    use hickory_proto::rr::Name;

    use super::*;

    const FROM: &str = "198.51.100.1:5353";

    fn responder() -> Responder {
        let many = (0..100).map(|last| IpAddr::from([10, 0, 0, last])).collect();
        let zone = [
            ("Intranet.Example.", vec!["10.9.0.2".parse().unwrap(), "2001:db8::2".parse().unwrap()]),
            ("many.example", many),
        ];
        Responder::new(zone.into_iter().collect(), Clock::start())
    }

    fn question(name: &str, kind: RecordType) -> Message {
        let mut message = Message::query();
        message.add_query(Query::query(Name::from_ascii(name).unwrap(), kind));
        message
    }

    fn ask(responder: &Responder, name: &str, kind: RecordType) -> (ResponseCode, Vec<String>) {
        let query = question(name, kind).to_vec().unwrap();
        let answer = responder.answer(&query, FROM.parse().unwrap(), Transport::Tcp).unwrap();
        let answer = Message::from_vec(&answer).unwrap();
        (answer.metadata.response_code, answer.answers.iter().map(|record| record.data.to_string()).collect())
    }

    #[test]
    fn names_types_and_absence() {
        let responder = responder();
        let none = Vec::<String>::new;
        let ask = |name, kind| ask(&responder, name, kind);
        assert_eq!(ask("intranet.EXAMPLE.", RecordType::A), (ResponseCode::NoError, vec!["10.9.0.2".to_owned()]));
        assert_eq!(ask("intranet.example.", RecordType::AAAA), (ResponseCode::NoError, vec!["2001:db8::2".to_owned()]));
        assert_eq!(ask("intranet.example.", RecordType::TXT), (ResponseCode::NoError, none()));
        assert_eq!(ask("example.", RecordType::A), (ResponseCode::NoError, none()), "a name with names below it");
        assert_eq!(ask("ranet.example.", RecordType::A), (ResponseCode::NXDomain, none()));
    }

    #[test]
    fn overrides_count_and_go_away() {
        let responder = responder();
        let set = |name: &str, answer| responder.changeable().set(name.to_owned(), answer);
        let false_address = "192.0.2.66".parse().unwrap();
        set("intranet.example", Some(Override::Addresses(vec![false_address])));
        set("*", Some(Override::ServFail));
        let said = ask(&responder, "intranet.example.", RecordType::A);
        assert_eq!(said, (ResponseCode::NoError, vec!["192.0.2.66".to_owned()]));
        assert_eq!(ask(&responder, "many.example.", RecordType::A).0, ResponseCode::ServFail);
        set("intranet.example", Some(Override::Drop));
        let query = question("intranet.example.", RecordType::A).to_vec().unwrap();
        assert_eq!(responder.answer(&query, FROM.parse().unwrap(), Transport::Udp), None);
        let altered = |name: &str| responder.changeable().altered(name);
        assert_eq!((altered("intranet.example"), altered("*")), (2, 1));

        set("intranet.example", None);
        set("*", None);
        assert_eq!(ask(&responder, "intranet.example.", RecordType::A).1, ["10.9.0.2"]);
        assert_eq!(altered("intranet.example"), 2, "the counter stays as proof");
        assert_eq!(responder.changeable().queries().len(), 4);
    }

    #[test]
    fn a_long_answer_over_udp_is_truncated() {
        let responder = responder();
        let query = question("many.example.", RecordType::A).to_vec().unwrap();
        let answer = |transport| {
            let answer = responder.answer(&query, FROM.parse().unwrap(), transport).unwrap();
            Message::from_vec(&answer).unwrap()
        };
        assert!(answer(Transport::Udp).metadata.truncation);
        let whole = answer(Transport::Tcp);
        assert_eq!((whole.metadata.truncation, whole.answers.len()), (false, 100));
    }

    #[test]
    fn rubbish_and_answers_are_not_answered() {
        let responder = responder();
        let answer = |query: &[u8]| responder.answer(query, FROM.parse().unwrap(), Transport::Udp);
        assert_eq!(answer(b""), None);
        assert_eq!(answer(b"short"), None);
        let broken = [0x12, 0x34, 0x01, 0x00, 0, 9, 0, 0, 0, 0, 0, 0, 0xff];
        let said = Message::from_vec(&answer(&broken).unwrap()).unwrap();
        assert_eq!((said.metadata.id, said.metadata.response_code), (0x1234, ResponseCode::FormErr));
        let reflected = question("intranet.example.", RecordType::A).into_response().to_vec().unwrap();
        assert_eq!(answer(&reflected), None);
    }
}
