//! Two data planes, what runs between them, and inner packets.

use std::fmt::Debug;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::unix::net::UnixDatagram;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use std::{io, thread};

use reference_cstp::compress::Compression;
use reference_cstp::defects::Defects;
use reference_cstp::session::{DtlsPolicy, MtuPlan, RetrySchedule, Role, SessionConfig, Timers};
use reference_dtls::{ClientConfig, Retransmit, Secret, ServerConfig, Suite, Version};
use reference_tunnel::plane::{
    Attach, Device, DtlsSetup, Plane, PlaneConfig, PlaneEvent, PlaneHandle, PlaneStats, SessionId, SessionStats,
};
use reference_tunnel::tls::TlsChannel;
use tokio::sync::mpsc::UnboundedReceiver;

use crate::common;
use crate::common::{Identity, Library, Only};

/// Nothing in these tests takes as long.
pub const PATIENCE: Duration = Duration::from_secs(10);
pub const LABEL: &str = "EXPORTER-openconnect-psk";

/// One data plane with the other end of its device.
pub struct Side {
    pub handle: PlaneHandle,
    pub device: UnixDatagram,
    events: UnboundedReceiver<PlaneEvent>,
}

impl Side {
    pub fn new(change: impl FnOnce(&mut PlaneConfig), role: Role) -> Self {
        let (inside, device) = UnixDatagram::pair().unwrap();
        device.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut config = PlaneConfig::new(role, Device::Pair(inside));
        change(&mut config);
        let (handle, events) = Plane::start(config).unwrap();
        Self { handle, device, events }
    }

    /// Waits for an event that `pick` takes; others are passed over.
    pub async fn wait<T>(&mut self, what: impl Debug, mut pick: impl FnMut(&PlaneEvent) -> Option<T>) -> T {
        let mut seen = Vec::new();
        let found = tokio::time::timeout(PATIENCE, async {
            loop {
                let event = self.events.recv().await.expect("the data plane is gone");
                if let Some(found) = pick(&event) {
                    return found;
                }
                seen.push(event);
            }
        });
        found.await.unwrap_or_else(|_| panic!("no {what:?} among {seen:#?}"))
    }

    pub async fn dtls_up(&mut self) -> (Option<Suite>, Version, bool) {
        self.wait("DtlsUp", |event| match event {
            PlaneEvent::DtlsUp { suite, version, resumed, .. } => Some((*suite, *version, *resumed)),
            _ => None,
        })
        .await
    }

    /// The events that are there already.
    pub fn pending(&mut self) -> Vec<PlaneEvent> {
        std::iter::from_fn(|| self.events.try_recv().ok()).collect()
    }

    pub async fn plane_stats(&self) -> PlaneStats {
        tokio::time::timeout(PATIENCE, self.handle.stats()).await.unwrap().unwrap()
    }

    pub async fn stats(&self) -> SessionStats {
        self.plane_stats().await.sessions.into_iter().next().unwrap()
    }

    pub fn send(&self, packet: &[u8]) {
        assert_eq!(self.device.send(packet).unwrap(), packet.len());
    }

    /// The next inner packet.
    pub fn receive(&self) -> Vec<u8> {
        receive(&self.device)
    }

    /// Asserts that no inner packet came so far; `barrier` is one that is sent afterwards and does come.
    pub fn receives_only(&self, barrier: &[u8]) {
        assert_eq!(self.receive(), barrier);
    }
}

/// The next inner packet of a device.
pub fn receive(device: &UnixDatagram) -> Vec<u8> {
    let mut buffer = vec![0; 20_000];
    let length = device.recv(&mut buffer).expect("no inner packet came");
    buffer.truncate(length);
    buffer
}

pub const CLIENT: Ipv4Addr = Ipv4Addr::new(10, 9, 0, 1);
pub const SERVER: Ipv4Addr = Ipv4Addr::new(10, 9, 255, 254);

/// The inner address of session number `number`.
pub fn address(number: u64) -> Ipv4Addr {
    Ipv4Addr::from(u32::from(Ipv4Addr::new(10, 9, 0, 0)) + u32::try_from(number).unwrap())
}

/// A UDP packet of `length` bytes that carries a number.
pub fn packet(from: Ipv4Addr, to: Ipv4Addr, number: u32, length: usize) -> Vec<u8> {
    let mut packet = vec![0; length.max(32)];
    packet[0] = 0x45;
    let total = u16::try_from(packet.len()).unwrap();
    packet[2..4].copy_from_slice(&total.to_be_bytes());
    (packet[8], packet[9]) = (64, 17);
    packet[12..16].copy_from_slice(&from.octets());
    packet[16..20].copy_from_slice(&to.octets());
    packet[28..32].copy_from_slice(&number.to_be_bytes());
    packet
}

pub fn number(packet: &[u8]) -> u32 {
    u32::from_be_bytes(packet[28..32].try_into().unwrap())
}

pub fn up(number: u32) -> Vec<u8> {
    packet(CLIENT, SERVER, number, 200)
}

pub fn down(number: u32) -> Vec<u8> {
    packet(SERVER, CLIENT, number, 200)
}

/// Both data planes.
pub struct Pair {
    pub client: Side,
    pub server: Side,
    pub udp: SocketAddr,
    pub identity: Identity,
}

impl Pair {
    pub fn new() -> Self {
        Self::with(|_| {}, |_| {})
    }

    pub fn with(client: impl FnOnce(&mut PlaneConfig), server: impl FnOnce(&mut PlaneConfig)) -> Self {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let udp = socket.local_addr().unwrap();
        let change = |config: &mut PlaneConfig| {
            config.udp.push(socket);
            server(config);
        };
        let (client, server) = (Side::new(client, Role::Client), Side::new(change, Role::Server));
        Self { client, server, udp, identity: Identity::new() }
    }

    /// A TLS connection as it is behind the CONNECT reply.
    pub fn connect(
        &self,
        libraries: (Library, Library),
        version: Only,
    ) -> ((TcpStream, TlsChannel), (TcpStream, TlsChannel)) {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let one = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let two = listener.accept().unwrap().0;
        let mut client = common::client(libraries.0, version, &self.identity);
        let mut server = common::server(libraries.1, version, &self.identity);
        common::exchange(&mut client, &mut server);
        ((one, client), (two, server))
    }

    /// Attaches both ends of one session.
    pub fn attach(&self, plan: &Plan) {
        let (client, server) = self.connect(plan.libraries, plan.version);
        let (client, server) = plan.attaches(client, server);
        self.server.handle.attach(server);
        self.client.handle.attach(client);
    }

    /// One packet each way.
    pub fn both_ways(&self, number: u32) {
        self.client.send(&up(number));
        assert_eq!(self.server.receive(), up(number));
        self.server.send(&down(number));
        assert_eq!(self.client.receive(), down(number));
    }

    /// Waits until data leaves on this channel on both sides.
    pub async fn both_on(&mut self, channel: reference_cstp::session::Channel) {
        for side in [&mut self.client, &mut self.server] {
            let until = Instant::now() + PATIENCE;
            while side.stats().await.channel != channel {
                assert!(Instant::now() < until, "never on {channel:?}");
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        }
    }

    pub fn stop(self) {
        self.client.handle.stop();
        self.server.handle.stop();
    }
}

/// How DTLS is set up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    None,
    Psk,
    Resumption,
    Legacy,
}

/// How a session is attached.
#[derive(Clone)]
pub struct Plan {
    pub number: u64,
    pub libraries: (Library, Library),
    pub version: Only,
    pub family: Family,
    /// Where the client sends its datagrams.
    pub remote: SocketAddr,
    pub client: SessionConfig,
    pub server: SessionConfig,
    pub compression: (Compression, Compression),
    pub early: Vec<u8>,
}

impl Plan {
    pub fn new(pair: &Pair, family: Family) -> Self {
        let mtu = MtuPlan::fixed(1400);
        let mut client = SessionConfig::new(Role::Client, mtu);
        if family != Family::None {
            client.dtls_policy = Some(DtlsPolicy { schedule: quick_schedule() });
        }
        Self {
            number: 1,
            libraries: (Library::Rustls, Library::Rustls),
            version: Only::Tls13,
            family,
            remote: pair.udp,
            client,
            server: SessionConfig::new(Role::Server, mtu),
            compression: (Compression::None, Compression::None),
            early: Vec::new(),
        }
    }

    /// DPD on DTLS of the client.
    pub fn dtls_dpd(mut self, interval: Duration) -> Self {
        self.client.dtls = Timers { dpd: Some(interval), keepalive: None };
        self
    }

    pub fn attaches(&self, client: (TcpStream, TlsChannel), server: (TcpStream, TlsChannel)) -> (Attach, Attach) {
        let (one, two) = self.dtls(&client.1, &server.1);
        let inner = vec![IpAddr::from(address(self.number)).into()];
        let (id, compression) = (SessionId(self.number), self.compression);
        let attach = |(tcp, tls), session: &SessionConfig, dtls, early| Attach {
            id,
            tcp,
            tls,
            early,
            session: session.clone(),
            inner: inner.clone(),
            dtls,
            compression,
        };
        (attach(client, &self.client, one, self.early.clone()), attach(server, &self.server, two, Vec::new()))
    }

    fn dtls(&self, client: &TlsChannel, server: &TlsChannel) -> (Option<DtlsSetup>, Option<DtlsSetup>) {
        let (version, suites) = match self.family {
            Family::None => return (None, None),
            Family::Psk => (Version::Dtls12, vec![Suite::PskAes256GcmSha384, Suite::PskAes128GcmSha256]),
            Family::Resumption => (Version::Dtls12, vec![Suite::EcdheRsaAes256GcmSha384]),
            Family::Legacy => (Version::Dtls09, vec![Suite::RsaAes256CbcSha]),
        };
        let secret = |channel: &TlsChannel| match self.family {
            Family::Psk => Secret::Psk { identity: b"psk".to_vec(), key: channel.export(LABEL, 32).unwrap() },
            _ => Secret::Master([0x5a; 48]),
        };
        let mut session_id = vec![0xa5; 32];
        session_id[..8].copy_from_slice(&self.number.to_be_bytes());
        let retransmit = Retransmit { first: Duration::from_millis(50), ..Retransmit::default() };
        let server = ServerConfig {
            version,
            suites: suites.clone(),
            secret: secret(server),
            session_id: session_id.clone(),
            mtu: 1472,
            retransmit,
        };
        let client = ClientConfig { version, suites, secret: secret(client), session_id, mtu: 1472, retransmit };
        (Some(DtlsSetup::Client { remote: self.remote, config: client }), Some(DtlsSetup::Server { config: server }))
    }
}

/// AnyConnect's schedule, faster.
pub fn quick_schedule() -> RetrySchedule {
    RetrySchedule::AnyConnect { deadline: Duration::from_secs(2), back_off: [Duration::from_millis(100); 5] }
}

pub fn defects(mutant: reference_cstp::defects::Mutant) -> Defects {
    [mutant].into_iter().collect()
}

/// A relay for datagrams between the client and the server, which can go silent or change its address.
pub struct Relay {
    pub address: SocketAddr,
    pub silent: Arc<AtomicBool>,
    /// What is longer vanishes, in bytes of payload.
    pub largest: Arc<AtomicUsize>,
    /// How often the server saw the client from a new port.
    pub moves: Arc<AtomicUsize>,
    over: Arc<AtomicBool>,
}

impl Relay {
    pub fn new(server: SocketAddr) -> Self {
        let front = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = front.local_addr().unwrap();
        let [silent, over] = [(); 2].map(|()| Arc::new(AtomicBool::new(false)));
        let moves = Arc::new(AtomicUsize::new(0));
        let largest = Arc::new(AtomicUsize::new(usize::MAX));
        let relay = Self {
            address,
            silent: Arc::clone(&silent),
            largest: Arc::clone(&largest),
            moves: Arc::clone(&moves),
            over: Arc::clone(&over),
        };
        thread::spawn(move || {
            let mut backs: Vec<(SocketAddr, UdpSocket)> = Vec::new();
            let (mut moved, mut buffer) = (0, vec![0; 65_536]);
            front.set_read_timeout(Some(Duration::from_millis(1))).unwrap();
            while !over.load(Ordering::SeqCst) {
                let (silent, largest) = (silent.load(Ordering::SeqCst), largest.load(Ordering::SeqCst));
                let pass = |length| !silent && length <= largest;
                if moves.load(Ordering::SeqCst) != moved {
                    moved = moves.load(Ordering::SeqCst);
                    backs.iter_mut().for_each(|(_, back)| *back = back_socket(server));
                }
                // In turns: a client that never pauses must not keep the answers from it.
                for _ in 0..16 {
                    let Ok((length, from)) = front.recv_from(&mut buffer) else { break };
                    if !backs.iter().any(|(client, _)| *client == from) {
                        backs.push((from, back_socket(server)));
                    }
                    let (_, back) = backs.iter().find(|(client, _)| *client == from).unwrap();
                    if pass(length) {
                        let _ = back.send(&buffer[..length]);
                    }
                }
                for (client, back) in &backs {
                    while let Ok(length) = back.recv(&mut buffer) {
                        if pass(length) {
                            let _ = front.send_to(&buffer[..length], client);
                        }
                    }
                }
            }
        });
        relay
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.over.store(true, Ordering::SeqCst);
    }
}

fn back_socket(server: SocketAddr) -> UdpSocket {
    let back = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    back.connect(server).unwrap();
    back.set_nonblocking(true).unwrap();
    back
}

/// Whether nothing is readable.
pub fn is_silent(device: &UnixDatagram) -> bool {
    device.set_nonblocking(true).unwrap();
    let result = device.recv(&mut [0; 100]);
    device.set_nonblocking(false).unwrap();
    result.is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock)
}
