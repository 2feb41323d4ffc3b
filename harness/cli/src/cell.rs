//! The process of a cell: `vpn-interop __cell`, started by `run` with the job on its standard input.

use std::io::BufRead as _;
use std::path::PathBuf;
use std::process::ExitCode;

use interop_catalogue::Catalogue;
use interop_engine::CellJob;

use crate::args::CatalogueArgs;
use crate::load::load_options;

/// First argument of a cell's process.
pub(crate) const CELL: &str = "__cell";

/// Becomes a cell if that is what this process was started for.
pub(crate) fn become_cell() -> Option<ExitCode> {
    let mut args = std::env::args_os().skip(1);
    if args.next()? != CELL {
        return None;
    }
    // The rest are overlay folders, with `-` first if the built-in catalogue is left out.
    let mut overlays: Vec<PathBuf> = args.map(PathBuf::from).collect();
    let no_builtin = overlays.first().is_some_and(|first| first.as_os_str() == "-");
    if no_builtin {
        overlays.remove(0);
    }
    Some(match carry_out(CatalogueArgs { overlays, no_builtin }) {
        Ok(()) => match interop_engine::lost_evidence() {
            None => ExitCode::SUCCESS,
            Some(why) => {
                report(why);
                ExitCode::from(interop_engine::EVIDENCE_INCOMPLETE)
            }
        },
        Err(message) => {
            report(&message);
            ExitCode::FAILURE
        }
    })
}

fn carry_out(catalogue: CatalogueArgs) -> Result<(), String> {
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line).map_err(|error| format!("failed to read the job: {error}"))?;
    let job: CellJob = serde_json::from_str(&line).map_err(|error| format!("failed to understand the job: {error}"))?;
    // Read before the sandbox covers `/tmp`, where a user's folder may lie.
    let catalogue = Catalogue::load(&load_options(&catalogue)).map_err(|errors| errors.to_string())?;
    interop_engine::become_cell(&job, &catalogue).map_err(|error| format!("failed to {error}"))
}

/// A cell's own words go to its log in the bundle.
#[expect(clippy::print_stderr, reason = "the standard error of a cell is a file of its bundle")]
fn report(message: &str) {
    eprintln!("{message}");
}
