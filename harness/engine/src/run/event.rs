//! What a run tells those who watch it. The one contract between the runner and every display.

use std::time::Duration;

use interop_evidence::CellRecord;

/// Something happened in a run.
#[derive(Clone, Debug)]
pub enum RunEvent {
    /// The run begins.
    Started {
        /// Cells of the plan.
        cells: usize,
        /// Cells that will really run (times repeats).
        to_run: usize,
        /// Of these, what an earlier part of the run has finished.
        finished_before: usize,
        /// Cells at a time, at most.
        jobs: usize,
        /// Whether the user has said how many; otherwise it depends on how busy the machine is.
        jobs_fixed: bool,
        /// Source of every random choice.
        seed: u64,
    },
    /// A cell's process was started.
    CellStarted {
        /// Its key.
        key: String,
        /// Which repeat, from 1.
        repeat: u32,
    },
    /// A cell's process has ended; its record follows when all repeats have.
    CellEnded {
        /// Its key.
        key: String,
        /// Which repeat, from 1.
        repeat: u32,
    },
    /// A cell has its record, also one that never ran.
    CellFinished {
        /// The record.
        record: Box<CellRecord>,
        /// Whether a process had run for it, now.
        ran: bool,
    },
    /// How the run gets on, about once a second.
    Progress {
        /// Cells (times repeats) that have ended, or will not run.
        done: usize,
        /// Of so many.
        to_run: usize,
        /// Cells that run now.
        running: usize,
        /// How long the rest will take, about.
        left: Duration,
    },
    /// The run was interrupted; what runs is ended.
    Interrupted,
    /// There is no room for evidence; nothing more is started.
    NoSpace {
        /// Where, and how much is needed.
        message: String,
    },
}
