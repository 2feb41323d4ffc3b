//! When the phases of a scenario begin, and the lines of a trace by flow and phase.

use indexmap::IndexMap;
use interop_evidence::{MarkKind, Micros, Trace, TraceLine};

use super::rules::{ON_THEIR_WAY, opener};

/// The phases of a trace: before the first mark, and from each mark on.
pub(super) struct Spans {
    starts: Vec<Micros>,
    kinds: Vec<Option<MarkKind>>,
}

impl Spans {
    pub(super) fn of(trace: &Trace) -> Self {
        let mut starts = vec![Micros(0)];
        let mut latest = Micros(0);
        for mark in &trace.marks {
            latest = latest.max(mark.at);
            starts.push(latest);
        }
        let kinds = std::iter::once(None).chain(trace.marks.iter().map(|mark| Some(mark.kind))).collect();
        Self { starts, kinds }
    }

    pub(super) fn count(&self) -> usize {
        self.starts.len()
    }

    /// The phase of a moment.
    pub(super) fn at(&self, at: Micros) -> usize {
        self.starts.partition_point(|start| *start <= at).saturating_sub(1)
    }

    pub(super) fn start(&self, phase: usize) -> Micros {
        self.starts.get(phase).copied().unwrap_or_default()
    }

    fn end(&self, phase: usize) -> Option<Micros> {
        self.starts.get(phase.saturating_add(1)).copied()
    }

    pub(super) fn kind(&self, phase: usize) -> Option<MarkKind> {
        self.kinds.get(phase).copied().flatten()
    }

    /// The phase before, those left out which are too short to be told apart.
    pub(super) fn before(&self, phase: usize) -> impl Iterator<Item = usize> {
        let mut next = phase.checked_sub(1);
        std::iter::from_fn(move || {
            let this = next?;
            let is_short = self.end(this).is_some_and(|end| end.since(self.start(this)) < ON_THEIR_WAY);
            next = if is_short { this.checked_sub(1) } else { None };
            Some(this)
        })
    }

    /// Whether everything until `until` may have been on its way when the phase began.
    fn is_at_start(&self, until: Micros, phase: usize) -> bool {
        phase > 0 && until.since(self.start(phase)) <= ON_THEIR_WAY
    }
}

/// A line of a trace within one phase.
#[derive(Clone, Debug)]
pub(super) struct Piece<'a> {
    pub(super) line: &'a TraceLine,
    pub(super) phase: usize,
    pub(super) first: Micros,
    pub(super) last: Micros,
    pub(super) frame: u64,
    /// Whether it ends a connection in an orderly way.
    pub(super) is_close: bool,
}

impl Piece<'_> {
    /// Whether the host that opened the flow said it.
    pub(super) fn is_of_opener(&self) -> bool {
        self.line.from == opener(&self.line.flow)
    }

    fn says_what(&self, other: &Piece<'_>) -> bool {
        self.line.text == other.line.text && self.line.from == other.line.from
    }
}

/// A flow on one wire.
#[derive(Clone, Debug)]
pub(super) struct Flow<'a> {
    pub(super) wire: &'a str,
    pub(super) name: &'a str,
    /// By time.
    pub(super) pieces: Vec<Piece<'a>>,
    /// The phase in which it was first answered, if it was asked for before.
    pub(super) answered_in: Option<usize>,
}

impl<'a> Flow<'a> {
    /// Its pieces in a phase.
    pub(super) fn of_phase(&self, phase: usize) -> impl Iterator<Item = &Piece<'a>> {
        self.pieces.iter().filter(move |piece| piece.phase == phase)
    }

    /// Whether it was there before a phase.
    pub(super) fn is_older_than(&self, phase: usize) -> bool {
        self.pieces.iter().any(|piece| piece.phase < phase)
    }

    /// Takes out what was on its way at a mark: said in the phase before as well, and soon over. `wanted` says what this
    /// is done to.
    pub(super) fn drop_at_marks(&mut self, spans: &Spans, wanted: impl Fn(&Piece<'a>) -> bool) {
        let all = self.pieces.clone();
        let is_on_its_way = |piece: &Piece<'a>| {
            let of_phase = |phase: usize| all.iter().filter(move |other| other.phase == phase);
            let last = of_phase(piece.phase).filter(|other| other.says_what(piece)).map(|other| other.last).max();
            spans.is_at_start(last.unwrap_or(piece.last), piece.phase)
                && spans.before(piece.phase).any(|phase| of_phase(phase).any(|other| other.says_what(piece)))
        };
        self.pieces.retain(|piece| !(wanted(piece) && is_on_its_way(piece)));
    }
}

/// The flows of the lines that are wanted, in the order in which they begin.
pub(super) fn flows<'a>(trace: &'a Trace, spans: &Spans, wanted: impl Fn(&TraceLine) -> bool) -> Vec<Flow<'a>> {
    let mut flows: IndexMap<(&str, &str), Vec<Piece<'a>>> = IndexMap::new();
    for line in trace.lines.iter().filter(|line| wanted(line)) {
        let pieces = flows.entry((&line.wire, &line.flow)).or_default();
        let until = line.until.max(line.at);
        let (phase, last) = (spans.at(line.at), spans.at(until));
        let piece = Piece { line, phase, first: line.at, last: until, frame: line.frame, is_close: false };
        if phase == last {
            pieces.push(piece);
            continue;
        }
        let behind = Piece { phase: last, first: spans.start(last), frame: line.last_frame, ..piece.clone() };
        let end = spans.end(phase).unwrap_or(until);
        pieces.extend([Piece { last: end, ..piece }, behind]);
    }
    let mut flows: Vec<Flow<'a>> =
        flows.into_iter().map(|((wire, name), pieces)| Flow { wire, name, pieces, answered_in: None }).collect();
    for flow in &mut flows {
        flow.pieces.sort_by_key(|piece| (piece.first, piece.frame));
    }
    flows.sort_by_key(|flow| flow.pieces.first().map(|piece| (piece.first, piece.frame)));
    flows
}
