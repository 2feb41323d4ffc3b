//! One channel's clocks: when it was last heard, when it last spoke, what is due.

use std::time::{Duration, Instant};

use super::config::{SessionConfig, Timers};
use super::output::Role;
use crate::defects::Mutant;

/// No timer runs faster than this, whatever was negotiated.
const LEAST: Duration = Duration::from_millis(10);

/// How long a client waits, at most, for what its peer sent within two intervals.
const MOST_GRACE: Duration = Duration::from_secs(1);

/// What a channel's clocks ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Due {
    /// A DPD-REQ; the first of a silence is told apart.
    Probe { first: bool },
    /// A KEEPALIVE.
    Keepalive,
    /// The peer was silent for too long.
    Dead,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Path {
    dpd: Option<Dpd>,
    keepalive: Option<Duration>,
    last_rx: Instant,
    last_tx: Instant,
    last_probe: Option<Instant>,
}

/// The times of dead peer detection.
#[derive(Clone, Copy, Debug)]
struct Dpd {
    /// Silence before the first probe.
    first: Duration,
    /// Between two probes.
    repeat: Duration,
    /// Silence after which there are no more.
    last: Duration,
    /// Silence of a dead peer.
    dead: Duration,
}

impl Dpd {
    /// A client probes after one interval and gives up after two; a server after two and three (AC-KA-01, AC-KA-02, AC-KA-05).
    ///
    /// Where only one direction is dead, the server's first question is on its way just when the client would give up. So that the question and not
    /// chance decides, the client leaves it some time to arrive, as openconnect does, which counts whole seconds.
    fn new(interval: Duration, role: Role) -> Self {
        let interval = interval.max(LEAST * 2);
        let (first, last, grace) = match role {
            Role::Client => (interval, interval * 2, MOST_GRACE.min(interval / 8)),
            Role::Server => (interval * 2, interval * 3, Duration::ZERO),
        };
        Self { first, repeat: interval / 2, last, dead: last + grace }
    }
}

impl Path {
    pub(super) fn new(config: &SessionConfig, timers: Timers, now: Instant) -> Self {
        let role = config.role;
        let deaf = role == Role::Client && config.defects.has(Mutant::IgnoresDpd);
        let on = |time: &Duration| !time.is_zero();
        Self {
            dpd: timers.dpd.filter(on).filter(|_| !deaf).map(|interval| Dpd::new(interval, role)),
            keepalive: timers.keepalive.filter(on).map(|time| time.max(LEAST)),
            last_rx: now,
            last_tx: now,
            last_probe: None,
        }
    }

    /// A new connection took the place of the old one.
    pub(super) fn restart(&mut self, now: Instant) {
        (self.last_rx, self.last_tx, self.last_probe) = (now, now, None);
    }

    /// Any packet at all (AC-KA-03).
    pub(super) fn heard(&mut self, now: Instant) {
        self.last_rx = self.last_rx.max(now);
        self.last_probe = None;
    }

    pub(super) fn spoke(&mut self, now: Instant) {
        self.last_tx = self.last_tx.max(now);
    }

    fn dead_at(&self) -> Option<Instant> {
        self.dpd.map(|dpd| self.last_rx + dpd.dead)
    }

    fn probe_at(&self) -> Option<Instant> {
        let dpd = self.dpd?;
        let at = self.last_probe.map_or(self.last_rx + dpd.first, |probe| probe + dpd.repeat);
        Some(at).filter(|at| *at < self.last_rx + dpd.last)
    }

    fn keepalive_at(&self) -> Option<Instant> {
        self.keepalive.map(|time| self.last_tx + time)
    }

    pub(super) fn next(&self) -> Option<Instant> {
        [self.dead_at(), self.probe_at(), self.keepalive_at()].into_iter().flatten().min()
    }

    /// Takes what is due, at most one thing; the clock of what is taken moves on, [`Due::Dead`] apart.
    pub(super) fn take(&mut self, now: Instant) -> Option<Due> {
        let is_due = |at: Option<Instant>| at.is_some_and(|at| now >= at);
        if is_due(self.dead_at()) {
            Some(Due::Dead)
        } else if is_due(self.probe_at()) {
            let first = self.last_probe.replace(now).is_none();
            self.spoke(now);
            Some(Due::Probe { first })
        } else if is_due(self.keepalive_at()) {
            self.spoke(now);
            Some(Due::Keepalive)
        } else {
            None
        }
    }
}
