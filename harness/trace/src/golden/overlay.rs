//! A base and an overlay put together, and taken apart again.

use super::compare::same_phase;
use super::{Phase, Phases, Slack};

/// A phase in a golden file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) name: String,
    /// Nothing if the base has the phase and the overlay has not.
    pub(super) lines: Option<Vec<String>>,
}

/// What was seen, as it stands in a file.
pub(super) fn parts(phases: &Phases) -> Vec<Part> {
    let part =
        |phase: &Phase| Part { name: phase.name.clone(), lines: Some(phase.lines.iter().filter_map(fit).collect()) };
    phases.phases.iter().map(part).collect()
}

/// A line as it can stand in a file: nothing behind its end, no line break, and not like the beginning of a phase.
fn fit((line, _): &(String, u64)) -> Option<String> {
    let line = line.replace(['\n', '\r'], " ");
    let line = line.trim_end();
    if line.is_empty() {
        return None;
    }
    Some(if line.starts_with("--- ") { format!(". {line}") } else { line.to_owned() })
}

/// What stands in files, as it is compared.
pub(super) fn phases(parts: &[Part]) -> Phases {
    let phase = |part: &Part| {
        let lines = part.lines.as_ref()?.iter().map(|line| (line.clone(), 0)).collect();
        Some(Phase { name: part.name.clone(), mark: None, lines })
    };
    Phases { phases: parts.iter().filter_map(phase).collect() }
}

/// The base with the phases of an overlay in place of its own. One that the base does not have comes behind the one
/// that stands before it in the overlay.
pub(super) fn merged(base: &[Part], overlay: &[Part]) -> Vec<Part> {
    let mut merged = base.to_vec();
    let mut next = 0;
    for part in overlay {
        let at = merged.iter().position(|other| other.name == part.name);
        match (at, &part.lines) {
            (Some(at), None) => {
                merged.remove(at);
                next = at;
            }
            (Some(at), Some(_)) => {
                if let Some(place) = merged.get_mut(at) {
                    place.clone_from(part);
                }
                next = at.saturating_add(1);
            }
            (None, None) => {}
            (None, Some(_)) => {
                merged.insert(next.min(merged.len()), part.clone());
                next = next.saturating_add(1);
            }
        }
    }
    merged
}

/// The smallest overlay that makes `wanted` of the base.
pub(super) fn difference(base: &[Part], wanted: &[Part], slack: Slack) -> Vec<Part> {
    let of_base = |name: &str| base.iter().find(|part| part.name == name);
    let mut parts: Vec<Part> = Vec::new();
    let mut before: Option<&Part> = None;
    for part in wanted {
        let is_new = match of_base(&part.name) {
            Some(other) if same_part(other, part, slack) => {
                before = Some(other);
                continue;
            }
            Some(_) => false,
            None => true,
        };
        // A new phase says where it stands.
        if let Some(before) = before.filter(|before| is_new && parts.last().is_none_or(|last| last.name != before.name))
        {
            parts.push(before.clone());
        }
        parts.push(part.clone());
        before = Some(part);
    }
    let is_gone = |part: &&Part| !wanted.iter().any(|other| other.name == part.name);
    parts.extend(base.iter().filter(is_gone).map(|part| Part { name: part.name.clone(), lines: None }));
    parts
}

fn same_part(one: &Part, other: &Part, slack: Slack) -> bool {
    let phase = |part: &Part| phases(std::slice::from_ref(part)).phases.into_iter().next();
    match (phase(one), phase(other)) {
        (Some(one), Some(other)) => same_phase(&one, &other, slack),
        (one, other) => one.is_none() && other.is_none(),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const SLACK: Slack = Slack { time: Duration::ZERO, repeats: false };

    fn file(phases: &[(&str, &[&str])]) -> Vec<Part> {
        let part = |(name, lines): &(&str, &[&str])| Part {
            name: (*name).to_owned(),
            lines: Some(lines.iter().map(|line| (*line).to_owned()).collect()),
        };
        phases.iter().map(part).collect()
    }

    #[test]
    fn only_what_differs_stands_in_an_overlay() {
        let base = file(&[("before", &[]), ("start", &["a", "b"]), ("fault", &["c"]), ("end", &["d"])]);
        let wanted =
            file(&[("before", &[]), ("start", &["b", "a"]), ("fault", &["x"]), ("new", &[]), ("newer", &["z"])]);
        let overlay = difference(&base, &wanted, SLACK);
        let names: Vec<(&str, bool)> = overlay.iter().map(|part| (part.name.as_str(), part.lines.is_some())).collect();
        assert_eq!(names, [("fault", true), ("new", true), ("newer", true), ("end", false)]);
        let merged = merged(&base, &overlay);
        assert_eq!(merged[1], base[1], "the same but for the order of its lines, so the base's stays");
        assert_eq!(merged[2..], wanted[2..]);
        assert_eq!(difference(&base, &base, SLACK), []);
    }

    #[test]
    fn a_new_phase_keeps_its_place() {
        let base = file(&[("a", &["1"]), ("b", &["2"]), ("c", &["3"])]);
        let wanted = file(&[("a", &["1"]), ("b", &["2"]), ("b (2)", &["4"]), ("c", &["3"])]);
        assert_eq!(merged(&base, &difference(&base, &wanted, SLACK)), wanted);
        assert_eq!(merged(&[], &difference(&[], &wanted, SLACK)), wanted);
    }
}
