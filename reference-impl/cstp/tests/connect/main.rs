//! The CONNECT exchange between every pair of profiles, and against what odd peers send.

#![forbid(unsafe_code)]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod exchange;
mod reply;
mod request;
mod untrusted;

use std::sync::LazyLock;
use std::time::Duration;

use reference_cstp::connect::{ConnectReply, ConnectRequest, DtlsReply, Suite};
use reference_cstp::http::{Expect, Limits, Request, RequestReader, Response, ResponseReader};
use reference_cstp::profile::{ClientProfile, ServerProfile};

static CLIENTS: LazyLock<Vec<ClientProfile>> =
    LazyLock::new(|| ClientProfile::names().map(|name| ClientProfile::named(name).unwrap()).collect());

static SERVERS: LazyLock<Vec<ServerProfile>> =
    LazyLock::new(|| ServerProfile::names().map(|name| ServerProfile::named(name).unwrap()).collect());

fn client(name: &str) -> ClientProfile {
    CLIENTS.iter().find(|profile| profile.id == name).unwrap().clone()
}

fn server(name: &str) -> ServerProfile {
    SERVERS.iter().find(|profile| profile.id == name).unwrap().clone()
}

/// A request with everything in it.
fn full_request(profile: &ClientProfile) -> ConnectRequest {
    let mut request = ConnectRequest::new("c00kie+/=");
    request.hostname = Some("laptop".into());
    request.base_mtu = Some(1500);
    request.mtu = Some(1390);
    request.master_secret = Some(std::array::from_fn(|at| at as u8));
    (request.dtls_ciphers, request.dtls12_ciphers) = profile.dtls.names(&profile.dtls.offer);
    request
}

/// A reply of the least that a client accepts.
fn least_reply() -> ConnectReply {
    ConnectReply {
        addresses: vec!["10.1.2.3/24".parse::<ipnet::IpNet>().unwrap().into()],
        cstp_mtu: Some(1390),
        ..ConnectReply::default()
    }
}

fn dtls_reply(suite: &Suite) -> DtlsReply {
    let name = Some(suite.name.to_owned());
    let mut reply =
        DtlsReply { port: Some(443), mtu: Some(1400), dpd: Some(Duration::from_secs(30)), ..DtlsReply::default() };
    if suite.in_dtls12_header() {
        reply.suite12 = name;
    } else {
        reply.suite = name;
    }
    if suite.family.resumes() {
        reply.session_id = Some([0xab; 32]);
    } else {
        reply.app_id = Some(vec![0xcd; 16]);
    }
    reply
}

/// Sends a request over the wire and back.
fn request_over_wire(request: &Request) -> Request {
    let mut reader = RequestReader::new(Limits::server());
    reader.push(&request.to_bytes());
    reader.next().unwrap().unwrap()
}

/// Sends a response over the wire and back.
fn response_over_wire(response: &Response) -> Response {
    let mut reader = ResponseReader::new(Limits::default());
    reader.expect(Expect::ConnectReply);
    reader.push(&response.to_bytes());
    reader.next().unwrap().unwrap()
}

fn text(bytes: &[u8]) -> Vec<String> {
    let text = String::from_utf8(bytes.to_vec()).unwrap();
    text.trim_end().split("\r\n").map(str::to_owned).collect()
}

fn response(headers: &[(&str, &str)]) -> Response {
    let mut response = Response::new(200, "CONNECTED");
    for (name, value) in headers {
        response.headers.push(name, value);
    }
    response
}
