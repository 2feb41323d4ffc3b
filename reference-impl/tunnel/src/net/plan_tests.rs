use super::super::change::NextHop;
use super::super::underlay::KnownRoute;
use super::*;

fn net(text: &str) -> IpNet {
    text.parse().unwrap()
}

fn nets(list: &[&str]) -> Vec<IpNet> {
    list.iter().map(|text| net(text)).collect()
}

fn hop(via: Option<&str>) -> NextHop {
    NextHop { via: via.map(|via| via.parse().unwrap()), device: "eth0".to_owned(), index: 2 }
}

fn known(to: &str, hop: Option<NextHop>) -> KnownRoute {
    KnownRoute { to: net(to), unreachable: hop.is_none(), hop, metric: 0, usable: true }
}

fn underlay() -> Underlay {
    Underlay {
        device_index: 9,
        gateway: Some(hop(Some("192.168.1.1"))),
        gateway_is_local: false,
        outside: Vec::new(),
        routes: vec![known("0.0.0.0/0", Some(hop(Some("192.168.1.1")))), known("192.168.1.0/24", Some(hop(None)))],
    }
}

fn plan() -> NetPlan {
    NetPlan {
        device: "tun0".to_owned(),
        mtu: 1400,
        addresses: nets(&["10.9.0.5/24"]),
        include: Vec::new(),
        exclude: Vec::new(),
        gateway: "203.0.113.1".parse().unwrap(),
        dns: Vec::new(),
        search: Vec::new(),
        split_dns: Vec::new(),
        block_ipv6: false,
        block_ipv4: false,
    }
}

fn words(plan: &NetPlan, underlay: &Underlay, defects: &[Mutant]) -> Vec<String> {
    let defects = defects.iter().copied().collect();
    plan.changes(underlay, defects).changes.iter().map(ToString::to_string).collect()
}

#[test]
fn full_tunnel_keeps_the_old_default_and_the_gateway() {
    let plan = NetPlan { dns: vec!["10.9.0.1".parse().unwrap()], block_ipv6: true, ..plan() };
    assert_eq!(
        words(&plan, &underlay(), &[]),
        [
            "route 203.0.113.1/32 via 192.168.1.1 dev eth0",
            "unreachable route ::/1",
            "unreachable route 8000::/1",
            "device tun0 up with MTU 1400",
            "address 10.9.0.5/24 on tun0",
            "route 0.0.0.0/1 via tun0",
            "route 128.0.0.0/1 via tun0",
            "resolver 10.9.0.1",
        ]
    );
}

#[test]
fn full_tunnel_of_both_families() {
    let plan = NetPlan { addresses: nets(&["10.9.0.5/32", "fd00:9::5/64"]), block_ipv6: true, ..plan() };
    let words = words(&plan, &underlay(), &[]);
    assert_eq!(
        words[4..],
        ["route 0.0.0.0/1 via tun0", "route 128.0.0.0/1 via tun0", "route ::/1 via tun0", "route 8000::/1 via tun0"]
    );
    assert!(!words.iter().any(|line| line.contains("unreachable")));
}

#[test]
fn split_tunnel_with_host_bits_and_doubles() {
    let plan = NetPlan {
        include: nets(&["10.1.2.3/16", "10.1.0.0/16", "fd00:1::/32", "172.16.0.1/32"]),
        dns: vec!["10.1.0.53".parse().unwrap(), "10.77.0.53".parse().unwrap(), "fd00:77::53".parse().unwrap()],
        ..plan()
    };
    let planned = plan.changes(&underlay(), Defects::NONE);
    let words: Vec<String> = planned.changes.iter().map(ToString::to_string).collect();
    assert_eq!(
        words,
        [
            "route 203.0.113.1/32 via 192.168.1.1 dev eth0",
            "device tun0 up with MTU 1400",
            "address 10.9.0.5/24 on tun0",
            "route 10.1.0.0/16 via tun0",
            "route 172.16.0.1/32 via tun0",
            "route 10.77.0.53/32 via tun0",
            "resolver 10.1.0.53 10.77.0.53 fd00:77::53",
        ]
    );
    assert_eq!(planned.notes, ["include fd00:1::/32: the tunnel has no address of this family"]);
}

#[test]
fn a_default_route_that_is_pushed_is_two_halves() {
    let plan = NetPlan { include: nets(&["0.0.0.0/0"]), ..plan() };
    assert_eq!(words(&plan, &underlay(), &[])[3..], ["route 0.0.0.0/1 via tun0", "route 128.0.0.0/1 via tun0"]);
}

#[test]
fn an_included_network_that_the_machine_is_in() {
    let plan = NetPlan { include: nets(&["192.168.1.0/24"]), ..plan() };
    assert_eq!(
        words(&plan, &underlay(), &[])[3..],
        ["route 192.168.1.0/25 via tun0", "route 192.168.1.128/25 via tun0"]
    );
}

#[test]
fn a_gateway_that_is_included_stays_outside() {
    let plan = NetPlan { include: nets(&["203.0.113.1/32", "203.0.113.0/24"]), ..plan() };
    assert_eq!(words(&plan, &underlay(), &[])[3..], ["route 203.0.113.0/24 via tun0"]);
}

#[test]
fn a_resolver_in_a_pool_that_overlaps_the_lan_has_a_route_of_its_own() {
    let dns = vec!["192.168.1.53".parse().unwrap()];
    let plan = NetPlan { addresses: nets(&["192.168.1.200/24"]), include: nets(&["10.1.0.0/16"]), dns, ..plan() };
    assert!(words(&plan, &underlay(), &[]).contains(&"route 192.168.1.53/32 via tun0".to_owned()));
    let elsewhere =
        NetPlan { addresses: nets(&["192.168.2.200/24"]), dns: vec!["192.168.2.53".parse().unwrap()], ..plan };
    assert!(!words(&elsewhere, &underlay(), &[]).iter().any(|line| line.starts_with("route 192.168.2.53")));
}

#[test]
fn excluded_networks_go_the_old_way() {
    let plan = NetPlan {
        exclude: nets(&["198.51.100.0/24", "0.0.0.0/32", "fd00:2::/32", "192.168.1.0/24"]),
        include: nets(&["198.51.100.0/24", "198.51.0.0/16"]),
        ..plan()
    };
    let mut underlay = underlay();
    underlay.outside.push((net("198.51.100.0/24"), hop(Some("192.168.1.1"))));
    underlay.outside.push((net("192.168.1.0/24"), hop(None)));
    let planned = plan.changes(&underlay, Defects::NONE);
    let words: Vec<String> = planned.changes.iter().map(ToString::to_string).collect();
    assert_eq!(words[1], "route 198.51.100.0/24 via 192.168.1.1 dev eth0");
    assert_eq!(words[4..], ["route 198.51.0.0/16 via tun0"]);
    assert_eq!(
        planned.notes,
        [
            "exclude 0.0.0.0/32: the local networks stay outside without a route",
            "exclude fd00:2::/32: no path to it outside of the tunnel",
            "route 192.168.1.0/24 via eth0: it is there",
            "include 198.51.100.0/24: it is excluded, too",
        ]
    );
}

#[test]
fn a_host_route_that_is_there_is_left_to_its_owner() {
    let mut underlay = underlay();
    underlay.routes.push(known("203.0.113.1/32", Some(hop(Some("192.168.1.1")))));
    assert!(!words(&plan(), &underlay, &[]).iter().any(|line| line.contains("203.0.113.1")));
}

#[test]
fn gateways_without_a_path_or_on_this_machine() {
    let local = Underlay { gateway: None, gateway_is_local: true, ..underlay() };
    let planned = plan().changes(&local, Defects::NONE);
    assert_eq!(planned.notes, ["gateway 203.0.113.1: an address of this machine"]);
    let none = Underlay { gateway: None, ..underlay() };
    assert_eq!(
        plan().changes(&none, Defects::NONE).notes,
        ["gateway 203.0.113.1: no path to it is known, no host route made"]
    );
}

#[test]
fn ipv6_that_does_not_fit_into_the_mtu_does_not_leak() {
    let plan = NetPlan { mtu: 1279, addresses: nets(&["10.9.0.5/24", "fd00:9::5/64"]), ..plan() };
    let words = words(&plan, &underlay(), &[]);
    assert!(words.contains(&"unreachable route ::/1".to_owned()) && !words.iter().any(|line| line.contains("fd00")));
}

#[test]
fn an_ipv6_gateway_stays_reachable_beside_the_block() {
    let plan = NetPlan { gateway: "2001:db8::1".parse().unwrap(), block_ipv6: true, ..plan() };
    let words = words(&plan, &Underlay { gateway: Some(hop(Some("fe80::1"))), ..underlay() }, &[]);
    assert_eq!(words[..2], ["route 2001:db8::1/128 via fe80::1 dev eth0", "unreachable route ::/1"]);
}

#[test]
fn three_resolvers_each_once() {
    let servers = ["10.9.0.1", "10.9.0.1", "10.9.0.2", "fd00::3", "10.9.0.4"];
    let plan = NetPlan { dns: servers.iter().map(|text| text.parse().unwrap()).collect(), ..plan() };
    assert_eq!(words(&plan, &underlay(), &[]).last().unwrap(), "resolver 10.9.0.1 10.9.0.2 fd00::3");
    let plan = NetPlan { split_dns: vec!["corp.example".to_owned()], ..plan };
    assert_eq!(words(&plan, &underlay(), &[]).last().unwrap(), "resolver 10.9.0.1 10.9.0.2 fd00::3 for corp.example");
}

#[test]
fn defects_change_exactly_what_they_say() {
    let full = NetPlan { dns: vec!["10.9.0.1".parse().unwrap()], block_ipv6: true, ..plan() };
    let split = NetPlan { include: nets(&["10.1.0.0/16", "10.2.0.0/16"]), ..full.clone() };
    let lost = |plan: &NetPlan, mutant: Mutant| {
        let honest = words(plan, &underlay(), &[]);
        let broken = words(plan, &underlay(), &[mutant]);
        honest.into_iter().filter(|line| !broken.contains(line)).collect::<Vec<_>>()
    };
    assert_eq!(lost(&full, Mutant::ForgetsARoute), ["route 128.0.0.0/1 via tun0"]);
    assert_eq!(lost(&split, Mutant::ForgetsARoute), ["route 10.2.0.0/16 via tun0"]);
    assert_eq!(lost(&full, Mutant::LeaksDns), ["resolver 10.9.0.1"]);
    assert_eq!(lost(&full, Mutant::LeaksIpv6), ["unreachable route ::/1", "unreachable route 8000::/1"]);
    assert_eq!(lost(&full, Mutant::WrongMtu), ["device tun0 up with MTU 1400"]);
    for mutant in [Mutant::LeavesRoutesBehind, Mutant::LeavesResolverBehind] {
        assert_eq!(lost(&full, mutant), Vec::<String>::new());
    }
}

#[test]
fn the_wrong_mtu_is_wrong_for_every_plan() {
    let wrong: Defects = [Mutant::WrongMtu].into_iter().collect();
    for (mtu, expected) in [(1280, 1500), (1400, 1500), (1450, 1550), (u16::MAX, u16::MAX)] {
        let plan = NetPlan { mtu, ..plan() };
        assert_eq!(plan.device_mtu(wrong), expected);
        assert_eq!(plan.device_mtu(Defects::NONE), mtu);
    }
}
