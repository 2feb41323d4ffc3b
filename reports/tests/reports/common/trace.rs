//! The trace of one made-up cell: DTLS is blocked in the middle of a session.

use interop_evidence::{CellRecord, Layer, MarkKind, Micros, Trace, TraceLine, TraceMark, Verdict, View};

/// The frame of which the failing check complains.
pub(crate) const FAILING_FRAME: u64 = 412;

/// With a cell that fails, the client stays on DTLS; with others it moves to TLS and comes back.
pub(crate) fn trace(cell: &CellRecord) -> Trace {
    let mut lines = Lines(Vec::new());
    begin(&mut lines);
    if cell.verdict == Verdict::Fail {
        stays_on_dtls(&mut lines);
    } else {
        moves_to_tls(&mut lines);
    }
    let mark = |ms: u64, kind, text: &str| TraceMark { at: Micros(ms * 1000), text: text.into(), kind };
    Trace {
        hosts: ["client", "gateway", "inside"].map(str::to_owned).to_vec(),
        lines: lines.0,
        marks: vec![
            mark(225, MarkKind::ClientStarts, "the client starts"),
            mark(2000, MarkKind::Fault, "fault block: UDP blocked at isp"),
            mark(15_100, MarkKind::Heal, "heal block"),
            mark(17_950, MarkKind::Disconnect, "disconnect"),
        ],
        notes: Vec::new(),
    }
}

/// One line of the trace as text.
pub(crate) fn text(trace: &Trace) -> String {
    let line = |line: &TraceLine| format!("{} {} {} > {} {}\n", line.frame, line.wire, line.from, line.to, line.text);
    trace.lines.iter().map(line).collect()
}

struct Lines(Vec<TraceLine>);

impl Lines {
    /// A line between the client and another host.
    fn add(&mut self, ms: u64, frame: u64, forth: bool, view: View, layer: Layer, text: &str) -> &mut TraceLine {
        let (peer, flow, wire) = match (view, layer) {
            (View::InnerFlow, _) => ("inside", "client>inside ICMP", "client:tun0"),
            (View::Dns, _) => ("inside", "client>inside UDP/53", "client:tun0"),
            (_, Layer::Dtls | Layer::Udp) => ("gateway", "client>gateway UDP/443", "access"),
            _ => ("gateway", "client>gateway TCP/443", "access"),
        };
        let (from, to) = if forth { ("client", peer) } else { (peer, "client") };
        let at = Micros(ms * 1000 + frame % 1000);
        self.0.push(TraceLine {
            frame,
            last_frame: frame,
            at,
            until: at,
            wire: wire.into(),
            view,
            flow: flow.into(),
            from: from.into(),
            to: to.into(),
            layer,
            text: text.into(),
            count: 1,
            retransmissions: 0,
            remark: None,
        });
        self.0.last_mut().expect("a line")
    }

    fn outer(&mut self, ms: u64, frame: u64, forth: bool, layer: Layer, text: &str) -> &mut TraceLine {
        self.add(ms, frame, forth, View::OuterFlow, layer, text)
    }

    fn opened(&mut self, ms: u64, frame: u64, forth: bool, layer: Layer, text: &str) {
        self.add(ms, frame, forth, View::ConnectHeaders, layer, text);
    }
}

fn fold(line: &mut TraceLine, last_frame: u64, until_ms: u64, count: u64) -> &mut TraceLine {
    line.last_frame = last_frame;
    line.until = Micros(until_ms * 1000);
    line.count = count;
    line
}

fn begin(lines: &mut Lines) {
    use Layer::{Cstp, Dns, Dtls, Http, Icmp, Tcp, Tls};
    lines.outer(310, 12, true, Tcp, "TCP SYN");
    lines.outer(331, 14, false, Tcp, "TCP SYN ACK");
    lines.outer(332, 16, true, Tls, "TLS ClientHello 1.3 sni=vpn.lab.test alpn=http/1.1");
    lines.outer(360, 18, false, Tls, "TLS ServerHello 1.3 TLS_AES_256_GCM_SHA384");
    lines.outer(361, 19, false, Tls, "TLS ChangeCipherSpec");
    fold(lines.outer(362, 20, false, Tls, "TLS application data"), 23, 364, 4);
    lines.opened(362, 20, false, Tls, "TLS Certificate 2 certificates, subject vpn.lab.test, issuer lab intermediate");
    lines.opened(365, 24, true, Http, "POST / HTTP/1.1 config-auth init, X-Transcend-Version 1, X-Aggregate-Auth 1");
    lines.opened(392, 26, false, Http, "200 OK config-auth auth-request id=main opaque#1");
    lines.opened(
        610,
        40,
        true,
        Http,
        "CONNECT /CSCOSSLC/tunnel X-DTLS-Master-Secret X-CSTP-Base-MTU 1500 X-CSTP-Accept-Encoding lzs,oc-lz4 cookie#1",
    );
    lines.opened(634, 42, false, Http, "200 CONNECTED X-CSTP-Address 10.99.0.17 X-DTLS-App-ID app-id#1 X-DTLS-DPD 3");
    lines.outer(701, 50, true, Dtls, "DTLS 1.2 ClientHello session-id=app-id#1");
    let again = lines.outer(1702, 53, true, Dtls, "DTLS 1.2 ClientHello session-id=app-id#1");
    again.retransmissions = 1;
    lines.outer(1723, 55, false, Dtls, "DTLS 1.2 HelloVerifyRequest cookie#2");
    lines.outer(1724, 56, true, Dtls, "DTLS 1.2 ClientHello session-id=app-id#1 cookie#2");
    lines.outer(1745, 58, false, Dtls, "DTLS 1.2 ServerHello PSK-NEGOTIATE");
    lines.add(1790, 70, true, View::Dns, Dns, "DNS query A intranet.corp.test");
    lines.add(1802, 73, false, View::Dns, Dns, "DNS answer A intranet.corp.test 10.0.0.80");
    fold(lines.outer(1803, 74, true, Dtls, "DTLS application data"), 257, 1998, 184);
    fold(lines.add(1804, 75, true, View::InnerFlow, Icmp, "ICMP echo request"), 256, 1996, 92);
    fold(lines.add(1805, 77, false, View::InnerFlow, Icmp, "ICMP echo reply"), 255, 1995, 90);
    lines.opened(1999, 260, true, Cstp, "CSTP DPD request");
}

fn stays_on_dtls(lines: &mut Lines) {
    use Layer::{Dtls, Icmp, Tcp};
    let line = fold(lines.outer(2010, 300, true, Dtls, "DTLS application data"), 410, 10_900, 54);
    line.remark = Some("dropped: cut".into());
    fold(lines.add(2011, 301, true, View::InnerFlow, Icmp, "ICMP echo request"), 409, 10_890, 54);
    lines.outer(11_012, FAILING_FRAME, true, Dtls, "DTLS application data").remark = Some("dropped: cut".into());
    lines.outer(16_900, 700, false, Tcp, "TCP RST");
}

fn moves_to_tls(lines: &mut Lines) {
    use Layer::{Dtls, Http, Icmp, Tcp, Tls};
    let line = fold(lines.outer(2010, 300, true, Dtls, "DTLS application data"), 340, 4900, 20);
    line.remark = Some("dropped: cut".into());
    let line = fold(lines.outer(5010, 350, true, Tls, "TLS application data"), 690, 15_090, 320);
    line.retransmissions = 3;
    fold(lines.outer(5031, 352, false, Tls, "TLS application data"), 691, 15_095, 310);
    fold(lines.add(5011, 353, true, View::InnerFlow, Icmp, "ICMP echo request"), 689, 15_080, 160);
    lines.outer(16_101, 700, true, Dtls, "DTLS 1.2 ClientHello session-id=app-id#1");
    lines.outer(16_130, 702, false, Dtls, "DTLS 1.2 ServerHello PSK-NEGOTIATE").remark = Some("corrupted".into());
    fold(lines.outer(16_240, 710, true, Dtls, "DTLS application data"), 760, 17_900, 50);
    lines.opened(17_951, 770, true, Http, "CSTP disconnect");
    lines.outer(17_960, 772, true, Tls, "TLS alert close_notify");
    lines.outer(17_961, 773, true, Tcp, "TCP FIN");
    lines.0.sort_by_key(|line| line.at);
}
