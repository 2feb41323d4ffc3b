//! The process that runs one probe.

use std::io::Write as _;
use std::process::ExitCode;

use super::place::die_with_parent;
use super::probe::one_line;
use super::{Outcome, PROBES, Probe};

/// Exit code for an id that is not in [`PROBES`].
const USAGE: u8 = 64;

/// Runs the probe whose id is the second argument of this process, and writes its [`Outcome`] as one line of JSON.
///
/// Must be called while the process has one thread, and before it has done anything else.
pub fn child_main() -> ExitCode {
    let id = std::env::args().nth(2).unwrap_or_default();
    let Some(probe) = PROBES.iter().find(|probe| probe.id == id) else { return ExitCode::from(USAGE) };
    let outcome = tried(probe);
    let Ok(mut line) = serde_json::to_vec(&outcome) else { return ExitCode::FAILURE };
    line.push(b'\n');
    let mut out = std::io::stdout().lock();
    match out.write_all(&line).and_then(|()| out.flush()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

fn tried(probe: &Probe) -> Outcome {
    match die_with_parent().and_then(|()| probe.place.enter()) {
        Ok(()) => (probe.run)(),
        Err(error) => Outcome::Untried(format!("failed to {}", one_line(&error.to_string()))),
    }
}
