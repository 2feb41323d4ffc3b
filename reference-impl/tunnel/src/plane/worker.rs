//! The thread: its memory, its sockets, and the loop that waits and works.

use std::collections::VecDeque;
use std::io;
use std::net::UdpSocket;
use std::os::fd::AsRawFd;
use std::time::{Duration, Instant};

use mio::{Events, Interest, Poll, Token, Waker};
use quinn_udp::RecvMeta;
use reference_cstp::defects::Mutant;
use reference_cstp::session::{Channel, Role};
use reference_dtls::HelloVerifier;
use tokio::sync::mpsc::UnboundedSender;

use super::arrivals::Arrivals;
use super::closing::Closing;
use super::handle::Mailbox;
use super::index::Index;
use super::io::Io;
use super::live::Live;
use super::timers::Timers;
use super::udp::{MESSAGE, MESSAGES, Udp};
use super::{PlaneConfig, PlaneEvent, links};

/// Packets that are read from the device before others have their turn.
pub(super) const PACKETS: usize = 64;
/// The largest packet that the device gives, in bytes.
pub(super) const MAX_PACKET: usize = 16 * 1024;
/// Bytes that packets of one turn lie in; larger ones make the turn shorter.
const ARENA: usize = PACKETS * 2048 + MAX_PACKET;
/// Bytes of one read from a TCP connection.
const READ: usize = 64 * 1024;
/// Events of one wait.
const EVENTS: usize = 512;
/// How long a stop waits for farewells to leave.
pub(super) const STOP_PATIENCE: Duration = Duration::from_millis(300);

const WAKER: Token = Token(usize::MAX);
const DEVICE: Token = Token(usize::MAX - 1);
/// Tokens of the server's UDP sockets are this one and those below it.
const SOCKETS: usize = usize::MAX - 2;
/// More UDP sockets than anybody listens on.
const MAX_SOCKETS: usize = 1024;

/// The number of a session's TCP connection in tokens.
pub(super) const LANE: usize = 0;
/// The number of its TCP connection that was replaced.
pub(super) const RETIRED: usize = 1;
/// The numbers of a client's UDP sockets.
pub(super) const OWN_SOCKETS: std::ops::Range<usize> = 2..8;

/// The token of a descriptor of a session.
pub(super) fn token(slot: usize, number: usize) -> Token {
    Token(slot << 3 | number)
}

/// What a slot holds.
pub(super) enum Entry {
    Live(Box<Live>),
    Closing(Box<Closing>),
}

/// Sessions by slot.
#[derive(Default)]
pub(super) struct Slots {
    entries: Vec<Option<Entry>>,
    free: Vec<usize>,
}

impl Slots {
    /// A slot that is free; it is filled with [`put`](Self::put).
    pub(super) fn reserve(&mut self) -> usize {
        self.free.pop().unwrap_or_else(|| {
            self.entries.push(None);
            self.entries.len() - 1
        })
    }

    pub(super) fn put(&mut self, slot: usize, entry: Entry) {
        if let Some(place) = self.entries.get_mut(slot) {
            *place = Some(entry);
        }
    }

    /// Empties a slot, which is free then.
    pub(super) fn take(&mut self, slot: usize) -> Option<Entry> {
        let entry = self.entries.get_mut(slot)?.take()?;
        self.free.push(slot);
        Some(entry)
    }

    pub(super) fn get(&mut self, slot: usize) -> Option<&mut Entry> {
        self.entries.get_mut(slot)?.as_mut()
    }

    pub(super) fn live(&mut self, slot: usize) -> Option<&mut Live> {
        match self.get(slot)? {
            Entry::Live(live) => Some(live),
            Entry::Closing(_) => None,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.free.len() == self.entries.len()
    }
}

/// Memory that is reused from turn to turn.
pub(super) struct Scratch {
    /// Packets from the device.
    pub(super) arena: Vec<u8>,
    /// Datagrams.
    pub(super) datagrams: Vec<u8>,
    pub(super) meta: [RecvMeta; MESSAGES],
    /// Bytes of a TCP connection.
    pub(super) tcp: Vec<u8>,
    /// Plaintext of one TLS record.
    pub(super) plain: Vec<u8>,
}

/// The thread.
pub(super) struct Worker {
    poll: Poll,
    pub(super) mailbox: Mailbox,
    pub(super) io: Io,
    pub(super) index: Index,
    pub(super) slots: Slots,
    pub(super) timers: Timers,
    pub(super) arrivals: Arrivals,
    pub(super) scratch: Scratch,
    /// Sessions that something happened to in this turn.
    pub(super) dirty: Vec<usize>,
    /// Descriptors of sessions that may have something to read.
    pub(super) ready: VecDeque<Token>,
    pub(super) device_ready: bool,
    pub(super) sockets_ready: Vec<bool>,
    /// Sessions with an unfinished batch.
    pub(super) batched: Vec<usize>,
    /// Until when a stop waits.
    pub(super) stopping: Option<Instant>,
}

impl Worker {
    /// Prepares everything that can fail.
    pub(super) fn new(config: PlaneConfig, events: UnboundedSender<PlaneEvent>, mailbox: Mailbox) -> io::Result<Self> {
        let poll = Poll::new()?;
        let mut io = Io::new(config.role, config.defects, poll.registry().try_clone()?, events);
        io.send_deadline = config.send_deadline;
        if let Some(path) = &config.key_log {
            io.log_keys_to(path)?;
        }
        if let Some(fd) = config.device.prepare()? {
            io.watch(fd, DEVICE, Interest::READABLE)?;
        }
        io.device = config.device;
        for (number, socket) in config.udp.into_iter().take(MAX_SOCKETS).enumerate() {
            let udp = Udp::new(socket)?;
            io.watch(udp.as_raw_fd(), Token(SOCKETS - number), Interest::READABLE)?;
            io.sockets.push(udp);
        }
        let sockets_ready = vec![false; io.sockets.len()];
        if config.defects.has(Mutant::AnswersFromWrongAddress)
            && let Some(first) = io.sockets.first()
        {
            let elsewhere = UdpSocket::bind((first.local_addr()?.ip(), 0))?;
            io.answers = Some(io.sockets.len());
            io.sockets.push(Udp::new(elsewhere)?);
        }
        let verifier = if config.hello_verify { Some(HelloVerifier::new(links::random()?)) } else { None };
        Ok(Self {
            poll,
            mailbox,
            arrivals: Arrivals::new(verifier, io.now),
            io,
            index: Index::default(),
            slots: Slots::default(),
            timers: Timers::default(),
            scratch: Scratch {
                arena: vec![0; ARENA],
                datagrams: vec![0; MESSAGES * MESSAGE],
                meta: [RecvMeta::default(); MESSAGES],
                tcp: vec![0; READ],
                plain: Vec::new(),
            },
            dirty: Vec::new(),
            ready: VecDeque::new(),
            device_ready: false,
            sockets_ready,
            batched: Vec::new(),
            stopping: None,
        })
    }

    /// What wakes the thread up when there are orders.
    pub(super) fn waker(&self) -> io::Result<Waker> {
        Waker::new(self.poll.registry(), WAKER)
    }

    /// Works until a stop is complete.
    ///
    /// # Errors
    ///
    /// When waiting fails or the device is gone.
    pub(super) fn run(&mut self) -> io::Result<()> {
        let mut events = Events::with_capacity(EVENTS);
        loop {
            let patience = self.patience();
            match self.poll.poll(&mut events, patience) {
                Err(error) if error.kind() != io::ErrorKind::Interrupted => return Err(error),
                _ => {}
            }
            self.io.now = Instant::now();
            self.io.counters.wakeups += 1;
            let mut orders = false;
            for event in &events {
                match event.token() {
                    WAKER => orders = true,
                    DEVICE => self.device_ready = true,
                    Token(number) if SOCKETS - number < MAX_SOCKETS => {
                        if let Some(ready) = self.sockets_ready.get_mut(SOCKETS - number) {
                            *ready = true;
                        }
                    }
                    other => self.note_ready(other),
                }
            }
            if orders {
                self.obey();
            }
            self.turn()?;
            if self.stopping.is_some_and(|until| self.slots.is_empty() || self.io.now >= until) {
                return Ok(());
            }
        }
    }

    /// How long to wait for the next event.
    fn patience(&mut self) -> Option<Duration> {
        if self.device_ready && !self.is_held_up() || !self.ready.is_empty() || self.sockets_ready.contains(&true) {
            return Some(Duration::ZERO);
        }
        let next = [self.timers.next(), self.stopping].into_iter().flatten().min()?;
        // Rounded up to the millisecond that epoll knows, so that nothing is looked at too early again and again.
        Some(next.saturating_duration_since(Instant::now()) + Duration::from_millis(1))
    }

    /// Whether the device is left alone: all that it gives goes to one TCP connection that takes nothing now.
    ///
    /// A client lets packets wait where they are, as they would with any slow link. A server cannot: others would wait too.
    pub(super) fn is_held_up(&mut self) -> bool {
        if self.io.role == Role::Server || self.index.ids.len() != 1 {
            return false;
        }
        let slot = self.index.ids.values().next().copied();
        slot.and_then(|slot| self.slots.live(slot)).is_some_and(|live| {
            let full = live.lane.as_ref().is_some_and(|lane| !lane.has_room_for_turn());
            full && live.core.session.outbound() == Channel::Tls
        })
    }

    /// Puts a descriptor on the list, once.
    fn note_ready(&mut self, token: Token) {
        let Some(entry) = self.slots.get(token.0 >> 3) else { return };
        if let Entry::Live(live) = entry {
            let bit = 1 << (token.0 & 7);
            if live.ready & bit != 0 {
                return;
            }
            live.ready |= bit;
        }
        self.ready.push_back(token);
    }
}
