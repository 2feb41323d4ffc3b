//! `explain`

use std::process::ExitCode;

use interop_evidence::Exit;

use super::print;
use crate::args::{CatalogueArgs, ExplainArgs};
use crate::load::{load, show};

pub(crate) fn explain(catalogue: &CatalogueArgs, args: &ExplainArgs) -> ExitCode {
    let catalogue = match load(catalogue) {
        Ok(catalogue) => catalogue,
        Err(code) => return code,
    };
    match catalogue.explain(&args.id) {
        Ok(text) => {
            print(&format!("{}\n", text.trim_end()));
            ExitCode::SUCCESS
        }
        Err(problem) => {
            show(problem);
            crate::exit(Exit::Usage)
        }
    }
}
