//! Several repeats of one cell, side by side, and the one record that they make.

use interop_evidence::{CellRecord, Verdict};

/// The records of a cell's repeats until all are there.
#[derive(Clone, Debug)]
pub(super) struct Repeats {
    records: Vec<Option<CellRecord>>,
}

impl Repeats {
    pub(super) fn new(count: u32) -> Self {
        Self { records: vec![None; count.max(1) as usize] }
    }

    /// Takes the record of a repeat, from 1; gives the cell's record with the last one.
    pub(super) fn add(&mut self, repeat: u32, record: CellRecord) -> Option<CellRecord> {
        if let Some(place) = self.records.get_mut(repeat.saturating_sub(1) as usize) {
            *place = Some(record);
        }
        if self.records.iter().any(Option::is_none) {
            return None;
        }
        let mut records = std::mem::take(&mut self.records).into_iter().flatten();
        let first = records.next()?;
        Some(fold(first, records.collect()))
    }
}

/// One record of several repeats; `flaky` when they disagree.
fn fold(first: CellRecord, more: Vec<CellRecord>) -> CellRecord {
    if more.is_empty() {
        return first;
    }
    let repeats: Vec<Verdict> = std::iter::once(&first).chain(&more).map(|record| record.verdict).collect();
    let duration_ms = std::iter::once(&first).chain(&more).map(|record| record.duration_ms).sum();
    // The one that differs from the first shows best what is wrong.
    let odd = more.into_iter().find(|record| record.verdict != first.verdict);
    let record = match odd {
        None => first,
        Some(odd) => {
            let words: Vec<&str> = repeats.iter().map(|verdict| verdict.as_str()).collect();
            let reason = format!("verdicts of {} repeats differ ({}); {}", words.len(), words.join(", "), odd.reason);
            CellRecord { verdict: Verdict::Flaky, reason, ..odd }
        }
    };
    CellRecord { repeats, duration_ms, ..record }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::tests::record;

    #[test]
    fn repeats_that_agree_keep_their_verdict() {
        let folded = fold(record(Verdict::Fail), vec![record(Verdict::Fail), record(Verdict::Fail)]);
        assert_eq!((folded.verdict, folded.repeats.len(), folded.duration_ms), (Verdict::Fail, 3, 15));
    }

    #[test]
    fn repeats_that_differ_are_flaky() {
        let folded = fold(record(Verdict::Pass), vec![record(Verdict::Pass), record(Verdict::Fail)]);
        assert_eq!(folded.verdict, Verdict::Flaky);
        assert!(folded.reason.contains("pass, pass, fail"), "{}", folded.reason);
    }

    #[test]
    fn the_order_is_that_of_the_repeats_not_of_their_ends() {
        let mut repeats = Repeats::new(3);
        assert_eq!(repeats.add(3, record(Verdict::Fail)), None);
        assert_eq!(repeats.add(1, record(Verdict::Pass)), None);
        let all = repeats.add(2, record(Verdict::Pass)).unwrap();
        assert_eq!(all.repeats, [Verdict::Pass, Verdict::Pass, Verdict::Fail]);
        assert_eq!(Repeats::new(1).add(1, record(Verdict::Pass)).unwrap().repeats, []);
    }
}
