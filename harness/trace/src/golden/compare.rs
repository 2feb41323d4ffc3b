//! The first difference between what was seen and what was reviewed, in words.

use std::collections::HashSet;
use std::time::Duration;

use interop_evidence::{Trace, TraceLine};

use super::differ::{Finding, differ};
use super::rules::is_bulk;
use super::{Golden, Phase, Phases, Slack};

/// A difference from a golden trace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// Phase in which it is.
    pub phase: String,
    /// The line that was expected and did not come, if one was.
    pub expected: Option<String>,
    /// The line that came in its place, if one did.
    pub seen: Option<String>,
    /// Frame of the line that came, or of the last one before the one that did not; 0 without frames.
    pub frame: u64,
    /// Interface of that frame.
    pub wire: String,
    /// Everything in words: the difference, its neighbours, frame and wire, what else differs.
    pub message: String,
}

/// Packets that were on their way at a mark are left out of phases; those that took a little longer, on a busy
/// machine, are no difference either.
const ON_THEIR_WAY_AT_MOST: Duration = Duration::from_secs(1);

/// Compares a view of a cell with its golden. `trace` gives the neighbours and the wires.
///
/// Of a flow, each side's lines are compared in their order; how they interleave is chance. Flows are found by their
/// name, and where there are several, by what they say, then by their order. Lines that stand for themselves are a set.
pub fn compare(golden: &Golden, seen: &Phases, trace: &Trace, slack: Slack) -> Option<Difference> {
    let found = findings(&golden.phases, &seen.without(&golden.also, &golden.phases), trace, slack);
    let (phase, first) = found.first()?;
    let wire = wire_of(trace, first);
    let place = match (first.frame, wire) {
        (0, _) => String::new(),
        (frame, "") => format!(" (frame {frame})"),
        (frame, wire) => format!(" (frame {frame} on `{wire}`)"),
    };
    let more = match found.len() {
        1 => String::new(),
        2 => "; 1 more difference".to_owned(),
        many => format!("; {} more differences", many.saturating_sub(1)),
    };
    let mut message = format!("in phase `{phase}`{}{place}{more}", first.words());
    for line in first.picture() {
        message.push('\n');
        message.push_str(&line);
    }
    Some(Difference {
        phase: phase.clone(),
        expected: first.expected.clone(),
        seen: first.seen.clone(),
        frame: first.frame,
        wire: wire.to_owned(),
        message,
    })
}

/// Whether two phases are the same for [`compare`].
pub(super) fn same_phase(one: &Phase, other: &Phase, slack: Slack) -> bool {
    differ(&one.lines, &other.lines, slack, &|_, _| false).is_empty()
}

/// Whether two views are the same for [`compare`], up to the order of phases.
pub(super) fn same(one: &Phases, other: &Phases, slack: Slack) -> bool {
    one.phases.len() == other.phases.len()
        && one
            .phases
            .iter()
            .all(|phase| other.phases.iter().any(|other| other.name == phase.name && same_phase(phase, other, slack)))
}

/// Every difference with its phase, in the order of the phases.
fn findings(golden: &Phases, seen: &Phases, trace: &Trace, slack: Slack) -> Vec<(String, Finding)> {
    let mut found = Vec::new();
    let mut last_frame = 0;
    let is_known = |phase: &Phase| golden.phases.iter().any(|other| other.name == phase.name);
    let mut rest = seen.phases.iter().enumerate().peekable();
    for phase in &golden.phases {
        let Some(at) = seen.phases.iter().position(|other| other.name == phase.name) else {
            let is_end = seen.phases.iter().rev().take(1).all(|last| {
                let place = golden.phases.iter().position(|other| other.name == last.name);
                place < golden.phases.iter().position(|other| other.name == phase.name)
            });
            found.push((phase.name.clone(), Finding::missing_phase(phase, is_end, last_frame)));
            continue;
        };
        while let Some((_, additional)) = rest.next_if(|(index, _)| *index < at) {
            if !is_known(additional) {
                found.push((additional.name.clone(), Finding::additional_phase(additional)));
            }
        }
        let Some(this) = seen.phases.get(at) else { continue };
        let late = Late::of(trace, at);
        for mut finding in differ(&phase.lines, &this.lines, slack, &|text, frame| late.has(text, frame)) {
            if finding.frame == 0 {
                finding.frame = last_frame;
            }
            found.push((phase.name.clone(), finding));
        }
        last_frame = this.lines.iter().map(|(_, frame)| *frame).fold(last_frame, u64::max);
    }
    for (_, additional) in rest.filter(|(_, phase)| !is_known(phase)) {
        found.push((additional.name.clone(), Finding::additional_phase(additional)));
    }
    found
}

/// Data in bulk that was seen only shortly after the beginning of a phase.
struct Late<'a>(HashSet<(&'a str, u64)>);

impl<'a> Late<'a> {
    fn of(trace: &'a Trace, phase: usize) -> Self {
        let Some(mark) = phase.checked_sub(1).and_then(|mark| trace.marks.get(mark)) else {
            return Self(HashSet::new());
        };
        let lines = trace.lines.iter().filter(|line| {
            line.at >= mark.at && line.until.since(mark.at) <= ON_THEIR_WAY_AT_MOST && is_bulk(&line.text)
        });
        Self(lines.map(|line| (line.text.trim_end(), line.frame)).collect())
    }

    fn has(&self, text: &str, frame: u64) -> bool {
        self.0.contains(&(text, frame))
    }
}

/// The wire of a difference: several lines may come from one frame, but all of them from one wire.
fn wire_of<'a>(trace: &'a Trace, finding: &Finding) -> &'a str {
    let has =
        |line: &&TraceLine| finding.frame != 0 && (line.frame == finding.frame || line.last_frame == finding.frame);
    trace.lines.iter().find(has).map_or("", |line| line.wire.as_str())
}
