//! Sends a numbered flow and listens for its echoes.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use interop_evidence::{FlowRecord, FlowSummary};
use tokio::net::UdpSocket;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, timeout};

use super::{NumberedPacket, summarise};
use crate::Clock;

/// Packets of one flow; after the last of them nothing more is sent.
pub const MAX_FLOW_PACKETS: usize = 1_000_000;

/// What to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FlowSpec {
    /// Name in the scenario.
    pub name: String,
    /// Tells this flow from others in the same cell.
    pub flow: u32,
    /// UDP echo service.
    pub target: SocketAddr,
    /// Between two packets; tokio's timer makes at least 1 ms of it.
    pub interval: Duration,
    /// UDP payload in bytes, at least [`NumberedPacket::MIN_SIZE`].
    pub size: usize,
}

/// What came of a flow.
#[derive(Clone, Debug, PartialEq)]
pub struct FlowReport {
    /// Each packet, in the order of sending.
    pub records: Vec<FlowRecord>,
    /// All of it in numbers.
    pub summary: FlowSummary,
    /// Packets that the kernel did not take (no route, for instance); they are among the records, never echoed.
    pub send_errors: u32,
    /// What the kernel said last.
    pub last_error: Option<String>,
}

#[derive(Default)]
struct State {
    records: Vec<FlowRecord>,
    duplicated: u32,
    reordered: u32,
    /// Highest number that came back.
    newest: Option<u32>,
    send_errors: u32,
    last_error: Option<String>,
}

struct Shared {
    spec: FlowSpec,
    socket: UdpSocket,
    clock: Clock,
    state: Mutex<State>,
    /// Told of every echo.
    echo: Notify,
}

/// A running flow; it ends when this handle is dropped.
pub struct NumberedFlow {
    shared: Arc<Shared>,
    sender: JoinSet<()>,
    _receiver: JoinSet<()>,
}

impl NumberedFlow {
    /// Begins to send. The socket is better bound to a wildcard address and not connected: then each packet follows
    /// the routes of its moment, as an application's would that knows nothing of the tunnel.
    pub fn start(socket: std::net::UdpSocket, spec: FlowSpec, clock: Clock) -> io::Result<Self> {
        if spec.interval.is_zero() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "the interval of a flow is zero"));
        }
        socket.set_nonblocking(true)?;
        let socket = UdpSocket::from_std(socket)?;
        let shared = Arc::new(Shared { spec, socket, clock, state: Mutex::default(), echo: Notify::new() });
        let (mut sender, mut receiver) = (JoinSet::new(), JoinSet::new());
        sender.spawn(send(Arc::clone(&shared)));
        receiver.spawn(receive(Arc::clone(&shared)));
        Ok(Self { shared, sender, _receiver: receiver })
    }

    /// The packets so far.
    pub fn records(&self) -> Vec<FlowRecord> {
        self.shared.state().records.clone()
    }

    /// Stops sending, and waits up to `linger` for the echo of the last packet.
    pub async fn stop(mut self, linger: Duration) -> FlowReport {
        self.sender.shutdown().await;
        let last_echo = async {
            while self.shared.state().awaited() {
                self.shared.echo.notified().await;
            }
        };
        let _ = timeout(linger, last_echo).await; // what has not come by then is lost
        let state = std::mem::take(&mut *self.shared.state());
        let summary = summarise(&self.shared.spec.name, &state.records, state.duplicated, state.reordered);
        FlowReport { records: state.records, summary, send_errors: state.send_errors, last_error: state.last_error }
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Whether the last packet has not come back yet.
    fn awaited(&self) -> bool {
        self.records.last().is_some_and(|record| record.echoed.is_none())
    }

    fn failed(&mut self, error: String) {
        self.send_errors += 1;
        self.last_error = Some(error);
    }

    fn echoed(&mut self, seq: u32, clock: Clock) {
        let Some(record) = self.records.get_mut(seq as usize) else { return };
        if record.echoed.is_some() {
            self.duplicated += 1;
            return;
        }
        record.echoed = Some(clock.now());
        match self.newest {
            Some(newest) if seq < newest => self.reordered += 1,
            _ => self.newest = Some(seq),
        }
    }
}

async fn send(shared: Arc<Shared>) {
    let Shared { spec, socket, clock, .. } = &*shared;
    let mut ticks = interval(spec.interval);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip); // no burst after a stall
    for seq in 0..u32::try_from(MAX_FLOW_PACKETS).unwrap_or(u32::MAX) {
        ticks.tick().await;
        let packet = NumberedPacket { flow: spec.flow, seq, sent: clock.now() };
        shared.state().records.push(FlowRecord { seq, sent: packet.sent, echoed: None });
        // A full send buffer must not stop the flow either: the packet counts as lost, the next one has its own time.
        let sent = timeout(spec.interval, socket.send_to(&packet.encode(spec.size), spec.target)).await;
        match sent {
            Ok(Ok(_)) => {}
            Ok(Err(error)) => shared.state().failed(error.to_string()),
            Err(_) => shared.state().failed("the send buffer is full".to_owned()),
        }
    }
}

async fn receive(shared: Arc<Shared>) {
    let mut buffer = vec![0; 65_536];
    loop {
        let Ok((length, from)) = shared.socket.recv_from(&mut buffer).await else {
            tokio::task::yield_now().await;
            continue;
        };
        if from == shared.spec.target
            && let Some(packet) = NumberedPacket::parse(&buffer[..length])
            && packet.flow == shared.spec.flow
        {
            shared.state().echoed(packet.seq, shared.clock);
            shared.echo.notify_one();
        }
    }
}
