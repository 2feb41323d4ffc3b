//! From the command line to what the planner and the runner want to know.

use std::path::{Path, PathBuf};

use interop_engine::{Captures, Durations, PeerArgument, RunOptions, Selection};

use super::share::SEED;
use crate::args::{CatalogueArgs, RunArgs};
use crate::cell::CELL;
use crate::load::overlays;

/// Folder for the results of a run unless given.
const OUT: &str = "vpn-interop-out";

pub(super) fn selection(args: &RunArgs) -> Selection {
    let peers = |texts: &[String]| texts.iter().flat_map(|text| PeerArgument::parse_all(text)).collect();
    Selection {
        suite: args.suite.clone(),
        scenarios: args.scenarios.clone(),
        areas: args.areas.clone(),
        clients: peers(&args.clients),
        servers: peers(&args.servers),
        libraries: args.libraries.iter().map(|path| path.canonicalize().unwrap_or_else(|_| path.clone())).collect(),
        params: args.params.clone(),
        gate: !args.no_gate,
        witness: !args.no_witness,
        mutant: args.mutant.clone(),
    }
}

pub(super) fn options(catalogue: &CatalogueArgs, args: &RunArgs) -> Result<RunOptions, String> {
    let out = args.out.as_deref().unwrap_or(Path::new(OUT));
    let seed = args.seed.or(args.partition.as_ref().map(|_| SEED));
    let mut options = plain_options(catalogue, out, seed, args.jobs)?;
    for folder in &args.libraries {
        options.repeat_args.extend(["--with-lib-path".to_owned(), folder.display().to_string()]);
    }
    Ok(RunOptions {
        repeat: args.repeat,
        keep: args.keep,
        captures: if args.captures.as_deref() == Some("notable") { Captures::Notable } else { Captures::All },
        gate: !args.no_gate,
        fail_fast: args.fail_fast,
        fail_on_degraded: args.fail_on.is_some(),
        suite: args.suite.clone(),
        durations: durations(&args.durations, &options.out)?,
        ..options
    })
}

/// What the user's earlier runs have shown, then the results that this run replaces, then what the user names.
fn durations(named: &[PathBuf], out: &Path) -> Result<Durations, String> {
    let mut durations = Durations::of_user();
    if out.join("results.json").is_file()
        && let Ok(replaced) = Durations::read(&[out.to_owned()])
    {
        durations.extend(replaced);
    }
    durations.extend(Durations::read(named).map_err(|error| format!("failed to {error}"))?);
    Ok(durations)
}

/// How cells are run when nothing special is asked for.
pub(crate) fn plain_options(
    catalogue: &CatalogueArgs,
    out: &Path,
    seed: Option<u64>,
    jobs: Option<u16>,
) -> Result<RunOptions, String> {
    std::fs::create_dir_all(out).map_err(|error| format!("failed to make {}: {error}", out.display()))?;
    let out = out.canonicalize().map_err(|error| format!("failed to use {}: {error}", out.display()))?;
    let program = std::env::current_exe().map_err(|error| format!("failed to find this program: {error}"))?;
    let mut cell_args = vec![CELL.to_owned()];
    if catalogue.no_builtin {
        cell_args.push("-".to_owned());
    }
    let folders: Vec<PathBuf> = overlays(catalogue);
    cell_args.extend(folders.iter().map(|folder| folder.display().to_string()));
    let mut repeat_args = Vec::new();
    if catalogue.no_builtin {
        repeat_args.push("--no-builtin".to_owned());
    }
    for folder in &catalogue.overlays {
        repeat_args.extend(["--catalogue".to_owned(), folder.display().to_string()]);
    }
    Ok(RunOptions {
        out,
        // 32 bits are enough to tell runs apart, and can be read aloud.
        seed: seed.unwrap_or_else(|| rand::random::<u32>().into()),
        jobs: jobs.map(usize::from),
        repeat: 1,
        keep: false,
        captures: Captures::All,
        gate: true,
        fail_fast: false,
        fail_on_degraded: false,
        cell_program: program,
        cell_args,
        command: words(),
        suite: None,
        repeat_args,
        durations: Durations::default(),
        manifest: None,
        resume: false,
        partition: None,
        planned: Vec::new(),
    })
}

/// The command line, program first.
pub(super) fn words() -> Vec<String> {
    std::env::args_os().map(|word| word.to_string_lossy().into_owned()).collect()
}
