//! A decoded capture as a person reads it: one line for what happened, not for each packet (`trace.json`, `trace.txt`).

use serde::{Deserialize, Serialize};

use crate::Micros;

/// What a trace looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum View {
    /// HTTP requests and replies of the control channel with their headers, opened with the keys.
    ConnectHeaders,
    /// DNS questions and answers.
    Dns,
    /// What the tunnel carries.
    InnerFlow,
    /// What the wires carry, as anyone without keys sees it.
    OuterFlow,
    /// Addresses, routes and resolver of the client and the server after each phase.
    Routes,
}

impl View {
    /// Every view, in the order in which they are shown.
    pub const ALL: [Self; 5] = [Self::OuterFlow, Self::ConnectHeaders, Self::Dns, Self::Routes, Self::InnerFlow];

    /// The name used in YAML and in file names.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ConnectHeaders => "connect-headers",
            Self::Dns => "dns",
            Self::InnerFlow => "inner-flow",
            Self::OuterFlow => "outer-flow",
            Self::Routes => "routes",
        }
    }
}

impl std::fmt::Display for View {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.as_str())
    }
}

/// The innermost layer that was understood; gives a line its colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "the names say it")]
pub enum Layer {
    Arp,
    Icmp,
    Ip,
    Tcp,
    Udp,
    Tls,
    Dtls,
    Http,
    Cstp,
    Openvpn,
    Dns,
    Other,
}

/// A trace.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Trace {
    /// Hosts by role (`client`, `gateway`, `inside`), in the order of the path from the client; a lane of the ladder each.
    pub hosts: Vec<String>,
    /// What happened, by time.
    pub lines: Vec<TraceLine>,
    /// What the scenario did, by time.
    pub marks: Vec<TraceMark>,
    /// Where the trace is not whole: a broken packet, a lost segment, a missing key, lines beyond the limit.
    pub notes: Vec<String>,
}

/// One line; several packets that are the same but for their time are folded into one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TraceLine {
    /// Number of the first frame in the capture, from 1.
    pub frame: u64,
    /// Number of the last frame that is folded in.
    pub last_frame: u64,
    /// Time of the first frame, on the cell's clock; of a bare capture, since its first packet.
    pub at: Micros,
    /// Time of the last frame.
    pub until: Micros,
    /// The interface of the capture on which it was seen: `access`, `client:tun0`.
    pub wire: String,
    /// The view it belongs to.
    pub view: View,
    /// The flow: `client>gateway TCP/443 #2`. The host before `>` opened it.
    pub flow: String,
    /// Who sent it.
    pub from: String,
    /// Whom it is for.
    pub to: String,
    /// Gives it its colour.
    pub layer: Layer,
    /// What it is, with random values replaced by stable names: `TLS ClientHello 1.3 sni=vpn.example.test`.
    pub text: String,
    /// Packets (of streams: records or segments) that are folded in, this one included.
    pub count: u64,
    /// How many of them repeat what was sent before.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub retransmissions: u64,
    /// What the wire did with it: `dropped: cut`, `corrupted`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remark: Option<String>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
const fn is_zero(value: &u64) -> bool {
    *value == 0
}

/// A moment of the scenario; phases of a trace begin at marks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TraceMark {
    /// When.
    pub at: Micros,
    /// `the client starts`, `fault block: UDP blocked at isp`, `heal block`, `disconnect`.
    pub text: String,
    /// What kind of moment.
    pub kind: MarkKind,
}

/// Kinds of marks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MarkKind {
    /// A client was started.
    ClientStarts,
    /// A fault is in place.
    Fault,
    /// A fault is gone.
    Heal,
    /// The client is asked to leave.
    Disconnect,
}
