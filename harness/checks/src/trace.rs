//! `leave-no-trace`: after the peers have gone, everything is as before (AC-NET-14, AC-OPS-03).

use interop_evidence::{CheckOutcome, NodeSnapshot, Phase};
use similar::{ChangeTag, TextDiff};

use crate::Evidence;

/// Judges the clients after they disconnected and the server after it was stopped.
pub(crate) fn leave_no_trace(evidence: &Evidence) -> CheckOutcome {
    let watched = evidence
        .facts
        .clients
        .iter()
        .map(|name| (name, Phase::AfterDisconnect))
        .chain(std::iter::once((&evidence.facts.server, Phase::AfterStop)));
    let mut compared = 0;
    for (name, phase) in watched {
        let (Some(before), Some(after)) = (evidence.node(&Phase::Before, name), evidence.node(&phase, name)) else {
            continue;
        };
        compared += 1;
        if let Some(difference) = difference(before, after) {
            return CheckOutcome::fail(format!("{name} is not as before: {difference}"));
        }
    }
    if compared == 0 {
        return CheckOutcome::invalid("there is no snapshot of before and after to compare");
    }
    CheckOutcome::pass(format!("{compared} nodes are as before"))
}

/// The first difference in words; process ids do not count.
fn difference(before: &NodeSnapshot, after: &NodeSnapshot) -> Option<String> {
    let debug = |items: &dyn std::fmt::Debug| format!("{items:#?}");
    let names = |node: &NodeSnapshot| node.processes.iter().map(|process| process.name.clone()).collect::<Vec<_>>();
    let parts: [(&str, String, String); 7] = [
        ("interfaces", debug(&before.interfaces), debug(&after.interfaces)),
        ("addresses", lines(&before.addresses), lines(&after.addresses)),
        ("routes", lines(&before.routes), lines(&after.routes)),
        ("rules", lines(&before.rules), lines(&after.rules)),
        ("resolver", before.resolver.clone(), after.resolver.clone()),
        ("files below /etc", debug(&before.changed_files), debug(&after.changed_files)),
        ("processes", debug(&names(before)), debug(&names(after))),
    ];
    parts.into_iter().find(|(_, before, after)| before != after).map(|(what, before, after)| {
        let diff = TextDiff::from_lines(&before, &after);
        let changes: Vec<String> = diff
            .iter_all_changes()
            .filter_map(|change| match change.tag() {
                ChangeTag::Delete => Some(format!("-{}", change.value().trim())),
                ChangeTag::Insert => Some(format!("+{}", change.value().trim())),
                ChangeTag::Equal => None,
            })
            .take(4)
            .collect();
        format!("{what}: {}", changes.join(" "))
    })
}

fn lines<T: std::fmt::Debug>(items: &[T]) -> String {
    items.iter().map(|item| format!("{item:?}\n")).collect()
}

#[cfg(test)]
mod tests {
    use interop_evidence::{Facts, ProcessEntry, Verdict};

    use super::*;

    fn evidence(after: NodeSnapshot) -> Evidence {
        let before = NodeSnapshot { node: "client".into(), resolver: "nameserver 1.1.1.1\n".into(), ..after.clone() };
        let before = NodeSnapshot { processes: Vec::new(), ..before };
        Evidence {
            snapshots: [(Phase::Before, vec![before]), (Phase::AfterDisconnect, vec![after])].into(),
            facts: Facts { clients: vec!["client".into()], server: "gateway".into(), ..Facts::default() },
            ..Evidence::default()
        }
    }

    fn clean() -> NodeSnapshot {
        NodeSnapshot { node: "client".into(), resolver: "nameserver 1.1.1.1\n".into(), ..NodeSnapshot::default() }
    }

    #[test]
    fn equal_passes() {
        assert_eq!(leave_no_trace(&evidence(clean())).verdict, Verdict::Pass);
    }

    #[test]
    fn resolver_and_process_left_behind_fail() {
        let outcome = leave_no_trace(&evidence(NodeSnapshot { resolver: "nameserver 9.9.9.9\n".into(), ..clean() }));
        assert_eq!(outcome.verdict, Verdict::Fail);
        assert!(outcome.message.contains("+nameserver 9.9.9.9"), "{}", outcome.message);
        let process = ProcessEntry { pid: 7, name: "openvpn".into() };
        let outcome = leave_no_trace(&evidence(NodeSnapshot { processes: vec![process], ..clean() }));
        assert!(outcome.message.contains("processes: "), "{}", outcome.message);
    }

    #[test]
    fn without_snapshots_there_is_no_answer() {
        assert_eq!(leave_no_trace(&Evidence::default()).verdict, Verdict::Invalid);
    }
}
