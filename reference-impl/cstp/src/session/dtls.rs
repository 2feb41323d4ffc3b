//! The client's perseverance with DTLS: attempts, pauses, the end of hope (AC-DTLS-19 to AC-DTLS-22).

use std::time::{Duration, Instant};

use super::config::{DtlsPolicy, RetrySchedule};

/// Two attempts are never closer than this, whatever a schedule says.
const LEAST: Duration = Duration::from_millis(10);

/// Where DTLS stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stand {
    /// No DTLS, or none any more.
    Off,
    /// A handshake runs.
    Trying { since: Instant },
    /// The next attempt is due at this time.
    Waiting { until: Instant },
    /// Established.
    Up,
}

/// What a failure leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// There will be another attempt.
    Again,
    /// There will be none.
    GivenUp,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Perseverance {
    policy: Option<DtlsPolicy>,
    pub(super) stand: Stand,
    /// Attempts of the whole session.
    attempts: u32,
    /// Failures since the last success.
    failures: usize,
}

impl Perseverance {
    pub(super) fn new(policy: Option<DtlsPolicy>) -> Self {
        Self { policy, stand: Stand::Off, attempts: 0, failures: 0 }
    }

    /// Takes over a policy; the attempts go on being counted.
    pub(super) fn reset(&mut self, policy: Option<DtlsPolicy>) {
        *self = Self { attempts: self.attempts, ..Self::new(policy) };
    }

    pub(super) fn wanted(&self) -> bool {
        self.policy.is_some()
    }

    /// Begins an attempt and returns its number.
    pub(super) fn begin(&mut self, now: Instant) -> u32 {
        self.attempts = self.attempts.saturating_add(1);
        self.stand = Stand::Trying { since: now };
        self.attempts
    }

    pub(super) fn established(&mut self) {
        self.failures = 0;
        self.stand = Stand::Up;
    }

    /// The attempt that runs failed.
    pub(super) fn failed(&mut self, now: Instant) -> Verdict {
        let Stand::Trying { since } = self.stand else { return Verdict::Again };
        let until = match self.policy.map(|policy| policy.schedule) {
            None => None,
            Some(RetrySchedule::OpenConnect { period, .. }) => Some((since + period).max(now + LEAST)),
            Some(RetrySchedule::AnyConnect { back_off, .. }) => {
                back_off.get(self.failures).map(|pause| now + (*pause).max(LEAST))
            }
        };
        self.failures += 1;
        let Some(until) = until else {
            self.stand = Stand::Off;
            return Verdict::GivenUp;
        };
        self.stand = Stand::Waiting { until };
        Verdict::Again
    }

    /// When the running handshake is too old.
    fn deadline(&self) -> Option<Instant> {
        let Stand::Trying { since } = self.stand else { return None };
        let deadline = match self.policy?.schedule {
            RetrySchedule::OpenConnect { deadline, .. } | RetrySchedule::AnyConnect { deadline, .. } => deadline,
        };
        Some(since + deadline.max(LEAST))
    }

    pub(super) fn next(&self) -> Option<Instant> {
        match self.stand {
            Stand::Waiting { until } => Some(until),
            Stand::Trying { .. } => self.deadline(),
            Stand::Off | Stand::Up => None,
        }
    }

    /// Whether nothing runs and the next attempt has its time.
    pub(super) fn is_waiting(&self) -> bool {
        matches!(self.stand, Stand::Waiting { .. })
    }

    pub(super) fn overdue(&self, now: Instant) -> bool {
        self.deadline().is_some_and(|deadline| now >= deadline)
    }

    pub(super) fn turn_has_come(&self, now: Instant) -> bool {
        matches!(self.stand, Stand::Waiting { until } if now >= until)
    }
}
