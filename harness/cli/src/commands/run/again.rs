//! `run --resume` and `run --rerun`: the arguments of an earlier run, and what of it is to be run.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use clap::Parser as _;
use interop_catalogue::Catalogue;
use interop_engine::{Plan, RunManifest};
use interop_evidence::{CellRecord, RunResults, Verdict};
use interop_reports::read_results;

use super::settings::words;
use crate::args::{Args, CatalogueArgs, Command, RunArgs};

/// What a run is about.
pub(super) enum Order {
    /// What the arguments say.
    Fresh,
    /// The rest of a run that was interrupted.
    Resume(Box<RunManifest>),
    /// What did not end as expected.
    Rerun(Box<Rerun>),
}

/// What did not end as expected in an earlier run.
pub(super) struct Rerun {
    /// Folder of that run.
    folder: PathBuf,
    /// Its results.
    pub(super) before: RunResults,
    /// The arguments that selected its cells.
    words: Vec<String>,
    keys: BTreeSet<String>,
}

/// An order and the arguments that go with it.
pub(super) struct Ordered {
    pub(super) order: Order,
    pub(super) catalogue: CatalogueArgs,
    pub(super) args: RunArgs,
}

/// Goes on with a run that was interrupted. Leaves the process in the folder in which the run was begun.
pub(super) fn resume(folder: &Path, now: &RunArgs) -> Result<Ordered, String> {
    let folder = folder.canonicalize().map_err(|error| format!("failed to use {}: {error}", folder.display()))?;
    let manifest = RunManifest::read(&folder).map_err(|error| format!("failed to {error}"))?;
    let (catalogue, args) = parse(&manifest.args, &folder)?;
    let args = RunArgs {
        out: Some(folder),
        seed: Some(manifest.seed),
        repeat: manifest.repeat,
        durations: absolute(&now.durations)?,
        ..with_present_wishes(args, now)
    };
    go_to(&manifest.folder)?;
    Ok(Ordered { order: Order::Resume(Box::new(manifest)), catalogue, args })
}

/// Runs again what did not end as expected. Leaves the process in the folder in which that run was begun.
pub(super) fn rerun(folder: &Path, now: &RunArgs) -> Result<Ordered, String> {
    let folder = folder.canonicalize().map_err(|error| format!("failed to use {}: {error}", folder.display()))?;
    let before = read_results(&folder.join("results.json")).map_err(|error| format!("failed to {error}"))?;
    let manifest = RunManifest::read(&folder).ok();
    let words = match &manifest {
        Some(manifest) => manifest.args.clone(),
        // The program's own name is no argument.
        None => before.run.command.iter().skip(1).cloned().collect(),
    };
    let (catalogue, args) = parse(&words, &folder)?;
    let out = now.out.clone().unwrap_or_else(|| {
        let mut name = folder.clone().into_os_string();
        name.push(".rerun");
        name.into()
    });
    let repeat = if now.repeat > 1 { now.repeat } else { manifest.as_ref().map_or(args.repeat, |first| first.repeat) };
    let args = RunArgs {
        out: absolute(&[out])?.pop(),
        seed: now.seed.or(Some(before.run.seed)),
        repeat,
        durations: absolute(&now.durations)?.into_iter().chain([folder.clone()]).collect(),
        ..with_present_wishes(args, now)
    };
    if let Some(manifest) = &manifest {
        go_to(&manifest.folder)?;
    }
    let wanted = before.cells.iter().filter(|cell| is_to_run_again(cell, args.fail_on.is_some()));
    let keys = wanted.map(|cell| cell.key.clone()).collect();
    Ok(Ordered { order: Order::Rerun(Box::new(Rerun { folder, before, words, keys })), catalogue, args })
}

/// What failed, what the lab could not do, and what was never tried because of either.
fn is_to_run_again(cell: &CellRecord, fail_on_degraded: bool) -> bool {
    cell.verdict.is_unexpected(fail_on_degraded) || cell.verdict.is_environment() || cell.verdict == Verdict::Blocked
}

impl Order {
    /// The plan of this run, out of what the arguments select.
    pub(super) fn plan(&self, catalogue: &Catalogue, whole: Plan) -> Result<Plan, String> {
        match self {
            Self::Fresh => Ok(whole),
            Self::Resume(manifest) => manifest.again(catalogue, whole).map_err(|error| format!("failed to {error}")),
            Self::Rerun(rerun) => rerun.plan(whole),
        }
    }

    /// The arguments that selected the cells.
    pub(super) fn words(&self) -> Vec<String> {
        match self {
            Self::Fresh => words().into_iter().skip(1).collect(),
            Self::Resume(manifest) => manifest.args.clone(),
            Self::Rerun(rerun) => rerun.words.clone(),
        }
    }
}

impl Rerun {
    fn plan(&self, whole: Plan) -> Result<Plan, String> {
        let cells: Vec<_> = whole.cells.into_iter().filter(|cell| self.keys.contains(&cell.key)).collect();
        let found: BTreeSet<&String> = cells.iter().map(|cell| &cell.key).collect();
        let lost: Vec<&str> = self.keys.iter().filter(|key| !found.contains(key)).map(String::as_str).take(5).collect();
        if !lost.is_empty() {
            return Err(format!(
                "{} has cells that cannot be planned any more: {}; a scenario or a peer is gone since",
                self.folder.display(),
                lost.join(", ")
            ));
        }
        Ok(Plan { cells })
    }

    /// What became of each cell, and a summary.
    pub(super) fn changes(&self, now: &RunResults) -> String {
        let mut text = String::new();
        let (mut changed, mut same) = (0, 0);
        for cell in self.before.cells.iter().filter(|cell| self.keys.contains(&cell.key)) {
            let after = now.cells.iter().find(|after| after.key == cell.key).map(|after| after.verdict);
            if after == Some(cell.verdict) {
                same += 1;
                continue;
            }
            changed += 1;
            let after = after.map_or("not run", Verdict::as_str);
            text.push_str(&format!("{:14} -> {after:14}  {}\n", cell.verdict.as_str(), cell.key));
        }
        format!("\nagainst {}: {changed} changed, {same} as before\n{text}", self.folder.display())
    }
}

/// The arguments of an earlier run, with those of now that concern how it is run and told.
fn with_present_wishes(then: RunArgs, now: &RunArgs) -> RunArgs {
    RunArgs {
        jobs: now.jobs.or(then.jobs),
        fail_on: now.fail_on.clone().or(then.fail_on),
        fail_fast: now.fail_fast || then.fail_fast,
        keep: now.keep || then.keep,
        captures: now.captures.clone().or(then.captures),
        json: now.json,
        dry_run: now.dry_run,
        resume: None,
        rerun: None,
        ..then
    }
}

/// Understands the arguments that began a run.
fn parse(words: &[String], folder: &Path) -> Result<(CatalogueArgs, RunArgs), String> {
    let program = "vpn-interop".to_owned();
    let parsed = Args::try_parse_from(std::iter::once(&program).chain(words));
    let why = match parsed {
        Ok(Args { catalogue, command: Command::Run(run) }) if run.resume.is_none() && run.rerun.is_none() => {
            return Ok((catalogue, *run));
        }
        Ok(_) => format!("it was made by `{}`", words.join(" ")),
        Err(error) => format!("its arguments are not understood: {}", error.render().to_string().trim()),
    };
    Err(format!("failed to run {} again: {why}; name a folder that `vpn-interop run` has made", folder.display()))
}

/// Paths in the arguments of a run begin where it was begun.
fn go_to(folder: &Path) -> Result<(), String> {
    std::env::set_current_dir(folder)
        .map_err(|error| format!("failed to go to {}, where the run was begun: {error}", folder.display()))
}

fn absolute(paths: &[PathBuf]) -> Result<Vec<PathBuf>, String> {
    let absolute = |path: &PathBuf| {
        std::path::absolute(path).map_err(|error| format!("failed to use {}: {error}", path.display()))
    };
    paths.iter().map(absolute).collect()
}
