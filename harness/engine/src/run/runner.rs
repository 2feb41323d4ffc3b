//! The runner: one thread that starts the processes of cells, collects their records, and decides what comes next.

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::sync::Arc;
use std::time::Instant;

use interop_catalogue::Catalogue;
use interop_evidence::{CellRecord, FORMAT_VERSION, RunRecord, RunResults};
use tokio::sync::{mpsc, watch};
use tokio::task::{Id, JoinSet};
use tokio::time::MissedTickBehavior;

use super::cells::{CellCommand, Keep, run_cell_process};
use super::forecast::Forecast;
use super::host::{cpus, host};
use super::load::{CpuMeter, free_memory};
use super::pace::{Pace, TICK};
use super::queue::{Queue, Unit};
use super::repeats::Repeats;
use super::request::{job, relative};
use super::room::Room;
use super::{Early, Ended, RunError, RunEvent, RunOptions};
use crate::plan::Plan;

/// Looks at the machine between two reports of progress.
const LOOKS_A_REPORT: u32 = 5;

/// Runs the plan. `stop` turns true when the user has had enough; what is finished by then stays.
///
/// # Errors
/// When the folder for the results cannot be used. Once the first cell has started, everything becomes a record.
pub async fn run(
    catalogue: &Catalogue,
    plan: &Plan,
    options: &RunOptions,
    events: mpsc::UnboundedSender<RunEvent>,
    stop: watch::Receiver<bool>,
) -> Result<Ended, RunError> {
    let clock = Instant::now();
    let _lock = lock(options)?;
    let mut runner = Runner::new(catalogue, plan, options, events, stop)?;
    let before = runner.prepare()?;
    runner.run_all().await;
    let Runner { records, early, peak, room, pace, .. } = runner;
    // From here on the room belongs to the results.
    room.release();
    let manifest = before.manifest;
    let ended_early = early.is_some();
    let own = |position: &usize| plan.cells.get(*position).is_some_and(|cell| !cell.gate_only);
    let cells: Vec<CellRecord> =
        records.into_iter().filter(|(position, _)| own(position)).map(|(_, record)| record).collect();
    let fared = super::expectations::fared(catalogue, &cells, ended_early);
    let results = RunResults {
        version: FORMAT_VERSION,
        run: RunRecord {
            id: manifest.id,
            seed: options.seed,
            started: manifest.started,
            duration_ms: u64::try_from((before.spent + clock.elapsed()).as_millis()).unwrap_or(u64::MAX),
            host: host(),
            command: options.command.clone(),
            suite: options.suite.clone(),
            jobs: if pace.is_fixed() { pace.at_most() } else { peak },
            partition: options.partition,
            planned: options.planned.clone(),
            interrupted: matches!(early, Some(Early::Interrupted | Early::NoSpace(_))),
            needed: fared.needed,
            stale: fared.stale,
        },
        cells,
    };
    Ok(Ended { results, early })
}

/// One run at a time writes to a folder: a run that goes on removes what did not end. The lock goes with this process.
fn lock(options: &RunOptions) -> Result<File, RunError> {
    let path = || options.out.clone();
    let folder = File::open(&options.out).map_err(|source| RunError::Folder { path: path(), source })?;
    match folder.try_lock() {
        Err(std::fs::TryLockError::WouldBlock) => Err(RunError::Busy { path: path() }),
        // Not every file system can lock a folder.
        Err(std::fs::TryLockError::Error(_)) | Ok(()) => Ok(folder),
    }
}

pub(super) struct Runner<'r> {
    pub(super) catalogue: &'r Catalogue,
    pub(super) plan: &'r Plan,
    pub(super) options: &'r RunOptions,
    pub(super) events: mpsc::UnboundedSender<RunEvent>,
    pub(super) stop: watch::Receiver<bool>,
    pub(super) command: Arc<CellCommand>,
    pub(super) queue: Queue,
    pub(super) forecast: Forecast,
    pub(super) pace: Pace,
    pub(super) meter: CpuMeter,
    pub(super) room: Room,
    /// By position in the plan.
    pub(super) repeats: HashMap<usize, Repeats>,
    pub(super) records: BTreeMap<usize, CellRecord>,
    pub(super) early: Option<Early>,
    /// Whether what runs must have the machine for itself.
    pub(super) alone: bool,
    /// Units that have ended or will not run, of so many.
    pub(super) done: usize,
    pub(super) to_run: usize,
    /// Most units that ran at a time.
    pub(super) peak: usize,
    /// Whether `--keep` is meant for the baselines, too.
    pub(super) keep_baselines: bool,
}

impl<'r> Runner<'r> {
    fn new(
        catalogue: &'r Catalogue,
        plan: &'r Plan,
        options: &'r RunOptions,
        events: mpsc::UnboundedSender<RunEvent>,
        stop: watch::Receiver<bool>,
    ) -> Result<Self, RunError> {
        let to_run = plan.to_run() * options.repeat.max(1) as usize;
        let room = Room::new(&options.out, plan.cells.len())
            .map_err(|source| RunError::NoRoom { path: options.out.clone(), source })?;
        Ok(Self {
            catalogue,
            plan,
            options,
            events,
            stop,
            command: Arc::new(CellCommand { program: options.cell_program.clone(), args: options.cell_args.clone() }),
            queue: Queue::default(),
            forecast: Forecast::new(),
            pace: Pace::new(options.jobs, cpus()),
            meter: CpuMeter::default(),
            room,
            repeats: HashMap::new(),
            records: BTreeMap::new(),
            early: None,
            alone: false,
            done: 0,
            to_run,
            peak: 0,
            // A baseline that only gates others would hold them up for ever.
            keep_baselines: plan.cells.iter().all(|cell| cell.baseline),
        })
    }

    async fn run_all(&mut self) {
        let mut running: JoinSet<CellRecord> = JoinSet::new();
        let mut units: HashMap<Id, Unit> = HashMap::new();
        let mut stop = self.stop.clone();
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut looks = 0;
        loop {
            self.start_what_fits(&mut running, &mut units);
            if running.is_empty() {
                break;
            }
            tokio::select! {
                Some(done) = running.join_next_with_id() => self.ended(done, &mut units),
                Ok(_) = stop.wait_for(|stop| *stop), if self.early != Some(Early::Interrupted) => {
                    self.end_early(Early::Interrupted);
                    self.tell(RunEvent::Interrupted);
                    // What has ended by now is finished, although nobody has looked yet.
                    while let Some(done) = running.try_join_next_with_id() {
                        self.ended(done, &mut units);
                    }
                    if !self.options.keep {
                        running.shutdown().await;
                    }
                }
                _ = tick.tick() => {
                    if !self.pace.is_fixed() {
                        let busy = self.meter.look();
                        self.pace.observe(busy, free_memory());
                    }
                    looks += 1;
                    if looks % LOOKS_A_REPORT == 0 {
                        self.report(running.len());
                    }
                }
            }
        }
    }

    fn start_what_fits(&mut self, running: &mut JoinSet<CellRecord>, units: &mut HashMap<Id, Unit>) {
        while let Some((unit, alone)) = self.queue.peek() {
            let now = running.len();
            if !self.pace.allows(now) || ((self.alone || alone) && now > 0) {
                return;
            }
            if !self.room.fits(now) {
                // Those that run may give some room back when they end.
                if now == 0 || self.room.is_full() {
                    self.no_space();
                }
                return;
            }
            self.queue.take();
            self.alone = alone;
            self.pace.started(now);
            self.start(unit, running, units);
            self.peak = self.peak.max(running.len());
        }
    }

    fn start(&mut self, unit: Unit, running: &mut JoinSet<CellRecord>, units: &mut HashMap<Id, Unit>) {
        let plan = self.plan;
        let Some(cell) = plan.cells.get(unit.position) else { return };
        let mut job = job(self.options, cell, unit.repeat);
        job.keep &= self.keep_baselines || !cell.baseline;
        let keep = job.keep.then(|| Keep { release: self.stop.clone() });
        let (command, limit) = (Arc::clone(&self.command), cell.time_limit);
        let bundle = relative(&job.bundle, &self.options.out);
        self.tell(RunEvent::CellStarted { key: cell.key.clone(), repeat: unit.repeat });
        self.forecast.started(unit);
        let task = running.spawn(async move {
            let record = run_cell_process(&command, &job, limit, keep.as_ref()).await;
            CellRecord { bundle, ..record }
        });
        units.insert(task.id(), unit);
    }

    fn report(&self, running: usize) {
        let (done, to_run, left) = (self.done, self.to_run, self.forecast.left());
        self.tell(RunEvent::Progress { done, to_run, running, left });
    }

    pub(super) fn tell(&self, event: RunEvent) {
        // A display that has gone does not stop the run.
        let _ = self.events.send(event);
    }
}
