//! A session whose DTLS is blocked for a while, as a trace.

use std::path::PathBuf;
use std::time::Duration;

use interop_evidence::{Layer, MarkKind, Micros, Trace, TraceLine, TraceMark, View};
use interop_trace::{Accepted, Cell, Difference, Golden, Goldens, Phases, Slack, compare, phases};

pub(crate) const SLACK: Slack = Slack { time: Duration::from_secs(2), repeats: false };
pub(crate) const LOSSY: Slack = Slack { time: Duration::from_secs(2), repeats: true };

pub(crate) const TCP: &str = "client>gateway TCP/443";
pub(crate) const UDP: &str = "client>gateway UDP/443";

/// When the client starts, the fault comes and goes, and the client is asked to leave, in milliseconds.
pub(crate) const MARKS: [u64; 4] = [1_000, 5_000, 30_000, 100_000];

/// Builds a trace from times in milliseconds.
#[derive(Clone, Debug, Default)]
pub(crate) struct Story(pub(crate) Vec<TraceLine>);

impl Story {
    /// A line from `from` until `until`; `sign` is `>` for the host that opened the flow.
    pub(crate) fn lasting(&mut self, from: u64, until: u64, flow: &str, sign: char, text: &str) -> &mut Self {
        let (opener, rest) = flow.split_once('>').unwrap();
        let other = rest.split(' ').next().unwrap();
        let (sender, receiver) = if sign == '>' { (opener, other) } else { (other, opener) };
        let layer = match text.split(' ').next().unwrap() {
            "TLS" => Layer::Tls,
            "DTLS" => Layer::Dtls,
            "DNS" => Layer::Dns,
            "HTTP" => Layer::Http,
            "CSTP" => Layer::Cstp,
            "ICMP" => Layer::Icmp,
            _ => Layer::Tcp,
        };
        let view = match layer {
            Layer::Dns => View::Dns,
            Layer::Http | Layer::Cstp => View::ConnectHeaders,
            _ if flow.contains("/tunnel") => View::InnerFlow,
            _ => View::OuterFlow,
        };
        let wire = if flow.contains("/tunnel") { "client:tun0" } else { "access" };
        self.0.push(TraceLine {
            frame: 0,
            last_frame: 0,
            at: Micros(from * 1000),
            until: Micros(until * 1000),
            wire: wire.to_owned(),
            view,
            flow: flow.to_owned(),
            from: sender.to_owned(),
            to: receiver.to_owned(),
            layer,
            text: text.to_owned(),
            count: if until > from { 9 } else { 1 },
            retransmissions: 0,
            remark: None,
        });
        self
    }

    pub(crate) fn say(&mut self, at: u64, flow: &str, sign: char, text: &str) -> &mut Self {
        self.lasting(at, at, flow, sign, text)
    }

    /// A TLS connection that is set up.
    pub(crate) fn tls(&mut self, at: u64, flow: &str) -> &mut Self {
        self.say(at, flow, '>', "SYN")
            .say(at + 1, flow, '<', "SYN ACK")
            .say(at + 2, flow, '>', "TLS ClientHello 1.3 sni=vpn.example.test")
            .say(at + 4, flow, '<', "TLS ServerHello 1.3 TLS_AES_256_GCM_SHA384")
            .say(at + 5, flow, '<', "TLS ChangeCipherSpec")
            .lasting(at + 6, at + 90, flow, '<', "TLS application data")
            .say(at + 7, flow, '>', "TLS ChangeCipherSpec")
            .lasting(at + 8, at + 80, flow, '>', "TLS application data")
    }

    /// A DTLS session that is set up; `number` makes its random values its own.
    pub(crate) fn dtls(&mut self, at: u64, flow: &str, number: u64) -> &mut Self {
        self.say(at, flow, '>', "DTLS ClientHello 1.2 app-id=app-id#1")
            .say(at + 1, flow, '<', "DTLS HelloVerifyRequest")
            .say(at + 2, flow, '>', "DTLS ClientHello 1.2 app-id=app-id#1 cookie")
            .say(
                at + 4,
                flow,
                '<',
                &format!("DTLS ServerHello 1.2 TLS_PSK_WITH_AES_256_GCM_SHA384 session-id=session-id#{number}"),
            )
            .say(at + 5, flow, '<', "DTLS ServerHelloDone")
            .say(at + 6, flow, '>', "DTLS ClientKeyExchange psk=psk")
            .say(at + 7, flow, '>', "DTLS ChangeCipherSpec")
            .say(at + 7, flow, '>', "DTLS encrypted handshake message")
            .say(at + 9, flow, '<', "DTLS ChangeCipherSpec")
            .say(at + 9, flow, '<', "DTLS encrypted handshake message")
    }

    pub(crate) fn dns(&mut self, at: u64, number: u64, question: &str, answer: &str) -> &mut Self {
        let flow = format!("client>public UDP/53 #{number}");
        self.say(at, &flow, '>', &format!("DNS {question} ?"));
        self.say(at + 3, &flow, '<', &format!("DNS {question} = {answer}"))
    }

    /// The trace, its frames numbered by time.
    pub(crate) fn trace(&self) -> Trace {
        let mut lines = self.0.clone();
        lines.sort_by_key(|line| line.at);
        for (frame, line) in (1..).zip(&mut lines) {
            line.frame = frame * 10;
            line.last_frame = frame * 10 + 5;
        }
        let texts = ["the client starts", "fault block: udp-blocked", "heal block", "disconnect"];
        let kinds = [MarkKind::ClientStarts, MarkKind::Fault, MarkKind::Heal, MarkKind::Disconnect];
        let marks = MARKS.into_iter().zip(texts).zip(kinds);
        let mark =
            |((at, text), kind): ((u64, &str), MarkKind)| TraceMark { at: Micros(at * 1000), text: text.into(), kind };
        Trace { hosts: vec!["client".into(), "gateway".into()], lines, marks: marks.map(mark).collect(), notes: vec![] }
    }

    pub(crate) fn without(&self, unwanted: impl Fn(&TraceLine) -> bool) -> Self {
        Self(self.0.iter().filter(|line| !unwanted(line)).cloned().collect())
    }

    pub(crate) fn with(&self, change: impl FnOnce(&mut Self)) -> Self {
        let mut this = self.clone();
        change(&mut this);
        this
    }

    /// The same with a text in place of another.
    pub(crate) fn replacing(&self, text: &str, by: &str) -> Self {
        self.with(|this| this.0.iter_mut().for_each(|line| line.text = line.text.replace(text, by)))
    }
}

/// The session: TLS and DTLS, the fault, the fall back to TLS, two attempts in vain, DTLS again, goodbye.
pub(crate) fn session() -> Story {
    let mut story = Story::default();
    let [tcp, first] = [format!("{TCP} #1"), format!("{UDP} #1")];
    let data = "DTLS application data";
    story
        .dns(1_050, 1, "A vpn.example.test", "198.51.100.10")
        .dns(1_051, 2, "AAAA vpn.example.test", "nothing")
        .tls(1_100, &tcp)
        .say(1_120, &tcp, '>', "HTTP CONNECT /CSCOSSLC/tunnel")
        .say(1_120, &tcp, '>', "HTTP   X-CSTP-MTU: 1406")
        .say(1_120, &tcp, '>', "HTTP   Cookie: webvpn=cookie#1")
        .say(1_125, &tcp, '<', "HTTP 200 CONNECTED")
        .say(1_125, &tcp, '<', "HTTP   X-CSTP-DPD: 3")
        .dtls(1_200, &first, 1)
        .lasting(1_300, 5_000, &first, '>', data)
        .lasting(1_301, 4_999, &first, '<', data)
        .lasting(5_002, 11_000, &first, '>', data)
        .lasting(11_100, 29_990, &tcp, '>', "TLS application data")
        .lasting(11_110, 29_995, &tcp, '<', "TLS application data");
    for (at, number) in [(11_050, 2), (23_050, 3)] {
        story.say(at, &format!("{UDP} #{number}"), '>', "DTLS ClientHello 1.2 app-id=app-id#1");
    }
    let second = format!("{UDP} #4");
    story
        .lasting(30_001, 86_100, &tcp, '>', "TLS application data")
        .lasting(30_002, 86_100, &tcp, '<', "TLS application data")
        .dtls(86_050, &second, 2)
        .lasting(86_200, 99_990, &second, '>', data)
        .lasting(86_210, 99_999, &second, '<', data)
        .say(100_010, &second, '>', "DTLS encrypted alert")
        .say(100_011, &tcp, '>', "CSTP DISCONNECT 0xb0 (user disconnect)")
        .say(100_012, &tcp, '>', "FIN")
        .say(100_013, &tcp, '<', "FIN")
        .clone()
}

pub(crate) fn cell(client: &str, server: &str) -> Cell {
    Cell {
        scenario: "udp-blocked-mid-session".into(),
        params: vec![("dpd".into(), "3s".into())],
        client: client.into(),
        client_version: "9.12".into(),
        server: server.into(),
        server_version: "1.3.0".into(),
    }
}

/// Writes what is to be accepted over the files.
pub(crate) fn apply(files: &mut Vec<(PathBuf, String)>, accepted: &[Accepted]) {
    for Accepted { path, text, .. } in accepted {
        files.retain(|(other, _)| other != path);
        files.extend(text.iter().map(|text| (path.clone(), text.clone())));
    }
    files.sort();
}

pub(crate) fn read(files: &[(PathBuf, String)]) -> Goldens {
    Goldens::read(files.iter().map(|(path, text)| (path.clone(), text.as_str()))).unwrap()
}

/// What a person has accepted of one run.
pub(crate) fn golden(story: &Story, view: View, slack: Slack) -> Golden {
    let cell = cell("openconnect", "ocserv");
    let seen = phases(&story.trace(), view, slack);
    let mut files = Vec::new();
    apply(&mut files, &Goldens::default().accept(view, &[(cell.clone(), seen)], "a test"));
    read(&files).of(&cell, view).unwrap()
}

/// How a run differs from a golden.
pub(crate) fn difference(golden: &Golden, story: &Story, view: View, slack: Slack) -> Option<Difference> {
    let trace = story.trace();
    compare(golden, &phases(&trace, view, slack), &trace, slack)
}

/// The lines of each phase as text.
pub(crate) fn shown(phases: &Phases) -> String {
    let lines = phases.phases.iter().flat_map(|phase| {
        let head = format!("--- {}", phase.name);
        std::iter::once(head).chain(phase.lines.iter().map(|(line, _)| line.clone()))
    });
    lines.map(|line| line + "\n").collect()
}
