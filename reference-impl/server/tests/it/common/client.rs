//! A client that is driven by hand, over OpenSSL or rustls.

use std::{
    io::{Read, Write},
    net::TcpStream,
    path::Path,
    sync::Arc,
};

use openssl::ssl::{SslConnector, SslFiletype, SslMethod, SslStream, SslVerifyMode, SslVersion};
use reference_cstp::{
    frame::{self, PacketType},
    http::{Expect, Limits, Request, Response, ResponseReader},
};
use rustls::pki_types::{CertificateDer, ServerName, pem::PemObject};

use super::server::PATIENCE;

pub(crate) trait Wire: Read + Write {}
impl<T: Read + Write> Wire for T {}

pub(crate) struct Client {
    pub(crate) wire: Box<dyn Wire>,
    reader: ResponseReader,
    pub(crate) cookies: Vec<(String, String)>,
}

pub(crate) fn tcp(port: u16) -> TcpStream {
    let tcp = TcpStream::connect(("127.0.0.1", port)).unwrap();
    tcp.set_read_timeout(Some(PATIENCE)).unwrap();
    tcp.set_write_timeout(Some(PATIENCE)).unwrap();
    tcp
}

pub(crate) fn over_openssl(
    port: u16,
    authority: &Path,
    change: impl FnOnce(&mut openssl::ssl::SslConnectorBuilder),
) -> Result<SslStream<TcpStream>, String> {
    let mut builder = SslConnector::builder(SslMethod::tls_client()).unwrap();
    builder.set_ca_file(authority).unwrap();
    builder.set_verify(SslVerifyMode::PEER);
    change(&mut builder);
    let connector = builder.build();
    connector.connect("vpn.test", tcp(port)).map_err(|error| error.to_string())
}

pub(crate) fn with_certificate(folder: &Path, stem: &str) -> impl FnOnce(&mut openssl::ssl::SslConnectorBuilder) {
    let (chain, key) = (folder.join(format!("{stem}.pem")), folder.join(format!("{stem}.key")));
    move |builder| {
        builder.set_certificate_chain_file(chain).unwrap();
        builder.set_private_key_file(key, SslFiletype::PEM).unwrap();
    }
}

pub(crate) fn version(version: SslVersion) -> impl FnOnce(&mut openssl::ssl::SslConnectorBuilder) {
    move |builder| {
        builder.set_security_level(0);
        builder.set_cipher_list("DEFAULT:@SECLEVEL=0").unwrap();
        builder.set_min_proto_version(Some(version)).unwrap();
        builder.set_max_proto_version(Some(version)).unwrap();
    }
}

impl Client {
    /// Connects over rustls.
    pub(crate) fn connect(port: u16, authority: &Path) -> Self {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut roots = rustls::RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(authority).unwrap()).unwrap();
        let config = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let name = ServerName::try_from("vpn.test").unwrap();
        let connection = rustls::ClientConnection::new(Arc::new(config), name).unwrap();
        Self::over(rustls::StreamOwned::new(connection, tcp(port)))
    }

    pub(crate) fn over(wire: impl Wire + 'static) -> Self {
        Self { wire: Box::new(wire), reader: ResponseReader::new(Limits::default()), cookies: Vec::new() }
    }

    pub(crate) fn send(&mut self, request: &Request) -> Response {
        let expect = if request.method == "CONNECT" { Expect::ConnectReply } else { Expect::Body };
        self.reader.expect(expect);
        self.wire.write_all(&request.to_bytes()).unwrap();
        self.wire.flush().unwrap();
        self.response()
    }

    pub(crate) fn response(&mut self) -> Response {
        let mut buffer = vec![0; 20_000];
        loop {
            if let Some(response) = self.reader.next().unwrap() {
                self.remember(&response);
                return response;
            }
            match self.wire.read(&mut buffer) {
                Ok(0) => self.reader.close(),
                Ok(length) => self.reader.push(&buffer[..length]),
                Err(error) => panic!("no response: {error}"),
            }
        }
    }

    fn remember(&mut self, response: &Response) {
        for value in response.headers.get_all("Set-Cookie") {
            let pair = value.split(';').next().unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            self.cookies.retain(|(known, _)| known != name);
            if !value.is_empty() {
                self.cookies.push((name.to_owned(), value.to_owned()));
            }
        }
    }

    pub(crate) fn cookie(&self, name: &str) -> Option<String> {
        self.cookies.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone())
    }

    pub(crate) fn request(&self, method: &str, target: &str, body: &str) -> Request {
        let mut request = Request::new(method, target);
        request.headers.push("Host", "vpn.test");
        request.headers.push("User-Agent", "Open AnyConnect VPN Agent v9.01");
        if !self.cookies.is_empty() {
            let all: Vec<String> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
            request.headers.push("Cookie", all.join("; "));
        }
        if method == "POST" {
            request.headers.push("X-Aggregate-Auth", "1");
            request.headers.push("Content-Type", "application/xml; charset=utf-8");
            request.headers.push("Content-Length", body.len().to_string());
        }
        request.body = body.as_bytes().to_vec();
        request
    }

    pub(crate) fn post(&mut self, target: &str, body: &str) -> Response {
        let request = self.request("POST", target, body);
        self.send(&request)
    }

    pub(crate) fn init(&mut self, group: Option<&str>) -> Response {
        let group = group.map(|group| format!("<group-select>{group}</group-select>")).unwrap_or_default();
        self.post(
            "/",
            &format!(
                "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<config-auth client=\"vpn\" type=\"init\" \
                 aggregate-auth-version=\"2\"><version who=\"vpn\">v9.01</version><device-id>linux-64</device-id>{group}\
                 <group-access>https://vpn.test/</group-access></config-auth>"
            ),
        )
    }

    pub(crate) fn answer(&mut self, fields: &[(&str, &str)], group: Option<&str>) -> Response {
        let fields: String = fields.iter().map(|(name, value)| format!("<{name}>{value}</{name}>")).collect();
        let group = group.map(|group| format!("<group-select>{group}</group-select>")).unwrap_or_default();
        self.post(
            "/auth",
            &format!(
                "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<config-auth client=\"vpn\" type=\"auth-reply\" \
                 aggregate-auth-version=\"2\"><auth>{fields}</auth>{group}</config-auth>"
            ),
        )
    }

    /// Logs in with user name and password, one form after the other.
    pub(crate) fn log_in(&mut self, user: &str, password: &str) -> Response {
        assert_eq!(self.init(None).status, 200);
        assert_eq!(self.answer(&[("username", user)], None).status, 200);
        self.answer(&[("password", password)], None)
    }

    pub(crate) fn tunnel(&mut self, more: &[(&str, &str)]) -> Response {
        let mut request = Request::new("CONNECT", "/CSCOSSLC/tunnel");
        request.headers.push("Host", "vpn.test");
        if let Some(cookie) = self.cookie("webvpn") {
            request.headers.push("Cookie", format!("webvpn={cookie}"));
        }
        request.headers.push("X-CSTP-Version", "1");
        for (name, value) in more {
            request.headers.push(name, value);
        }
        self.send(&request)
    }

    pub(crate) fn frame(&mut self, kind: PacketType, payload: &[u8]) {
        let mut record = frame::header(kind, payload.len()).unwrap().to_vec();
        record.extend_from_slice(payload);
        self.wire.write_all(&record).unwrap();
        self.wire.flush().unwrap();
    }

    /// Reads the next frame; `None` at the end of the connection.
    pub(crate) fn next_frame(&mut self) -> Option<(PacketType, Vec<u8>)> {
        let mut record = self.reader.take_rest();
        if record.is_empty() {
            record = vec![0; 20_000];
            let length = self.wire.read(&mut record).unwrap_or(0);
            record.truncate(length);
        }
        if record.is_empty() {
            return None;
        }
        let (kind, payload) = frame::parse(&record).unwrap();
        Some((kind, payload.to_vec()))
    }
}
