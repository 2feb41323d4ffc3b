//! Loading the catalogue, and telling a user what is wrong with it.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use interop_catalogue::{Catalogue, LoadOptions};
use interop_evidence::Exit;

use crate::args::CatalogueArgs;

/// Folder that is laid over the catalogue by itself.
const OWN_FOLDER: &str = "vpn-interop";

/// What to load.
pub(crate) fn load_options(args: &CatalogueArgs) -> LoadOptions {
    LoadOptions { builtin: !args.no_builtin, overlays: overlays(args) }
}

/// The overlay folders, absolute where they exist.
pub(crate) fn overlays(args: &CatalogueArgs) -> Vec<PathBuf> {
    let own = Path::new(OWN_FOLDER);
    // Only a folder that looks like a catalogue: a checkout of this project may have the same name.
    let looks_like_one = ["cases", "topologies", "faults", "goldens", "peers", "suites", "expectations"]
        .iter()
        .any(|section| own.join(section).is_dir());
    let mut folders: Vec<PathBuf> = Vec::new();
    for folder in looks_like_one.then(|| own.to_path_buf()).into_iter().chain(args.overlays.iter().cloned()) {
        let folder = folder.canonicalize().unwrap_or(folder);
        if !folders.contains(&folder) {
            folders.push(folder);
        }
    }
    folders
}

/// Loads the catalogue; on mistakes shows all of them.
pub(crate) fn load(args: &CatalogueArgs) -> Result<Catalogue, ExitCode> {
    let catalogue = Catalogue::load(&load_options(args));
    let whole = catalogue.and_then(|catalogue| interop_engine::goldens(&catalogue).map(|_| catalogue));
    whole.map_err(|errors| {
        show(errors);
        ExitCode::from(Exit::Usage as u8)
    })
}

/// Shows a diagnostic with file, line, caret and hint.
#[expect(clippy::print_stderr, reason = "the command line tells its user what is wrong")]
pub(crate) fn show(diagnostic: impl miette::Diagnostic + Send + Sync + 'static) {
    eprintln!("{:?}", miette::Report::new(diagnostic));
}

/// Shows a plain error with an optional hint.
#[expect(clippy::print_stderr, reason = "the command line tells its user what is wrong")]
pub(crate) fn complain(message: &str) {
    eprintln!("error: {message}");
}
