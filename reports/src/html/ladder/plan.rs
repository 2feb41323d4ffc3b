//! Where everything of a diagram goes. Lengths are in units of the drawing, at first one pixel each.

use interop_evidence::{MarkKind, Micros, Trace, TraceMark, View};

use super::pick::{Chosen, Picked};
use super::{MORE, view_words};
use crate::text::{one_line, plural};

/// Lanes of a diagram; more cannot be told apart.
const LANES: usize = 10;
/// Names that are looked at to find the lanes; a scan of a network could bring any number.
const NAMES: usize = 100;
/// Marks of a diagram.
const MARKS: usize = 100;
/// Bands beside each other; deeper ones lie on top of the last.
const DEPTH: u32 = 4;
/// A pause of this length is shown as a break.
pub(super) const PAUSE: u64 = 2_000_000;

/// The least width; it fits the panel beside the matrix.
const WIDTH: u32 = 640;
/// Where the times end and the lanes begin.
pub(super) const GUTTER: u32 = 62;
/// From the edges to the outer lanes; half a name fits.
pub(super) const EDGE: u32 = 52;
/// Between two lanes: a name fits.
const SPACING: u32 = 100;
/// Height of the names of the lanes.
pub(super) const TOP: u32 = 30;
/// Height of a line: text, and the arrow below it.
pub(super) const LINE: u32 = 28;
/// Height of a line that says more of the one above.
pub(super) const MORE_LINE: u32 = 15;
/// Height of a mark.
pub(super) const MARK: u32 = 24;
/// Height of a break.
pub(super) const BREAK: u32 = 24;
/// Below the last line.
pub(super) const BOTTOM: u32 = 10;

/// A diagram before it is drawn.
pub(super) struct Plan<'a> {
    pub(super) lanes: Vec<Lane>,
    pub(super) rows: Vec<Row<'a>>,
    pub(super) bands: Vec<Band>,
    pub(super) breaks: Vec<Break>,
    /// A view or [`MORE`], words, whether shown at first.
    pub(super) switches: Vec<(&'static str, &'static str, bool)>,
    pub(super) width: u32,
    pub(super) height: u32,
    /// Hosts for which there is no lane.
    pub(super) cut_lanes: usize,
}

/// A host.
pub(super) struct Lane {
    pub(super) name: String,
    pub(super) x: u32,
}

/// A line or a mark.
pub(super) struct Row<'a> {
    pub(super) at: Micros,
    /// Its upper edge.
    pub(super) y: u32,
    pub(super) what: What<'a>,
}

/// What a row shows.
pub(super) enum What<'a> {
    Line {
        chosen: Chosen<'a>,
        /// The lane of the sender.
        from: u32,
        /// The lane of the receiver.
        to: u32,
        /// Whether it is shown at first.
        shown: bool,
    },
    Mark(&'a TraceMark),
}

/// A fault, from the row that begins it to the one that ends it, if one does.
pub(super) struct Band {
    pub(super) name: String,
    pub(super) from: usize,
    pub(super) to: Option<usize>,
    /// How many others are open when it begins.
    pub(super) depth: u32,
    /// Upper and lower edge.
    pub(super) edges: (u32, u32),
}

/// A pause.
pub(super) struct Break {
    pub(super) y: u32,
    pub(super) pause: u64,
}

impl What<'_> {
    /// The height of a row, 0 if it is hidden.
    const fn height(&self) -> u32 {
        match self {
            Self::Line { shown: false, .. } => 0,
            Self::Line { chosen: Chosen { more: true, .. }, .. } => MORE_LINE,
            Self::Line { .. } => LINE,
            Self::Mark(_) => MARK,
        }
    }
}

impl<'a> Plan<'a> {
    pub(super) fn of(trace: &'a Trace, picked: &Picked<'a>) -> Self {
        let (names, cut_lanes) = names(trace, picked);
        let between = u32::try_from(names.len().saturating_sub(1)).unwrap_or_default();
        let width = WIDTH.max(GUTTER + 2 * EDGE + between * SPACING);
        let step = (width - GUTTER - 2 * EDGE).checked_div(between).unwrap_or_default();
        let xs = (GUTTER + EDGE..).step_by(step.max(1) as usize);
        let lanes: Vec<_> = names.iter().zip(xs).map(|(name, x)| Lane { name: one_line(name, 13), x }).collect();
        let place =
            |host: &str| names.iter().position(|name| *name == host).and_then(|at| lanes.get(at)).map(|lane| lane.x);
        let switches = switches(picked);
        let on = |name: &str| switches.iter().any(|(switch, _, shown)| *switch == name && *shown);
        let lines = picked.lines.iter().filter_map(|chosen| {
            let shown = on(chosen.line.view.as_str()) && (!chosen.more || on(MORE));
            let (from, to) = (place(&chosen.line.from)?, place(&chosen.line.to)?);
            Some(Row { at: chosen.line.at, y: 0, what: What::Line { chosen: *chosen, from, to, shown } })
        });
        let marks = trace.marks.iter().take(MARKS).map(|mark| Row { at: mark.at, y: 0, what: What::Mark(mark) });
        let mut rows: Vec<_> = marks.chain(lines).collect();
        // Stable: a mark comes before the lines of the same moment.
        rows.sort_by_key(|row| row.at);
        let bands = bands(&rows);
        let mut plan = Self { lanes, rows, bands, breaks: Vec::new(), switches, width, height: 0, cut_lanes };
        plan.arrange();
        plan
    }

    /// Gives everything its place. The script does the same when views come and go.
    fn arrange(&mut self) {
        let mut y = TOP;
        let mut last: Option<u64> = None;
        for row in &mut self.rows {
            let height = row.what.height();
            if height > 0 {
                let pause = row.at.0.saturating_sub(last.unwrap_or(row.at.0));
                if pause >= PAUSE {
                    self.breaks.push(Break { y, pause });
                    y += BREAK;
                }
                last = Some(row.at.0);
            }
            row.y = y;
            y += height;
        }
        self.height = y + BOTTOM;
        for band in &mut self.bands {
            let top = self.rows.get(band.from).map_or(TOP, |row| row.y);
            let end = band.to.and_then(|to| self.rows.get(to)).map_or(self.height, |row| row.y + row.what.height());
            band.edges = (top, end);
        }
    }

    /// What is drawn, in a sentence.
    pub(super) fn summary(&self) -> String {
        let arrow = |row: &&Row<'_>| matches!(row.what, What::Line { chosen: Chosen { more: false, .. }, .. });
        let lines = self.rows.iter().filter(arrow).count();
        let hosts: Vec<_> = self.lanes.iter().map(|lane| lane.name.as_str()).collect();
        format!("{} between {}", plural(lines, "arrow"), hosts.join(", "))
    }
}

/// What can be shown and hidden. What the tunnel carries is mostly what the test itself sent, and headers are many: both wait
/// until somebody asks for them, a check complains of them, or there is nothing else.
fn switches(picked: &Picked<'_>) -> Vec<(&'static str, &'static str, bool)> {
    let only = picked.lines.iter().all(|chosen| chosen.line.view == View::InnerFlow);
    let hit = |wanted: &dyn Fn(&Chosen<'_>) -> bool| picked.lines.iter().any(|chosen| chosen.hit && wanted(chosen));
    let mut switches = Vec::new();
    for view in View::ALL {
        if picked.lines.iter().any(|chosen| chosen.line.view == view) {
            let shown = only || view != View::InnerFlow || hit(&|chosen| chosen.line.view == view);
            switches.push((view.as_str(), view_words(view), shown));
        }
        if view == View::ConnectHeaders && picked.lines.iter().any(|chosen| chosen.more) {
            switches.push((MORE, "with headers", hit(&|chosen| chosen.more)));
        }
    }
    switches
}

/// The hosts of the trace and those that it forgot to name, and how many of them find no place.
fn names<'a>(trace: &'a Trace, picked: &Picked<'a>) -> (Vec<&'a str>, usize) {
    let used = picked.lines.iter().flat_map(|chosen| [chosen.line.from.as_str(), chosen.line.to.as_str()]);
    let mut names: Vec<&str> = Vec::new();
    for name in trace.hosts.iter().map(String::as_str).chain(used) {
        if !names.contains(&name) && names.len() < NAMES {
            names.push(name);
        }
    }
    let all = names.len();
    if all > LANES {
        names.retain(|name| picked.lines.iter().any(|chosen| [&*chosen.line.from, &*chosen.line.to].contains(name)));
        names.truncate(LANES);
    }
    let cut = all - names.len();
    (names, cut)
}

/// Pairs of marks that begin and end a fault. `heal NAME` ends `fault NAME`; one that names no open fault ends the last.
fn bands(rows: &[Row<'_>]) -> Vec<Band> {
    let mut bands: Vec<Band> = Vec::new();
    for (at, row) in rows.iter().enumerate() {
        let What::Mark(mark) = row.what else { continue };
        let name = fault_name(&mark.text);
        match mark.kind {
            MarkKind::Fault => {
                let open = bands.iter().filter(|band| band.to.is_none()).count();
                let depth = u32::try_from(open).unwrap_or(DEPTH).min(DEPTH);
                bands.push(Band { name: one_line(name, 60), from: at, to: None, depth, edges: (0, 0) });
            }
            MarkKind::Heal => {
                let named = bands.iter().rposition(|band| band.to.is_none() && band.name == one_line(name, 60));
                let ended = named.or_else(|| bands.iter().rposition(|band| band.to.is_none()));
                if let Some(band) = ended.and_then(|place| bands.get_mut(place)) {
                    band.to = Some(at);
                }
            }
            MarkKind::ClientStarts | MarkKind::Disconnect => {}
        }
    }
    bands
}

/// `fault block: UDP blocked at isp` and `heal block` speak of `block`.
fn fault_name(text: &str) -> &str {
    let text = text.strip_prefix("fault ").or_else(|| text.strip_prefix("heal ")).unwrap_or(text);
    text.split_once(':').map_or(text, |(name, _)| name).trim()
}

#[cfg(test)]
mod tests {
    use interop_evidence::{Layer, TraceLine};

    use super::super::frames::Wanted;
    use super::*;

    fn line(ms: u64, view: View, from: &str, to: &str) -> TraceLine {
        TraceLine {
            frame: ms,
            last_frame: ms,
            at: Micros(ms * 1000),
            until: Micros(ms * 1000),
            wire: "access".into(),
            view,
            flow: "client>gateway UDP/443".into(),
            from: from.into(),
            to: to.into(),
            layer: Layer::Udp,
            text: "UDP".into(),
            count: 1,
            retransmissions: 0,
            remark: None,
        }
    }

    fn mark(ms: u64, text: &str, kind: MarkKind) -> TraceMark {
        TraceMark { at: Micros(ms * 1000), text: text.into(), kind }
    }

    fn with_plan<T>(trace: &Trace, look: impl FnOnce(&Plan<'_>) -> T) -> T {
        look(&Plan::of(trace, &Picked::of(trace, &[], 400)))
    }

    #[test]
    fn bands_end_where_their_fault_heals() {
        let (fault, heal) = (MarkKind::Fault, MarkKind::Heal);
        let trace = Trace {
            hosts: vec!["client".into(), "gateway".into()],
            lines: (1..=4).map(|at| line(at * 100, View::OuterFlow, "client", "gateway")).collect(),
            marks: vec![
                mark(150, "fault block: UDP blocked at isp", fault),
                mark(250, "fault loss: 10 % at isp", fault),
                mark(250, "heal block", heal),
            ],
            notes: Vec::new(),
        };
        with_plan(&trace, |plan| {
            let bands: Vec<_> = plan.bands.iter().map(|band| (&*band.name, band.from, band.to, band.depth)).collect();
            assert_eq!(bands, [("block", 1, Some(4), 0), ("loss", 3, None, 1)]);
            let y = |row: usize| plan.rows[row].y;
            assert_eq!(plan.bands[0].edges, (y(1), y(4) + MARK));
            assert_eq!(plan.bands[1].edges, (y(3), plan.height));
        });
    }

    #[test]
    fn rows_do_not_overlap_and_pauses_break() {
        let mut trace = Trace { hosts: vec!["client".into(), "gateway".into()], ..Trace::default() };
        for at in [0, 100, 5000, 5000, 5001, 9000] {
            trace.lines.push(line(at, View::OuterFlow, "client", "gateway"));
        }
        trace.marks.push(mark(5000, "disconnect", MarkKind::Disconnect));
        with_plan(&trace, |plan| {
            assert_eq!(plan.breaks.iter().map(|found| found.pause).collect::<Vec<_>>(), [4_900_000, 3_999_000]);
            assert!(matches!(plan.rows[2].what, What::Mark(_)), "a mark is before the lines of its moment");
            for pair in plan.rows.windows(2) {
                assert!(pair[0].y + pair[0].what.height() <= pair[1].y);
            }
            assert!(plan.rows[6].y + LINE < plan.height);
        });
    }

    #[test]
    fn lanes_are_those_of_the_trace_and_bounded() {
        let mut trace = Trace { hosts: vec!["client".into(), "gateway".into()], ..Trace::default() };
        trace.hosts.push("inside".into());
        trace.lines.push(line(1, View::OuterFlow, "client", "10.0.0.9"));
        let lanes = |trace: &Trace| {
            with_plan(trace, |plan| {
                let names: Vec<_> = plan.lanes.iter().map(|lane| lane.name.clone()).collect();
                assert!(plan.lanes.iter().all(|lane| lane.x + EDGE <= plan.width && lane.x >= GUTTER + EDGE));
                (names.join(" "), plan.cut_lanes, plan.width)
            })
        };
        assert_eq!(lanes(&trace), ("client gateway inside 10.0.0.9".to_owned(), 0, WIDTH));
        trace.lines.extend((0..300).map(|at| line(2 + at, View::OuterFlow, "client", &format!("host-{at}"))));
        let (names, cut, width) = lanes(&trace);
        assert_eq!((names.split(' ').count(), cut), (LANES, NAMES - LANES));
        assert_eq!(width, GUTTER + 2 * EDGE + 9 * SPACING);
        trace = Trace { lines: vec![line(1, View::OuterFlow, "client", "client")], ..Trace::default() };
        assert_eq!(lanes(&trace).0, "client");
    }

    #[test]
    fn the_inner_flow_is_hidden_unless_it_is_all_there_is_or_fails() {
        let mut trace = Trace { lines: vec![line(2, View::InnerFlow, "client", "inside")], ..Trace::default() };
        let shown = |trace: &Trace, frames: &[u64]| {
            let wanted: Vec<_> = frames.iter().map(|frame| Wanted { frame: *frame, message: "" }).collect();
            Plan::of(trace, &Picked::of(trace, &wanted, 400)).switches
        };
        assert_eq!(shown(&trace, &[]), [("inner-flow", "inner flow", true)]);
        trace.lines.insert(0, line(1, View::OuterFlow, "client", "gateway"));
        assert_eq!(shown(&trace, &[]), [("outer-flow", "outer flow", true), ("inner-flow", "inner flow", false)]);
        assert_eq!(shown(&trace, &[2]), [("outer-flow", "outer flow", true), ("inner-flow", "inner flow", true)]);
    }
}
