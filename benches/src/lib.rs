//! What the harness costs.
//!
//! Everything that needs namespaces runs in a child process that enters a sandbox of the lab first ([`cell`]), so that
//! no measurement touches the machine and none inherits anything from the one before. What is compared is measured in
//! turns within one run; what is measured once has at least ten repetitions ([`Summary`]).

#![forbid(unsafe_code)]

pub mod cell;
pub mod commands;
pub mod machine;
pub mod micro;
pub mod report;
pub mod run;
pub mod sessions;
mod statistics;
pub mod topology;
pub mod traces;
pub mod traffic;

pub use statistics::Summary;

/// Result of a measurement; what stands in the way is said in words.
pub type Result<T, E = String> = std::result::Result<T, E>;
