//! What a run leaves behind: verdicts, events, observations, snapshots and their layout on disk.
//!
//! Pure data. Every other crate of the harness reads or writes these types; none of them does I/O beyond
//! reading and writing the files of a [`Bundle`].

#![forbid(unsafe_code)]

mod bundle;
mod event;
mod facts;
mod handshake;
mod observation;
mod outcome;
mod results;
mod snapshot;
mod stage;
mod trace;
mod units;
mod verdict;

pub use bundle::{Bundle, BundleError};
pub use event::{Event, EventKind, PeerRole, Timeline};
pub use facts::{Facts, LeakWatch};
pub use handshake::{DtlsFamily, HandshakeMessage, HandshakeSeen};
pub use observation::{
    AttemptOutcome, Carrier, Carriers, DnsAnswer, FlowRecord, FlowSummary, MtuSearch, OuterFlow, PingResult, Proof,
    Throughput, Transfer, TransportSample, WireStats,
};
pub use outcome::{CheckOutcome, CheckRecord};
pub use results::{
    CellRecord, Confidence, FORMAT_VERSION, HostRecord, PartitionRecord, PeerRecord, RunRecord, RunResults,
    StaleExpectation, Suspect, Suspicion,
};
pub use snapshot::{AddressEntry, NodeSnapshot, Phase, ProcessEntry, RouteEntry, RuleEntry, SocketEntry};
pub use stage::{Stage, StageStatus};
pub use trace::{Layer, MarkKind, Trace, TraceLine, TraceMark, View};
pub use units::Micros;
pub use verdict::{Exit, Verdict};
