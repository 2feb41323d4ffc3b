//! The reference client for the AnyConnect and OpenConnect protocol.

#![forbid(unsafe_code)]

fn main() {}
