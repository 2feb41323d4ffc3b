//! Quantities with units, as they are written in YAML.

mod duration;
mod network;
mod number;
mod quantity;

pub use duration::{ClockOffset, format_duration};
pub use network::{Destination, Mtu, Port};
pub use quantity::{Bitrate, Percent, Rate, Size};

pub(crate) use duration::parse_duration;
pub(crate) use number::split_unit;
