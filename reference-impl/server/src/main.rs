//! The reference server for the AnyConnect and OpenConnect protocol.

#![forbid(unsafe_code)]

fn main() {}
