//! The link model: what happens to Ethernet frames between the two ends of a wire.
//!
//! Sans-IO. Time is a [`Duration`](std::time::Duration) since any start that the caller chooses, so that the same code
//! carries real frames in a cell and virtual ones in a unit test. Random choices come from the seed and from the
//! position of a frame among all frames offered, never from the time at which it was offered.
//!
//! A caller offers a frame and looks at its [`Fate`]: [`Fate::Pass`] means "write it through now, nothing was copied";
//! else whatever is delivered comes out of [`Direction::pop_due`] when [`Direction::next_due`] says so.
//!
//! In which order things happen to a frame: cut, black hole (`mtu`), queue and rate, loss, corruption, delay and
//! jitter, holding back (`reorder`), duplication. A lost frame has therefore used the rate, and a duplicate has not.

mod chance;
mod direction;
mod duplex;
mod fate;
mod profile;
mod shaper;
#[cfg(test)]
mod tests;

pub use direction::Direction;
pub use duplex::{End, Link};
pub use fate::{Delivery, Fate};
pub use profile::Profile;
