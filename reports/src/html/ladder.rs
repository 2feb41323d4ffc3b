//! The trace of a cell as a sequence diagram: a lane a host, an arrow a line, faults as bands.
//!
//! The vertical axis is the order of events, not time: long pauses are breaks. The drawing is bounded; what is drawn is
//! decided in [`pick`], where it goes in [`plan`], and how it looks in [`draw`] and the style sheet. The script only moves,
//! hides and scales what is drawn here.

mod draw;
pub(super) mod frames;
mod pick;
mod plan;

use std::collections::BTreeSet;
use std::fmt::Display;
use std::fs;
use std::path::{Path, PathBuf};

use interop_evidence::{Bundle, CellRecord, Layer, Trace, View};
use serde::Serialize;

use self::pick::Picked;
use self::plan::Plan;
use crate::text::{one_line, plural};

/// A trace file larger than this is left alone.
const LIMIT: u64 = 32 << 20;
/// The switch and the class of what is said in more than one line: headers, elements.
const MORE: &str = "more";
/// Notes of a trace that are shown.
const NOTES: usize = 6;

/// Arrows of a diagram.
pub(super) const ARROWS: usize = 400;

/// A cell's trace with its diagram.
#[derive(Serialize)]
pub(super) struct Ladder {
    /// What is drawn, in words.
    summary: String,
    /// Whether the bundle has it as text.
    text: bool,
    /// Switches: a view or [`MORE`], words, whether shown at first.
    views: Vec<(&'static str, &'static str, bool)>,
    /// Colours that are used: class and words.
    layers: Vec<(&'static str, &'static str)>,
    /// What is not drawn, and where the trace is not whole.
    notes: Vec<String>,
    /// The frame to look at first.
    frame: Option<u64>,
    /// The drawing, as markup.
    #[serde(skip)]
    pub(super) svg: String,
    /// Whether some fault is drawn.
    faults: bool,
    /// Frames that checks complain of and that are drawn.
    #[serde(skip)]
    pub(super) hits: Vec<u64>,
}

impl Ladder {
    /// Draws at most `arrows` lines of a trace.
    pub(super) fn of(trace: &Trace, cell: &CellRecord, text: bool, arrows: usize) -> Self {
        let wanted = frames::of_cell(cell);
        let picked = Picked::of(trace, &wanted, arrows);
        let plan = Plan::of(trace, &picked);
        let (hits, missed): (Vec<_>, Vec<_>) =
            wanted.iter().map(|wanted| wanted.frame).partition(|frame| picked.shows(*frame));
        let mut notes = Vec::new();
        if picked.left_out > 0 {
            let (drawn, all) = (picked.lines.len(), plural(trace.lines.len(), "line"));
            notes.push(format!(
                "{drawn} of {all} are drawn: first those near faults and failing packets, then all but data"
            ));
        }
        if plan.cut_lanes > 0 {
            notes.push(format!("{} without a lane, and what they say", plural(plan.cut_lanes, "host")));
        }
        notes.extend(missed.into_iter().map(|frame| format!("frame {frame} is not in the trace: see the capture")));
        notes.extend(trace.notes.iter().take(NOTES).map(|note| one_line(note, 300)));
        if trace.notes.len() > NOTES {
            notes.push(format!("{NOTES} of {} notes are shown", trace.notes.len()));
        }
        Self {
            summary: plan.summary(),
            text,
            svg: draw::svg(&plan),
            faults: !plan.bands.is_empty(),
            views: plan.switches,
            layers: layers(&picked),
            notes,
            frame: hits.first().copied(),
            hits,
        }
    }
}

/// A trace on disk.
pub(super) struct Source {
    path: PathBuf,
    /// Whether the bundle has it as text.
    pub(super) text: bool,
}

impl Source {
    /// The trace of a bundle, if it has one.
    pub(super) fn of(bundle: &Path) -> Option<Self> {
        let bundle = Bundle::open(bundle);
        let plain = |path: &Path| fs::symlink_metadata(path).is_ok_and(|file| file.is_file());
        let path = Some(bundle.trace_json()).filter(|path| plain(path))?;
        Some(Self { path, text: plain(&bundle.trace_text()) })
    }

    /// Reads it.
    pub(super) fn read(&self) -> Result<Trace, String> {
        let said = |error: &dyn Display| format!("trace.json cannot be read: {}", one_line(&error.to_string(), 200));
        let bytes = fs::metadata(&self.path).map_err(|error| said(&error))?.len();
        if bytes > LIMIT {
            return Err("trace.json is too large to draw".to_owned());
        }
        serde_json::from_slice(&fs::read(&self.path).map_err(|error| said(&error))?).map_err(|error| said(&error))
    }
}

/// Words for a view.
const fn view_words(view: View) -> &'static str {
    match view {
        View::ConnectHeaders => "+ opened with keys",
        View::Dns => "DNS",
        View::InnerFlow => "inner flow",
        View::OuterFlow => "outer flow",
        View::Routes => "routes",
    }
}

/// Class and words for a layer.
const fn layer_words(layer: Layer) -> (&'static str, &'static str) {
    match layer {
        Layer::Arp => ("l-arp", "ARP"),
        Layer::Icmp => ("l-icmp", "ICMP"),
        Layer::Ip => ("l-ip", "IP"),
        Layer::Tcp => ("l-tcp", "TCP"),
        Layer::Udp => ("l-udp", "UDP"),
        Layer::Tls => ("l-tls", "TLS"),
        Layer::Dtls => ("l-dtls", "DTLS"),
        Layer::Http => ("l-http", "HTTP"),
        Layer::Cstp => ("l-cstp", "CSTP"),
        Layer::Openvpn => ("l-openvpn", "OpenVPN"),
        Layer::Dns => ("l-dns", "DNS"),
        Layer::Other => ("l-other", "other"),
    }
}

fn layers(picked: &Picked<'_>) -> Vec<(&'static str, &'static str)> {
    let used: BTreeSet<_> = picked.lines.iter().map(|chosen| chosen.line.layer).collect();
    used.into_iter().map(layer_words).collect()
}
