//! The view of the tunnel's inside: who reached whom through it.

use std::collections::BTreeMap;

use interop_evidence::{Layer, Trace, TraceLine, View};

use super::rules::{is_icmp_error, is_to_everybody, service};
use super::spans::{Spans, flows};

/// The lines of each phase: a set, sorted, without counts. One answer is enough for `answered`: how many packets a
/// fault took is chance.
pub(super) fn lines(trace: &Trace, spans: &Spans) -> Vec<Vec<(String, u64)>> {
    let mut phases: Vec<BTreeMap<String, (bool, u64)>> = vec![BTreeMap::new(); spans.count()];
    let mut all = flows(trace, spans, is_wanted);
    for flow in &mut all {
        flow.drop_at_marks(spans, |_| true);
        for piece in &flow.pieces {
            let Some(lines) = phases.get_mut(piece.phase) else { continue };
            let (what, is_answer) = match () {
                () if is_error(piece.line) => (told(piece.line), true),
                () => (asked(flow.name, piece.line), !piece.is_of_opener()),
            };
            let line = lines.entry(what).or_insert((false, piece.frame));
            line.0 |= is_answer;
        }
    }
    let shown = |(what, (is_answered, frame)): (String, (bool, u64))| {
        let is_told = what.contains(": ");
        let end = if is_told {
            ""
        } else if is_answered {
            ", answered"
        } else {
            ", not answered"
        };
        (format!("{what}{end}"), frame)
    };
    phases.into_iter().map(|lines| lines.into_iter().map(shown).collect()).collect()
}

fn is_wanted(line: &TraceLine) -> bool {
    let is_discovery = line.layer == Layer::Icmp && !is_echo(line) && !is_error(line);
    line.view == View::InnerFlow && line.layer != Layer::Arp && !is_to_everybody(line) && !is_discovery
}

fn is_echo(line: &TraceLine) -> bool {
    line.text.contains("echo re")
}

fn is_error(line: &TraceLine) -> bool {
    line.layer == Layer::Icmp && is_icmp_error(&line.text)
}

/// `gateway > client/tunnel: ICMP fragmentation needed MTU 1280 TCP/80`
fn told(line: &TraceLine) -> String {
    format!("{} > {}: {}", line.from, line.to, line.text)
}

/// `client/tunnel > inside TCP/80`, `client/tunnel > inside ICMP echo request`
fn asked(flow: &str, line: &TraceLine) -> String {
    let flow = service(flow).replacen('>', " > ", 1);
    if is_echo(line) { flow + " echo request" } else { flow }
}
