//! Who is suspected, and how surely.

use interop_evidence::Confidence::{self, High, Low, Medium};
use interop_evidence::Suspect::{self, Both, Client, Harness, Server};
use interop_evidence::Verdict::{self, Degraded, EnvError, Fail, Invalid, Pass, Skipped};
use interop_evidence::{CellRecord, RunResults, Suspicion};
use interop_reports::attribute;

use crate::common::{cell, peer, run};

/// One scenario; each line is `client server`, and what happened.
fn matrix(cells: &[(&str, Verdict)]) -> RunResults {
    let cells = cells.iter().map(|(pair, verdict)| {
        let (client, server) = pair.split_once(' ').expect("a client and a server");
        cell("story", peer(client, "1"), peer(server, "1"), *verdict)
    });
    let mut results = run(cells.collect());
    attribute(&mut results);
    results
}

fn suspicion(cells: &[(&str, Verdict)]) -> Suspicion {
    matrix(cells).cells[0].suspect.clone().expect("a suspicion")
}

fn suspect(cells: &[(&str, Verdict)]) -> (Suspect, Confidence) {
    let suspicion = suspicion(cells);
    (suspicion.who, suspicion.confidence)
}

#[test]
fn a_client_that_fails_with_every_server_is_suspected() {
    assert_eq!(suspect(&[("a x", Fail), ("a y", Fail)]), (Client, Low));
    assert_eq!(suspect(&[("a x", Fail), ("a y", Fail), ("a z", Fail)]), (Client, Medium));
    let all = [("a x", Fail), ("a y", Fail), ("a z", Fail), ("b x", Pass)];
    assert_eq!(suspect(&all), (Client, High));
    insta::assert_snapshot!(suspicion(&all).because, @"a 1 has the same problem with y 1 and z 1; x 1 does better with b 1");
}

#[test]
fn a_server_with_which_every_client_fails_is_suspected() {
    assert_eq!(suspect(&[("a x", Fail), ("b x", Fail)]), (Server, Low));
    assert_eq!(suspect(&[("a x", Fail), ("b x", Fail), ("c x", Fail), ("a y", Pass)]), (Server, High));
    assert_eq!(suspect(&[("a x", Degraded), ("b x", Fail), ("a y", Pass)]), (Server, Medium));
}

#[test]
fn the_reference_counts_twice() {
    assert_eq!(suspect(&[("a x", Fail), ("a reference-server", Pass)]), (Server, Medium));
    assert_eq!(suspect(&[("a x", Fail), ("reference-client x", Pass)]), (Client, Medium));
}

#[test]
fn another_version_or_another_check_counts_half() {
    let plain = [("a x", Fail), ("a y", Fail), ("a z", Fail)];
    assert_eq!(suspect(&plain), (Client, Medium));
    assert_eq!(suspect(&[("a x@1", Fail), ("a x@2", Fail), ("a z", Fail)]), (Client, Low));
    let mut results = matrix(&plain);
    results.cells[1].checks[2].id = "4 flow voice".into();
    attribute(&mut results);
    assert_eq!(results.cells[0].suspect.as_ref().map(|suspicion| suspicion.confidence), Some(Low));
}

#[test]
fn one_pair_alone_proves_nothing() {
    let alone = suspicion(&[("a x", Fail)]);
    assert_eq!((alone.who, alone.confidence), (Both, Low));
    insta::assert_snapshot!(alone.because, @"only one pair ran this scenario, so nothing can be compared");
    assert_eq!(suspect(&[("a x", Fail), ("b y", Pass), ("a y", Skipped)]), (Both, Low));
}

#[test]
fn a_combination_that_alone_fails_is_the_fault_of_both() {
    let cells = [("a x", Fail), ("a y", Pass), ("b x", Pass)];
    assert_eq!(suspect(&cells), (Both, Low));
    assert_eq!(suspect(&[("a x", Fail), ("a y", Pass), ("b x", Pass), ("c x", Pass)]), (Both, Medium));
    insta::assert_snapshot!(suspicion(&cells).because, @"a 1 does better with y 1; x 1 does better with b 1; only this combination has the problem");
}

#[test]
fn a_scenario_that_nobody_passes_is_suspected_itself() {
    let cells = [("a x", Fail), ("a y", Fail), ("b x", Fail)];
    assert_eq!(suspect(&cells), (Both, Low));
    let reference =
        [("a x", Fail), ("a reference-server", Fail), ("b x", Fail), ("reference-client reference-server", Fail)];
    assert_eq!(suspect(&reference), (Harness, Medium));
    assert_eq!(suspect(&[("a x", Fail), ("a y", Fail), ("b x", Fail), ("b y", Pass)]), (Both, Medium));
}

#[test]
fn a_degraded_pair_is_better_than_a_failing_one() {
    assert_eq!(suspect(&[("a x", Fail), ("a y", Degraded), ("b x", Fail)]), (Server, Medium));
    assert_eq!(suspect(&[("a x", Degraded), ("a y", Fail)]), (Client, Low));
}

#[test]
fn the_harness_answers_for_the_environment() {
    assert_eq!(suspect(&[("a x", EnvError), ("a y", Pass)]), (Harness, High));
    assert_eq!(suspect(&[("a x", Invalid), ("a y", Pass)]), (Harness, Medium));
}

#[test]
fn other_parameters_are_another_scenario() {
    let with = |value: &str, server: &str, verdict| -> CellRecord {
        let mut cell = cell("story", peer("a", "1"), peer(server, "1"), verdict);
        cell.params.insert("dpd".into(), value.into());
        cell
    };
    let mut results = run(vec![with("3s", "x", Fail), with("10s", "y", Pass)]);
    attribute(&mut results);
    assert!(results.cells[0].suspect.as_ref().unwrap().because.starts_with("only one pair"));
}

#[test]
fn what_the_executor_knew_survives_only_without_a_comparison() {
    let crashed = Suspicion { who: Server, confidence: High, because: "it crashed".into() };
    let mut alone = matrix(&[("a x", Fail)]);
    alone.cells[0].suspect = Some(crashed.clone());
    attribute(&mut alone);
    assert_eq!(alone.cells[0].suspect, Some(crashed.clone()));
    let mut passed = matrix(&[("a x", Pass)]);
    passed.cells[0].suspect = Some(crashed);
    attribute(&mut passed);
    assert_eq!(passed.cells[0].suspect, None);
}

#[test]
fn attributing_twice_changes_nothing() {
    let once = {
        let mut results = crate::common::wide_results();
        attribute(&mut results);
        results
    };
    let mut twice = once.clone();
    attribute(&mut twice);
    assert_eq!(once, twice);
}
