//! `accept`: what was seen becomes golden.

mod files;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use interop_catalogue::{Catalogue, Glob};
use interop_engine::{Acceptance, Changes, accept as accept_cells, bundles_of, stale};
use interop_evidence::Exit;
use interop_trace::Goldens;

use self::files::{Target, exemplars};
use super::print;
use crate::args::{AcceptArgs, CatalogueArgs};
use crate::load::{complain, load};

pub(crate) fn accept(catalogue: &CatalogueArgs, args: &AcceptArgs) -> ExitCode {
    let catalogue = match load(catalogue) {
        Ok(catalogue) => catalogue,
        Err(code) => return code,
    };
    match try_accept(&catalogue, args) {
        Ok(exit) => crate::exit(exit),
        Err(message) => {
            complain(&message);
            crate::exit(Exit::Usage)
        }
    }
}

fn try_accept(catalogue: &Catalogue, args: &AcceptArgs) -> Result<Exit, String> {
    let globs: Vec<Glob> = args.scenarios.iter().map(|text| Glob::from(text.as_str())).collect();
    let wanted = |scenario: &str| globs.is_empty() || globs.iter().any(|glob| glob.matches(scenario));
    let mut bundles = Vec::new();
    for folder in &args.folders {
        bundles.extend(bundles_of(folder, catalogue).map_err(|error| format!("failed to {error}"))?);
    }
    let target = Target::find(args.into.as_deref())?;
    let files = target.goldens(catalogue)?;
    let goldens = read(&files)?;
    let acceptance = Acceptance { scenario: &wanted, views: &args.views, reason: &args.reason };
    let changes =
        accept_cells(&bundles, catalogue, &goldens, &acceptance).map_err(|error| format!("failed to {error}"))?;
    let mut text = String::new();
    for (key, why) in &changes.left_out {
        text.push_str(&format!("left out: {key}: {why}\n"));
    }
    for change in &changes.files {
        text.push_str(&target.diff(&files, change));
    }
    if !args.dry_run {
        target.write(&changes.files)?;
    }
    // What is golden now, for the captures beside it.
    let after = target.after(files, &changes.files);
    text.push_str(&exemplars(&target, &read(&after)?, catalogue, &changes, args.dry_run)?);
    for stale in stale(catalogue) {
        text.push_str(&format!("stale: {}: {}\n", stale.path.display(), stale.why));
    }
    text.push_str(&summary(&changes, &target.folder, args.dry_run));
    print(&text);
    Ok(changes.exit())
}

fn read(files: &files::Files) -> Result<Goldens, String> {
    Goldens::read(files.iter().map(|(path, text)| (PathBuf::from(path), text.as_str())))
        .map_err(|errors| errors.iter().map(|error| format!("failed to {error}")).collect::<Vec<_>>().join("\n"))
}

fn summary(changes: &Changes, folder: &Path, dry_run: bool) -> String {
    let count = |number: usize, what: &str| format!("{number} {what}{}", if number == 1 { "" } else { "s" });
    let cells = count(changes.taken, "cell");
    match (changes.files.len(), dry_run) {
        (0, _) => format!("{cells}: as in the golden traces, nothing changes\n"),
        (files, true) => format!("{cells}: {} would change in {}\n", count(files, "file"), folder.display()),
        (files, false) => format!("{cells}: {} changed in {}\n", count(files, "file"), folder.display()),
    }
}
