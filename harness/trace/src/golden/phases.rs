//! A trace cut into the phases of its scenario: what is compared.

use std::borrow::Cow;
use std::collections::HashSet;
use std::time::Duration;

use interop_evidence::{MarkKind, Trace, View};

use super::spans::Spans;
use super::{dns, headers, inner, outer};

/// How far two runs of one scenario may lie apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slack {
    /// How far the times of flows within a phase may differ.
    pub time: Duration,
    /// Whether the network loses packets by chance: then the number of repetitions says nothing.
    pub repeats: bool,
}

/// One view of a cell, phase by phase.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Phases {
    /// By time. A phase in which nothing happened is there, with no lines.
    pub phases: Vec<Phase>,
}

impl Phases {
    /// The same without the lines of these phases, where a phase of `golden` does not have them.
    pub(super) fn without(&self, also: &Self, golden: &Self) -> Cow<'_, Self> {
        if also.phases.is_empty() {
            return Cow::Borrowed(self);
        }
        let mut rest = self.clone();
        for phase in &mut rest.phases {
            let fitting = also.phases.iter().filter(|other| is_numbered(&phase.name, &other.name));
            let lines: Vec<&String> = fitting.flat_map(|other| other.lines.iter().map(|(line, _)| line)).collect();
            let asked = golden.phases.iter().find(|other| other.name == phase.name);
            let is_asked = |text: &String| asked.is_some_and(|other| other.lines.iter().any(|(line, _)| line == text));
            phase.lines.retain(|(text, _)| !lines.contains(&text) || is_asked(text));
        }
        Cow::Owned(rest)
    }
}

/// What happened from one mark to the next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Phase {
    /// `before`, or the text of its mark; from the second one of that name on, with a number: `block (2)`.
    pub name: String,
    /// What began it; nothing for the first.
    pub mark: Option<MarkKind>,
    /// The lines that are compared, each with the frame that it comes from (0 where it comes from no frame).
    pub lines: Vec<(String, u64)>,
}

/// The name of the phase before the first mark.
pub(super) const BEFORE: &str = "before";

/// The phases of a view; not for [`View::Routes`], which comes from snapshots.
///
/// The lines must be of the wires and the tunnel devices of the client.
pub fn phases(trace: &Trace, view: View, slack: Slack) -> Phases {
    let spans = Spans::of(trace);
    let lines = match view {
        View::ConnectHeaders => headers::lines(trace, &spans, slack),
        View::Dns => dns::lines(trace, &spans),
        View::InnerFlow => inner::lines(trace, &spans),
        View::OuterFlow => outer::lines(trace, &spans, slack),
        View::Routes => vec![Vec::new(); spans.count()],
    };
    let mut names = Names::default();
    let texts = std::iter::once(BEFORE).chain(trace.marks.iter().map(|mark| mark.text.as_str()));
    let kinds = std::iter::once(None).chain(trace.marks.iter().map(|mark| Some(mark.kind)));
    let phases = texts.zip(kinds).zip(lines);
    Phases { phases: phases.map(|((text, mark), lines)| Phase { name: names.unique(text), mark, lines }).collect() }
}

/// Whether a phase is the one of this name, or one of those that follow it under its name with a number.
fn is_numbered(phase: &str, name: &str) -> bool {
    let Some(rest) = phase.strip_prefix(name) else { return false };
    let number = rest.strip_prefix(" (").and_then(|rest| rest.strip_suffix(')'));
    rest.is_empty() || number.is_some_and(|number| number.parse::<usize>().is_ok())
}

/// Names of phases that can stand in a golden: on one line, each once.
#[derive(Default)]
pub(super) struct Names(HashSet<String>);

impl Names {
    pub(super) fn unique(&mut self, text: &str) -> String {
        let words: Vec<&str> = text.split_whitespace().collect();
        let mut name = if words.is_empty() { "unnamed".to_owned() } else { words.join(" ") };
        // An overlay says so of a phase that the base has.
        if let Some(rest) = name.strip_suffix(super::file::ABSENT) {
            name = format!("{rest} [absent]");
        }
        let mut unique = name.clone();
        let mut number = 1_usize;
        while !self.0.insert(unique.clone()) {
            number = number.saturating_add(1);
            unique = format!("{name} ({number})");
        }
        unique
    }
}

#[cfg(test)]
mod tests {
    use super::is_numbered;

    #[test]
    fn the_second_of_a_name_is_of_that_name() {
        let of_connected = |phase| is_numbered(phase, "connected");
        assert!(["connected", "connected (2)", "connected (13)"].into_iter().all(of_connected));
        assert!(
            !["before", "connect", "connected again", "connected (2", "connected (b)", "disconnected"]
                .into_iter()
                .any(of_connected)
        );
    }
}
