//! From a selection to cells: scenario x parameters x client x server, with capabilities looked at beforehand.

mod cell;
mod pairwise;
mod partition;
mod select;
mod share;

pub use cell::{CellFate, PlannedCell};
pub use partition::{Partition, PartitionError};
pub use select::{PeerArgument, Plan, Selection, SelectionError, plan};
pub use share::Share;

#[cfg(test)]
mod tests;
