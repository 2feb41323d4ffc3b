//! Which cells a selection makes, on a catalogue whose programs are all there.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use interop_catalogue::{Catalogue, LoadOptions};
use tempfile::TempDir;

use super::{CellFate, PeerArgument, Selection, plan};

/// A catalogue with two clients and two servers, one of each imitating a product, and one defect.
fn catalogue() -> (Catalogue, TempDir) {
    let folder = TempDir::new().unwrap();
    let program = folder.path().join("program");
    fs::write(&program, "#!/bin/sh\n").unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    let search = folder.path().display();
    let peer = |id: &str, role: &str, more: &str| {
        let sign = if role == "client" { "connected-when: {log: up}" } else { "ready-when: {log: ready}" };
        format!(
            "id: {id}\ntitle: x\nroles: [{role}]\nprotocols: [p]\nbinary: {{name: program, search: [\"{search}\"]}}\n\
             capabilities: [tls]\ncommand: [\"{{{{ binary }}}}\"]\n{sign}\n{more}\n"
        )
    };
    let case =
        |id: &str, more: &str| format!("id: {id}\ntitle: x\narea: x\ntopology: t\nsteps:\n  - connect: {{}}\n{more}\n");
    let files = [
        ("peers/plain.yaml", peer("plain", "client", "mutants: [{name: m, does: harm}]")),
        ("peers/plain-server.yaml", peer("plain-server", "server", "known-as: plain")),
        ("peers/actor.yaml", peer("actor", "client", "emulates: A Product")),
        ("peers/stage.yaml", peer("stage", "server", "emulates: Another")),
        ("cases/baseline.yaml", case("baseline", "baseline: true\nmutants: [m]")),
        ("cases/common.yaml", case("common", "")),
        ("cases/of-the-actor.yaml", case("of-the-actor", "only: {client: [actor], server: [stage]}")),
        (
            "topologies/t.yaml",
            "id: t\ntitle: x\nnodes: {client: {role: client}, gateway: {role: server}}\n\
             links: {l: {ends: {client: [192.0.2.1/24], gateway: [192.0.2.2/24]}}}\n\
             names: {public: {vpn.example.test: [192.0.2.2]}}\n"
                .to_owned(),
        ),
    ];
    for (path, text) in files {
        let path = folder.path().join("c").join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    let options = LoadOptions { builtin: false, overlays: vec![folder.path().join("c")] };
    (Catalogue::load(&options).unwrap_or_else(|errors| panic!("{errors:?}")), folder)
}

fn keys(selection: &Selection) -> Vec<String> {
    let (catalogue, _folder) = catalogue();
    let cells = plan(&catalogue, selection).unwrap().cells;
    let running = cells.into_iter().filter(|cell| cell.fate == CellFate::Run);
    running.map(|cell| cell.key).collect()
}

fn gated() -> Selection {
    Selection { gate: true, ..Selection::default() }
}

#[test]
fn who_imitates_takes_part_only_where_it_is_named() {
    let all = keys(&gated());
    let wanted = ["baseline+actor+stage", "baseline+plain+plain", "common+plain+plain", "of-the-actor+actor+stage"];
    assert_eq!(all, wanted, "the baseline of the actors gates their one scenario");
    let common = Selection { scenarios: vec!["common".into()], ..gated() };
    assert_eq!(keys(&common), ["baseline+plain+plain", "common+plain+plain"]);
    let theirs = Selection { scenarios: vec!["of-the-actor".into()], ..gated() };
    assert_eq!(keys(&theirs), ["baseline+actor+stage", "of-the-actor+actor+stage"], "no baseline that gates nothing");
    let actor = Selection { clients: vec![PeerArgument::parse("actor")], ..common };
    assert_eq!(keys(&actor), ["baseline+actor+plain", "common+actor+plain"], "who is asked for runs everything");
}

#[test]
fn a_client_and_a_server_may_share_a_name() {
    let named = vec![PeerArgument::parse("plain")];
    let both =
        Selection { clients: named.clone(), servers: named, scenarios: vec!["common".into()], ..Selection::default() };
    assert_eq!(keys(&both), ["common+plain+plain"]);
}

#[test]
fn a_mutant_labels_its_cells_and_is_gated_by_nothing() {
    let with = Selection { mutant: Some("m".into()), scenarios: vec!["common".into()], ..gated() };
    assert_eq!(keys(&with), ["common+plain,mutant=m+plain"]);
    let (catalogue, _folder) = catalogue();
    let unknown = Selection { mutant: Some("n".into()), ..gated() };
    assert!(plan(&catalogue, &unknown).unwrap_err().to_string().contains("there is no mutant `n`"));
}

#[test]
fn a_scenario_for_others_says_so_to_who_asks() {
    let (catalogue, _folder) = catalogue();
    let selection = Selection {
        clients: vec![PeerArgument::parse("plain")],
        scenarios: vec!["of-the-actor".into()],
        ..Selection::default()
    };
    let cells = plan(&catalogue, &selection).unwrap().cells;
    let reasons: Vec<_> = cells.iter().map(|cell| &cell.fate).collect();
    let reason = CellFate::Unsupported("the scenario is about the client actor".into());
    assert!(!reasons.is_empty() && reasons.iter().all(|fate| **fate == reason), "{reasons:?}");
}
