//! `report`: reports again from results.json, of one run or of the shares of a divided one.

mod merged;

use std::path::Path;
use std::process::ExitCode;

use interop_evidence::{Exit, RunResults};
use interop_reports::{CompareOptions, Comparison, Options, Written, read_results, terminal, write_all};

use super::diff::Side;
use super::print;
use crate::args::ReportArgs;
use crate::display::style;
use crate::load::complain;

pub(crate) fn report(args: &ReportArgs) -> ExitCode {
    let made = match &args.folders[..] {
        [folder] if args.out.is_none() && !args.copy => again(args, folder),
        _ => merged::merged(args),
    };
    crate::exit(made.unwrap_or_else(|(code, message)| {
        complain(&message);
        code
    }))
}

/// A report that cannot be made: the exit code, and why.
type Failure = (Exit, String);

/// The reports of one run, in its own folder.
fn again(args: &ReportArgs, folder: &Path) -> Result<Exit, Failure> {
    let results =
        read_results(&folder.join("results.json")).map_err(|error| (Exit::Usage, format!("failed to {error}")))?;
    publish(args, &results, folder).map_err(|(_, message)| (Exit::Usage, message))?;
    Ok(Exit::Ok)
}

/// Writes the files, and prints the matrix.
fn publish(args: &ReportArgs, results: &RunResults, folder: &Path) -> Result<Written, Failure> {
    let since = match &args.compare {
        Some(earlier) => Some(since(earlier, results, folder).map_err(|message| (Exit::Usage, message))?),
        None => None,
    };
    let options = Options { fail_on_degraded: args.fail_on.is_some(), full: args.full, since: since.as_ref() };
    let written =
        write_all(results, folder, options).map_err(|error| (Exit::Environment, format!("failed to {error}")))?;
    print(&terminal(results, options, style(), Some(&written.html)));
    Ok(written)
}

/// What changed since an earlier run.
fn since(earlier: &Path, results: &RunResults, folder: &Path) -> Result<Comparison, String> {
    let earlier = Side::read(earlier)?;
    let mut comparison = Comparison::of(&earlier.results, results, &CompareOptions::default());
    comparison.old.folder = Some(earlier.folder.display().to_string());
    comparison.new.folder = Some(folder.display().to_string());
    Ok(comparison)
}
