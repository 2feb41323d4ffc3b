//! Running the cells of a plan: each in a process of its own, several at a time.

mod cells;
mod event;
mod expectations;
mod host;
mod runner;

pub use event::RunEvent;
pub(crate) use expectations::expect;
pub use runner::{RunOptions, run};
