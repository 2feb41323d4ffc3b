//! `run`

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use interop_catalogue::Catalogue;
use interop_engine::{CellFate, PeerArgument, Plan, RunEvent, RunOptions, Selection, plan};
use interop_evidence::{Exit, RunResults};
use interop_reports::{Options, attribute, terminal, write_all};
use tokio::sync::{mpsc, watch};

use super::print;
use crate::args::{CatalogueArgs, RunArgs};
use crate::cell::CELL;
use crate::display::{Display, style};
use crate::load::{complain, load, overlays};

pub(crate) fn run(catalogue_args: &CatalogueArgs, args: &RunArgs) -> ExitCode {
    let catalogue = match load(catalogue_args) {
        Ok(catalogue) => catalogue,
        Err(code) => return code,
    };
    let plan = match plan(&catalogue, &selection(args)) {
        Ok(plan) => plan,
        Err(error) => {
            complain(&error.to_string());
            return crate::exit(Exit::Usage);
        }
    };
    if plan.cells.is_empty() {
        complain("nothing is selected: no scenario fits, or no client speaks with any server; see `vpn-interop list`");
        return crate::exit(Exit::NothingSelected);
    }
    if args.dry_run {
        print(&dry(&plan));
        return ExitCode::SUCCESS;
    }
    let options = match options(catalogue_args, args) {
        Ok(options) => options,
        Err(message) => {
            complain(&message);
            return crate::exit(Exit::Usage);
        }
    };
    let mut results = match carry_out(&catalogue, &plan, &options) {
        Ok(results) => results,
        Err(message) => {
            complain(&message);
            return crate::exit(Exit::Environment);
        }
    };
    attribute(&mut results);
    publish(&results, &options, args)
}

pub(super) fn carry_out(catalogue: &Catalogue, plan: &Plan, options: &RunOptions) -> Result<RunResults, String> {
    // Cells are started from this thread: the kernel ends them when the thread that started them ends.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| format!("failed to start the runtime: {error}"))?;
    runtime.block_on(async {
        let (events, mut shown) = mpsc::unbounded_channel::<RunEvent>();
        let (stop, stopped) = watch::channel(false);
        let keep = options.keep;
        tokio::spawn(async move {
            tokio::select! {
                _ = tokio::signal::ctrl_c() => {}
                () = terminated() => {}
                () = enter(), if keep => {}
            }
            stop.send_replace(true);
            // A run that ends by itself never comes here; one that was stopped needs the channel until it has ended.
            std::future::pending::<()>().await;
        });
        let display = tokio::spawn(async move {
            let mut display = Display::new();
            while let Some(event) = shown.recv().await {
                display.show(&event);
            }
            display.end();
        });
        let results = interop_engine::run(catalogue, plan, options, events, stopped).await;
        // A display that failed has shown nothing; the results are there all the same.
        let _ = display.await;
        Ok(results)
    })
}

/// The end of a line on standard input: somebody pressed Enter.
async fn enter() {
    use tokio::io::AsyncBufReadExt as _;
    let mut line = String::new();
    let read = tokio::io::BufReader::new(tokio::io::stdin()).read_line(&mut line).await;
    if !matches!(read, Ok(1..)) {
        // Nobody there to press it: only a signal ends the run.
        std::future::pending::<()>().await;
    }
}

async fn terminated() {
    use tokio::signal::unix::{SignalKind, signal};
    match signal(SignalKind::terminate()) {
        Ok(mut signal) => {
            signal.recv().await;
        }
        Err(_) => std::future::pending().await,
    }
}

fn publish(results: &RunResults, options: &RunOptions, args: &RunArgs) -> ExitCode {
    let report = Options { fail_on_degraded: options.fail_on_degraded };
    let written = match write_all(results, &options.out, report) {
        Ok(written) => written,
        Err(error) => {
            complain(&format!("failed to {error}"));
            return crate::exit(Exit::Environment);
        }
    };
    if args.json {
        match std::fs::read_to_string(&written.results) {
            Ok(text) => print(&text),
            Err(error) => complain(&format!("failed to read {}: {error}", written.results.display())),
        }
    } else {
        print(&terminal(results, report, style(), Some(&written.html)));
    }
    if results.run.interrupted && !options.keep {
        return crate::exit(Exit::Interrupted);
    }
    crate::exit(Exit::of(results.cells.iter().map(|cell| cell.verdict), options.fail_on_degraded))
}

fn selection(args: &RunArgs) -> Selection {
    let peers = |texts: &[String]| texts.iter().map(|text| PeerArgument::parse(text)).collect();
    Selection {
        suite: args.suite.clone(),
        scenarios: args.scenarios.clone(),
        areas: args.areas.clone(),
        clients: peers(&args.clients),
        servers: peers(&args.servers),
        libraries: args.libraries.iter().map(|path| path.canonicalize().unwrap_or_else(|_| path.clone())).collect(),
        params: args.params.clone(),
        gate: !args.no_gate,
        mutant: args.mutant.clone(),
    }
}

fn options(catalogue: &CatalogueArgs, args: &RunArgs) -> Result<RunOptions, String> {
    let mut options = plain_options(catalogue, &args.out, args.seed, args.jobs)?;
    for folder in &args.libraries {
        options.repeat_args.extend(["--with-lib-path".to_owned(), folder.display().to_string()]);
    }
    Ok(RunOptions {
        repeat: args.repeat,
        keep: args.keep,
        fail_fast: args.fail_fast,
        fail_on_degraded: args.fail_on.is_some(),
        suite: args.suite.clone(),
        ..options
    })
}

/// How cells are run when nothing special is asked for.
pub(super) fn plain_options(
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
        fail_fast: false,
        fail_on_degraded: false,
        cell_program: program,
        cell_args,
        command: std::env::args().collect(),
        suite: None,
        repeat_args,
    })
}

fn dry(plan: &Plan) -> String {
    let mut text = String::new();
    for cell in &plan.cells {
        let fate = match &cell.fate {
            CellFate::Run => "run".to_owned(),
            CellFate::Unsupported(reason) => format!("unsupported: {reason}"),
            CellFate::Skipped(reason) => format!("skipped: {reason}"),
        };
        text.push_str(&format!("{}  {fate}\n", cell.key));
    }
    text
}
