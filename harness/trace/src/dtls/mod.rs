//! DTLS: records, epochs, handshake messages, decryption.
//!
//! Versions 0.9, 1.0 and 1.2 are read; DTLS 1.3 and connection ids are recognised. What stands on the wire makes
//! lines of the outer flow, with and without keys the same; what the keys open makes lines of its own.

mod handshake;
mod hello;
mod record;
mod session;
#[cfg(test)]
mod tests;
mod window;

use interop_evidence::{Layer, View};

use crate::Keys;
use crate::found::{FlowDecoder, Found, Piece, Way};
use crate::tls::names;
use crate::words::Words;

use handshake::{Assembler, Message, fragments};
use hello::{ClientHello, ServerHello};
use record::{Part, Parts, Record};
use session::Session;

pub(crate) use window::Window;

/// Sessions of one pair of ends that are remembered: packets of the old one may come while the new one begins.
const MOST_SESSIONS: usize = 3;

/// The DTLS sessions of one pair of ends.
#[derive(Debug, Default)]
pub(crate) struct DtlsFlow {
    /// The newest last.
    sessions: Vec<Session>,
    assemblers: [Assembler; 2],
}

impl DtlsFlow {
    /// Whether a datagram is DTLS.
    pub(crate) fn looks_like(datagram: &[u8]) -> bool {
        record::looks_like(datagram)
    }

    fn record(&mut self, piece: &Piece<'_>, record: &Record<'_>, keys: &mut Keys, out: &mut Vec<Found>) {
        let way = piece.way;
        if record.kind == record::HANDSHAKE && record.epoch == 0 {
            return self.handshake(piece, record, View::OuterFlow, record.body, out);
        }
        let session = self.session_of(way, record.epoch);
        let is_plain = record.epoch == 0;
        let mut again = session.is_again(way, record);
        let words = match record.kind {
            record::CHANGE_CIPHER_SPEC => {
                // A copy that the network made says nothing of what follows.
                let sent_again = session.change(way, record.epoch);
                if !again {
                    session.repeats(way, sent_again);
                }
                again |= sent_again;
                "DTLS ChangeCipherSpec".into()
            }
            record::ALERT if is_plain => alert(record.body),
            record::ALERT => "DTLS encrypted alert".into(),
            record::HANDSHAKE => {
                // It follows the ChangeCipherSpec of its flight.
                again |= session.is_repeating(way);
                "DTLS encrypted handshake message".into()
            }
            record::APPLICATION_DATA => {
                session.repeats(way, false);
                Words::new("DTLS application data").size(record.body.len())
            }
            record::HEARTBEAT => "DTLS heartbeat".into(),
            other => Words::new(format!("DTLS record of type {other}")),
        };
        out.push(Found::at(piece, View::OuterFlow, Layer::Dtls, words).repeated(again));
        if is_plain {
            return;
        }
        let Some(bytes) = session.open(way, record, keys) else { return };
        let opened = out.len();
        match record.kind {
            record::HANDSHAKE => self.handshake(piece, record, View::ConnectHeaders, &bytes, out),
            record::ALERT => out.push(Found::at(piece, View::ConnectHeaders, Layer::Dtls, alert(&bytes))),
            record::APPLICATION_DATA => crate::app::cstp::datagram(&piece.with(&bytes), out),
            _ => {}
        }
        out.iter_mut().skip(opened).for_each(|found| found.again |= again);
    }

    /// The session to which a record belongs: the newest in which its sender has announced the epoch.
    fn session_of(&mut self, way: Way, epoch: u16) -> &mut Session {
        if self.sessions.is_empty() {
            self.sessions.push(Session::new(Way::Forth));
        }
        let newest = self.sessions.len() - 1;
        let index = self.sessions.iter().rposition(|session| session.has_reached(way, epoch)).unwrap_or(newest);
        &mut self.sessions[index]
    }

    /// The messages in a record whose content is readable.
    fn handshake(&mut self, piece: &Piece<'_>, record: &Record<'_>, view: View, bytes: &[u8], out: &mut Vec<Found>) {
        for fragment in fragments(bytes) {
            let Some(fragment) = fragment else {
                out.push(Found::at(piece, view, Layer::Dtls, "DTLS handshake message that is malformed"));
                return;
            };
            let assembler = self.assemblers.get_mut(piece.way.index());
            if let Some(message) = assembler.and_then(|assembler| assembler.take(record.epoch, &fragment)) {
                let found = self.message(piece, record, view, &message);
                out.push(found);
            }
        }
    }

    fn message(&mut self, piece: &Piece<'_>, record: &Record<'_>, view: View, message: &Message<'_>) -> Found {
        let way = piece.way;
        let hello = (message.kind == handshake::CLIENT_HELLO).then(|| ClientHello::parse(&message.body)).flatten();
        let session = match &hello {
            Some(hello) if record.epoch == 0 => self.session_with(way, hello),
            _ => self.session_of(way, record.epoch),
        };
        let again = session.has_seen(way, record.epoch, message);
        if !again && view == View::OuterFlow {
            session.repeats(way, false);
        }
        let epoch = session.epoch(record.epoch);
        let words = match message.kind {
            handshake::CLIENT_HELLO => {
                let words = hello.as_ref().map_or("DTLS ClientHello that is malformed".into(), ClientHello::words);
                epoch.client = hello.or(epoch.client.take());
                words
            }
            handshake::SERVER_HELLO => match ServerHello::parse(&message.body) {
                Some(hello) => {
                    let words = hello.words(epoch.client.as_ref());
                    epoch.server = Some(hello);
                    words
                }
                None => "DTLS ServerHello that is malformed".into(),
            },
            handshake::CLIENT_KEY_EXCHANGE => {
                hello::client_key_exchange(&message.body, epoch.server.as_ref().map(|hello| hello.suite))
            }
            kind => Words::new(format!("DTLS {}", handshake::name(kind).unwrap_or("handshake message"))),
        };
        Found::at(piece, view, Layer::Dtls, words).repeated(again)
    }

    /// The session that began with this ClientHello; a new one unless its random was there before.
    fn session_with(&mut self, way: Way, hello: &ClientHello) -> &mut Session {
        let index = self.sessions.iter().position(|session| session.began_with(&hello.random)).unwrap_or_else(|| {
            if self.sessions.len() >= MOST_SESSIONS {
                self.sessions.remove(0);
            }
            self.sessions.push(Session::new(way));
            self.assemblers = Default::default();
            self.sessions.len() - 1
        });
        &mut self.sessions[index]
    }
}

impl FlowDecoder for DtlsFlow {
    fn feed(&mut self, piece: &Piece<'_>, keys: &mut Keys, out: &mut Vec<Found>) {
        for part in Parts::new(piece.bytes) {
            let words = match part {
                Part::Record(record) => {
                    self.record(piece, &record, keys, out);
                    continue;
                }
                Part::ConnectionId(bytes) => Words::new("DTLS record with a connection id").size(bytes.len()),
                Part::Unified(bytes) => Words::new("DTLS 1.3 record").size(bytes.len()),
                Part::Broken(bytes) => Words::new("DTLS record that is malformed").size(bytes.len()),
            };
            out.push(Found::at(piece, View::OuterFlow, Layer::Dtls, words));
        }
    }
}

/// The line of an alert: `DTLS alert fatal handshake_failure`.
fn alert(body: &[u8]) -> Words {
    match body {
        // DTLS 0.9 may add the header of the message that it is about.
        [level, description, ..] => Words::new(format!("DTLS alert {}", names::alert(*level, *description))),
        _ => "DTLS alert that is malformed".into(),
    }
}
