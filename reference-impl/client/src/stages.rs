//! The stages on the way to the tunnel, each told when it begins and how it ends.

use reference_cstp::login::Stage;

use crate::events::{Event, StageStatus};
use crate::report::Reporter;

/// Where the way to the tunnel stands.
pub(crate) struct Stages {
    reporter: Reporter,
    current: Option<Stage>,
}

impl Stages {
    pub(crate) fn new(reporter: &Reporter) -> Self {
        Self { reporter: reporter.clone(), current: None }
    }

    /// Begins a stage; the one before it, if it was not ended, is done.
    pub(crate) fn begin(&mut self, stage: Stage) {
        if self.current == Some(stage) {
            return;
        }
        self.done("");
        self.current = Some(stage);
        self.tell(stage, StageStatus::Begin, "");
    }

    /// Ends the stage.
    pub(crate) fn done(&mut self, detail: &str) {
        self.end(StageStatus::Done, detail);
    }

    /// Ends the stage, which brought nothing.
    pub(crate) fn failed(&mut self, detail: &str) {
        self.end(StageStatus::Failed, detail);
    }

    /// Tells that there is nothing to do in a stage.
    pub(crate) fn skipped(&mut self, stage: Stage, detail: &str) {
        self.done("");
        self.tell(stage, StageStatus::Skipped, detail);
    }

    fn end(&mut self, status: StageStatus, detail: &str) {
        if let Some(stage) = self.current.take() {
            self.tell(stage, status, detail);
        }
    }

    fn tell(&self, stage: Stage, status: StageStatus, detail: &str) {
        self.reporter.tell(&Event::Stage { name: stage.name(), status, detail: detail.to_owned() });
    }
}
