//! Handshakes of TLS and DTLS on the wires of clients.

use std::collections::BTreeSet;

use interop_evidence::{HandshakeMessage, HandshakeSeen, Micros};

use super::Way;
use super::classify::is_dtls_data;
use crate::dissect::{Summary, Transport};

/// `ContentType` of a handshake message, in TLS and DTLS alike (RFC 8446, section 5.1).
const HANDSHAKE: u8 = 22;
/// `HandshakeType` (RFC 5246, section 7.4; RFC 6347, section 4.3.2).
const CLIENT_HELLO: u8 = 1;
const SERVER_HELLO: u8 = 2;
const HELLO_VERIFY_REQUEST: u8 = 3;
const CLIENT_KEY_EXCHANGE: u8 = 16;
/// The extension in which a ServerHello of TLS 1.3 has its version (RFC 8446, section 4.2.1).
const SUPPORTED_VERSIONS: u16 = 43;
/// DTLS 0.9 of Cisco and OpenSSL (`DTLS1_BAD_VER`), DTLS 1.0, DTLS 1.2.
const DTLS_VERSIONS: [u16; 3] = [0x0100, 0xfeff, 0xfefd];
/// Bytes of a client's random value that tell attempts apart.
const RANDOM_SHOWN: usize = 8;
/// The flag SYN of TCP.
const SYN: u8 = 0x02;

/// Collects the handshakes that clients have with a gateway.
///
/// It sees single frames: a ServerHello of TLS that begins in the middle of a segment, or a hello that is split over
/// several, is missed. Both peers send theirs first in a segment, and they are short.
#[derive(Clone, Debug)]
pub struct HandshakeWatch {
    ports: Vec<u16>,
    seen: Vec<HandshakeSeen>,
    /// Client ports whose TLS hellos were counted: one session for each TCP connection.
    tls: BTreeSet<(u16, bool)>,
    /// Client ports whose first data was seen.
    data: BTreeSet<u16>,
}

impl HandshakeWatch {
    /// Messages kept; a client that tries without end cannot fill the memory.
    pub const MOST: usize = 4096;

    /// A watch for a gateway that listens on these TCP ports. DTLS is known by itself.
    pub fn new(ports: impl Into<Vec<u16>>) -> Self {
        Self { ports: ports.into(), seen: Vec::new(), tls: BTreeSet::new(), data: BTreeSet::new() }
    }

    /// Looks at a frame of a client's wire, with its time and its number in the capture.
    pub fn observe(&mut self, wire: &str, way: Way, at: Micros, frame: u64, summary: &Summary, bytes: &[u8]) {
        let Some(ip) = summary.ip() else { return };
        let Some((source, destination)) = ip.transport.ports() else { return };
        let (client_port, server_port) = match way {
            Way::ToServer => (source, destination),
            Way::ToClient => (destination, source),
        };
        let payload = summary.payload(bytes);
        let messages = match ip.transport {
            Transport::Udp { .. } => self.dtls(way, client_port, payload),
            Transport::Tcp { flags, .. } if self.ports.contains(&server_port) => {
                if way == Way::ToServer && flags & SYN != 0 {
                    // The port is used again, for another connection.
                    self.tls.retain(|(port, _)| *port != client_port);
                }
                self.tls(way, client_port, payload).into_iter().collect()
            }
            _ => return,
        };
        for message in messages {
            if self.seen.len() < Self::MOST {
                self.seen.push(HandshakeSeen { at, frame, wire: wire.to_owned(), client_port, message });
            }
        }
    }

    /// What was seen so far, in order.
    pub fn seen(&self) -> &[HandshakeSeen] {
        &self.seen
    }

    fn tls(&mut self, way: Way, port: u16, payload: &[u8]) -> Option<HandshakeMessage> {
        let (record, body) = payload.split_first_chunk::<5>()?;
        if record[0] != HANDSHAKE || record[1] != 3 {
            return None;
        }
        let message = match (way, body.first()?) {
            (Way::ToServer, &CLIENT_HELLO) => HandshakeMessage::TlsClientHello,
            (Way::ToClient, &SERVER_HELLO) => tls_server_hello(body.get(4..)?)?,
            _ => return None,
        };
        self.tls.insert((port, way == Way::ToServer)).then_some(message)
    }

    fn dtls(&mut self, way: Way, port: u16, payload: &[u8]) -> Vec<HandshakeMessage> {
        let mut messages = Vec::new();
        if is_dtls_data(payload) {
            if self.data.insert(port) {
                messages.push(HandshakeMessage::DtlsData);
            }
            return messages;
        }
        let mut rest = payload;
        while let Some((record, body)) = rest.split_first_chunk::<13>() {
            let version = u16::from_be_bytes([record[1], record[2]]);
            let epoch = u16::from_be_bytes([record[3], record[4]]);
            let length = usize::from(u16::from_be_bytes([record[11], record[12]]));
            if !DTLS_VERSIONS.contains(&version) {
                break;
            }
            if record[0] == HANDSHAKE && epoch == 0 {
                let fragment = body.get(..length).unwrap_or(body);
                if let Some(message) = dtls_message(way, fragment) {
                    if matches!(message, HandshakeMessage::DtlsClientHello { .. }) {
                        // A new session from a port that had one before has data of its own.
                        self.data.remove(&port);
                    }
                    messages.push(message);
                }
            }
            rest = body.get(length..).unwrap_or_default();
        }
        messages
    }
}

/// A handshake message of which this is the first fragment (RFC 6347, section 4.2.2).
fn dtls_message(way: Way, fragment: &[u8]) -> Option<HandshakeMessage> {
    let (header, body) = fragment.split_first_chunk::<12>()?;
    if header[6..9] != [0; 3] {
        return None;
    }
    match (way, header[0]) {
        (Way::ToServer, CLIENT_HELLO) => {
            let mut body = Reader(body);
            let version = body.u16()?;
            let random = hex(body.take(32)?.get(..RANDOM_SHOWN)?);
            let session = hex(body.counted()?);
            let cookie = body.counted().is_some_and(|cookie| !cookie.is_empty());
            Some(HandshakeMessage::DtlsClientHello { version, random, session, cookie })
        }
        (Way::ToServer, CLIENT_KEY_EXCHANGE) => Some(HandshakeMessage::DtlsClientKeyExchange),
        (Way::ToClient, HELLO_VERIFY_REQUEST) => Some(HandshakeMessage::DtlsHelloVerify),
        (Way::ToClient, SERVER_HELLO) => {
            let mut body = Reader(body);
            let version = body.u16()?;
            body.take(32)?;
            let session = hex(body.counted()?);
            Some(HandshakeMessage::DtlsServerHello { version, suite: body.u16()?, session })
        }
        _ => None,
    }
}

fn tls_server_hello(body: &[u8]) -> Option<HandshakeMessage> {
    let mut body = Reader(body);
    let mut version = body.u16()?;
    body.take(32)?;
    body.counted()?;
    let suite = body.u16()?;
    // Compression method and length of all extensions.
    body.take(1)?;
    if body.u16().is_some() {
        while let (Some(kind), Some(length)) = (body.u16(), body.u16()) {
            let Some(content) = body.take(length.into()) else { break };
            if kind == SUPPORTED_VERSIONS
                && let [high, low] = content
            {
                version = u16::from_be_bytes([*high, *low]);
            }
        }
    }
    Some(HandshakeMessage::TlsServerHello { version, suite })
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    fn u16(&mut self) -> Option<u16> {
        self.take(2).map(|bytes| u16::from_be_bytes([bytes[0], bytes[1]]))
    }

    /// Bytes behind one byte with their number.
    fn counted(&mut self) -> Option<&'a [u8]> {
        let count = self.take(1)?[0];
        self.take(count.into())
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
