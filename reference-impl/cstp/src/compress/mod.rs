//! Compression of single packets: `oc-lz4` and `lzs`, both without state from packet to packet (AC-CMP-03).

mod bits;
mod lzs;
mod method;

pub use method::{Compression, DecompressError, MAX_OUTPUT, MIN_INPUT, Scratch};
