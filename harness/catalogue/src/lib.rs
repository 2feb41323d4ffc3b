//! The catalogue: scenarios, topologies, faults, peers, suites and known deviations, from YAML to a typed plan.
//!
//! A text becomes a tree in which every key and value knows its place (`yaml`); a tree becomes typed values, and every
//! mistake is collected with its place and a hint (`decode`, `model`); what one file says of another is checked last.
//! What [`Catalogue::load`] returns cannot express nonsense: names exist, units fit, expressions have values in every cell.

#![forbid(unsafe_code)]

mod check;
mod decode;
mod explain;
mod expression;
mod load;
mod model;
mod primitive;
mod problem;
mod schema;
mod source;
mod suggest;
mod units;
mod yaml;

pub use explain::{Listing, picture};
pub use expression::{EvalError, Expr, Kind, Quantity};
pub use load::{Catalogue, Entry, LoadOptions, Origin, Section};
pub use model::*;
pub use primitive::{
    AddressFault, CertificateFault, ClockFault, DnsFault, DnsReply, FaultAction, LinkChange, LinkFault, LinkState,
    NatChange, NatFault, NftFault, PRIMITIVES, PortFault, Primitive, RestartFault, RouteChange, RouteFault,
    SignalFault, WireFault,
};
pub use problem::{CatalogueErrors, Problem};
pub use schema::schemas;
pub use source::{Name, Source, Span, Spanned};
pub use suggest::closest;
pub use units::{Bitrate, ClockOffset, Destination, Mtu, Percent, Port, Rate, Size, format_duration};

pub(crate) use problem::Problems;
