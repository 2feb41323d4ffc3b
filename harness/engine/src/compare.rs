//! Two bundles of one cell beside each other: where their traces differ in what goldens compare.

use std::path::Path;

use interop_catalogue::Scenario;
use interop_evidence::{BundleError, Trace, View};
use interop_trace::{Golden, Phases, Slack};

use crate::golden::{seen, slack_of};
use crate::replay::Stored;

/// A view in which two runs of one cell differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TraceDifference {
    /// Which view.
    pub view: View,
    /// The first difference in words, as of a golden: the earlier run is what was expected.
    pub message: String,
}

/// The golden views of a scenario in which a later bundle differs from an earlier one, by the rules of goldens.
///
/// # Errors
/// When a bundle has no trace, or a file of it cannot be read.
pub fn compare_traces(scenario: &Scenario, old: &Path, new: &Path) -> Result<Vec<TraceDifference>, BundleError> {
    if scenario.golden.is_empty() {
        return Ok(Vec::new());
    }
    let (old, new) = (Side::read(old)?, Side::read(new)?);
    let slack = slack_of(scenario);
    let views = scenario.golden.iter().copied();
    Ok(views.filter_map(|view| difference(view, &old, &new, slack)).collect())
}

struct Side {
    stored: Stored,
    trace: Trace,
}

impl Side {
    fn read(folder: &Path) -> Result<Self, BundleError> {
        let stored = Stored::read(folder)?;
        let trace = stored.bundle.read_trace()?;
        Ok(Self { stored, trace })
    }

    fn phases(&self, view: View, slack: Slack) -> Phases {
        seen(view, &self.trace, &self.stored.evidence, slack)
    }
}

/// A golden forgives what was late in the run that is held against it, not in itself; here either run may be the late one.
/// So there is a difference only where each differs from the other.
fn difference(view: View, old: &Side, new: &Side, slack: Slack) -> Option<TraceDifference> {
    let (before, after) = (old.phases(view, slack), new.phases(view, slack));
    let golden = |phases: &Phases| Golden { phases: phases.clone(), files: Vec::new(), also: Phases::default() };
    let found = interop_trace::compare(&golden(&before), &after, &new.trace, slack)?;
    interop_trace::compare(&golden(&after), &before, &old.trace, slack)?;
    Some(TraceDifference { view, message: found.message })
}
