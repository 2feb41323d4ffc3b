//! How a plan is run.

use std::path::PathBuf;

use interop_evidence::PartitionRecord;

use super::{Durations, RunManifest};

/// Of which cells the capture stays. Everything else of a bundle always does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Captures {
    /// Of every cell.
    #[default]
    All,
    /// Of every cell that did not simply pass.
    Notable,
}

/// How a plan is run.
#[derive(Clone, Debug)]
pub struct RunOptions {
    /// Folder for results and bundles; absolute.
    pub out: PathBuf,
    /// Source of every random choice.
    pub seed: u64,
    /// Cells at a time; as many as the machine has room for unless given.
    pub jobs: Option<usize>,
    /// How often each cell runs; different verdicts make it `flaky`.
    pub repeat: u32,
    /// Whether the lab of each cell stays up until it is released.
    pub keep: bool,
    /// Of which cells the capture stays when the run has judged them.
    pub captures: Captures,
    /// Whether a pair whose baseline fails is spared its other cells.
    pub gate: bool,
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
    /// How long cells took before: what starts first, and how long all will take.
    pub durations: Durations,
    /// What is needed to go on with the run after it was interrupted; written before the first cell starts.
    pub manifest: Option<RunManifest>,
    /// Whether the records that the run of the manifest has left are taken over.
    pub resume: bool,
    /// Which share of a divided run this is, for the record.
    pub partition: Option<PartitionRecord>,
    /// Keys of the whole plan of a divided run, for the record.
    pub planned: Vec<String>,
}
