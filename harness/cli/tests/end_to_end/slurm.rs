//! A Slurm array for real: the recipe of docs/scale-out on a cluster of this one host.
//!
//! MUNGE, controller and node run in namespaces of their own, as programs in the foreground with all files in a temporary
//! folder. No service of the machine is involved, and all of it ends with the test.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::shares::{SELECTION, read, verdicts};
use crate::support::{Run, has_anyconnect, has_command, has_reference, need};

/// Where Slurm's programs are: below `/`, or where `.ci/slurm` has unpacked them.
fn slurm() -> Option<PathBuf> {
    let own = ["slurmctld", "slurmd", "munged"].iter().all(|name| {
        let name = Path::new(name);
        ["/usr/sbin", "/sbin"].iter().any(|folder| Path::new(folder).join(name).is_file())
    });
    if own && has_command("sbatch") {
        return Some(PathBuf::from("/"));
    }
    let cache = std::env::var_os("XDG_CACHE_HOME").filter(|path| !path.is_empty()).map(PathBuf::from);
    let cache = cache.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cache")))?;
    let root = cache.join("vpn-interop/slurm/root");
    root.join("usr/sbin/munged").is_file().then_some(root)
}

#[test]
fn an_array_of_four_merges_to_what_one_run_says() {
    need!(has_anyconnect(), "openconnect or ocserv is not here, or this is not root");
    need!(has_reference(), "the reference client and server are not built");
    let slurm = slurm();
    need!(slurm.is_some(), "Slurm and MUNGE are not here (.ci/slurm unpacks them)");
    need!(has_command("unshare"), "unshare is not here");
    let place = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let (cluster, work) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let machine = |path: &str| fs::read(path).ok();
    let before = (machine("/etc/hosts"), machine("/etc/resolv.conf"), machine("/etc/passwd"));
    let output = Command::new("unshare")
        .args(["--mount", "--pid", "--net", "--uts", "--ipc", "--mount-proc", "--fork", "--kill-child"])
        .arg(place.join("tests/data/slurm-cluster.sh"))
        .arg(cluster.path())
        .arg(slurm.unwrap())
        .arg("200")
        .arg(place.join("../../docs/scale-out/slurm-array.sh"))
        .args(SELECTION)
        .env("VPN_INTEROP", env!("CARGO_BIN_EXE_vpn-interop"))
        .env("RESULTS", work.path().join("results"))
        .env("NO_COLOR", "1")
        .current_dir(work.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    let log = |name: &str| fs::read_to_string(work.path().join("results").join(name)).unwrap_or_default();
    assert!(output.status.success(), "{said}\n{}", log("1-share-1.log"));

    let folder = work.path().join("results/1");
    for index in 1..=4 {
        let share = read(&folder.join(format!("share-{index}")));
        let record = share.run.partition.map(|share| (share.index, share.count));
        assert_eq!(record, Some((index, 4)), "from Slurm's variables");
        assert!(!share.cells.is_empty(), "{}", log(&format!("1-share-{index}.log")));
    }
    let merged = read(&folder.join("merged"));
    assert!(!merged.run.interrupted, "{}", log("1-merge.log"));
    let whole = Run::of(SELECTION.into_iter().chain(["--seed", &merged.run.seed.to_string()]));
    assert_eq!(verdicts(&merged), verdicts(&whole.results()), "{}", log("1-merge.log"));
    assert!(merged.cells.len() >= 12);

    let after = (machine("/etc/hosts"), machine("/etc/resolv.conf"), machine("/etc/passwd"));
    assert!(before == after, "the machine's files are as they were");
}
