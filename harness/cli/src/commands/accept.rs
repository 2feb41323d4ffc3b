//! `accept`: what was seen becomes golden.

mod files;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use indexmap::IndexMap;
use interop_catalogue::{Catalogue, Glob};
use interop_engine::{Acceptance, Changes, accept as accept_cells, bundles_of, stale};
use interop_evidence::Exit;
use interop_trace::Goldens;

use self::files::{Target, exemplars};
use super::print;
use crate::args::{AcceptArgs, CatalogueArgs};
use crate::load::{complain, load};

/// Cells left out for one reason that are named one by one.
const NAMED: usize = 5;

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
    text.push_str(&left_out(&changes.left_out));
    for change in &changes.files {
        text.push_str(&target.diff(&files, change));
    }
    if !args.dry_run {
        target.write(&changes.files)?;
    }
    // What is golden now, for the captures beside it.
    let after = target.after(files, &changes.files);
    text.push_str(&exemplars(&target, &read(&after)?, catalogue, &changes, args.dry_run)?);
    for stale in stale(catalogue).unwrap_or_default() {
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

/// Cells that cannot become golden, by the reason.
fn left_out(cells: &[(String, String)]) -> String {
    let mut by_reason: IndexMap<&str, Vec<&str>> = IndexMap::new();
    for (key, why) in cells {
        by_reason.entry(why).or_default().push(key);
    }
    let line = |(why, keys): (&str, Vec<&str>)| match &keys[..] {
        keys if keys.len() > NAMED => {
            format!("left out: {} cells ({}, ...): {why}\n", keys.len(), keys[..2].join(", "))
        }
        keys => keys.iter().map(|key| format!("left out: {key}: {why}\n")).collect(),
    };
    by_reason.into_iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_cells_with_one_reason_are_one_line() {
        let cells = |count: usize| -> Vec<_> {
            let old = (0..count).map(|number| (format!("a+b+{number}"), "no capture".to_owned()));
            old.chain([("x+y+z".to_owned(), "it failed".to_owned())]).collect()
        };
        assert_eq!(left_out(&cells(2)).lines().count(), 3);
        let many = "left out: 40 cells (a+b+0, a+b+1, ...): no capture\nleft out: x+y+z: it failed\n";
        assert_eq!(left_out(&cells(40)), many);
    }
}
