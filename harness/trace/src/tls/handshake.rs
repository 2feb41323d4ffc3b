//! Handshake messages (RFC 8446, section 4; RFC 5246, section 7.4).

use x509_parser::prelude::{FromDer, X509Certificate};

use super::hello;
use super::names;
use super::reader::Reader;
use crate::limits::MOST_MESSAGE;

pub(crate) const CLIENT_HELLO: u8 = 1;
pub(crate) const SERVER_HELLO: u8 = 2;
pub(crate) const ENCRYPTED_EXTENSIONS: u8 = 8;
pub(crate) const CERTIFICATE: u8 = 11;
pub(crate) const FINISHED: u8 = 20;
pub(crate) const KEY_UPDATE: u8 = 24;

/// Bytes of a message header: type and length.
const HEADER: usize = 4;
/// Certificates of a chain that are read, at most.
const MOST_CERTIFICATES: usize = 32;

/// A whole message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Message {
    pub(crate) kind: u8,
    pub(crate) body: Vec<u8>,
}

/// Puts the messages of one direction together from the bodies of records.
#[derive(Debug, Default)]
pub(crate) struct Messages {
    buffer: Vec<u8>,
}

impl Messages {
    /// Takes the body of the next record and gives the messages that are whole now. False when something is there that is none:
    /// an unknown type, or more bytes than any message has. What was kept is dropped then.
    pub(crate) fn feed(&mut self, bytes: &[u8], out: &mut Vec<Message>) -> bool {
        self.buffer.extend_from_slice(bytes);
        let mut rest = self.buffer.as_slice();
        while let Some((&[kind, l1, l2, l3], after)) = rest.split_first_chunk::<HEADER>() {
            let length = usize::try_from(u32::from_be_bytes([0, l1, l2, l3])).unwrap_or(usize::MAX);
            if length > MOST_MESSAGE || names::handshake(kind).is_none() {
                self.clear();
                return false;
            }
            let Some((body, after)) = after.split_at_checked(length) else { break };
            out.push(Message { kind, body: body.to_vec() });
            rest = after;
        }
        let used = self.buffer.len() - rest.len();
        self.buffer.drain(..used);
        true
    }

    /// Forgets a message that is not whole.
    pub(crate) fn clear(&mut self) {
        self.buffer.clear();
    }
}

/// What a message says beside its name, of those that are not hellos; `tls13` tells the layout.
pub(crate) fn details(message: &Message, tls13: bool) -> Option<String> {
    match message.kind {
        ENCRYPTED_EXTENSIONS => {
            let all = hello::extensions(&mut Reader(&message.body))?;
            let protocols = all.iter().find(|(kind, _)| *kind == 16).map(|(_, body)| hello::protocols(body))?;
            (!protocols.is_empty()).then(|| format!("alpn={}", protocols.join(",")))
        }
        CERTIFICATE => Some(chain(&message.body, tls13).join(", ")),
        KEY_UPDATE => (message.body == [1]).then(|| "update_requested".to_owned()),
        _ => None,
    }
}

/// Common names of the subjects of a chain, the sender's own first.
fn chain(body: &[u8], tls13: bool) -> Vec<String> {
    let mut reader = Reader(body);
    if tls13 {
        let _context = reader.vector(1);
    }
    let mut list = Reader(reader.vector(3).unwrap_or_default());
    let certificates = std::iter::from_fn(|| {
        let certificate = list.vector(3)?;
        if tls13 {
            let _extensions = list.vector(2);
        }
        Some(subject(certificate))
    });
    let names: Vec<String> = certificates.take(MOST_CERTIFICATES).collect();
    if names.is_empty() { vec!["none".to_owned()] } else { names }
}

/// The common name of a certificate's subject; all of the subject when it has none.
fn subject(der: &[u8]) -> String {
    let Ok((_, certificate)) = X509Certificate::from_der(der) else { return "(unreadable)".to_owned() };
    let subject = certificate.subject();
    let name = subject.iter_common_name().next().and_then(|name| name.as_str().ok());
    match name {
        Some(name) => names::printable(name.as_bytes()),
        None => format!("({})", names::printable(subject.to_string().as_bytes())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_put_together() {
        let (mut messages, mut out) = (Messages::default(), Vec::new());
        let stream = [20, 0, 0, 2, 1, 2, 14, 0, 0, 0, 11, 0, 1, 0];
        for byte in stream {
            assert!(messages.feed(&[byte], &mut out));
        }
        assert!(messages.feed(&[5; 255], &mut out));
        assert_eq!(out.len(), 2);
        assert!(messages.feed(&[5], &mut out));
        assert_eq!(out.iter().map(|one| (one.kind, one.body.len())).collect::<Vec<_>>(), [(20, 2), (14, 0), (11, 256)]);
        assert!(messages.buffer.is_empty());
    }

    #[test]
    fn what_is_no_message_is_dropped() {
        let (mut messages, mut out) = (Messages::default(), Vec::new());
        assert!(!messages.feed(&[99, 0, 0, 0], &mut out));
        assert!(!messages.feed(&[11, 1, 0, 1], &mut out));
        assert!(messages.feed(&[14, 0, 0, 0], &mut out));
        assert_eq!(out.len(), 1);
    }

    fn said(kind: u8, body: &[u8], tls13: bool) -> Option<String> {
        details(&Message { kind, body: body.to_vec() }, tls13)
    }

    #[test]
    fn chains_that_cannot_be_read_are_named_so() {
        assert_eq!(said(CERTIFICATE, &[0, 0, 0], false).unwrap(), "none");
        assert_eq!(said(CERTIFICATE, &[0, 0, 0, 0], true).unwrap(), "none");
        assert_eq!(said(CERTIFICATE, &[], true).unwrap(), "none");
        assert_eq!(said(CERTIFICATE, &[0, 0, 8, 0, 0, 1, 7, 0, 0, 1, 8], false).unwrap(), "(unreadable), (unreadable)");
    }

    #[test]
    fn a_key_update_may_ask_for_another() {
        assert_eq!(said(KEY_UPDATE, &[0], true), None);
        assert_eq!(said(KEY_UPDATE, &[1], true).unwrap(), "update_requested");
    }
}
