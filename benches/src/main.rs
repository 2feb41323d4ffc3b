//! Measures, and writes the figures into `benches/README.md`.

#![forbid(unsafe_code)]

use std::path::PathBuf;
use std::process::ExitCode;

use interop_benches::{cell, report};

const USAGE: &str = "\
bench-report [--quick] [--write] [--program PATH] [SECTION...]

Measures the harness and prints Markdown. Sections: set-up, wires, accuracy, frames, cells,
traces, tunnels, sessions; all unless given.
  --quick  few repetitions: to see whether it works
  --write  puts the figures into benches/README.md as well, those of other sections stay
  --program  the `vpn-interop` that sections `cells`, `traces` and `tunnels` run; target/release/vpn-interop unless given";

fn main() -> ExitCode {
    // A cell must be entered while the process has one thread: before anything else.
    if let Some(code) = cell::become_cell() {
        return code;
    }
    let mut options = report::Options::default();
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--program" => options.program = arguments.next().map(PathBuf::from),
            "--quick" => options.quick = true,
            "--write" => options.write = true,
            section if report::SECTIONS.iter().any(|(name, _)| *name == section) => {
                options.sections.push(section.to_owned());
            }
            _ => {
                say(USAGE);
                return ExitCode::from(64);
            }
        }
    }
    match report::report(&options) {
        Ok(text) => {
            say(&text);
            ExitCode::SUCCESS
        }
        Err(error) => {
            say(&error);
            ExitCode::FAILURE
        }
    }
}

#[expect(clippy::print_stdout, reason = "the report is what this program is for")]
fn say(text: &str) {
    println!("{text}");
}
