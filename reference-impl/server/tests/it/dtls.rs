//! DTLS from the offer in CONNECT to packets, against the program itself.

use std::{
    net::UdpSocket,
    time::{Duration, Instant},
};

use reference_cstp::{frame::PacketType, http::Response};
use reference_dtls::{ClientConfig, Connection, Retransmit, Secret, State, Suite, Version};

use crate::common::{
    client::{Client, over_openssl},
    server::{Ground, PATIENCE, Parts, Server},
};

/// A datagram of this size, less the headers of IP and UDP, is what a link of 1500 bytes carries.
const DATAGRAM: u16 = 1472;

/// Completes the handshake, or says how far it came.
pub(crate) fn shake(server: &Server, config: ClientConfig) -> (UdpSocket, Connection) {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.connect(("127.0.0.1", server.udp_port.unwrap())).unwrap();
    let mut connection = Connection::client(config, rand::random(), Instant::now());
    let began = Instant::now();
    let mut buffer = [0; 2048];
    while !matches!(connection.state(), State::Established) {
        assert!(began.elapsed() < PATIENCE, "no handshake: {:?}", connection.state());
        while let Some(datagram) = connection.poll_transmit() {
            socket.send(&datagram).unwrap();
        }
        let now = Instant::now();
        let until = connection.poll_timeout().map_or(Duration::from_millis(50), |at| at.saturating_duration_since(now));
        socket.set_read_timeout(Some(until.max(Duration::from_millis(1)))).unwrap();
        match socket.recv(&mut buffer) {
            Ok(length) => connection.receive(&mut buffer[..length], Instant::now(), &mut |_| {}).unwrap(),
            Err(_) => connection.on_timeout(Instant::now()),
        }
    }
    while let Some(datagram) = connection.poll_transmit() {
        socket.send(&datagram).unwrap();
    }
    (socket, connection)
}

/// Asks over DTLS and returns the answer; the server's own questions, which test the path, are answered meanwhile.
fn ask(socket: &UdpSocket, connection: &mut Connection, payload: &[u8]) -> Vec<u8> {
    let send = |connection: &mut Connection, kind: PacketType, payload: &[u8]| {
        let mut datagram = Vec::new();
        connection.seal(&[&[kind.code()], payload], &mut datagram).unwrap();
        socket.send(&datagram).unwrap();
    };
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    send(connection, PacketType::DpdRequest, payload);
    let mut buffer = [0; 2048];
    loop {
        let length = socket.recv(&mut buffer).unwrap();
        let mut came = Vec::new();
        connection.receive(&mut buffer[..length], Instant::now(), &mut |plain| came.push(plain.to_vec())).unwrap();
        for plain in came {
            if plain[0] != PacketType::DpdRequest.code() {
                return plain;
            }
            send(connection, PacketType::DpdResponse, &plain[1..]);
        }
    }
}

pub(crate) fn bytes(reply: &Response, name: &str) -> Vec<u8> {
    hex::decode(reply.headers.get(name).unwrap_or_else(|| panic!("no {name}: {reply:?}"))).unwrap()
}

pub(crate) fn config(version: Version, suites: &[Suite], secret: Secret, session_id: Vec<u8>) -> ClientConfig {
    ClientConfig {
        version,
        suites: suites.to_vec(),
        secret,
        session_id,
        mtu: DATAGRAM,
        retransmit: Retransmit::default(),
    }
}

/// What the server says of its own MTU must stay what CONNECT said: the size of handshake datagrams is no limit for packets.
fn data_goes_and_the_mtu_stays(server: &Server, reply: &Response, config: ClientConfig) {
    let (socket, mut connection) = shake(server, config);
    server.line("dtls-up: alice suite=");
    let payload = vec![7; 1000];
    let answer = ask(&socket, &mut connection, &payload);
    assert_eq!((answer[0], &answer[1..]), (PacketType::DpdResponse.code(), &payload[..]), "AC-DTLS-27");
    let promised: u64 = reply.headers.get("X-CSTP-MTU").unwrap().parse().unwrap();
    let status = server.status();
    assert_eq!(status["sessions"][0]["mtu"], promised, "{status}");
    assert!(status["sessions"][0]["dtls_suite"].is_string(), "{status}");
    assert!(!server.lines().iter().any(|line| line.starts_with("mtu: alice")), "{:#?}", server.lines());
}

#[test]
fn the_mtu_does_not_drop_when_psk_comes_up() {
    for min in ["1.2", "1.3"] {
        let ground = Ground::new();
        let tls = format!("  min-version: \"{min}\"\n  max-version: \"{min}\"\n").leak();
        let server = ground.start(&Parts { tls, ..Parts::default() });
        let stream = over_openssl(server.port, &ground.path("ca.pem"), |_| {}).unwrap();
        let mut key = [0; 32];
        stream.ssl().export_keying_material(&mut key, "EXPORTER-openconnect-psk", None).unwrap();
        let mut client = Client::over(stream);
        client.log_in("alice", "secret");
        let reply = client.tunnel(&[("X-DTLS-CipherSuite", "PSK-NEGOTIATE"), ("X-CSTP-Base-MTU", "1500")]);
        let secret = Secret::Psk { identity: b"psk".to_vec(), key: key.to_vec() };
        let suites = [Suite::PskAes256GcmSha384, Suite::PskAes128GcmSha256];
        let id = bytes(&reply, "X-DTLS-App-ID");
        data_goes_and_the_mtu_stays(&server, &reply, config(Version::Dtls12, &suites, secret, id));
        assert!(server.line("dtls-up").ends_with("family=psk"), "TLS {min}, AC-DTLS-03");
    }
}

#[test]
fn sessions_are_resumed_from_the_secret_of_the_client() {
    let master = [0x5a; 48];
    for (header, name, family, version, suite) in [
        ("X-DTLS12-CipherSuite", "AES256-GCM-SHA384", "cisco12", Version::Dtls12, Suite::RsaAes256GcmSha384),
        ("X-DTLS-CipherSuite", "OC-DTLS1_2-AES128-GCM", "openconnect12", Version::Dtls12, Suite::RsaAes128GcmSha256),
        ("X-DTLS-CipherSuite", "AES256-SHA", "legacy", Version::Dtls09, Suite::RsaAes256CbcSha),
    ] {
        let ground = Ground::new();
        let server = ground.start(&Parts::default());
        let mut client = Client::connect(server.port, &ground.path("ca.pem"));
        client.log_in("alice", "secret");
        let secret = hex::encode(master);
        let reply = client.tunnel(&[(header, name), ("X-DTLS-Master-Secret", &secret), ("X-CSTP-Base-MTU", "1500")]);
        assert_eq!(reply.headers.get(header), Some(name));
        let id = bytes(&reply, "X-DTLS-Session-ID");
        let config = config(version, &[suite], Secret::Master(master), id);
        data_goes_and_the_mtu_stays(&server, &reply, config);
        assert!(server.line("dtls-up").ends_with(&format!("family={family}")));
    }
}

#[test]
fn only_what_both_sides_allow_is_agreed_on() {
    let ground = Ground::new();
    let server = ground.start(&Parts { more: "dtls: {families: [legacy]}\n", ..Parts::default() });
    let mut client = Client::connect(server.port, &ground.path("ca.pem"));
    client.log_in("alice", "secret");
    let reply = client.tunnel(&[("X-DTLS-CipherSuite", "PSK-NEGOTIATE:AES256-SHA")]);
    assert!(reply.headers.iter().all(|(name, _)| !name.starts_with("X-DTLS")), "legacy needs a master secret");

    let ground = Ground::new();
    let server = ground.start(&Parts { more: "dtls: {enabled: false}\n", ..Parts::default() });
    assert_eq!(server.udp_port, None);
    let mut client = Client::connect(server.port, &ground.path("ca.pem"));
    client.log_in("alice", "secret");
    let reply = client.tunnel(&[("X-DTLS-CipherSuite", "PSK-NEGOTIATE")]);
    assert!(reply.headers.iter().all(|(name, _)| !name.starts_with("X-DTLS")));
}
