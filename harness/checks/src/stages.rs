//! The stages of a connection, as its client told them.

use interop_evidence::{CheckOutcome, EventKind, PeerRole, Stage, StageStatus, Timeline};

/// Judges the stages of the last connection: each wanted one ended as wanted, in this order.
pub fn stages(timeline: &Timeline, wanted: &[(Stage, StageStatus)]) -> CheckOutcome {
    let started = timeline
        .events
        .iter()
        .rposition(|event| matches!(event.kind, EventKind::PeerStarted { role: PeerRole::Client, .. }))
        .unwrap_or_default();
    let seen: Vec<(Stage, StageStatus)> = timeline.events[started..]
        .iter()
        .filter_map(|event| match &event.kind {
            EventKind::Stage { role: PeerRole::Client, stage, status, .. } => Some((*stage, *status)),
            _ => None,
        })
        .collect();
    let said = seen
        .iter()
        .filter(|(_, status)| *status != StageStatus::Begin)
        .map(|(stage, status)| format!("{stage} {status}"))
        .collect::<Vec<_>>()
        .join(", ");
    let said = if said.is_empty() { "the client told no stage".to_owned() } else { format!("the client told: {said}") };
    let mut left = seen.iter();
    for (stage, status) in wanted {
        if !left.any(|seen| seen == &(*stage, *status)) {
            return CheckOutcome::fail(format!("{said}; expected {stage} {status} in its place"));
        }
    }
    CheckOutcome::pass(said)
}

#[cfg(test)]
mod tests {
    use interop_evidence::{Event, Micros, Verdict};

    use super::*;

    fn timeline(stages: &[(Stage, StageStatus)]) -> Timeline {
        let start = EventKind::PeerStarted { role: PeerRole::Client, pid: 1, argv: Vec::new() };
        let told = stages.iter().map(|(stage, status)| EventKind::Stage {
            role: PeerRole::Client,
            stage: *stage,
            status: *status,
            line: String::new(),
        });
        let kinds = std::iter::once(start).chain(told);
        Timeline { events: kinds.map(|kind| Event { at: Micros(0), step: None, kind }).collect() }
    }

    #[test]
    fn order_and_outcome_count() {
        use Stage::{Downloader, GroupSelection, TlsHandshake};
        use StageStatus::{Begin, Done, Failed, Skipped};
        let told =
            timeline(&[(TlsHandshake, Begin), (TlsHandshake, Done), (GroupSelection, Done), (Downloader, Skipped)]);
        let judge = |wanted: &[(Stage, StageStatus)]| stages(&told, wanted).verdict;
        assert_eq!(judge(&[(TlsHandshake, Done), (GroupSelection, Done), (Downloader, Skipped)]), Verdict::Pass);
        assert_eq!(judge(&[(TlsHandshake, Done), (Downloader, Skipped)]), Verdict::Pass, "others may lie between");
        assert_eq!(judge(&[(GroupSelection, Done), (TlsHandshake, Done)]), Verdict::Fail, "another order");
        assert_eq!(judge(&[(Downloader, Done)]), Verdict::Fail);
        assert_eq!(judge(&[(Downloader, Failed)]), Verdict::Fail);
    }

    #[test]
    fn only_the_last_connection_counts() {
        let mut both = timeline(&[(Stage::Downloader, StageStatus::Done)]);
        both.events.extend(timeline(&[(Stage::Downloader, StageStatus::Skipped)]).events);
        assert_eq!(stages(&both, &[(Stage::Downloader, StageStatus::Done)]).verdict, Verdict::Fail);
        assert_eq!(stages(&both, &[(Stage::Downloader, StageStatus::Skipped)]).verdict, Verdict::Pass);
    }
}
