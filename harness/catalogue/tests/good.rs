//! A catalogue without mistakes, and what it means.

use std::{path::PathBuf, time::Duration};

use interop_catalogue::{Catalogue, FaultAction, LoadOptions, Mtu, Section, Side, Step, TransportWanted, schemas};

fn good() -> Catalogue {
    Catalogue::load(&LoadOptions { builtin: false, overlays: vec![PathBuf::from("tests/good")] }).expect("no mistakes")
}

#[test]
fn the_repository_s_catalogue_has_no_mistakes() {
    if let Err(errors) = Catalogue::load(&LoadOptions::default()) {
        panic!("{:?}", miette::Report::new(errors));
    }
    let folder = PathBuf::from("../../scenarios");
    Catalogue::load(&LoadOptions { builtin: false, overlays: vec![folder] }).unwrap();
}

#[test]
fn cells_are_the_product_of_the_axes() {
    let keys: Vec<String> = good().scenarios["udp-blocked-mid-session"].cells().iter().map(|cell| cell.key()).collect();
    assert_eq!(keys, ["dpd=3s,mtu=1300", "dpd=3s,mtu=1400", "dpd=10s,mtu=1300", "dpd=10s,mtu=1400"]);
    assert_eq!(good().scenarios["bad-certificate"].cells()[0].key(), "");
}

#[test]
fn expressions_have_a_value_in_each_cell() {
    let catalogue = good();
    let scenario = &catalogue.scenarios["udp-blocked-mid-session"];
    let limits: Vec<Duration> = scenario
        .cells()
        .iter()
        .flat_map(|cell| scenario.steps.iter().map(move |step| (cell, step)))
        .filter_map(|(cell, step)| match &step.value {
            Step::Expect(interop_catalogue::Condition::Transport(expect))
                if expect.transport == TransportWanted::Tls =>
            {
                Some(expect.within.eval(cell).unwrap())
            }
            _ => None,
        })
        .collect();
    assert_eq!(limits, [9, 9, 23, 23].map(Duration::from_secs));
}

#[test]
fn included_steps_come_first_and_own_settings_win() {
    let catalogue = good();
    let scenario = &catalogue.scenarios["udp-blocked-mid-session"];
    assert_eq!(scenario.steps[0].to_string(), "connect within 10s");
    assert_eq!(scenario.steps[0].at.source().path, PathBuf::from("tests/good/cases/parts/common.yaml"));
    assert_eq!(scenario.settings["tunnel"].text, "split");
    assert_eq!(scenario.settings["user"].text, "alice");
    assert_eq!(scenario.always.len(), 3);
}

#[test]
fn a_fault_becomes_an_action() {
    let catalogue = good();
    let scenario = &catalogue.scenarios["udp-blocked-mid-session"];
    let cell = &scenario.cells()[1];
    let actions: Vec<FaultAction> = scenario
        .steps
        .iter()
        .filter_map(|step| match &step.value {
            Step::Fault(step) => Some(catalogue.faults[step.fault.as_str()].resolve(step, cell).unwrap()),
            _ => None,
        })
        .collect();
    let [FaultAction::Nft(block), FaultAction::Wire(small)] = actions.as_slice() else { panic!("{actions:?}") };
    assert_eq!(block.node.as_str(), "isp");
    assert!(block.rules.contains("udp dport != 53"));
    assert_eq!((small.link.as_str(), small.mtu), ("home-wan", Some(Mtu(1400))));
}

#[test]
fn a_peer_is_laid_on_what_it_extends() {
    let catalogue = good();
    let peer = &catalogue.peers["ocserv-no-dtls"];
    assert_eq!(peer.capabilities.iter().map(|name| name.as_str()).collect::<Vec<_>>(), ["tls", "ipv6-inside"]);
    assert_eq!(peer.defaults.len(), 2);
    assert_eq!(peer.files["ocserv.conf"].as_str(), "tcp-port = 443\n");
    assert_eq!(peer.args_append.iter().map(|arg| arg.as_str()).collect::<Vec<_>>(), ["-d", "2", "-x"]);
    assert!(peer.can_be(Side::Server) && !peer.can_be(Side::Client));
    assert_eq!(peer.exit_codes[&2], "authentication failed");
    assert_eq!(peer.shared_protocol(&catalogue.peers["ocserv"]).unwrap().as_str(), "anyconnect");
}

#[test]
fn a_suite_chooses() {
    let catalogue = good();
    let ids: Vec<&str> =
        catalogue.scenarios_of(&catalogue.suites["smoke"]).map(|scenario| scenario.id.as_str()).collect();
    assert_eq!(ids, ["udp-blocked-mid-session"]);
}

#[test]
fn stories_are_told() {
    let catalogue = good();
    insta::assert_snapshot!("explain-scenario", catalogue.explain("udp-blocked-mid-session").unwrap());
    insta::assert_snapshot!("explain-topology", catalogue.explain("double-nat").unwrap());
    insta::assert_snapshot!("explain-peer", catalogue.explain("ocserv-no-dtls").unwrap());
    for id in ["udp-blocked", "smoke", "bad-certificate"] {
        assert!(catalogue.explain(id).unwrap().starts_with(id));
    }
    assert_eq!(catalogue.explain("dubble-nat").unwrap_err().hint(), Some("did you mean `double-nat`?"));
    assert_eq!(catalogue.list(Section::Cases).len(), 2);
}

#[test]
fn editors_accept_what_the_loader_accepts() {
    for (name, schema) in schemas() {
        let validator = jsonschema::validator_for(&schema).unwrap();
        let folder = if name == "capabilities" { continue } else { PathBuf::from("tests/good").join(name) };
        for file in std::fs::read_dir(folder).unwrap() {
            let path = file.unwrap().path();
            if path.is_dir() {
                continue;
            }
            let text = std::fs::read_to_string(&path).unwrap();
            let value: serde_json::Value = serde_saphyr::from_str(&text).unwrap();
            let errors: Vec<String> =
                validator.iter_errors(&value).map(|error| format!("{}: {error}", error.instance_path())).collect();
            assert!(errors.is_empty(), "{}: {errors:#?}", path.display());
        }
    }
}
