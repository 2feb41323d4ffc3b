//! How the capture of a cell is decoded: who is who, which wires tell the story, what happened when.

use std::path::{Path, PathBuf};

use interop_evidence::{
    Bundle, BundleError, CheckRecord, Event, EventKind, Facts, MarkKind, Micros, PeerRole, Timeline, TraceMark,
};
use interop_trace::{Hosts, Setup, Wires};

use crate::accept::Exemplar;

/// What a decoder must know of a cell; keys are added by those who have them.
///
/// The client's wires and tunnel devices: on other wires the same packets pass again.
pub fn setup(facts: &Facts, timeline: &Timeline) -> Setup {
    setup_with(facts, marks(timeline))
}

pub(crate) fn setup_with(facts: &Facts, marks: Vec<TraceMark>) -> Setup {
    let devices = facts.clients.iter().map(|client| format!("{client}:"));
    Setup {
        hosts: Hosts::of(facts),
        marks,
        wires: Wires::Named(facts.client_wires.iter().cloned().chain(devices).collect()),
        // Bundles of earlier versions do not say.
        epoch_ns: Some(facts.epoch_ns).filter(|epoch| *epoch > 0),
        ..Setup::default()
    }
}

/// The capture at a path, and what is known of it: of a bundle or its capture, what the cell left; of an exemplar, what
/// lies beside it; of any other capture, nothing.
///
/// # Errors
/// When what lies beside the capture cannot be read.
pub fn find_capture(path: &Path) -> Result<(PathBuf, Setup), BundleError> {
    let folder = if path.is_dir() { path } else { path.parent().unwrap_or(path) };
    let bundle = Bundle::open(folder);
    let is_its_capture = path.file_name() == bundle.capture().file_name();
    if path.is_dir() || (is_its_capture && bundle.facts().is_file()) {
        return Ok((bundle.capture(), setup(&bundle.read_facts()?, &bundle.read_events()?)));
    }
    let beside = path.with_extension("json");
    let exemplar = beside.is_file().then(|| Exemplar::read(&beside)).transpose()?;
    Ok((path.to_owned(), exemplar.map_or_else(Setup::default, |exemplar| exemplar.setup())))
}

/// The moments at which phases begin, by time.
///
/// Their texts are the same in every run. A fault and its healing count from the beginning of their steps, because what
/// they do to the network is seen before they are known to be in place.
pub fn marks(timeline: &Timeline) -> Vec<TraceMark> {
    let mut marks = Vec::new();
    let mut began = None;
    for event in &timeline.events {
        let (at, kind, text) = match &event.kind {
            EventKind::StepStarted { .. } => {
                began = event.step.map(|step| (step, event.at));
                continue;
            }
            EventKind::PeerStarted { role: PeerRole::Client, .. } => {
                (event.at, MarkKind::ClientStarts, "the client starts".to_owned())
            }
            EventKind::FaultInjected { name, fault, .. } => {
                (start_of(event, began), MarkKind::Fault, fault_text(name, fault))
            }
            EventKind::FaultHealed { name } => (start_of(event, began), MarkKind::Heal, format!("heal {name}")),
            EventKind::StepEnded { check } if is_disconnect(check) => {
                (start_of(event, began), MarkKind::Disconnect, "disconnect".to_owned())
            }
            _ => continue,
        };
        marks.push(TraceMark { at, text, kind });
    }
    marks.sort_by_key(|mark| mark.at);
    marks
}

/// When the step of an event began; of an event outside of steps, its own time.
fn start_of(event: &Event, began: Option<(usize, Micros)>) -> Micros {
    began.filter(|(step, _)| event.step == Some(*step)).map_or(event.at, |(_, at)| at)
}

/// Name in the scenario and id in the catalogue; the details of a fault may differ from run to run.
fn fault_text(name: &str, fault: &str) -> String {
    if name == fault { format!("fault {name}") } else { format!("fault {name}: {fault}") }
}

/// Checks of steps are named by number and verb.
fn is_disconnect(check: &CheckRecord) -> bool {
    check.id.split_once(' ').is_some_and(|(_, verb)| verb == "disconnect")
}

#[cfg(test)]
mod tests {
    use interop_evidence::CheckOutcome;

    use super::*;

    fn event(at: u64, step: Option<usize>, kind: EventKind) -> Event {
        Event { at: Micros(at), step, kind }
    }

    #[test]
    fn marks_stand_where_steps_begin_and_say_the_same_in_every_run() {
        let step = |text: &str| EventKind::StepStarted { text: text.to_owned() };
        let injected = EventKind::FaultInjected {
            name: "block".into(),
            fault: "udp-block".into(),
            detail: "rule 4711 on 10.0.0.1".into(),
        };
        let healed = |name: &str| EventKind::FaultHealed { name: name.to_owned() };
        let ended = EventKind::StepEnded { check: CheckOutcome::pass("").record("3 disconnect") };
        let started = EventKind::PeerStarted { role: PeerRole::Client, pid: 7, argv: Vec::new() };
        let server = EventKind::PeerStarted { role: PeerRole::Server, pid: 6, argv: Vec::new() };
        let timeline = Timeline {
            events: vec![
                event(1, Some(0), step("connect")),
                event(2, Some(0), server),
                event(3, Some(0), started),
                event(10, Some(1), step("fault")),
                event(15, Some(1), injected),
                event(20, Some(2), step("disconnect")),
                event(29, Some(2), ended),
                event(40, None, healed("block")),
            ],
        };
        let seen: Vec<(u64, String)> = marks(&timeline).into_iter().map(|mark| (mark.at.0, mark.text)).collect();
        let expected =
            [(3, "the client starts"), (10, "fault block: udp-block"), (20, "disconnect"), (40, "heal block")];
        assert_eq!(seen, expected.map(|(at, text)| (at, text.to_owned())));
    }
}
