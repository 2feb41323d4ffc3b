//! Checks that a scenario asks for by name and that look at the cell as a whole.

use std::collections::BTreeMap;

use interop_evidence::{
    AttemptOutcome, CheckOutcome, CheckRecord, EventKind, Facts, NodeSnapshot, OuterFlow, PeerRole, Phase, Timeline,
};

use crate::{leak, trace};

/// Everything that a check may look at.
#[derive(Clone, Debug, Default)]
pub struct Evidence {
    /// What happened.
    pub timeline: Timeline,
    /// Every node at every phase.
    pub snapshots: BTreeMap<Phase, Vec<NodeSnapshot>>,
    /// What went over the outside wires.
    pub flows: Vec<OuterFlow>,
    /// What the lab is like.
    pub facts: Facts,
}

impl Evidence {
    /// A node at a phase.
    pub fn node(&self, phase: &Phase, name: &str) -> Option<&NodeSnapshot> {
        self.snapshots.get(phase)?.iter().find(|node| node.node == name)
    }
}

/// A check that looks at the cell as a whole.
#[derive(Clone, Copy, Debug)]
pub struct AlwaysCheck {
    /// Name in the scenario's `always`.
    pub id: &'static str,
    /// One sentence.
    pub help: &'static str,
    /// The predicate.
    pub judge: fn(&Evidence) -> CheckOutcome,
}

/// Every such check, by name.
pub const ALWAYS: &[AlwaysCheck] = &[
    AlwaysCheck {
        id: "leave-no-trace",
        help: "After the peers have gone, addresses, routes, rules, resolver, files and processes are as before",
        judge: trace::leave_no_trace,
    },
    AlwaysCheck {
        id: "no-crash",
        help: "No peer died of a signal, and the server did not end unasked",
        judge: no_crash,
    },
    AlwaysCheck {
        id: "no-leak",
        help: "Nothing that belongs into the tunnel is seen on an outside wire in clear",
        judge: leak::no_leak,
    },
];

/// Judges the cell by the named checks.
pub fn always(names: &[String], evidence: &Evidence) -> Vec<CheckRecord> {
    names
        .iter()
        .filter_map(|name| ALWAYS.iter().find(|check| check.id == name))
        .map(|check| (check.judge)(evidence).record(check.id))
        .collect()
}

/// Signals that no VPN program uses to end itself in an orderly way (`SIGILL`, `SIGTRAP`, `SIGABRT`, `SIGBUS`,
/// `SIGFPE`, `SIGSEGV`, `SIGSYS`).
const CRASH_SIGNALS: [i32; 7] = [4, 5, 6, 7, 8, 11, 31];

fn no_crash(evidence: &Evidence) -> CheckOutcome {
    let refused_to_start =
        evidence.timeline.events.iter().any(|event| {
            matches!(event.kind, EventKind::Attempt { outcome: AttemptOutcome::ServerRefusesToStart, .. })
        });
    for event in &evidence.timeline.events {
        let EventKind::PeerExited { role, code, signal, asked } = &event.kind else { continue };
        if let Some(signal) = signal.filter(|signal| CRASH_SIGNALS.contains(signal)) {
            return CheckOutcome::fail(format!("the {role} died of signal {signal} at {}", event.at));
        }
        if *role == PeerRole::Server && !asked && !refused_to_start {
            let code = code.map_or_else(|| "no code".to_owned(), |code| format!("code {code}"));
            return CheckOutcome::fail(format!("the server ended by itself at {} with {code}", event.at));
        }
    }
    CheckOutcome::pass("no peer crashed")
}

#[cfg(test)]
mod tests {
    use interop_evidence::{Event, Micros, Verdict};

    use super::*;

    fn exit(role: PeerRole, signal: Option<i32>, asked: bool) -> Evidence {
        let kind = EventKind::PeerExited { role, code: signal.is_none().then_some(0), signal, asked };
        let timeline = Timeline { events: vec![Event { at: Micros(5), step: None, kind }] };
        Evidence { timeline, ..Evidence::default() }
    }

    #[test]
    fn crash_and_unasked_end_of_the_server_fail() {
        assert_eq!(no_crash(&exit(PeerRole::Client, Some(11), true)).verdict, Verdict::Fail);
        assert_eq!(no_crash(&exit(PeerRole::Server, None, false)).verdict, Verdict::Fail);
        assert_eq!(no_crash(&exit(PeerRole::Server, Some(15), true)).verdict, Verdict::Pass);
        assert_eq!(no_crash(&exit(PeerRole::Client, None, false)).verdict, Verdict::Pass, "a client may give up");
    }

    #[test]
    fn a_server_that_refuses_to_start_has_not_crashed() {
        let mut evidence = exit(PeerRole::Server, None, false);
        let kind = EventKind::Attempt { outcome: AttemptOutcome::ServerRefusesToStart, detail: String::new() };
        evidence.timeline.events.push(Event { at: Micros(6), step: None, kind });
        assert_eq!(no_crash(&evidence).verdict, Verdict::Pass);
    }

    #[test]
    fn names_are_sorted_and_known() {
        assert!(ALWAYS.is_sorted_by_key(|check| check.id));
        let names: Vec<String> = ALWAYS.iter().map(|check| check.id.to_owned()).collect();
        assert_eq!(always(&names, &Evidence::default()).len(), ALWAYS.len());
    }
}
