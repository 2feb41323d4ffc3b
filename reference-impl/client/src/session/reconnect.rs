//! New connections for a session that lives: after a loss, for new keys, on request.

use std::mem::replace;
use std::time::Duration;

use tokio::time::Instant;

use super::config::{attach, session};
use super::run::{End, Progress, Session, Why, Work, ends, off};
use crate::backoff::{BackOff, Next, Rhythm};
use crate::dialer::Opened;
use crate::error::ClientError;
use crate::events::{Event, StageStatus};
use crate::network::addresses;

/// Pause before a rekey is tried again; the old keys are good until then.
const REKEY_AGAIN: Duration = Duration::from_secs(60);

/// A connection that is lost again so soon is no success: the pauses go on growing, and the limit stays.
const SOON: Duration = Duration::from_secs(2);

/// What the rekey by a new tunnel is called.
const NEW_TUNNEL: &str = "new-tunnel";

impl Session {
    /// The TLS channel is gone: a new one is needed, unless one is on its way.
    pub(super) fn lost(&mut self, reason: &str) -> Option<End> {
        match replace(&mut self.work, Work::Idle) {
            Work::Dialing { tunnel, why: Why::Rekey } => {
                let mut back_off = self.back_off();
                if let Next::Attempt { number, .. } = back_off.next(now()) {
                    self.tell_attempt(number, Duration::ZERO, reason);
                    let why = Why::Reconnect { back_off, attempt: number };
                    self.work = Work::Dialing { tunnel, why };
                }
                None
            }
            work @ (Work::Resolving { .. }
            | Work::Dialing { .. }
            | Work::Waiting { why: Why::Reconnect { .. }, .. }) => {
                self.work = work;
                None
            }
            Work::Idle | Work::Waiting { why: Why::Rekey, .. } => {
                let recent = self.comeback.take().filter(|(_, made)| made.elapsed() < SOON);
                let back_off = recent.map_or_else(|| self.back_off(), |(back_off, _)| back_off);
                self.begin(back_off, reason)
            }
        }
    }

    /// The user wants another connection, at once.
    pub(super) fn reconnect(&mut self, reason: &str) -> Option<End> {
        match &mut self.work {
            Work::Waiting { until, why: Why::Reconnect { .. } } => {
                *until = Instant::now();
                None
            }
            Work::Resolving { .. } | Work::Dialing { .. } => None,
            Work::Idle | Work::Waiting { why: Why::Rekey, .. } => self.begin(self.back_off(), reason),
        }
    }

    /// The keys are due: a new connection takes over before the old one is closed (AC-RKY-03).
    pub(super) fn rekey(&mut self) {
        if matches!(self.work, Work::Idle) {
            self.tell_rekey(StageStatus::Begin);
            self.work = Work::Waiting { until: Instant::now(), why: Why::Rekey };
        }
    }

    pub(super) async fn on_progress(&mut self, progress: Progress) -> Option<End> {
        match (progress, replace(&mut self.work, Work::Idle)) {
            (Progress::Due, Work::Waiting { why: why @ Why::Reconnect { .. }, .. }) if self.reply.dyndns => {
                let (dialer, url) = (self.dialer.clone(), self.url.clone());
                let look_up = Box::pin(async move { dialer.resolve(&url).await.map(drop) });
                self.work = Work::Resolving { look_up, why };
                None
            }
            (Progress::Due, Work::Waiting { why, .. }) => {
                self.dial(why).await;
                None
            }
            (Progress::Resolved(found), Work::Resolving { why, .. }) => {
                if let Err(error) = found {
                    let message = format!("the known addresses are used: failed to {error}");
                    self.reporter.tell(&Event::Warning { message });
                }
                self.dial(why).await;
                None
            }
            (Progress::Dialed(Ok(opened)), Work::Dialing { why, .. }) => self.take_over(*opened, why).await.err(),
            (Progress::Dialed(Err(error)), Work::Dialing { why, .. }) => self.failed(error, why),
            (_, work) => {
                self.work = work;
                None
            }
        }
    }

    /// Plans the next attempt, if there is time for one.
    fn begin(&mut self, mut back_off: BackOff, reason: &str) -> Option<End> {
        match back_off.next(now()) {
            Next::Attempt { number, after } => {
                self.tell_attempt(number, after, reason);
                let why = Why::Reconnect { back_off, attempt: number };
                self.work = Work::Waiting { until: Instant::now() + after, why };
                None
            }
            Next::GiveUp => {
                let (limit, reason) = (self.dialer.settings.reconnect_timeout, reason.to_owned());
                Some(End::Failed(ClientError::ReconnectTimedOut { limit, reason }))
            }
        }
    }

    /// Begins an attempt.
    async fn dial(&mut self, why: Why) {
        if let Why::Reconnect { attempt, .. } = why {
            let gateway = self.dialer.first_address(&self.url).unwrap_or(self.remote.ip());
            self.network.before_attempt(gateway, attempt == 1).await;
        }
        let (dialer, url, cookie, wishes) = (self.dialer.clone(), self.url.clone(), self.cookie.clone(), self.wishes());
        let tunnel = Box::pin(async move { dialer.tunnel(&url, &cookie, &wishes).await });
        self.work = Work::Dialing { tunnel, why };
    }

    /// Puts a new connection in the place of the old one.
    async fn take_over(&mut self, opened: Opened, why: Why) -> Result<(), End> {
        let (before, after) = (addresses(&self.reply), addresses(&opened.reply));
        if before != after {
            let words = |all: &[ipnet::IpNet]| all.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
            let (from, to) = (words(&before), words(&after));
            self.reporter.tell(&Event::AddressChanged { from: from.clone(), to: to.clone() });
            if !self.is_anyconnect() {
                return Err(End::Failed(ClientError::AddressChanged { from, to }));
            }
        }
        let changed = self.reply != opened.reply;
        self.remote = opened.remote;
        self.family = opened.dtls.as_ref().ok().map(|dtls| dtls.family);
        if let Err(reason) = &opened.dtls
            && self.reply.dtls.is_some()
        {
            self.reporter.tell(&off(reason));
        }
        self.reply = opened.reply.clone();
        self.options.clone_from(&opened.options);
        self.ends = ends(&self.reply);
        let config = session(&opened, &self.dialer.settings);
        let mtu = config.mtu.dtls.unwrap_or(config.mtu.tls);
        self.plane.attach(attach(opened, config).map_err(End::Failed)?);
        if !replace(&mut self.attached, true) {
            // The data plane begins anew and does not know which MTU the device has.
            self.set_mtu(mtu).await;
        }
        if matches!(why, Why::Reconnect { .. }) || changed {
            let configured = self.network.configure(&self.reply, &self.options, self.remote.ip(), self.mtu).await;
            configured.map_err(End::Failed)?;
        }
        match why {
            Why::Rekey => self.tell_rekey(StageStatus::Done),
            Why::Reconnect { back_off, attempt } => {
                self.comeback = Some((back_off, Instant::now()));
                self.reporter.tell(&Event::Reconnected { attempt });
            }
        }
        Ok(())
    }

    fn failed(&mut self, error: ClientError, why: Why) -> Option<End> {
        // Neither a cookie that is refused nor a stranger at the gateway's place becomes right by trying again (AC-CON-06, AC-TLS-19).
        if matches!(error, ClientError::CookieRejected | ClientError::Certificate { .. }) {
            return Some(End::Failed(error));
        }
        match why {
            Why::Rekey => {
                self.tell_rekey(StageStatus::Failed);
                self.reporter.tell(&Event::Warning { message: format!("the old keys stay in use: failed to {error}") });
                self.work = Work::Waiting { until: Instant::now() + REKEY_AGAIN, why };
                None
            }
            Why::Reconnect { back_off, attempt } => {
                let reason = error.to_string();
                self.reporter.tell(&Event::ReconnectFailed { attempt, reason: reason.clone() });
                self.begin(back_off, &reason)
            }
        }
    }

    fn back_off(&self) -> BackOff {
        let rhythm = if self.is_anyconnect() { Rhythm::Anyconnect } else { Rhythm::Openconnect };
        BackOff::new(rhythm, self.dialer.settings.reconnect_timeout, now())
    }

    fn tell_attempt(&self, attempt: u32, after: Duration, reason: &str) {
        let reason = reason.to_owned();
        self.reporter.tell(&Event::Reconnecting { attempt, after_s: after.as_secs(), reason });
    }

    fn tell_rekey(&self, status: StageStatus) {
        self.reporter.tell(&Event::Rekey { method: NEW_TUNNEL.to_owned(), status });
    }
}

fn now() -> std::time::Instant {
    std::time::Instant::now()
}
