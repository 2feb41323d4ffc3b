//! The sandbox of a cell: one process tree in namespaces of its own, so that its death leaves nothing behind.

mod enter;
pub(crate) mod mounts;
mod reap;

pub use enter::{Entered, SandboxSpec, enter};
pub use reap::zombie_free;
