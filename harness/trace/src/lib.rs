//! From captures to traces that a person reads and reviews.
//!
//! [`Decoder`] takes the frames of a capture one by one and finds what happened: [`packet`] puts fragments and TCP
//! streams together, [`tls`] and [`dtls`] open records with the keys of [`keys`], [`app`] reads what is in them.
//! [`normalise`] folds that into a [`Trace`](interop_evidence::Trace) whose lines are the same from run to run, and
//! [`golden`] compares it with what a person has reviewed.
//!
//! Nothing here trusts its input: any bytes end in a trace, possibly a partial one that says where it stopped. Memory is
//! bounded by [`limits`]. The decoders share no code with the peers that they watch, on purpose.

#![forbid(unsafe_code)]

mod app;
mod decoder;
mod dtls;
mod found;
mod golden;
mod hosts;
mod keys;
mod limits;
mod normalise;
mod packet;
mod reading;
#[cfg(test)]
mod testing;
mod text;
mod tls;
mod words;

pub use decoder::{Decoded, Decoder, Setup, Wires, decode_file};
pub use golden::{
    Accepted, Cell, Difference, Golden, GoldenError, Goldens, Phase, Phases, Selector, Slack, Stale, compare, phases,
    route_phases,
};
pub use hosts::Hosts;
pub use keys::Keys;
pub use text::{TextOptions, render};
