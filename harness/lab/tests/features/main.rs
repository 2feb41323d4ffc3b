//! Probes that must succeed where the lab works, and probes that are made to fail.
//!
//! The test program is its own probe: started with `__probe ID` it runs one, as `vpn-interop` does.

use std::fs::File;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};

use interop_lab::features::{CHILD, Examiner, Finding, PROBES, Severity, Status, child_main};
use libtest_mimic::{Arguments, Failed, Trial};
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use nix::sys::resource::{Resource, setrlimit};

/// First argument of a process that breaks something, then examines one probe and prints what it finds.
const BROKEN: &str = "__broken";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().collect();
    match args.get(1).map(String::as_str) {
        Some(CHILD) => child_main(),
        Some(BROKEN) => broken(&args[2], &args[3]),
        _ => {
            let trials = vec![
                Trial::test("features::a_cell_can_be_had_here", a_cell_can_be_had_here),
                Trial::test("features::a_file_in_place_of_the_tun_device", a_file_in_place_of_the_tun_device),
                Trial::test("features::too_few_files", too_few_files),
                Trial::test("features::no_namespaces_left", no_namespaces_left),
                Trial::test("features::a_program_that_is_no_probe", a_program_that_is_no_probe),
                Trial::test("features::an_unknown_probe", an_unknown_probe),
                Trial::test("features::nothing_is_left_behind", nothing_is_left_behind),
            ];
            libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
        }
    }
}

/// The other tests of this crate need a cell; where they run, the probes must say so.
fn a_cell_can_be_had_here() -> Result<(), Failed> {
    let examiner = Examiner::this_program()?;
    for id in ["network-namespace", "fresh-proc", "overlayfs", "tap", "veth", "nft-port-map", "raw-icmp", "cell"] {
        expect(&find(&examiner, id), Status::Found, "")?;
    }
    Ok(())
}

fn a_file_in_place_of_the_tun_device() -> Result<(), Failed> {
    for (id, reason) in [("tun", "/dev/net/tun"), ("tap", "make TAP device `probe`")] {
        let finding = run_broken("no-tun", id)?;
        expect(&finding, Status::Missing, reason)?;
        assert!(finding.prevents_runs() && finding.severity == Severity::Needed);
    }
    expect(&run_broken("no-tun", "veth")?, Status::Found, "")?;
    // What stands on it fails with it, and says by what.
    expect(&run_broken("no-tun", "cell")?, Status::Missing, "/dev/net/tun")
}

fn too_few_files() -> Result<(), Failed> {
    expect(&run_broken("few-files", "open-files")?, Status::Missing, "limit 64")
}

/// Where namespaces cannot be had, what needs them is not called missing.
fn no_namespaces_left() -> Result<(), Failed> {
    expect(&run_broken("no-namespaces", "network-namespace")?, Status::Missing, "")?;
    expect(&run_broken("no-namespaces", "nft-table")?, Status::Untried, "make the namespaces")
}

fn a_program_that_is_no_probe() -> Result<(), Failed> {
    expect(&find(&Examiner::new("/bin/false"), "tun"), Status::Untried, "exit status: 1")?;
    expect(&find(&Examiner::new("/nonexistent/program"), "tun"), Status::Untried, "/nonexistent/program")
}

fn an_unknown_probe() -> Result<(), Failed> {
    let status = Command::new(std::env::current_exe()?).args([CHILD, "unknown"]).status()?;
    assert_eq!(status.code(), Some(64));
    Ok(())
}

fn nothing_is_left_behind() -> Result<(), Failed> {
    let state = || -> std::io::Result<_> {
        let mounts = std::fs::read_to_string("/proc/self/mounts")?;
        let links: Vec<_> = std::fs::read_dir("/sys/class/net")?.flatten().map(|entry| entry.file_name()).collect();
        Ok((mounts, links, std::fs::read_to_string("/proc/sys/kernel/hostname")?))
    };
    let before = state()?;
    for probe in PROBES {
        let finding = Examiner::this_program()?.examine_one(probe);
        assert_eq!(finding.id, probe.id);
    }
    assert!(state()? == before, "the machine has changed");
    Ok(())
}

fn find(examiner: &Examiner, id: &str) -> Finding {
    let probe = PROBES.iter().find(|probe| probe.id == id).unwrap_or_else(|| panic!("a known probe: {id}"));
    examiner.examine_one(probe)
}

fn expect(finding: &Finding, status: Status, detail: &str) -> Result<(), Failed> {
    if finding.status == status && finding.detail.contains(detail) {
        return Ok(());
    }
    Err(format!("expected {status} with `{detail}`, got {finding:?}").into())
}

/// Examines a probe in a process in which something is broken.
fn run_broken(how: &str, id: &str) -> Result<Finding, Failed> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args([BROKEN, how, id]).stdin(Stdio::null());
    let output = command.output()?;
    if !output.status.success() {
        let words = String::from_utf8_lossy(&output.stderr).into_owned();
        return Err(format!("{} {:?} {words}", output.status, output.status.signal()).into());
    }
    Ok(serde_json::from_slice(&output.stdout)?)
}

fn broken(how: &str, id: &str) -> ExitCode {
    match how {
        "no-tun" => {
            private_mounts();
            let file = "/run/not-a-device";
            mount(Some("tmpfs"), "/run", Some("tmpfs"), MsFlags::empty(), None::<&str>).expect("mount /run");
            File::create(file).expect("make a file");
            mount(Some(file), "/dev/net/tun", None::<&str>, MsFlags::MS_BIND, None::<&str>).expect("cover the device");
        }
        "few-files" => setrlimit(Resource::RLIMIT_NOFILE, 64, 64).expect("lower the limit"),
        // The limit holds for the user namespace that it is set in.
        "no-namespaces" => {
            private_mounts();
            std::fs::write("/proc/sys/user/max_net_namespaces", "0").expect("set the limit");
        }
        other => panic!("unknown: {other}"),
    }
    let finding = find(&Examiner::this_program().expect("this program"), id);
    serde_json::to_writer(std::io::stdout(), &finding).expect("say it");
    ExitCode::SUCCESS
}

/// A user namespace always, so that its limits are not the machine's.
fn private_mounts() {
    let (uid, gid) = (nix::unistd::geteuid(), nix::unistd::getegid());
    unshare(CloneFlags::CLONE_NEWUSER | CloneFlags::CLONE_NEWNS).expect("namespaces");
    std::fs::write("/proc/self/setgroups", "deny").expect("setgroups");
    std::fs::write("/proc/self/uid_map", format!("0 {uid} 1")).expect("map the user");
    std::fs::write("/proc/self/gid_map", format!("0 {gid} 1")).expect("map the group");
    mount(None::<&str>, Path::new("/"), None::<&str>, MsFlags::MS_REC | MsFlags::MS_PRIVATE, None::<&str>)
        .expect("private mounts");
}
