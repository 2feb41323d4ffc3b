//! The machine's network: the TUN device, addresses, routes and the resolver, and how all of it is put back.
//!
//! A [`NetPlan`] says what the client's network becomes; [`NetPlan::changes`] turns it into an ordered list without
//! touching the machine, [`NetPlan::apply`] makes the changes. Each one is in the [`Journal`] before it is made:
//! [`Applied::undo`] undoes them at an orderly end, [`Journal::recover`] after any other. A full tunnel takes two half
//! routes, so that the default route of the machine stays as it is.

mod apply;
mod change;
mod error;
mod executor;
mod forwarder;
mod hook;
mod journal;
mod mss;
mod netlink;
mod nft;
mod owner;
mod plan;
mod question;
mod recover;
mod resolver;
mod server;
mod tun;
mod underlay;
mod undo;

pub use apply::{Applied, PathChange};
pub use change::{Change, FileText, Forwarding, NextHop, Route, Target, Undo};
pub use error::NetError;
pub use forwarder::{Forwarder, SplitDns};
pub use hook::{Hook, HookFacts, Reason};
pub use journal::{EntryId, Journal};
pub use mss::clamp_mss;
pub use plan::{MAX_RESOLVERS, MIN_IPV6_MTU, NetPlan, Planned};
pub use recover::{DamagedLine, Recovery};
pub use server::{ServerApplied, ServerPlan, TABLE};
pub use tun::TunDevice;
pub use underlay::{KnownRoute, Underlay};
