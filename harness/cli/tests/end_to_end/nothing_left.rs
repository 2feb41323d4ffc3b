//! Killing a running cell leaves nothing on the machine.

use std::collections::BTreeSet;
use std::fs;
use std::process::Child;

use crate::processes::{children, descendants, runs, send, until};
use crate::support::{has_anyconnect, need, program};

/// What must be the same afterwards.
#[derive(Debug, PartialEq, Eq)]
struct Machine {
    resolver: Option<Vec<u8>>,
    hosts: Option<Vec<u8>>,
    mounts: String,
    interfaces: BTreeSet<String>,
    routes: String,
    named_namespaces: BTreeSet<String>,
}

impl Machine {
    fn now() -> Self {
        let names = |folder: &str| -> BTreeSet<String> {
            let entries = fs::read_dir(folder).into_iter().flatten().flatten();
            entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
        };
        Self {
            resolver: fs::read("/etc/resolv.conf").ok(),
            hosts: fs::read("/etc/hosts").ok(),
            mounts: fs::read_to_string("/proc/self/mounts").unwrap(),
            interfaces: names("/sys/class/net"),
            routes: fs::read_to_string("/proc/net/route").unwrap_or_default(),
            named_namespaces: names("/run/netns"),
        }
    }
}

/// Starts a cell that stays up, and waits until its client has a tunnel.
fn kept_cell(folder: &std::path::Path) -> Child {
    let run = program()
        .args(["run", "--keep", "--scenario", "baseline", "--client", "openconnect", "--server", "ocserv", "--out"])
        .arg(folder)
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let log = folder.join("cells/baseline+openconnect+ocserv/logs/client.log");
    until("a tunnel", || fs::read_to_string(&log).is_ok_and(|text| text.contains("connect finished")));
    run
}

#[test]
fn kill_9_of_warden_cell_or_runner_leaves_nothing() {
    need!(has_anyconnect(), "openconnect or ocserv is not here, or this is not root");
    let before = Machine::now();
    for victim in ["runner", "warden", "cell"] {
        let folder = tempfile::TempDir::new().unwrap();
        let mut run = kept_cell(folder.path());
        let all = descendants(run.id());
        let warden = children(run.id())[0];
        let cell = children(warden)[0];
        assert!(all.len() >= 4, "warden, cell, server, client: {all:?}");
        let pid = match victim {
            "runner" => run.id(),
            "warden" => warden,
            _ => cell,
        };
        send(pid, nix::sys::signal::Signal::SIGKILL);
        until(&format!("everything gone after the {victim} was killed"), || !all.iter().any(|pid| runs(*pid)));
        run.wait().unwrap();
        assert_eq!(Machine::now(), before, "after kill -9 of the {victim}");
    }
}
