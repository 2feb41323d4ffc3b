//! From the packets of a flow to its outage.

use interop_evidence::{FlowRecord, FlowSummary, Micros};

/// Sums up a flow whose records are in the order of sending.
///
/// The outage is the longest time in which nothing came back although something was owed: from the last echo, or from
/// the sending of the first packet that was owed since, to the next echo, less the shortest round trip. A packet is owed
/// from its sending to its echo; one that is lost, until the next echo after its sending. So packets that a stream
/// transport kept back and delivered late make an outage as lost ones do, and a sender that stalled makes none. After
/// the last echo the outage lasts up to the last packet sent.
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

/// Length in microseconds, and when it began.
fn longest_outage(records: &[FlowRecord]) -> (u64, Micros) {
    let (Some(first), Some(last)) = (records.first(), records.last()) else { return (0, Micros(0)) };
    let mut arrivals: Vec<(Micros, Micros)> =
        records.iter().filter_map(|record| Some((record.echoed?, record.sent))).collect();
    arrivals.sort_unstable();
    let Some(newest) = arrivals.last().map(|(echoed, _)| *echoed) else {
        return (last.sent.0.saturating_sub(first.sent.0), first.sent);
    };
    // The earliest sending among the packets that came back at this position or later.
    let mut owed: Vec<Micros> = arrivals.iter().map(|(_, sent)| *sent).collect();
    for index in (1..owed.len()).rev() {
        owed[index - 1] = owed[index - 1].min(owed[index]);
    }
    let round_trip = shortest_round_trip(records);
    let mut longest = (0, Micros(0));
    let mut before = first.sent;
    for (index, (echoed, _)) in arrivals.iter().enumerate() {
        let lost = first_lost_between(records, Micros(before.0.saturating_sub(round_trip)), *echoed);
        let since = lost.map_or(owed[index], |lost| lost.min(owed[index])).max(before);
        let length = echoed.0.saturating_sub(since.0).saturating_sub(round_trip);
        // What comes a little later than usual is no outage; the distance to the next packet is the resolution.
        if length > longest.0 {
            longest = (length, since);
        }
        before = *echoed;
    }
    let since = Micros(newest.0.saturating_sub(round_trip));
    match first_lost_between(records, since, Micros(u64::MAX)) {
        Some(lost) if last.sent.0.saturating_sub(since.0) > longest.0 => (last.sent.0.saturating_sub(since.0), lost),
        _ => longest,
    }
}

/// When the first packet was sent, within these times, that never came back.
fn first_lost_between(records: &[FlowRecord], from: Micros, to: Micros) -> Option<Micros> {
    let start = records.partition_point(|record| record.sent < from);
    let window = records[start..].iter().take_while(|record| record.sent < to);
    window.filter(|record| record.echoed.is_none()).map(|record| record.sent).next()
}

/// Shortest time in microseconds from a packet to its echo. Not the median: in a flow that mostly stood still, late is
/// the usual.
fn shortest_round_trip(records: &[FlowRecord]) -> u64 {
    records.iter().filter_map(|record| Some(record.echoed?.0.saturating_sub(record.sent.0))).min().unwrap_or(0)
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
    fn packets_kept_back_and_delivered_late_are_an_outage() {
        // As a stream transport does: nothing is lost, but from 60 ms on nothing comes before 500 ms.
        let mut records = flow("++++++++");
        for record in &mut records[3..] {
            record.echoed = Some(Micros(500_000 + record.sent.0 / 100));
        }
        let summary = summarise("voice", &records, 0, 0);
        // 500.6 ms, less the sending of the first that was kept back, less the round trip.
        assert!((435..=440).contains(&summary.outage_ms) && summary.outage_at == Micros(60_000), "{summary:?}");
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
