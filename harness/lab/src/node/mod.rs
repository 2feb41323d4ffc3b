//! A node of the lab: a network namespace, its network settings, its mount view, the processes in it.

mod conntrack;
mod namespace;
mod nat;
mod network;
mod nft;
mod plug;
mod process;
mod snapshot;
mod sysctl;
mod view;

pub use namespace::Node;
pub use nat::{Nat, NatKind};
pub use network::RouteTarget;
pub(crate) use nft::PendingRules;
pub use nft::RuleCounter;
pub use process::{Launch, Session, Spawned};
pub(crate) use view::mount_view;
