//! A made-up run with every verdict, and its bundles.

mod bundle;
pub(crate) mod trace;

use std::fs;
use std::path::Path;

use indexmap::IndexMap;
use interop_evidence::{
    Bundle, CellRecord, CheckRecord, FORMAT_VERSION, HostRecord, PeerRecord, RunRecord, RunResults, Verdict,
};

/// Three pairs, eight scenarios, twelve verdicts.
pub(crate) fn results() -> RunResults {
    let pairs = [
        (peer("openconnect", "9.01"), peer("ocserv", "1.1.6")),
        (peer("openconnect@trixie", "9.12-3"), peer("ocserv", "1.1.6")),
        (peer("reference-client", "0.1.0"), peer("ocserv", "1.1.6")),
    ];
    run_of(&pairs, &rows())
}

/// Six pairs with long versions.
pub(crate) fn wide_results() -> RunResults {
    let clients =
        [peer("openconnect", "9.01"), peer("openconnect@trixie", "9.12-3"), peer("reference-client", "0.1.0")];
    let servers = [peer("ocserv", "1.1.6"), peer("ocserv@trixie", "1.3.0-2+deb13u1")];
    let pairs: Vec<_> =
        servers.iter().flat_map(|server| clients.iter().map(move |client| (client.clone(), server.clone()))).collect();
    run_of(&pairs, &rows())
}

/// One pair.
pub(crate) fn narrow_results() -> RunResults {
    run_of(&[(peer("openconnect", "9.01"), peer("ocserv", "1.1.6"))], &rows())
}

/// As many cells as asked for, of six pairs.
pub(crate) fn many_results(cells: usize) -> RunResults {
    let mut results = wide_results();
    let pattern = results.cells.clone();
    results.cells = (0..cells)
        .map(|index| {
            let mut cell = pattern[index % pattern.len()].clone();
            let round = index / pattern.len();
            cell.scenario = format!("{}-{round}", cell.scenario);
            cell.key = format!("{}-{round}", cell.key);
            cell.bundle = cell.bundle.map(|bundle| format!("{bundle}-{round}"));
            cell
        })
        .collect();
    results
}

/// Four releases and the reference on either side, 25 pairs; the oldest client fails with everybody in one scenario.
pub(crate) fn versions() -> RunResults {
    versions_of(3)
}

/// The same with as many scenarios as asked for, of forty cells each: OpenVPN is a family of its own, with 15 pairs.
pub(crate) fn versions_of(scenarios: usize) -> RunResults {
    const RELEASES: [&str; 4] = ["bullseye", "bookworm", "trixie", "sid"];
    let all = |id: &str, packages: [&str; 4], libraries: [&str; 4]| -> Vec<PeerRecord> {
        let one = |at: usize| PeerRecord {
            release: Some(RELEASES[at].into()),
            package: Some(packages[at].into()),
            library: Some(libraries[at].into()),
            ..PeerRecord::new(id, packages[at].split('-').next().expect("a version"))
        };
        (0..4).map(one).collect()
    };
    let gnutls = ["GnuTLS 3.7.1", "GnuTLS 3.7.9", "GnuTLS 3.8.9", "GnuTLS 3.8.10"];
    let openssl = ["OpenSSL 1.1.1w", "OpenSSL 3.0.17", "OpenSSL 3.5.1", "OpenSSL 3.5.4"];
    let reference = || peer("reference", "0.1.0");
    let mut clients = all("openconnect", ["8.10-2+b1", "9.01-3", "9.12-3+b1", "9.12-4"], gnutls);
    clients.push(reference());
    let mut servers = all("ocserv", ["1.1.2-2", "1.1.6-3", "1.3.0-2", "1.4.0-1"], gnutls);
    servers.push(reference());
    let openvpn = ["2.5.1-3", "2.6.3-1+deb12u3", "2.6.14-1", "2.7~rc2-1"];
    let mut pairs: Vec<(PeerRecord, PeerRecord)> = Vec::new();
    // As they are planned: by name, not by version.
    for client in clients[..4].iter().rev().chain(&clients[4..]) {
        pairs.extend(servers.iter().map(|server| (client.clone(), server.clone())));
    }
    for client in all("openvpn", openvpn, openssl) {
        pairs.extend(all("openvpn-server", openvpn, openssl).into_iter().map(|server| (client.clone(), server)));
    }
    pairs.truncate(40);
    let cells = (0..scenarios).flat_map(|scenario| {
        pairs.iter().map(move |(client, server)| {
            use Verdict::{Degraded, Fail, KnownFail, Pass, Unsupported};
            let verdict = match (scenario % 3, client.id.as_str(), client.release.as_deref(), server.release.as_deref())
            {
                (1, "openvpn", ..) => Unsupported,
                (1, "openconnect", Some("bullseye"), Some(_)) => Fail,
                (2, _, _, Some("sid")) => KnownFail,
                (2, "openconnect", Some("trixie"), _) => Degraded,
                _ => Pass,
            };
            let name = ["connect-and-ping", "udp-blocked-mid-session", "mtu-blackhole"][scenario % 3];
            let name = if scenario < 3 { name.to_owned() } else { format!("{name}-{}", scenario / 3) };
            let area = ["baseline", "dtls-fallback", "path-mtu"][scenario % 3];
            let story = Story {
                area,
                scenario: &name,
                title: "What a user would see",
                params: if scenario == 1 { &[("dpd", "3s")] } else { &[] },
                outcomes: [(verdict, (verdict == Fail).then_some(41_200.0)); 3],
            };
            let mut cell = make_cell(&story, 0, client, server);
            cell.key = format!("{name}+{}+{}", client.name(), server.name());
            cell.bundle = cell.bundle.map(|_| format!("cells/{}", cell.key));
            cell.reproduce = format!(
                "vpn-interop run --scenario {name} --client {} --server {} --seed 42",
                client.name(),
                server.name()
            );
            // No two outages are the same.
            if verdict == Fail {
                cell.reason = cell.reason.replace("9 s", &format!("9 s (after {} ms)", 100 + cell.key.len() * 7));
            }
            cell
        })
    });
    run(cells.collect())
}

/// A run in which every string wants to be something else, with its bundle.
pub(crate) fn hostile_results(folder: &Path) -> RunResults {
    let evil = "</script><script>alert(1)</script><!--<script>{{ 7*7 }}{% raw %}\"'\u{202e}\u{1b}[31m\u{2028}<img src=x onerror=alert(2)>";
    let mut hostile = cell("story", peer("a", evil), peer("b", "2"), Verdict::Fail);
    hostile.scenario = evil.into();
    hostile.title = evil.into();
    hostile.area = evil.into();
    hostile.reason = evil.into();
    hostile.params.insert(evil.into(), evil.into());
    hostile.measurements.insert(evil.into(), 1.0);
    hostile.checks[2].message = evil.into();
    hostile.reproduce = evil.into();
    let mut results = run(vec![hostile]);
    results.run.command.push(evil.into());
    results.run.host.system = evil.into();
    write_bundles(&results, folder);
    let bundle = folder.join(results.cells[0].bundle.as_ref().expect("a bundle"));
    let write = |name: &str, text: &[u8]| fs::write(bundle.join(name), text).expect("a file");
    write("logs/evil.log", &[evil.as_bytes(), b"\xff\xfe broken \xc3("].concat());
    write("logs/x\" onclick=\"y.log", b"x");
    write("snapshots/before.json", evil.as_bytes());
    let mut trace = trace::trace(&results.cells[0]);
    trace.hosts.push(evil.into());
    trace.notes.push(evil.into());
    trace.marks[1].text = format!("fault {evil}");
    for line in &mut trace.lines {
        for text in [&mut line.wire, &mut line.flow, &mut line.text, line.remark.get_or_insert_default()] {
            text.push_str(evil);
        }
        line.from = evil.into();
    }
    Bundle::open(&bundle).write_trace(&trace).expect("trace.json");
    results
}

/// Writes a bundle for every cell that has one.
pub(crate) fn write_bundles(results: &RunResults, folder: &Path) {
    for cell in &results.cells {
        if let Some(path) = &cell.bundle {
            bundle::write(cell, &folder.join(path));
        }
    }
}

/// A peer; `openconnect@trixie` is from a release.
pub(crate) fn peer(name: &str, version: &str) -> PeerRecord {
    match name.split_once('@') {
        Some((id, release)) => PeerRecord { release: Some(release.into()), ..PeerRecord::new(id, version) },
        None => PeerRecord::new(name, version),
    }
}

/// A cell of a scenario without parameters.
pub(crate) fn cell(scenario: &str, client: PeerRecord, server: PeerRecord, verdict: Verdict) -> CellRecord {
    let story = Story { area: "test", scenario, title: "A test", params: &[], outcomes: [(verdict, None); 3] };
    make_cell(&story, 0, &client, &server)
}

pub(crate) fn run(cells: Vec<CellRecord>) -> RunResults {
    RunResults {
        version: FORMAT_VERSION,
        run: RunRecord {
            id: "2026-08-04-1".into(),
            seed: 42,
            started: "2026-08-04T09:30:00Z".into(),
            duration_ms: 252_400,
            host: HostRecord {
                kernel: "6.12.41".into(),
                system: "Debian GNU/Linux 13 (trixie)".into(),
                cpus: 8,
                rootless: true,
                harness: "0.1.0".into(),
            },
            command: ["vpn-interop", "run", "--suite", "core", "--client", "openconnect=./my build/oc"]
                .map(str::to_owned)
                .to_vec(),
            suite: Some("core".into()),
            jobs: 8,
            partition: None,
            planned: Vec::new(),
            interrupted: false,
            needed: Vec::new(),
            stale: Vec::new(),
        },
        cells,
    }
}

/// A row: what happens with each pair, and an outage in milliseconds.
struct Story<'a> {
    area: &'a str,
    scenario: &'a str,
    title: &'a str,
    params: &'a [(&'a str, &'a str)],
    outcomes: [(Verdict, Option<f64>); 3],
}

fn rows() -> Vec<Story<'static>> {
    use Verdict::{
        Blocked, BrokenPromise, Degraded, EnvError, Fail, Flaky, Invalid, KnownFail, Pass, Skipped, UnexpectedPass,
        Unsupported,
    };
    let story = |area, scenario, title, params, outcomes| Story { area, scenario, title, params, outcomes };
    vec![
        story(
            "baseline",
            "connect-and-ping",
            "The tunnel comes up and carries pings",
            &[],
            [(Pass, None), (Pass, None), (Pass, None)],
        ),
        story(
            "dtls-fallback",
            "udp-blocked-from-start",
            "UDP never works; everything goes over TLS",
            &[],
            [(Degraded, Some(830.0)), (Pass, None), (Pass, None)],
        ),
        story(
            "dtls-fallback",
            "udp-blocked-mid-session",
            "UDP dies after DTLS is up; traffic must move to TLS and come back",
            &[("dpd", "3s")],
            [(Fail, Some(41_200.0)), (Degraded, Some(6700.0)), (Pass, Some(2100.0))],
        ),
        story(
            "dtls-fallback",
            "udp-blocked-mid-session",
            "UDP dies after DTLS is up; traffic must move to TLS and come back",
            &[("dpd", "10s")],
            [(KnownFail, Some(62_000.0)), (UnexpectedPass, Some(9400.0)), (Pass, Some(7100.0))],
        ),
        story(
            "path-mtu",
            "mtu-blackhole",
            "A router drops large packets without a word",
            &[("mtu", "1300"), ("direction", "both")],
            [(Flaky, None), (Pass, None), (BrokenPromise, None)],
        ),
        story(
            "dns",
            "split-dns",
            "Only inside names go to the inside resolver",
            &[],
            [(Unsupported, None), (Pass, None), (Pass, None)],
        ),
        story(
            "certificate",
            "expired-server",
            "The server's certificate expired yesterday",
            &[],
            [(Pass, None), (Skipped, None), (Blocked, None)],
        ),
        story(
            "network",
            "address-change",
            "The client moves to another network",
            &[],
            [(Invalid, None), (EnvError, None), (Pass, Some(350.0))],
        ),
        story(
            "network",
            "half-open-connections",
            "The server forgets the session without a word",
            &[],
            [(Pass, None), (Pass, None), (Degraded, Some(12_000.0))],
        ),
    ]
}

fn run_of(pairs: &[(PeerRecord, PeerRecord)], rows: &[Story<'_>]) -> RunResults {
    let cells = rows.iter().flat_map(|row| {
        pairs.iter().enumerate().map(move |(column, (client, server))| make_cell(row, column, client, server))
    });
    run(cells.collect())
}

fn make_cell(row: &Story<'_>, column: usize, client: &PeerRecord, server: &PeerRecord) -> CellRecord {
    let (verdict, outage) = row.outcomes[column % row.outcomes.len()];
    let params: IndexMap<String, String> =
        row.params.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let values: Vec<_> = params.values().cloned().collect();
    let key = [row.scenario, &values.join("-"), &client.name(), &server.name()].join("--").replace('@', "-");
    let mut measurements = IndexMap::new();
    measurements.extend(outage.map(|outage| ("outage-ms".to_owned(), outage)));
    CellRecord {
        scenario: row.scenario.to_owned(),
        title: row.title.to_owned(),
        area: row.area.to_owned(),
        params,
        client: client.clone(),
        server: server.clone(),
        verdict,
        reason: reason(verdict).to_owned(),
        suspect: None,
        duration_ms: if verdict.took_place() { 18_400 } else { 0 },
        measurements,
        checks: if verdict.took_place() { checks(verdict) } else { Vec::new() },
        bundle: verdict.took_place().then(|| format!("cells/{key}")),
        repeats: if verdict == Verdict::Flaky { vec![Verdict::Pass, Verdict::Fail, Verdict::Pass] } else { Vec::new() },
        reproduce: format!(
            "vpn-interop run {} --client {} --server {} --seed 42",
            row.scenario,
            client.name(),
            server.name()
        ),
        key,
    }
}

fn reason(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Pass => "7 checks hold",
        Verdict::Degraded => "outage of flow voice above the soft limit",
        Verdict::Fail => {
            "transport is still dtls 9 s after UDP was blocked, tls expected; first differing packet: frame 412"
        }
        Verdict::KnownFail => "openconnect#412: DPD starts too late (listed until 2026-12-31)",
        Verdict::UnexpectedPass => "listed as openconnect#412, but every check holds",
        Verdict::Flaky => "2 of 3 repeats pass",
        Verdict::BrokenPromise => "declares pmtu-discovery, but ended with exit code 89",
        Verdict::Unsupported => "the client does not declare split-dns",
        Verdict::Blocked => "the baseline of this pair failed",
        Verdict::Skipped => "faketime is not installed",
        Verdict::Invalid => "fault move did not bite: the address of eth0 is the same as before",
        Verdict::EnvError => "lab: cannot create TAP device: Device or resource busy",
    }
}

fn checks(verdict: Verdict) -> Vec<CheckRecord> {
    let check = |id: &str, verdict, message: &str| CheckRecord { id: id.into(), verdict, message: message.into() };
    let decisive = match verdict {
        Verdict::Pass | Verdict::UnexpectedPass => Verdict::Pass,
        Verdict::Degraded => Verdict::Degraded,
        Verdict::Invalid | Verdict::EnvError => Verdict::Invalid,
        _ => Verdict::Fail,
    };
    let mut checks = vec![
        check("1 connect", Verdict::Pass, "connects after 1.240 s, within 10 s"),
        check("2 expect transport", Verdict::Pass, "dtls, as expected"),
        check("5 expect transport", decisive, "expected tls within 9 s, saw dtls (to-server 12 frames, to-client 0)"),
        check("no-leak", Verdict::Pass, "0 inner packets on outside wires"),
        check("leave-no-trace", Verdict::Pass, "after disconnect equals before"),
    ];
    if verdict == Verdict::Fail {
        let message = concat!(
            "in phase `fault block`, flow client>gateway UDP/443: `DTLS application data` came, which was not expected ",
            "(frame 412 on `access`)\n    DTLS application data  x54\n  + DTLS application data\n    TCP RST",
        );
        checks.push(check("golden outer-flow", Verdict::Fail, message));
    }
    checks
}
