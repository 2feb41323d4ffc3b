//! Many at once who take what they can: honest clients are served meanwhile, and the server does not grow.

use std::{
    fs,
    io::{ErrorKind, Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpStream, UdpSocket},
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    time::{Duration, Instant},
};

use reference_cstp::{
    frame::{self, PacketType},
    http::Response,
};
use reference_dtls::{ClientConfig, Connection, Retransmit, Secret, Suite, Version, peek_client_hello};
use socket2::{Domain, Protocol, Socket, Type};

use crate::{
    common::{
        client::Client,
        server::{Ground, PATIENCE, Parts, Server},
    },
    dtls,
};

/// Most memory that a flood may cost, in KiB. Two hundred handshakes take a few MiB.
const GROWTH: u64 = 64 << 10;

/// Within this time an honest client has a tunnel, also on a machine that has other things to do.
const SOON: Duration = Duration::from_secs(10);

const LIMITS: &str =
    "limits: {request-timeout: 3s, login-timeout: 8s, connections: 200, connections-per-address: 40, attempts: 0}\n";

const MASTER: [u8; 48] = [0x5a; 48];

/// What the server program holds and held at most, in KiB.
fn memory(server: &Server) -> (u64, u64) {
    let status = fs::read_to_string(format!("/proc/{}/status", server.status()["pid"])).unwrap();
    let field = |name: &str| {
        let line = status.lines().find(|line| line.starts_with(name)).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    };
    (field("VmRSS:"), field("VmHWM:"))
}

/// Asserts that the server has never been much larger than it was before.
fn did_not_grow(server: &Server, before: u64) {
    let (now, most) = memory(server);
    eprintln!("memory: {before} KiB before, {now} KiB now, {most} KiB at most");
    assert!(most < before + GROWTH, "the server grew from {before} KiB to {most} KiB");
}

/// Logs in and reaches CONNECT; how long it took.
fn tunnel(ground: &Ground, server: &Server, user: &str, more: &[(&str, &str)]) -> (Client, Response, Duration) {
    let began = Instant::now();
    let mut client = Client::connect(server.port, &ground.path("ca.pem"));
    assert_eq!(client.log_in(user, "secret").status, 200);
    let reply = client.tunnel(more);
    assert_eq!(reply.status, 200);
    (client, reply, began.elapsed())
}

fn others_are_served(ground: &Ground, server: &Server) {
    for user in ["alice", "bob", "alice"] {
        let (_, _, time) = tunnel(ground, server, user, &[]);
        eprintln!("{user} had a tunnel after {time:?}");
        assert!(time < SOON, "{user} had a tunnel after {time:?} only");
    }
}

/// Connects from an address of the loopback network.
fn tcp_from(last: u8, port: u16) -> std::io::Result<TcpStream> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, Some(Protocol::TCP))?;
    socket.bind(&SocketAddr::from((Ipv4Addr::new(127, 0, 0, last), 0)).into())?;
    socket.connect_timeout(&SocketAddr::from((Ipv4Addr::LOCALHOST, port)).into(), Duration::from_secs(2))?;
    Ok(socket.into())
}

/// A ClientHello that a server has to answer with a signature.
fn tls_hello() -> Vec<u8> {
    let config = rustls::ClientConfig::builder_with_provider(rustls::crypto::aws_lc_rs::default_provider().into())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_no_client_auth();
    let name = "vpn.test".try_into().unwrap();
    let mut hello = Vec::new();
    rustls::ClientConnection::new(config.into(), name).unwrap().write_tls(&mut hello).unwrap();
    hello
}

/// AC-HTTP-17, for handshakes: a few addresses say hello on hundreds of connections and nothing after it.
#[test]
fn a_flood_of_client_hellos_over_tcp_leaves_others_served() {
    for backend in ["rustls", "openssl"] {
        let ground = Ground::new();
        let tls = format!("  backend: {backend}\n").leak();
        let server = ground.start(&Parts { tls, more: LIMITS, ..Parts::default() });
        others_are_served(&ground, &server);
        let (before, _) = memory(&server);
        let (stop, opened, answered) = (AtomicBool::new(false), AtomicUsize::new(0), AtomicUsize::new(0));
        std::thread::scope(|scope| {
            for last in [2, 3, 4] {
                let (stop, opened, answered, port) = (&stop, &opened, &answered, server.port);
                scope.spawn(move || {
                    let (hello, mut held) = (tls_hello(), Vec::new());
                    while !stop.load(Ordering::SeqCst) {
                        if let Ok(mut stream) = tcp_from(last, port) {
                            stream.set_nonblocking(true).unwrap();
                            let _ = stream.write_all(&hello);
                            opened.fetch_add(1, Ordering::SeqCst);
                            held.push(stream);
                        }
                        // More than the server takes from one address, and half of them once in a while anew.
                        if held.len() > 100 {
                            for mut stream in held.drain(..50) {
                                let heard = stream.read(&mut [0; 64]).is_ok_and(|length| length > 0);
                                answered.fetch_add(usize::from(heard), Ordering::SeqCst);
                            }
                        }
                        std::thread::sleep(Duration::from_millis(2));
                    }
                });
            }
            std::thread::sleep(Duration::from_millis(500));
            for _ in 0..2 {
                others_are_served(&ground, &server);
            }
            // The limit of one address holds while the flood goes on.
            assert!(server.status()["connections"].as_u64().unwrap() <= 3 * 40);
            stop.store(true, Ordering::SeqCst);
        });
        let (opened, answered) = (opened.into_inner(), answered.into_inner());
        eprintln!("{backend}: {opened} connections with a hello, of those that were looked at {answered} answered");
        assert!(opened > 200 && answered > 0, "{backend}: no flood: {opened} {answered}");
        server.line("too many connections");
        did_not_grow(&server, before);
        others_are_served(&ground, &server);
    }
}

/// Slow drips, headers without end, bodies of a gigabyte and chunks without end, all of them at the same time.
#[test]
fn every_kind_of_request_without_end_at_once_leaves_others_served() {
    let ground = Ground::new();
    let server = ground.start(&Parts { more: LIMITS, ..Parts::default() });
    others_are_served(&ground, &server);
    let (before, _) = memory(&server);
    let chunks = b"1\r\nx\r\n".repeat(600);
    let kinds: [(&str, &[u8], u64, &str); 4] = [
        ("POST / HTTP/1.1\r\nX-Pad: ", b"0", 50, "too slow"),
        ("POST / HTTP/1.1\r\n", b"X-Pad: 0000000000000000000000\r\n", 1, "more than 100 header fields"),
        ("POST / HTTP/1.1\r\nContent-Length: 1073741824\r\n\r\n", &[b'0'; 4096], 1, "the body is longer"),
        ("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", &chunks, 1, "the body is longer"),
    ];
    let (stop, closed) = (AtomicBool::new(false), [const { AtomicUsize::new(0) }; 4]);
    std::thread::scope(|scope| {
        for ((begin, piece, pause, _), closed) in kinds.iter().zip(&closed) {
            for _ in 0..3 {
                let (stop, server, ground) = (&stop, &server, &ground);
                scope.spawn(move || {
                    while !stop.load(Ordering::SeqCst) {
                        let mut client = Client::connect(server.port, &ground.path("ca.pem"));
                        let mut written = client.wire.write_all(begin.as_bytes());
                        while written.is_ok() && !stop.load(Ordering::SeqCst) {
                            written = client.wire.write_all(piece).and_then(|()| client.wire.flush());
                            std::thread::sleep(Duration::from_millis(*pause));
                        }
                        closed.fetch_add(usize::from(written.is_err()), Ordering::SeqCst);
                    }
                });
            }
        }
        std::thread::sleep(Duration::from_millis(500));
        for _ in 0..2 {
            others_are_served(&ground, &server);
        }
        // Each kind comes to its end by itself.
        let deadline = Instant::now() + PATIENCE;
        while closed.iter().any(|closed| closed.load(Ordering::SeqCst) < 3) && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(50));
        }
        stop.store(true, Ordering::SeqCst);
    });
    let closed = closed.map(AtomicUsize::into_inner);
    assert!(closed.iter().all(|closed| *closed >= 3), "some of them go on for ever: {closed:?}");
    for (_, _, _, why) in kinds {
        server.line(why);
    }
    did_not_grow(&server, before);
    others_are_served(&ground, &server);
}

/// One who floods a UDP port: what he sent and what came back to him, in bytes.
#[derive(Default)]
struct Flooder {
    sockets: Vec<UdpSocket>,
    sent: (usize, usize),
    back: usize,
}

impl Flooder {
    fn new(lasts: &[u8], port: u16) -> Self {
        let socket = |last: &u8| {
            let socket = UdpSocket::bind((Ipv4Addr::new(127, 0, 0, *last), 0)).unwrap();
            socket.connect((Ipv4Addr::LOCALHOST, port)).unwrap();
            socket.set_nonblocking(true).unwrap();
            socket
        };
        Self { sockets: lasts.iter().map(socket).collect(), ..Self::default() }
    }

    fn send(&mut self, datagram: &[u8]) {
        let socket = &self.sockets[self.sent.0 % self.sockets.len()];
        if socket.send(datagram).is_ok() {
            self.sent.0 += 1;
            self.sent.1 += datagram.len();
        }
        if self.sent.0.is_multiple_of(32) {
            self.listen();
        }
    }

    fn listen(&mut self) {
        let mut buffer = [0; 2048];
        for socket in &self.sockets {
            loop {
                match socket.recv(&mut buffer) {
                    Ok(length) => self.back += length,
                    Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                    Err(_) => break,
                }
            }
        }
    }
}

/// A ClientHello as an honest client sends it, with this session id and a fresh random.
fn dtls_hello(session_id: &[u8]) -> Vec<u8> {
    let config = ClientConfig {
        version: Version::Dtls12,
        suites: vec![Suite::RsaAes256GcmSha384],
        secret: Secret::Master(rand::random()),
        session_id: session_id.to_vec(),
        mtu: 1400,
        retransmit: Retransmit::default(),
    };
    let hello = Connection::client(config, rand::random(), Instant::now()).poll_transmit().unwrap();
    assert!(peek_client_hello(&hello).is_some());
    hello
}

/// A session with DTLS: its TLS connection, its socket, its association, its id.
struct Session {
    _client: Client,
    socket: UdpSocket,
    connection: Connection,
    id: Vec<u8>,
}

fn session(ground: &Ground, server: &Server, user: &str) -> Session {
    let secret = hex::encode(MASTER);
    let offer = [("X-DTLS12-CipherSuite", "AES256-GCM-SHA384"), ("X-DTLS-Master-Secret", secret.as_str())];
    let (client, reply, time) = tunnel(ground, server, user, &offer);
    assert!(time < SOON, "{user} had a tunnel after {time:?} only");
    let id = dtls::bytes(&reply, "X-DTLS-Session-ID");
    let config = dtls::config(Version::Dtls12, &[Suite::RsaAes256GcmSha384], Secret::Master(MASTER), id.clone());
    let (socket, connection) = dtls::shake(server, config);
    Session { _client: client, socket, connection, id }
}

impl Session {
    /// Asks over DTLS, again after a while since datagrams get lost in a flood; how often it had to.
    fn exchange(&mut self, number: u32) -> u32 {
        let (mut buffer, deadline) = ([0; 2048], Instant::now() + SOON);
        let payload = [&number.to_be_bytes()[..], &[7; 500]].concat();
        for attempt in 1.. {
            assert!(Instant::now() < deadline, "no answer to packet {number} after {attempt} attempts");
            let mut datagram = Vec::new();
            self.connection.seal(&[&[PacketType::DpdRequest.code()], &payload], &mut datagram).unwrap();
            self.socket.send(&datagram).unwrap();
            let until = Instant::now() + Duration::from_millis(300);
            while let Some(left) = until.checked_duration_since(Instant::now()).filter(|left| !left.is_zero()) {
                self.socket.set_read_timeout(Some(left)).unwrap();
                let length = match self.socket.recv(&mut buffer) {
                    Ok(length) => length,
                    Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => break,
                    Err(error) => panic!("packet {number}: {error}"),
                };
                let mut answered = false;
                let deliver = &mut |plain: &[u8]| {
                    answered |= plain[0] == PacketType::DpdResponse.code() && plain[1..] == payload;
                };
                self.connection.receive(&mut buffer[..length], Instant::now(), deliver).unwrap();
                if answered {
                    return attempt;
                }
            }
        }
        unreachable!("the deadline comes first")
    }
}

/// AC-DTLS-16, AC-DTLS-17, AC-DTLS-24: unknown ids hear nothing, with cookies known ones no more than they said, and an
/// established association goes on.
fn udp_flood(hello_verify: bool) {
    const DATAGRAMS: usize = 40_000;
    let ground = Ground::new();
    let more = format!("dtls: {{hello-verify: {hello_verify}}}\nlimits: {{attempts: 0}}\n").leak();
    let server = ground.start(&Parts { more, ..Parts::default() });
    let mut alice = session(&ground, &server, "alice");
    assert!((0..20).map(|number| alice.exchange(number)).sum::<u32>() < 25);
    let (before, _) = memory(&server);
    let port = server.udp_port.unwrap();
    let done = AtomicBool::new(false);
    let id = alice.id.clone();
    let (mut exchanges, mut repeated) = (0, 0);
    let [unknown, broken, known] = std::thread::scope(|scope| {
        let flood = scope.spawn(|| {
            let hello = dtls_hello(&id);
            let [mut unknown, mut broken, mut known] = [[2, 1], [3, 1], [4, 1]].map(|lasts| Flooder::new(&lasts, port));
            for number in 0..DATAGRAMS {
                let mut datagram = hello.clone();
                // The client's random, and where the session id lies behind it.
                datagram[27..59].copy_from_slice(&rand::random::<[u8; 32]>());
                assert_eq!(datagram[59], 32);
                match number % 8 {
                    0..3 => {
                        datagram[60..92].copy_from_slice(&rand::random::<[u8; 32]>());
                        unknown.send(&datagram);
                    }
                    3 => broken.send(&datagram[..rand::random_range(0..datagram.len())]),
                    4 => {
                        // What looks like a record of an association, and is none.
                        let mut record = vec![0x17, 0xfe, 0xfd, 0, 1, 0, 0, 0, 0, 0, 9, 0, 64];
                        record.extend_from_slice(&rand::random::<[u8; 32]>().repeat(2));
                        broken.send(&record);
                    }
                    5 => {
                        let at = rand::random_range(0..25);
                        datagram[at] ^= 1 << rand::random_range(0..8);
                        datagram[60..92].copy_from_slice(&rand::random::<[u8; 32]>());
                        broken.send(&datagram);
                    }
                    _ => known.send(&datagram),
                }
                if number % 32 == 0 {
                    std::thread::sleep(Duration::from_millis(2));
                }
            }
            done.store(true, Ordering::SeqCst);
            [unknown, broken, known]
        });
        // A newcomer gets everything while the flood goes on, and who was there keeps it.
        let mut bob = None;
        while !done.load(Ordering::SeqCst) {
            repeated += alice.exchange(100 + exchanges) - 1;
            exchanges += 1;
            if exchanges == 20 {
                bob = Some(session(&ground, &server, "bob"));
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        assert!(exchanges > 20, "the flood was over before anybody came: {exchanges}");
        bob.unwrap().exchange(7);
        flood.join().unwrap()
    });
    // Repetitions of the last flights come late.
    std::thread::sleep(Duration::from_secs(2));
    let [unknown, broken, known] = [unknown, broken, known].map(|mut flooder| {
        flooder.listen();
        flooder
    });
    eprintln!(
        "hello-verify {hello_verify}: {exchanges} exchanges, {repeated} repeated; sent and back: unknown {:?} {}, broken {:?} \
         {}, known {:?} {}",
        unknown.sent, unknown.back, broken.sent, broken.back, known.sent, known.back
    );
    assert!(unknown.sent.0 > DATAGRAMS / 4 && broken.sent.0 > DATAGRAMS / 4 && known.sent.0 > DATAGRAMS / 5);
    assert_eq!((unknown.back, broken.back), (0, 0), "AC-DTLS-16");
    assert!(known.back > 0, "the flood did not reach the server");
    // Without cookies the first flight goes to anybody who knows the id, and is not much longer than the hello.
    let most = if hello_verify { known.sent.1 } else { 2 * known.sent.1 };
    assert!(known.back <= most, "{} bytes came back for {}", known.back, known.sent.1);
    alice.exchange(9_999);
    let status = server.status();
    assert_eq!(status["sessions"][0]["user"], "alice");
    assert!(status["sessions"][0]["dtls_suite"].is_string(), "{status}");
    did_not_grow(&server, before);
    assert!(server.lines().len() < 200, "a flood fills the log: {} lines", server.lines().len());
}

#[test]
fn a_flood_of_client_hellos_over_udp_disturbs_no_session_with_cookies() {
    udp_flood(true);
}

#[test]
fn a_flood_of_client_hellos_over_udp_disturbs_no_session_without_cookies() {
    udp_flood(false);
}

/// A ClientHello of every length, by itself and from another address than the session's.
#[test]
fn a_client_hello_that_is_cut_anywhere_disturbs_no_session() {
    let ground = Ground::new();
    let server = ground.start(&Parts::default());
    let mut alice = session(&ground, &server, "alice");
    let hello = dtls_hello(&alice.id);
    let mut flooder = Flooder::new(&[2], server.udp_port.unwrap());
    for length in 0..hello.len() {
        flooder.send(&hello[..length]);
        alice.exchange(u32::try_from(length).unwrap());
    }
    flooder.listen();
    assert_eq!((flooder.sent.0, flooder.back), (hello.len(), 0));
}

/// AC-CSTP-02: a packet that is none is dropped and the session goes on; a frame that is none ends the session.
#[test]
fn malformed_packets_are_dropped_and_malformed_frames_end_the_session() {
    let ground = Ground::new();
    let server = ground.start(&Parts { more: LIMITS, ..Parts::default() });
    let (mut client, _, _) = tunnel(&ground, &server, "alice", &[]);
    for number in 0..2_000_usize {
        let length = number % 90;
        let packet: Vec<u8> = (0..length).map(|_| rand::random()).collect();
        let kind = [PacketType::Data, PacketType::Compressed, PacketType::Other(0x42)][number % 3];
        client.frame(kind, &packet);
        if number % 200 == 199 {
            client.frame(PacketType::DpdRequest, b"still there");
            let answer = client.next_frame();
            assert_eq!(answer, Some((PacketType::DpdResponse, b"still there".to_vec())), "after {number}");
        }
    }
    let mut wrong = frame::header(PacketType::Data, 20).unwrap().to_vec();
    wrong[0] ^= 1;
    wrong.extend_from_slice(&[0; 20]);
    client.wire.write_all(&wrong).unwrap();
    client.wire.flush().unwrap();
    while client.next_frame().is_some() {}
    server.line("a CSTP frame begins with");
    others_are_served(&ground, &server);
}
