//! From what was found to lines that are the same from run to run.
//!
//! What differs between two runs of one scenario is taken out, one kind a file: [`addresses`], [`ports`], [`random`]
//! values, [`sizes`], [`repeats`], [`retransmissions`], [`times`], and [`housekeeping`]. Items become [`draft`]s at once
//! and get their names at the end, when it is known who is who.

mod addresses;
mod draft;
mod flows;
mod housekeeping;
mod ports;
mod random;
mod repeats;
mod retransmissions;
mod sizes;
#[cfg(test)]
mod tests;
mod times;

use std::sync::Arc;

use indexmap::IndexSet;
use interop_evidence::{Layer, Trace, TraceLine, TraceMark, View};

use crate::Hosts;
use crate::found::{Item, Way};
use crate::limits::{MOST_LINE_BYTES, MOST_LINES};
use crate::words::{Word, Words};

use addresses::{Names, Seen};
use draft::Draft;
use flows::FlowTable;
use ports::Numbers;
use random::Randoms;
use times::Phases;

/// Builds a trace.
pub(crate) struct Normaliser {
    hosts: Hosts,
    marks: Vec<TraceMark>,
    raw: bool,
    phases: Phases,
    flows: FlowTable,
    drafts: Vec<Draft>,
    /// Bytes that the drafts take.
    bytes: usize,
    /// Items that would have been more lines than there may be.
    left_out: u64,
}

impl Normaliser {
    /// `marks` are in the order of time. With `raw`, random values and sizes are shown as they are.
    pub(crate) fn new(hosts: Hosts, marks: Vec<TraceMark>, raw: bool) -> Self {
        let phases = Phases::new(&marks);
        Self { hosts, marks, raw, phases, flows: FlowTable::default(), drafts: Vec::new(), bytes: 0, left_out: 0 }
    }

    /// Takes the next thing that was found; items come in the order of their frames.
    pub(crate) fn add(&mut self, item: Item<'_>) {
        if !self.raw && housekeeping::is_housekeeping(&item) {
            return;
        }
        let is_full = self.drafts.len() >= MOST_LINES || self.bytes >= MOST_LINE_BYTES;
        let flow = match self.flows.find(item.flow) {
            Some(flow) => flow,
            None if is_full => {
                self.left_out += 1;
                return;
            }
            None => self.flows.insert(Arc::clone(item.flow)),
        };
        let phase = self.phases.of(item.found.moment.at);
        let Some(lane) = self.flows.entry(flow).and_then(|entry| entry.lane(item.found.view)) else { return };
        if lane.fold(&item, phase, &mut self.drafts, self.raw) {
            return;
        }
        if is_full {
            self.left_out += 1;
            return;
        }
        lane.begin(self.drafts.len(), item.found.way);
        let draft = Draft::new(flow, item);
        self.bytes = self.bytes.saturating_add(draft.bytes());
        self.drafts.push(draft);
    }

    /// The trace.
    pub(crate) fn finish(mut self, mut notes: Vec<String>) -> Trace {
        self.drafts.sort_by_key(|draft| (draft.first.at, draft.first.frame));
        let mut namer = Namer::new(&mut self.hosts, &self.flows, &self.drafts, self.raw);
        let texts = namer.texts(&self.drafts);
        let lines: Vec<TraceLine> =
            self.drafts.into_iter().zip(texts).filter_map(|(draft, text)| namer.line(draft, text)).collect();
        let seen: IndexSet<&str> = lines.iter().flat_map(|line| [line.from.as_str(), line.to.as_str()]).collect();
        let hosts = self.hosts.in_order(&seen);
        if self.left_out > 0 {
            let (left_out, lines) = (self.left_out, lines.len());
            notes.push(format!("{left_out} packets or records are not shown: the trace ended at {lines} lines"));
        }
        Trace { hosts, lines, marks: self.marks, notes }
    }
}

/// What a flow is called.
struct FlowName {
    wire: String,
    name: String,
    ends: [String; 2],
}

/// Gives names to drafts.
struct Namer {
    names: Names,
    /// By the id of the flow.
    flows: Vec<Option<FlowName>>,
    randoms: Randoms,
    raw: bool,
}

impl Namer {
    /// `drafts` are in the order of time.
    fn new(hosts: &mut Hosts, table: &FlowTable, drafts: &[Draft], raw: bool) -> Self {
        let secured: IndexSet<usize> = drafts
            .iter()
            .filter(|draft| matches!(draft.layer, Layer::Tls | Layer::Dtls | Layer::Openvpn))
            .map(|draft| draft.flow)
            .collect();
        let inner: IndexSet<usize> =
            drafts.iter().filter(|draft| draft.view == View::InnerFlow).map(|draft| draft.flow).collect();
        let ids: IndexSet<usize> = drafts.iter().map(|draft| draft.flow).collect();
        let in_order = || ids.iter().filter_map(|id| Some((*id, table.flow(*id)?)));
        let seen: Vec<Seen<'_>> = in_order()
            .map(|(id, flow)| Seen {
                flow,
                inner: inner.contains(&id) || flow.wire.contains(':'),
                secured: secured.contains(&id),
            })
            .collect();
        let mut names = Names::new(hosts, &seen);
        let mut numbers = Numbers::default();
        let mut flows = Vec::new();
        for (id, flow) in in_order() {
            let ends = flow.ends.map(|end| names.of(end));
            let name = numbers.name(flow, [&ends[0], &ends[1]], hosts.port);
            flows.resize_with(flows.len().max(id + 1), || None);
            if let Some(slot) = flows.get_mut(id) {
                *slot = Some(FlowName { wire: one_line(&flow.wire), name, ends });
            }
        }
        Self { names, flows, randoms: Randoms::default(), raw }
    }

    /// The text of each draft. What can be seen without keys is named first, so that it has the same names with them.
    fn texts(&mut self, drafts: &[Draft]) -> Vec<String> {
        let mut texts = vec![String::new(); drafts.len()];
        for outer in [true, false] {
            for (text, draft) in texts.iter_mut().zip(drafts) {
                if (draft.view == View::OuterFlow) == outer {
                    *text = self.text(&draft.words);
                }
            }
        }
        texts
    }

    fn text(&mut self, words: &Words) -> String {
        let mut line = String::new();
        for word in &words.0 {
            match word {
                Word::Text(text) => line.push_str(text),
                Word::Random { kind, value } => line.push_str(&self.randoms.shown(kind, value, self.raw)),
                Word::Address(address) => line.push_str(&self.names.of(*address)),
                Word::Size(bytes) => {
                    line.truncate(line.trim_end().len());
                    line.push_str(&sizes::shown(*bytes, self.raw));
                }
            }
        }
        one_line(line.trim_end())
    }

    fn line(&self, draft: Draft, text: String) -> Option<TraceLine> {
        let FlowName { wire, name, ends: [opener, other] } = self.flows.get(draft.flow)?.as_ref()?;
        let (from, to) = match draft.way {
            Way::Forth => (opener, other),
            Way::Back => (other, opener),
        };
        Some(TraceLine {
            frame: draft.first.frame,
            last_frame: draft.last.frame,
            at: draft.first.at,
            until: draft.last.at,
            wire: wire.clone(),
            view: draft.view,
            flow: name.clone(),
            from: from.clone(),
            to: to.clone(),
            layer: draft.layer,
            text,
            count: draft.count,
            retransmissions: draft.retransmissions,
            remark: draft.remark.as_deref().map(one_line),
        })
    }
}

/// Text on one line: captures come from anywhere, and a terminal obeys control characters.
fn one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\n' => line.push_str("; "),
            _ if character.is_control() => line += &format!("\\x{:02x}", u32::from(character)),
            _ => line.push(character),
        }
    }
    line
}
