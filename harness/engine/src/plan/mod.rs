//! From a selection to cells: scenario x parameters x client x server, with capabilities looked at beforehand.

mod cell;
mod select;

pub use cell::{CellFate, PlannedCell};
pub use select::{PeerArgument, Plan, Selection, SelectionError, plan};

#[cfg(test)]
mod tests;
