//! `completions`

use std::process::ExitCode;

use clap::CommandFactory as _;

use super::print;
use crate::args::{Args, CompletionsArgs};

pub(crate) fn completions(args: &CompletionsArgs) -> ExitCode {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Args::command(), "vpn-interop", &mut script);
    print(&String::from_utf8_lossy(&script));
    ExitCode::SUCCESS
}
