//! Golden traces: what a person has reviewed, and how a new trace differs from it.
//!
//! [`phases`] cuts a trace into the phases of its scenario and leaves out what is chance ([`rules`]), [`route_phases`]
//! does so with snapshots. [`Goldens`] holds the [`file`]s, and [`compare`] tells the first difference.

mod accept;
mod block;
mod compare;
mod cover;
mod differ;
mod dns;
mod file;
mod headers;
mod inner;
mod outer;
mod overlay;
mod phases;
mod randoms;
mod routes;
mod rules;
mod selector;
mod spans;
mod store;
mod versions;

pub use compare::{Difference, compare};
pub use file::{Golden, GoldenError};
pub use phases::{Phase, Phases, Slack, phases};
pub use routes::route_phases;
pub use selector::Selector;
pub use store::{Accepted, Cell, Goldens, Stale};
