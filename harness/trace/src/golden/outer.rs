//! The view of the wires: who opened which flow, and what each side said that is the same in every run.

use std::collections::HashSet;
use std::time::Duration;

use indexmap::IndexSet;
use interop_evidence::{Layer, MarkKind, Micros, Trace, TraceLine, View};

use super::Slack;
use super::block::{Block, Said, Side, number};
use super::randoms::{erased, renumber};
use super::rules::{
    A_MOMENT, AT_ONCE, BRIEFLY, UNREAD, is_acknowledgement, is_bulk, is_dns, is_farewell, is_icmp_error,
    is_port_unreachable, is_retransmission, is_small, is_to_everybody, is_tunnel, opener, service,
};
use super::spans::{Flow, Piece, Spans, flows};

/// The lines of each phase.
pub(super) fn lines(trace: &Trace, spans: &Spans, slack: Slack) -> Vec<Vec<(String, u64)>> {
    let wires = wires(trace);
    let mut all = flows(trace, spans, is_wanted);
    for flow in &mut all {
        close(flow, spans, trace);
        flow.drop_at_marks(spans, |piece| is_bulk(&piece.line.text));
        move_to_answer(flow);
    }
    let errors = errors(trace, spans);
    let in_phase = |phase| {
        let blocks = all.iter().filter_map(|flow| block(flow, phase, spans, slack, wires.len() > 1)).collect();
        let mut blocks = sorted(blocks, spans.start(phase));
        fold(&mut blocks, slack);
        number(&mut blocks);
        let mut lines = Vec::new();
        blocks.iter().for_each(|block| block.write(&mut lines));
        lines.extend(errors.iter().filter(|(of, _)| *of == phase).map(|(_, line)| line.clone()));
        lines
    };
    (0..spans.count()).map(in_phase).collect()
}

fn is_on_wire(line: &TraceLine) -> bool {
    line.view == View::OuterFlow && !is_tunnel(&line.wire) && line.layer != Layer::Arp && !is_to_everybody(line)
}

fn is_wanted(line: &TraceLine) -> bool {
    is_on_wire(line)
        && line.layer != Layer::Icmp
        && !is_dns(line)
        && !is_small(&line.text)
        && !is_acknowledgement(&line.text)
        && !is_farewell(line)
        && !is_retransmission(line)
}

/// Wires are only named when there are several.
fn wires(trace: &Trace) -> IndexSet<&str> {
    trace.lines.iter().filter(|line| is_on_wire(line)).map(|line| line.wire.as_str()).collect()
}

/// The end of a TCP connection is one line, whoever was first and whether or not both still said so; nothing that
/// comes behind it counts. What a side sends that has closed already, or that was reset, is chance.
fn close(flow: &mut Flow<'_>, spans: &Spans, trace: &Trace) {
    let is_end =
        |piece: &Piece<'_>| piece.line.layer == Layer::Tcp && matches!(piece.line.text.as_str(), "FIN" | "RST");
    let Some(end) = flow.pieces.iter().position(is_end) else { return };
    flow.pieces.truncate(end.saturating_add(1));
    let Some(last) = flow.pieces.last_mut() else { return };
    if last.line.text == "RST" && !is_close(last, spans, trace) {
        return;
    }
    last.is_close = true;
}

/// Whether a reset is how a system closes when its program left something unread: the other side spoke a moment ago,
/// or the client was asked to leave.
fn is_close(reset: &Piece<'_>, spans: &Spans, trace: &Trace) -> bool {
    if spans.kind(reset.phase) == Some(MarkKind::Disconnect) {
        return true;
    }
    let TraceLine { wire, flow, from, at, .. } = reset.line;
    let spoke = trace.lines.iter().filter(|line| {
        line.layer != Layer::Tcp && line.wire == *wire && line.flow == *flow && line.from != *from && line.at <= *at
    });
    let latest = spoke.map(|line| line.until.min(*at)).max();
    latest.is_some_and(|latest| at.since(latest) <= UNREAD)
}

/// An attempt that nobody answered before a mark and that is answered behind it is one of both phases: in vain in the
/// first, and from its beginning in the second. Whether the program tried once more just then is chance.
fn move_to_answer(flow: &mut Flow<'_>) {
    let Some(answer) = flow.pieces.iter().find(|piece| !piece.is_of_opener() && !piece.is_close) else { return };
    let (phase, at) = (answer.phase, answer.first);
    let begin = flow.of_phase(phase).map(|piece| piece.first).min().unwrap_or(at);
    let asked = flow.pieces.iter().filter(|piece| piece.phase < phase && piece.is_of_opener());
    let asked: Vec<Piece<'_>> =
        asked.map(|piece| Piece { phase, first: begin, last: begin, ..piece.clone() }).collect();
    if asked.is_empty() {
        return;
    }
    flow.answered_in = Some(phase);
    let at = flow.pieces.iter().position(|piece| piece.phase >= phase).unwrap_or(flow.pieces.len());
    flow.pieces.splice(at..at, asked);
}

/// What a flow says in a phase.
fn block(flow: &Flow<'_>, phase: usize, spans: &Spans, slack: Slack, has_wire: bool) -> Option<Timed> {
    let pieces: Vec<&Piece<'_>> = flow.of_phase(phase).collect();
    let first = pieces.first()?;
    let continues = flow.is_older_than(phase) && flow.answered_in != Some(phase);
    let name = service(flow.name);
    let name = if has_wire { format!("{name} on {}", flow.wire) } else { name.to_owned() };
    let mut block = Block { number: 1, continues, ..Block::line(name, first.frame) };
    block.said = pieces.iter().map(|piece| said(piece)).collect();
    // The last packets of a connection in the tunnel that find the tunnel gone: whether there are any is chance, and
    // whether something leaks is what the checks watch.
    if !continues && block.said.iter().all(|said| said.side == Side::Both) {
        return None;
    }
    once(&mut block);
    if continues {
        mark_brief(&mut block, &pieces, spans.start(phase));
    }
    renumber(&mut block);
    let gap = first.first.since(spans.start(phase));
    if phase > 0 && !continues && gap > no_time_until(slack) {
        block.after = Some(gap.as_secs().saturating_add(u64::from(gap.subsec_millis() >= 500)));
    }
    Some(Timed { begins: first.first, block })
}

/// Times below say nothing: five times as long as runs may differ, and at least a second, as times are in seconds.
pub(super) fn no_time_until(slack: Slack) -> Duration {
    slack.time.saturating_mul(5).max(Duration::from_secs(1))
}

fn said(piece: &Piece<'_>) -> Said {
    let (side, text) = match piece.line.text.as_str() {
        _ if piece.is_close => (Side::Both, "closed".to_owned()),
        "RST" if piece.line.layer == Layer::Tcp => (Side::Both, format!("reset by {}", piece.line.from)),
        text => (if piece.is_of_opener() { Side::Opener } else { Side::Other }, text.trim_end().to_owned()),
    };
    Said { side, text, frame: piece.frame }
}

/// Repeats become one line without a count, be it that data goes on, or that the same messages come again.
fn once(block: &mut Block) {
    /// Messages of the longest exchange that is recognised when it is repeated: two flights of a handshake.
    const LONGEST: usize = 12;
    let mut data = HashSet::new();
    block.said.retain(|said| !is_bulk(&said.text) || data.insert((said.side, said.text.clone())));
    let mut keep = vec![true; block.said.len()];
    for side in Side::ALL {
        let mut kept: Vec<(usize, String)> = Vec::new();
        for (index, said) in block.said.iter().enumerate().filter(|(_, said)| said.side == side) {
            kept.push((index, erased(&said.text)));
            let repeat = (1..=LONGEST).find(|length| {
                let Some((rest, again)) = kept.len().checked_sub(*length).map(|at| kept.split_at(at)) else {
                    return false;
                };
                let before = rest.len().checked_sub(*length).and_then(|at| rest.get(at..)).unwrap_or_default();
                before.iter().map(|(_, text)| text).eq(again.iter().map(|(_, text)| text))
            });
            for (index, _) in repeat.map(|length| kept.split_off(kept.len() - length)).unwrap_or_default() {
                if let Some(keep) = keep.get_mut(index) {
                    *keep = false;
                }
            }
        }
    }
    let mut keep = keep.into_iter();
    block.said.retain(|_| keep.next().unwrap_or(true));
}

/// Data that stopped a moment after the phase began was only not noticed at once.
fn mark_brief(block: &mut Block, pieces: &[&Piece<'_>], start: Micros) {
    for line in block.said.iter_mut().filter(|line| is_bulk(&line.text)) {
        let same = pieces.iter().filter(|piece| said(piece).side == line.side && said(piece).text == line.text);
        let until = same.map(|piece| piece.last).max().unwrap_or(start);
        if until.since(start) <= A_MOMENT {
            line.text.push_str(BRIEFLY);
        }
    }
}

/// A flow and when it begins.
pub(super) struct Timed {
    pub(super) begins: Micros,
    pub(super) block: Block,
}

/// By first appearance. Flows that went on come first: when each of them is heard first is chance. So is the order of
/// flows that begin at once; they are ordered by name.
pub(super) fn sorted(mut flows: Vec<Timed>, start: Micros) -> Vec<Block> {
    for flow in flows.iter_mut().filter(|flow| flow.block.continues) {
        flow.begins = start;
    }
    flows.sort_by_key(|flow| (!flow.block.continues, flow.begins));
    let mut blocks = Vec::new();
    let mut rest = flows.into_iter().peekable();
    while let Some(first) = rest.next() {
        let begins = first.begins;
        let continues = first.block.continues;
        let mut at_once = vec![first.block];
        while let Some(next) =
            rest.next_if(|next| next.block.continues == continues && next.begins.since(begins) <= AT_ONCE)
        {
            at_once.push(next.block);
        }
        at_once.sort_by(|one, other| one.name.cmp(&other.name));
        blocks.append(&mut at_once);
    }
    blocks
}

/// Flows that are equal in every line are one: retries. In vain, an attempt that was cut off by the next mark is equal
/// as well; where packets are lost by chance, so is every attempt that ended early.
pub(super) fn fold(blocks: &mut Vec<Block>, slack: Slack) {
    let mut folded: Vec<Block> = Vec::new();
    for block in blocks.drain(..) {
        let like = folded.iter_mut().find(|other| {
            let is_early = slack.repeats || (block.is_vain() && other.is_vain());
            other.name == block.name
                && other.continues == block.continues
                && (block.says_the_same(other)
                    || (is_early && (block.is_beginning_of(other) || other.is_beginning_of(&block))))
        });
        match like {
            Some(other) => {
                // Under loss the number of attempts says nothing, so the word would be chance.
                other.repeated = !slack.repeats;
                if other.said.len() < block.said.len() {
                    other.said = block.said;
                }
            }
            None => folded.push(block),
        }
    }
    *blocks = folded;
}

/// ICMP errors, each once a phase, with their phase.
///
/// A port that is unreachable at a host that opened a flow is a socket that was closed while something was on its way.
fn errors(trace: &Trace, spans: &Spans) -> Vec<(usize, (String, u64))> {
    let openers: HashSet<&str> =
        trace.lines.iter().filter(|line| is_wanted(line)).map(|line| opener(&line.flow)).collect();
    let is_error = |line: &TraceLine| {
        is_on_wire(line)
            && line.layer == Layer::Icmp
            && is_icmp_error(&line.text)
            && !(is_port_unreachable(&line.text) && openers.contains(line.from.as_str()))
    };
    let has_wire = wires(trace).len() > 1;
    let mut lines = IndexSet::new();
    let mut found = Vec::new();
    let mut all = flows(trace, spans, is_error);
    all.iter_mut().for_each(|flow| flow.drop_at_marks(spans, |_| true));
    for piece in all.iter().flat_map(|flow| &flow.pieces) {
        let TraceLine { from, to, text, wire, .. } = piece.line;
        let on = if has_wire { format!(" on {wire}") } else { String::new() };
        let line = format!("{from}>{to}{on} {text}");
        if lines.insert((piece.phase, line.clone())) {
            found.push((piece.phase, (line, piece.frame)));
        }
    }
    found.sort();
    found
}
