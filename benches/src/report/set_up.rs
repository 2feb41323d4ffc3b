//! How long a small internet takes to come and to go.

use indexmap::IndexMap;

use super::{Options, settle, table};
use crate::cell::{Built, Job, Links, measure};
use crate::{Result, Summary};

/// Milliseconds: aims of the design.
const UP: f64 = 25.0;
const DOWN: f64 = 1.0;

#[derive(Default)]
struct Subject {
    enter: Vec<f64>,
    up: Vec<f64>,
    down: Vec<f64>,
    parts: IndexMap<String, Vec<f64>>,
}

impl Subject {
    fn add(&mut self, job: &Job) -> Result<()> {
        let (built, end): (Built, f64) = measure(job)?;
        self.enter.push(built.enter);
        self.up.push(built.total);
        self.down.push(built.teardown.unwrap_or(end));
        for (name, time) in built.parts {
            self.parts.entry(name).or_default().push(time);
        }
        Ok(())
    }
}

pub(super) fn report(options: &Options) -> Result<String> {
    let lab = |links, views| Job::Lab { links, views };
    let subjects = [
        ("our lab, TAP wires", lab(Links::Wire, false)),
        ("our lab, veth", lab(Links::Veth, false)),
        ("our lab, TAP wires, two nodes with their own `/etc`", lab(Links::Wire, true)),
        ("`ip` and `nft` commands, veth", Job::Commands { parts: false }),
    ];
    let mut measured: Vec<Subject> = subjects.iter().map(|_| Subject::default()).collect();
    for _ in 0..options.times(20) {
        // In turns, so that what else happens on the machine happens to all.
        for ((_, job), subject) in subjects.iter().zip(&mut measured) {
            settle();
            subject.add(job)?;
        }
    }
    let mut hurried = Subject::default();
    for _ in 0..options.times(20) {
        hurried.add(&subjects[0].1)?;
    }
    let mut by_parts = Subject::default();
    for _ in 0..options.times(10) {
        settle();
        by_parts.add(&Job::Commands { parts: true })?;
    }

    let names = subjects.iter().map(|(name, _)| *name).chain(["our lab, TAP wires, straight after another one"]);
    let rows: Vec<Vec<String>> = names.zip(measured.iter().chain([&hurried])).map(|(name, it)| row(name, it)).collect();
    let median = |values: &[f64]| Summary::of(values.iter().copied()).map_or(f64::NAN, |summary| summary.median);
    let ratio = |a: &Subject, b: &Subject| median(&a.up) / median(&b.up);
    let (wire, veth, commands) = (&measured[0], &measured[1], &measured[3]);
    let met = |value: f64, aim: f64| if value <= aim { "met" } else { "missed" };
    Ok(format!(
        "### Set-up and teardown: eight nodes, seven links, double NAT\n\nMilliseconds, min / median / max. Up is until \
         every link runs and every rule is in force; down is what somebody sees who waits for it. A process of its own \
         each time, in turns.\n\n{}\nCommands : lab, medians of set-up: {:.1} (veth), {:.1} (TAP wires). Aim of {UP} ms up \
         with TAP wires: {}; of {DOWN} ms down: {} (veth {}).\n\nWhere the time goes, medians in ms:\n\n{}",
        table(&["", "n", "entering the sandbox", "up", "down"], &rows),
        ratio(commands, veth),
        ratio(commands, wire),
        met(median(&wire.up), UP),
        met(median(&wire.down), DOWN),
        met(median(&veth.down), DOWN),
        parts(&[
            ("lab, TAP wires", wire),
            ("lab, veth", veth),
            ("lab, with `/etc`", &measured[2]),
            ("commands", &by_parts)
        ]),
    ))
}

fn row(name: &str, it: &Subject) -> Vec<String> {
    let cells = |values: &[f64]| Summary::of(values.iter().copied()).map_or_else(String::new, |it| it.cells(2));
    vec![name.to_owned(), it.up.len().to_string(), cells(&it.enter), cells(&it.up), cells(&it.down)]
}

/// The parts of all subjects side by side; one that has no such part has an empty cell.
fn parts(subjects: &[(&str, &Subject)]) -> String {
    let mut names: Vec<&String> = Vec::new();
    for name in subjects.iter().flat_map(|(_, it)| it.parts.keys()) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    let heading: Vec<&str> = [""].into_iter().chain(subjects.iter().map(|(name, _)| *name)).collect();
    let cell = |name: &str, it: &Subject| {
        let summary = it.parts.get(name).and_then(|values| Summary::of(values.iter().copied()));
        summary.map_or_else(String::new, |summary| format!("{:.2}", summary.median))
    };
    let rows: Vec<Vec<String>> = names
        .iter()
        .map(|name| [(*name).clone()].into_iter().chain(subjects.iter().map(|(_, it)| cell(name, it))).collect())
        .collect();
    table(&heading, &rows)
}
