//! The typed plan: what the catalogue's files say, once they have been read.

mod capability;
mod condition;
mod expectation;
mod fault;
mod handshake;
mod measure;
mod params;
mod peer;
mod scalar;
mod scenario;
mod sentence;
mod step;
mod suite;
mod target;
mod topology;

pub use capability::Capability;
pub use condition::{
    Answer, Condition, ExpectExit, ExpectReachable, ExpectResolves, ExpectRoute, ExpectRuns, ExpectSaid,
    ExpectTransport, ExpectTunnelAddress, ExpectUnreachable, Passage, TransportWanted, TunnelAddress,
};
pub use expectation::{ExpectationEntry, Expectations, ExpiryDate, KnownVerdict, VersionRange, compare_versions};
pub use fault::{Fault, ParamKind, ParamSpec};
pub use handshake::{
    ExpectDtls, ExpectDtlsAttempts, ExpectStages, ExpectTls, ExpectTlsSessions, ExpectTunnelMtu, FamilyWanted,
    MtuState, Since, StageName, StageState, StageWanted, TlsWanted,
};
pub use measure::{Measure, MeasureLoss, MeasureOutage, MeasureRtt};
pub use params::Params;
pub use peer::{
    Binary, ByVersion, ConnectedWhen, KeyLog, Limits, Listening, LogEvent, Mutant, Pattern, Peer, Protocol, ReadyWhen,
    Refusal, Side, Signal, Stop, Template, VersionProbe,
};
pub use scalar::{Scalar, ScalarValue};
pub use scenario::{Always, Axis, GoldenSlack, LeakWatch, Needs, Only, Scenario};
pub use step::{
    Attempt, Cleanup, Connect, Direction, Disconnect, FaultStep, Flow, FlowKind, Heal, Hold, MtuSearchStep, Outcome,
    Step, ThroughputStep, TransferStep,
};
pub use suite::{Glob, Suite};
pub use target::Target;
pub use topology::{
    Link, LinkKind, LinkProfile, Nat, NatKind, Node, Resource, Role, Route, Side as LinkSide, Topology, Zones,
};

pub(crate) use capability::AnyCapability;
pub(crate) use params::expand;
pub(crate) use target::is_identifier;
