//! One connection: what its owner sees of it.

use std::collections::VecDeque;
use std::fmt;
use std::time::Instant;

use crate::config::{ClientConfig, Retransmit, Secret, ServerConfig};
use crate::error::DtlsError;
use crate::flight::{Flight, Outgoing};
use crate::handshake::{Expect, Hidden};
use crate::hello::MAX_SESSION_ID;
use crate::peek::FirstHello;
use crate::protection::{self, Opener, Sealer};
use crate::reassembly::Reassembly;
use crate::suite::{Suite, Version};
use crate::wire::{RECORD_HEADER, RecordHeader, alert, content};

/// Smallest size that handshake datagrams are cut to.
const MIN_MTU: usize = 128;

/// Says how far a connection is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// The handshake is under way.
    Handshaking,
    /// Application data flow.
    Established,
    /// The connection is over for this reason.
    Failed(DtlsError),
    /// One of both sides closed the connection.
    Closed,
}

/// Says which side a connection is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    Client,
    Server,
}

/// Is one DTLS connection of either role, without a socket and without a clock.
///
/// After each call its owner sends what [`Connection::poll_transmit`] gives and asks [`Connection::poll_timeout`] when
/// to call [`Connection::on_timeout`]. A connection makes one handshake and never another: renegotiation is refused.
/// The peer's address means nothing to it (AC-DTLS-24).
pub struct Connection {
    pub(crate) role: Role,
    pub(crate) version: Version,
    pub(crate) suites: Vec<Suite>,
    pub(crate) secret: Secret,
    pub(crate) session_id: Vec<u8>,
    pub(crate) mtu: usize,
    pub(crate) retransmit: Retransmit,
    pub(crate) started: Instant,

    pub(crate) state: State,
    pub(crate) expect: Expect,
    pub(crate) random: [u8; 32],
    pub(crate) peer_random: Option<[u8; 32]>,
    pub(crate) suite: Option<Suite>,
    pub(crate) master: Option<[u8; 48]>,
    pub(crate) hidden: Hidden,

    pub(crate) flight: Flight,
    pub(crate) plain_sequence: u64,
    pub(crate) writes_protected: bool,
    pub(crate) sealer: Option<Sealer>,
    pub(crate) reads_protected: bool,
    pub(crate) opener: Option<Opener>,
    pub(crate) reassembly: Reassembly,
    pub(crate) output: VecDeque<Vec<u8>>,
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection")
            .field("role", &self.role)
            .field("version", &self.version)
            .field("suite", &self.suite)
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}

impl Connection {
    /// Begins a handshake as the client; `random` must be fresh from a cryptographic generator.
    pub fn client(config: ClientConfig, random: [u8; 32], now: Instant) -> Self {
        let ClientConfig { version, suites, secret, session_id, mtu, retransmit } = config;
        let config = ServerConfig { version, suites, secret, session_id, mtu, retransmit };
        let mut connection = Self::new(Role::Client, config, random, now);
        if connection.state == State::Handshaking
            && let Err(error) = connection.send_client_hello(&[], now)
        {
            connection.state = State::Failed(error);
        }
        connection
    }

    /// Waits for a ClientHello as the server; `random` must be fresh from a cryptographic generator.
    pub fn server(config: ServerConfig, random: [u8; 32], now: Instant) -> Self {
        Self::new(Role::Server, config, random, now)
    }

    fn new(role: Role, config: ServerConfig, random: [u8; 32], now: Instant) -> Self {
        let ServerConfig { version, mut suites, secret, session_id, mtu, retransmit } = config;
        suites.retain(|&suite| fits(version, &secret, suite));
        let state = check(&suites, &secret, &session_id, &random)
            .map_or(State::Handshaking, |wrong| State::Failed(DtlsError::BadConfig(wrong)));
        Self {
            role,
            version,
            suites,
            secret,
            session_id,
            mtu: usize::from(mtu).max(MIN_MTU),
            retransmit,
            started: now,
            state,
            expect: if role == Role::Client { Expect::ServerHello } else { Expect::ClientHello },
            random,
            peer_random: None,
            suite: None,
            master: None,
            hidden: Hidden::default(),
            flight: Flight::default(),
            plain_sequence: 0,
            writes_protected: false,
            sealer: None,
            reads_protected: false,
            opener: None,
            reassembly: Reassembly::default(),
            output: VecDeque::new(),
        }
    }

    /// Takes one datagram with all its records, decrypts them in place and hands application data to `deliver`, one
    /// call a record (AC-DTLS-26). Records that are malformed, forged or repeated are dropped one by one (AC-DTLS-29,
    /// AC-SEC-03). The error is that of a connection that failed in this call.
    pub fn receive(
        &mut self,
        datagram: &mut [u8],
        now: Instant,
        deliver: &mut dyn FnMut(&[u8]),
    ) -> Result<(), DtlsError> {
        let result = self.records(datagram, now, deliver);
        if let Err(error) = &result {
            self.fail(error.clone());
        }
        result
    }

    fn records(&mut self, mut rest: &mut [u8], now: Instant, deliver: &mut dyn FnMut(&[u8])) -> Result<(), DtlsError> {
        if self.expect == Expect::ClientHello {
            let hello = FirstHello::parse(rest).filter(|_| self.state == State::Handshaking);
            return hello.map_or(Ok(()), |hello| self.on_client_hello(&hello, now));
        }
        let steps = self.hidden.steps;
        while let Some(header) = RecordHeader::parse(rest)
            && matches!(self.state, State::Handshaking | State::Established)
        {
            let (record, others) = rest.split_at_mut(RECORD_HEADER + header.length);
            rest = others;
            let payload = record.get_mut(RECORD_HEADER..).unwrap_or_default();
            if header.epoch == 0 {
                if self.state == State::Handshaking {
                    self.on_plain_record(header, payload, now)?;
                }
            } else {
                self.on_protected_record(header, payload, now, deliver)?;
            }
            if self.state == State::Handshaking {
                self.advance(now)?;
            }
            if self.hidden.has_early() {
                self.replay_early(now, deliver)?;
            }
        }
        self.answer_repetition(steps, now)
    }

    /// Gives the next handshake or alert datagram to send.
    pub fn poll_transmit(&mut self) -> Option<Vec<u8>> {
        self.output.pop_front()
    }

    /// Gives the time at which [`Connection::on_timeout`] wants to be called; none outside of the handshake.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let give_up = self.give_up().filter(|_| self.state == State::Handshaking)?;
        Some(self.flight.due().map_or(give_up, |due| due.min(give_up)))
    }

    /// Repeats the flight if it is due, or gives up if the handshake is too old.
    pub fn on_timeout(&mut self, now: Instant) {
        let Some(give_up) = self.give_up().filter(|_| self.state == State::Handshaking) else { return };
        if now >= give_up {
            self.fail(self.hidden.timed_out());
        } else if self.flight.due().is_some_and(|due| now >= due) {
            self.flight.repeated(&self.retransmit, now);
            if let Err(error) = self.transmit_flight() {
                self.fail(error);
            }
        }
    }

    fn give_up(&self) -> Option<Instant> {
        self.started.checked_add(self.retransmit.give_up)
    }

    /// Says how far the connection is.
    pub fn state(&self) -> State {
        self.state.clone()
    }

    /// Tells cheaply whether application data can be sealed.
    pub fn is_established(&self) -> bool {
        self.state == State::Established
    }

    /// Appends one record of application data to `out`; `parts` are its pieces in order, 16,384 bytes at most. Nothing
    /// is allocated if `out` has room. On an error `out` is as before.
    pub fn seal(&mut self, parts: &[&[u8]], out: &mut Vec<u8>) -> Result<(), DtlsError> {
        match (&self.state, &mut self.sealer) {
            (State::Established, Some(sealer)) => sealer.seal(content::APPLICATION_DATA, parts, out),
            _ => Err(DtlsError::NotEstablished),
        }
    }

    /// Gives the bytes that a record adds to its application data: exact for AEAD suites, the most for CBC suites.
    /// Before a suite is chosen it is the most of all that are possible.
    pub fn overhead(&self) -> usize {
        self.possible_suites().iter().map(|&suite| protection::overhead(suite)).max().unwrap_or(RECORD_HEADER)
    }

    /// Gives the most application data whose record fits into `datagram` bytes; exact, with CBC padding too.
    pub fn capacity(&self, datagram: usize) -> usize {
        self.possible_suites().iter().map(|&suite| protection::capacity(suite, datagram)).min().unwrap_or(0)
    }

    fn possible_suites(&self) -> &[Suite] {
        self.suite.as_ref().map_or(&self.suites[..], std::slice::from_ref)
    }

    /// Gives the negotiated suite, known from the ServerHello on.
    pub fn suite(&self) -> Option<Suite> {
        self.suite
    }

    /// Gives the version.
    pub fn version(&self) -> Version {
        self.version
    }

    /// Queues a close_notify alert and ends the connection.
    pub fn close(&mut self) {
        match self.state {
            State::Established => self.send_alert(alert::WARNING, alert::CLOSE_NOTIFY),
            State::Handshaking if !self.flight.messages.is_empty() => {
                self.send_alert(alert::WARNING, alert::CLOSE_NOTIFY);
            }
            _ => {}
        }
        if matches!(self.state, State::Established | State::Handshaking) {
            self.state = State::Closed;
            self.forget();
        }
    }

    /// Gives the line for a key log file, `CLIENT_RANDOM <random> <master secret>` in hex, once both are known.
    pub fn key_log_line(&self) -> Option<String> {
        let client_random = if self.role == Role::Client { Some(&self.random) } else { self.peer_random.as_ref() }?;
        let master = self.master.as_ref()?;
        Some(format!("CLIENT_RANDOM {} {}", hex::encode(client_random), hex::encode(master)))
    }

    /// Tells whether the handshake was abbreviated; meaningful once established.
    pub fn resumed(&self) -> bool {
        matches!(self.secret, Secret::Master(_))
    }

    /// Ends the connection with an error, and says so to the peer where that makes sense.
    fn fail(&mut self, error: DtlsError) {
        if !matches!(self.state, State::Handshaking | State::Established) {
            return;
        }
        let description = match error {
            DtlsError::TimedOut { .. } | DtlsError::PeerAlert(_) => None,
            DtlsError::NoCommonSuite | DtlsError::NotResumed(_) => Some(alert::HANDSHAKE_FAILURE),
            DtlsError::WrongVersion(..) => Some(alert::PROTOCOL_VERSION),
            DtlsError::UnexpectedMessage(_) => Some(alert::UNEXPECTED_MESSAGE),
            DtlsError::IllegalParameter(_) | DtlsError::UnexpectedResumption => Some(alert::ILLEGAL_PARAMETER),
            DtlsError::BadFinished => Some(alert::DECRYPT_ERROR),
            _ => Some(alert::INTERNAL_ERROR),
        };
        if let Some(description) = description {
            self.send_alert(alert::FATAL, description);
        }
        self.state = State::Failed(error);
        self.forget();
    }

    pub(crate) fn send_alert(&mut self, level: u8, description: u8) {
        let outgoing = Outgoing {
            content: content::ALERT,
            version: self.version.code(),
            protected: self.writes_protected,
            kind: 0,
            sequence: 0,
            body: vec![level, description],
        };
        let mut packer = self.packer();
        if packer.message(&outgoing).is_ok() {
            let datagrams = packer.finish();
            self.output.extend(datagrams);
        }
    }

    /// Drops what only a handshake needs.
    pub(crate) fn forget(&mut self) {
        self.flight.clear();
        self.reassembly.clear();
        self.hidden.clear();
    }
}

/// Tells whether a suite can be used with a version and a kind of secret.
fn fits(version: Version, secret: &Secret, suite: Suite) -> bool {
    match (version, secret) {
        (Version::Dtls09, Secret::Psk { .. }) => false,
        (Version::Dtls09, Secret::Master(_)) => suite.is_cbc(),
        (Version::Dtls12, Secret::Psk { .. }) => suite.is_psk(),
        (Version::Dtls12, Secret::Master(_)) => !suite.is_psk(),
    }
}

/// Says what is wrong with a configuration, if anything is.
fn check(suites: &[Suite], secret: &Secret, session_id: &[u8], random: &[u8; 32]) -> Option<&'static str> {
    if suites.is_empty() {
        return Some("no cipher suite fits the version and the secret");
    }
    if session_id.len() > MAX_SESSION_ID {
        return Some("the session id is longer than 32 bytes");
    }
    if *random == [0; 32] {
        return Some("the random value is all zero");
    }
    match secret {
        Secret::Master(_) if session_id.is_empty() => Some("a resumption needs a session id"),
        Secret::Psk { key, .. } if key.is_empty() => Some("the pre-shared key is empty"),
        Secret::Psk { identity, key } if identity.len() > 1024 || key.len() > 1024 => {
            Some("the pre-shared key or its identity is longer than 1024 bytes")
        }
        _ => None,
    }
}
