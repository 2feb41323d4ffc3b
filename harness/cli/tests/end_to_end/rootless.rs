//! Without root, in a user namespace.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use interop_evidence::{RunResults, Verdict};
use tempfile::TempDir;

use crate::support::{has_anyconnect, has_command, need};

#[test]
fn a_user_without_privileges_runs_a_pair() {
    need!(has_anyconnect(), "openconnect or ocserv is not here, or this is not root");
    need!(has_command("setpriv"), "setpriv is not here");
    let tun = std::fs::metadata("/dev/net/tun").unwrap().permissions().mode();
    need!(tun & 0o006 == 0o006, "/dev/net/tun is for root only on this machine");
    let folder = TempDir::new().unwrap();
    let own = |path: &Path| std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o777)).unwrap();
    own(folder.path());
    // The build folder may be closed to others.
    let program = folder.path().join("vpn-interop");
    std::fs::copy(env!("CARGO_BIN_EXE_vpn-interop"), &program).unwrap();
    for name in ["vpn-ref-client", "vpn-ref-server"] {
        let built = Path::new(env!("CARGO_BIN_EXE_vpn-interop")).with_file_name(name);
        if built.is_file() {
            std::fs::copy(built, folder.path().join(name)).unwrap();
        }
    }
    // So may the folder of the unpacked peers: they get a copy that everybody can read.
    let peers = peers_folder().map(|peers| {
        let copy = folder.path().join("peers");
        let done = Command::new("cp").args(["-r", "--"]).args([&peers, &copy]).status().unwrap();
        assert!(done.success());
        copy
    });
    let as_nobody = |args: &[&str]| {
        let mut command = Command::new("setpriv");
        command.args(["--reuid=65534", "--regid=65534", "--clear-groups", "env", "-C"]).arg(folder.path());
        command.arg(format!("HOME={}", folder.path().display()));
        if let Some(peers) = &peers {
            command.arg(format!("VPN_INTEROP_PEERS={}", peers.display()));
        }
        command.arg(&program).args(args).output().unwrap()
    };
    let planned = as_nobody(&["run", "--dry-run", "--scenario", "baseline", "--client", "openconnect"]);
    let planned = String::from_utf8_lossy(&planned.stdout).into_owned();
    need!(planned.contains("  run\n"), "the peers cannot be read by others than root");
    let spaces = as_nobody(&["doctor"]);
    let spaces = String::from_utf8_lossy(&spaces.stdout).into_owned();
    need!(!spaces.contains("user namespaces: missing"), "this kernel gives users no namespaces");
    let output =
        as_nobody(&["run", "--scenario", "baseline", "--client", "openconnect", "--server", "ocserv", "--out", "out"]);
    let results = std::fs::read(folder.path().join("out/results.json"))
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)));
    let results: RunResults = serde_json::from_slice(&results).unwrap();
    assert!(results.run.host.rootless);
    let cell = &results.cells[0];
    assert_eq!(cell.verdict, Verdict::Pass, "{}", cell.reason);
    as_nobody(&["run", "--scenario", "baseline", "--client", "reference", "--server", "reference", "--out", "second"]);
    let results = std::fs::read(folder.path().join("second/results.json")).unwrap();
    let results: RunResults = serde_json::from_slice(&results).unwrap();
    assert_eq!(results.cells[0].verdict, Verdict::Pass, "{}", results.cells[0].reason);
}

/// Where the unpacked peers are, for a user with another home.
fn peers_folder() -> Option<PathBuf> {
    if let Some(named) = std::env::var_os("VPN_INTEROP_PEERS") {
        return Some(named.into());
    }
    let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let cache = cache.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cache")));
    cache.map(|cache| cache.join("vpn-interop/peers/machine")).filter(|root| root.is_dir())
}
