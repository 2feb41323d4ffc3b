//! A session, a clock that the test turns, and the outputs as lines of `milliseconds what`.

use std::time::{Duration, Instant};

use reference_cstp::frame::PacketType;
use reference_cstp::session::{
    Channel, DtlsEvent, DtlsPolicy, MtuPlan, Output, RetrySchedule, Role, Session, SessionConfig, Timers,
};

pub(crate) const DTLS_UP: DtlsEvent = DtlsEvent::Established { data_mtu: 1434 };

pub(crate) fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

pub(crate) fn timers(dpd: u64, keepalive: u64) -> Timers {
    Timers { dpd: Some(secs(dpd)), keepalive: Some(secs(keepalive)) }
}

/// A client or server without any timer.
pub(crate) fn quiet(role: Role) -> SessionConfig {
    SessionConfig::new(role, MtuPlan::fixed(1400))
}

pub(crate) fn client_with_dtls(schedule: RetrySchedule) -> SessionConfig {
    SessionConfig { dtls_policy: Some(DtlsPolicy { schedule }), ..quiet(Role::Client) }
}

pub(crate) struct Sim {
    pub(crate) session: Session,
    start: Instant,
    now: Instant,
}

impl Sim {
    pub(crate) fn new(config: SessionConfig) -> Self {
        let start = Instant::now();
        Self { session: Session::new(config, start), start, now: start }
    }

    pub(crate) fn now(&self) -> Instant {
        self.now
    }

    pub(crate) fn elapsed(&self) -> Duration {
        self.now - self.start
    }

    /// Takes the outputs that wait, each with the time.
    pub(crate) fn drain(&mut self) -> Vec<(u64, Output)> {
        let at = u64::try_from(self.elapsed().as_millis()).unwrap();
        std::iter::from_fn(|| self.session.poll_output()).map(|output| (at, output)).collect()
    }

    /// Turns the clock to this many milliseconds after the start and lets every timer fire in its turn.
    pub(crate) fn outputs_until(&mut self, millis: u64) -> Vec<(u64, Output)> {
        let until = self.start + Duration::from_millis(millis);
        assert!(until >= self.now, "the clock does not run backwards");
        let mut outputs = self.drain();
        while let Some(at) = self.session.poll_timeout().filter(|at| *at <= until) {
            self.now = at.max(self.now);
            self.session.on_timeout(self.now);
            outputs.extend(self.drain());
            assert!(self.session.poll_timeout().is_none_or(|next| next > self.now), "a timer does not move on");
        }
        self.now = until;
        outputs
    }

    /// The same as lines.
    pub(crate) fn until(&mut self, millis: u64) -> Vec<String> {
        self.outputs_until(millis).iter().map(|(at, output)| format!("{at} {}", line(output))).collect()
    }

    pub(crate) fn dtls(&mut self, event: DtlsEvent) {
        self.session.on_dtls(event, self.now);
    }

    pub(crate) fn hears(&mut self, channel: Channel, kind: PacketType, payload: &[u8]) {
        self.session.on_control(channel, kind, payload, self.now);
    }

    pub(crate) fn data(&mut self, channel: Channel) {
        self.session.on_data_received(channel, true, self.now);
    }
}

/// One output in a few words.
pub(crate) fn line(output: &Output) -> String {
    match output {
        Output::Send { channel, kind, payload } => {
            let payload = if payload.is_empty() { String::new() } else { format!(" {}", payload.len()) };
            format!("{channel:?} {kind:?}{payload}")
        }
        Output::StartDtls { attempt } => format!("start {attempt}"),
        Output::StopDtls(_) => "stop".into(),
        Output::SetMtu(mtu) => format!("mtu {mtu}"),
        Output::RekeyTls(method) => format!("rekey tls {}", method.name()),
        Output::RekeyDtls => "rekey dtls".into(),
        Output::Lost(reason) => format!("lost: {}", reason.name()),
        Output::End(reason) => format!("end: {}", reason.name()),
        Output::Transport(channel) => format!("-> {channel:?}"),
    }
}
