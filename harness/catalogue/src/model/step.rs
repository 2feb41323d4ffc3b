//! The steps of a scenario.

use std::time::Duration;

use indexmap::IndexMap;
use interop_evidence::AttemptOutcome;
use serde_json::json;

use super::{Condition, Measure, Scalar, Target};
use crate::{
    Expr, Mtu, Name, Problem, Problems, Rate, Size, Spanned,
    decode::{Decode, Schema, keywords, record, text_of, verbs},
    yaml::Node,
};

verbs! {
    /// One step; written `- verb: {...}`.
    pub enum Step: "step", "- connect: {within: 10s}" {
        /// Starts the client and waits for the tunnel.
        Connect(Connect) = "connect",
        /// Starts the client where it may rightly be refused, and records how that ends.
        Attempt(Attempt) = "attempt",
        /// Demands something, now or before a deadline.
        Expect(Condition) = "expect",
        /// Starts traffic that runs until the client disconnects.
        Flow(Flow) = "flow",
        /// Breaks something.
        Fault(FaultStep) = "fault",
        /// Takes a fault away.
        Heal(Heal) = "heal",
        /// Lets the flows run for a while.
        Hold(Hold) = "hold",
        /// Takes a number and compares it with limits.
        Measure(Measure) = "measure",
        /// Moves bytes over HTTP through the tunnel.
        Transfer(TransferStep) = "transfer",
        /// Searches the largest packet that passes.
        MtuSearch(MtuSearchStep) = "mtu-search",
        /// Measures how much goes through the tunnel, and what the peers pay for it.
        Throughput(ThroughputStep) = "throughput",
        /// Asks the client to end.
        Disconnect(Disconnect) = "disconnect",
        /// Runs the command that takes away what a killed client left behind.
        Cleanup(Cleanup) = "cleanup",
    }
}

record! {
    /// Starts the client and waits for the tunnel.
    pub struct Connect {
        /// Deadline.
        pub within: Expr<Duration> = Expr::fixed(Duration::from_secs(10)),
        /// Node whose client is started.
        pub client: Name = Name::from("client"),
    }
}

record! {
    /// Starts the client where it may rightly be refused, and records how that ends.
    pub struct Attempt {
        /// Deadline.
        pub within: Expr<Duration> = Expr::fixed(Duration::from_secs(20)),
        /// Node whose client is started.
        pub client: Name = Name::from("client"),
        /// Outcomes that are right.
        pub right: Vec<Outcome>,
        /// Outcomes that are tolerable.
        pub degraded: Vec<Outcome> = Vec::new(),
    }
}

/// How an attempt may end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Outcome(pub AttemptOutcome);

const OUTCOMES: [AttemptOutcome; 5] = [
    AttemptOutcome::Connects,
    AttemptOutcome::ClientRefuses,
    AttemptOutcome::ServerRefuses,
    AttemptOutcome::ServerRefusesToStart,
    AttemptOutcome::HangsUntilDeadline,
];

impl Decode for Outcome {
    fn decode(node: &Node, problems: &mut Problems) -> Option<Self> {
        let text = text_of(node, "an outcome", "client-refuses", problems)?;
        let found = OUTCOMES.into_iter().find(|outcome| outcome.as_str() == text);
        if found.is_none() {
            problems.unknown("outcome", text, Some(&node.at), OUTCOMES.map(AttemptOutcome::as_str));
        }
        found.map(Self)
    }

    fn schema() -> Schema {
        json!({"enum": OUTCOMES.map(AttemptOutcome::as_str)})
    }
}

keywords! {
    /// What a flow consists of.
    pub enum FlowKind: "kind of flow" {
        /// Numbered UDP packets that the far end echoes.
        UdpNumbered = "udp-numbered",
    }
}

record! {
    /// Starts traffic that runs until the client disconnects.
    pub struct Flow {
        /// Name, for `measure`.
        pub name: Name,
        /// What it consists of.
        pub kind: FlowKind = FlowKind::UdpNumbered,
        /// Packets per second.
        pub rate: Rate = Rate(50.0),
        /// Bytes of payload.
        pub size: Size = Size(200),
        /// Where to.
        pub to: Spanned<Target>,
        /// Node that sends.
        pub from: Name = Name::from("client"),
    }
}

/// Breaks something: `{name: block, udp-blocked: {at: isp}}`.
#[derive(Clone, Debug, PartialEq)]
pub struct FaultStep {
    /// Name, for `heal`; the fault's id unless given.
    pub name: Name,
    /// Id of the fault.
    pub fault: Name,
    /// Arguments; a text `"{{ mtu }}"` stands for the value of an axis or setting.
    pub args: IndexMap<Name, Spanned<Scalar>>,
}

impl Decode for FaultStep {
    fn decode(node: &Node, problems: &mut Problems) -> Option<Self> {
        let Some(mapping) = node.mapping() else {
            let message = format!("expected a fault, found {}", node.kind());
            problems.push(
                Problem::new(message, &node.place(), "not a fault").help("write `fault: {udp-blocked: {at: isp}}`"),
            );
            return None;
        };
        let name = mapping.value("name").map(|value| Name::decode(value, problems));
        let mut faults = mapping.0.iter().filter(|(key, _)| key.as_str() != "name");
        let Some((fault, args)) = faults.next() else {
            problems.push(
                Problem::new("this step names no fault", &node.place(), "no fault here")
                    .help("write the fault's id and its arguments, like `udp-blocked: {at: isp}`"),
            );
            return None;
        };
        for (key, _) in faults {
            if let Some(at) = key.span() {
                problems.push(
                    Problem::new("a step injects one fault", at, "a second fault")
                        .help("write a step for each; arguments go inside the fault's braces"),
                );
            }
        }
        let args = if args.is_null() { Some(IndexMap::new()) } else { IndexMap::decode(args, problems) };
        Some(Self { name: name.unwrap_or_else(|| Some(fault.clone()))?, fault: fault.clone(), args: args? })
    }

    fn schema() -> Schema {
        json!({
            "type": "object",
            "description": "A fault's id with its arguments, and optionally a name for `heal`.",
            "properties": {"name": {"type": "string", "description": "Name, for `heal`; the fault's id unless given."}},
            "minProperties": 1,
            "maxProperties": 2,
            "additionalProperties": {
                "type": ["object", "null"],
                "description": "Arguments of the fault; `\"{{ axis }}\"` stands for the value of an axis.",
                "additionalProperties": Scalar::schema(),
            },
        })
    }
}

/// Takes a fault away, by its name.
#[derive(Clone, Debug, PartialEq)]
pub struct Heal(pub Name);

impl Decode for Heal {
    fn decode(node: &Node, problems: &mut Problems) -> Option<Self> {
        Name::decode(node, problems).map(Self)
    }

    fn schema() -> Schema {
        Name::schema()
    }
}

record! {
    /// Lets the flows run for a while.
    pub struct Hold {
        /// How long.
        pub r#for: Expr<Duration>,
    }
}

keywords! {
    /// Seen from the client.
    pub enum Direction: "direction" {
        /// From the far end to the client.
        Download = "download",
        /// From the client to the far end.
        Upload = "upload",
    }
}

record! {
    /// Moves bytes over HTTP through the tunnel.
    pub struct TransferStep {
        /// How much.
        pub bytes: Size,
        /// The far end.
        pub from: Spanned<Target>,
        /// Which way.
        pub direction: Direction = Direction::Download,
        /// Deadline.
        pub within: Expr<Duration> = Expr::fixed(Duration::from_secs(20)),
        /// Whether a miss is only a degradation.
        pub or_degraded: bool = false,
    }
}

record! {
    /// Searches the largest packet that passes unfragmented.
    pub struct MtuSearchStep {
        /// Where to.
        pub to: Spanned<Target>,
        /// Smallest result that passes.
        pub at_least: Option<Mtu> = None,
        /// Largest result that passes.
        pub at_most: Option<Mtu> = None,
        /// Name of the measurement.
        pub r#as: Name = Name::from("path-mtu"),
        /// Whether a miss is only a degradation.
        pub or_degraded: bool = false,
    }
}

record! {
    /// Measures how much goes through the tunnel, and what the peers pay for it. A number, not a verdict: figures of one
    /// machine and one run belong side by side.
    pub struct ThroughputStep {
        /// The far end; a node with a service, on the inside.
        pub to: Spanned<Target>,
        /// Which way.
        pub direction: Direction = Direction::Upload,
        /// How long, after half a second to get up to speed.
        pub r#for: Expr<Duration> = Expr::fixed(Duration::from_secs(3)),
    }
}

record! {
    /// Asks the client to end.
    pub struct Disconnect {
        /// Deadline.
        pub within: Expr<Duration> = Expr::fixed(Duration::from_secs(10)),
        /// Node whose client is ended.
        pub client: Name = Name::from("client"),
    }
}

record! {
    /// Runs the `cleanup` command of the client's peer file where the client ran.
    pub struct Cleanup {
        /// Node whose client was killed.
        pub client: Name = Name::from("client"),
    }
}
