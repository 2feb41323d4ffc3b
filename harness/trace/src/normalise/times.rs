//! Times: phases from mark to mark, and pauses. Everything else about time differs from run to run.

use std::time::Duration;

use interop_evidence::{Micros, TraceMark};

/// A flow that was silent for longer goes on with new lines, so that a long run shows when it stopped.
pub(super) const PAUSE: Duration = Duration::from_secs(5);

/// The phases of a scenario: before the first mark, and from each mark on.
#[derive(Debug)]
pub(super) struct Phases {
    starts: Vec<Micros>,
    /// The one that was asked for last, and where it begins and ends.
    current: usize,
    from: Micros,
    to: Micros,
}

impl Phases {
    pub(super) fn new(marks: &[TraceMark]) -> Self {
        let starts: Vec<Micros> = marks.iter().map(|mark| mark.at).collect();
        let to = starts.first().copied().unwrap_or(Micros(u64::MAX));
        Self { starts, current: 0, from: Micros(0), to }
    }

    /// The number of the phase of a moment, from 0.
    pub(super) fn of(&mut self, at: Micros) -> usize {
        if at < self.from || at >= self.to {
            self.current = self.starts.partition_point(|start| *start <= at);
            let before = self.current.checked_sub(1).and_then(|mark| self.starts.get(mark));
            self.from = before.copied().unwrap_or_default();
            self.to = self.starts.get(self.current).copied().unwrap_or(Micros(u64::MAX));
        }
        self.current
    }
}

#[cfg(test)]
mod tests {
    use interop_evidence::MarkKind;

    use super::*;

    #[test]
    fn a_phase_begins_at_its_mark_whatever_was_asked_before() {
        let mark = |at| TraceMark { at: Micros(at), text: String::new(), kind: MarkKind::Fault };
        let mut phases = Phases::new(&[mark(100), mark(100), mark(200)]);
        let asked = [0, 99, 100, 150, 199, 200, u64::MAX, 120, 5];
        assert_eq!(asked.map(|at| phases.of(Micros(at))), [0, 0, 2, 2, 2, 3, 3, 2, 0]);
        assert_eq!(Phases::new(&[]).of(Micros(u64::MAX)), 0);
    }
}
