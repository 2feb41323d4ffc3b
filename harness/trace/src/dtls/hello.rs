//! The hellos of DTLS (RFC 5246, section 7.4.1; RFC 6347, section 4.2.1): what they agree on, and their lines.

use crate::tls::hello::server_name;
use crate::tls::reader::Reader;
use crate::tls::suite::Suite;
use crate::words::Words;

use super::record::{V1_3, version_name};

const SERVER_NAME: u16 = 0;
const ENCRYPT_THEN_MAC: u16 = 22;
const SUPPORTED_VERSIONS: u16 = 43;
const CONNECTION_ID: u16 = 54;
/// Where ocserv also looks for the id of the application: a length of one byte, then the id.
const APP_ID: u16 = 48018;

/// Suites that are none: renegotiation_info (RFC 5746) and fallback (RFC 7507).
const SIGNALS: [u16; 2] = [0x00ff, 0x5600];

/// A ClientHello.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct ClientHello {
    version: u16,
    pub(super) random: Vec<u8>,
    pub(super) session_id: Vec<u8>,
    has_cookie: bool,
    /// Whether every suite that it offers takes its key from a PSK.
    is_psk: bool,
    extensions: Extensions,
}

/// A ServerHello.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct ServerHello {
    pub(super) version: u16,
    pub(super) random: Vec<u8>,
    pub(super) session_id: Vec<u8>,
    pub(super) suite: u16,
    extensions: Extensions,
}

/// The extensions that matter here.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Extensions {
    server_name: Option<String>,
    encrypt_then_mac: bool,
    is_dtls13: bool,
    connection_id: bool,
    app_id: Option<Vec<u8>>,
}

impl ClientHello {
    pub(super) fn parse(body: &[u8]) -> Option<Self> {
        let mut rest = Reader(body);
        let version = rest.u16()?;
        let random = rest.take(32)?.to_vec();
        let session_id = rest.vector(1)?.to_vec();
        let has_cookie = !rest.vector(1)?.is_empty();
        let suites = rest.vector(2)?.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]]));
        let suites: Vec<u16> = suites.filter(|suite| !SIGNALS.contains(suite)).collect();
        let is_psk = !suites.is_empty() && suites.iter().all(|suite| is_psk(*suite));
        rest.vector(1)?;
        Some(Self { version, random, session_id, has_cookie, is_psk, extensions: Extensions::parse(rest) })
    }

    /// `DTLS ClientHello 1.2 app-id=app-id#1`.
    pub(super) fn words(&self) -> Words {
        let version = if self.extensions.is_dtls13 { V1_3 } else { self.version };
        let mut words = Words::new(format!("DTLS ClientHello {}", version_name(version)));
        if !self.session_id.is_empty() {
            // With a PSK nothing is resumed: AnyConnect's gateways find their client by this id.
            words = if self.is_psk {
                words.text(" app-id=").random("app-id", &self.session_id)
            } else {
                words.text(" session-id=").random("session-id", &self.session_id)
            };
        }
        if let Some(id) = &self.extensions.app_id {
            words = words.text(" app-id=").random("app-id", id);
        }
        if let Some(name) = &self.extensions.server_name {
            words = words.text(format!(" sni={name}"));
        }
        if self.extensions.connection_id {
            words = words.text(" connection-id");
        }
        if self.has_cookie { words.text(" cookie") } else { words }
    }
}

impl ServerHello {
    pub(super) fn parse(body: &[u8]) -> Option<Self> {
        let mut rest = Reader(body);
        let version = rest.u16()?;
        let random = rest.take(32)?.to_vec();
        let session_id = rest.vector(1)?.to_vec();
        let suite = rest.u16()?;
        rest.take(1)?;
        Some(Self { version, random, session_id, suite, extensions: Extensions::parse(rest) })
    }

    /// `DTLS ServerHello 1.2 TLS_RSA_WITH_AES_256_GCM_SHA384 session-id=session-id#1 resumed`.
    pub(super) fn words(&self, client: Option<&ClientHello>) -> Words {
        let version = if self.is_dtls13() { V1_3 } else { self.version };
        let mut words =
            Words::new(format!("DTLS ServerHello {} {}", version_name(version), Suite::name_of(self.suite)));
        if !self.session_id.is_empty() {
            words = words.text(" session-id=").random("session-id", &self.session_id);
        }
        if self.extensions.connection_id {
            words = words.text(" connection-id");
        }
        if client.is_some_and(|client| self.resumes(client)) { words.text(" resumed") } else { words }
    }

    /// Whether the server takes up the session that the client asked for (RFC 5246, section 7.4.1.3).
    pub(super) fn resumes(&self, client: &ClientHello) -> bool {
        !self.is_dtls13() && !self.session_id.is_empty() && self.session_id == client.session_id
    }

    /// Whether records are encrypted first (RFC 7366).
    pub(super) fn encrypts_then_macs(&self, client: &ClientHello) -> bool {
        self.extensions.encrypt_then_mac && client.extensions.encrypt_then_mac
    }

    pub(super) fn is_dtls13(&self) -> bool {
        self.extensions.is_dtls13
    }
}

/// The line of a ClientKeyExchange; with a PSK it names the identity of the client (RFC 4279, section 2).
pub(super) fn client_key_exchange(body: &[u8], suite: Option<u16>) -> Words {
    let words = Words::new("DTLS ClientKeyExchange");
    let identity = suite.filter(|suite| is_psk(*suite)).and_then(|_| Reader(body).vector(2));
    match identity {
        None => words,
        Some(identity) if is_printable(identity) => words.text(format!(" psk={}", String::from_utf8_lossy(identity))),
        Some(identity) => words.text(" psk=").random("psk-identity", identity),
    }
}

fn is_psk(suite: u16) -> bool {
    Suite::of(suite).is_some_and(|suite| suite.name.contains("PSK_WITH"))
}

/// Text that keeps a line a line.
fn is_printable(bytes: &[u8]) -> bool {
    !bytes.is_empty() && bytes.len() <= 64 && bytes.iter().all(u8::is_ascii_graphic)
}

impl Extensions {
    fn parse(mut rest: Reader<'_>) -> Self {
        let mut all = Self::default();
        let Some(extensions) = rest.vector(2) else { return all };
        let mut rest = Reader(extensions);
        while let (Some(kind), Some(value)) = (rest.u16(), rest.vector(2)) {
            match kind {
                SERVER_NAME => all.server_name = server_name(value),
                ENCRYPT_THEN_MAC => all.encrypt_then_mac = true,
                // A list with its length in the ClientHello, one version in the ServerHello (RFC 8446, section 4.2.1).
                SUPPORTED_VERSIONS => {
                    let list = if value.len() == 2 { value } else { value.get(1..).unwrap_or_default() };
                    all.is_dtls13 = list.chunks_exact(2).any(|version| version == V1_3.to_be_bytes());
                }
                CONNECTION_ID => all.connection_id = true,
                APP_ID => all.app_id = Reader(value).vector(1).map(<[u8]>::to_vec),
                _ => {}
            }
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::words::Word;

    fn bytes(hex: &str) -> Vec<u8> {
        hex::decode(hex).unwrap()
    }

    /// From OpenConnect with OpenSSL, `PSK-NEGOTIATE`.
    const PSK: &str = "fefd2b3d855de91d5396e20fb7a53109b2561329df1ca28a8800b09bfe2aa8e13d6020b9a47e30e16a2d742e70f52ac12d1168f13a862d\
                       8d4754a087d682bfa6c1949400000e00a9ccabc0a5008d00a8c0a4008c01000039000d002200200401080908040403080705010\
                       80a0805050308080601080b08060603020102030016000000230000ff01000100001c00024000";

    /// From OpenConnect with OpenSSL, Cisco's DTLS 0.9.
    const LEGACY: &str = "010095cc6832e35c7dfc10dea3073978a94c5ae6afd1cda72b6422618ac75b780de020456f47b451b016fe15c372def9e79f95e76ae7\
                          a6a2e8c823e6cd6dafe2319ac400000200350100000f00230000ff01000100001c00024000";

    #[test]
    fn the_app_id_of_a_psk() {
        let hello = ClientHello::parse(&bytes(PSK)).unwrap();
        assert!(hello.extensions.encrypt_then_mac);
        let id = bytes("b9a47e30e16a2d742e70f52ac12d1168f13a862d8d4754a087d682bfa6c19494");
        assert_eq!(hello.words(), Words::new("DTLS ClientHello 1.2").text(" app-id=").random("app-id", &id));
    }

    #[test]
    fn the_session_id_of_a_resumption() {
        let hello = ClientHello::parse(&bytes(LEGACY)).unwrap();
        let Words(words) = hello.words();
        assert_eq!(words[0], Word::Text("DTLS ClientHello 0.9".into()));
        assert!(matches!(&words[2], Word::Random { kind: "session-id", value } if value.starts_with(&[0x45, 0x6f])));
        assert_eq!(words.len(), 3);

        let server = bytes(
            "010000efc2846a19c6055a7abd2978d82a9d7715b5a6fd5d53b3181daa0b60815a3820456f47b451b016fe15c372def9e79f95e76ae7a6a2e8c8\
             23e6cd6dafe2319ac4003500",
        );
        let server = ServerHello::parse(&server).unwrap();
        assert!(server.resumes(&hello));
        let Words(words) = server.words(Some(&hello));
        assert_eq!(words[0], Word::Text("DTLS ServerHello 0.9 TLS_RSA_WITH_AES_256_CBC_SHA".into()));
        assert_eq!(words.last(), Some(&Word::Text(" resumed".into())));

        let other = ClientHello { session_id: vec![1], ..hello };
        assert!(!server.resumes(&other));
    }

    #[test]
    fn a_name_a_cookie_and_dtls_1_3() {
        let mut hello = bytes("fefd");
        hello.extend([7; 32]);
        // No session id, a cookie, TLS_AES_128_GCM_SHA256, no compression.
        hello.extend(bytes("000401020304000213010100"));
        // server_name vpn.example, connection_id, supported_versions with 1.3 and 1.2, the id of an application.
        hello.extend(bytes("002f"));
        hello.extend(bytes("00000010000e00000b76706e2e6578616d706c65"));
        hello.extend(bytes("0036000100"));
        hello.extend(bytes("002b000504fefcfefd"));
        hello.extend(bytes("bb92000504aabbccdd"));
        hello.extend(bytes("0016000000"));
        let hello = ClientHello::parse(&hello).unwrap();
        assert_eq!(
            hello.words(),
            Words::new("DTLS ClientHello 1.3")
                .text(" app-id=")
                .random("app-id", &[0xaa, 0xbb, 0xcc, 0xdd])
                .text(" sni=vpn.example")
                .text(" connection-id")
                .text(" cookie")
        );
    }

    #[test]
    fn who_the_psk_is_for() {
        let body = bytes("000370736b");
        assert_eq!(client_key_exchange(&body, Some(0x00a9)), Words::new("DTLS ClientKeyExchange").text(" psk=psk"));
        assert_eq!(client_key_exchange(&body, Some(0x009d)), "DTLS ClientKeyExchange".into());
        assert_eq!(client_key_exchange(&body, None), "DTLS ClientKeyExchange".into());
        let odd = bytes("00020a0a");
        assert!(matches!(
            client_key_exchange(&odd, Some(0x00a9)).0.last(),
            Some(Word::Random { kind: "psk-identity", .. })
        ));
    }

    proptest! {
        #[test]
        fn any_bytes(
            body in prop::collection::vec(any::<u8>(), 0..200),
            cut in 0usize..200,
            at in 0usize..200,
            to: u8,
        ) {
            ClientHello::parse(&body);
            ServerHello::parse(&body);
            let mut hello = bytes(PSK);
            hello.truncate(hello.len().saturating_sub(cut));
            if let Some(byte) = hello.get_mut(at) {
                *byte = to;
            }
            if let Some(hello) = ClientHello::parse(&hello) {
                hello.words();
            }
        }
    }
}
