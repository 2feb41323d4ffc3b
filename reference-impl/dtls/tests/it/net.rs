//! Both ends, every family, and a network with faults in virtual time.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use reference_dtls::{
    ClientConfig, Connection, HelloVerifier, Retransmit, Secret, ServerConfig, State, Suite, Verdict, Version,
};

/// Every pair of version and suite with which a connection is possible.
pub(crate) fn families() -> Vec<(Version, Suite)> {
    let modern = Suite::ALL.iter().map(|&suite| (Version::Dtls12, suite));
    let legacy = Suite::ALL.iter().filter(|suite| suite.is_cbc()).map(|&suite| (Version::Dtls09, suite));
    modern.chain(legacy).collect()
}

pub(crate) fn secret(suite: Suite) -> Secret {
    if suite.is_psk() {
        Secret::Psk { identity: b"psk".to_vec(), key: (0..32).collect() }
    } else {
        Secret::Master(std::array::from_fn(|index| index as u8 + 100))
    }
}

pub(crate) fn retransmit() -> Retransmit {
    Retransmit { first: Duration::from_millis(400), max: Duration::from_secs(4), give_up: Duration::from_secs(120) }
}

pub(crate) fn client_config(version: Version, suite: Suite) -> ClientConfig {
    ClientConfig {
        version,
        suites: vec![suite],
        secret: secret(suite),
        session_id: (50..82).collect(),
        mtu: 1400,
        retransmit: retransmit(),
    }
}

pub(crate) fn server_config(version: Version, suite: Suite) -> ServerConfig {
    let ClientConfig { version, suites, secret, session_id, mtu, retransmit } = client_config(version, suite);
    ServerConfig { version, suites, secret, session_id, mtu, retransmit }
}

/// A small generator, so that a seed says everything.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(crate) fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }

    pub(crate) fn percent(&mut self, chance: u8) -> bool {
        self.next() % 100 < u64::from(chance)
    }

    pub(crate) fn bytes(&mut self) -> [u8; 32] {
        std::array::from_fn(|_| self.next() as u8)
    }
}

/// What the network does to a datagram, in percent.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Faults {
    pub(crate) loss: u8,
    pub(crate) duplication: u8,
    pub(crate) reordering: u8,
    pub(crate) corruption: u8,
    /// Whether corruption may hit what is not authenticated before the Finished messages.
    pub(crate) anywhere: bool,
}

/// A client and a server with a network between them.
pub(crate) struct Net {
    pub(crate) now: Instant,
    pub(crate) client: Connection,
    pub(crate) server: Connection,
    pub(crate) verifier: Option<HelloVerifier>,
    pub(crate) faults: Faults,
    pub(crate) random: Random,
    /// What each side got, the client's first.
    pub(crate) delivered: [Vec<Vec<u8>>; 2],
    /// Number of datagrams sent, the client's first.
    pub(crate) sent: [usize; 2],
    verified: bool,
    order: u64,
    wire: BTreeMap<(Instant, u64), (bool, Vec<u8>)>,
}

pub(crate) const PEER: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 7)), 4444);

impl Net {
    pub(crate) fn new(client: ClientConfig, server: ServerConfig, seed: u64, hello_verify: bool) -> Self {
        let now = Instant::now();
        let mut random = Random(seed);
        Self {
            now,
            client: Connection::client(client, random.bytes(), now),
            server: Connection::server(server, random.bytes(), now),
            verifier: hello_verify.then(|| HelloVerifier::new(random.bytes())),
            faults: Faults::default(),
            random,
            delivered: [Vec::new(), Vec::new()],
            sent: [0, 0],
            verified: false,
            order: 0,
            wire: BTreeMap::new(),
        }
    }

    pub(crate) fn of(version: Version, suite: Suite, seed: u64, hello_verify: bool) -> Self {
        Self::new(client_config(version, suite), server_config(version, suite), seed, hello_verify)
    }

    /// Hands a datagram to the network.
    pub(crate) fn send(&mut self, to_server: bool, mut datagram: Vec<u8>) {
        self.sent[usize::from(!to_server)] += 1;
        if self.random.percent(self.faults.loss) {
            return;
        }
        let copies = 1 + usize::from(self.random.percent(self.faults.duplication));
        if self.random.percent(self.faults.corruption) {
            let at = self.corruptible(&datagram);
            datagram[at] ^= 1 << self.random.below(8);
        }
        for _ in 0..copies {
            let extra = if self.random.percent(self.faults.reordering) { self.random.below(300) as u64 } else { 0 };
            let at = self.now + Duration::from_millis(20 + extra);
            self.order += 1;
            self.wire.insert((at, self.order), (to_server, datagram.clone()));
        }
    }

    /// Finds a byte whose change is noticed. Handshake messages in plaintext are not protected, so that their change
    /// would end the handshake for good; the first header and what is behind ChangeCipherSpec may change.
    fn corruptible(&mut self, datagram: &[u8]) -> usize {
        if self.faults.anywhere || datagram[4] == 1 {
            return self.random.below(datagram.len());
        }
        let protected = records(datagram).into_iter().find(|&(start, _)| datagram[start + 4] == 1);
        match protected {
            Some((start, _)) if self.random.percent(50) => start + self.random.below(datagram.len() - start),
            _ => self.random.below(13),
        }
    }

    fn flush(&mut self) {
        while let Some(datagram) = self.client.poll_transmit() {
            self.send(true, datagram);
        }
        while let Some(datagram) = self.server.poll_transmit() {
            self.send(false, datagram);
        }
    }

    /// Lets the next thing happen; none is left when it gives false.
    pub(crate) fn step(&mut self) -> bool {
        self.flush();
        let arrival = self.wire.keys().next().map(|&(at, _)| at);
        let timers = [self.client.poll_timeout(), self.server.poll_timeout()];
        let Some(next) = timers.into_iter().flatten().chain(arrival).min() else { return false };
        self.now = self.now.max(next);
        if arrival.is_some_and(|at| at <= self.now) {
            let Some((_, (to_server, datagram))) = self.wire.pop_first() else { return false };
            self.arrive(to_server, datagram);
        } else {
            self.client.on_timeout(self.now);
            self.server.on_timeout(self.now);
        }
        self.flush();
        true
    }

    fn arrive(&mut self, to_server: bool, mut datagram: Vec<u8>) {
        if let (true, false, Some(verifier)) = (to_server, self.verified, &self.verifier) {
            match verifier.respond(&datagram, PEER) {
                Verdict::Verified => self.verified = true,
                Verdict::Reply(reply) => return self.send(false, reply),
                Verdict::Drop => return,
            }
        }
        let (connection, delivered) = if to_server {
            (&mut self.server, &mut self.delivered[1])
        } else {
            (&mut self.client, &mut self.delivered[0])
        };
        let _ = connection.receive(&mut datagram, self.now, &mut |data| delivered.push(data.to_vec()));
    }

    /// Loses all that is on its way.
    pub(crate) fn lose_everything(&mut self) {
        self.wire.clear();
    }

    /// Runs for a while of virtual time.
    pub(crate) fn run_for(&mut self, time: Duration) {
        let end = self.now + time;
        self.flush();
        while self.next_event().is_some_and(|next| next <= end) && self.step() {}
        self.now = end;
    }

    fn next_event(&self) -> Option<Instant> {
        let arrival = self.wire.keys().next().map(|&(at, _)| at);
        [self.client.poll_timeout(), self.server.poll_timeout(), arrival].into_iter().flatten().min()
    }

    /// Runs until both are established; false if that does not happen within `time`.
    pub(crate) fn establish(&mut self, time: Duration) -> bool {
        let end = self.now + time;
        while !(self.client.is_established() && self.server.is_established()) {
            if self.now > end || !self.step() {
                return false;
            }
        }
        true
    }

    /// Seals and sends one packet.
    pub(crate) fn data(&mut self, from_client: bool, packet: &[u8]) {
        let connection = if from_client { &mut self.client } else { &mut self.server };
        let mut out = Vec::new();
        connection.seal(&[&[0], packet], &mut out).unwrap();
        self.send(from_client, out);
    }
}

/// Gives start and end of the records of a datagram.
pub(crate) fn records(datagram: &[u8]) -> Vec<(usize, usize)> {
    let mut found = Vec::new();
    let mut start = 0;
    while start + 13 <= datagram.len() {
        let end = start + 13 + usize::from(u16::from_be_bytes([datagram[start + 11], datagram[start + 12]]));
        if end > datagram.len() {
            break;
        }
        found.push((start, end));
        start = end;
    }
    found
}

/// Makes an established pair over a network without faults.
pub(crate) fn established(version: Version, suite: Suite) -> Net {
    let mut net = Net::of(version, suite, 1, false);
    assert!(net.establish(Duration::from_secs(1)), "{version:?} {suite:?} {:?}", net.client.state());
    net.run_for(Duration::from_millis(100));
    assert_eq!(net.client.state(), State::Established);
    net
}
