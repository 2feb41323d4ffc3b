//! News of the data plane.

use reference_cstp::frame::{Disconnect, reason};
use reference_cstp::login::Stage;
use reference_cstp::profile::{DtlsMtuPlan, Schedule};
use reference_cstp::session::{Channel, EndReason};
use reference_tunnel::plane::PlaneEvent;

use super::run::{End, Session, off};
use crate::error::ClientError;
use crate::events::{DtlsState, Event, StageStatus};

impl Session {
    /// Tells an event and does what it asks for.
    pub(super) async fn on_event(&mut self, event: Option<PlaneEvent>) -> Option<End> {
        let Some(event) = event else { return Some(End::Failed(ClientError::internal("the data plane is gone"))) };
        match event {
            PlaneEvent::DtlsAttempt { attempt, .. } => {
                self.dtls(DtlsState::Attempt, Some(attempt), None, None);
                None
            }
            PlaneEvent::DtlsUp { suite, version, attempt, .. } => {
                let suite = suite.map_or_else(|| version.name().to_owned(), |suite| suite.name().to_owned());
                if !std::mem::replace(&mut self.dtls_seen, true) {
                    self.stages.done(&suite);
                }
                self.dtls(DtlsState::Up, Some(attempt), Some(suite), None);
                None
            }
            PlaneEvent::DtlsDown { established, reason, .. } => self.on_dtls_down(established, reason),
            PlaneEvent::Transport { channel, .. } => {
                self.reporter.tell(&Event::Transport { channel: channel_name(channel) });
                None
            }
            PlaneEvent::Mtu { mtu, .. } => {
                self.set_mtu(mtu).await;
                None
            }
            PlaneEvent::RekeyTunnel { .. } => {
                self.rekey();
                None
            }
            PlaneEvent::Rekeyed { method, .. } => {
                let method = method.name().to_owned();
                self.reporter.tell(&Event::Rekey { method, status: StageStatus::Done });
                None
            }
            PlaneEvent::Lost { reason, detail, .. } => {
                let detail = Some(detail).filter(|detail| !detail.is_empty());
                self.lost(&detail.map_or_else(|| reason.name().to_owned(), |more| format!("{}: {more}", reason.name())))
            }
            PlaneEvent::Ended { reason, .. } => self.on_ended(&reason),
            PlaneEvent::Fault { message } => Some(End::Failed(ClientError::Internal(message))),
        }
    }

    /// openconnect ends with every DISCONNECT (AC-CSTP-09). AnyConnect comes back with its cookie, unless the gateway says nothing
    /// or that the session is over (AC-CSTP-07).
    fn on_ended(&mut self, reason: &EndReason) -> Option<End> {
        self.attached = false;
        match reason {
            EndReason::Disconnect(disconnect)
                if self.is_anyconnect() && disconnect.reason.is_some() && !disconnect.frees_session() =>
            {
                self.lost(&format!("the gateway asks for it: {}", words(disconnect)))
            }
            EndReason::Disconnect(disconnect) => Some(End::Failed(ClientError::Ended(words(disconnect)))),
            other => Some(End::Failed(ClientError::Ended(other.name().to_owned()))),
        }
    }

    fn on_dtls_down(&mut self, established: bool, reason: String) -> Option<End> {
        self.dtls(DtlsState::Down, None, None, Some(reason.clone()));
        if established || self.dtls_seen {
            return None;
        }
        self.stages.failed(&reason);
        self.dtls_failures += 1;
        let round = match self.dialer.settings.profile.dtls.schedule {
            Schedule::Openconnect => 1,
            Schedule::Anyconnect => 6,
        };
        if self.dtls_failures < round {
            return None;
        }
        if self.is_anyconnect() {
            self.reporter.tell(&off("given up"));
        }
        let over = self.dialer.settings.require_dtls;
        over.then_some(End::Failed(ClientError::DtlsRequired(reason)))
    }

    fn dtls(&mut self, state: DtlsState, attempt: Option<u32>, suite: Option<String>, reason: Option<String>) {
        let family = self.family.filter(|_| state == DtlsState::Up).map(|family| family.name().to_owned());
        if state == DtlsState::Attempt && !self.dtls_seen {
            self.stages.begin(Stage::DtlsHandshake);
        }
        self.reporter.tell(&Event::Dtls { state, attempt, family, suite, reason });
    }

    pub(super) async fn set_mtu(&mut self, mtu: u16) {
        let from = std::mem::replace(&mut self.mtu, mtu);
        if from == mtu {
            return;
        }
        self.network.set_mtu(mtu).await;
        // AnyConnect gives DTLS up and takes the MTU of TLS, in one session; openconnect follows what the path carries.
        let reason = match self.dialer.settings.profile.dtls.mtu {
            DtlsMtuPlan::Reconfigure => "reconfigure",
            DtlsMtuPlan::Probe => "path",
        };
        self.reporter.tell(&Event::Mtu { from, mtu, reason });
    }
}

/// The word for a channel.
pub(super) const fn channel_name(channel: Channel) -> &'static str {
    match channel {
        Channel::Tls => "tls",
        Channel::Dtls => "dtls",
    }
}

/// The reason byte with its meaning, and the gateway's own words.
fn words(disconnect: &Disconnect) -> String {
    let Some(code) = disconnect.reason else { return "no reason".to_owned() };
    let meaning = match code {
        reason::USER => " (session over)",
        reason::LOCAL_ERROR => " (error of the gateway)",
        reason::RECONNECTING => " (connect again)",
        reason::PAUSE => " (pause)",
        _ => "",
    };
    let text = Some(&disconnect.text).filter(|text| !text.is_empty()).map(|text| format!(", {text}"));
    format!("reason {code:#04x}{meaning}{}", text.unwrap_or_default())
}
