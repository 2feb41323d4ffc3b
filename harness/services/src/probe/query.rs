//! One question to one name server.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use hickory_proto::op::{Message, MessageType, Query, ResponseCode};
use hickory_proto::rr::{Name, RData, RecordType};
use interop_evidence::DnsAnswer;
use tokio::net::UdpSocket;
use tokio::time::{Instant, timeout_at};

/// Which addresses are asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum DnsType {
    /// IPv4.
    #[default]
    A,
    /// IPv6.
    Aaaa,
}

impl DnsType {
    fn record_type(self) -> RecordType {
        match self {
            Self::A => RecordType::A,
            Self::Aaaa => RecordType::AAAA,
        }
    }
}

/// Asks once, and once more after half of `timeout`.
///
/// The code is that of the answer, or `TIMEOUT`, or `UNREACHABLE` if no question could be sent. A socket that is not
/// connected follows the routes as they are when the question is sent.
///
/// # Errors
///
/// If the name is no DNS name, or the socket cannot be used at all.
pub async fn dns_query(
    socket: std::net::UdpSocket,
    server: SocketAddr,
    name: &str,
    kind: DnsType,
    timeout: Duration,
) -> io::Result<DnsAnswer> {
    socket.set_nonblocking(true)?;
    let socket = UdpSocket::from_std(socket)?;
    let mut asked = Name::from_ascii(name).map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
    asked.set_fqdn(true);
    let mut question = Message::query();
    question.metadata.recursion_desired = true;
    question.add_query(Query::query(asked, kind.record_type()));
    let wire = question.to_vec().map_err(io::Error::other)?;

    let begun = Instant::now();
    let mut sent = false;
    for deadline in [begun + timeout / 2, begun + timeout] {
        match socket.send_to(&wire, server).await {
            Ok(_) => sent = true,
            Err(error) => tracing::debug!(%server, %error, "DNS question not sent"),
        }
        if let Ok(answer) = timeout_at(deadline, answer_to(&question, &socket, server)).await {
            return Ok(seen(name, server, code(answer.metadata.response_code), addresses(&answer)));
        }
    }
    let code = if sent { "TIMEOUT" } else { "UNREACHABLE" };
    Ok(seen(name, server, code.to_owned(), Vec::new()))
}

/// Waits for the answer; anything else that comes is passed over.
async fn answer_to(question: &Message, socket: &UdpSocket, server: SocketAddr) -> Message {
    let mut buffer = vec![0; 65_536];
    loop {
        let Ok((length, from)) = socket.recv_from(&mut buffer).await else {
            tokio::task::yield_now().await;
            continue;
        };
        if from != server {
            continue;
        }
        if let Ok(answer) = Message::from_vec(&buffer[..length])
            && answer.metadata.message_type == MessageType::Response
            && answer.metadata.id == question.metadata.id
            && (answer.queries == question.queries || answer.queries.is_empty())
        {
            return answer;
        }
    }
}

fn addresses(answer: &Message) -> Vec<IpAddr> {
    let address = |data: &RData| data.ip_addr();
    answer.answers.iter().filter_map(|record| address(&record.data)).collect()
}

fn seen(name: &str, server: SocketAddr, code: String, addresses: Vec<IpAddr>) -> DnsAnswer {
    DnsAnswer { name: name.to_owned(), resolver: Some(server.ip()), addresses, code }
}

/// The names of RFC 6895, 2.3, as `dig` writes them.
fn code(code: ResponseCode) -> String {
    match code {
        ResponseCode::NoError => "NOERROR".to_owned(),
        ResponseCode::FormErr => "FORMERR".to_owned(),
        ResponseCode::ServFail => "SERVFAIL".to_owned(),
        ResponseCode::NXDomain => "NXDOMAIN".to_owned(),
        ResponseCode::NotImp => "NOTIMP".to_owned(),
        ResponseCode::Refused => "REFUSED".to_owned(),
        other => format!("RCODE{}", u16::from(other)),
    }
}
