//! What probes saw. Plain numbers; judging them is the work of the checks.

use std::net::IpAddr;

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use crate::Micros;

/// What carried the tunnel's traffic on the outside wires.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Carrier {
    /// DTLS records over UDP (AnyConnect data channel).
    Dtls,
    /// TLS records over TCP (CSTP).
    Tls,
    /// OpenVPN data packets over UDP.
    OpenvpnUdp,
    /// OpenVPN data packets over TCP.
    OpenvpnTcp,
    /// The marked packet itself, in clear.
    Clear,
}

impl Carrier {
    /// The name used in YAML.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Dtls => "dtls",
            Self::Tls => "tls",
            Self::OpenvpnUdp => "openvpn-udp",
            Self::OpenvpnTcp => "openvpn-tcp",
            Self::Clear => "clear",
        }
    }
}

impl std::fmt::Display for Carrier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.as_str())
    }
}

/// Frames of marker size seen on the gateway's outside wires, by carrier.
pub type Carriers = IndexMap<Carrier, u32>;

/// A marked ping and what carried it, each way.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TransportSample {
    /// Whether the reply came back.
    pub answered: bool,
    /// Round trip in microseconds, if answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rtt_us: Option<u64>,
    /// Frames of marker size towards the gateway.
    pub to_server: Carriers,
    /// Frames of marker size from the gateway.
    pub to_client: Carriers,
}

impl TransportSample {
    /// The carrier of the round trip, if both directions used one and the same.
    pub fn carrier(&self) -> Option<Carrier> {
        if !self.answered || self.to_server.len() != 1 || self.to_client.len() != 1 {
            return None;
        }
        let (up, _) = self.to_server.first()?;
        let (down, _) = self.to_client.first()?;
        (up == down).then_some(*up)
    }
}

/// Result of a ping.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PingResult {
    /// Node that sent.
    pub from: String,
    /// Name or address as the scenario has it.
    pub to: String,
    /// Requests sent.
    pub sent: u32,
    /// Replies received.
    pub received: u32,
    /// Median round trip in microseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rtt_us: Option<u64>,
    /// Why nothing could be sent (`Network is unreachable`), if so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// Result of a transfer over HTTP.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Transfer {
    /// URL without the address.
    pub what: String,
    /// Bytes asked for.
    pub expected: u64,
    /// Bytes received before the end or the deadline.
    pub received: u64,
    /// Whether the SHA-256 matches what the service computed.
    pub hash_matches: bool,
    /// Wall time in milliseconds.
    pub duration_ms: u64,
    /// When the last byte arrived.
    pub last_byte_at: Micros,
    /// Number of the frame in the capture that was sent last towards the receiver and never acknowledged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stalled_at_frame: Option<u64>,
    /// Why it ended early.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// Answer to a DNS query.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DnsAnswer {
    /// Name asked.
    pub name: String,
    /// Resolver that was asked, as the node's resolver view says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resolver: Option<IpAddr>,
    /// Addresses in the answer.
    pub addresses: Vec<IpAddr>,
    /// `NOERROR`, `NXDOMAIN`, ..., or `TIMEOUT`.
    pub code: String,
}

/// Search for the largest packet that passes unfragmented.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MtuSearch {
    /// Where to.
    pub to: String,
    /// MTU of the tunnel interface as configured.
    pub interface_mtu: Option<u32>,
    /// Largest IP packet that was answered, in bytes.
    pub largest: u32,
    /// Packets sent.
    pub probes: u32,
}

/// How much went through the tunnel in a time, and what the peers paid for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Throughput {
    /// The far end.
    pub to: String,
    /// `download` or `upload`, seen from the client.
    pub direction: String,
    /// TCP connections at the same time.
    pub streams: u32,
    /// Bytes that arrived in the measured time.
    pub bytes: u64,
    /// The measured time, in microseconds.
    pub duration_us: u64,
    /// Processor time of the client and everything that it started, in milliseconds.
    pub client_cpu_ms: u64,
    /// Processor time of the server and everything that it started, in milliseconds.
    pub server_cpu_ms: u64,
    /// UDP datagrams that the client's node sent meanwhile; a tunnel over TLS sends next to none.
    pub datagrams: u64,
}

/// One packet of a numbered flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FlowRecord {
    /// Sequence number, from 0.
    pub seq: u32,
    /// When it was sent.
    pub sent: Micros,
    /// When its echo came back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub echoed: Option<Micros>,
}

/// A numbered UDP flow (echoed by the far end), summed up.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FlowSummary {
    /// Name in the scenario.
    pub name: String,
    /// Packets sent.
    pub sent: u32,
    /// Packets that came back.
    pub echoed: u32,
    /// Packets that came back twice.
    pub duplicated: u32,
    /// Packets that came back after a later one.
    pub reordered: u32,
    /// Longest time without a delivered packet, in milliseconds.
    pub outage_ms: u64,
    /// When that outage began.
    pub outage_at: Micros,
}

/// How an attempt to connect ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AttemptOutcome {
    /// The tunnel is up.
    Connects,
    /// The client ended by itself without a tunnel.
    ClientRefuses,
    /// The server told the client no: credentials, pool, certificate.
    ServerRefuses,
    /// The server did not start.
    ServerRefusesToStart,
    /// Neither connected nor refused before the deadline.
    HangsUntilDeadline,
}

impl AttemptOutcome {
    /// The name used in YAML.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Connects => "connects",
            Self::ClientRefuses => "client-refuses",
            Self::ServerRefuses => "server-refuses",
            Self::ServerRefusesToStart => "server-refuses-to-start",
            Self::HangsUntilDeadline => "hangs-until-deadline",
        }
    }
}

impl std::fmt::Display for AttemptOutcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.as_str())
    }
}

/// Whether a fault bit, and how that is known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proof {
    /// Name of the fault in the scenario.
    pub name: String,
    /// Whether it took effect.
    pub bit: bool,
    /// The evidence: `rule counter 37 packets, 5122 bytes`.
    pub evidence: String,
}

/// Counters of a wire; `offered` is the number of its frames in the capture.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names say it")]
pub struct WireStats {
    pub offered: u64,
    pub delivered: u64,
    pub lost: u64,
    pub duplicated: u64,
    pub reordered: u64,
    pub corrupted: u64,
    pub delayed: u64,
    pub dropped_queue: u64,
    pub dropped_mtu: u64,
    pub dropped_cut: u64,
}

impl std::ops::Add for WireStats {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            offered: self.offered + other.offered,
            delivered: self.delivered + other.delivered,
            lost: self.lost + other.lost,
            duplicated: self.duplicated + other.duplicated,
            reordered: self.reordered + other.reordered,
            corrupted: self.corrupted + other.corrupted,
            delayed: self.delayed + other.delayed,
            dropped_queue: self.dropped_queue + other.dropped_queue,
            dropped_mtu: self.dropped_mtu + other.dropped_mtu,
            dropped_cut: self.dropped_cut + other.dropped_cut,
        }
    }
}

/// What one node sent in clear to one address on an outside wire: the raw material of the leak checks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OuterFlow {
    /// Wire on which it was seen first.
    pub wire: String,
    /// Source address.
    pub from: IpAddr,
    /// Destination address.
    pub to: IpAddr,
    /// `udp`, `tcp`, `icmp`, ... or the number of the protocol.
    pub protocol: String,
    /// Destination port, for UDP and TCP; of a reply, the port of its sender is `source_port`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// Source port, for UDP and TCP.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_port: Option<u16>,
    /// Names asked, for DNS.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub names: Vec<String>,
    /// Frames.
    pub frames: u64,
    /// First frame.
    pub first: Micros,
    /// Last frame.
    pub last: Micros,
    /// Number of the first frame in the capture, from 1 as Wireshark counts.
    pub first_frame: u64,
}
