//! What a session does about the news it gets.

use std::time::{Duration, Instant};

use super::config::{DtlsPolicy, Rekey, SessionConfig};
use super::dtls::{Stand, Verdict};
use super::machine::Session;
use super::mtu::{LEAST, Search, Step};
use super::output::{Channel, EndReason, Output, Role, StopReason};
use super::path::Path;
use crate::defects::Mutant;
use crate::frame::{Disconnect, PacketType};

/// Keys are not renewed more often than this.
const LEAST_REKEY: Duration = Duration::from_secs(1);

/// Returns the DTLS policy; only a client has one.
pub(super) fn client_policy(config: &SessionConfig) -> Option<DtlsPolicy> {
    config.dtls_policy.filter(|_| config.role == Role::Client)
}

impl Session {
    pub(super) fn path(&mut self, channel: Channel) -> &mut Path {
        match channel {
            Channel::Tls => &mut self.tls,
            Channel::Dtls => &mut self.dtls,
        }
    }

    pub(super) fn send(&mut self, channel: Channel, kind: PacketType, payload: Vec<u8>, now: Instant) {
        self.path(channel).spoke(now);
        if let (Channel::Dtls, PacketType::DpdRequest, Some(search)) = (channel, kind, &mut self.search) {
            search.asked(payload.len(), now);
        }
        self.outputs.push_back(Output::Send { channel, kind, payload });
    }

    /// Whatever came on a channel proves that it lives (AC-KA-03), and brings a server back to DTLS.
    pub(super) fn heard(&mut self, channel: Channel, now: Instant) {
        self.path(channel).heard(now);
        if channel == Channel::Dtls && self.config.role == Role::Server && self.perseverance.stand == Stand::Up {
            self.dtls_silent = false;
            self.outbound = Channel::Dtls;
        }
    }

    pub(super) fn dtls_is_up(&self) -> bool {
        self.perseverance.stand == Stand::Up && !self.dtls_silent
    }

    /// The size of inner packets as long as nothing else is known.
    pub(super) fn planned_mtu(&self) -> u16 {
        let hoped = self.config.role == Role::Server || self.perseverance.wanted();
        self.config.mtu.dtls.filter(|_| hoped).unwrap_or(self.config.mtu.tls)
    }

    fn has(&self, mutant: Mutant) -> bool {
        self.config.role == Role::Client && self.config.defects.has(mutant)
    }

    /// Begins an attempt, where one is wanted. Without a TLS channel there is none: what the reconnect agrees upon is waited for.
    pub(super) fn try_dtls(&mut self, now: Instant) {
        if !self.tls_alive {
            return;
        }
        if self.lost_once && self.has(Mutant::FallsBackWithoutReturn) {
            self.perseverance.stand = Stand::Off;
        } else if self.perseverance.wanted() {
            let attempt = self.perseverance.begin(now);
            self.outputs.push_back(Output::StartDtls { attempt });
        }
    }

    pub(super) fn drop_dtls(&mut self) {
        if matches!(self.perseverance.stand, Stand::Trying { .. } | Stand::Up) {
            self.outputs.push_back(Output::StopDtls(StopReason::Replaced));
        }
        self.leave_dtls();
        self.perseverance.stand = Stand::Off;
    }

    fn leave_dtls(&mut self) {
        self.search = None;
        self.dtls_silent = false;
        self.outbound = Channel::Tls;
    }

    pub(super) fn established(&mut self, data_mtu: u16, now: Instant) {
        // New keys on the client's own path change nothing about its size; a server cannot know that it is the same path.
        let known = self.carries;
        let same_path =
            self.config.role == Role::Client && self.perseverance.stand == Stand::Up && self.search.is_none();
        self.perseverance.established();
        self.dtls.restart(now);
        self.dtls_keyed = now;
        self.dtls_silent = false;
        self.outbound = Channel::Dtls;
        self.shrink_to(data_mtu);
        self.carries = data_mtu;
        self.search = None;
        if self.config.mtu.probe {
            self.begin_search(self.planned_mtu().min(data_mtu), now);
            if same_path {
                self.carries = known.min(data_mtu);
            }
        }
    }

    /// Looks for the largest size up to `ceiling`; until it is known, larger packets take the way that surely carries them (AC-MTU-08).
    pub(super) fn begin_search(&mut self, ceiling: u16, now: Instant) {
        self.search = Search::new(self.config.mtu.floor, ceiling, self.config.role, now);
        if self.search.is_some() {
            self.carries = self.carries.min(LEAST);
        }
    }

    /// DTLS carries no more than `mtu`: larger packets go over TLS, and the size follows as far as it may.
    pub(super) fn narrow_to(&mut self, mtu: u16) {
        self.carries = self.carries.min(mtu);
        self.shrink_to(mtu);
    }

    /// Lowers the size, but not below the floor.
    pub(super) fn shrink_to(&mut self, mtu: u16) {
        self.mtu = self.mtu.min(mtu.max(self.config.mtu.floor));
    }

    pub(super) fn attempt_failed(&mut self, now: Instant) {
        if self.perseverance.failed(now) == Verdict::GivenUp {
            // The device shrinks to what TLS carries; nothing is negotiated anew (AC-MTU-01).
            self.mtu = self.config.mtu.tls;
        }
    }

    pub(super) fn silence_on_dtls(&mut self, now: Instant) {
        if self.config.role == Role::Server {
            self.dtls_silent = true;
            self.outbound = Channel::Tls;
        } else {
            if !self.has(Mutant::NeverFallsBack) {
                self.outputs.push_back(Output::StopDtls(StopReason::Silence));
            }
            self.dtls_lost(now);
        }
    }

    pub(super) fn dtls_lost(&mut self, now: Instant) {
        if self.has(Mutant::NeverFallsBack) {
            return self.dtls.restart(now);
        }
        self.leave_dtls();
        self.lost_once = true;
        self.perseverance.stand = Stand::Off;
        self.try_dtls(now);
    }

    pub(super) fn search_step(&mut self, step: Option<Step>, now: Instant) {
        match step {
            Some(Step::Probe(size)) => {
                self.send(Channel::Dtls, PacketType::DpdRequest, vec![0x5a; usize::from(size)], now);
            }
            Some(Step::Done(Some(found))) => {
                self.search = None;
                self.carries = found;
                self.mtu = found.max(self.config.mtu.floor).min(self.planned_mtu());
            }
            Some(Step::Done(None)) => {
                // The peer answers no request at all, so that nothing speaks against what was agreed upon.
                let ceiling = self.search.take().map(|search| search.ceiling());
                self.carries = ceiling.unwrap_or(self.carries);
            }
            None => {}
        }
    }

    /// The payload of a DPD-REQ on DTLS. The server's first one has full size, so that it tests the path, the next ones are empty.
    pub(super) fn probe(&self, first: bool) -> Vec<u8> {
        match self.config.role {
            Role::Server if first => vec![0; usize::from(self.mtu.min(self.carries))],
            Role::Server | Role::Client => Vec::new(),
        }
    }

    pub(super) fn farewell(&mut self, disconnect: &Disconnect, reason: EndReason, now: Instant) {
        if self.ended {
            return;
        }
        if self.tls_alive {
            self.send(Channel::Tls, PacketType::Disconnect, disconnect.to_payload(), now);
        } else if self.dtls_is_up() {
            self.send(Channel::Dtls, PacketType::Disconnect, disconnect.to_payload(), now);
        }
        self.end(reason);
    }

    pub(super) fn end(&mut self, reason: EndReason) {
        self.ended = true;
        self.search = None;
        self.outputs.push_back(Output::End(reason));
    }

    pub(super) fn idle_at(&self) -> Option<Instant> {
        self.config.idle_timeout.filter(|time| !time.is_zero()).map(|time| self.last_traffic + time)
    }

    pub(super) fn age_at(&self) -> Option<Instant> {
        self.config.session_timeout.filter(|time| !time.is_zero()).map(|time| self.started + time)
    }

    pub(super) fn rekey_at(&self) -> Option<Instant> {
        renewal(self.config.rekey.filter(|_| self.config.role == Role::Client && self.tls_alive), self.tls_keyed)
    }

    pub(super) fn dtls_rekey_at(&self) -> Option<Instant> {
        renewal(
            self.config.dtls_rekey.filter(|_| self.config.role == Role::Client && self.dtls_is_up() && self.tls_alive),
            self.dtls_keyed,
        )
    }
}

fn renewal(rekey: Option<Rekey>, keyed: Instant) -> Option<Instant> {
    rekey.filter(|rekey| !rekey.after.is_zero()).map(|rekey| keyed + rekey.after.max(LEAST_REKEY))
}
