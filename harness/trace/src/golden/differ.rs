//! How the lines of a phase differ from those that were reviewed.

use std::collections::HashSet;
use std::time::Duration;

use super::block::{Block, Said, Side, blocks};
use super::outer::no_time_until;
use super::rules::BRIEFLY;
use super::{Phase, Slack};

/// Lines that are shown before and behind a difference.
const NEIGHBOURS: usize = 3;

/// A difference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Finding {
    /// The flow, if it is in one.
    flow: Option<String>,
    pub(super) expected: Option<String>,
    pub(super) seen: Option<String>,
    /// The line behind which it is.
    after: Option<String>,
    /// Said in place of what was expected and seen.
    instead: Option<String>,
    pub(super) frame: u64,
    before: Vec<String>,
    behind: Vec<String>,
}

impl Finding {
    fn new(expected: Option<String>, seen: Option<String>, frame: u64) -> Self {
        Self { flow: None, expected, seen, after: None, instead: None, frame, before: vec![], behind: vec![] }
    }

    /// A phase that did not come. `is_end`: nothing that was expected later came either.
    pub(super) fn missing_phase(phase: &Phase, is_end: bool, frame: u64) -> Self {
        let what = if is_end { "the run ended before this phase began" } else { "this phase did not come" };
        let mut this = Self::new(Some(format!("--- {}", phase.name)), None, frame);
        this.instead = Some(format!("{what}; {} were expected in it", count(phase.lines.len(), "line")));
        this.behind = phase.lines.iter().take(NEIGHBOURS).map(|(line, _)| line.clone()).collect();
        this
    }

    /// A phase that nobody expected.
    pub(super) fn additional_phase(phase: &Phase) -> Self {
        let frame = phase.lines.first().map_or(0, |(_, frame)| *frame);
        let mut this = Self::new(None, Some(format!("--- {}", phase.name)), frame);
        this.instead = Some(format!("this phase is additional, with {}", count(phase.lines.len(), "line")));
        this.behind = phase.lines.iter().take(NEIGHBOURS).map(|(line, _)| line.clone()).collect();
        this
    }

    /// `, flow client>gateway UDP/443: expected ..., but ... came`
    pub(super) fn words(&self) -> String {
        let flow = self.flow.as_ref().map(|flow| format!(", flow {flow}")).unwrap_or_default();
        let after = self.after.as_ref().map(|after| format!(" after `{after}`")).unwrap_or_default();
        let what = match (&self.instead, &self.expected, &self.seen) {
            (Some(instead), _, _) => instead.clone(),
            (None, Some(expected), Some(seen)) => format!("expected `{expected}`{after}, but `{seen}` came"),
            (None, Some(expected), None) => format!("expected `{expected}`{after}, but it did not come"),
            (None, None, Some(seen)) => format!("`{seen}` came{after}, which was not expected"),
            (None, None, None) => "it differs".to_owned(),
        };
        format!("{flow}: {what}")
    }

    /// The difference between its neighbours.
    pub(super) fn picture(&self) -> Vec<String> {
        let shown = |sign: &str, lines: &[String]| lines.iter().map(|line| format!("  {sign} {line}")).collect();
        let parts: [Vec<String>; 4] = [
            shown(" ", &self.before),
            shown("-", self.expected.as_slice()),
            shown("+", self.seen.as_slice()),
            shown(" ", &self.behind),
        ];
        parts.concat()
    }
}

fn count(number: usize, what: &str) -> String {
    if number == 1 { format!("1 {what}") } else { format!("{number} {what}s") }
}

/// The differences of a phase in the order of their frames. `is_late` says of a text and a frame that it was on its
/// way when the phase began.
pub(super) fn differ(
    golden: &[(String, u64)],
    seen: &[(String, u64)],
    slack: Slack,
    is_late: &dyn Fn(&str, u64) -> bool,
) -> Vec<Finding> {
    let (mut golden, mut seen) = (blocks(golden), blocks(seen));
    forget_brief(&mut golden, &mut seen);
    let seen: Vec<Block> = seen.into_iter().map(|block| without_late(block, &golden, is_late)).collect();
    // What was on its way was all that a flow had.
    let seen: Vec<Block> = seen.into_iter().filter(|block| !(block.continues && block.said.is_empty())).collect();
    let pairs = pairs(&golden, &seen, slack);
    let mut found = Vec::new();
    for (at, block) in golden.iter().enumerate() {
        let partner = pairs.get(at).copied().flatten().and_then(|at| seen.get(at));
        match partner {
            Some(partner) => of_pair(block, partner, slack, &mut found),
            None => found.push(missing(&golden, &seen, &pairs, at)),
        }
    }
    let is_paired = |index: usize| pairs.contains(&Some(index));
    for (_, block) in seen.iter().enumerate().filter(|(index, _)| !is_paired(*index)) {
        let mut finding = Finding::new(None, Some(block.head()), block.frame);
        finding.behind = block.said.iter().take(NEIGHBOURS).map(shown).collect();
        found.push(finding);
    }
    found.sort_by_key(|finding| finding.frame);
    join_lines(found)
}

/// Takes out what went on for a moment only, on either side: see [`BRIEFLY`].
fn forget_brief(golden: &mut Vec<Block>, seen: &mut Vec<Block>) {
    let brief: HashSet<(String, Side, String)> = golden
        .iter()
        .chain(seen.iter())
        .filter(|block| block.continues)
        .flat_map(|block| block.said.iter().map(move |said| (block, said)))
        .filter_map(|(block, said)| Some((block.name.clone(), said.side, said.text.strip_suffix(BRIEFLY)?.to_owned())))
        .collect();
    for blocks in [golden, seen] {
        for block in blocks.iter_mut().filter(|block| block.continues) {
            let name = block.name.clone();
            block.said.retain(|said| {
                let text = said.text.strip_suffix(BRIEFLY).unwrap_or(&said.text);
                !brief.contains(&(name.clone(), said.side, text.to_owned()))
            });
        }
        blocks.retain(|block| !(block.continues && block.said.is_empty()));
    }
}

/// A flow without what was on its way when the phase began, unless the golden has it as well.
fn without_late(mut block: Block, golden: &[Block], is_late: &dyn Fn(&str, u64) -> bool) -> Block {
    if block.continues {
        let like: Vec<&Block> = golden.iter().filter(|other| other.name == block.name && other.continues).collect();
        block.said.retain(|said| {
            let is_expected = like.iter().flat_map(|block| block.side(said.side)).any(|other| other.text == said.text);
            is_expected || !is_late(&said.text, said.frame)
        });
    }
    block
}

/// For each block that is expected the one that was seen: first those that are the same, then those of the same name.
fn pairs(golden: &[Block], seen: &[Block], slack: Slack) -> Vec<Option<usize>> {
    let is_of_kind = |one: &Block, other: &Block| {
        one.name == other.name && one.is_flow() == other.is_flow() && one.continues == other.continues
    };
    let is_same = |one: &Block, other: &Block| one.says_the_same(other) && is_head_same(one, other, slack);
    let mut pairs = vec![None; golden.len()];
    let mut taken = vec![false; seen.len()];
    for exactly in [true, false] {
        for (block, pair) in golden.iter().zip(pairs.iter_mut()).filter(|(_, pair)| pair.is_none()) {
            let partner = seen.iter().zip(taken.iter_mut()).enumerate().find(|(_, (other, taken))| {
                !**taken && is_of_kind(block, other) && (!exactly || is_same(block, other))
            });
            if let Some((index, (_, taken))) = partner {
                *taken = true;
                *pair = Some(index);
            }
        }
    }
    pairs
}

fn is_head_same(golden: &Block, seen: &Block, slack: Slack) -> bool {
    is_time_same(golden.after, seen.after, slack) && is_repeat_same(golden, seen, slack)
}

/// Times are in whole seconds on both sides, and are left out when they are short.
fn is_time_same(golden: Option<u64>, seen: Option<u64>, slack: Slack) -> bool {
    let tolerance = slack.time.saturating_add(Duration::from_secs(1));
    match (golden, seen) {
        (None, None) => true,
        (Some(golden), Some(seen)) => Duration::from_secs(golden.abs_diff(seen)) <= tolerance,
        (Some(one), None) | (None, Some(one)) => {
            Duration::from_secs(one) <= no_time_until(slack).saturating_add(tolerance)
        }
    }
}

/// How often somebody knocks in vain depends on how long the phase lasts.
fn is_repeat_same(golden: &Block, seen: &Block, slack: Slack) -> bool {
    slack.repeats || golden.repeated == seen.repeated || (golden.is_vain() && seen.is_vain())
}

fn of_pair(golden: &Block, seen: &Block, slack: Slack, found: &mut Vec<Finding>) {
    if !is_head_same(golden, seen, slack) {
        let mut finding = Finding::new(Some(golden.head()), Some(seen.head()), seen.frame);
        finding.flow = Some(golden.name.clone());
        finding.behind = seen.said.iter().take(NEIGHBOURS).map(shown).collect();
        found.push(finding);
    }
    for side in Side::ALL {
        let expected: Vec<(usize, &Said)> = of_side(golden, side);
        let came: Vec<(usize, &Said)> = of_side(seen, side);
        let same = expected.iter().zip(&came).take_while(|((_, one), (_, other))| one.text == other.text).count();
        let (missing, other) = (expected.get(same), came.get(same));
        if missing.is_none() && other.is_none() {
            continue;
        }
        let before = same.checked_sub(1).and_then(|at| came.get(at));
        let frame = other.or(before).map_or(seen.frame, |(_, said)| said.frame);
        let text = |line: Option<&(usize, &Said)>| line.map(|(_, said)| said.shown());
        let mut finding = Finding::new(text(missing), text(other), frame);
        finding.flow = Some(golden.name.clone());
        finding.after = text(before);
        (finding.before, finding.behind) = match (missing, other) {
            (_, Some((at, _))) => around(seen, *at, *at + 1),
            (Some((at, _)), None) => around(golden, *at, *at + 1),
            (None, None) => continue,
        };
        found.push(finding);
    }
}

fn of_side(block: &Block, side: Side) -> Vec<(usize, &Said)> {
    block.said.iter().enumerate().filter(|(_, said)| said.side == side).collect()
}

fn shown(said: &Said) -> String {
    format!("  {}", said.shown())
}

/// The lines of a flow before one and from another on.
fn around(block: &Block, from: usize, to: usize) -> (Vec<String>, Vec<String>) {
    let head = std::iter::once(block.head());
    let before: Vec<String> = head.chain(block.said.iter().take(from).map(shown)).collect();
    let skipped = before.len().saturating_sub(NEIGHBOURS);
    let behind = block.said.iter().skip(to).take(NEIGHBOURS).map(shown).collect();
    (before.into_iter().skip(skipped).collect(), behind)
}

/// A flow or line that did not come, with the frame after which it should have: the last one before the next flow that
/// did come.
fn missing(golden: &[Block], seen: &[Block], pairs: &[Option<usize>], at: usize) -> Finding {
    let partner = |index: &Option<usize>| index.and_then(|index| seen.get(index));
    let next = pairs.iter().skip(at).filter_map(partner).map(|block| block.frame).min().unwrap_or(u64::MAX);
    let frames =
        || seen.iter().flat_map(|block| std::iter::once(block.frame).chain(block.said.iter().map(|said| said.frame)));
    let before = frames().filter(|frame| *frame < next).max();
    let block = golden.get(at);
    let mut finding = Finding::new(block.map(Block::head), None, before.or_else(|| frames().max()).unwrap_or_default());
    finding.before = golden.iter().take(at).skip(at.saturating_sub(NEIGHBOURS)).map(Block::head).collect();
    finding.behind = block.map(|block| block.said.iter().take(NEIGHBOURS).map(shown).collect()).unwrap_or_default();
    finding
}

/// A line that did not come and one like it that did are one difference: another answer, another route.
fn join_lines(found: Vec<Finding>) -> Vec<Finding> {
    let mut joined: Vec<Finding> = Vec::new();
    for finding in found {
        let likeness = |other: &Finding| match (&other.expected, &other.seen, &finding.expected, &finding.seen) {
            (Some(one), None, None, Some(another)) | (None, Some(one), Some(another), None) => likeness(one, another),
            _ => None,
        };
        let is_line = |finding: &Finding| finding.flow.is_none() && finding.instead.is_none();
        let alike = joined.iter_mut().filter(|other| is_line(&finding) && is_line(other));
        let alike = alike.filter_map(|other| Some((likeness(other)?, other)));
        match alike.max_by_key(|(likeness, _)| *likeness) {
            Some((_, other)) => {
                // The frame of the line that came.
                other.frame = if other.seen.is_some() { other.frame } else { finding.frame };
                other.expected = other.expected.take().or(finding.expected);
                other.seen = other.seen.take().or(finding.seen);
            }
            None => joined.push(finding),
        }
    }
    joined.sort_by_key(|finding| finding.frame);
    joined
}

/// How many words two lines share, if they speak of the same: more than half of their words.
fn likeness(one: &str, other: &str) -> Option<usize> {
    let same = one.split(' ').zip(other.split(' ')).filter(|(one, other)| one == other).count();
    let words = one.split(' ').count().max(other.split(' ').count());
    (!one.contains('>') && same.saturating_mul(2) > words).then_some(same)
}
