//! The time line as a bar and as a list.

use interop_evidence::{Event, EventKind, PeerRole, StageStatus};
use serde::Serialize;

use super::moments::{describe, stage_tone};
use crate::text::{measurement, one_line};

/// Tracks of the bar; more would not be seen.
const TRACKS: usize = 16;
/// Marks on one track.
const MARKS: usize = 120;

/// The bar, and the list below it.
#[derive(Serialize)]
pub(super) struct Timeline {
    /// Seconds.
    total: String,
    tracks: Vec<Shown>,
    /// Labels below the bar, and where they are.
    scale: Vec<(String, String)>,
    events: Vec<Line>,
    cut: Option<String>,
}

/// A track as the page has it: shares of its width, and words.
#[derive(Serialize)]
struct Shown {
    name: String,
    /// A class of the style sheet.
    kind: &'static str,
    /// Left, width, tooltip, text.
    spans: Vec<(String, String, String, String)>,
    /// Left, tooltip, text, tone.
    marks: Vec<(String, String, String, &'static str)>,
}

/// An event as the page has it.
#[derive(Serialize)]
struct Line {
    at: String,
    step: Option<usize>,
    tone: &'static str,
    text: String,
    /// That there were several in a row, and until when.
    often: Option<String>,
}

/// One line of the bar. Times are microseconds since the start of the cell.
struct Track {
    name: String,
    kind: &'static str,
    /// From, to, what.
    spans: Vec<(u64, u64, String)>,
    /// When, what, tone.
    marks: Vec<(u64, String, &'static str)>,
}

/// When, in which step, tone, text, how often in a row, and when last.
struct Moment(u64, Option<usize>, &'static str, String, usize, u64);

impl Timeline {
    /// At most `limit` events are listed: the first and the last ones.
    pub(super) fn of(events: &[Event], limit: usize) -> Self {
        let outages = events.iter().filter_map(|event| match &event.kind {
            EventKind::Flow { summary } => {
                Some(summary.outage_at.0.saturating_add(summary.outage_ms.saturating_mul(1000)))
            }
            _ => None,
        });
        let total = events.iter().map(|event| event.at.0).chain(outages).max().unwrap_or_default();
        let mut moments = moments(events);
        let cut = (moments.len() > limit).then(|| format!("{limit} of {} events are listed", moments.len()));
        if cut.is_some() {
            let head = limit / 3;
            moments.drain(head..moments.len() - (limit - head));
        }
        let digits = if total < 20_000_000 { 1 } else { 0 };
        let scale = [0, 25, 50, 75, 100].map(|part| {
            let at = total as f64 / 1e6 * f64::from(part) / 100.0;
            (format!("{part}%"), format!("{at:.digits$} s"))
        });
        Self {
            total: seconds(total),
            tracks: tracks(events, total).iter().map(|track| Shown::of(track, total)).collect(),
            scale: scale.into(),
            events: moments.into_iter().map(Line::of).collect(),
            cut,
        }
    }
}

impl Shown {
    fn of(track: &Track, total: u64) -> Self {
        let span = |(from, to, text): &(u64, u64, String)| {
            let tooltip = format!("{} s to {} s: {text}", seconds(*from), seconds(*to));
            (share(*from, total), share(to.saturating_sub(*from), total), tooltip, text.clone())
        };
        let mut last = None;
        let mut marks = Vec::new();
        for (at, text, tone) in &track.marks {
            // The first of several equal ones says it for all.
            let repeated = last.replace(text) == Some(text);
            let label = if repeated || track.kind != "transport" { String::new() } else { text.clone() };
            let left = share(*at, total.saturating_add(total / 250));
            marks.push((left, format!("{} s: {text}", seconds(*at)), label, *tone));
        }
        Self { name: track.name.clone(), kind: track.kind, spans: track.spans.iter().map(span).collect(), marks }
    }
}

impl Line {
    fn of(Moment(at, step, tone, text, count, until): Moment) -> Self {
        let often = (count > 1).then(|| format!("{count} times, until {}", seconds(until)));
        Self { at: seconds(at), step: step.map(|step| step + 1), tone, text, often }
    }
}

fn seconds(us: u64) -> String {
    format!("{:.3}", us as f64 / 1e6)
}

/// A part of the width.
fn share(part: u64, total: u64) -> String {
    format!("{:.2}%", (100.0 * part as f64 / total.max(1) as f64).min(100.0))
}

/// The events as lines; the same one several times in a row is one line.
fn moments(events: &[Event]) -> Vec<Moment> {
    let mut moments: Vec<Moment> = Vec::new();
    for event in events {
        let (tone, text) = describe(&event.kind);
        match moments.last_mut() {
            Some(last) if last.1 == event.step && last.3 == text => {
                last.4 += 1;
                last.5 = event.at.0;
            }
            _ => moments.push(Moment(event.at.0, event.step, tone, text, 1, event.at.0)),
        }
    }
    moments
}

/// The peers, what carried the traffic, each fault, the outage of each flow.
fn tracks(events: &[Event], total: u64) -> Vec<Track> {
    let mut tracks = Tracks(Vec::new());
    for role in [PeerRole::Server, PeerRole::Client] {
        tracks.at(role.as_str(), "peer");
    }
    for event in events {
        let at = event.at.0;
        match &event.kind {
            EventKind::PeerStarted { role, .. } => tracks.begin(role.as_str(), "peer", at, total, ""),
            EventKind::PeerExited { role, .. } => tracks.end(role.as_str(), at),
            EventKind::PeerReady { role, how } => {
                tracks.mark(role.as_str(), "peer", at, &format!("ready: {how}"), "peer");
            }
            EventKind::Stage { stage, status, .. } => match status {
                StageStatus::Begin => tracks.begin("stages", "peer", at, total, stage.as_str()),
                status => {
                    tracks.end_of("stages", stage.as_str(), at);
                    tracks.mark("stages", "peer", at, &format!("{stage} {status}"), stage_tone(*status));
                }
            },
            EventKind::FaultInjected { name, fault, .. } => {
                tracks.begin(&format!("fault {name}"), "fault", at, total, fault);
            }
            EventKind::FaultHealed { name } => tracks.end(&format!("fault {name}"), at),
            EventKind::Transport { sample } => {
                let carrier = sample.carrier().map_or("none", |carrier| carrier.as_str());
                let tone = if sample.carrier().is_some() { carrier } else { "bad" };
                tracks.mark("transport", "transport", at, carrier, tone);
            }
            EventKind::Flow { summary } if summary.outage_ms > 0 => {
                let from = summary.outage_at.0;
                let to = from.saturating_add(summary.outage_ms.saturating_mul(1000));
                let text = format!("outage {}", measurement("outage-ms", summary.outage_ms as f64).1);
                if let Some(track) = tracks.at(&format!("flow {}", summary.name), "outage") {
                    track.spans.push((from, to, text));
                }
            }
            EventKind::StepEnded { check } => {
                tracks.mark("checks", "checks", at, &check.id, crate::look::tone(check.verdict).as_str());
            }
            _ => {}
        }
    }
    tracks.0.retain(|track| !track.spans.is_empty() || !track.marks.is_empty());
    tracks.0
}

struct Tracks(Vec<Track>);

impl Tracks {
    /// The track of this name, made if there is room.
    fn at(&mut self, name: &str, kind: &'static str) -> Option<&mut Track> {
        let name = one_line(name, 40);
        if let Some(index) = self.0.iter().position(|track| track.name == name) {
            return self.0.get_mut(index);
        }
        if self.0.len() == TRACKS {
            return None;
        }
        self.0.push(Track { name, kind, spans: Vec::new(), marks: Vec::new() });
        self.0.last_mut()
    }

    /// A span that lasts until [`Self::end`], or to the end of the cell.
    fn begin(&mut self, name: &str, kind: &'static str, at: u64, total: u64, text: &str) {
        if let Some(track) = self.at(name, kind).filter(|track| track.spans.len() < MARKS) {
            track.spans.push((at, total, one_line(text, 80)));
        }
    }

    fn end(&mut self, name: &str, at: u64) {
        let name = one_line(name, 40);
        if let Some(track) = self.0.iter_mut().find(|track| track.name == name)
            && let Some(span) = track.spans.last_mut()
        {
            span.1 = at;
        }
    }

    /// Ends the last span that says `text`; others may go on.
    fn end_of(&mut self, name: &str, text: &str, at: u64) {
        let track = self.0.iter_mut().find(|track| track.name == name);
        if let Some(span) = track.and_then(|track| track.spans.iter_mut().rfind(|span| span.2 == text)) {
            span.1 = at;
        }
    }

    fn mark(&mut self, name: &str, kind: &'static str, at: u64, text: &str, tone: &'static str) {
        if let Some(track) = self.at(name, kind).filter(|track| track.marks.len() < MARKS) {
            track.marks.push((at, one_line(text, 80), tone));
        }
    }
}
