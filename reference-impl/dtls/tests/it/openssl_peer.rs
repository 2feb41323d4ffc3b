//! The same handshakes with OpenSSL on the other side.
//!
//! OpenSSL speaks DTLS 0.9 as a client only, so that our legacy client meets no second opinion here.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use openssl::ssl::{
    Ssl, SslContext, SslContextBuilder, SslMethod, SslMode, SslOptions, SslSession, SslSessionCacheMode, SslStream,
};
use reference_dtls::{
    ClientConfig, Connection, DtlsError, HelloVerifier, Secret, ServerConfig, State, Suite, Verdict, Version,
};

use crate::net::{PEER, client_config, server_config};

const NO_EXTENDED_MASTER_SECRET: u64 = 1;
const LEGACY_SERVER_CONNECT: u64 = 1 << 2;
const NO_QUERY_MTU: u64 = 1 << 12;
const COOKIE_EXCHANGE: u64 = 1 << 13;
const NO_TICKET: u64 = 1 << 14;
const NO_ENCRYPT_THEN_MAC: u64 = 1 << 19;

/// What OpenConnect sets for a resumption.
const RESUMPTION: u64 = NO_EXTENDED_MASTER_SECRET | LEGACY_SERVER_CONNECT | NO_ENCRYPT_THEN_MAC;

/// One end of a pipe that keeps datagrams apart.
#[derive(Default, Clone)]
struct Pipe {
    incoming: Rc<RefCell<VecDeque<Vec<u8>>>>,
    outgoing: Rc<RefCell<VecDeque<Vec<u8>>>>,
}

impl Read for Pipe {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let Some(datagram) = self.incoming.borrow_mut().pop_front() else {
            return Err(io::ErrorKind::WouldBlock.into());
        };
        let length = datagram.len().min(out.len());
        out[..length].copy_from_slice(&datagram[..length]);
        Ok(length)
    }
}

impl Write for Pipe {
    fn write(&mut self, datagram: &[u8]) -> io::Result<usize> {
        self.outgoing.borrow_mut().push_back(datagram.to_vec());
        Ok(datagram.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// OpenSSL at one end, ours at the other.
struct Pair {
    now: Instant,
    ours: Connection,
    peer: SslStream<Pipe>,
    pipe: Pipe,
    peer_is_client: bool,
    verifier: Option<HelloVerifier>,
    delivered: Vec<Vec<u8>>,
    keys: Arc<Mutex<Vec<String>>>,
    error: Option<String>,
}

fn openssl_name(suite: Suite) -> &'static str {
    match suite {
        Suite::PskAes128GcmSha256 => "PSK-AES128-GCM-SHA256",
        Suite::PskAes256GcmSha384 => "PSK-AES256-GCM-SHA384",
        Suite::PskChacha20Poly1305Sha256 => "PSK-CHACHA20-POLY1305",
        Suite::RsaAes128CbcSha => "AES128-SHA",
        Suite::DheRsaAes128CbcSha => "DHE-RSA-AES128-SHA",
        Suite::RsaAes256CbcSha => "AES256-SHA",
        Suite::DheRsaAes256CbcSha => "DHE-RSA-AES256-SHA",
        Suite::RsaAes128GcmSha256 => "AES128-GCM-SHA256",
        Suite::RsaAes256GcmSha384 => "AES256-GCM-SHA384",
        Suite::EcdheRsaAes128GcmSha256 => "ECDHE-RSA-AES128-GCM-SHA256",
        Suite::EcdheRsaAes256GcmSha384 => "ECDHE-RSA-AES256-GCM-SHA384",
    }
}

fn context(version: u16, ciphers: &str, options: u64) -> (SslContextBuilder, Arc<Mutex<Vec<String>>>) {
    let mut builder = SslContextBuilder::new(SslMethod::dtls()).unwrap();
    for command in [123, 124] {
        // SAFETY: the pointer is that of a live context, SSL_CTRL_SET_MIN_PROTO_VERSION and _MAX_ take a number and
        // keep no pointer. The safe methods know no version 0x0100.
        let done =
            unsafe { openssl_sys::SSL_CTX_ctrl(builder.as_ptr(), command, i64::from(version), std::ptr::null_mut()) };
        assert_eq!(done, 1, "version {version:#06x}");
    }
    builder.set_security_level(0);
    builder.set_cipher_list(ciphers).unwrap();
    builder.set_options(SslOptions::from_bits_retain(options | NO_QUERY_MTU));
    builder.set_mode(SslMode::AUTO_RETRY);
    let keys = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&keys);
    builder.set_keylog_callback(move |_, line| log.lock().unwrap().push(line.to_owned()));
    (builder, keys)
}

/// Encodes a session that was never negotiated.
fn session(version: u16, suite: Suite, id: &[u8], master: &[u8]) -> SslSession {
    let mut fields = vec![2, 1, 1, 2];
    match version.to_be_bytes() {
        [high @ 0x80..=0xff, low] => fields.extend_from_slice(&[3, 0, high, low]),
        [high, low] => fields.extend_from_slice(&[2, high, low]),
    }
    fields.extend_from_slice(&[4, 2]);
    fields.extend_from_slice(&suite.code().to_be_bytes());
    for octets in [id, master] {
        fields.extend_from_slice(&[4, octets.len() as u8]);
        fields.extend_from_slice(octets);
    }
    let der = [&[0x30, fields.len() as u8][..], &fields].concat();
    SslSession::from_der(&der).unwrap()
}

fn with_keys(builder: &mut SslContextBuilder, key: &[u8]) {
    let (client_key, server_key) = (key.to_vec(), key.to_vec());
    builder.set_psk_client_callback(move |_, _, identity, out| {
        identity[..4].copy_from_slice(b"psk\0");
        out[..client_key.len()].copy_from_slice(&client_key);
        Ok(client_key.len())
    });
    builder.set_psk_server_callback(move |_, _, out| {
        out[..server_key.len()].copy_from_slice(&server_key);
        Ok(server_key.len())
    });
}

impl Pair {
    fn new(context: SslContext, keys: Arc<Mutex<Vec<String>>>, ours: Connection, offer: Option<SslSession>) -> Self {
        let pipe = Pipe::default();
        let peer_is_client = offer.is_some();
        let mut ssl = Ssl::new(&context).unwrap();
        ssl.set_mtu(1400).unwrap();
        if let Some(session) = &offer {
            // SAFETY: the session was made from its encoding and belongs to no other context.
            unsafe { ssl.set_session(session) }.unwrap();
        }
        let mut peer = SslStream::new(ssl, pipe.clone()).unwrap();
        let _ = if peer_is_client { peer.connect() } else { peer.accept() };
        let now = Instant::now();
        Self { now, ours, peer, pipe, peer_is_client, verifier: None, delivered: Vec::new(), keys, error: None }
    }

    /// Our server and OpenSSL as the client that offers the session of `session_id`.
    fn with_client(config: ServerConfig, version: u16, ciphers: &str, options: u64, fake: Suite) -> Self {
        let (mut builder, keys) = context(version, ciphers, options);
        let session = match &config.secret {
            Secret::Psk { key, .. } => {
                with_keys(&mut builder, key);
                session(version, fake, &config.session_id, &[1; 48])
            }
            Secret::Master(master) => session(version, fake, &config.session_id, master),
        };
        let ours = Connection::server(config, [0x51; 32], Instant::now());
        Self::new(builder.build(), keys, ours, Some(session))
    }

    /// Our client and OpenSSL as the server that knows the session of `session_id`.
    fn with_server(config: ClientConfig, ciphers: &str, options: u64, known: bool) -> Self {
        let (mut builder, keys) = context(0xfefd, ciphers, options);
        builder.set_session_cache_mode(SslSessionCacheMode::SERVER);
        match &config.secret {
            Secret::Psk { key, .. } => with_keys(&mut builder, key),
            Secret::Master(master) => {
                let (suite, id, master) = (config.suites[0], config.session_id.clone(), *master);
                // SAFETY: each session is made for this callback and belongs to no other context.
                unsafe {
                    builder.set_get_session_callback(move |_, wanted| {
                        (known && wanted == id).then(|| session(0xfefd, suite, &id, &master))
                    });
                }
            }
        }
        builder.set_cookie_generate_cb(|_, out| {
            out[..20].copy_from_slice(&[0xc0; 20]);
            Ok(20)
        });
        builder.set_cookie_verify_cb(|_, cookie| cookie == [0xc0; 20]);
        let ours = Connection::client(config, [0xc1; 32], Instant::now());
        Self::new(builder.build(), keys, ours, None)
    }

    /// Carries datagrams until nobody has anything to say.
    fn run(&mut self) {
        for _ in 0..50 {
            let mut quiet = true;
            while let Some(datagram) = self.ours.poll_transmit() {
                self.pipe.incoming.borrow_mut().push_back(datagram);
                quiet = false;
            }
            while !self.pipe.incoming.borrow().is_empty() && !self.peer.ssl().is_init_finished() {
                let result = if self.peer_is_client { self.peer.connect() } else { self.peer.accept() };
                if let Err(error) = result
                    && error.code() != openssl::ssl::ErrorCode::WANT_READ
                {
                    self.error = Some(error.to_string());
                    self.pipe.incoming.borrow_mut().clear();
                }
            }
            let outgoing: Vec<_> = self.pipe.outgoing.borrow_mut().drain(..).collect();
            for mut datagram in outgoing {
                quiet = false;
                if let Some(verifier) = &self.verifier {
                    match verifier.respond(&datagram, PEER) {
                        Verdict::Verified => self.verifier = None,
                        Verdict::Reply(reply) => {
                            self.pipe.incoming.borrow_mut().push_back(reply);
                            // Not drained above: it is for the peer at once.
                            let _ = self.peer.connect();
                            continue;
                        }
                        Verdict::Drop => continue,
                    }
                }
                let delivered = &mut self.delivered;
                let _ = self.ours.receive(&mut datagram, self.now, &mut |data| delivered.push(data.to_vec()));
            }
            if quiet && self.pipe.outgoing.borrow().is_empty() {
                return;
            }
        }
        panic!("the two sides never come to rest");
    }

    /// Makes the handshake and sends data both ways.
    fn works(mut self, what: &str) {
        self.run();
        assert_eq!(self.ours.state(), State::Established, "{what} {:?}", self.error);
        assert!(self.peer.ssl().is_init_finished(), "{what}");
        assert_eq!(self.peer.ssl().session_reused(), self.ours.resumed(), "{what}");
        for length in [1usize, 15, 16, 27, 28, 1300] {
            let mut out = Vec::new();
            self.ours.seal(&[&[0], &vec![7; length]], &mut out).unwrap();
            self.pipe.incoming.borrow_mut().push_back(out);
            let mut data = vec![0; 2000];
            let got = self.peer.ssl_read(&mut data).unwrap_or_else(|error| panic!("{what}: {error}"));
            assert_eq!(data[..got], [&[0][..], &vec![7; length]].concat(), "{what}");

            self.peer.ssl_write(&vec![9; length]).unwrap();
            self.run();
            assert_eq!(self.delivered.pop().unwrap(), vec![9; length], "{what}");
        }
        let line = self.ours.key_log_line().unwrap();
        let keys = self.keys.lock().unwrap().clone();
        assert!(keys.contains(&line), "{what}: {line} is not among {keys:?}");

        self.ours.close();
        let farewell = self.ours.poll_transmit().unwrap();
        self.pipe.incoming.borrow_mut().push_back(farewell);
        let end = self.peer.ssl_read(&mut [0; 10]).unwrap_err();
        assert_eq!(end.code(), openssl::ssl::ErrorCode::ZERO_RETURN, "{what}");
    }
}

fn suites(psk: bool) -> impl Iterator<Item = Suite> {
    Suite::ALL.iter().copied().filter(move |suite| suite.is_psk() == psk)
}

#[test]
fn psk_our_client_with_an_openssl_server() {
    for suite in suites(true) {
        for (extra, what) in [(0, "plain"), (COOKIE_EXCHANGE, "cookie"), (NO_TICKET, "no tickets")] {
            let config = client_config(Version::Dtls12, suite);
            Pair::with_server(config, "PSK", extra, false).works(&format!("{suite:?} {what}"));
        }
    }
}

#[test]
fn psk_our_server_with_an_openssl_client() {
    for suite in suites(true) {
        for hello_verify in [false, true] {
            let config = server_config(Version::Dtls12, suite);
            // OpenConnect pretends to have a session, to get the App-ID into the ClientHello (AC-DTLS-06).
            let mut pair = Pair::with_client(config, 0xfefd, "PSK:AES128-SHA", 0, Suite::RsaAes128CbcSha);
            pair.verifier = hello_verify.then(|| HelloVerifier::new([3; 32]));
            pair.works(&format!("{suite:?} {hello_verify}"));
        }
    }
}

#[test]
fn resumption_our_client_with_an_openssl_server() {
    for suite in suites(false) {
        for (extra, what) in [(0, "all extensions"), (RESUMPTION, "as OpenConnect"), (COOKIE_EXCHANGE, "cookie")] {
            let config = client_config(Version::Dtls12, suite);
            Pair::with_server(config, openssl_name(suite), extra, true).works(&format!("{suite:?} {what}"));
        }
    }
}

#[test]
fn resumption_our_server_with_an_openssl_client() {
    for suite in suites(false) {
        // AC-DTLS-34: encrypt-then-MAC, extended master secret and renegotiation as OpenConnect sets them, and not.
        for options in [RESUMPTION, NO_TICKET, 0] {
            for hello_verify in [false, true] {
                let config = server_config(Version::Dtls12, suite);
                let mut pair = Pair::with_client(config, 0xfefd, openssl_name(suite), options, suite);
                pair.verifier = hello_verify.then(|| HelloVerifier::new([3; 32]));
                pair.works(&format!("{suite:?} {options:#x} {hello_verify}"));
            }
        }
    }
}

#[test]
fn legacy_our_server_with_an_openssl_client() {
    for suite in [Suite::RsaAes128CbcSha, Suite::RsaAes256CbcSha, Suite::DheRsaAes128CbcSha, Suite::DheRsaAes256CbcSha]
    {
        for hello_verify in [false, true] {
            let config = server_config(Version::Dtls09, suite);
            let mut pair = Pair::with_client(config, 0x0100, openssl_name(suite), RESUMPTION, suite);
            pair.verifier = hello_verify.then(|| HelloVerifier::new([3; 32]));
            pair.works(&format!("{suite:?} {hello_verify}"));
        }
    }
}

/// AC-DTLS-09.
#[test]
fn a_server_that_makes_a_full_handshake_looks_like_a_man_in_the_middle() {
    let suite = Suite::RsaAes128GcmSha256;
    let (mut builder, keys) = context(0xfefd, openssl_name(suite), 0);
    let (key, certificate) = self_signed();
    builder.set_private_key(&key).unwrap();
    builder.set_certificate(&certificate).unwrap();
    let ours = Connection::client(client_config(Version::Dtls12, suite), [0xc1; 32], Instant::now());
    let mut pair = Pair::new(builder.build(), keys, ours, None);
    pair.run();
    let State::Failed(error @ DtlsError::NotResumed(_)) = pair.ours.state() else { panic!("{:?}", pair.ours.state()) };
    assert!(error.to_string().contains("possible man in the middle"), "{error}");
    assert!(pair.error.unwrap().contains("alert"), "the server is told");
}

fn self_signed() -> (openssl::pkey::PKey<openssl::pkey::Private>, openssl::x509::X509) {
    let key = openssl::pkey::PKey::from_rsa(openssl::rsa::Rsa::generate(2048).unwrap()).unwrap();
    let mut name = openssl::x509::X509Name::builder().unwrap();
    name.append_entry_by_text("CN", "evil.example").unwrap();
    let name = name.build();
    let mut builder = openssl::x509::X509::builder().unwrap();
    builder.set_subject_name(&name).unwrap();
    builder.set_issuer_name(&name).unwrap();
    builder.set_pubkey(&key).unwrap();
    builder.set_not_before(&openssl::asn1::Asn1Time::days_from_now(0).unwrap()).unwrap();
    builder.set_not_after(&openssl::asn1::Asn1Time::days_from_now(1).unwrap()).unwrap();
    builder.sign(&key, openssl::hash::MessageDigest::sha256()).unwrap();
    (key, builder.build())
}

#[test]
fn a_lost_last_flight_is_sent_again_for_openssl() {
    let mut pair = Pair::with_client(
        server_config(Version::Dtls12, Suite::PskAes256GcmSha384),
        0xfefd,
        "PSK:AES128-SHA",
        0,
        Suite::RsaAes128CbcSha,
    );
    // Hello, answer, key exchange; then our last flight gets lost.
    for _ in 0..2 {
        let outgoing: Vec<_> = pair.pipe.outgoing.borrow_mut().drain(..).collect();
        for mut datagram in outgoing {
            pair.ours.receive(&mut datagram, pair.now, &mut |_| ()).unwrap();
        }
        if !pair.ours.is_established() {
            while let Some(datagram) = pair.ours.poll_transmit() {
                pair.pipe.incoming.borrow_mut().push_back(datagram);
            }
            let _ = pair.peer.connect();
        }
    }
    assert!(pair.ours.is_established());
    assert!(pair.ours.poll_transmit().is_some());
    assert!(!pair.peer.ssl().is_init_finished());
    // OpenSSL repeats itself after a second of real time; DTLSv1_handle_timeout is SSL_ctrl 74.
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        assert!(Instant::now() < deadline, "OpenSSL never repeats its flight");
        // SAFETY: the pointer is that of a live connection, and the call takes no argument.
        if unsafe { openssl_sys::SSL_ctrl(openssl_pointer(&pair.peer), 74, 0, std::ptr::null_mut()) } == 1 {
            break;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    pair.works("after the loss");
}

fn openssl_pointer(stream: &SslStream<Pipe>) -> *mut openssl_sys::SSL {
    use foreign_types::ForeignTypeRef as _;
    stream.ssl().as_ptr()
}
