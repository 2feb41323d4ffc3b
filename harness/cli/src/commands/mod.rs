//! The commands, one file each.

mod accept;
mod bisect;
mod completions;
mod diff;
mod doctor;
mod earlier;
mod explain;
mod list;
mod mutants;
mod peers;
mod replay;
mod report;
mod run;
mod schema;
mod shell;
mod trace;

pub(crate) use accept::accept;
pub(crate) use bisect::bisect;
pub(crate) use completions::completions;
pub(crate) use diff::diff;
pub(crate) use doctor::doctor;
pub(crate) use explain::explain;
pub(crate) use list::list;
pub(crate) use mutants::mutants;
pub(crate) use peers::peers;
pub(crate) use replay::replay;
pub(crate) use report::report;
pub(crate) use run::run;
pub(crate) use schema::schema;
pub(crate) use shell::shell;
pub(crate) use trace::trace;

/// Keeps the roots of all releases until what is returned is dropped. Before a plan is made: it names roots that its cells need.
fn hold_roots() -> Option<std::fs::File> {
    interop_store::Store::of_user()?.hold()
}

/// Prints to standard output. A reader that has gone (`| head`) is no error.
pub(crate) fn print(text: &str) {
    use std::io::Write as _;
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}
