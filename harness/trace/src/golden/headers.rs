//! The view of the CONNECT dialogue: HTTP of the control channel, line by line, and how CSTP says goodbye.

use interop_evidence::{Layer, Trace, TraceLine, View};

use super::Slack;
use super::block::{Block, Said, Side, number};
use super::outer::{Timed, fold, sorted};
use super::randoms::renumber;
use super::rules::{ON_THEIR_WAY, is_tunnel, service};
use super::spans::{Flow, Spans, flows};

/// The lines of each phase.
pub(super) fn lines(trace: &Trace, spans: &Spans, slack: Slack) -> Vec<Vec<(String, u64)>> {
    let mut all = flows(trace, spans, is_wanted);
    all.iter_mut().for_each(|flow| keep_dialogues_together(flow, spans));
    let in_phase = |phase| {
        let blocks = all.iter().filter_map(|flow| block(flow, phase)).collect();
        let mut blocks = sorted(blocks, spans.start(phase));
        fold(&mut blocks, slack);
        number(&mut blocks);
        let mut lines = Vec::new();
        blocks.iter().for_each(|block| block.write(&mut lines));
        lines
    };
    (0..spans.count()).map(in_phase).collect()
}

fn is_wanted(line: &TraceLine) -> bool {
    let is_goodbye = || ["CSTP DISCONNECT", "CSTP TERMINATE"].iter().any(|goodbye| line.text.starts_with(goodbye));
    line.view == View::ConnectHeaders && !is_tunnel(&line.wire) && (line.layer == Layer::Http || is_goodbye())
}

/// A reply that comes right behind a mark belongs to its request, before the mark.
fn keep_dialogues_together(flow: &mut Flow<'_>, spans: &Spans) {
    let mut asked: Option<usize> = None;
    for piece in &mut flow.pieces {
        match asked {
            _ if piece.is_of_opener() => asked = Some(piece.phase),
            Some(phase) if phase < piece.phase && piece.first.since(spans.start(piece.phase)) <= ON_THEIR_WAY => {
                piece.phase = phase;
            }
            _ => {}
        }
    }
}

fn block(flow: &Flow<'_>, phase: usize) -> Option<Timed> {
    let mut pieces = flow.of_phase(phase).peekable();
    let (begins, frame) = pieces.peek().map(|piece| (piece.first, piece.frame))?;
    let said = pieces.map(|piece| Said {
        side: if piece.is_of_opener() { Side::Opener } else { Side::Other },
        text: piece.line.text.trim_end().to_owned(),
        frame: piece.frame,
    });
    let continues = flow.is_older_than(phase);
    let mut block =
        Block { number: 1, continues, said: said.collect(), ..Block::line(service(flow.name).to_owned(), frame) };
    renumber(&mut block);
    Some(Timed { begins, block })
}
