//! Which lines of a long trace are drawn.

use interop_evidence::{MarkKind, Trace, TraceLine, View};

use super::frames::Wanted;

/// Lines on either side of a failing packet that stay.
const AROUND_A_HIT: usize = 12;
/// Lines on either side of the begin and the end of a fault that stay.
const AROUND_A_FAULT: usize = 8;

/// The lines that are drawn, in the order of the trace.
pub(super) struct Picked<'a> {
    pub(super) lines: Vec<Chosen<'a>>,
    /// How many there are beside those.
    pub(super) left_out: usize,
}

/// A line that is drawn.
#[derive(Clone, Copy)]
pub(super) struct Chosen<'a> {
    pub(super) line: &'a TraceLine,
    /// Whether a check complains of it.
    pub(super) hit: bool,
    /// Whether it says more of the message above it: a header, an element of XML.
    pub(super) more: bool,
    /// How many lines say more of this one.
    pub(super) mores: usize,
}

/// How much a line is worth; the least comes first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Worth {
    Hit,
    Near,
    Outer,
    Opened,
    Data,
    Inner,
    More,
}

impl<'a> Picked<'a> {
    /// At most `limit` lines: those that checks name by their frame, the neighbours of these and of faults, what is no plain
    /// data, and the rest. Of lines that are worth the same, the first and the last ones.
    pub(super) fn of(trace: &'a Trace, wanted: &[Wanted<'_>], limit: usize) -> Self {
        let mut all = chosen(&trace.lines);
        let mut worth: Vec<_> = all.iter().map(of_itself).collect();
        let mut near = |at: usize, around: usize| {
            let from = at.saturating_sub(around);
            for worth in worth.iter_mut().skip(from).take(at - from + around + 1) {
                *worth = (*worth).min(Worth::Near);
            }
        };
        let hits: Vec<_> = wanted.iter().flat_map(|wanted| hits(&all, wanted)).collect();
        hits.iter().for_each(|at| near(*at, AROUND_A_HIT));
        for mark in trace.marks.iter().filter(|mark| matches!(mark.kind, MarkKind::Fault | MarkKind::Heal)) {
            near(trace.lines.partition_point(|line| line.at < mark.at), AROUND_A_FAULT);
        }
        for at in hits {
            if let (Some(worth), Some(chosen)) = (worth.get_mut(at), all.get_mut(at)) {
                *worth = Worth::Hit;
                chosen.hit = true;
            }
        }
        let kept = best(&worth, limit);
        let lines: Vec<_> = kept.into_iter().filter_map(|at| all.get(at).copied()).collect();
        Self { left_out: trace.lines.len() - lines.len(), lines }
    }

    /// Whether a frame is in a line that is highlighted.
    pub(super) fn shows(&self, frame: u64) -> bool {
        self.lines.iter().any(|chosen| chosen.hit && covers(chosen.line, frame))
    }
}

/// Finds the lines that say more of another: they are of the same frame and flow, and indented.
fn chosen(lines: &[TraceLine]) -> Vec<Chosen<'_>> {
    let mut all: Vec<Chosen<'_>> = Vec::with_capacity(lines.len());
    let mut head: Option<usize> = None;
    for line in lines {
        let of = head.and_then(|at| all.get_mut(at)).filter(|head| {
            let same = |a: &TraceLine, b: &TraceLine| (a.frame, a.view, a.layer) == (b.frame, b.view, b.layer);
            same(head.line, line) && head.line.flow == line.flow && head.line.from == line.from
        });
        let more = match of {
            Some(head) if indent(&line.text).is_some() => {
                head.mores += 1;
                true
            }
            _ => false,
        };
        if !more {
            head = Some(all.len());
        }
        all.push(Chosen { line, hit: false, more, mores: 0 });
    }
    all
}

/// How far a text is indented after its first word, and what comes then: `HTTP   Host: a`, `XML     form`.
pub(super) fn indent(text: &str) -> Option<(usize, &str)> {
    let (_, rest) = text.split_once(' ')?;
    let said = rest.trim_start_matches(' ');
    let depth = (rest.len() - said.len()) / 2;
    (depth > 0 && !said.is_empty()).then_some((depth, said))
}

fn covers(line: &TraceLine, frame: u64) -> bool {
    (line.frame..=line.last_frame).contains(&frame)
}

/// The places of a frame in the trace. Of the lines that begin with it, those that the message quotes, else the first one of
/// each view; if none begins with it, the shortest one that it is folded into.
fn hits(all: &[Chosen<'_>], wanted: &Wanted<'_>) -> Vec<usize> {
    let exact: Vec<_> =
        (0..all.len()).filter(|at| all.get(*at).is_some_and(|c| c.line.frame == wanted.frame)).collect();
    let text = |at: &usize| all.get(*at).map_or("", |chosen| chosen.line.text.as_str());
    let quoted: Vec<_> =
        exact.iter().copied().filter(|at| !text(at).is_empty() && wanted.message.contains(text(at))).collect();
    // "`A` came after `B`": A is meant, though B may be of the same frame. Of texts within each other, it is the longest one.
    let rank = |at: &usize| (wanted.message.contains(&format!("{}` came", text(at))), text(at).len());
    if let Some(best) = quoted.iter().map(rank).max() {
        return quoted.into_iter().filter(|at| rank(at) == best).take(View::ALL.len()).collect();
    }
    if !exact.is_empty() {
        let first = |view: View| exact.iter().copied().find(|at| all.get(*at).is_some_and(|c| c.line.view == view));
        return View::ALL.into_iter().filter_map(first).collect();
    }
    let around = all.iter().enumerate().filter(|(_, chosen)| covers(chosen.line, wanted.frame));
    let shortest = around.min_by_key(|(_, chosen)| chosen.line.last_frame - chosen.line.frame);
    shortest.map(|(at, _)| at).into_iter().collect()
}

fn of_itself(chosen: &Chosen<'_>) -> Worth {
    match chosen.line.view {
        _ if chosen.more => Worth::More,
        View::InnerFlow => Worth::Inner,
        View::ConnectHeaders | View::Dns | View::Routes => Worth::Opened,
        View::OuterFlow if is_data(chosen.line) => Worth::Data,
        View::OuterFlow => Worth::Outer,
    }
}

/// Whether a line is one of the many that carry the tunnel, and nothing was done to it.
fn is_data(line: &TraceLine) -> bool {
    line.remark.is_none() && ["data", "DATA"].iter().any(|word| line.text.contains(word))
}

/// The places of the `limit` best, in their order. Of those that are worth as much as the last one that fits, the
/// first and the last ones are taken.
fn best(worth: &[Worth], limit: usize) -> Vec<usize> {
    let mut order: Vec<_> = (0..worth.len()).collect();
    order.sort_by_key(|at| worth.get(*at).copied());
    let (Some(first_out), true) = (order.get(limit).and_then(|at| worth.get(*at)), worth.len() > limit) else {
        return (0..worth.len()).collect();
    };
    let better: Vec<_> = (0..worth.len()).filter(|at| worth.get(*at) < Some(first_out)).collect();
    let equal: Vec<_> = (0..worth.len()).filter(|at| worth.get(*at) == Some(first_out)).collect();
    let room = limit.saturating_sub(better.len()).min(equal.len());
    let (head, tail) = equal.split_at(room.div_ceil(2));
    let mut kept = better;
    kept.extend(head);
    kept.extend(&tail[tail.len() - room / 2..]);
    kept.sort_unstable();
    kept
}

#[cfg(test)]
mod tests {
    use interop_evidence::{Layer, Micros, TraceMark};

    use super::*;

    fn line(frame: u64, view: View, text: &str) -> TraceLine {
        TraceLine {
            frame,
            last_frame: frame,
            at: Micros(frame * 1000),
            until: Micros(frame * 1000),
            wire: "access".into(),
            view,
            flow: "client>gateway UDP/443".into(),
            from: "client".into(),
            to: "gateway".into(),
            layer: Layer::Dtls,
            text: text.into(),
            count: 1,
            retransmissions: 0,
            remark: None,
        }
    }

    fn data(frames: std::ops::RangeInclusive<u64>) -> Trace {
        let lines = frames.map(|frame| line(frame, View::OuterFlow, "DTLS application data")).collect();
        Trace { lines, ..Trace::default() }
    }

    fn frames(picked: &Picked<'_>) -> Vec<u64> {
        picked.lines.iter().map(|chosen| chosen.line.frame).collect()
    }

    fn hit_frames(picked: &Picked<'_>) -> Vec<u64> {
        picked.lines.iter().filter(|chosen| chosen.hit).map(|chosen| chosen.line.frame).collect()
    }

    fn wanted(frames: &[u64]) -> Vec<Wanted<'static>> {
        frames.iter().map(|frame| Wanted { frame: *frame, message: "" }).collect()
    }

    #[test]
    fn a_short_trace_is_whole() {
        let trace = data(1..=5);
        let picked = Picked::of(&trace, &[], 5);
        assert_eq!((frames(&picked), picked.left_out), (vec![1, 2, 3, 4, 5], 0));
    }

    #[test]
    fn handshakes_stay_and_data_goes() {
        let mut trace = data(1..=1000);
        trace.lines[500].text = "DTLS ClientHello".into();
        trace.lines[501].view = View::Dns;
        trace.lines[10].view = View::InnerFlow;
        let picked = Picked::of(&trace, &[], 4);
        assert_eq!((frames(&picked), picked.left_out), (vec![1, 501, 502, 1000], 996));
        assert!(hit_frames(&picked).is_empty());
    }

    #[test]
    fn neighbours_of_the_failing_packet_and_of_faults_stay() {
        let mut trace = data(1..=1000);
        trace.marks.push(TraceMark { at: Micros(800_500), text: "fault x: y".into(), kind: MarkKind::Fault });
        let picked = Picked::of(&trace, &wanted(&[300]), 2 * AROUND_A_HIT + 1 + 2 * AROUND_A_FAULT + 1);
        assert_eq!(frames(&picked), (288..=312).chain(793..=809).collect::<Vec<_>>());
        assert_eq!(hit_frames(&picked), [300]);
        assert!(picked.shows(300) && !picked.shows(301));
    }

    #[test]
    fn a_folded_frame_is_found_in_its_line() {
        let mut trace = data(1..=3);
        trace.lines[1].last_frame = 90;
        trace.lines[2].last_frame = 40;
        for (frame, found) in [(3, vec![3]), (30, vec![3]), (60, vec![2]), (99, vec![])] {
            let picked = Picked::of(&trace, &wanted(&[frame]), 9);
            assert_eq!(hit_frames(&picked), found, "{frame}");
        }
    }

    #[test]
    fn the_limit_holds_whatever_is_asked_for() {
        let mut trace = data(1..=50);
        for limit in 0..60 {
            trace.lines[7].text = "ClientHello".into();
            let picked = Picked::of(&trace, &wanted(&(1..=50).collect::<Vec<_>>()), limit);
            assert_eq!(picked.lines.len(), limit.min(50));
            assert_eq!(picked.lines.len() + picked.left_out, 50);
        }
    }

    #[test]
    fn headers_belong_to_their_message() {
        let mut trace = data(1..=2);
        let texts = ["HTTP POST /", "HTTP   Host: a", "HTTP   Accept: b", "XML init", "XML   version", "HTTP   stray"];
        for (at, text) in texts.into_iter().enumerate() {
            let mut line = line(if at == 5 { 4 } else { 3 }, View::ConnectHeaders, text);
            line.layer = Layer::Http;
            trace.lines.push(line);
        }
        let picked = Picked::of(&trace, &[], 99);
        let found: Vec<_> = picked.lines.iter().skip(2).map(|chosen| (chosen.more, chosen.mores)).collect();
        assert_eq!(found, [(false, 2), (true, 0), (true, 0), (false, 1), (true, 0), (false, 0)]);
        let picked = Picked::of(&trace, &[], 5);
        assert!(picked.lines.iter().all(|chosen| !chosen.more), "they go first");
        for (message, wanted) in [
            ("frame 3: expected `HTTP   Accept: c`, saw `HTTP   Accept: b`", "HTTP   Accept: b"),
            ("`HTTP   Host: a` came after `HTTP   Accept: b`, which was not expected (frame 3)", "HTTP   Host: a"),
            ("frame 3 differs", "HTTP POST /"),
        ] {
            let picked = Picked::of(&trace, &[Wanted { frame: 3, message }], 99);
            let hit: Vec<_> =
                picked.lines.iter().filter(|chosen| chosen.hit).map(|chosen| &*chosen.line.text).collect();
            assert_eq!(hit, [wanted]);
        }
    }
}
