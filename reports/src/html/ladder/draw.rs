//! The diagram as SVG. Colours are in the style sheet; text of strangers is cut, made printable and escaped here.

use std::cmp::Ordering;
use std::fmt::Write as _;

use interop_evidence::{MarkKind, Micros, TraceLine, View};
use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

use super::pick::{Chosen, indent};
use super::plan::{BOTTOM, BREAK, Break, EDGE, GUTTER, LINE, MARK, MORE_LINE, PAUSE, Plan, TOP, What};
use super::{MORE, layer_words};
use crate::text::{one_line, plural};

/// Width of a character of the text, in tenths.
const CHAR: u32 = 67;
/// The arrow, below the upper edge of its row.
const ARROW: u32 = 20;
/// The text, below the upper edge of its row.
const TEXT: u32 = 13;
/// A text that is longer is not even in the tooltip.
const LONGEST: usize = 600;

/// Draws it.
pub(super) fn svg(plan: &Plan<'_>) -> String {
    let (width, height) = (plan.width, plan.height);
    let mut out = format!(
        r#"<svg class="ladder" role="img" aria-label="Ladder diagram: {}" viewBox="0 0 {width} {height}" width="{width}" height="{height}" data-top="{TOP}" data-line="{LINE}" data-mark="{MARK}" data-more="{MORE_LINE}" data-break="{BREAK}" data-bottom="{BOTTOM}" data-pause="{}" data-middle="{}">"#,
        escape(&plan.summary()),
        PAUSE / 1000,
        (GUTTER + width) / 2
    );
    for band in &plan.bands {
        let to = band.to.map(|to| format!(r#" data-to="{to}""#)).unwrap_or_default();
        let (top, bottom) = band.edges;
        let x = GUTTER + band.depth * 6;
        add(
            &mut out,
            format_args!(
                r#"<g class="band" data-from="{}"{to}><title>fault {}</title><rect x="{x}" y="{top}" width="{}" height="{}"/><rect class="edge" x="{x}" y="{top}" width="4" height="{}"/></g>"#,
                band.from,
                escape(&band.name),
                width - x,
                bottom - top,
                bottom - top
            ),
        );
    }
    for lane in &plan.lanes {
        add(&mut out, format_args!(r#"<line class="lane" x1="{0}" y1="{TOP}" x2="{0}" y2="{height}"/>"#, lane.x));
    }
    plan.breaks.iter().for_each(|found| pause(&mut out, found, width));
    for row in &plan.rows {
        match &row.what {
            What::Line { chosen, from, to, shown } => {
                let at = Place { y: row.y, width, from: *from, to: *to, shown: *shown };
                if chosen.more { more(&mut out, chosen, &at) } else { arrow(&mut out, chosen, &at) }
            }
            What::Mark(mark) => {
                let kind = match mark.kind {
                    MarkKind::Fault => " fault",
                    MarkKind::Heal => " heal",
                    MarkKind::ClientStarts | MarkKind::Disconnect => "",
                };
                begin_row(&mut out, &format!("mark{kind}"), "", row.at, row.y);
                add(&mut out, format_args!(r#"<path d="M{GUTTER} {ARROW}H{width}"/>"#));
                let text = cut(&one_line(&mark.text, LONGEST), fitting(width));
                add(
                    &mut out,
                    format_args!(r#"<text x="{}" y="{}">{}</text></g>"#, GUTTER + 10, TEXT + 2, escape(&text)),
                );
            }
        }
    }
    out.push_str(r#"<g class="heads">"#);
    add(&mut out, format_args!(r#"<rect x="0" y="0" width="{width}" height="{}"/>"#, TOP - 4));
    for lane in &plan.lanes {
        add(&mut out, format_args!(r#"<text x="{}" y="17">{}</text>"#, lane.x, escape(&lane.name)));
    }
    out.push_str("</g></svg>");
    out
}

struct Place {
    y: u32,
    width: u32,
    from: u32,
    to: u32,
    shown: bool,
}

/// Begins a row and writes its time.
fn begin_row(out: &mut String, class: &str, attributes: &str, at: Micros, y: u32) {
    add(
        out,
        format_args!(
            r#"<g class="row {class}"{attributes} data-at="{}" transform="translate(0 {y})"><text class="at" x="{}" y="{}">{}</text>"#,
            at.0 / 1000,
            GUTTER - 8,
            ARROW + 4,
            seconds(at)
        ),
    );
}

/// What hides a row, and by what it is switched.
fn switched(line: &TraceLine, shown: bool) -> String {
    let view = if line.view == View::OuterFlow { String::new() } else { format!(r#" data-view="{}""#, line.view) };
    format!("{view}{}", if shown { "" } else { r#" hidden="""# })
}

/// A line that says more of the one above: a header, an element of XML.
fn more(out: &mut String, chosen: &Chosen<'_>, place: &Place) {
    let line = chosen.line;
    let (depth, said) = indent(&line.text).unwrap_or((1, &line.text));
    let depth = depth.min(8);
    let (class, frame) =
        if chosen.hit { (" hit", format!(r#" data-frame="{}""#, line.frame)) } else { ("", String::new()) };
    add(
        out,
        format_args!(
            r#"<g class="row {MORE} {}{class}"{frame}{} transform="translate(0 {})">"#,
            layer_words(line.layer).0,
            switched(line, place.shown),
            place.y
        ),
    );
    if chosen.hit {
        highlight(out, place.width, MORE_LINE);
    }
    let x = place.from.min(place.to) + 10 + u32::try_from(depth).unwrap_or_default() * 2 * CHAR / 10;
    let room = (place.width.saturating_sub(x + 6) * 10 / CHAR) as usize;
    let text = one_line(said, LONGEST);
    let short = cut(&text, room.max(20));
    if short != text {
        add(out, format_args!("<title>{}</title>", escape(&text)));
    }
    add(out, format_args!(r#"<text x="{x}" y="11">{}</text></g>"#, escape(&short)));
}

fn highlight(out: &mut String, width: u32, height: u32) {
    add(out, format_args!(r#"<rect class="back" x="{GUTTER}" y="0" width="{}" height="{height}"/>"#, width - GUTTER));
    add(out, format_args!(r#"<rect class="flag" x="{GUTTER}" y="0" width="6" height="{height}"/>"#));
}

fn arrow(out: &mut String, chosen: &Chosen<'_>, place: &Place) {
    let line = chosen.line;
    let mut class = layer_words(line.layer).0.to_owned();
    let again = line.retransmissions > 0 && line.retransmissions >= line.count;
    let dropped = line.remark.as_deref().is_some_and(|remark| remark.starts_with("dropped"));
    for (set, name) in [(chosen.hit, " hit"), (line.count > 1, " many"), (again, " again")] {
        class.push_str(if set { name } else { "" });
    }
    let mut attributes = format!(r#" data-frame="{}""#, line.frame);
    if line.last_frame > line.frame {
        attributes.push_str(&format!(r#" data-last="{}""#, line.last_frame));
    }
    attributes.push_str(&switched(line, place.shown));
    begin_row(out, &class, &attributes, line.at, place.y);
    let plus = if line.view == View::ConnectHeaders { "+ " } else { "" };
    let text = format!("{plus}{}", one_line(&line.text, LONGEST));
    let suffix = suffix(chosen);
    let room = fitting(place.width).saturating_sub(suffix.iter().map(|(_, words)| words.width()).sum());
    let short = cut(&text, room.max(20));
    let whole = if short == text { String::new() } else { format!("\n{text}") };
    add(out, format_args!("<title>{}</title>", escape(&format!("{}{whole}", tooltip(line)))));
    if chosen.hit {
        highlight(out, place.width, LINE);
    }
    let (shaft, head) = path(place.from, place.to, dropped);
    if (line.count > 1 || again) && !dropped {
        // A thick or broken shaft still has a plain head.
        add(out, format_args!(r#"<path class="shaft" d="{shaft}"/><path d="{head}"/>"#));
    } else {
        add(out, format_args!(r#"<path class="shaft" d="{shaft}{head}"/>"#));
    }
    if dropped {
        let middle = i64::from(place.from.midpoint(place.to));
        add(out, format_args!(r#"<path class="cross" d="M{} {}l10 10m0-10l-10 10"/>"#, middle - 5, ARROW - 5));
    }
    let chars = short.width() + suffix.iter().map(|(_, words)| words.width()).sum::<usize>();
    let wide = u32::try_from(chars).unwrap_or(u32::MAX).saturating_mul(CHAR) / 10;
    let start = place.from.min(place.to) + 10;
    let x = start.min(place.width.saturating_sub(wide + 6)).max(GUTTER + EDGE + 10);
    add(out, format_args!(r#"<text x="{x}" y="{TEXT}">{}"#, escape(&short)));
    for (class, words) in suffix {
        add(out, format_args!(r#"<tspan class="{class}">{}</tspan>"#, escape(&words)));
    }
    out.push_str("</text></g>");
}

/// What is said after the text: how often and until when, what was sent again, what the wire did.
fn suffix(chosen: &Chosen<'_>) -> Vec<(&'static str, String)> {
    let line = chosen.line;
    let mut words = Vec::new();
    if chosen.mores > 0 {
        words.push(("count", format!(" ({} more)", plural(chosen.mores, "line"))));
    }
    if line.count > 1 {
        words.push(("count", format!(" x{} until {}", line.count, seconds(line.until))));
    }
    match line.retransmissions {
        0 => {}
        again if again >= line.count => words.push(("resent", " retransmitted".to_owned())),
        again => words.push(("resent", format!(" {again} retransmitted"))),
    }
    if let Some(remark) = &line.remark {
        words.push(("remark", format!(" {}", one_line(remark, 30))));
    }
    words
}

/// Frame numbers, wire, times and flow.
fn tooltip(line: &TraceLine) -> String {
    let exact = |at: Micros| format!("{}.{:06} s", at.0 / 1_000_000, at.0 % 1_000_000);
    let (frames, times) = if line.last_frame > line.frame {
        let (first, last) = (line.frame, line.last_frame);
        (format!("frames {first} to {last}"), format!("{} to {}", exact(line.at), exact(line.until)))
    } else {
        (format!("frame {}", line.frame), exact(line.at))
    };
    let remark = line.remark.as_ref().map(|remark| format!("\n{}", one_line(remark, 200))).unwrap_or_default();
    format!("{frames}, {}, {times}\n{}{remark}", one_line(&line.wire, 60), one_line(&line.flow, 120))
}

/// A shaft and an open head; half a shaft for what was dropped, and a loop for what a host sends to itself.
fn path(from: u32, to: u32, dropped: bool) -> (String, String) {
    match from.cmp(&to) {
        Ordering::Equal => (format!("M{from} {}h24v8h-24", ARROW - 4), format!("M{} {ARROW}l-7 4 7 4", from + 7)),
        _ if dropped => (format!("M{from} {ARROW}H{}", from.midpoint(to)), String::new()),
        Ordering::Less => (format!("M{from} {ARROW}H{to}"), format!("M{} {}l7 4-7 4", to - 7, ARROW - 4)),
        Ordering::Greater => (format!("M{from} {ARROW}H{to}"), format!("M{} {}l-7 4 7 4", to + 7, ARROW - 4)),
    }
}

/// The lanes are interrupted, and the length of the pause is said.
fn pause(out: &mut String, found: &Break, width: u32) {
    let (tall, middle) = (BREAK - 6, (GUTTER + width) / 2);
    add(
        out,
        format_args!(
            r#"<g class="break" transform="translate(0 {})"><rect x="0" y="3" width="{width}" height="{tall}"/><text x="{middle}" y="16">{} s later</text></g>"#,
            found.y,
            tenths(found.pause)
        ),
    );
}

/// Characters that fit beside the first lane.
fn fitting(width: u32) -> usize {
    ((width - GUTTER - EDGE - 16) * 10 / CHAR) as usize
}

/// The beginning of a text, if need be.
fn cut(text: &str, columns: usize) -> String {
    if text.width() <= columns {
        return text.to_owned();
    }
    let mut left = columns.saturating_sub(1);
    let fits = |c: &char| {
        let wide = c.width().unwrap_or_default();
        let fits = wide <= left;
        left = left.saturating_sub(wide);
        fits
    };
    let mut short: String = text.chars().take_while(fits).collect();
    short.push('…');
    short
}

fn seconds(at: Micros) -> String {
    format!("{}.{:03}", at.0 / 1_000_000, at.0 / 1000 % 1000)
}

fn tenths(us: u64) -> String {
    format!("{}.{}", us / 1_000_000, us / 100_000 % 10)
}

fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

fn add(out: &mut String, what: std::fmt::Arguments<'_>) {
    // Writing to a string cannot fail.
    let _ = out.write_fmt(what);
}
