//! `no-leak`: what belongs into the tunnel must not be seen outside in clear (AC-NET-06..09).

use std::net::IpAddr;

use interop_evidence::{CheckOutcome, EventKind, LeakWatch, Micros, OuterFlow, Phase};

use crate::Evidence;

/// Port of DNS.
const DNS: u16 = 53;

/// Judges by the scenario's `leak-watch`.
pub(crate) fn no_leak(evidence: &Evidence) -> CheckOutcome {
    let facts = &evidence.facts;
    if facts.leak_watch == LeakWatch::Off {
        return CheckOutcome::invalid("the scenario asks for no-leak but says nothing in `leak-watch`");
    }
    let Some((up, down)) = tunnel_time(evidence) else {
        // Whether there should have been a tunnel is for the scenario's steps to say.
        return CheckOutcome::pass("the tunnel was never up, so nothing could leak");
    };
    if evidence.flows.is_empty() {
        return CheckOutcome::invalid("no packet was seen on an outside wire, so nothing was watched");
    }
    let while_up = |flow: &&OuterFlow| flow.last > up && flow.first < down;
    let mut leaks: Vec<String> =
        evidence.flows.iter().filter(while_up).filter_map(|flow| inside_in_clear(evidence, flow)).collect();
    if facts.leak_watch == LeakWatch::Full {
        leaks.extend(evidence.flows.iter().filter(while_up).filter_map(|flow| beside_the_tunnel(evidence, flow)));
    }
    leaks.sort();
    leaks.dedup();
    match leaks.as_slice() {
        [] => CheckOutcome::pass(format!("{} flows watched, nothing leaked", evidence.flows.len())),
        [one] => CheckOutcome::fail(format!("leak: {one}")),
        [first, rest @ ..] => CheckOutcome::fail(format!("leak: {first}, and {} more", rest.len())),
    }
}

/// From the first time that the tunnel was up to the moment at which the client was told to leave.
fn tunnel_time(evidence: &Evidence) -> Option<(Micros, Micros)> {
    let up = evidence
        .timeline
        .first(|kind| matches!(kind, EventKind::SnapshotTaken { phase: Phase::Connected }))
        .map(|event| event.at)?;
    let down = evidence
        .timeline
        .last(|kind| matches!(kind, EventKind::StepStarted { text } if text.starts_with("disconnect")))
        .map_or(Micros(u64::MAX), |event| event.at);
    Some((up, down))
}

/// A packet to an inside network, or a question about an inside name, on an outside wire.
fn inside_in_clear(evidence: &Evidence, flow: &OuterFlow) -> Option<String> {
    let facts = &evidence.facts;
    let what = if facts.inside_networks.iter().any(|network| network.contains(&flow.to)) {
        format!("{} to inside address {}", flow.protocol, flow.to)
    } else {
        let suffix = format!(".{}", facts.inside_domain);
        let name = flow.names.iter().find(|name| {
            let name = name.trim_end_matches('.').to_ascii_lowercase();
            !facts.inside_domain.is_empty() && (name == facts.inside_domain || name.ends_with(&suffix))
        })?;
        format!("DNS query for inside name {name} to {}", flow.to)
    };
    Some(format!("{what} on wire {}, frame {}", flow.wire, flow.first_frame))
}

/// A packet of the client that goes neither to the gateway nor to its own link.
fn beside_the_tunnel(evidence: &Evidence, flow: &OuterFlow) -> Option<String> {
    let facts = &evidence.facts;
    let own = facts.client_wires.contains(&flow.wire) && facts.client_addresses.contains(&flow.from);
    if !own || facts.server_addresses.contains(&flow.to) || is_link_local(flow.to) {
        return None;
    }
    let what = match flow.port {
        Some(DNS) => format!("DNS query for {} to {}", flow.names.join(", "), flow.to),
        Some(port) => format!("{} to {} port {port}", flow.protocol, flow.to),
        None => format!("{} to {}", flow.protocol, flow.to),
    };
    Some(format!("{what} on wire {}, frame {}", flow.wire, flow.first_frame))
}

fn is_link_local(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => address.is_link_local() || address.is_multicast() || address.is_broadcast(),
        IpAddr::V6(address) => address.is_unicast_link_local() || address.is_multicast(),
    }
}

#[cfg(test)]
mod tests {
    use interop_evidence::{Event, Facts, Timeline, Verdict};

    use super::*;

    fn flow(from: &str, to: &str, port: u16, names: &[&str]) -> OuterFlow {
        OuterFlow {
            wire: "access".into(),
            from: from.parse().unwrap(),
            to: to.parse().unwrap(),
            protocol: "udp".into(),
            port: Some(port),
            source_port: Some(40_000),
            names: names.iter().map(|name| (*name).to_owned()).collect(),
            frames: 1,
            first: Micros(20),
            last: Micros(20),
            first_frame: 9,
        }
    }

    fn evidence(watch: LeakWatch, flows: Vec<OuterFlow>) -> Evidence {
        let event = |at, kind| Event { at: Micros(at), step: None, kind };
        Evidence {
            timeline: Timeline {
                events: vec![
                    event(10, EventKind::SnapshotTaken { phase: Phase::Connected }),
                    event(30, EventKind::StepStarted { text: "disconnect".into() }),
                ],
            },
            flows,
            facts: Facts {
                leak_watch: watch,
                client_wires: vec!["access".into()],
                client_addresses: vec!["192.168.7.2".parse().unwrap()],
                server_addresses: vec!["198.51.100.10".parse().unwrap()],
                inside_networks: vec!["10.20.0.0/24".parse().unwrap()],
                inside_domain: "corp.test".into(),
                ..Facts::default()
            },
            ..Evidence::default()
        }
    }

    #[test]
    fn tunnel_traffic_is_no_leak() {
        let tunnel = flow("192.168.7.2", "198.51.100.10", 443, &[]);
        assert_eq!(no_leak(&evidence(LeakWatch::Full, vec![tunnel])).verdict, Verdict::Pass);
    }

    #[test]
    fn inside_name_outside_is_a_leak_in_both_modes() {
        let query = flow("192.168.7.2", "203.0.113.53", 53, &["intranet.corp.test"]);
        for watch in [LeakWatch::Split, LeakWatch::Full] {
            let outcome = no_leak(&evidence(watch, vec![query.clone()]));
            assert_eq!(outcome.verdict, Verdict::Fail);
            assert!(outcome.message.contains("intranet.corp.test") && outcome.message.contains("frame 9"));
        }
    }

    #[test]
    fn a_similar_name_is_not_inside() {
        let query = flow("192.168.7.2", "203.0.113.53", 53, &["notcorp.test"]);
        assert_eq!(no_leak(&evidence(LeakWatch::Split, vec![query])).verdict, Verdict::Pass);
    }

    #[test]
    fn other_traffic_leaks_only_in_full_mode_and_only_while_up() {
        let web = flow("192.168.7.2", "203.0.113.80", 80, &[]);
        assert_eq!(no_leak(&evidence(LeakWatch::Split, vec![web.clone()])).verdict, Verdict::Pass);
        assert_eq!(no_leak(&evidence(LeakWatch::Full, vec![web.clone()])).verdict, Verdict::Fail);
        let before = OuterFlow { first: Micros(1), last: Micros(9), ..web.clone() };
        assert_eq!(no_leak(&evidence(LeakWatch::Full, vec![before])).verdict, Verdict::Pass);
        let after = OuterFlow { first: Micros(31), last: Micros(40), ..web };
        assert_eq!(no_leak(&evidence(LeakWatch::Full, vec![after])).verdict, Verdict::Pass);
    }

    #[test]
    fn nothing_watched_is_invalid() {
        assert_eq!(no_leak(&evidence(LeakWatch::Full, vec![])).verdict, Verdict::Invalid);
        assert_eq!(no_leak(&evidence(LeakWatch::Off, vec![])).verdict, Verdict::Invalid);
        assert_eq!(no_leak(&Evidence::default()).verdict, Verdict::Invalid, "leak-watch is off");
    }

    #[test]
    fn without_a_tunnel_nothing_leaks() {
        let query = flow("192.168.7.2", "203.0.113.53", 53, &["intranet.corp.test"]);
        let mut evidence = evidence(LeakWatch::Full, vec![query]);
        assert_eq!(no_leak(&evidence).verdict, Verdict::Fail);
        evidence.timeline.events.clear();
        assert_eq!(no_leak(&evidence).verdict, Verdict::Pass);
    }
}
