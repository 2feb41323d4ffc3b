//! Tests of the crate from outside, in one program.

mod capture;
mod classify;
mod dissect;
mod flows;
mod frames;
mod handshake;
mod hostile;
mod marker;
mod reader;
mod tshark;
