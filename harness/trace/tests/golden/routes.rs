//! Addresses, routes and resolver.

use std::path::PathBuf;

use interop_evidence::{AddressEntry, Facts, NodeSnapshot, Phase, ProcessEntry, RouteEntry, RuleEntry, Trace, View};
use interop_trace::{Cell, Goldens, Phases, compare, route_phases};

use super::lab::{SLACK, apply, cell, read, shown};

fn route(to: &str, via: Option<&str>, interface: &str) -> RouteEntry {
    RouteEntry {
        to: to.into(),
        via: via.map(|via| via.parse().unwrap()),
        interface: Some(interface.into()),
        metric: None,
        table: 254,
        kind: "unicast".into(),
    }
}

fn address(interface: &str, address: &str, prefix: u8) -> AddressEntry {
    AddressEntry { interface: interface.into(), address: address.parse().unwrap(), prefix }
}

fn client() -> NodeSnapshot {
    NodeSnapshot {
        node: "client".into(),
        interfaces: [("lan".to_owned(), 1500), ("lo".to_owned(), 65536)].into_iter().collect(),
        addresses: vec![address("lan", "192.168.7.2", 24), address("lo", "127.0.0.1", 8), address("lo", "::1", 128)],
        routes: vec![route("0.0.0.0/0", Some("192.168.7.1"), "lan"), route("192.168.7.0/24", None, "lan")],
        rules: vec![RuleEntry { family: 4, priority: 0, text: "ToTable Table(255)".into() }],
        resolver: "# made by hand\nnameserver 203.0.113.53\noptions  timeout:2\n".into(),
        ..NodeSnapshot::default()
    }
}

/// With the tunnel; `hash` is what the server makes of the session.
fn connected(hash: &str) -> NodeSnapshot {
    let mut node = client();
    node.interfaces.insert("tun0".into(), 1434);
    node.addresses.push(address("tun0", "10.30.0.50", 32));
    node.addresses.push(address("tun0", &format!("fd30::{hash}"), 128));
    node.addresses.push(address("tun0", "fe80::a66:d53f:ee5:86ae", 64));
    node.routes.push(route("10.20.0.0/24", None, "tun0"));
    node.routes.push(RouteEntry { metric: Some(256), ..route(&format!("fd30::{hash}/128"), None, "tun0") });
    node.routes.push(RouteEntry { table: 77, kind: "blackhole".into(), ..route("::/0", None, "tun0") });
    node.routes.push(route("fe80::/64", None, "tun0"));
    node.resolver = "search corp.test\nnameserver 10.20.0.10\nnameserver 10.20.0.11\n".into();
    node.processes = vec![ProcessEntry { pid: 28, name: "openconnect".into() }];
    node
}

fn seen(node: NodeSnapshot) -> Phases {
    let facts = Facts { clients: vec!["client".into()], server: "gateway".into(), ..Facts::default() };
    let other = NodeSnapshot { node: "isp".into(), ..client() };
    let snapshots = [
        (Phase::Before, vec![client(), other]),
        (Phase::Connected, vec![node]),
        (Phase::AfterFault("block".into()), vec![client()]),
        (Phase::AfterFault("block".into()), vec![client()]),
    ];
    route_phases(&snapshots, &facts)
}

#[test]
fn all_of_the_first_and_what_differs_later() {
    assert_eq!(
        shown(&seen(connected("9a7c:c09f:b76e:58ef"))),
        "\
--- before
client address 192.168.7.2/24 on lan
client resolver nameserver 203.0.113.53
client resolver options timeout:2
client route 192.168.7.0/24 on lan
client route default IPv4 via 192.168.7.1 on lan
client rule IPv4 0 ToTable Table(255)
--- connected
- client resolver nameserver 203.0.113.53
- client resolver options timeout:2
+ client address 10.30.0.50/32 on tun0
+ client address POOL#1/128 on tun0
+ client resolver nameserver 10.20.0.10 (1 of 2)
+ client resolver nameserver 10.20.0.11 (2 of 2)
+ client resolver search corp.test
+ client route 10.20.0.0/24 on tun0
+ client route POOL#1/128 on tun0 metric 256
+ client route default IPv6 blackhole on tun0 table 77
+ client tunnel tun0 mtu 1434
",
        "what is seen right behind a fault is chance"
    );
    assert_eq!(seen(connected("9a7c:c09f:b76e:58ef")), seen(connected("1:2:3:4")));
    assert_eq!(route_phases(&[], &Facts::default()), Phases::default());
}

#[test]
fn a_missing_route_and_another_resolver_are_found() {
    let cell = cell("openconnect", "ocserv");
    let mut files = Vec::new();
    let good = seen(connected("9a7c:c09f:b76e:58ef"));
    apply(&mut files, &Goldens::default().accept(View::Routes, &[(cell.clone(), good.clone())], "a test"));
    let golden = read(&files).of(&cell, View::Routes).unwrap();
    let difference = |node: NodeSnapshot| compare(&golden, &seen(node), &Trace::default(), SLACK);
    assert_eq!(compare(&golden, &good, &Trace::default(), SLACK), None);
    let mut without = connected("9a7c:c09f:b76e:58ef");
    without.routes.retain(|route| route.to != "10.20.0.0/24");
    let found = difference(without).unwrap();
    assert_eq!((found.phase.as_str(), found.frame, found.wire.as_str()), ("connected", 0, ""));
    let message = "in phase `connected`: expected `+ client route 10.20.0.0/24 on tun0`, but it did not come\n";
    assert!(found.message.starts_with(message), "{}", found.message);
    let mut other = connected("9a7c:c09f:b76e:58ef");
    other.resolver = other.resolver.replace("10.20.0.11", "203.0.113.53");
    let message = "expected `+ client resolver nameserver 10.20.0.11 (2 of 2)`, but `+ client resolver nameserver \
                   203.0.113.53 (2 of 2)` came\n";
    let found = difference(other).unwrap().message;
    assert!(found.contains(message), "{found}");
}

#[test]
fn a_pair_that_nobody_has_seen_has_no_golden() {
    let seen_pair = cell("openconnect", "ocserv");
    let mut files = Vec::new();
    let good = seen(connected("9a7c:c09f:b76e:58ef"));
    apply(&mut files, &Goldens::default().accept(View::Routes, &[(seen_pair.clone(), good)], "a test"));
    let goldens = read(&files);
    assert!(goldens.of(&seen_pair, View::Routes).is_some());
    assert_eq!(goldens.of(&cell("mine", "ocserv"), View::Routes), None);
    assert_eq!(goldens.of(&cell("openconnect", "mine"), View::Routes), None);
}

/// The route that an old script adds for each resolver, said once for all scenarios.
const ADDED: &str = "\
# golden trace: any-scenario, view routes
for: openconnect <9.1 x *
reason: its script adds a route for each resolver
--- connected
+ client route 10.20.0.10/32 on tun0
";

fn with_the_added_route() -> Phases {
    let mut node = connected("9a7c:c09f:b76e:58ef");
    node.routes.push(route("10.20.0.10/32", None, "tun0"));
    seen(node)
}

#[test]
fn what_an_old_version_shows_in_any_scenario_is_allowed_to_it_alone() {
    let (now, old) = (cell("openconnect", "ocserv"), version("8.10"));
    let mut files = vec![(PathBuf::from("any-scenario/routes@old.golden"), ADDED.to_owned())];
    let usual = seen(connected("9a7c:c09f:b76e:58ef"));
    let accepted = read(&files).accept(View::Routes, &[(now.clone(), usual.clone())], "a test");
    apply(&mut files, &accepted);
    let goldens = read(&files);
    let differs = |cell, phases: &Phases| {
        compare(&goldens.of(cell, View::Routes).unwrap(), phases, &Trace::default(), SLACK).map(|found| found.seen)
    };
    assert_eq!(differs(&old, &with_the_added_route()), None);
    assert_eq!(differs(&old, &usual), None, "it may, and need not");
    let added = Some(Some("+ client route 10.20.0.10/32 on tun0".to_owned()));
    assert_eq!(differs(&now, &with_the_added_route()), added, "a newer one may not");

    let mut elsewhere = with_the_added_route();
    elsewhere.phases[0].lines.push(("+ client route 10.20.0.10/32 on tun0".to_owned(), 0));
    assert_eq!(differs(&old, &elsewhere), added, "nor may an old one in another phase");

    let unchanged = goldens.accept(View::Routes, &[(old, with_the_added_route())], "again");
    assert!(unchanged.is_empty(), "{unchanged:?}");
    assert!(goldens.stale(&[(now.scenario, vec![View::Routes])]).is_empty());
}

#[test]
fn what_a_golden_asks_for_must_come_even_if_any_scenario_may_show_it() {
    let old = version("8.10");
    let mut files = Vec::new();
    apply(&mut files, &Goldens::default().accept(View::Routes, &[(old.clone(), with_the_added_route())], "a test"));
    files.push(("any-scenario/routes@old.golden".into(), ADDED.to_owned()));
    let golden = read(&files).of(&old, View::Routes).unwrap();
    assert_eq!(compare(&golden, &with_the_added_route(), &Trace::default(), SLACK), None);
    let missing = compare(&golden, &seen(connected("9a7c:c09f:b76e:58ef")), &Trace::default(), SLACK).unwrap();
    assert_eq!(missing.expected.as_deref(), Some("+ client route 10.20.0.10/32 on tun0"));
}

fn version(client: &str) -> Cell {
    Cell { client_version: client.into(), ..cell("openconnect", "ocserv") }
}
