//! The evidence of one made-up cell.

use std::fs;
use std::net::IpAddr;
use std::path::Path;

use indexmap::IndexMap;
use interop_evidence::{
    AddressEntry, AttemptOutcome, Bundle, Carrier, CellRecord, Event, EventKind, FlowSummary, Micros, NodeSnapshot,
    PeerRole, Phase, ProcessEntry, Proof, RouteEntry, Timeline, TransportSample, Verdict,
};

use super::trace;

pub(super) fn write(cell: &CellRecord, folder: &Path) {
    let bundle = Bundle::create(folder).expect("a folder");
    bundle.write_cell(cell).expect("cell.json");
    bundle.write_events(&timeline(cell)).expect("events.jsonl");
    let leftover = cell.verdict == Verdict::Fail;
    for (phase, connected, processes) in
        [(Phase::Before, false, false), (Phase::Connected, true, true), (Phase::AfterDisconnect, leftover, leftover)]
    {
        bundle.write_snapshot(&phase, &snapshot(connected, processes)).expect("a snapshot");
    }
    for (name, lines) in [("client.log", 240), ("server.log", 30)] {
        let text: Vec<_> = (0..lines).map(|line| log_line(name, line)).collect();
        fs::write(bundle.logs().join(name), text.concat()).expect("a log");
    }
    fs::write(bundle.capture(), [0x0a, 0x0d, 0x0d, 0x0a]).expect("a capture");
    let trace = trace::trace(cell);
    bundle.write_trace(&trace).expect("trace.json");
    bundle.write_trace_text(&trace::text(&trace)).expect("trace.txt");
    fs::write(bundle.repro(), "#!/bin/sh\n").expect("repro.sh");
}

fn log_line(name: &str, line: usize) -> String {
    let second = line / 7;
    if name == "client.log" {
        format!(
            "[{second:>4}.{:03}] DTLS Dead Peer Detection: no reply for {line} s; SSL negotiation with vpn.lab.test\n",
            line % 1000
        )
    } else {
        format!("ocserv[{}]: main: worker 412 sec-mod: user 'alice' session opened (cookie {line:04x})\n", 100 + second)
    }
}

fn timeline(cell: &CellRecord) -> Timeline {
    let outage = cell.measurements.get("outage-ms").map_or(0, |outage| *outage as u64);
    let mut events = Vec::new();
    let mut add = |ms: u64, step: Option<usize>, kind: EventKind| {
        events.push(Event { at: Micros(ms * 1000), step, kind });
    };
    let argv = |words: &str| words.split(' ').map(str::to_owned).collect::<Vec<_>>();
    add(0, None, EventKind::LabReady { topology: "double-nat".into(), nodes: 8, wires: 9 });
    add(4, None, EventKind::SnapshotTaken { phase: Phase::Before });
    add(
        10,
        None,
        EventKind::PeerStarted { role: PeerRole::Server, pid: 31, argv: argv("ocserv -f -c /run/ocserv.conf") },
    );
    add(210, None, EventKind::PeerReady { role: PeerRole::Server, how: "listens on tcp 443".into() });
    add(220, Some(0), EventKind::StepStarted { text: "connect within 10 s".into() });
    add(
        225,
        Some(0),
        EventKind::PeerStarted { role: PeerRole::Client, pid: 44, argv: argv("openconnect vpn.lab.test") },
    );
    add(1240, Some(0), EventKind::Attempt { outcome: AttemptOutcome::Connects, detail: "tun0 is up".into() });
    add(1250, None, EventKind::SnapshotTaken { phase: Phase::Connected });
    add(1300, Some(1), EventKind::Transport { sample: sample(Some(Carrier::Dtls)) });
    add(
        2000,
        Some(3),
        EventKind::FaultInjected {
            name: "block".into(),
            fault: "udp-blocked".into(),
            detail: "nft drop udp at isp".into(),
        },
    );
    for second in 0..(outage / 1000).clamp(3, 12) {
        add(2500 + second * 1000, Some(4), EventKind::Transport { sample: sample(None) });
    }
    add(
        14_800,
        Some(4),
        EventKind::FaultProven {
            proof: Proof { name: "block".into(), bit: true, evidence: "rule counter 37 packets, 5122 bytes".into() },
        },
    );
    add(14_900, Some(4), EventKind::Transport { sample: sample(Some(Carrier::Tls)) });
    for check in &cell.checks {
        add(15_000, Some(4), EventKind::StepEnded { check: check.clone() });
    }
    add(15_100, Some(5), EventKind::FaultHealed { name: "block".into() });
    add(17_000, Some(6), EventKind::Transport { sample: sample(Some(Carrier::Dtls)) });
    let line = "Established DTLS connection (using GnuTLS)".to_owned();
    add(17_100, Some(6), EventKind::PeerSaid { role: PeerRole::Client, what: "dtls-up".into(), line });
    add(
        17_900,
        None,
        EventKind::Flow {
            summary: FlowSummary {
                name: "voice".into(),
                sent: 800,
                echoed: 765,
                duplicated: 0,
                reordered: 2,
                outage_ms: outage.min(13_000),
                outage_at: Micros(2_010_000),
            },
        },
    );
    let asked = cell.verdict != Verdict::Flaky;
    add(18_000, None, EventKind::PeerExited { role: PeerRole::Client, code: Some(0), signal: None, asked });
    add(18_200, None, EventKind::PeerExited { role: PeerRole::Server, code: None, signal: Some(15), asked: true });
    add(18_300, None, EventKind::SnapshotTaken { phase: Phase::AfterDisconnect });
    Timeline { events }
}

fn sample(carrier: Option<Carrier>) -> TransportSample {
    let frames = || carrier.into_iter().map(|carrier| (carrier, 1)).collect();
    TransportSample {
        answered: carrier.is_some(),
        rtt_us: carrier.map(|_| 21_400),
        to_server: frames(),
        to_client: frames(),
    }
}

fn snapshot(connected: bool, processes: bool) -> Vec<NodeSnapshot> {
    let address = |text: &str| text.parse::<IpAddr>().expect("an address");
    let route = |to: &str, via: Option<&str>, interface: &str| RouteEntry {
        to: to.into(),
        via: via.map(address),
        interface: Some(interface.into()),
        metric: None,
        table: 254,
        kind: "unicast".into(),
    };
    let mut client = NodeSnapshot {
        node: "client".into(),
        interfaces: IndexMap::from([("eth0".into(), 1500)]),
        addresses: vec![AddressEntry { interface: "eth0".into(), address: address("192.168.1.2"), prefix: 24 }],
        routes: vec![route("0.0.0.0/0", Some("192.168.1.1"), "eth0"), route("192.168.1.0/24", None, "eth0")],
        resolver: "nameserver 192.168.1.1\n".into(),
        ..NodeSnapshot::default()
    };
    if connected {
        client.interfaces.insert("tun0".into(), 1406);
        client.addresses.push(AddressEntry { interface: "tun0".into(), address: address("10.99.0.17"), prefix: 32 });
        client.routes.push(route("10.0.0.0/8", None, "tun0"));
        client.resolver = "nameserver 10.0.0.53\nsearch corp.test\n".into();
    }
    if processes {
        client.processes.push(ProcessEntry { pid: 44, name: "openconnect".into() });
    }
    vec![client, NodeSnapshot { node: "gateway".into(), ..NodeSnapshot::default() }]
}
