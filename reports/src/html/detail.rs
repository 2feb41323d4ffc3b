//! What the page of a cell shows.

use interop_evidence::CellRecord;
use serde::Serialize;

use super::evidence::{Evidence, Limits};
use super::ladder::{Ladder, frames};
use super::place::Place;
use crate::look::{symbol, tone};
use crate::text::{confidence, duration, measurement, one_line, peer_label, printable, suspect};

const CHECKS: usize = 100;
/// Lines of a message below the first, and characters of such a line.
const LINES: usize = 30;
const LINE: usize = 200;

/// All strings are printable and bounded; the template escapes them.
#[derive(Serialize)]
pub(super) struct Detail {
    key: String,
    scenario: String,
    title: String,
    area: String,
    params: Vec<(String, String)>,
    client: String,
    server: String,
    verdict: Verdict,
    reason: String,
    suspect: Option<Suspect>,
    duration: String,
    measurements: Vec<(String, String)>,
    checks: Vec<Check>,
    repeats: Vec<Verdict>,
    reproduce: String,
    trace: Option<Ladder>,
    evidence: Option<Evidence>,
    notes: Vec<String>,
}

#[derive(Serialize)]
struct Verdict {
    name: &'static str,
    symbol: &'static str,
    tone: &'static str,
}

#[derive(Serialize)]
struct Suspect {
    who: &'static str,
    confidence: &'static str,
    because: String,
}

#[derive(Serialize)]
struct Check {
    id: String,
    verdict: Verdict,
    /// The first line.
    message: String,
    /// The lines below it: a difference between its neighbours.
    more: Vec<String>,
    /// A frame that it complains of and that the diagram shows.
    frame: Option<u64>,
}

impl Detail {
    /// Reads the bundle of a cell, at most as much as `limits` says.
    pub(super) fn of(cell: &CellRecord, place: &Place, limits: Limits) -> Self {
        let mut notes: Vec<_> = place.note.iter().cloned().collect();
        if cell.checks.len() > CHECKS {
            notes.push(format!("{CHECKS} of {} checks are shown", cell.checks.len()));
        }
        for (role, peer) in [("client", &cell.client), ("server", &cell.server)] {
            if let Some(product) = &peer.emulates {
                notes.push(format!("the {role} is an emulated profile of {}", one_line(product, 200)));
            }
            if let Some(mutant) = &peer.mutant {
                notes.push(format!("the {role} was started with the defect {}, on purpose", one_line(mutant, 60)));
            }
        }
        Self {
            key: one_line(&cell.key, 300),
            scenario: one_line(&cell.scenario, 120),
            title: one_line(&cell.title, 300),
            area: if cell.area.is_empty() { "other".to_owned() } else { one_line(&cell.area, 120) },
            params: cell.params.iter().map(|(name, value)| (one_line(name, 60), one_line(value, 200))).collect(),
            client: peer_label(&cell.client),
            server: peer_label(&cell.server),
            verdict: verdict(cell.verdict),
            reason: one_line(&cell.reason, 1000),
            suspect: cell.suspect.as_ref().map(|suspicion| Suspect {
                who: suspect(suspicion.who),
                confidence: confidence(suspicion.confidence),
                because: one_line(&suspicion.because, 1000),
            }),
            duration: duration(cell.duration_ms),
            measurements: cell.measurements.iter().map(|(name, value)| measurement(name, *value)).collect(),
            checks: cell
                .checks
                .iter()
                .take(CHECKS)
                .map(|check| Check {
                    id: one_line(&check.id, 200),
                    verdict: verdict(check.verdict),
                    message: one_line(check.message.lines().next().unwrap_or_default(), 600),
                    more: check.message.lines().skip(1).take(LINES).map(cut).collect(),
                    frame: None,
                })
                .collect(),
            repeats: cell.repeats.iter().take(100).map(|repeat| verdict(*repeat)).collect(),
            reproduce: printable(&cell.reproduce.chars().take(4000).collect::<String>()),
            trace: None,
            evidence: (place.bundle.as_deref())
                .map(|bundle| Evidence::read(bundle, &place.bundle_link, limits, &mut notes)),
            notes,
        }
    }

    /// Adds the trace; checks that complain of a frame in it lead there.
    pub(super) fn with_trace(&mut self, cell: &CellRecord, ladder: Ladder) {
        for (check, record) in self.checks.iter_mut().zip(&cell.checks) {
            check.frame = frames::of_check(record).filter(|frame| ladder.hits.contains(frame));
        }
        self.trace = Some(ladder);
    }

    /// The diagram, which is markup and no text.
    pub(super) fn drawing(&self) -> Option<&str> {
        self.trace.as_ref().map(|ladder| ladder.svg.as_str())
    }

    pub(super) fn note(&mut self, note: String) {
        self.notes.push(note);
    }
}

/// A line whose indentation says something.
fn cut(line: &str) -> String {
    printable(&line.chars().take(LINE).collect::<String>())
}

fn verdict(verdict: interop_evidence::Verdict) -> Verdict {
    Verdict { name: verdict.as_str(), symbol: symbol(verdict, true), tone: tone(verdict).as_str() }
}
