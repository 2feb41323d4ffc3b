//! `doctor`: what the harness needs of this machine, whether it is there, and how to get it.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use indexmap::IndexMap;
use interop_catalogue::{Catalogue, LoadOptions, Peer, Side};
use interop_engine::features::{Examiner, Finding, Group, Severity, Status};
use interop_engine::{EngineError, PeerChoice, find_peer};
use interop_evidence::Exit;
use interop_store::Store;

use super::print;

/// Columns of the report.
const WIDTH: usize = 110;
/// Column of what is said about something that is not there.
const INDENT: usize = 11;
/// Where distributions put it.
const SCRIPTS: [&str; 3] =
    ["/usr/share/vpnc-scripts/vpnc-script", "/etc/vpnc/vpnc-script", "/usr/local/share/vpnc-scripts/vpnc-script"];

pub(crate) fn doctor(json: bool) -> ExitCode {
    let mut findings = match Examiner::this_program() {
        Ok(examiner) => examiner.examine(),
        Err(error) => {
            crate::load::complain(&format!("failed to find this program: {error}"));
            return crate::exit(Exit::Environment);
        }
    };
    findings.extend(programs_of_peers());
    print(&if json { as_json(&findings) } else { render(&about_this_machine(), &findings) });
    match findings.iter().any(Finding::prevents_runs) {
        true => crate::exit(Exit::Environment),
        false => ExitCode::SUCCESS,
    }
}

fn as_json(findings: &[Finding]) -> String {
    // Plain data with text keys always becomes JSON.
    serde_json::to_string_pretty(findings).unwrap_or_default() + "\n"
}

fn about_this_machine() -> String {
    let release = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let is_root = status.lines().any(|line| line.starts_with("Uid:") && line.split_whitespace().nth(2) == Some("0"));
    let user = if is_root { "root" } else { "an ordinary user" };
    format!("Linux {}, {}, as {user}", release.trim(), std::env::consts::ARCH)
}

/// The report: one line for what is there; why and how for what is not.
fn render(machine: &str, findings: &[Finding]) -> String {
    let width = findings.iter().map(|finding| finding.id.len()).max().unwrap_or(0);
    let mut said = Said::default();
    let mut text = format!("{machine}\n");
    for group in Group::ALL {
        let of_group: Vec<&Finding> = findings.iter().filter(|finding| finding.group == group).collect();
        if !of_group.is_empty() {
            // A string takes everything that is written to it.
            let _ = writeln!(text, "\n{group}");
        }
        for finding in of_group {
            let first = format!("  {:7}  {:width$}  ", finding.status, finding.id);
            let detail = match finding.status {
                Status::Found => finding.detail.clone(),
                _ => said.once(&finding.detail, &finding.id),
            };
            let colon = if detail.is_empty() { "" } else { ": " };
            paragraph(&mut text, &first, &format!("{}{colon}{detail}", finding.what));
            // What could not be tried for the same reason as something before it needs no more words.
            if finding.status == Status::Found || (finding.status == Status::Untried && detail != finding.detail) {
                continue;
            }
            let who = if finding.severity == Severity::Needed { "needed:" } else { "optional:" };
            paragraph(&mut text, &format!("{:INDENT$}{who:9} ", ""), &finding.why);
            let how = said.once(&finding.how_to_get, &finding.id);
            paragraph(&mut text, &format!("{:INDENT$}{:9} ", "", "get it:"), &how);
        }
    }
    let _ = writeln!(text, "\n{}", summary(findings));
    text
}

/// What was said, and of what: said once, it is only pointed to.
#[derive(Default)]
struct Said(IndexMap<String, String>);

impl Said {
    fn once(&mut self, text: &str, id: &str) -> String {
        match self.0.get(text) {
            Some(before) => format!("as for `{before}`"),
            None => {
                self.0.insert(text.to_owned(), id.to_owned());
                text.to_owned()
            }
        }
    }
}

fn summary(findings: &[Finding]) -> String {
    let absent = |severity: Severity| -> Vec<&str> {
        let of = |finding: &&Finding| finding.severity == severity && finding.status != Status::Found;
        findings.iter().filter(of).map(|finding| finding.id.as_str()).collect()
    };
    let (needed, optional) = (absent(Severity::Needed), absent(Severity::Optional));
    let mut text = match needed.as_slice() {
        [] => format!("Everything needed is here ({} things looked at).", findings.len()),
        ids => format!("Cells cannot run here; needed and not here: {}.", ids.join(", ")),
    };
    if !optional.is_empty() {
        let _ = write!(text, "\nOptional and not here: {}.", optional.join(", "));
    }
    text
}

/// `first`, then the words of `text`; lines that follow begin below the first word.
fn paragraph(into: &mut String, first: &str, text: &str) {
    let indent = first.chars().count();
    into.push_str(first);
    let mut column = indent;
    for (index, word) in text.split_whitespace().enumerate() {
        let length = word.chars().count();
        if index > 0 && column + 1 + length > WIDTH {
            let _ = write!(into, "\n{:indent$}", "");
            column = indent;
        } else if index > 0 {
            into.push(' ');
            column += 1;
        }
        into.push_str(word);
        column += length;
    }
    into.push('\n');
}

/// The programs of all peers of the built-in catalogue, and whether two of them make a pair.
fn programs_of_peers() -> Vec<Finding> {
    let catalogue = match Catalogue::load(&LoadOptions::default()) {
        Ok(catalogue) => catalogue,
        Err(errors) => {
            let reason = errors.to_string().lines().next().unwrap_or_default().to_owned();
            return vec![pair(Status::Untried, format!("the catalogue is broken: {reason}"))];
        }
    };
    let mut programs: IndexMap<&str, Vec<&Peer>> = IndexMap::new();
    for peer in catalogue.peers.values() {
        programs.entry(peer.binary.name.as_str()).or_default().push(&peer.value);
    }
    let mut findings = Vec::new();
    let mut found: Vec<&Peer> = Vec::new();
    for (name, peers) in programs {
        let choice = find_peer(peers[0], None, &[]);
        if choice.is_ok() {
            found.extend(&peers);
        }
        let script = (name == "openconnect").then(|| vpnc_script(choice.as_ref().ok()));
        // The hint that follows the reason is said in another place.
        let reason = |error: EngineError| error.to_string().split("; ").next().map(str::to_owned).unwrap_or_default();
        findings.push(program(name, &peers, choice.map_err(reason)));
        findings.extend(script);
    }
    let releases = releases();
    // A release of the store has a client and a server for each other.
    let in_store = releases.status == Status::Found;
    findings.push(releases);
    let couples = found.iter().flat_map(|client| found.iter().map(move |server| (client, server)));
    let mut pairs = couples.filter(|(client, server)| {
        client.can_be(Side::Client) && server.can_be(Side::Server) && client.shared_protocol(server).is_some()
    });
    findings.push(match pairs.next() {
        Some((client, server)) => pair(Status::Found, format!("{} and {}, for example", client.name(), server.name())),
        None if in_store => pair(Status::Found, "in the store: openconnect@* and ocserv@*, for example".to_owned()),
        None => pair(Status::Missing, "no client has its server here".to_owned()),
    });
    findings
}

fn program(name: &str, peers: &[&Peer], choice: Result<PeerChoice, String>) -> Finding {
    let ids: Vec<&str> = peers.iter().map(|peer| peer.name().as_str()).collect();
    let package = peers.iter().find_map(|peer| peer.binary.package.values().next());
    let install = package.map_or_else(String::new, |package| format!("; or install package {package}"));
    let (status, detail) = match choice {
        Ok(choice) => (Status::Found, format!("{} at {}", choice.version, choice.binary.display())),
        Err(reason) => (Status::Missing, format!("failed to {reason}")),
    };
    Finding {
        id: name.to_owned(),
        group: Group::Programs,
        what: format!("{name}, a VPN program"),
        severity: Severity::Optional,
        status,
        detail,
        why: format!("cells with the peers {}", ids.join(", ")),
        how_to_get: if peers[0].binary.beside {
            "cargo build --workspace: it is built with this program, and looked for beside it".to_owned()
        } else {
            format!(
                "make peers (unpacks it, installs and starts nothing){install}; or your own build: --client or --server {}=PATH",
                peers[0].name()
            )
        },
    }
}

/// Beside the program, as in an unpacked package, or the machine's.
fn vpnc_script(openconnect: Option<&PeerChoice>) -> Finding {
    let roots = openconnect.into_iter().flat_map(|choice| choice.binary.ancestors());
    let beside = roots.map(|root| root.join("usr/share/vpnc-scripts/vpnc-script"));
    let script = beside.chain(SCRIPTS.map(PathBuf::from)).find(|path| path.is_file());
    Finding {
        id: "vpnc-script".to_owned(),
        group: Group::Programs,
        what: "what sets openconnect's addresses, routes and resolver".to_owned(),
        severity: Severity::Optional,
        status: if script.is_some() { Status::Found } else { Status::Missing },
        detail: script.map_or_else(|| "not installed".to_owned(), |path| path.display().to_string()),
        why: "cells with the peer openconnect".to_owned(),
        how_to_get: "make peers; or install package vpnc-scripts".to_owned(),
    }
}

/// The releases whose peers can run side by side.
fn releases() -> Finding {
    let (status, detail) = match Store::of_user().map(|store| store.releases()) {
        None => (Status::Missing, "this user has no cache folder".to_owned()),
        Some(Err(error)) => (Status::Missing, format!("failed to {error}")),
        Some(Ok(releases)) if releases.is_empty() => (Status::Missing, "the store is empty".to_owned()),
        Some(Ok(releases)) => {
            let names: Vec<&str> = releases.iter().map(|release| release.release.as_str()).collect();
            (Status::Found, names.join(", "))
        }
    };
    Finding {
        id: "releases".to_owned(),
        group: Group::Programs,
        what: "peers of other releases, side by side".to_owned(),
        severity: Severity::Optional,
        status,
        detail,
        why: "versions as rows and columns: --client 'openconnect@*'".to_owned(),
        how_to_get: "vpn-interop peers install --all".to_owned(),
    }
}

fn pair(status: Status, detail: String) -> Finding {
    Finding {
        id: "pair".to_owned(),
        group: Group::Programs,
        what: "a client and a server that speak the same protocol".to_owned(),
        severity: Severity::Needed,
        status,
        detail,
        why: "every run".to_owned(),
        how_to_get: "make peers; or vpn-interop peers install --all".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finding(id: &str, group: Group, severity: Severity, status: Status, detail: &str) -> Finding {
        let (what, why, how_to_get) = (format!("what {id} is"), format!("why {id}"), "modprobe it".to_owned());
        Finding { id: id.to_owned(), group, what, severity, status, detail: detail.to_owned(), why, how_to_get }
    }

    fn mixed() -> Vec<Finding> {
        vec![
            finding("tun", Group::Kernel, Severity::Needed, Status::Missing, "open /dev/net/tun: no such file"),
            finding("veth", Group::Kernel, Severity::Optional, Status::Untried, "no namespaces"),
            finding("ipv6", Group::Kernel, Severity::Optional, Status::Untried, "no namespaces"),
            finding("cores", Group::Machine, Severity::Optional, Status::Found, "2"),
            finding("nft", Group::Programs, Severity::Needed, Status::Found, ""),
        ]
    }

    #[test]
    fn a_report_with_everything() {
        let expected = "\
Linux 6.1

kernel
  missing  tun    what tun is: open /dev/net/tun: no such file
           needed:   why tun
           get it:   modprobe it
  untried  veth   what veth is: no namespaces
           optional: why veth
           get it:   as for `tun`
  untried  ipv6   what ipv6 is: as for `veth`

machine
  found    cores  what cores is: 2

programs
  found    nft    what nft is

Cells cannot run here; needed and not here: tun.
Optional and not here: veth, ipv6.
";
        assert_eq!(render("Linux 6.1", &mixed()), expected);
    }

    #[test]
    fn all_is_well() {
        let text = render("Linux 6.1", &mixed()[3..]);
        assert!(text.ends_with("\nEverything needed is here (2 things looked at).\n"), "{text}");
    }

    #[test]
    fn only_what_is_needed_prevents_runs() {
        let prevents: Vec<bool> = mixed().iter().map(Finding::prevents_runs).collect();
        assert_eq!(prevents, [true, false, false, false, false]);
        let untried = finding("x", Group::Kernel, Severity::Needed, Status::Untried, "");
        assert!(untried.prevents_runs(), "what could not be tried is not known to be there");
    }

    #[test]
    fn long_texts_go_on_below_their_first_word() {
        let mut text = String::new();
        paragraph(&mut text, "  found  ", &"word ".repeat(40));
        let lines: Vec<&str> = text.lines().collect();
        assert!(lines.len() == 2 && lines.iter().all(|line| line.len() <= WIDTH), "{text}");
        assert!(lines[1].starts_with("         word"), "{text}");
    }

    #[test]
    fn json_is_an_array_of_findings() {
        let json: serde_json::Value = serde_json::from_str(&as_json(&mixed())).unwrap();
        assert_eq!(json[0]["id"], "tun");
        assert_eq!(json[0]["group"], "kernel");
        assert_eq!(json[0]["severity"], "needed");
        assert_eq!(json[0]["status"], "missing");
        assert_eq!(json[0]["how_to_get"], "modprobe it");
        let back: Vec<Finding> = serde_json::from_value(json).unwrap();
        assert_eq!(back, mixed());
    }

    #[test]
    fn every_peer_of_the_catalogue_has_its_program() {
        let findings = programs_of_peers();
        let ids: Vec<&str> = findings.iter().map(|finding| finding.id.as_str()).collect();
        assert!(
            ["openconnect", "ocserv", "openvpn", "vpnc-script", "releases"].iter().all(|id| ids.contains(id)),
            "{ids:?}"
        );
        assert_eq!(ids.last(), Some(&"pair"));
    }
}
