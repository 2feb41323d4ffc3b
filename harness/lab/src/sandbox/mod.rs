//! The sandbox of a cell: one process tree in namespaces of its own, so that its death leaves nothing behind.

mod attach;
mod enter;
pub(crate) mod mounts;

pub use attach::attach;
pub use enter::{Entered, SandboxSpec, enter};
