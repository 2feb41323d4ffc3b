//! What a session is made with.

use std::time::Duration;

use serde::Deserialize;

use super::output::Role;
use crate::defects::Defects;

/// Dead peer detection and keepalive of one channel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Timers {
    /// Interval of dead peer detection; `None` and zero mean none (AC-KA-09).
    pub dpd: Option<Duration>,
    /// Longest silence of our own before a KEEPALIVE is sent; `None` and zero mean none (AC-KA-04).
    pub keepalive: Option<Duration>,
}

/// How keys are renewed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RekeyMethod {
    /// A new handshake or a key update in the same connection (`ssl`).
    Ssl,
    /// A new connection with the same cookie (`new-tunnel`).
    NewTunnel,
}

impl RekeyMethod {
    /// Returns the word that the headers use.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ssl => "ssl",
            Self::NewTunnel => "new-tunnel",
        }
    }
}

/// When and how keys are renewed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rekey {
    /// Time since the keys were made.
    pub after: Duration,
    /// The way.
    pub method: RekeyMethod,
}

/// When a DTLS attempt counts as failed, and when the next one comes (AC-DTLS-20).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RetrySchedule {
    /// OpenConnect: an attempt every `period`, counted from the start of the attempt that failed, for ever.
    OpenConnect {
        /// Time for one handshake.
        deadline: Duration,
        /// From the start of an attempt to the start of the next one.
        period: Duration,
    },
    /// AnyConnect: a retry after each pause, counted from the failure; then DTLS is given up and the MTU set to `X-CSTP-MTU`.
    AnyConnect {
        /// Time for one handshake.
        deadline: Duration,
        /// The pauses before the retries.
        back_off: [Duration; 5],
    },
}

impl RetrySchedule {
    /// Returns OpenConnect's times: 12 s for a handshake, one attempt a minute.
    pub const fn openconnect() -> Self {
        Self::OpenConnect { deadline: Duration::from_secs(12), period: Duration::from_secs(60) }
    }

    /// Returns AnyConnect's times: retries after 1, 2, 4, 8 and 16 s.
    ///
    /// The time for one handshake is 5 s, with which a blocked UDP path is given up after 61 s: the "reconnect after one minute"
    /// of Cisco's note 116881.
    pub const fn anyconnect() -> Self {
        Self::AnyConnect {
            deadline: Duration::from_secs(5),
            back_off: [
                Duration::from_secs(1),
                Duration::from_secs(2),
                Duration::from_secs(4),
                Duration::from_secs(8),
                Duration::from_secs(16),
            ],
        }
    }
}

/// The client's conduct of DTLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DtlsPolicy {
    /// When it is tried again.
    pub schedule: RetrySchedule,
}

/// Sizes of inner packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MtuPlan {
    /// Bytes of an inner packet while TLS is the only channel.
    pub tls: u16,
    /// Bytes of an inner packet as long as DTLS is hoped for; `None`: the same.
    pub dtls: Option<u16>,
    /// Whether the DTLS path is probed once it is up (AC-MTU-05).
    pub probe: bool,
    /// The least size that is ever set: 576, or 1280 with IPv6 inside (AC-MTU-09).
    pub floor: u16,
}

impl MtuPlan {
    /// Returns a plan of one size without probes, and with the floor for IPv4.
    pub fn fixed(mtu: u16) -> Self {
        Self { tls: mtu, dtls: None, probe: false, floor: 576.min(mtu) }
    }
}

/// All that a session is made with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionConfig {
    /// Which side this is.
    pub role: Role,
    /// Timers of the TLS channel.
    pub tls: Timers,
    /// Timers of the DTLS channel.
    pub dtls: Timers,
    /// Time without traffic after which the session ends (AC-KA-07).
    pub idle_timeout: Option<Duration>,
    /// Time from the start of the session to its end, whatever happens (AC-KA-08).
    pub session_timeout: Option<Duration>,
    /// Renewal of the TLS keys. The client acts on it; the server judges rehandshakes by it (AC-RKY-05).
    pub rekey: Option<Rekey>,
    /// Renewal of the DTLS keys; the client acts on it.
    pub dtls_rekey: Option<Rekey>,
    /// How the client perseveres with DTLS; `None`: it makes no attempt. A server leaves it empty.
    pub dtls_policy: Option<DtlsPolicy>,
    /// Sizes of inner packets.
    pub mtu: MtuPlan,
    /// Deliberate defects.
    pub defects: Defects,
}

impl SessionConfig {
    /// Returns a configuration without timers and without DTLS.
    pub fn new(role: Role, mtu: MtuPlan) -> Self {
        Self {
            role,
            tls: Timers::default(),
            dtls: Timers::default(),
            idle_timeout: None,
            session_timeout: None,
            rekey: None,
            dtls_rekey: None,
            dtls_policy: None,
            mtu,
            defects: Defects::NONE,
        }
    }
}
