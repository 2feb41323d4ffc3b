//! DTLS in its families: first datagrams, handshakes, records.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use reference_dtls::{
    ClientConfig, Connection, HelloVerifier, Retransmit, Secret, ServerConfig, State, Suite, Verdict as Hello, Version,
    peek_client_hello,
};

use crate::dice::Dice;
use crate::harness::{Parser, Verdict};

const PEER: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 7)), 4444);
const COOKIES: [u8; 32] = [9; 32];

/// What distinguishes one handshake from another.
#[derive(Clone, Copy, Debug)]
struct Scene {
    version: Version,
    suite: Suite,
    verify: bool,
    mtu: u16,
}

const SCENES: &[Scene] = &{
    const fn scene(version: Version, suite: Suite, verify: bool, mtu: u16) -> Scene {
        Scene { version, suite, verify, mtu }
    }
    [
        scene(Version::Dtls12, Suite::PskAes256GcmSha384, false, 1400),
        scene(Version::Dtls12, Suite::PskChacha20Poly1305Sha256, true, 1400),
        scene(Version::Dtls12, Suite::PskAes128GcmSha256, true, 128),
        scene(Version::Dtls12, Suite::RsaAes256GcmSha384, false, 1400),
        scene(Version::Dtls12, Suite::EcdheRsaAes128GcmSha256, true, 1400),
        scene(Version::Dtls12, Suite::RsaAes128CbcSha, true, 140),
        scene(Version::Dtls09, Suite::RsaAes256CbcSha, false, 1400),
        scene(Version::Dtls09, Suite::RsaAes128CbcSha, true, 1400),
    ]
};

impl Scene {
    fn client(&self, now: Instant) -> Connection {
        let secret = if self.suite.is_psk() {
            Secret::Psk { identity: b"psk".to_vec(), key: (0..32).collect() }
        } else {
            Secret::Master(std::array::from_fn(|at| at as u8))
        };
        let config = ClientConfig {
            version: self.version,
            suites: vec![self.suite],
            secret,
            session_id: (50..82).collect(),
            mtu: self.mtu,
            retransmit: Retransmit::default(),
        };
        Connection::client(config, [1; 32], now)
    }

    fn server(&self, now: Instant) -> Connection {
        let secret = if self.suite.is_psk() {
            Secret::Psk { identity: Vec::new(), key: (0..32).collect() }
        } else {
            Secret::Master(std::array::from_fn(|at| at as u8))
        };
        let config = ServerConfig {
            version: self.version,
            suites: vec![self.suite],
            secret,
            session_id: (50..82).collect(),
            mtu: self.mtu,
            retransmit: Retransmit::default(),
        };
        Connection::server(config, [2; 32], now)
    }

    fn end(&self, is_client: bool, now: Instant) -> Connection {
        if is_client { self.client(now) } else { self.server(now) }
    }
}

/// One handshake as it was, with the packets behind it.
struct Recorded {
    scene: Scene,
    /// What the server got before its connection began.
    refused: Vec<Vec<u8>>,
    /// What the server and the client got.
    to: [Vec<Vec<u8>>; 2],
    /// Datagrams of packets to each, and what is in them; the last one stays unchanged.
    packets: [Vec<Vec<u8>>; 2],
    plain: [Vec<Vec<u8>>; 2],
}

fn record(scene: &Scene) -> Recorded {
    let now = Instant::now();
    let verifier = HelloVerifier::new(COOKIES);
    let (mut client, mut server) = (scene.client(now), scene.server(now));
    let (mut refused, mut to) = (Vec::new(), [Vec::new(), Vec::new()]);
    let mut verified = !scene.verify;
    for _ in 0..6 {
        while let Some(datagram) = client.poll_transmit() {
            if !verified {
                match verifier.respond(&datagram, PEER) {
                    Hello::Reply(reply) => {
                        refused.push(datagram);
                        to[1].push(reply.clone());
                        client.receive(&mut reply.clone(), now, &mut |_| ()).unwrap();
                        continue;
                    }
                    Hello::Verified => verified = true,
                    Hello::Drop => panic!("a valid hello is dropped"),
                }
            }
            to[0].push(datagram.clone());
            server.receive(&mut datagram.clone(), now, &mut |_| ()).unwrap();
        }
        while let Some(datagram) = server.poll_transmit() {
            to[1].push(datagram.clone());
            client.receive(&mut datagram.clone(), now, &mut |_| ()).unwrap();
        }
    }
    assert!(client.is_established() && server.is_established(), "{scene:?}");
    let (mut packets, mut plain) = ([Vec::new(), Vec::new()], [Vec::new(), Vec::new()]);
    for (side, connection) in [&mut client, &mut server].into_iter().enumerate() {
        for count in [1, 1, 3, 1, 2, 1] {
            let mut datagram = Vec::new();
            for number in 0..count {
                let packet = vec![(plain[side].len() + number) as u8; 20 + 400 * number];
                connection.seal(&[&[0], &packet], &mut datagram).unwrap();
                plain[side].push([&[0][..], &packet].concat());
            }
            packets[side].push(datagram);
        }
    }
    Recorded { scene: *scene, refused, to, packets, plain }
}

fn record_all() -> Vec<Recorded> {
    SCENES.iter().map(record).collect()
}

/// Takes all that waits to be sent; a peer must not make a connection talk without end.
fn drain(connection: &mut Connection) -> usize {
    let mut bytes = 0;
    while let Some(datagram) = connection.poll_transmit() {
        bytes += datagram.len();
        assert!(bytes <= 32 << 10, "a connection talks without end");
    }
    bytes
}

/// The look into a first datagram, and its cookie.
pub(crate) struct Hellos {
    verifier: HelloVerifier,
    samples: Vec<(usize, Vec<u8>)>,
}

impl Hellos {
    pub(crate) fn new() -> Self {
        let mut samples = Vec::new();
        for recorded in record_all() {
            samples.extend(recorded.refused.iter().chain(recorded.to[0].first()).cloned());
        }
        // The App-ID in its extension, behind the others.
        let mut hello = samples[0].clone();
        let extension = [&[0xbb, 0x92, 0, 17, 16][..], &[0xcd; 16]].concat();
        let has_extensions = hello.len() == 93;
        assert!(!has_extensions, "the first hello is long enough without padding");
        hello.extend_from_slice(&(extension.len() as u16).to_be_bytes());
        hello.extend_from_slice(&extension);
        for at in [11, 15, 23] {
            let length = u16::from_be_bytes([hello[at], hello[at + 1]]) + 2 + extension.len() as u16;
            hello[at..at + 2].copy_from_slice(&length.to_be_bytes());
        }
        assert_eq!(peek_client_hello(&hello).unwrap().session_id, [0xcd; 16]);
        samples.push(hello);
        let samples = samples.into_iter().map(|sample| (0, sample)).collect();
        Self { verifier: HelloVerifier::new(COOKIES), samples }
    }
}

impl Parser for Hellos {
    fn name(&self) -> &'static str {
        "dtls-hellos"
    }

    fn samples(&self) -> Vec<(usize, Vec<u8>)> {
        self.samples.clone()
    }

    fn feed(&mut self, _: usize, input: &[u8], _: &mut Dice) -> Verdict {
        let peek = peek_client_hello(input);
        if let Some(peek) = &peek {
            assert!((1..=255).contains(&peek.session_id.len()) && peek.random != [0; 32]);
        }
        match self.verifier.respond(input, PEER) {
            Hello::Verified => {
                let known = self.samples.iter().any(|(_, sample)| input.len() >= sample.len() && peek.is_some());
                assert!(known, "a cookie is right that was never given");
                Verdict::Accepted
            }
            Hello::Reply(reply) => {
                assert!(reply.len() <= input.len(), "{} bytes for {}", reply.len(), input.len());
                Verdict::Accepted
            }
            Hello::Drop => {
                assert!(peek.is_none(), "a hello that can be read is dropped");
                Verdict::Refused("no hello that is answered".into())
            }
        }
    }
}

/// Handshakes with one changed datagram in them.
pub(crate) struct Handshakes {
    recorded: Vec<Recorded>,
    /// Which handshake, which side, how many datagrams it got before.
    states: Vec<(usize, usize, usize)>,
}

impl Handshakes {
    pub(crate) fn new() -> Self {
        let recorded = record_all();
        let mut states = Vec::new();
        for (at, it) in recorded.iter().enumerate() {
            for (side, datagrams) in it.to.iter().enumerate() {
                states.extend((0..datagrams.len()).map(|before| (at, side, before)));
            }
        }
        Self { recorded, states }
    }
}

impl Parser for Handshakes {
    fn name(&self) -> &'static str {
        "dtls-handshakes"
    }

    fn samples(&self) -> Vec<(usize, Vec<u8>)> {
        let datagram = |&(at, side, before): &(usize, usize, usize)| self.recorded[at].to[side][before].clone();
        self.states.iter().map(datagram).enumerate().collect()
    }

    fn feed(&mut self, state: usize, input: &[u8], dice: &mut Dice) -> Verdict {
        let (at, side, before) = self.states[state % self.states.len()];
        let recorded = &self.recorded[at];
        let mut now = Instant::now();
        let mut connection = recorded.scene.end(side == 1, now);
        drain(&mut connection);
        let datagrams = &recorded.to[side];
        for datagram in &datagrams[..before] {
            connection.receive(&mut datagram.clone(), now, &mut |_| ()).unwrap();
            drain(&mut connection);
        }
        let mut refusal = None;
        let mut told = 0;
        for _ in 0..=dice.below(3) {
            let result = connection.receive(&mut input.to_vec(), now, &mut |_| panic!("data before the end"));
            refusal = refusal.or(result.err());
            told += drain(&mut connection);
        }
        assert!(told <= 3 * (8 << 10), "{told} bytes in answer");
        for datagram in &datagrams[before + 1..] {
            let _ = connection.receive(&mut datagram.clone(), now, &mut |_| ());
            drain(&mut connection);
        }
        if matches!(connection.state(), State::Handshaking) && dice.one_in(2) {
            while let Some(next) = connection.poll_timeout() {
                now = now.max(next) + Duration::from_millis(1);
                connection.on_timeout(now);
                drain(&mut connection);
            }
            assert!(matches!(connection.state(), State::Failed(_)), "it never gives up");
        }
        let _ = (connection.overhead(), connection.capacity(1400), connection.key_log_line(), connection.suite());
        let sealed = connection.seal(&[&[0], b"packet"], &mut Vec::new());
        assert_eq!(sealed.is_ok(), connection.is_established());
        match connection.state() {
            State::Established => Verdict::Accepted,
            State::Handshaking => Verdict::Waiting,
            State::Closed => Verdict::Refused("closed".into()),
            State::Failed(error) => {
                assert!(refusal.is_none_or(|first| first == error), "it failed twice");
                Verdict::Refused(error.to_string())
            }
        }
    }

    fn memory(&self) -> (usize, usize) {
        (128 << 10, 16)
    }
}

/// Established connections that get one changed datagram: it is dropped, and the connection lives (AC-DTLS-29).
pub(crate) struct Records {
    recorded: Vec<Recorded>,
    /// Which connection, which side, which datagram.
    states: Vec<(usize, usize, usize)>,
}

impl Records {
    pub(crate) fn new() -> Self {
        let recorded = record_all();
        let mut states = Vec::new();
        for (at, it) in recorded.iter().enumerate() {
            for (side, datagrams) in it.packets.iter().enumerate() {
                states.extend((0..datagrams.len() - 1).map(|number| (at, side, number)));
            }
        }
        Self { recorded, states }
    }
}

impl Parser for Records {
    fn name(&self) -> &'static str {
        "dtls-records"
    }

    fn samples(&self) -> Vec<(usize, Vec<u8>)> {
        let datagram = |&(at, side, number): &(usize, usize, usize)| self.recorded[at].packets[side][number].clone();
        self.states.iter().map(datagram).enumerate().collect()
    }

    fn feed(&mut self, state: usize, input: &[u8], dice: &mut Dice) -> Verdict {
        let (at, side, _) = self.states[state % self.states.len()];
        let recorded = &self.recorded[at];
        let now = Instant::now();
        let mut connection = recorded.scene.end(side == 1, now);
        for datagram in &recorded.to[side] {
            connection.receive(&mut datagram.clone(), now, &mut |_| ()).unwrap();
        }
        assert!(connection.is_established());
        drain(&mut connection);
        let mut delivered = Vec::new();
        // What a peer may repeat, too.
        let again = dice.below(3);
        for _ in 0..=again {
            let result = connection.receive(&mut input.to_vec(), now, &mut |data| delivered.push(data.to_vec()));
            assert_eq!(result, Ok(()), "a datagram ends a connection");
            drain(&mut connection);
        }
        let (count, plain) = (delivered.len(), &recorded.plain[side]);
        for packet in &delivered {
            assert!(plain.contains(packet), "a packet arrives that was never sent");
        }
        delivered.sort();
        delivered.dedup();
        assert_eq!(delivered.len(), count, "a packet arrives twice");
        let mut last = None;
        let probe = recorded.packets[side].last().unwrap();
        let result = connection.receive(&mut probe.clone(), now, &mut |data| last = Some(data.to_vec()));
        assert_eq!((result, last.as_ref()), (Ok(()), plain.last()), "the next packet is lost");
        if count > 0 { Verdict::Accepted } else { Verdict::Refused("no record of it can be read".into()) }
    }

    fn memory(&self) -> (usize, usize) {
        (128 << 10, 16)
    }
}
