//! Every suite that OpenSSL has, each with a connection between two of its ends.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::rc::Rc;
use std::sync::{Arc, Mutex};

use openssl::asn1::Asn1Time;
use openssl::dh::Dh;
use openssl::ec::{EcGroup, EcKey};
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private};
use openssl::rsa::Rsa;
use openssl::ssl::{
    HandshakeError, MidHandshakeSslStream, Ssl, SslContext, SslContextBuilder, SslMethod, SslOptions, SslStream,
    SslVerifyMode, SslVersion,
};
use openssl::x509::{X509, X509NameBuilder};

use super::*;
use crate::tls::suite::Suite;

/// SSL_OP_NO_ENCRYPT_THEN_MAC.
const NO_ENCRYPT_THEN_MAC: u64 = 1 << 19;

/// One end of a pipe that keeps what went through.
#[derive(Debug)]
struct End {
    way: Way,
    pipe: Rc<RefCell<Pipe>>,
}

#[derive(Debug, Default)]
struct Pipe {
    waiting: [VecDeque<u8>; 2],
    log: Vec<(Way, Vec<u8>)>,
}

impl Read for End {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let waiting = &mut self.pipe.borrow_mut().waiting[self.way.other().index()];
        if waiting.is_empty() {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        waiting.read(buffer)
    }
}

impl Write for End {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut pipe = self.pipe.borrow_mut();
        pipe.waiting[self.way.index()].extend(bytes);
        pipe.log.push((self.way, bytes.to_vec()));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn certificate(name: &str, key: &PKey<Private>) -> X509 {
    let mut subject = X509NameBuilder::new().unwrap();
    subject.append_entry_by_text("CN", name).unwrap();
    let subject = subject.build();
    let mut builder = X509::builder().unwrap();
    builder.set_version(2).unwrap();
    builder.set_subject_name(&subject).unwrap();
    builder.set_issuer_name(&subject).unwrap();
    builder.set_pubkey(key).unwrap();
    builder.set_not_before(&Asn1Time::days_from_now(0).unwrap()).unwrap();
    builder.set_not_after(&Asn1Time::days_from_now(1).unwrap()).unwrap();
    builder.sign(key, MessageDigest::sha256()).unwrap();
    builder.build()
}

struct Server {
    rsa: PKey<Private>,
    ec: PKey<Private>,
}

impl Server {
    fn new() -> Self {
        let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).unwrap();
        Self {
            rsa: PKey::from_rsa(Rsa::generate(2048).unwrap()).unwrap(),
            ec: PKey::from_ec_key(EcKey::generate(&group).unwrap()).unwrap(),
        }
    }

    /// A connection that says something in both directions and is closed by both.
    fn connection(&self, version: SslVersion, suite: &str, options: SslOptions) -> Conversation {
        self.connection_with(version, suite, |client, server| {
            client.set_options(options);
            server.set_options(options);
        })
    }

    fn connection_with(
        &self,
        version: SslVersion,
        suite: &str,
        more: impl FnOnce(&mut SslContextBuilder, &mut SslContextBuilder),
    ) -> Conversation {
        let key_log = Arc::new(Mutex::new(String::new()));
        let common = |builder: &mut SslContextBuilder| {
            builder.set_min_proto_version(Some(version)).unwrap();
            builder.set_max_proto_version(Some(version)).unwrap();
            if version == SslVersion::TLS1_3 {
                builder.set_ciphersuites(suite).unwrap();
            } else {
                builder.set_cipher_list(&format!("{suite}:@SECLEVEL=0")).unwrap();
            }
        };
        let mut client = SslContext::builder(SslMethod::tls()).unwrap();
        common(&mut client);
        client.set_verify(SslVerifyMode::NONE);
        let log = Arc::clone(&key_log);
        client.set_keylog_callback(move |_, line| *log.lock().unwrap() += &format!("{line}\n"));
        if suite.contains("PSK") {
            client.set_psk_client_callback(|_, _, identity, key| {
                identity[..4].copy_from_slice(b"psk\0");
                key[..16].copy_from_slice(&[7; 16]);
                Ok(16)
            });
        }
        let mut server = SslContext::builder(SslMethod::tls()).unwrap();
        common(&mut server);
        server.set_tmp_dh(&Dh::get_2048_256().unwrap()).unwrap();
        for (name, key) in [("RSA", &self.rsa), ("ECDSA", &self.ec)] {
            server.set_certificate(&certificate(name, key)).unwrap();
            server.set_private_key(key).unwrap();
        }
        if suite.contains("PSK") {
            server.set_psk_server_callback(|_, _, key| {
                key[..16].copy_from_slice(&[7; 16]);
                Ok(16)
            });
        }
        more(&mut client, &mut server);
        let pipe = Rc::new(RefCell::new(Pipe::default()));
        let end = |way| End { way, pipe: Rc::clone(&pipe) };
        let mut ssl = Ssl::new(&client.build()).unwrap();
        ssl.set_hostname("vpn.example.test").unwrap();
        let (mut client, mut server) =
            handshake(ssl.connect(end(Way::Forth)), Ssl::new(&server.build()).unwrap().accept(end(Way::Back)));
        let mut buffer = [0; 100];
        for round in 0..3 {
            client.write_all(&[b'a'; 50][..20 + round]).unwrap();
            assert_eq!(server.read(&mut buffer).unwrap(), 20 + round);
            server.write_all(&[b'b'; 50][..30 + round]).unwrap();
            assert_eq!(client.read(&mut buffer).unwrap(), 30 + round);
        }
        client.shutdown().unwrap();
        server.shutdown().unwrap();
        let pieces = std::mem::take(&mut pipe.borrow_mut().log);
        let key_log = key_log.lock().unwrap().clone();
        Conversation { pieces, key_log }
    }
}

type Begun = Result<SslStream<End>, HandshakeError<End>>;

/// Takes turns until both are there.
fn handshake(mut client: Begun, mut server: Begun) -> (SslStream<End>, SslStream<End>) {
    for _ in 0..20 {
        (client, server) = match (client, server) {
            (Ok(client), Ok(server)) => return (client, server),
            (client, server) => (go_on(client), go_on(server)),
        };
    }
    panic!("the handshake does not end");
}

fn go_on(begun: Begun) -> Begun {
    match begun {
        Err(HandshakeError::WouldBlock(begun)) => MidHandshakeSslStream::handshake(begun),
        Err(error) => panic!("{error}"),
        there => there,
    }
}

fn check(server: &Server, version: SslVersion, suite: &str, name: &str, options: SslOptions) {
    let conversation = server.connection(version, suite, options);
    let found = conversation.with_keys();
    let outer = lines(&found, View::OuterFlow);
    assert_eq!(outer, lines(&conversation.without_keys(), View::OuterFlow), "{name}");
    let number = match version {
        SslVersion::TLS1 => "1.0",
        SslVersion::TLS1_1 => "1.1",
        SslVersion::TLS1_2 => "1.2",
        _ => "1.3",
    };
    assert!(outer.contains(&format!("> TLS ClientHello {number} sni=vpn.example.test")), "{name}: {outer:#?}");
    assert!(outer.contains(&format!("< TLS ServerHello {number} {name}")), "{name}: {outer:#?}");
    let opened = lines(&found, View::ConnectHeaders);
    for line in
        ["> TLS Finished", "< TLS Finished", "> TLS alert warning close_notify", "< TLS alert warning close_notify"]
    {
        assert_eq!(opened.iter().filter(|one| *one == line).count(), 1, "{name} {options:?}: {opened:#?}");
    }
}

#[test]
fn suites_of_tls_1_2() {
    let server = Server::new();
    for suite in TLS12 {
        let name = Suite::of(suite.1).unwrap().name;
        check(&server, SslVersion::TLS1_2, suite.0, name, SslOptions::empty());
        if name.contains("_CBC_") {
            let options = SslOptions::from_bits_retain(NO_ENCRYPT_THEN_MAC);
            check(&server, SslVersion::TLS1_2, suite.0, name, options);
        }
    }
}

#[test]
fn suites_before_tls_1_2() {
    let server = Server::new();
    for version in [SslVersion::TLS1, SslVersion::TLS1_1] {
        for suite in TLS12.iter().filter(|(name, _)| name.ends_with("-SHA")) {
            let name = Suite::of(suite.1).unwrap().name;
            check(&server, version, suite.0, name, SslOptions::empty());
            check(&server, version, suite.0, name, SslOptions::from_bits_retain(NO_ENCRYPT_THEN_MAC));
        }
    }
}

#[test]
fn suites_of_tls_1_3() {
    let server = Server::new();
    for suite in [0x1301, 0x1302, 0x1303, 0x1304, 0x1305] {
        let name = Suite::of(suite).unwrap().name;
        check(&server, SslVersion::TLS1_3, name, name, SslOptions::empty());
    }
}

/// ALPN, a client that is asked for a certificate, and in TLS 1.3 a group that the client has to be asked for.
#[test]
fn everything_that_is_negotiated() {
    let server = Server::new();
    for (version, suite) in
        [(SslVersion::TLS1_2, "ECDHE-ECDSA-AES128-GCM-SHA256"), (SslVersion::TLS1_3, "TLS_CHACHA20_POLY1305_SHA256")]
    {
        let key = server.rsa.clone();
        let conversation = server.connection_with(version, suite, |client, server| {
            client.set_alpn_protos(b"\x02h2\x08http/1.1").unwrap();
            server.set_alpn_select_callback(|_, _| Ok(b"http/1.1"));
            client.set_certificate(&certificate("alice", &key)).unwrap();
            client.set_private_key(&key).unwrap();
            server.set_verify_callback(SslVerifyMode::PEER, |_, _| true);
            client.set_groups_list("P-256:P-384").unwrap();
            server.set_groups_list("P-384").unwrap();
        });
        let found = conversation.with_keys();
        let (outer, opened) = (lines(&found, View::OuterFlow), lines(&found, View::ConnectHeaders));
        if version == SslVersion::TLS1_2 {
            let expected = [
                "> TLS ClientHello 1.2 sni=vpn.example.test alpn=h2,http/1.1",
                "< TLS ServerHello 1.2 TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256 alpn=http/1.1",
                "< TLS Certificate ECDSA",
                "< TLS ServerKeyExchange",
                "< TLS CertificateRequest",
                "< TLS ServerHelloDone",
                "> TLS Certificate alice",
                "> TLS ClientKeyExchange",
                "> TLS CertificateVerify",
                "> TLS ChangeCipherSpec",
                "> TLS encrypted handshake message",
            ];
            assert_eq!(outer[..11], expected, "{outer:#?}");
        } else {
            let expected = [
                "> TLS ClientHello 1.3 sni=vpn.example.test alpn=h2,http/1.1",
                "< TLS HelloRetryRequest 1.3 TLS_CHACHA20_POLY1305_SHA256",
                "< TLS ChangeCipherSpec",
                "> TLS ChangeCipherSpec",
                "> TLS ClientHello 1.3 sni=vpn.example.test alpn=h2,http/1.1",
                "< TLS ServerHello 1.3 TLS_CHACHA20_POLY1305_SHA256",
            ];
            assert_eq!(outer[..6], expected, "{outer:#?}");
            let expected = [
                "< TLS EncryptedExtensions alpn=http/1.1",
                "< TLS CertificateRequest",
                "< TLS Certificate ECDSA",
                "< TLS CertificateVerify",
                "< TLS Finished",
                "> TLS Certificate alice",
                "> TLS CertificateVerify",
                "> TLS Finished",
                "< TLS NewSessionTicket",
            ];
            assert_eq!(opened[..9], expected, "{opened:#?}");
        }
        assert_eq!(
            opened[opened.len() - 2..],
            ["> TLS alert warning close_notify", "< TLS alert warning close_notify"]
        );
    }
}

/// Names that OpenSSL has for suites, and their numbers.
const TLS12: &[(&str, u16)] = &[
    ("AES128-SHA", 0x002F),
    ("DHE-RSA-AES128-SHA", 0x0033),
    ("AES256-SHA", 0x0035),
    ("DHE-RSA-AES256-SHA", 0x0039),
    ("AES128-SHA256", 0x003C),
    ("AES256-SHA256", 0x003D),
    ("DHE-RSA-AES128-SHA256", 0x0067),
    ("DHE-RSA-AES256-SHA256", 0x006B),
    ("PSK-AES128-CBC-SHA", 0x008C),
    ("PSK-AES256-CBC-SHA", 0x008D),
    ("AES128-GCM-SHA256", 0x009C),
    ("AES256-GCM-SHA384", 0x009D),
    ("DHE-RSA-AES128-GCM-SHA256", 0x009E),
    ("DHE-RSA-AES256-GCM-SHA384", 0x009F),
    ("PSK-AES128-GCM-SHA256", 0x00A8),
    ("PSK-AES256-GCM-SHA384", 0x00A9),
    ("DHE-PSK-AES128-GCM-SHA256", 0x00AA),
    ("DHE-PSK-AES256-GCM-SHA384", 0x00AB),
    ("PSK-AES128-CBC-SHA256", 0x00AE),
    ("PSK-AES256-CBC-SHA384", 0x00AF),
    ("ECDHE-ECDSA-AES128-SHA", 0xC009),
    ("ECDHE-ECDSA-AES256-SHA", 0xC00A),
    ("ECDHE-RSA-AES128-SHA", 0xC013),
    ("ECDHE-RSA-AES256-SHA", 0xC014),
    ("ECDHE-ECDSA-AES128-SHA256", 0xC023),
    ("ECDHE-ECDSA-AES256-SHA384", 0xC024),
    ("ECDHE-RSA-AES128-SHA256", 0xC027),
    ("ECDHE-RSA-AES256-SHA384", 0xC028),
    ("ECDHE-ECDSA-AES128-GCM-SHA256", 0xC02B),
    ("ECDHE-ECDSA-AES256-GCM-SHA384", 0xC02C),
    ("ECDHE-RSA-AES128-GCM-SHA256", 0xC02F),
    ("ECDHE-RSA-AES256-GCM-SHA384", 0xC030),
    ("ECDHE-PSK-AES128-CBC-SHA", 0xC035),
    ("ECDHE-PSK-AES256-CBC-SHA", 0xC036),
    ("ECDHE-PSK-AES128-CBC-SHA256", 0xC037),
    ("ECDHE-PSK-AES256-CBC-SHA384", 0xC038),
    ("AES128-CCM", 0xC09C),
    ("AES256-CCM", 0xC09D),
    ("DHE-RSA-AES128-CCM", 0xC09E),
    ("DHE-RSA-AES256-CCM", 0xC09F),
    ("PSK-AES128-CCM", 0xC0A4),
    ("PSK-AES256-CCM", 0xC0A5),
    ("PSK-AES128-CCM8", 0xC0A8),
    ("PSK-AES256-CCM8", 0xC0A9),
    ("ECDHE-ECDSA-AES128-CCM", 0xC0AC),
    ("ECDHE-ECDSA-AES256-CCM", 0xC0AD),
    ("ECDHE-RSA-CHACHA20-POLY1305", 0xCCA8),
    ("ECDHE-ECDSA-CHACHA20-POLY1305", 0xCCA9),
    ("DHE-RSA-CHACHA20-POLY1305", 0xCCAA),
    ("PSK-CHACHA20-POLY1305", 0xCCAB),
    ("ECDHE-PSK-CHACHA20-POLY1305", 0xCCAC),
    ("DHE-PSK-CHACHA20-POLY1305", 0xCCAD),
];
