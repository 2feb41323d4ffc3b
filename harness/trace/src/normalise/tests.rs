//! What becomes of items: folding, marks, numbers, bounds.

use std::sync::Arc;

use interop_evidence::{Facts, Layer, MarkKind, Micros, Trace, TraceMark, View};

use super::Normaliser;
use crate::Hosts;
use crate::found::{self, Flow, Found, Moment, Protocol, Way};
use crate::limits::MOST_LINES;
use crate::words::Words;

/// An item that waits.
struct Item {
    flow: Arc<Flow>,
    found: Found,
    remark: Option<String>,
}

/// Items, each a millisecond after the one before unless a time is set.
#[derive(Default)]
struct Feed {
    items: Vec<Item>,
    at: u64,
}

impl Feed {
    fn say(&mut self, flow: &Arc<Flow>, way: Way, words: impl Into<Words>) -> &mut Item {
        self.at += 1000;
        let moment = Moment { frame: self.items.len() as u64 + 1, at: Micros(self.at) };
        let (view, layer) = (View::OuterFlow, Layer::Tls);
        let found = Found { moment, way, view, layer, words: words.into(), again: false };
        self.items.push(Item { flow: flow.clone(), found, remark: None });
        self.items.last_mut().unwrap()
    }

    fn data(&mut self, flow: &Arc<Flow>, way: Way, bytes: usize) -> &mut Item {
        self.say(flow, way, Words::new("data").size(bytes))
    }

    fn again(&mut self, flow: &Arc<Flow>, way: Way, layer: Layer, text: &'static str) -> &mut Item {
        let item = self.say(flow, way, text);
        item.found.again = true;
        item.found.layer = layer;
        item
    }

    fn trace(self, marks: &[u64], raw: bool) -> Trace {
        let mark = |at: &u64| TraceMark { at: Micros(*at), text: "mark".into(), kind: MarkKind::Fault };
        let mut normaliser = Normaliser::new(lab(), marks.iter().map(mark).collect(), raw);
        for Item { flow, found, remark } in self.items {
            normaliser.add(found::Item { flow: &flow, found, remark: remark.as_deref() });
        }
        normaliser.finish(Vec::new())
    }
}

fn lab() -> Hosts {
    let node = |name: &str, address: &str| (name.to_owned(), vec![address.parse().unwrap()]);
    Hosts::of(&Facts {
        clients: vec!["client".into()],
        server: "gateway".into(),
        port: 443,
        nodes: [node("client", "192.0.2.100"), node("gateway", "198.51.100.10"), node("public", "203.0.113.53")].into(),
        ..Facts::default()
    })
}

fn flow(protocol: Protocol, to: &str, ports: [u16; 2]) -> Arc<Flow> {
    let ends = ["192.0.2.100".parse().unwrap(), to.parse().unwrap()];
    Arc::new(Flow { wire: "access".into(), protocol, ends, ports, generation: 0 })
}

fn tls() -> Arc<Flow> {
    flow(Protocol::Tcp, "198.51.100.10", [49370, 443])
}

/// Lines as `> text x2 (1)`.
fn short(trace: &Trace) -> Vec<String> {
    let one = |line: &interop_evidence::TraceLine| {
        let mut text = format!("{} {}", if line.from == "client" { '>' } else { '<' }, line.text);
        if line.count > 1 {
            text += &format!(" x{}", line.count);
        }
        if line.retransmissions > 0 {
            text += &format!(" ({})", line.retransmissions);
        }
        text
    };
    trace.lines.iter().map(one).collect()
}

#[test]
fn data_is_folded_in_both_directions_until_a_message_comes() {
    let (mut feed, flow) = (Feed::default(), tls());
    feed.say(&flow, Way::Forth, "hello");
    for bytes in [1400, 900, 129] {
        feed.data(&flow, Way::Forth, bytes);
        feed.data(&flow, Way::Back, 40);
    }
    feed.say(&flow, Way::Back, "alert");
    feed.data(&flow, Way::Forth, 1000);
    let trace = feed.trace(&[], false);
    assert_eq!(short(&trace), ["> hello", "> data x3", "< data (small) x3", "< alert", "> data"]);
    let folded = &trace.lines[1];
    assert_eq!((folded.frame, folded.last_frame), (2, 6));
    assert_eq!((folded.at, folded.until), (Micros(2000), Micros(6000)));
}

#[test]
fn sizes_keep_lines_apart_only_if_they_are_shown() {
    let sizes = |raw| {
        let mut feed = Feed::default();
        for bytes in [100, 101, 101] {
            feed.say(&tls(), Way::Forth, Words::new("data ").size(bytes));
        }
        short(&feed.trace(&[], raw))
    };
    assert_eq!(sizes(false), ["> data (small) x3"]);
    assert_eq!(sizes(true), ["> data (100 bytes)", "> data (101 bytes) x2"]);
}

#[test]
fn echoes_and_keepalives_do_not_end_each_others_folds() {
    let (mut feed, flow) = (Feed::default(), tls());
    for _ in 0..3 {
        feed.say(&flow, Way::Forth, "echo request").found.layer = Layer::Icmp;
        feed.say(&flow, Way::Back, "echo reply").found.layer = Layer::Icmp;
        feed.say(&flow, Way::Forth, "CSTP DPD-REQ").found.layer = Layer::Cstp;
        feed.say(&flow, Way::Back, "CSTP DPD-RESP").found.layer = Layer::Cstp;
    }
    feed.say(&flow, Way::Forth, "CSTP DISCONNECT").found.layer = Layer::Cstp;
    feed.say(&flow, Way::Back, "CSTP DPD-RESP").found.layer = Layer::Cstp;
    let pairs = ["> echo request x3", "< echo reply x3", "> CSTP DPD-REQ x3", "< CSTP DPD-RESP x3"];
    let end = ["> CSTP DISCONNECT", "< CSTP DPD-RESP"];
    assert_eq!(short(&feed.trace(&[], false)), [&pairs[..], &end[..]].concat());
}

#[test]
fn questions_and_answers_stay_in_their_order() {
    let (mut feed, flow) = (Feed::default(), tls());
    for _ in 0..2 {
        feed.say(&flow, Way::Forth, "POST /auth");
        feed.say(&flow, Way::Back, "200 OK");
    }
    assert_eq!(short(&feed.trace(&[], false)), ["> POST /auth", "< 200 OK", "> POST /auth", "< 200 OK"]);
}

#[test]
fn every_phase_has_its_own_lines() {
    let (mut feed, flow) = (Feed::default(), tls());
    for _ in 0..6 {
        feed.data(&flow, Way::Forth, 1000);
    }
    // What happens at the time of a mark is after it.
    let trace = feed.trace(&[3000, 5500], false);
    assert_eq!(short(&trace), ["> data x2", "> data x3", "> data"]);
    assert_eq!(trace.lines[1].at, Micros(3000));
    assert_eq!(trace.marks.len(), 2);
}

#[test]
fn a_pause_ends_a_fold() {
    let (mut feed, flow) = (Feed::default(), tls());
    feed.data(&flow, Way::Forth, 1000);
    feed.at += 5_000_000 - 1000;
    feed.data(&flow, Way::Forth, 1000);
    feed.at += 5_000_001 - 1000;
    feed.data(&flow, Way::Forth, 1000);
    assert_eq!(short(&feed.trace(&[], false)), ["> data x2", "> data"]);
}

#[test]
fn remarks_keep_lines_apart() {
    let (mut feed, flow) = (Feed::default(), tls());
    feed.data(&flow, Way::Forth, 1000);
    for _ in 0..2 {
        feed.data(&flow, Way::Forth, 1000).remark = Some("dropped: cut".into());
    }
    feed.data(&flow, Way::Forth, 1000);
    let trace = feed.trace(&[], false);
    assert_eq!(short(&trace), ["> data x2", "> data x2"]);
    assert_eq!(trace.lines[1].remark.as_deref(), Some("dropped: cut"));
}

#[test]
fn segments_that_are_sent_again_count_at_the_last_line_of_their_direction() {
    let (mut feed, flow) = (Feed::default(), tls());
    feed.again(&flow, Way::Forth, Layer::Tcp, "TCP retransmission");
    feed.say(&flow, Way::Forth, "hello");
    feed.data(&flow, Way::Forth, 1000);
    feed.data(&flow, Way::Back, 1000);
    feed.again(&flow, Way::Forth, Layer::Tcp, "TCP retransmission");
    feed.data(&flow, Way::Forth, 1000);
    // After the mark.
    feed.again(&flow, Way::Forth, Layer::Tcp, "TCP retransmission");
    let trace = feed.trace(&[6500], false);
    assert_eq!(short(&trace), ["> TCP retransmission (1)", "> hello", "> data x2 (2)", "< data"]);
    assert_eq!(trace.lines[2].last_frame, 6);
}

#[test]
fn messages_that_are_sent_again_count_where_they_were_sent() {
    let (mut feed, flow) = (Feed::default(), tls());
    feed.say(&flow, Way::Back, "ServerHello");
    feed.say(&flow, Way::Back, "ServerHelloDone");
    feed.again(&flow, Way::Back, Layer::Dtls, "ServerHello");
    feed.again(&flow, Way::Back, Layer::Dtls, "ServerHelloDone");
    feed.again(&flow, Way::Back, Layer::Dtls, "unheard of");
    // In another phase nothing was sent yet.
    feed.again(&flow, Way::Back, Layer::Dtls, "ServerHello");
    assert_eq!(
        short(&feed.trace(&[5500], false)),
        ["< ServerHello x2 (1)", "< ServerHelloDone x2 (1)", "< unheard of (1)", "< ServerHello (1)"]
    );
}

#[test]
fn lines_that_need_keys_change_nothing_in_the_others() {
    let lines = |with_keys: bool| {
        let (mut feed, flow) = (Feed::default(), tls());
        for value in [b"a", b"b"] {
            feed.say(&flow, Way::Forth, Words::new("id=").random("session-id", value));
            feed.data(&flow, Way::Forth, 1000);
            feed.data(&flow, Way::Forth, 1000);
        }
        if !with_keys {
            return feed.trace(&[], false).lines;
        }
        let mut keyed = Feed::default();
        for item in feed.items {
            let opened = keyed.say(&flow, Way::Forth, Words::new("X: ").random("session-id", b"x"));
            opened.found.view = View::ConnectHeaders;
            opened.found.moment = item.found.moment;
            keyed.items.push(item);
        }
        let mut lines = keyed.trace(&[], false).lines;
        lines.retain(|line| line.view == View::OuterFlow);
        lines
    };
    assert_eq!(lines(true), lines(false));
    assert_eq!(lines(false).len(), 4);
}

#[test]
fn numbers_of_flows_do_not_depend_on_other_flows() {
    let names = |swapped: bool| {
        let mut feed = Feed::default();
        let first = flow(Protocol::Tcp, "198.51.100.10", [50001, 443]);
        let second = flow(Protocol::Tcp, "198.51.100.10", [40001, 443]);
        let dns = flow(Protocol::Udp, "203.0.113.53", [40002, 53]);
        let web = flow(Protocol::Tcp, "203.0.113.53", [40003, 80]);
        let order = if swapped { [dns, first, web, second] } else { [first, web, second, dns] };
        for flow in &order {
            feed.say(flow, Way::Forth, "hello");
        }
        let names = order.iter().zip(feed.trace(&[], false).lines).map(|(flow, line)| (flow.ports[0], line.flow));
        let mut names: Vec<(u16, String)> = names.collect();
        names.sort();
        names
    };
    assert_eq!(names(true), names(false));
    assert_eq!(names(true)[0].1, "client>gateway TCP/443 #2");
    assert_eq!(names(true)[3].1, "client>gateway TCP/443 #1");
}

#[test]
fn a_flow_that_is_told_anew_is_still_the_same() {
    let mut feed = Feed::default();
    for _ in 0..3 {
        feed.data(&tls(), Way::Forth, 1000);
    }
    feed.data(&Arc::new(Flow { generation: 1, ..(*tls()).clone() }), Way::Forth, 1000);
    let trace = feed.trace(&[], false);
    let flows: Vec<(&str, u64)> = trace.lines.iter().map(|line| (line.flow.as_str(), line.count)).collect();
    assert_eq!(flows, [("client>gateway TCP/443 #1", 3), ("client>gateway TCP/443 #2", 1)]);
}

#[test]
fn lines_stand_by_time_and_hosts_by_the_path() {
    let mut feed = Feed { at: 9000, ..Feed::default() };
    feed.say(&flow(Protocol::Udp, "203.0.113.53", [40002, 53]), Way::Back, "late");
    feed.at = 0;
    feed.say(&tls(), Way::Back, Words::new("from ").address("198.51.100.10".parse().unwrap()));
    let trace = feed.trace(&[], false);
    assert_eq!(short(&trace), ["< from gateway", "< late"]);
    assert_eq!(trace.hosts, ["client", "gateway", "public"]);
    assert_eq!([trace.lines[1].from.as_str(), trace.lines[1].to.as_str()], ["public", "client"]);
}

#[test]
fn lines_are_bounded_and_folds_go_on() {
    let (mut feed, flow) = (Feed::default(), tls());
    for number in 0..MOST_LINES - 1 {
        feed.say(&flow, Way::Forth, format!("message {number}"));
    }
    feed.data(&flow, Way::Forth, 1000);
    feed.data(&flow, Way::Forth, 1000);
    feed.data(&flow, Way::Back, 1000);
    feed.say(&super::tests::flow(Protocol::Udp, "203.0.113.53", [40002, 53]), Way::Forth, "question");
    let trace = feed.trace(&[], false);
    assert_eq!(trace.lines.len(), MOST_LINES);
    assert_eq!(trace.lines[MOST_LINES - 1].count, 2);
    assert_eq!(trace.notes, ["2 packets or records are not shown: the trace ended at 20000 lines"]);
}

#[test]
fn housekeeping_is_only_shown_raw() {
    let lines = |raw| {
        let mut feed = Feed::default();
        feed.say(&flow(Protocol::Arp, "192.0.2.1", [0, 0]), Way::Forth, "ARP who has");
        feed.say(&flow(Protocol::Udp, "224.0.0.251", [5353, 5353]), Way::Forth, "DNS query");
        feed.say(&flow(Protocol::Icmp, "ff02::16", [0, 0]), Way::Forth, "ICMPv6 Multicast Listener Report");
        feed.say(&flow(Protocol::Icmp, "fd20::10", [0, 0]), Way::Forth, "ICMPv6 echo request");
        short(&feed.trace(&[], raw)).len()
    };
    assert_eq!((lines(false), lines(true)), (1, 4));
}

#[test]
fn control_characters_do_not_get_through() {
    let mut feed = Feed::default();
    feed.say(&tls(), Way::Forth, "sni=\u{1b}[2J\nx").remark = Some("one\ntwo".into());
    let trace = feed.trace(&[], false);
    assert_eq!(trace.lines[0].text, "sni=\\x1b[2J; x");
    assert_eq!(trace.lines[0].remark.as_deref(), Some("one; two"));
}
