//! From frames to evidence.

mod classify;
mod flows;
mod marker;

pub use classify::{Family, classify};
pub use flows::FlowTable;
pub use marker::{MarkerCounts, MarkerWatch, Way};
