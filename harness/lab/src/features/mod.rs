//! What the lab needs of the machine, tried out: kernel features, privileges, resources, programs.
//!
//! [`PROBES`] is the one list of them. Each probe runs in a process of its own, which enters throw-away namespaces first
//! and dies: nothing that a probe does can be seen outside. An [`Examiner`] starts these processes: its program is
//! called with [`CHILD`] and the id of a probe as its two arguments, must then call [`child_main`] before it starts a
//! thread or reads anything, and gets one line of JSON back on standard output. A probe that crashes, is killed by a
//! filter of system calls, or hangs is [`Outcome::Untried`], with the reason.
//!
//! The table in `FEATURES.md` beside this file is made from the same list.

mod child;
mod examine;
mod markdown;
mod place;
mod probe;
mod probes;
mod table;

pub use child::child_main;
pub use examine::Examiner;
pub use markdown::markdown;
pub use probe::{Finding, Group, Need, Outcome, Probe, Severity, Status};
pub use table::PROBES;

/// First argument of a process that runs one probe.
pub const CHILD: &str = "__probe";
