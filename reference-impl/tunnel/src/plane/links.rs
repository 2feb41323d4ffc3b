//! The DTLS associations of one session: a new one grows beside the old one, takes over, and lets the old one retire.

use std::io;
use std::os::fd::AsRawFd;
use std::time::{Duration, Instant};

use mio::Interest;
use reference_cstp::session::{DtlsEvent, Role, StopReason};
use reference_dtls::{Connection, State};

use super::index::Index;
use super::io::Io;
use super::link::{Link, Socket, Stage};
use super::live::Core;
use super::udp::{Route, Udp};
use super::worker::{OWN_SOCKETS, token};
use super::{DtlsSetup, PlaneEvent, SessionId};

/// How long an association that was replaced still takes what was under way.
const RETIREMENT: Duration = Duration::from_secs(5);

/// The associations of one session; rarely more than two.
pub(super) struct Links {
    pub(super) all: Vec<Link>,
    pub(super) setup: Option<DtlsSetup>,
    /// A server counts its handshakes here, a client remembers the number of its last attempt.
    attempt: u32,
}

/// 32 bytes for a hello.
pub(super) fn random() -> io::Result<[u8; 32]> {
    let mut random = [0; 32];
    openssl::rand::rand_bytes(&mut random).map_err(io::Error::other)?;
    Ok(random)
}

impl Links {
    pub(super) fn new(setup: Option<DtlsSetup>) -> Self {
        Self { all: Vec::new(), setup, attempt: 0 }
    }

    /// The association that data leaves on.
    pub(super) fn active(&mut self) -> Option<&mut Link> {
        self.all.iter_mut().find(|link| link.stage == Stage::Active)
    }

    /// The client begins a handshake from a new socket; one that was under way is forgotten.
    pub(super) fn start(&mut self, slot: usize, id: SessionId, attempt: Option<u32>, io: &Io) -> io::Result<()> {
        let Some(DtlsSetup::Client { remote, config }) = &self.setup else {
            return Err(io::Error::other("no DTLS was negotiated"));
        };
        self.attempt = attempt.unwrap_or(self.attempt);
        let route = Route { peer: *remote, local: None };
        let datagram = config.mtu;
        let connection = Connection::client(config.clone(), random()?, io.now);
        self.close_where(io, |link| link.stage == Stage::Handshaking);
        let token_number = self.free_token(io);
        let udp = Udp::towards(route.peer)?;
        io.watch(udp.as_raw_fd(), token(slot, token_number), Interest::READABLE)?;
        io.tell(PlaneEvent::DtlsAttempt { id, attempt: self.attempt });
        self.all.push(Link {
            connection,
            stage: Stage::Handshaking,
            attempt: self.attempt,
            route,
            socket: Socket::Own { udp: Box::new(udp), token: token_number },
            hello: None,
            datagram,
        });
        Ok(())
    }

    /// The server makes an association for a ClientHello; one whose handshake is under way is forgotten.
    pub(super) fn answer(
        &mut self,
        slot: usize,
        socket: usize,
        route: Route,
        hello: [u8; 32],
        io: &Io,
        index: &mut Index,
    ) {
        let Some(DtlsSetup::Server { config }) = &self.setup else { return };
        let Ok(random) = random() else { return };
        let connection = Connection::server(config.clone(), random, io.now);
        let datagram = config.mtu;
        self.remove_where(slot, io, index, |link| link.stage == Stage::Handshaking);
        self.attempt = self.attempt.saturating_add(1);
        index.peers.insert((socket, route.peer), slot);
        self.all.push(Link {
            connection,
            stage: Stage::Handshaking,
            attempt: self.attempt,
            route,
            socket: Socket::Shared(socket),
            hello: Some(hello),
            datagram,
        });
    }

    /// Sends what is to be sent, and acts on handshakes that ended; tells whether the session has news.
    pub(super) fn settle(&mut self, slot: usize, core: &mut Core, io: &mut Io, index: &mut Index) -> bool {
        let (mut news, mut at) = (false, 0);
        while let Some(link) = self.all.get_mut(at) {
            link.transmit(io);
            match (link.stage, link.connection.state()) {
                (Stage::Handshaking, State::Established) => {
                    self.promote(at, slot, core, io, index);
                    news = true;
                    // The order changed: begin again.
                    at = 0;
                }
                (Stage::Retiring(until), state) if io.now >= until || state != State::Established => {
                    self.remove(at, slot, io, index);
                }
                (stage, State::Failed(error)) => {
                    self.remove(at, slot, io, index);
                    over(stage, error.to_string(), core, io);
                    news = true;
                }
                (stage, State::Closed) => {
                    self.remove(at, slot, io, index);
                    over(stage, "closed by the peer".into(), core, io);
                    news = true;
                }
                _ => at += 1,
            }
        }
        news
    }

    /// An association is established: data leaves there from now on.
    fn promote(&mut self, at: usize, slot: usize, core: &mut Core, io: &mut Io, index: &mut Index) {
        let mut link = self.all.remove(at);
        self.remove_where(slot, io, index, |other| other.stage == Stage::Handshaking);
        for other in &mut self.all {
            if other.stage == Stage::Active {
                other.stage = Stage::Retiring(io.now + RETIREMENT);
            }
        }
        link.stage = Stage::Active;
        let connection = &link.connection;
        io.log_keys(connection.key_log_line());
        core.stats.dtls_handshakes += 1;
        core.stats.dtls_suite = connection.suite();
        core.stats.dtls_version = Some(connection.version());
        io.tell(PlaneEvent::DtlsUp {
            id: core.stats.id,
            suite: connection.suite(),
            version: connection.version(),
            attempt: link.attempt,
            resumed: connection.resumed(),
        });
        // By arithmetic; the kernel may know more about the path already.
        let data_mtu = link.inner(link.datagram.into()).min(link.known_mtu(io).unwrap_or(u16::MAX));
        if let Some(key) = link.key() {
            index.peers.insert(key, slot);
            index.add_neighbour(link.route.peer.ip(), slot);
        }
        self.all.insert(0, link);
        core.session.on_dtls(DtlsEvent::Established { data_mtu }, io.now);
    }

    /// The session wants no DTLS now.
    pub(super) fn stop(&mut self, slot: usize, why: StopReason, core: &mut Core, io: &mut Io, index: &mut Index) {
        for link in self.all.iter().filter(|link| !matches!(link.stage, Stage::Retiring(_))) {
            let established = link.stage == Stage::Active;
            io.tell(PlaneEvent::DtlsDown { id: core.stats.id, established, reason: why.name().into() });
        }
        (core.stats.dtls_suite, core.stats.dtls_version) = (None, None);
        self.remove_where(slot, io, index, |_| true);
    }

    /// The path of the active association moved: the peer's port changed under way (AC-DTLS-24).
    pub(super) fn move_to(&mut self, slot: usize, socket: usize, route: Route, index: &mut Index) {
        let Some(link) = self.active() else { return };
        if let Some(key) = link.key() {
            index.remove_peer(key, slot);
        }
        link.route = route;
        link.socket = Socket::Shared(socket);
        index.peers.insert((socket, route.peer), slot);
        index.add_neighbour(route.peer.ip(), slot);
    }

    /// Tells the associations the time.
    pub(super) fn on_timeout(&mut self, now: Instant) {
        for link in &mut self.all {
            if link.connection.poll_timeout().is_some_and(|at| at <= now) {
                link.connection.on_timeout(now);
            }
        }
    }

    /// When something has to be done.
    pub(super) fn next(&self) -> Option<Instant> {
        self.all.iter().filter_map(Link::next).min()
    }

    fn remove(&mut self, at: usize, slot: usize, io: &Io, index: &mut Index) {
        let mut link = self.all.remove(at);
        link.close(io);
        if let Some(key) = link.key() {
            if self.all.iter().all(|other| other.key() != Some(key)) {
                index.remove_peer(key, slot);
            }
            if self.all.iter().all(|other| other.route.peer.ip() != link.route.peer.ip()) {
                index.remove_neighbour(link.route.peer.ip(), slot);
            }
        }
    }

    pub(super) fn remove_where(&mut self, slot: usize, io: &Io, index: &mut Index, which: impl Fn(&Link) -> bool) {
        while let Some(at) = self.all.iter().position(&which) {
            self.remove(at, slot, io, index);
        }
    }

    /// As [`remove_where`](Self::remove_where) for a client, whose associations are in no table.
    fn close_where(&mut self, io: &Io, which: impl Fn(&Link) -> bool) {
        self.all.retain_mut(|link| {
            let goes = which(link);
            if goes {
                link.close(io);
            }
            !goes
        });
    }

    /// A number that no socket has; the oldest association that retires makes room when there is none.
    fn free_token(&mut self, io: &Io) -> usize {
        loop {
            let used = |number| {
                self.all.iter().any(|link| matches!(link.socket, Socket::Own { token, .. } if token == number))
            };
            if let Some(free) = OWN_SOCKETS.into_iter().find(|number| !used(*number)) {
                return free;
            }
            if let Some(at) = self.all.iter().rposition(|link| link.stage != Stage::Active) {
                self.all.remove(at).close(io);
            }
        }
    }
}

/// Tells session and program that an association ended by itself.
fn over(stage: Stage, reason: String, core: &mut Core, io: &Io) {
    let established = stage == Stage::Active;
    io.tell(PlaneEvent::DtlsDown { id: core.stats.id, established, reason });
    if established {
        (core.stats.dtls_suite, core.stats.dtls_version) = (None, None);
        core.session.on_dtls(DtlsEvent::Lost, io.now);
    } else if io.role == Role::Client {
        core.session.on_dtls(DtlsEvent::Failed, io.now);
    }
}
