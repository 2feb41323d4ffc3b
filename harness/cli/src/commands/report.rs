//! `report`: reports again from results.json.

use std::process::ExitCode;

use interop_evidence::Exit;
use interop_reports::{Options, read_results, terminal, write_all};

use super::print;
use crate::args::ReportArgs;
use crate::display::style;
use crate::load::complain;

pub(crate) fn report(args: &ReportArgs) -> ExitCode {
    let options = Options { fail_on_degraded: args.fail_on.is_some() };
    let path = args.folder.join("results.json");
    let made = read_results(&path).and_then(|results| {
        let written = write_all(&results, &args.folder, options)?;
        Ok((results, written))
    });
    match made {
        Ok((results, written)) => {
            print(&terminal(&results, options, style(), Some(&written.html)));
            ExitCode::SUCCESS
        }
        Err(error) => {
            complain(&format!("failed to {error}"));
            crate::exit(Exit::Usage)
        }
    }
}
