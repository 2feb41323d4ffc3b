//! `report`: reports again from results.json, of one run or of the shares of a divided one.

mod merged;

use std::path::Path;
use std::process::ExitCode;

use interop_evidence::{Exit, RunResults};
use interop_reports::{Options, Written, read_results, terminal, write_all};

use super::earlier::Earlier;
use super::print;
use crate::args::{CatalogueArgs, ReportArgs};
use crate::display::style;
use crate::load::{complain, load};

pub(crate) fn report(catalogue: &CatalogueArgs, args: &ReportArgs) -> ExitCode {
    let made = match &args.folders[..] {
        [folder] if args.out.is_none() && !args.copy => again(catalogue, args, folder),
        _ => merged::merged(catalogue, args),
    };
    crate::exit(made.unwrap_or_else(|(code, message)| {
        complain(&message);
        code
    }))
}

/// A report that cannot be made: the exit code, and why.
type Failure = (Exit, String);

/// The reports of one run, in its own folder.
fn again(catalogue: &CatalogueArgs, args: &ReportArgs, folder: &Path) -> Result<Exit, Failure> {
    let results =
        read_results(&folder.join("results.json")).map_err(|error| (Exit::Usage, format!("failed to {error}")))?;
    publish(catalogue, args, &results, folder).map_err(|(_, message)| (Exit::Usage, message))?;
    Ok(Exit::Ok)
}

/// Writes the files, and prints the matrix.
fn publish(
    catalogue: &CatalogueArgs,
    args: &ReportArgs,
    results: &RunResults,
    folder: &Path,
) -> Result<Written, Failure> {
    let since = match Earlier::read(args.compare.as_deref()).map_err(|message| (Exit::Usage, message))? {
        Some(earlier) => {
            // A catalogue that is not right has been complained of; verdicts and measurements need none.
            let catalogue = load(catalogue).ok();
            Some(earlier.compared(results, folder, catalogue.as_ref()))
        }
        None => None,
    };
    let options = Options { fail_on_degraded: args.fail_on.is_some(), full: args.full, since: since.as_ref() };
    let written =
        write_all(results, folder, options).map_err(|error| (Exit::Environment, format!("failed to {error}")))?;
    print(&terminal(results, options, style(), Some(&written.html)));
    Ok(written)
}
