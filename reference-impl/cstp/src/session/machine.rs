//! The session itself: it puts clocks, DTLS and sizes together.

use std::collections::VecDeque;
use std::time::Instant;

use super::conduct::client_policy;
use super::config::SessionConfig;
use super::dtls::{Perseverance, Stand};
use super::mtu::{LEAST, Search};
use super::output::{Channel, DtlsEvent, EndReason, LostReason, Output, Role, StopReason};
use super::path::{Due, Path};
use crate::frame::{Disconnect, PacketType};

/// Outputs that wait; what a peer can provoke is dropped beyond this.
const MOST_OUTPUTS: usize = 64;

/// One tunnel: its clocks, its choice of channel, its sizes, its end.
#[derive(Debug)]
pub struct Session {
    pub(super) config: SessionConfig,
    pub(super) outputs: VecDeque<Output>,
    pub(super) started: Instant,
    pub(super) last_traffic: Instant,
    pub(super) ended: bool,
    pub(super) tls: Path,
    pub(super) tls_alive: bool,
    pub(super) tls_keyed: Instant,
    pub(super) dtls: Path,
    pub(super) dtls_keyed: Instant,
    pub(super) perseverance: Perseverance,
    /// The server heard nothing on a DTLS that is up; it does not send there until it does.
    pub(super) dtls_silent: bool,
    /// An established DTLS was lost at least once.
    pub(super) lost_once: bool,
    pub(super) outbound: Channel,
    pub(super) mtu: u16,
    /// The largest inner packet that is given to DTLS.
    pub(super) carries: u16,
    pub(super) search: Option<Search>,
    announced_outbound: Channel,
    announced_mtu: u16,
}

impl Session {
    /// Begins a session over a TLS channel that is up; a client that wants DTLS asks for it at once.
    pub fn new(config: SessionConfig, now: Instant) -> Self {
        let mut session = Self {
            outputs: VecDeque::new(),
            started: now,
            last_traffic: now,
            ended: false,
            tls: Path::new(&config, config.tls, now),
            tls_alive: true,
            tls_keyed: now,
            dtls: Path::new(&config, config.dtls, now),
            dtls_keyed: now,
            perseverance: Perseverance::new(client_policy(&config)),
            dtls_silent: false,
            lost_once: false,
            outbound: Channel::Tls,
            mtu: 0,
            carries: u16::MAX,
            search: None,
            announced_outbound: Channel::Tls,
            announced_mtu: 0,
            config,
        };
        session.mtu = session.planned_mtu();
        session.announced_mtu = session.mtu;
        session.try_dtls(now);
        session
    }

    /// Takes over what a reconnect negotiated. The session keeps its age, its idle clock and its count of attempts; DTLS starts anew.
    pub fn reconfigure(&mut self, config: SessionConfig, now: Instant) {
        if self.ended {
            return;
        }
        self.drop_dtls();
        self.tls = Path::new(&config, config.tls, now);
        self.dtls = Path::new(&config, config.dtls, now);
        (self.tls_alive, self.tls_keyed) = (true, now);
        self.perseverance.reset(client_policy(&config));
        self.config = config;
        self.mtu = self.planned_mtu();
        self.try_dtls(now);
    }

    /// Takes a frame that carries no data: DPD, KEEPALIVE, DISCONNECT, TERMINATE; other types only count as a sign of life.
    pub fn on_control(&mut self, channel: Channel, kind: PacketType, payload: &[u8], now: Instant) {
        if self.ended {
            return;
        }
        self.heard(channel, now);
        match kind {
            PacketType::DpdRequest if self.outputs.len() < MOST_OUTPUTS => {
                self.send(channel, PacketType::DpdResponse, payload.to_vec(), now);
            }
            PacketType::DpdResponse if channel == Channel::Dtls => {
                let Some(search) = &mut self.search else { return };
                let step = search.answered(payload.len(), now);
                self.carries = self.carries.max(search.confirmed());
                self.search_step(step, now);
            }
            PacketType::Disconnect => self.end(EndReason::Disconnect(Disconnect::parse(payload))),
            PacketType::Terminate => self.end(EndReason::Terminate),
            _ => {}
        }
    }

    /// Notes that an inner packet came.
    ///
    /// `counts_as_traffic` is false for packets that shall not keep an idle session alive: ICMP and ICMPv6 (AC-KA-07).
    pub fn on_data_received(&mut self, channel: Channel, counts_as_traffic: bool, now: Instant) {
        self.heard(channel, now);
        if counts_as_traffic {
            self.last_traffic = now;
        }
        // The server answers where the client speaks (AC-DTLS-23).
        if channel == Channel::Tls && self.config.role == Role::Server {
            self.outbound = Channel::Tls;
        }
    }

    /// Notes that an inner packet was sent.
    pub fn on_data_sent(&mut self, channel: Channel, now: Instant) {
        self.path(channel).spoke(now);
    }

    /// Notes traffic that keeps an idle session alive; for packets that were sent, which [`Session::on_data_sent`] does not count.
    pub fn on_traffic(&mut self, now: Instant) {
        self.last_traffic = now;
    }

    /// Returns the channel on which data leaves now.
    pub fn outbound(&self) -> Channel {
        self.outbound
    }

    /// Takes news of DTLS. News that do not fit what was asked for, such as the failure of an attempt that was stopped, are ignored.
    pub fn on_dtls(&mut self, event: DtlsEvent, now: Instant) {
        if self.ended {
            return;
        }
        match (event, self.perseverance.stand) {
            (DtlsEvent::Established { data_mtu }, stand) => {
                if self.config.role == Role::Server || matches!(stand, Stand::Trying { .. } | Stand::Up) {
                    self.established(data_mtu, now);
                }
            }
            (DtlsEvent::Failed, Stand::Up) if self.config.role == Role::Client => self.dtls_keyed = now,
            (DtlsEvent::Failed | DtlsEvent::Lost, Stand::Trying { .. }) => self.attempt_failed(now),
            (DtlsEvent::Failed | DtlsEvent::Lost, Stand::Up) => self.dtls_lost(now),
            (DtlsEvent::Failed | DtlsEvent::Lost, Stand::Off | Stand::Waiting { .. }) => {}
        }
    }

    /// Notes that the system refused to send an inner packet, or a probe, of `size` bytes for its size.
    ///
    /// The packet itself is lost unless the caller sends it on TLS; the size goes down (AC-MTU-08). Where the system tells what
    /// would pass, [`Session::on_path_mtu`] is the better news.
    pub fn on_message_too_long(&mut self, channel: Channel, size: usize, now: Instant) {
        let Some(size) = u16::try_from(size).ok().filter(|size| *size > 0) else { return };
        if channel == Channel::Tls || self.ended {
            return;
        }
        if let Some(search) = &mut self.search {
            let step = search.refused(size, now);
            self.narrow_to(size - 1);
            self.search_step(step, now);
        } else if size <= self.carries {
            // What is surely too large goes at once; a search, where there is one, finds the rest.
            self.narrow_to(size - 1);
            if self.config.mtu.probe && self.dtls_is_up() {
                self.begin_search(size - 1, now);
            } else {
                self.narrow_to(size - size / 16);
            }
        }
    }

    /// Notes that the system knows how large an inner packet may be on the DTLS path, in bytes; a larger value than before is no news.
    pub fn on_path_mtu(&mut self, mtu: u16, now: Instant) {
        if self.ended || mtu >= self.search.as_ref().map_or(self.carries, Search::ceiling) {
            return;
        }
        self.narrow_to(mtu);
        if mtu <= LEAST {
            self.search = None;
        } else if let Some(search) = &mut self.search {
            let step = search.narrowed(mtu, now);
            self.search_step(step, now);
        } else if self.config.mtu.probe && self.dtls_is_up() {
            self.begin_search(mtu, now);
        }
    }

    /// Returns the size of inner packets, in bytes.
    pub fn mtu(&self) -> u16 {
        self.mtu
    }

    /// Returns the largest inner packet, in bytes, that DTLS is known to carry; a larger one belongs on TLS (AC-MTU-08).
    ///
    /// It may be less than [`Session::mtu`]: as long as the path is not known, and where IPv6 inside needs more than the path has.
    pub fn dtls_mtu(&self) -> u16 {
        self.carries
    }

    /// Returns whether the session is over, and [`Output::End`] told or about to be.
    pub fn is_ended(&self) -> bool {
        self.ended
    }

    /// Notes that a new TLS connection took the place of the old one under the same terms: a reconnect or a new tunnel.
    ///
    /// A DTLS that is up or on its way goes on; one that had been given up is tried again.
    pub fn on_tls_replaced(&mut self, now: Instant) {
        if self.ended {
            return;
        }
        self.tls.restart(now);
        (self.tls_alive, self.tls_keyed) = (true, now);
        if self.perseverance.stand == Stand::Off {
            self.perseverance.reset(client_policy(&self.config));
            self.mtu = self.planned_mtu();
            self.try_dtls(now);
        }
    }

    /// Notes that the TLS keys were renewed within the connection.
    pub fn on_tls_rekeyed(&mut self, now: Instant) {
        self.tls_keyed = now;
    }

    /// Notes that the TLS connection is gone; its clocks stand still until it is replaced. DTLS goes on as long as it lives.
    pub fn on_tls_lost(&mut self, reason: LostReason) {
        if !self.ended && std::mem::take(&mut self.tls_alive) {
            self.outputs.push_back(Output::Lost(reason));
        }
    }

    /// Judges a rehandshake that the client began: refused when it comes sooner than half of the agreed time (AC-RKY-05).
    pub fn allows_rehandshake(&mut self, now: Instant) -> bool {
        let allowed = self.config.rekey.is_none_or(|rekey| now >= self.tls_keyed + rekey.after / 2);
        if allowed {
            self.tls_keyed = now;
        }
        allowed
    }

    /// Asks for an orderly end: DISCONNECT with this reason and text, then [`Output::End`].
    pub fn disconnect(&mut self, reason: u8, text: &str, now: Instant) {
        self.farewell(&Disconnect { reason: Some(reason), text: text.to_owned() }, EndReason::Requested, now);
    }

    /// Returns when [`Session::on_timeout`] wants to be called; `None` when nothing is to be waited for.
    pub fn poll_timeout(&self) -> Option<Instant> {
        if self.ended {
            return None;
        }
        let up = self.dtls_is_up();
        let times = [
            self.tls.next().filter(|_| self.tls_alive),
            self.dtls.next().filter(|_| up),
            self.perseverance.next().filter(|_| self.tls_alive || !self.perseverance.is_waiting()),
            self.search.as_ref().map(Search::next),
            self.idle_at(),
            self.age_at(),
            self.rekey_at(),
            self.dtls_rekey_at(),
        ];
        times.into_iter().flatten().min()
    }

    /// Does everything that is due. Outputs follow; the next timeout lies behind `now`.
    pub fn on_timeout(&mut self, now: Instant) {
        let is_due = |at: Option<Instant>| at.is_some_and(|at| now >= at);
        if self.ended {
            return;
        }
        if is_due(self.age_at()) {
            return self.farewell(&Disconnect::silent(), EndReason::SessionTimeout, now);
        }
        if is_due(self.idle_at()) {
            return self.farewell(&Disconnect::silent(), EndReason::IdleTimeout, now);
        }
        while self.tls_alive {
            let Some(due) = self.tls.take(now) else { break };
            match due {
                Due::Dead => self.on_tls_lost(LostReason::Silence),
                Due::Probe { .. } => self.send(Channel::Tls, PacketType::DpdRequest, Vec::new(), now),
                Due::Keepalive => self.send(Channel::Tls, PacketType::Keepalive, Vec::new(), now),
            }
        }
        while self.dtls_is_up() {
            let Some(due) = self.dtls.take(now) else { break };
            match due {
                Due::Dead => self.silence_on_dtls(now),
                Due::Probe { first } => self.send(Channel::Dtls, PacketType::DpdRequest, self.probe(first), now),
                Due::Keepalive => self.send(Channel::Dtls, PacketType::Keepalive, Vec::new(), now),
            }
        }
        while let Some(step) = self.search.as_mut().and_then(|search| search.on_timeout(now)) {
            self.search_step(Some(step), now);
        }
        if self.perseverance.overdue(now) {
            self.outputs.push_back(Output::StopDtls(StopReason::Overdue));
            self.attempt_failed(now);
        }
        if self.perseverance.turn_has_come(now) {
            self.try_dtls(now);
        }
        if is_due(self.rekey_at())
            && let Some(rekey) = self.config.rekey
        {
            self.tls_keyed = now;
            self.outputs.push_back(Output::RekeyTls(rekey.method));
        }
        if is_due(self.dtls_rekey_at()) {
            self.dtls_keyed = now;
            self.outputs.push_back(Output::RekeyDtls);
        }
    }

    /// Takes the next thing to do. A change of channel or of size comes first, and only when it is still one; only the end of a
    /// DTLS comes before what follows from it.
    pub fn poll_output(&mut self) -> Option<Output> {
        if self.outputs.iter().any(|output| matches!(output, Output::StopDtls(_))) {
            return self.outputs.pop_front();
        }
        if !self.ended && self.announced_outbound != self.outbound {
            self.announced_outbound = self.outbound;
            return Some(Output::Transport(self.outbound));
        }
        if !self.ended && self.announced_mtu != self.mtu {
            self.announced_mtu = self.mtu;
            return Some(Output::SetMtu(self.mtu));
        }
        self.outputs.pop_front()
    }
}
