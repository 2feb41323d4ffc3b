//! The catalogue: scenarios, topologies, faults, peers, suites and known deviations, from YAML to a typed plan.
//!
//! A text becomes a tree in which every key and value knows its place (`yaml`); a tree becomes typed values, and every
//! mistake is collected with its place and a hint (`decode`, `model`); what one file says of another is checked last.
//! What [`Catalogue::load`] returns cannot express nonsense: names exist, units fit, expressions have values in every cell.

#![forbid(unsafe_code)]

mod decode;
mod expression;
mod model;
mod problem;
mod source;
mod suggest;
mod units;
mod yaml;

pub use expression::{EvalError, Expr, Kind, Quantity};
pub use model::*;
pub use problem::{CatalogueErrors, Problem};
pub use source::{Name, Source, Span, Spanned};
pub use units::{Bitrate, ClockOffset, Destination, Mtu, Percent, Port, Rate, Size, format_duration};

pub(crate) use problem::Problems;
