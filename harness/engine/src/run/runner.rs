//! The runner: baselines first, then the rest, several at a time.

use std::collections::{BTreeMap, VecDeque};
use std::path::{Path, PathBuf};
use std::time::Instant;

use chrono::{SecondsFormat, Utc};
use interop_catalogue::Catalogue;
use interop_evidence::{CellRecord, FORMAT_VERSION, RunRecord, RunResults, Verdict};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use super::RunEvent;
use super::cells::{CellCommand, Keep, run_cell_process};
use super::expectations::expect;
use super::host::{cpus, host};
use crate::cell::{CellJob, blank_record};
use crate::plan::{CellFate, Plan, PlannedCell};

/// Cells at a time for each processor: most of a cell's life is waiting for timers.
const CELLS_PER_CPU: usize = 4;

/// How a plan is run.
#[derive(Clone, Debug)]
pub struct RunOptions {
    /// Folder for results and bundles; absolute.
    pub out: PathBuf,
    /// Source of every random choice.
    pub seed: u64,
    /// Cells at a time; chosen from the number of processors unless given.
    pub jobs: Option<usize>,
    /// How often each cell runs; different verdicts make it `flaky`.
    pub repeat: u32,
    /// Whether the lab of each cell stays up until it is released.
    pub keep: bool,
    /// Whether nothing more is started after the first unexpected verdict.
    pub fail_fast: bool,
    /// Whether `degraded` counts as unexpected.
    pub fail_on_degraded: bool,
    /// Program and leading arguments that become a cell's process.
    pub cell_program: PathBuf,
    /// Arguments of the cell's process, so that it loads the same catalogue.
    pub cell_args: Vec<String>,
    /// The command line, for the record.
    pub command: Vec<String>,
    /// The suite, for the record.
    pub suite: Option<String>,
    /// Arguments of `run` that choose the same catalogue and peers, for the command that repeats one cell.
    pub repeat_args: Vec<String>,
}

/// Runs the plan. `stop` turns true when the user has had enough; what is finished by then stays.
pub async fn run(
    catalogue: &Catalogue,
    plan: &Plan,
    options: &RunOptions,
    events: mpsc::UnboundedSender<RunEvent>,
    stop: watch::Receiver<bool>,
) -> RunResults {
    let started = Utc::now();
    let clock = Instant::now();
    let jobs = options.jobs.unwrap_or_else(|| cpus() * CELLS_PER_CPU).max(1);
    let mut runner = Runner {
        catalogue,
        options,
        events,
        stop,
        baselines: BTreeMap::new(),
        records: BTreeMap::new(),
        stopped: false,
        // A baseline that only gates others would hold them up for ever.
        keep_baselines: plan.cells.iter().all(|cell| cell.baseline),
    };
    runner.tell(RunEvent::Started {
        cells: plan.cells.len(),
        to_run: plan.to_run() * options.repeat.max(1) as usize,
        jobs,
        seed: options.seed,
    });
    runner.run_all(plan, jobs).await;
    let interrupted = *runner.stop.borrow();
    let cells = std::mem::take(&mut runner.records).into_values().collect();
    RunResults {
        version: FORMAT_VERSION,
        run: RunRecord {
            id: started.format("%Y%m%dT%H%M%SZ").to_string(),
            seed: options.seed,
            started: started.to_rfc3339_opts(SecondsFormat::Secs, true),
            duration_ms: u64::try_from(clock.elapsed().as_millis()).unwrap_or(u64::MAX),
            host: host(),
            command: options.command.clone(),
            suite: options.suite.clone(),
            jobs,
            partition: None,
            planned: Vec::new(),
            interrupted,
        },
        cells,
    }
}

struct Runner<'r> {
    catalogue: &'r Catalogue,
    options: &'r RunOptions,
    events: mpsc::UnboundedSender<RunEvent>,
    stop: watch::Receiver<bool>,
    /// Verdict of each pair's baseline, once it is known.
    baselines: BTreeMap<(String, String), Verdict>,
    /// By position in the plan.
    records: BTreeMap<usize, CellRecord>,
    stopped: bool,
    /// Whether `--keep` is meant for the baselines, too.
    keep_baselines: bool,
}

/// A cell that waits for its turn.
struct Waiting<'p> {
    position: usize,
    cell: &'p PlannedCell,
}

impl Runner<'_> {
    async fn run_all(&mut self, plan: &Plan, jobs: usize) {
        let gated: Vec<(String, String)> = plan
            .cells
            .iter()
            .filter(|cell| cell.baseline && cell.fate == CellFate::Run)
            .map(PlannedCell::pair)
            .collect();
        let mut waiting: Vec<Waiting<'_>> = Vec::new();
        for (position, cell) in plan.cells.iter().enumerate() {
            match &cell.fate {
                CellFate::Run => waiting.push(Waiting { position, cell }),
                CellFate::Unsupported(reason) => self.settle(position, cell, Verdict::Unsupported, reason.clone()),
                CellFate::Skipped(reason) => self.settle(position, cell, Verdict::Skipped, reason.clone()),
            }
        }
        // Long cells first, so that the last ones to end are short; baselines before everything.
        waiting.sort_by_key(|waiting| (!waiting.cell.baseline, std::cmp::Reverse(waiting.cell.time_limit)));
        let mut waiting: VecDeque<Waiting<'_>> = waiting.into();
        let mut running: JoinSet<(usize, CellRecord)> = JoinSet::new();
        let mut stop = self.stop.clone();
        loop {
            while running.len() < jobs && !self.stopped {
                let Some(next) = self.next_ready(&mut waiting, &gated) else { break };
                self.start(&mut running, &next);
            }
            if running.is_empty() {
                break;
            }
            tokio::select! {
                Some(done) = running.join_next() => {
                    if let Ok((position, record)) = done {
                        self.finish(position, &plan.cells[position], record);
                    }
                }
                Ok(_) = stop.wait_for(|stop| *stop), if !self.stopped => {
                    self.stopped = true;
                    self.tell(RunEvent::Interrupted);
                    if !self.options.keep {
                        running.shutdown().await;
                    }
                }
            }
        }
    }

    /// The next cell whose baseline is known; blocks those whose baseline failed.
    fn next_ready<'p>(
        &mut self,
        waiting: &mut VecDeque<Waiting<'p>>,
        gated: &[(String, String)],
    ) -> Option<Waiting<'p>> {
        let mut index = 0;
        while let Some(candidate) = waiting.get(index) {
            let pair = candidate.cell.pair();
            if candidate.cell.baseline || !gated.contains(&pair) {
                return waiting.remove(index);
            }
            match self.baselines.get(&pair) {
                None => index += 1,
                Some(Verdict::Pass | Verdict::Degraded | Verdict::KnownFail) => return waiting.remove(index),
                Some(verdict) => {
                    let reason = format!("the baseline of {} x {} is {verdict}", pair.0, pair.1);
                    if let Some(blocked) = waiting.remove(index) {
                        self.settle(blocked.position, blocked.cell, Verdict::Blocked, reason);
                    }
                }
            }
        }
        None
    }

    fn start(&self, running: &mut JoinSet<(usize, CellRecord)>, next: &Waiting<'_>) {
        let (mut options, cell, position) = (self.options.clone(), next.cell.clone(), next.position);
        options.keep &= self.keep_baselines || !cell.baseline;
        let (events, release) = (self.events.clone(), self.stop.clone());
        running.spawn(async move {
            let command = CellCommand { program: options.cell_program.clone(), args: options.cell_args.clone() };
            let once = async |repeat: u32| {
                // Nobody listens any more when the run ends early.
                let _ = events.send(RunEvent::CellStarted { key: cell.key.clone(), repeat });
                let job = job(&options, &cell, repeat);
                let keep = options.keep.then(|| Keep { release: release.clone() });
                let mut record = run_cell_process(&command, &job, cell.time_limit, keep.as_ref()).await;
                record.bundle = relative(&job.bundle, &options.out);
                record
            };
            let first = once(1).await;
            let mut more = Vec::new();
            for repeat in 2..=options.repeat {
                more.push(once(repeat).await);
            }
            (position, fold(first, more))
        });
    }

    fn finish(&mut self, position: usize, cell: &PlannedCell, mut record: CellRecord) {
        expect(self.catalogue, &mut record);
        if record.title.is_empty() {
            self.describe(&mut record);
        }
        if cell.baseline {
            self.baselines.insert(cell.pair(), record.verdict);
        }
        if self.options.fail_fast && record.verdict.is_unexpected(self.options.fail_on_degraded) {
            self.stopped = true;
        }
        self.tell(RunEvent::CellFinished { record: Box::new(record.clone()), ran: true });
        self.records.insert(position, record);
    }

    /// A cell that does not run has its record at once.
    fn settle(&mut self, position: usize, cell: &PlannedCell, verdict: Verdict, reason: String) {
        let mut record = CellRecord { verdict, reason, ..blank_record(&job(self.options, cell, 1), None) };
        self.describe(&mut record);
        self.tell(RunEvent::CellFinished { record: Box::new(record.clone()), ran: false });
        self.records.insert(position, record);
    }

    fn describe(&self, record: &mut CellRecord) {
        if let Some(entry) = self.catalogue.scenarios.get(&*record.scenario) {
            record.title = entry.value.title.clone();
            record.area = entry.value.area.to_string();
        }
    }

    fn tell(&self, event: RunEvent) {
        // A display that has gone does not stop the run.
        let _ = self.events.send(event);
    }
}

fn job(options: &RunOptions, cell: &PlannedCell, repeat: u32) -> CellJob {
    let folder = if repeat == 1 { cell.key.clone() } else { format!("{}.{repeat}", cell.key) };
    CellJob {
        key: cell.key.clone(),
        scenario: cell.scenario.clone(),
        params: cell.params.clone(),
        client: cell.client.clone(),
        server: cell.server.clone(),
        seed: options.seed,
        bundle: options.out.join("cells").join(folder),
        keep: options.keep,
        reproduce: reproduce(options, cell),
    }
}

/// The command that runs this cell alone.
fn reproduce(options: &RunOptions, cell: &PlannedCell) -> String {
    let mut words = vec!["vpn-interop".to_owned(), "run".to_owned()];
    words.extend(options.repeat_args.iter().cloned());
    words.extend(["--scenario".to_owned(), cell.scenario.clone()]);
    for (name, value) in &cell.params {
        words.extend(["--param".to_owned(), format!("{name}={value}")]);
    }
    words.extend(["--client".to_owned(), cell.client.name(), "--server".to_owned(), cell.server.name()]);
    if let Some(mutant) = cell.client.mutant.as_ref().or(cell.server.mutant.as_ref()) {
        words.extend(["--mutant".to_owned(), mutant.clone()]);
    }
    words.extend(["--seed".to_owned(), options.seed.to_string()]);
    words.join(" ")
}

fn relative(bundle: &Path, out: &Path) -> Option<String> {
    Some(bundle.strip_prefix(out).ok()?.display().to_string())
}

/// One record of several repeats; `flaky` when they disagree.
fn fold(first: CellRecord, more: Vec<CellRecord>) -> CellRecord {
    if more.is_empty() {
        return first;
    }
    let repeats: Vec<Verdict> = std::iter::once(&first).chain(&more).map(|record| record.verdict).collect();
    let duration_ms = std::iter::once(&first).chain(&more).map(|record| record.duration_ms).sum();
    // The one that differs from the first shows best what is wrong.
    let odd = more.into_iter().find(|record| record.verdict != first.verdict);
    let record = match odd {
        None => first,
        Some(odd) => {
            let words: Vec<&str> = repeats.iter().map(|verdict| verdict.as_str()).collect();
            let reason = format!("verdicts of {} repeats differ ({}); {}", words.len(), words.join(", "), odd.reason);
            CellRecord { verdict: Verdict::Flaky, reason, ..odd }
        }
    };
    CellRecord { repeats, duration_ms, ..record }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(verdict: Verdict) -> CellRecord {
        let choice = |peer: &str| crate::PeerChoice {
            peer: peer.to_owned(),
            binary: PathBuf::new(),
            library_path: Vec::new(),
            version: String::new(),
            library: None,
            origin: None,
            emulates: None,
            mutant: None,
        };
        let job = CellJob {
            key: "k".into(),
            scenario: "s".into(),
            params: Default::default(),
            client: choice("c"),
            server: choice("v"),
            seed: 1,
            bundle: PathBuf::new(),
            keep: false,
            reproduce: String::new(),
        };
        CellRecord { verdict, duration_ms: 5, ..blank_record(&job, None) }
    }

    #[test]
    fn repeats_that_agree_keep_their_verdict() {
        let folded = fold(record(Verdict::Fail), vec![record(Verdict::Fail), record(Verdict::Fail)]);
        assert_eq!((folded.verdict, folded.repeats.len(), folded.duration_ms), (Verdict::Fail, 3, 15));
    }

    #[test]
    fn repeats_that_differ_are_flaky() {
        let folded = fold(record(Verdict::Pass), vec![record(Verdict::Pass), record(Verdict::Fail)]);
        assert_eq!(folded.verdict, Verdict::Flaky);
        assert!(folded.reason.contains("pass, pass, fail"), "{}", folded.reason);
    }
}
