//! ClientHello and ServerHello (RFC 8446, sections 4.1.2 and 4.1.3; RFC 5246, section 7.4.1).

use super::names::{printable, version};
use super::reader::Reader;
use super::suite::Suite;

/// Random of a ServerHello that is a HelloRetryRequest: SHA-256 of its name (RFC 8446, section 4.1.3).
const RETRY: [u8; 32] = [
    0xCF, 0x21, 0xAD, 0x74, 0xE5, 0x9A, 0x61, 0x11, 0xBE, 0x1D, 0x8C, 0x02, 0x1E, 0x65, 0xB8, 0x91, 0xC2, 0xA2, 0x11,
    0x16, 0x7A, 0xBB, 0x8C, 0x5E, 0x07, 0x9E, 0x09, 0xE2, 0xC8, 0xA8, 0x33, 0x9C,
];

/// Names that are listed of a hello, at most.
const MOST_PROTOCOLS: usize = 16;

const SERVER_NAME: u16 = 0;
const ALPN: u16 = 16;
const ENCRYPT_THEN_MAC: u16 = 22;
const SESSION_TICKET: u16 = 35;
const PRE_SHARED_KEY: u16 = 41;
const EARLY_DATA: u16 = 42;
const SUPPORTED_VERSIONS: u16 = 43;

/// What a ClientHello says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ClientHello {
    pub(crate) random: Vec<u8>,
    pub(crate) session_id: Vec<u8>,
    /// The highest version that is offered.
    pub(crate) version: u16,
    pub(crate) server_name: Option<String>,
    pub(crate) protocols: Vec<String>,
    /// A session ticket of TLS 1.2 is offered, not only the extension.
    pub(crate) ticket: bool,
    /// A session or key of TLS 1.3 is offered.
    pub(crate) psk: bool,
    pub(crate) early_data: bool,
}

/// What a ServerHello says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ServerHello {
    pub(crate) random: Vec<u8>,
    pub(crate) session_id: Vec<u8>,
    pub(crate) version: u16,
    pub(crate) suite: u16,
    pub(crate) protocols: Vec<String>,
    /// A session or key of TLS 1.3 is accepted.
    pub(crate) psk: bool,
    pub(crate) encrypt_then_mac: bool,
    /// It is a HelloRetryRequest.
    pub(crate) retry: bool,
}

impl ClientHello {
    /// Reads the body of the message.
    pub(crate) fn of(body: &[u8]) -> Option<Self> {
        let mut reader = Reader(body);
        let mut hello = Self { version: reader.u16()?, ..Self::default() };
        hello.random = reader.take(32)?.to_vec();
        hello.session_id = reader.vector(1)?.to_vec();
        let (_suites, _compression) = (reader.vector(2)?, reader.vector(1)?);
        for (kind, body) in extensions(&mut reader)? {
            match kind {
                SERVER_NAME => hello.server_name = server_name(body),
                ALPN => hello.protocols = protocols(body),
                SESSION_TICKET => hello.ticket = !body.is_empty(),
                PRE_SHARED_KEY => hello.psk = true,
                EARLY_DATA => hello.early_data = true,
                SUPPORTED_VERSIONS => hello.version = highest(body).unwrap_or(hello.version),
                _ => {}
            }
        }
        Some(hello)
    }

    /// `1.3 sni=vpn.example.test alpn=http/1.1`.
    pub(crate) fn words(&self) -> String {
        let mut words = version(self.version);
        if let Some(name) = &self.server_name {
            words.push_str(" sni=");
            words.push_str(name);
        }
        push_protocols(&mut words, &self.protocols);
        if self.ticket {
            words.push_str(" ticket");
        }
        if self.psk {
            words.push_str(" psk");
        }
        words
    }
}

impl ServerHello {
    /// Reads the body of the message.
    pub(crate) fn of(body: &[u8]) -> Option<Self> {
        let mut reader = Reader(body);
        let mut hello = Self { version: reader.u16()?, ..Self::default() };
        hello.random = reader.take(32)?.to_vec();
        hello.retry = hello.random == RETRY;
        hello.session_id = reader.vector(1)?.to_vec();
        hello.suite = reader.u16()?;
        let _compression = reader.u8()?;
        for (kind, body) in extensions(&mut reader)? {
            match kind {
                ALPN => hello.protocols = protocols(body),
                ENCRYPT_THEN_MAC => hello.encrypt_then_mac = true,
                PRE_SHARED_KEY => hello.psk = true,
                SUPPORTED_VERSIONS => hello.version = Reader(body).u16().unwrap_or(hello.version),
                _ => {}
            }
        }
        Some(hello)
    }

    /// `1.3 TLS_AES_256_GCM_SHA384`; `resumed` is whether an earlier session goes on.
    pub(crate) fn words(&self, resumed: bool) -> String {
        let mut words = format!("{} {}", version(self.version), Suite::name_of(self.suite));
        push_protocols(&mut words, &self.protocols);
        if resumed {
            words.push_str(" resumed");
        }
        words
    }
}

fn push_protocols(words: &mut String, protocols: &[String]) {
    if !protocols.is_empty() {
        words.push_str(" alpn=");
        words.push_str(&protocols.join(","));
    }
}

/// Type and body of each extension; a hello without any may end before their length.
pub(crate) fn extensions<'a>(reader: &mut Reader<'a>) -> Option<Vec<(u16, &'a [u8])>> {
    if reader.is_empty() {
        return Some(Vec::new());
    }
    let mut reader = Reader(reader.vector(2)?);
    let mut extensions = Vec::new();
    while !reader.is_empty() {
        extensions.push((reader.u16()?, reader.vector(2)?));
    }
    Some(extensions)
}

/// The host name of RFC 6066, section 3.
pub(crate) fn server_name(body: &[u8]) -> Option<String> {
    let mut names = Reader(Reader(body).vector(2)?);
    (names.u8()? == 0).then_some(())?;
    Some(printable(names.vector(2)?))
}

/// The names of RFC 7301, section 3.1.
pub(crate) fn protocols(body: &[u8]) -> Vec<String> {
    let mut names = Reader(Reader(body).vector(2).unwrap_or_default());
    std::iter::from_fn(|| names.vector(1)).take(MOST_PROTOCOLS).map(printable).collect()
}

/// The highest version of a list; values that only keep servers from choking on new ones are left out (RFC 8701).
fn highest(body: &[u8]) -> Option<u16> {
    let mut versions = Reader(Reader(body).vector(1)?);
    std::iter::from_fn(|| versions.u16()).filter(|version| version & 0x0f0f != 0x0a0a).max()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A ClientHello with these extensions.
    fn client(extensions: &[(u16, &[u8])]) -> Vec<u8> {
        let mut all = Vec::new();
        for (kind, body) in extensions {
            all.extend_from_slice(&kind.to_be_bytes());
            all.extend_from_slice(&u16::try_from(body.len()).unwrap().to_be_bytes());
            all.extend_from_slice(body);
        }
        let length = u16::try_from(all.len()).unwrap().to_be_bytes();
        [&[3, 3], [9; 32].as_slice(), &[1, 7], &[0, 2, 0x13, 1], &[1, 0], &length, &all].concat()
    }

    #[test]
    fn the_highest_version_counts_and_grease_does_not() {
        let versions = [8, 0x7a, 0x7a, 3, 3, 3, 4, 3, 2];
        assert_eq!(ClientHello::of(&client(&[(43, &versions)])).unwrap().version, 0x0304);
        assert_eq!(ClientHello::of(&client(&[])).unwrap().version, 0x0303);
    }

    #[test]
    fn a_ticket_is_more_than_the_extension() {
        assert_eq!(ClientHello::of(&client(&[(35, &[])])).unwrap().words(), "1.2");
        assert_eq!(ClientHello::of(&client(&[(35, &[1]), (41, &[])])).unwrap().words(), "1.2 ticket psk");
    }

    #[test]
    fn names_are_printable() {
        let name = [0, 6, 0, 0, 3, b'a', b'\n', 0xff];
        assert_eq!(ClientHello::of(&client(&[(0, &name)])).unwrap().words(), "1.2 sni=a\u{fffd}\u{fffd}");
    }

    #[test]
    fn extensions_may_be_missing() {
        let whole = client(&[]);
        let hello = ClientHello::of(&whole[..whole.len() - 2]).unwrap();
        assert_eq!((hello.random, hello.session_id), (vec![9; 32], vec![7]));
    }

    #[test]
    fn what_is_cut_is_none() {
        let whole = client(&[(43, &[2, 3, 4]), (16, &[0, 3, 2, b'h', b'2'])]);
        assert_eq!(ClientHello::of(&whole).unwrap().words(), "1.3 alpn=h2");
        // The length of the extensions is the last thing that may be missing.
        let without = whole.len() - 2 - 7 - 9;
        for length in (0..whole.len()).filter(|length| *length != without) {
            assert_eq!(ClientHello::of(&whole[..length]), None, "{length}");
        }
    }
}
