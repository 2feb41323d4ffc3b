//! A look into a first datagram.

use crate::hello::{ClientHello, MIN_CLIENT_HELLO};
use crate::reassembly::MAX_MESSAGE;
use crate::wire::{Fragment, RECORD_HEADER, RecordHeader, content, message};

/// Holds what a server needs to know of a ClientHello before it has a connection for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HelloPeek {
    /// Version of the ClientHello: 0x0100, 0xfeff or 0xfefd.
    pub version: u16,
    /// What the session is found by: extension 48018 if present, else the session id; 1 to 255 bytes.
    pub session_id: Vec<u8>,
    /// Cookie of a HelloVerifyRequest, else empty.
    pub cookie: Vec<u8>,
    /// Client random.
    pub random: [u8; 32],
}

/// Reads the ClientHello that a datagram begins with; none for anything else, and none for a ClientHello that is
/// shorter than 93 bytes with its headers, fragmented, without an identifier or with an all-zero random (AC-DTLS-17).
pub fn peek_client_hello(datagram: &[u8]) -> Option<HelloPeek> {
    let FirstHello { hello, .. } = FirstHello::parse(datagram)?;
    Some(HelloPeek {
        version: hello.version,
        session_id: Some(hello.identifier()).filter(|id| !id.is_empty())?.to_vec(),
        cookie: hello.cookie.to_vec(),
        random: hello.random,
    })
}

/// Is the ClientHello of a datagram with its headers.
pub(crate) struct FirstHello<'a> {
    pub(crate) header: RecordHeader,
    pub(crate) fragment: Fragment<'a>,
    pub(crate) hello: ClientHello<'a>,
}

impl<'a> FirstHello<'a> {
    /// Reads a ClientHello that fulfils AC-DTLS-17.
    pub(crate) fn parse(datagram: &'a [u8]) -> Option<Self> {
        let header = RecordHeader::parse(datagram).filter(|header| header.content == content::HANDSHAKE)?;
        let record = datagram.get(RECORD_HEADER..RECORD_HEADER + header.length)?;
        let (fragment, _) = Fragment::parse(record)?;
        // The first has number 0, that with a cookie 1; a few more are harmless.
        let bounded = fragment.length <= MAX_MESSAGE && fragment.sequence < 8;
        let known_version = matches!(header.version, 0x0100 | 0xfeff | 0xfefd);
        let first = header.epoch == 0 && fragment.kind == message::CLIENT_HELLO && fragment.is_whole();
        if !known_version || !first || !bounded || datagram.len() < MIN_CLIENT_HELLO {
            return None;
        }
        let hello = ClientHello::parse(fragment.body).filter(|hello| hello.random != [0; 32])?;
        Some(Self { header, fragment, hello })
    }
}
