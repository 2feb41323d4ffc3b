//! The events of a bundle, as far as they can be read, each as one line.

use std::fs;

use interop_evidence::{Bundle, Event, EventKind, StageStatus, Verdict};

use crate::look::tone;
use crate::text::{measurement, one_line};

/// A time line larger than this is left alone.
const LIMIT: u64 = 16 << 20;
const TEXT: usize = 400;

/// Reads `events.jsonl`. A cell that was killed leaves half a line, a newer harness events of new kinds: the rest still
/// counts.
pub(super) fn read(bundle: &Bundle, notes: &mut Vec<String>) -> Vec<Event> {
    let path = bundle.events();
    let text = match fs::metadata(&path).map(|metadata| metadata.len()) {
        Ok(bytes) if bytes > LIMIT => Err("too large to show".to_owned()),
        Ok(_) => fs::read(&path).map_err(|error| error.to_string()),
        Err(error) => Err(error.to_string()),
    };
    let text = match text {
        Ok(text) => String::from_utf8_lossy(&text).into_owned(),
        Err(error) => {
            notes.push(format!("no time line: events.jsonl: {error}"));
            return Vec::new();
        }
    };
    let mut events = Vec::new();
    let mut broken = 0;
    for (index, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        match serde_json::from_str::<Event>(line) {
            Ok(event) => events.push(event),
            Err(error) => {
                if broken == 0 {
                    notes.push(format!("events.jsonl, line {}: {}", index + 1, one_line(&error.to_string(), 200)));
                }
                broken += 1;
            }
        }
    }
    if broken > 1 {
        notes.push(format!("{broken} lines of events.jsonl are not shown"));
    }
    events.sort_by_key(|event| event.at);
    events
}

/// Tone (a class of the style sheet) and text of an event.
pub(super) fn describe(kind: &EventKind) -> (&'static str, String) {
    let (tone, text) = match kind {
        EventKind::LabReady { topology, nodes, wires } => {
            ("quiet", format!("lab ready: {topology}, {nodes} nodes, {wires} wires"))
        }
        EventKind::StepStarted { text } => ("step", text.clone()),
        EventKind::StepEnded { check } => {
            (tone(check.verdict).as_str(), format!("{}: {}: {}", check.verdict, check.id, check.message))
        }
        EventKind::PeerStarted { role, pid, argv } => {
            ("peer", format!("{role} started, process {pid}: {}", argv.join(" ")))
        }
        EventKind::PeerReady { role, how } => ("peer", format!("{role} ready: {how}")),
        EventKind::PeerSaid { role, what, line } => ("peer", format!("{role} said {what}: {line}")),
        EventKind::Stage { role, stage, status, .. } => {
            (stage_tone(*status), format!("{role}: stage {stage} {status}"))
        }
        EventKind::PeerExited { role, code, signal, asked } => exited(role.as_str(), *code, *signal, *asked),
        EventKind::FaultInjected { name, fault, detail } => ("fault", format!("fault {name} ({fault}): {detail}")),
        EventKind::FaultHealed { name } => ("fault", format!("healed {name}")),
        EventKind::FaultProven { proof } => {
            let tone = if proof.bit { "fault" } else { "environment" };
            let bit = if proof.bit { "bit" } else { "did not bite" };
            (tone, format!("fault {} {bit}: {}", proof.name, proof.evidence))
        }
        EventKind::Transport { sample } => {
            let carrier = sample.carrier().map_or("no single transport", |carrier| carrier.as_str());
            let answer = sample.rtt_us.map_or("not answered".to_owned(), |rtt| measurement("rtt-us", rtt as f64).1);
            (if sample.answered { "probe" } else { "warning" }, format!("transport: {carrier}, {answer}"))
        }
        EventKind::Ping { result } => {
            let error = result.error.as_deref().map(|error| format!(", {error}")).unwrap_or_default();
            let tone = if result.received == result.sent { "probe" } else { "warning" };
            let (from, to) = (&result.from, &result.to);
            (tone, format!("ping {from} to {to}: {} of {} answered{error}", result.received, result.sent))
        }
        EventKind::Transfer { result } => {
            let error = result.error.as_deref().map(|error| format!(", {error}")).unwrap_or_default();
            let hash = if result.hash_matches { "" } else { ", hash differs" };
            let tone = if result.hash_matches { "probe" } else { "warning" };
            let (received, expected) = (result.received, result.expected);
            let what = &result.what;
            (tone, format!("transfer {what}: {received} of {expected} bytes in {} ms{hash}{error}", result.duration_ms))
        }
        EventKind::Dns { answer } => {
            let addresses: Vec<_> = answer.addresses.iter().map(ToString::to_string).collect();
            let resolver = answer.resolver.map(|resolver| format!(" at {resolver}")).unwrap_or_default();
            ("probe", format!("dns {}{resolver}: {} {}", answer.name, answer.code, addresses.join(", ")))
        }
        EventKind::Mtu { result } => {
            let configured = result.interface_mtu.map(|mtu| format!(", interface has {mtu}")).unwrap_or_default();
            ("probe", format!("mtu to {}: largest packet {} bytes{configured}", result.to, result.largest))
        }
        EventKind::Throughput { result } => {
            let mbit = result.bytes as f64 * 8.0 / result.duration_us.max(1) as f64;
            ("probe", format!("throughput {} {}: {mbit:.0} Mbit/s", result.direction, result.to))
        }
        EventKind::Flow { summary } => {
            let outage = measurement("outage-ms", summary.outage_ms as f64).1;
            let (echoed, sent) = (summary.echoed, summary.sent);
            ("probe", format!("flow {}: {echoed} of {sent} came back, longest outage {outage}", summary.name))
        }
        EventKind::Attempt { outcome, detail } => ("step", format!("attempt: {outcome}: {detail}")),
        EventKind::SnapshotTaken { phase } => ("quiet", format!("snapshot {phase}")),
        EventKind::Note { text } => ("quiet", text.clone()),
    };
    (tone, one_line(&text, TEXT))
}

/// A stage that failed stands out.
pub(super) const fn stage_tone(status: StageStatus) -> &'static str {
    match status {
        StageStatus::Begin | StageStatus::Done => "peer",
        StageStatus::Skipped => "quiet",
        StageStatus::Failed => "warning",
    }
}

fn exited(role: &str, code: Option<i32>, signal: Option<i32>, asked: bool) -> (&'static str, String) {
    let how = match (code, signal) {
        (_, Some(signal)) => format!("signal {signal}"),
        (Some(code), None) => format!("code {code}"),
        (None, None) => "unknown status".to_owned(),
    };
    let tone = if asked { "peer" } else { tone(Verdict::Fail).as_str() };
    (tone, format!("{role} ended with {how}{}", if asked { "" } else { ", not asked to" }))
}
