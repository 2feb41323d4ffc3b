//! One run of several shares: what is read, where it goes, and what does not fit.

use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};

use interop_evidence::Exit;
use interop_reports::{Merged, Part, merge, read_results};

use super::{Failure, publish};
use crate::args::{CatalogueArgs, ReportArgs};
use crate::load::complain;

/// Where merged results go unless told.
const OUT: &str = "vpn-interop-merged";
/// Keys that are listed one by one.
const LISTED: usize = 20;
/// Folders within a bundle; deeper ones are not ours.
const DEPTH: usize = 8;

pub(super) fn merged(catalogue: &CatalogueArgs, args: &ReportArgs) -> Result<Exit, Failure> {
    let out = args.out.as_deref().unwrap_or(Path::new(OUT));
    let shares = absolute(&args.folders)?;
    fs::create_dir_all(out)
        .map_err(|error| (Exit::Environment, format!("failed to make {}: {error}", out.display())))?;
    let target =
        out.canonicalize().map_err(|error| (Exit::Environment, format!("failed to use {}: {error}", out.display())))?;
    if let Some((name, _)) = shares.iter().find(|(_, share)| *share == target) {
        return Err((
            Exit::Usage,
            format!(
                "{} is one of the shares; its results would be overwritten: name another folder with --out",
                name.display()
            ),
        ));
    }
    let mut unread = 0;
    let mut parts = Vec::new();
    let mut folders = Vec::new();
    for (name, share) in shares {
        match read_results(&share.join("results.json")) {
            Ok(results) => {
                let way = if args.copy { String::new() } else { way(&target, &share)? };
                parts.push(Part { name: name.display().to_string(), way, results });
                folders.push(share);
            }
            Err(error) => {
                complain(&format!("failed to {error}; did this share end, and was all of it kept?"));
                unread += 1;
            }
        }
    }
    let Some(merged) = merge(parts) else {
        return Err((
            Exit::Usage,
            "none of the folders has results; name folders that `run --out` has filled".to_owned(),
        ));
    };
    let lost = if args.copy { copy_bundles(&merged, &folders, &target) } else { 0 };
    publish(catalogue, args, &merged.results, &target)?;
    tell(&merged);
    Ok(match merged.results.exit(args.fail_on.is_some()) {
        Exit::Ok if unread > 0 || lost > 0 || !merged.is_whole() => Exit::Environment,
        exit => exit,
    })
}

/// The folders as the user named them and as they are; none twice.
fn absolute(folders: &[PathBuf]) -> Result<Vec<(PathBuf, PathBuf)>, Failure> {
    let mut shares: Vec<(PathBuf, PathBuf)> = Vec::new();
    for folder in folders {
        // Of one that is not there the reading says so.
        let real = folder.canonicalize().unwrap_or_else(|_| folder.clone());
        if shares.iter().any(|(_, known)| *known == real) {
            return Err((Exit::Usage, format!("{} is named twice", folder.display())));
        }
        shares.push((folder.clone(), real));
    }
    Ok(shares)
}

/// What leads from one folder to another; both are absolute and without links.
fn way(from: &Path, to: &Path) -> Result<String, Failure> {
    let (from, to): (Vec<Component<'_>>, Vec<Component<'_>>) = (from.components().collect(), to.components().collect());
    let common = from.iter().zip(&to).take_while(|(one, other)| one == other).count();
    let mut way = "../".repeat(from.len() - common);
    for component in &to[common..] {
        let Some(name) = component.as_os_str().to_str() else {
            let path: PathBuf = to.iter().collect();
            return Err((
                Exit::Usage,
                format!("{} is no text that a report could link to; use --copy", path.display()),
            ));
        };
        way.push_str(name);
        way.push('/');
    }
    Ok(way)
}

/// Says what is wrong, for the person who reads the end of a log.
#[expect(clippy::print_stderr, reason = "the command line tells its user what is wrong")]
fn tell(merged: &Merged) {
    for warning in &merged.warnings {
        eprintln!("warning: {warning}");
    }
    for double in &merged.doubles {
        let seen: Vec<String> = double.seen.iter().map(|(share, verdict)| format!("{verdict} in {share}")).collect();
        if double.agrees() {
            eprintln!("warning: {} is there twice: {}", double.key, seen.join(", "));
        } else {
            complain(&format!("{} is there twice, and the verdicts differ: {}", double.key, seen.join(", ")));
        }
    }
    if !merged.doubles.is_empty() {
        eprintln!(
            "hint: shares fit together if all get the same selection and the same --durations, and each is run once"
        );
    }
    if !merged.missing.is_empty() {
        let (missing, planned) = (merged.missing.len(), merged.results.run.planned.len());
        complain(&format!("{missing} of {planned} planned cells are missing:"));
        for key in merged.missing.iter().take(LISTED) {
            eprintln!("  {key}");
        }
        if missing > LISTED {
            eprintln!("  and {} more", missing - LISTED);
        }
        eprintln!("hint: run the absent shares, or those that were interrupted, and merge again");
    }
}

/// Copies the bundle of every cell to the merged folder; tells how many could not be copied.
fn copy_bundles(merged: &Merged, folders: &[PathBuf], target: &Path) -> usize {
    let mut lost = 0;
    for (cell, source) in merged.results.cells.iter().zip(&merged.sources) {
        let Some(bundle) = &cell.bundle else { continue };
        // What stands in the results of others decides about no other folder than that of a cell.
        let of_a_cell = bundle.strip_prefix("cells/").is_some_and(|name| !name.is_empty() && !name.contains('/'));
        let copied = match of_a_cell {
            true => copy_folder(&folders[*source].join(bundle), &target.join(bundle)),
            false => Err(io::Error::other("it is not below cells/")),
        };
        if let Err(error) = copied {
            complain(&format!("failed to copy the bundle {bundle} of {}: {error}", folders[*source].display()));
            lost += 1;
        }
    }
    lost
}

/// Copies plain files and folders; links and devices have no place in a bundle.
fn copy_folder(from: &Path, to: &Path) -> io::Result<()> {
    if to.exists() {
        // Of an earlier merge.
        fs::remove_dir_all(to)?;
    }
    let mut folders = vec![(from.to_owned(), to.to_owned(), 0)];
    while let Some((from, to, depth)) = folders.pop() {
        fs::create_dir_all(&to)?;
        for entry in fs::read_dir(&from)? {
            let entry = entry?;
            let kind = entry.file_type()?;
            if kind.is_dir() && depth < DEPTH {
                folders.push((entry.path(), to.join(entry.file_name()), depth + 1));
            } else if kind.is_file() {
                fs::copy(entry.path(), to.join(entry.file_name()))?;
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_way_leads_from_folder_to_folder() {
        for (from, to, wanted) in [
            ("/a/merged", "/a/share-1", "../share-1/"),
            ("/a/b/c", "/a/x/y", "../../x/y/"),
            ("/a", "/a/share-1", "share-1/"),
            ("/a/all/merged", "/a/all", "../"),
            ("/m", "/x y/ü", "../x y/ü/"),
        ] {
            assert_eq!(way(Path::new(from), Path::new(to)).unwrap(), wanted, "{from} to {to}");
        }
    }
}
