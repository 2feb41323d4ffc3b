//! The time line of a cell: one event type is the whole contract between the executor and every report.

use serde::{Deserialize, Serialize};

use crate::{
    AttemptOutcome, CheckRecord, DnsAnswer, FlowSummary, Micros, MtuSearch, Phase, PingResult, Proof, Stage,
    StageStatus, Throughput, Transfer, TransportSample,
};

/// Which of the two programs under test.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PeerRole {
    /// The VPN client.
    Client,
    /// The VPN server (gateway).
    Server,
}

impl PeerRole {
    /// `client` or `server`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Server => "server",
        }
    }
}

impl std::fmt::Display for PeerRole {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.as_str())
    }
}

/// One line of `events.jsonl`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// When, on the cell's clock.
    pub at: Micros,
    /// Index into the scenario's steps, if a step was running.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<usize>,
    /// What happened.
    #[serde(flatten)]
    pub kind: EventKind,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
#[expect(missing_docs, reason = "each variant's fields are named after what they hold")]
pub enum EventKind {
    /// The lab is up: every node, wire and service.
    LabReady { topology: String, nodes: usize, wires: usize },
    /// A step of the scenario begins; `text` is the step as a person would say it.
    StepStarted { text: String },
    /// A step ended.
    StepEnded { check: CheckRecord },
    /// A peer program was started.
    PeerStarted { role: PeerRole, pid: u32, argv: Vec<String> },
    /// A peer said or showed that it is ready.
    PeerReady { role: PeerRole, how: String },
    /// A canonical event recognised in a peer's log (`log_events` of its peer file).
    PeerSaid { role: PeerRole, what: String, line: String },
    /// A stage of the connection begins or ends, as a peer's log tells.
    Stage { role: PeerRole, stage: Stage, status: StageStatus, line: String },
    /// A peer program ended.
    PeerExited { role: PeerRole, code: Option<i32>, signal: Option<i32>, asked: bool },
    /// A fault was put in place.
    FaultInjected { name: String, fault: String, detail: String },
    /// A fault was taken away.
    FaultHealed { name: String },
    /// Whether a fault bit.
    FaultProven { proof: Proof },
    /// Result of a probe: which transport carried marked packets.
    Transport { sample: TransportSample },
    /// Result of a probe: ping.
    Ping { result: PingResult },
    /// Result of a probe: transfer over HTTP.
    Transfer { result: Transfer },
    /// Result of a probe: DNS query.
    Dns { answer: DnsAnswer },
    /// Result of a probe: search for the largest packet that passes.
    Mtu { result: MtuSearch },
    /// Result of a probe: how much goes through the tunnel.
    Throughput { result: Throughput },
    /// A numbered flow ended.
    Flow { summary: FlowSummary },
    /// How an attempt to connect ended.
    Attempt { outcome: AttemptOutcome, detail: String },
    /// A snapshot of every node was taken.
    SnapshotTaken { phase: Phase },
    /// A remark of the harness.
    Note { text: String },
}

/// The events of a cell in order.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timeline {
    /// Ordered by [`Event::at`].
    pub events: Vec<Event>,
}

impl Timeline {
    /// The first event for which `wanted` holds.
    pub fn first(&self, mut wanted: impl FnMut(&EventKind) -> bool) -> Option<&Event> {
        self.events.iter().find(|event| wanted(&event.kind))
    }

    /// The last event for which `wanted` holds.
    pub fn last(&self, mut wanted: impl FnMut(&EventKind) -> bool) -> Option<&Event> {
        self.events.iter().rev().find(|event| wanted(&event.kind))
    }
}
