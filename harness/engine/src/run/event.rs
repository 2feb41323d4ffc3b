//! What a run tells those who watch it. The one contract between the runner and every display.

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
        /// Cells at a time.
        jobs: usize,
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
    /// A cell has its record, also one that never ran.
    CellFinished {
        /// The record.
        record: Box<CellRecord>,
        /// Whether a process had run for it.
        ran: bool,
    },
    /// The run was interrupted; what runs is ended.
    Interrupted,
}
