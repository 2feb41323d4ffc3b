//! A trace as text: `trace.txt`, and what `vpn-interop trace` prints.

use interop_evidence::{Micros, Trace, TraceLine, TraceMark, View};

/// Which lines of a trace are shown, and how.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TextOptions {
    /// Views that are shown; all of them when empty.
    pub views: Vec<View>,
    /// Wires that are shown; all of them when empty. A name that ends with `:` stands for every tunnel device of that
    /// node (`client:`).
    pub wires: Vec<String>,
    /// Shows only flows whose name contains this: `UDP/443`, `client>gateway TCP/443 #2`.
    pub flow: Option<String>,
    /// Leaves out what was over before.
    pub from: Option<Micros>,
    /// Leaves out what began later.
    pub to: Option<Micros>,
    /// Cuts lines to this number of characters.
    pub max_width: Option<usize>,
}

impl TextOptions {
    fn shows(&self, line: &TraceLine) -> bool {
        let has_wire = |wire: &String| *wire == line.wire || (wire.ends_with(':') && line.wire.starts_with(wire));
        (self.views.is_empty() || self.views.contains(&line.view))
            && (self.wires.is_empty() || self.wires.iter().any(has_wire))
            && self.flow.as_ref().is_none_or(|part| line.flow.contains(part))
            && self.from.is_none_or(|from| line.until >= from)
            && self.to.is_none_or(|to| line.at <= to)
    }

    fn shows_mark(&self, mark: &TraceMark) -> bool {
        self.from.is_none_or(|from| mark.at >= from) && self.to.is_none_or(|to| mark.at <= to)
    }
}

/// Stands before what only the keys opened.
const OPENED: &str = "+ ";
/// Columns are not made wider than this for one long value.
const WIDEST: usize = 40;

/// The trace as aligned text with a head that says how to read it.
pub fn render(trace: &Trace, options: &TextOptions) -> String {
    let rows: Vec<Row<'_>> = trace.lines.iter().filter(|line| options.shows(line)).map(Row::of).collect();
    let mut text = String::new();
    let mut put = |line: &str| {
        text.push_str(&cut(line.trim_end(), options.max_width));
        text.push('\n');
    };
    head(trace, &rows).iter().for_each(|line| put(line));
    let widths = Widths::of(&rows);
    let mut marks = trace.marks.iter().filter(|mark| options.shows_mark(mark)).peekable();
    for row in &rows {
        while let Some(mark) = marks.next_if(|mark| mark.at <= row.line.at) {
            put(&format!("==== {} {} ====", mark.at, mark.text));
        }
        put(&widths.align(row));
    }
    for mark in marks {
        put(&format!("==== {} {} ====", mark.at, mark.text));
    }
    text
}

fn head(trace: &Trace, rows: &[Row<'_>]) -> Vec<String> {
    let mut head = Vec::new();
    if !trace.hosts.is_empty() {
        head.push(format!("hosts:  {}", trace.hosts.join(", ")));
    }
    let lines = match (rows.len(), trace.lines.len()) {
        (shown, all) if shown == all => format!("{all}"),
        (shown, all) => format!("{shown} of {all}"),
    };
    let frames = rows.iter().map(|row| row.line.frame).min().zip(rows.iter().map(|row| row.line.last_frame).max());
    let until = rows.iter().map(|row| row.line.until).max();
    head.push(match (frames, until, rows.first()) {
        (Some((first, last)), Some(until), Some(row)) => {
            format!("lines:  {lines}, of frames {first} to {last}, from {} to {until}", row.line.at)
        }
        _ => format!("lines:  {lines}"),
    });
    head.extend(trace.notes.iter().map(|note| format!("note:   {note}")));
    if !rows.is_empty() {
        head.push("read:   time, frame, wire, hosts (on the left who opened the flow), flow, what it was".to_owned());
    }
    if rows.iter().any(|row| row.line.count > 1) {
        head.push("        x3 1.000s..2.000s: three of these, folded into one line".to_owned());
    }
    if rows.iter().any(|row| row.is_opened()) {
        head.push(format!("        {OPENED}was encrypted on the wire and opened with the keys"));
    }
    head.push(String::new());
    head
}

/// A line in its columns.
struct Row<'a> {
    line: &'a TraceLine,
    frame: String,
    /// `client > gateway` or, on the way back, `client < gateway`.
    ends: String,
    /// `TCP/443 #1`.
    flow: &'a str,
}

impl<'a> Row<'a> {
    fn of(line: &'a TraceLine) -> Self {
        let (ends, flow) = line.flow.split_once(' ').unwrap_or(("", line.flow.as_str()));
        let opener = ends.split_once('>').map_or(line.from.as_str(), |(opener, _)| opener);
        let ends = match opener == line.from {
            true => format!("{} > {}", line.from, line.to),
            false => format!("{} < {}", line.to, line.from),
        };
        Self { line, frame: format!("#{}", line.frame), ends, flow }
    }

    fn is_opened(&self) -> bool {
        self.line.view == View::ConnectHeaders
    }

    /// What it was, how often, and what became of it.
    fn what(&self) -> String {
        let TraceLine { text, count, retransmissions, remark, at, until, .. } = self.line;
        let mut what = format!("{}{text}", if self.is_opened() { OPENED } else { "" });
        if *count > 1 {
            what += &format!("  x{count}  {at}..{until}");
        }
        if *retransmissions > 0 {
            what += &format!("  ({retransmissions} retransmitted)");
        }
        if let Some(remark) = remark {
            what += &format!("  [{remark}]");
        }
        what
    }
}

/// How wide the columns are.
struct Widths {
    time: usize,
    frame: usize,
    wire: usize,
    ends: usize,
    flow: usize,
}

impl Widths {
    fn of(rows: &[Row<'_>]) -> Self {
        let widest = |column: fn(&Row<'_>) -> usize| rows.iter().map(column).max().unwrap_or_default().min(WIDEST);
        Self {
            time: widest(|row| row.line.at.to_string().len()).max(8),
            frame: widest(|row| row.frame.len()).max(6),
            wire: widest(|row| row.line.wire.chars().count()),
            ends: widest(|row| row.ends.chars().count()),
            flow: widest(|row| row.flow.chars().count()),
        }
    }

    fn align(&self, row: &Row<'_>) -> String {
        let Self { time, frame, wire, ends, flow } = *self;
        format!(
            "{:>time$}  {:frame$}  {:wire$}  {:ends$}  {:flow$}  {}",
            row.line.at,
            row.frame,
            row.line.wire,
            row.ends,
            row.flow,
            row.what()
        )
    }
}

fn cut(line: &str, most: Option<usize>) -> String {
    match most {
        Some(most) if line.chars().count() > most => {
            let kept = line.chars().take(most.saturating_sub(1));
            kept.chain(std::iter::once('…')).take(most).collect()
        }
        _ => line.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use interop_evidence::{Layer, MarkKind};

    use super::*;

    fn line(frame: u64, at: u64, flow: &str, view: View, text: &str) -> TraceLine {
        let (from, to) = flow.split_once(' ').unwrap().0.split_once('>').unwrap();
        TraceLine {
            frame,
            last_frame: frame,
            at: Micros(at),
            until: Micros(at),
            wire: "access".into(),
            view,
            flow: flow.into(),
            from: from.into(),
            to: to.into(),
            layer: Layer::Other,
            text: text.into(),
            count: 1,
            retransmissions: 0,
            remark: None,
        }
    }

    fn back(line: TraceLine) -> TraceLine {
        TraceLine { from: line.to, to: line.from, ..line }
    }

    fn sample() -> Trace {
        let [tcp, udp] = ["client>gateway TCP/443 #1", "client>gateway UDP/443 #1"];
        let mark = |at, text: &str, kind| TraceMark { at: Micros(at), text: text.into(), kind };
        Trace {
            hosts: ["client", "client/tunnel", "gateway", "inside"].map(Into::into).into(),
            lines: vec![
                line(13, 1_219_000, tcp, View::OuterFlow, "TLS ClientHello 1.3 sni=vpn.example.test"),
                back(line(15, 1_230_000, tcp, View::OuterFlow, "TLS ServerHello 1.3")),
                back(line(17, 1_240_000, tcp, View::ConnectHeaders, "HTTP 200 CONNECTED")),
                TraceLine {
                    last_frame: 400,
                    until: Micros(3_990_000),
                    count: 184,
                    retransmissions: 2,
                    ..line(21, 1_310_000, udp, View::OuterFlow, "DTLS application data")
                },
                TraceLine {
                    wire: "client:tun0".into(),
                    ..line(30, 1_400_000, "client/tunnel>inside ICMP #1", View::InnerFlow, "echo request (small)")
                },
                TraceLine {
                    remark: Some("dropped: cut".into()),
                    ..line(402, 4_100_000, udp, View::OuterFlow, "DTLS application data")
                },
            ],
            marks: vec![
                mark(1_100_000, "the client starts", MarkKind::ClientStarts),
                mark(4_000_000, "fault block: UDP blocked at isp", MarkKind::Fault),
                mark(9_000_000, "disconnect", MarkKind::Disconnect),
            ],
            notes: vec!["frame 399 is cut short".into()],
        }
    }

    #[test]
    fn a_trace_is_readable() {
        insta::assert_snapshot!(render(&sample(), &TextOptions::default()), @"
        hosts:  client, client/tunnel, gateway, inside
        lines:  6, of frames 13 to 402, from 1.219s to 4.100s
        note:   frame 399 is cut short
        read:   time, frame, wire, hosts (on the left who opened the flow), flow, what it was
                x3 1.000s..2.000s: three of these, folded into one line
                + was encrypted on the wire and opened with the keys

        ==== 1.100s the client starts ====
          1.219s  #13     access       client > gateway        TCP/443 #1  TLS ClientHello 1.3 sni=vpn.example.test
          1.230s  #15     access       client < gateway        TCP/443 #1  TLS ServerHello 1.3
          1.240s  #17     access       client < gateway        TCP/443 #1  + HTTP 200 CONNECTED
          1.310s  #21     access       client > gateway        UDP/443 #1  DTLS application data  x184  1.310s..3.990s  (2 retransmitted)
          1.400s  #30     client:tun0  client/tunnel > inside  ICMP #1     echo request (small)
        ==== 4.000s fault block: UDP blocked at isp ====
          4.100s  #402    access       client > gateway        UDP/443 #1  DTLS application data  [dropped: cut]
        ==== 9.000s disconnect ====
        ");
    }

    #[test]
    fn options_choose_lines() {
        let shown = |options: TextOptions| {
            let text = render(&sample(), &options);
            let frames = text.lines().filter_map(|line| line.split_whitespace().nth(1)?.strip_prefix('#'));
            frames.map(|frame| frame.parse().unwrap()).collect::<Vec<u64>>()
        };
        let all = TextOptions::default;
        assert_eq!(shown(all()), [13, 15, 17, 21, 30, 402]);
        assert_eq!(shown(TextOptions { views: vec![View::ConnectHeaders, View::InnerFlow], ..all() }), [17, 30]);
        assert_eq!(shown(TextOptions { wires: vec!["client:".into()], ..all() }), [30]);
        assert_eq!(shown(TextOptions { wires: vec!["access".into()], ..all() }), [13, 15, 17, 21, 402]);
        assert_eq!(shown(TextOptions { flow: Some("UDP/443".into()), ..all() }), [21, 402]);
        assert_eq!(shown(TextOptions { from: Some(Micros(2_000_000)), ..all() }), [21, 402], "21 goes on until 3.990s");
        assert_eq!(shown(TextOptions { to: Some(Micros(1_230_000)), ..all() }), [13, 15]);
    }

    #[test]
    fn lines_are_cut_to_the_width() {
        let text = render(&sample(), &TextOptions { max_width: Some(50), ..TextOptions::default() });
        assert!(text.lines().all(|line| line.chars().count() <= 50), "{text}");
        assert!(text.lines().any(|line| line.chars().count() == 50 && line.ends_with('…')), "{text}");
    }

    #[test]
    fn an_empty_trace_says_so() {
        assert_eq!(render(&Trace::default(), &TextOptions::default()), "lines:  0\n\n");
    }
}
