//! Repeats: what a flow says again is folded into one line.

use interop_evidence::{Layer, Micros, View};

use super::draft::Draft;
use super::retransmissions;
use super::times::PAUSE;
use crate::found::{Found, Item, Way};
use crate::limits::{MOST_OPEN_FOLDS, MOST_REPEATABLE};
use crate::words::Word;

/// Frames of CSTP that only keep the tunnel alive, whenever a timer runs out.
const KEEPALIVES: [&str; 3] = ["DPD-REQ", "DPD-RESP", "KEEPALIVE"];

/// The lines of one flow in one view. Views do not touch each other, so that lines which need keys change nothing in
/// what is seen without them.
#[derive(Debug)]
pub(super) struct Lane {
    pub(super) view: View,
    phase: usize,
    /// When something new was said last.
    busy: Micros,
    /// Lines that take in what is like them.
    open: Vec<usize>,
    /// Lines of this phase, the latest ones.
    said: Vec<usize>,
    /// The last line in each direction, of any phase.
    last: [Option<usize>; 2],
}

impl Lane {
    pub(super) const fn new(view: View) -> Self {
        Self { view, phase: 0, busy: Micros(0), open: Vec::new(), said: Vec::new(), last: [None; 2] }
    }

    /// Folds an item into a line, or says that it needs one of its own.
    ///
    /// Each direction may go on while the other speaks. A new message that is no bulk ends all folds of the
    /// lane, so do a mark and a pause; something repeated for want of an answer is neither new nor the end of a pause.
    pub(super) fn fold(&mut self, item: &Item<'_>, phase: usize, drafts: &mut [Draft], raw: bool) -> bool {
        if phase != self.phase {
            self.phase = phase;
            self.open.clear();
            self.said.clear();
        }
        if item.found.again {
            return retransmissions::count(self, item, drafts, raw);
        }
        let at = item.found.moment.at;
        if at.since(self.busy) > PAUSE {
            self.open.clear();
        }
        self.busy = self.busy.max(at);
        let alike = self.open.iter().find(|id| drafts.get(**id).is_some_and(|draft| draft.is_like(item, raw)));
        if let Some(draft) = alike.and_then(|id| drafts.get_mut(*id)) {
            draft.fold(item);
            return true;
        }
        if !is_bulk(&item.found) {
            self.open.clear();
        }
        false
    }

    /// Takes the line of an item that was not folded.
    pub(super) fn begin(&mut self, id: usize, way: Way) {
        push_bounded(&mut self.open, id, MOST_OPEN_FOLDS);
        push_bounded(&mut self.said, id, MOST_REPEATABLE);
        match way {
            Way::Forth => self.last[0] = Some(id),
            Way::Back => self.last[1] = Some(id),
        }
    }

    /// The latest lines of the current phase, the oldest first.
    pub(super) fn of_phase(&self) -> &[usize] {
        &self.said
    }

    /// The last line in a direction.
    pub(super) fn last(&self, way: Way) -> Option<usize> {
        match way {
            Way::Forth => self.last[0],
            Way::Back => self.last[1],
        }
    }
}

/// Whether this comes as often as there is data or time: it has a size, is an echo or an error of the network, or keeps
/// the tunnel alive.
fn is_bulk(found: &Found) -> bool {
    let mut words = found.words.0.iter();
    match found.layer {
        Layer::Icmp => true,
        Layer::Cstp => words.any(|word| match word {
            Word::Size(_) => true,
            Word::Text(text) => KEEPALIVES.iter().any(|keepalive| text.contains(keepalive)),
            _ => false,
        }),
        _ => words.any(|word| matches!(word, Word::Size(_))),
    }
}

fn push_bounded(ids: &mut Vec<usize>, id: usize, most: usize) {
    if ids.len() >= most {
        ids.remove(0);
    }
    ids.push(id);
}
