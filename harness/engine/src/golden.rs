//! Golden traces of a catalogue, and how a cell is held against them.

use std::sync::Arc;

use interop_catalogue::{Catalogue, CatalogueErrors, Entry, Problem, Scenario};
use interop_checks::Evidence;
use interop_evidence::{CellRecord, CheckOutcome, NodeSnapshot, Phase, Trace, View};
use interop_trace::{Golden, Goldens, Phases, Slack, Stale};

/// The golden traces of a catalogue.
///
/// # Errors
/// Every file that cannot be used, as mistakes of the catalogue.
pub fn goldens(catalogue: &Catalogue) -> Result<Goldens, CatalogueErrors> {
    let files = catalogue.goldens.iter().map(|(path, source)| (path.clone(), source.text()));
    Goldens::read(files).map_err(|errors| {
        let problem = |error: &interop_trace::GoldenError| {
            let source = catalogue.goldens.get(&error.path)?;
            Some(Problem::in_line(&Arc::clone(source), error.line, error.detail.clone()))
        };
        CatalogueErrors { problems: errors.iter().filter_map(problem).collect() }
    })
}

/// The golden files of a catalogue that belong to no scenario, or to a view that their scenario does not claim.
///
/// # Errors
/// Every file that cannot be used.
pub fn stale(catalogue: &Catalogue) -> Result<Vec<Stale>, CatalogueErrors> {
    let claims = |entry: &Entry<Scenario>| (entry.value.id.to_string(), entry.value.golden.clone());
    let claimed: Vec<_> = catalogue.scenarios.values().map(claims).collect();
    Ok(goldens(catalogue)?.stale(&claimed))
}

/// What came of holding a view against its golden.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Compared {
    /// There is none for this pair.
    Missing,
    /// There is one.
    Judged(CheckOutcome),
}

impl Compared {
    /// What a user does about a golden that is missing.
    pub const HOW: &str =
        "no golden for this pair yet; `vpn-interop accept BUNDLE --reason \"...\"` makes one of what was seen";
}

/// Holds the views that a scenario claims against the goldens of a cell.
pub(crate) fn compare(
    goldens: &Goldens,
    record: &CellRecord,
    scenario: &Scenario,
    trace: &Trace,
    evidence: &Evidence,
) -> Vec<(View, Compared)> {
    let cell = cell_of(record);
    let slack = slack_of(scenario);
    let held = |view: View| {
        let Some(golden) = goldens.of(&cell, view) else { return (view, Compared::Missing) };
        (view, judge(&golden, &seen(view, trace, evidence, slack), trace, slack))
    };
    scenario.golden.iter().map(|view| held(*view)).collect()
}

/// Whether a trace shows what the goldens of its cell say, in the views that come from frames.
pub fn holds(goldens: &Goldens, scenario: &Scenario, cell: &interop_trace::Cell, trace: &Trace) -> bool {
    let differs = |(_, compared): &(View, Compared)| match compared {
        Compared::Missing => false,
        Compared::Judged(outcome) => outcome.verdict != interop_evidence::Verdict::Pass,
    };
    !compare_trace(goldens, scenario, cell, trace).iter().any(differs)
}

/// Holds a trace against the goldens of a cell, in the views that come from frames.
pub fn compare_trace(
    goldens: &Goldens,
    scenario: &Scenario,
    cell: &interop_trace::Cell,
    trace: &Trace,
) -> Vec<(View, Compared)> {
    let slack = slack_of(scenario);
    let views = scenario.golden.iter().filter(|view| **view != View::Routes);
    views
        .map(|view| match goldens.of(cell, *view) {
            None => (*view, Compared::Missing),
            Some(golden) => (*view, judge(&golden, &interop_trace::phases(trace, *view, slack), trace, slack)),
        })
        .collect()
}

fn judge(golden: &Golden, seen: &Phases, trace: &Trace, slack: Slack) -> Compared {
    Compared::Judged(match interop_trace::compare(golden, seen, trace, slack) {
        Some(difference) => CheckOutcome::fail(difference.message),
        None => CheckOutcome::pass("as in the golden trace"),
    })
}

/// What is compared of a view.
pub(crate) fn seen(view: View, trace: &Trace, evidence: &Evidence, slack: Slack) -> Phases {
    if view != View::Routes {
        return interop_trace::phases(trace, view, slack);
    }
    let mut snapshots: Vec<(Phase, Vec<NodeSnapshot>)> = evidence.snapshots.clone().into_iter().collect();
    snapshots.sort_by_key(|(_, nodes)| nodes.first().map(|node| node.at));
    interop_trace::route_phases(&snapshots, &evidence.facts)
}

/// How far a run of a scenario may lie apart from its goldens.
pub(crate) fn slack_of(scenario: &Scenario) -> Slack {
    Slack { time: scenario.golden_slack.time, repeats: scenario.golden_slack.repeats }
}

/// The cell for which a golden holds. A peer with a defect is held against the golden of the healthy one.
pub(crate) fn cell_of(record: &CellRecord) -> interop_trace::Cell {
    interop_trace::Cell {
        scenario: record.scenario.clone(),
        params: record.params.iter().map(|(name, value)| (name.clone(), value.clone())).collect(),
        client: record.client.id.clone(),
        client_version: record.client.version.clone(),
        server: record.server.id.clone(),
        server_version: record.server.version.clone(),
    }
}
