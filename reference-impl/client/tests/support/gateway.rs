//! The scripted gateway: HTTP by script, then CSTP that answers probes and keeps what it got.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use openssl::ssl::{SslAcceptor, SslAcceptorBuilder, SslMethod, SslOptions, SslStream, SslVersion};

use super::pki::Issued;

/// A request as it came.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    /// Counts the TLS connections from 0.
    pub(crate) connection: usize,
    /// The key that this TLS session exports for DTLS.
    pub(crate) psk: [u8; 32],
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Request {
    pub(crate) fn is(&self, start: &str) -> bool {
        self.head.starts_with(start)
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().filter_map(|line| line.split_once(':'));
        lines.into_iter().find(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
    }
}

/// What the gateway does about a request.
pub(crate) enum Reply {
    /// Sends this and waits for the next request.
    Http(String),
    /// Sends this head and speaks CSTP.
    Tunnel(String, Tunnel),
    /// Closes.
    Close,
}

/// What the gateway does with a tunnel that is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tunnel {
    /// Keeps it.
    Keep,
    /// Closes the connection without a word.
    Drop,
    /// Sends DISCONNECT with this reason.
    Disconnect(u8),
    /// Sends DISCONNECT without a word.
    Goodbye,
    /// Sends TERMINATE.
    Terminate,
}

/// What the gateway saw.
#[derive(Default)]
pub(crate) struct Seen {
    pub(crate) requests: Vec<Request>,
    /// Type and payload of CSTP frames.
    pub(crate) frames: Vec<(u8, Vec<u8>)>,
    /// Whether a client certificate was shown, for each connection.
    pub(crate) certificates: Vec<bool>,
}

/// How the gateway speaks TLS.
pub(crate) struct Options {
    /// Leaf with its key, then what else is sent.
    pub(crate) chain: Vec<Issued>,
    pub(crate) max: Option<SslVersion>,
    /// Authority in the request for a client certificate.
    pub(crate) asks_for: Option<Issued>,
}

pub(crate) struct Gateway {
    pub(crate) address: SocketAddr,
    pub(crate) seen: Arc<Mutex<Seen>>,
}

impl Gateway {
    /// Runs until the test ends.
    pub(crate) fn start(options: Options, script: impl Fn(&Request) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::new(Mutex::new(Seen::default()));
        let (acceptor, script, shared) = (acceptor(&options), Arc::new(script), seen.clone());
        thread::spawn(move || {
            for (connection, tcp) in listener.incoming().enumerate() {
                let (acceptor, script, seen) = (acceptor.clone(), script.clone(), shared.clone());
                thread::spawn(move || {
                    tcp.as_ref().unwrap().set_read_timeout(Some(Duration::from_secs(60))).unwrap();
                    // A client that refuses the certificate ends the handshake: that is what some tests want.
                    if let Ok(tls) = acceptor.accept(tcp.unwrap()) {
                        seen.lock().unwrap().certificates.push(tls.ssl().peer_certificate().is_some());
                        serve(tls, connection, &*script, &seen);
                    }
                });
            }
        });
        Self { address, seen }
    }

    pub(crate) fn requests(&self) -> Vec<Request> {
        self.seen.lock().unwrap().requests.clone()
    }

    /// Waits until a frame of this type came, and returns its payload.
    pub(crate) fn wait_for_frame(&self, kind: u8) -> Vec<u8> {
        let deadline = Instant::now() + Duration::from_secs(10);
        loop {
            if let Some((_, payload)) = self.frames().into_iter().find(|(found, _)| *found == kind) {
                return payload;
            }
            assert!(Instant::now() < deadline, "no frame of type {kind:#04x}: {:?}", self.frames());
            thread::sleep(Duration::from_millis(5));
        }
    }

    pub(crate) fn frames(&self) -> Vec<(u8, Vec<u8>)> {
        self.seen.lock().unwrap().frames.clone()
    }
}

fn acceptor(options: &Options) -> SslAcceptor {
    let mut builder: SslAcceptorBuilder = SslAcceptor::mozilla_intermediate_v5(SslMethod::tls_server()).unwrap();
    builder.set_security_level(0);
    builder.clear_options(SslOptions::NO_TLSV1 | SslOptions::NO_TLSV1_1);
    builder.set_min_proto_version(Some(SslVersion::TLS1)).unwrap();
    builder.set_max_proto_version(options.max).unwrap();
    if options.max.is_some_and(|max| max != SslVersion::TLS1_2) {
        builder.set_cipher_list("ALL:@SECLEVEL=0").unwrap();
    }
    builder.set_certificate(&options.chain[0].cert).unwrap();
    builder.set_private_key(&options.chain[0].key).unwrap();
    for more in &options.chain[1..] {
        builder.add_extra_chain_cert(more.cert.clone()).unwrap();
    }
    if let Some(authority) = &options.asks_for {
        builder.set_verify_callback(openssl::ssl::SslVerifyMode::PEER, |_, _| true);
        builder.add_client_ca(&authority.cert).unwrap();
    }
    builder.build()
}

fn serve(
    mut tls: SslStream<TcpStream>,
    connection: usize,
    script: &(dyn Fn(&Request) -> Reply + Send + Sync),
    seen: &Mutex<Seen>,
) {
    let mut buffer = Vec::new();
    while let Some(request) = next_request(&mut tls, &mut buffer, connection) {
        seen.lock().unwrap().requests.push(request.clone());
        match script(&request) {
            Reply::Http(text) => {
                if tls.write_all(text.as_bytes()).is_err() {
                    return;
                }
            }
            Reply::Tunnel(head, tunnel) => {
                tls.write_all(head.as_bytes()).unwrap();
                return cstp(tls, tunnel, seen);
            }
            Reply::Close => return,
        }
    }
}

fn next_request(tls: &mut SslStream<TcpStream>, buffer: &mut Vec<u8>, connection: usize) -> Option<Request> {
    loop {
        if let Some(end) = buffer.windows(4).position(|four| four == b"\r\n\r\n") {
            let head = String::from_utf8(buffer[..end].to_vec()).unwrap();
            let mut request = Request { connection, psk: [0; 32], head, body: String::new() };
            tls.ssl().export_keying_material(&mut request.psk, "EXPORTER-openconnect-psk", None).unwrap();
            let length: usize = request.header("Content-Length").map_or(0, |length| length.parse().unwrap());
            if buffer.len() >= end + 4 + length {
                let rest = buffer.split_off(end + 4 + length);
                request.body = String::from_utf8(buffer[end + 4..].to_vec()).unwrap();
                *buffer = rest;
                return Some(request);
            }
        }
        let mut chunk = [0; 4096];
        match tls.read(&mut chunk) {
            Ok(0) | Err(_) => return None,
            Ok(length) => buffer.extend_from_slice(&chunk[..length]),
        }
    }
}

fn cstp(mut tls: SslStream<TcpStream>, tunnel: Tunnel, seen: &Mutex<Seen>) {
    match tunnel {
        Tunnel::Keep => {}
        Tunnel::Drop => return,
        Tunnel::Goodbye => tls.write_all(&frame(0x05, &[])).unwrap(),
        Tunnel::Terminate => tls.write_all(&frame(0x09, &[])).unwrap(),
        Tunnel::Disconnect(reason) => tls.write_all(&frame(0x05, &[&[reason], &b"maintenance"[..]].concat())).unwrap(),
    }
    let mut record = vec![0; 32 * 1024];
    loop {
        // The client sends one frame in one record, and a read gives at most one record.
        let length = match tls.read(&mut record) {
            Ok(0) | Err(_) => return,
            Ok(length) => length,
        };
        assert!(length >= 8 && record[..4] == *b"STF\x01", "not a CSTP frame: {:02x?}", &record[..length.min(16)]);
        assert_eq!(usize::from(u16::from_be_bytes([record[4], record[5]])), length - 8, "one frame is one record");
        let (kind, payload) = (record[6], record[8..length].to_vec());
        seen.lock().unwrap().frames.push((kind, payload.clone()));
        if kind == 0x03 && tls.write_all(&frame(0x04, &payload)).is_err() {
            return;
        }
    }
}

fn frame(kind: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = b"STF\x01".to_vec();
    frame.extend_from_slice(&(payload.len() as u16).to_be_bytes());
    frame.extend_from_slice(&[kind, 0]);
    frame.extend_from_slice(payload);
    frame
}

/// An HTTP reply.
pub(crate) fn http(status: &str, headers: &[&str], body: &str) -> Reply {
    let headers: String = headers.iter().map(|line| format!("{line}\r\n")).collect();
    Reply::Http(format!("HTTP/1.1 {status}\r\n{headers}Content-Length: {}\r\n\r\n{body}", body.len()))
}

/// A form for user name and password, as an ASA sends it.
pub(crate) fn xml_form() -> Reply {
    http(
        "200 OK",
        &["Content-Type: text/xml"],
        r#"<?xml version="1.0" encoding="UTF-8"?>
<config-auth client="vpn" type="auth-request" aggregate-auth-version="2">
<opaque is-for="sg"><tunnel-group>staff</tunnel-group><config-hash>17</config-hash></opaque>
<auth id="main"><title>Login</title><message>Please enter your username and password.</message>
<form method="post" action="/auth"><input type="text" name="username" label="Username:"></input>
<input type="password" name="password" label="Password:"></input></form></auth></config-auth>"#,
    )
}

/// The end of a login; `more` is put before the end of the document.
pub(crate) fn complete(cookie: &str, more: &str) -> Reply {
    http(
        "200 OK",
        &["Content-Type: text/xml"],
        &format!(
            r#"<?xml version="1.0" encoding="UTF-8"?>
<config-auth client="vpn" type="complete" aggregate-auth-version="2"><session-id>42</session-id>
<session-token>{cookie}</session-token><auth id="success"><banner>Welcome</banner></auth>{more}</config-auth>"#
        ),
    )
}

/// The reply that opens a tunnel.
pub(crate) fn tunnel(address: &str, more: &[&str], tunnel: Tunnel) -> Reply {
    let more: String = more.iter().map(|line| format!("{line}\r\n")).collect();
    Reply::Tunnel(
        format!(
            "HTTP/1.1 200 CONNECTED\r\nX-CSTP-Version: 1\r\nX-CSTP-Address: {address}\r\n\
             X-CSTP-Netmask: 255.255.255.0\r\nX-CSTP-MTU: 1400\r\nX-CSTP-DPD: 30\r\nX-CSTP-Keepalive: 20\r\n{more}\r\n"
        ),
        tunnel,
    )
}
