//! JUnit XML for continuous integration: one suite a pair, one test case a cell.

use std::time::Duration;

use chrono::DateTime;
use interop_evidence::{CellRecord, RunResults, Verdict};
use quick_junit::{NonSuccessKind, Property, Report, TestCase, TestCaseStatus, TestSuite};

use crate::text::{measurements, one_line, peer_label, scenario_label, suspicion};
use crate::{Matrix, Options, Pair, ReportError, decisive_check};

/// Longest text that goes into one element.
const LIMIT: usize = 2000;

/// Makes the JUnit report.
///
/// A degraded cell passes, and says so on its standard output, unless [`Options::fail_on_degraded`] is set.
pub fn junit(results: &RunResults, options: Options<'_>) -> Result<String, ReportError> {
    let started = DateTime::parse_from_rfc3339(&results.run.started).ok();
    let mut report = Report::new("vpn-interop");
    report.set_time(Duration::from_millis(results.run.duration_ms));
    report.timestamp = started;
    for pair in Matrix::of(results).pairs {
        let cells: Vec<_> = results.cells.iter().filter(|cell| Pair::of(cell) == pair).collect();
        let mut suite = TestSuite::new(pair.to_string());
        suite.set_time(cells.iter().map(|cell| Duration::from_millis(cell.duration_ms)).sum());
        suite.timestamp = started;
        suite.add_properties(run_properties(results, &pair));
        suite.add_test_cases(cells.into_iter().map(|cell| test_case(cell, options)));
        report.add_test_suite(suite);
    }
    report.add_test_suites(crate::stale::junit(results));
    Ok(report.to_string()?)
}

fn run_properties(results: &RunResults, pair: &Pair<'_>) -> Vec<Property> {
    let run = &results.run;
    [
        ("run", run.id.clone()),
        ("seed", run.seed.to_string()),
        ("client", peer_label(pair.client)),
        ("client-version", pair.client.version.clone()),
        ("server", peer_label(pair.server)),
        ("server-version", pair.server.version.clone()),
        ("kernel", run.host.kernel.clone()),
        ("system", run.host.system.clone()),
        ("harness", run.host.harness.clone()),
    ]
    .into_iter()
    .map(|(name, value)| Property::new(name, one_line(&value, LIMIT)))
    .collect()
}

fn test_case(cell: &CellRecord, options: Options<'_>) -> TestCase {
    let mut case = TestCase::new(scenario_label(&cell.scenario, &cell.params), status(cell, options));
    // Several readers tell cases apart by class and name only, and split the class at dots.
    case.set_classname(one_line(&format!("{}:{}", cell.client.id, cell.server.id), LIMIT).replace('.', "_"));
    case.set_time(Duration::from_millis(cell.duration_ms));
    case.add_property(Property::new("key", one_line(&cell.key, LIMIT)));
    case.add_property(Property::new("verdict", cell.verdict.as_str()));
    case.add_property(Property::new("area", one_line(&cell.area, LIMIT)));
    for (name, value) in &cell.measurements {
        case.add_property(Property::new(one_line(name, LIMIT), value.to_string()));
    }
    if let Some(suspect) = &cell.suspect {
        case.add_property(Property::new("suspect", suspicion(suspect, LIMIT)));
    }
    if let Some(bundle) = &cell.bundle {
        case.add_property(Property::new("bundle", one_line(bundle, LIMIT)));
    }
    case.set_system_out(output(cell));
    case
}

/// The mapping of design section 7.
fn status(cell: &CellRecord, options: Options<'_>) -> TestCaseStatus {
    let mut status = match cell.verdict {
        verdict if verdict.is_unexpected(options.fail_on_degraded) => {
            TestCaseStatus::non_success(NonSuccessKind::Failure)
        }
        Verdict::Invalid | Verdict::EnvError => TestCaseStatus::non_success(NonSuccessKind::Error),
        Verdict::KnownFail | Verdict::Unsupported | Verdict::Blocked | Verdict::Skipped => TestCaseStatus::skipped(),
        _ => return TestCaseStatus::success(),
    };
    status.set_type(cell.verdict.as_str());
    status.set_message(format!("{}: {}", cell.verdict, one_line(&cell.reason, LIMIT)));
    if let Some(check) = decisive_check(cell) {
        status.set_description(format!("{}: {}", one_line(&check.id, LIMIT), one_line(&check.message, LIMIT)));
    }
    status
}

/// The checks, and what a person needs to look further.
fn output(cell: &CellRecord) -> String {
    let mut lines = vec![format!("{}: {}", cell.verdict, one_line(&cell.reason, LIMIT))];
    for check in &cell.checks {
        lines.push(format!("{:<8} {}: {}", check.verdict, one_line(&check.id, 200), one_line(&check.message, LIMIT)));
    }
    lines.extend(measurements(&cell.measurements).into_iter().map(|text| format!("measured {text}")));
    if !cell.repeats.is_empty() {
        let repeats: Vec<_> = cell.repeats.iter().map(|verdict| verdict.as_str()).collect();
        lines.push(format!("repeats  {}", repeats.join(", ")));
    }
    if let Some(suspect) = &cell.suspect {
        lines.push(format!("suspect  {}", suspicion(suspect, LIMIT)));
    }
    if let Some(bundle) = &cell.bundle {
        lines.push(format!("evidence {}", one_line(bundle, LIMIT)));
    }
    if !cell.reproduce.is_empty() {
        lines.push(format!("again    {}", one_line(&cell.reproduce, LIMIT)));
    }
    lines.join("\n")
}
