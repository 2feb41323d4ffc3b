//! The reference server for the AnyConnect and OpenConnect protocol.

#![forbid(unsafe_code)]

use std::process::ExitCode;

fn main() -> ExitCode {
    reference_server::main(std::env::args_os())
}
