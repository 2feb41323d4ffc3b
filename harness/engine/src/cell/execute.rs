//! A cell from its job to its record.

use std::time::{Duration, Instant};

use interop_catalogue::{Catalogue, Step};
use interop_evidence::{Bundle, CellRecord, CheckOutcome, EventKind, Phase, Verdict};
use interop_lab::SandboxSpec;

use super::CellJob;
use super::finish::blank_record;
use super::setup::{NODES_FOLDER, peers_of};
use super::state::Cell;
use super::steps::After;
use crate::peer::PeerChoice;
use crate::{EngineError, Result};

/// Time beyond a scenario's own limit in which a cell must have wound down.
const WIND_DOWN: Duration = Duration::from_secs(30);

/// Folders that are private in a cell: what a user keeps below them must be made visible again.
const COVERED: [&str; 4] = ["/tmp", "/run", "/var/run", "/dev/shm"];

/// Makes this process a cell and runs the job in it; the record goes to the bundle. Must be called while the process
/// has one thread.
///
/// # Errors
/// When the sandbox cannot be entered. Everything later becomes a record.
pub fn become_cell(job: &CellJob, catalogue: &Catalogue) -> Result<()> {
    let visible = [&job.client, &job.server]
        .into_iter()
        .flat_map(PeerChoice::places)
        .filter(|path| COVERED.iter().any(|covered| path.starts_with(covered)))
        .collect();
    let entered = interop_lab::enter(&SandboxSpec { writable: vec![job.bundle.clone()], visible })?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|source| EngineError::file("/proc/self", source))?;
    runtime.block_on(run_cell(job, catalogue, entered.rootless));
    Ok(())
}

/// Runs a command in a node of a kept cell and gives its exit code. `warden` is the process that the runner started.
/// Must be called while the process has one thread.
///
/// # Errors
/// When the cell or the node is not there, or may not be entered.
pub fn attach(warden: u32, node: &str, command: &[String]) -> Result<i32> {
    Ok(interop_lab::attach(warden, NODES_FOLDER.as_ref(), node, command)?)
}

/// Runs a cell in this process, which must be in its sandbox. Always gives a record: what the lab or the catalogue
/// could not do becomes `env-error` or `invalid`.
async fn run_cell(job: &CellJob, catalogue: &Catalogue, rootless: bool) -> CellRecord {
    let start = Instant::now();
    let scenario = catalogue.scenarios.get(&*job.scenario).map(|entry| &entry.value);
    let limit = scenario.map_or(Duration::ZERO, |scenario| scenario.time_limit) + WIND_DOWN;
    let outcome = tokio::time::timeout(limit, carry_out(job, catalogue, rootless, start)).await;
    let mut record = match outcome {
        Ok(Ok(record)) => record,
        Ok(Err(error)) => CellRecord {
            verdict: verdict_of(&error),
            reason: format!("failed to {error}"),
            ..blank_record(job, scenario)
        },
        Err(_) => CellRecord {
            verdict: Verdict::EnvError,
            reason: format!("the cell did not end within {} s", limit.as_secs()),
            ..blank_record(job, scenario)
        },
    };
    record.duration_ms = u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX);
    // The runner reads the record from the bundle; without it the cell counts as lost, which is what it then is.
    let _ = Bundle::open(&job.bundle).write_cell(&record);
    record
}

async fn carry_out(job: &CellJob, catalogue: &Catalogue, rootless: bool, start: Instant) -> Result<CellRecord> {
    let peers = peers_of(job, catalogue)?;
    let mut cell = Cell::build(job, catalogue, &peers, rootless, start).await?;
    cell.snapshot(Phase::Before).await?;
    let steps = &cell.scenario.steps;
    cell.complete = true;
    for (index, step) in steps.iter().enumerate() {
        cell.recorder.set_step(Some(index));
        let text = step.value.to_string();
        cell.recorder.record(EventKind::StepStarted { text: text.clone() });
        let id = check_id(index, &step.value);
        let (outcome, after) = match cell.step(&step.value).await {
            Ok(done) => done,
            // A fault that cannot be injected makes the cell invalid; what was seen until then stays.
            Err(error @ (EngineError::Fault { .. } | EngineError::Template { .. })) => {
                (CheckOutcome::invalid(format!("failed to {error}")), After::GiveUp)
            }
            Err(error) => {
                (CheckOutcome { verdict: Verdict::EnvError, message: format!("failed to {error}") }, After::GiveUp)
            }
        };
        let check = cell.check(id, outcome);
        cell.recorder.record(EventKind::StepEnded { check });
        if after == After::GiveUp {
            cell.complete = false;
            let left = steps.len() - index - 1;
            if left > 0 {
                cell.recorder.note(format!("the last {left} steps are left out"));
            }
            break;
        }
        if cell.time_left().is_zero() {
            cell.complete = false;
            let limit = cell.scenario.time_limit;
            cell.check("time limit", CheckOutcome::fail(format!("the scenario took longer than {limit:?}")));
            break;
        }
    }
    cell.recorder.set_step(None);
    if job.keep {
        wait_for_end_of_input().await;
    }
    cell.wind_down().await?;
    cell.finish_capture()?;
    cell.conclude()
}

/// The lab stays up until the one who asked for it has seen enough.
async fn wait_for_end_of_input() {
    use tokio::io::AsyncReadExt as _;
    let mut byte = [0];
    // An end of input and an error mean the same: nobody holds the lab any more.
    let _ = tokio::io::stdin().read(&mut byte).await;
}

fn verdict_of(error: &EngineError) -> Verdict {
    match error {
        EngineError::Fault { .. } | EngineError::Template { .. } | EngineError::Plan(_) => Verdict::Invalid,
        _ => Verdict::EnvError,
    }
}

/// Step number and verb, and of an expectation what it is about: `3 expect transport`.
pub(crate) fn check_id(index: usize, step: &Step) -> String {
    let number = index + 1;
    let verb = step.verb();
    match step {
        Step::Expect(condition) => format!("{number} {verb} {}", condition.word()),
        Step::Measure(measure) => format!("{number} {verb} {}", measure.name()),
        Step::Fault(fault) => format!("{number} {verb} {}", fault.name),
        Step::Heal(heal) => format!("{number} {verb} {}", heal.0),
        _ => format!("{number} {verb}"),
    }
}
