//! From the packets of a flow to its outage.

use interop_evidence::{FlowRecord, FlowSummary, Micros};

/// Sums up a flow whose records are in the order of sending.
///
/// The outage is the longest time without a delivered packet: between the sending of two delivered packets with at
/// least one lost between them, less the nominal interval (the median distance of two packets); from the first packet
/// sent to the first delivered; from the last delivered to the last sent. It is 0 if nothing was lost, however uneven
/// the sending was: a stalled sender is not an outage.
pub fn summarise(name: &str, records: &[FlowRecord], duplicated: u32, reordered: u32) -> FlowSummary {
    let echoed = records.iter().filter(|record| record.echoed.is_some()).count();
    let (outage_us, outage_at) = longest_outage(records);
    FlowSummary {
        name: name.to_owned(),
        sent: count(records.len()),
        echoed: count(echoed),
        duplicated,
        reordered,
        outage_ms: outage_us / 1000,
        outage_at,
    }
}

/// Sums up what was sent from `from` up to, but not including, `to`. Records do not show duplicates, so there are
/// none; reordering counts within the window.
pub fn summarise_window(name: &str, records: &[FlowRecord], from: Micros, to: Micros) -> FlowSummary {
    let start = records.partition_point(|record| record.sent < from);
    let end = records.partition_point(|record| record.sent < to);
    let window = records.get(start..end).unwrap_or_default();
    summarise(name, window, 0, reordered(window))
}

/// Packets that came back after one that was sent later.
fn reordered(records: &[FlowRecord]) -> u32 {
    let mut earliest_later = Micros(u64::MAX);
    let mut late = 0;
    for echoed in records.iter().rev().filter_map(|record| record.echoed) {
        late += u32::from(echoed > earliest_later);
        earliest_later = earliest_later.min(echoed);
    }
    late
}

/// Length in microseconds, and when the first packet that it swallowed was sent.
fn longest_outage(records: &[FlowRecord]) -> (u64, Micros) {
    let interval = median_interval(records);
    let mut longest = (0, Micros(0));
    let mut consider = |length: u64, at: Micros| {
        if length > longest.0 {
            longest = (length, at);
        }
    };
    let delivered: Vec<usize> = (0..records.len()).filter(|index| records[*index].echoed.is_some()).collect();
    let span = |from: usize, to: usize| records[to].sent.0.saturating_sub(records[from].sent.0);
    let Some(last) = records.len().checked_sub(1) else { return longest };
    let (Some(&first_delivered), Some(&last_delivered)) = (delivered.first(), delivered.last()) else {
        return (span(0, last), records[0].sent);
    };
    consider(span(0, first_delivered), records[0].sent);
    for pair in delivered.windows(2) {
        if pair[1] > pair[0] + 1 {
            consider(span(pair[0], pair[1]).saturating_sub(interval), records[pair[0] + 1].sent);
        }
    }
    if last_delivered < last {
        consider(span(last_delivered, last), records[last_delivered + 1].sent);
    }
    longest
}

/// Median distance in microseconds between two packets that were sent one after the other.
fn median_interval(records: &[FlowRecord]) -> u64 {
    let mut gaps: Vec<u64> = records.windows(2).map(|pair| pair[1].sent.0.saturating_sub(pair[0].sent.0)).collect();
    let middle = gaps.len() / 2;
    if gaps.is_empty() { 0 } else { *gaps.select_nth_unstable(middle).1 }
}

fn count(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One packet every 20 ms; `+` came back after 3 ms, `.` did not.
    fn flow(picture: &str) -> Vec<FlowRecord> {
        let record = |(seq, mark): (u32, char)| {
            let sent = Micros(u64::from(seq) * 20_000);
            FlowRecord { seq, sent, echoed: (mark == '+').then_some(Micros(sent.0 + 3000)) }
        };
        (0..).zip(picture.chars()).map(record).collect()
    }

    #[track_caller]
    fn assert_outage(picture: &str, outage_ms: u64, outage_at_ms: u64) {
        let summary = summarise("voice", &flow(picture), 0, 0);
        assert_eq!((summary.outage_ms, summary.outage_at.millis()), (outage_ms, outage_at_ms), "{picture}");
    }

    #[test]
    fn an_outage_lasts_as_long_as_packets_were_lost() {
        assert_outage("", 0, 0);
        assert_outage("++++", 0, 0);
        assert_outage("++.+++", 20, 40);
        assert_outage("++...+.+", 60, 40);
        assert_outage("+.+....+", 80, 60);
    }

    #[test]
    fn the_head_and_the_tail_count() {
        assert_outage("...+++", 60, 0);
        assert_outage("+++...", 60, 60);
        assert_outage("......", 100, 0);
        assert_outage(".", 0, 0);
    }

    #[test]
    fn a_stalled_sender_is_no_outage() {
        let mut records = flow("++++++");
        for record in &mut records[3..] {
            record.sent.0 += 5_000_000;
            record.echoed = Some(Micros(record.sent.0 + 3000));
        }
        assert_eq!(summarise("voice", &records, 0, 0).outage_ms, 0);
    }

    #[test]
    fn counts_are_carried() {
        let summary = summarise("voice", &flow("++.+"), 2, 1);
        assert_eq!((summary.sent, summary.echoed, summary.duplicated, summary.reordered), (4, 3, 2, 1));
        assert_eq!(summary.name, "voice");
    }

    #[test]
    fn a_window_sees_only_what_was_sent_in_it() {
        let records = flow("+....+++..++");
        let window = |from: u64, to: u64| summarise_window("voice", &records, Micros(from * 1000), Micros(to * 1000));
        let summary = window(100, 240);
        assert_eq!((summary.sent, summary.echoed, summary.outage_ms, summary.outage_at.millis()), (7, 5, 40, 160));
        assert_eq!(window(40, 120).outage_ms, 60, "an outage that began before the window");
        assert_eq!(window(500, 100).sent, 0);
    }

    #[test]
    fn a_window_counts_reordering() {
        let mut records = flow("+++++");
        records[1].echoed = Some(Micros(70_000));
        assert_eq!(summarise_window("voice", &records, Micros(0), Micros(u64::MAX)).reordered, 1);
        assert_eq!(summarise_window("voice", &records, Micros(0), Micros(40_000)).reordered, 0);
    }
}
