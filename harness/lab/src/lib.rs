//! A small internet made of Linux network namespaces: nodes, wires, routers, and the sandbox that all of it dies with.
//!
//! This is the only privileged crate of the harness. It knows nothing of VPNs, scenarios or checks.

mod error;
pub mod features;
mod lab;
pub mod link;
mod node;
mod sandbox;
mod wire;

pub use error::{LabError, Result};
pub use lab::{Lab, LabSpec, LinkKind, LinkSpec, NodeSpec, RouteSpec};
pub use node::{Launch, Nat, NatKind, Node, RouteTarget, RuleCounter, Session, Spawned};
pub use sandbox::{Entered, SandboxSpec, attach, enter};
pub use wire::{FrameSink, WireSpec, Wires};

pub(crate) use sandbox::mounts as sandbox_mounts;
