//! Running the cells of a plan: each in a process of its own, several at a time.

mod cells;
mod collect;
mod durations;
mod ended;
mod event;
mod expectations;
mod forecast;
mod host;
mod load;
mod manifest;
mod options;
mod pace;
mod prepare;
mod queue;
mod repeats;
mod request;
mod room;
mod runner;
mod stop;
mod takeover;
#[cfg(test)]
mod tests;
mod whole;

pub use durations::{Durations, DurationsError};
pub use ended::{Early, Ended, RunError};
pub use event::RunEvent;
pub(crate) use expectations::expect;
pub use manifest::{ManifestError, RunManifest};
pub use options::{Captures, RunOptions};
pub use runner::run;
