//! What a sandbox keeps private, and that nothing survives it.

use std::fs;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use interop_lab::{Launch, LinkKind};
use libtest_mimic::Failed;

use crate::support::{CELL, Cell, build, three_nodes};

pub fn private_folders_and_read_only_root(_: &Cell) {
    assert_eq!(std::process::id(), 1, "the cell is process 1");
    for folder in ["/tmp", "/dev/shm"] {
        assert_eq!(fs::read_dir(folder).unwrap().count(), 0, "{folder} is empty");
        fs::write(format!("{folder}/x"), "x").unwrap();
    }
    let error = fs::write("/etc/vpn-interop-was-here", "x").unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::ReadOnlyFilesystem);
    let interfaces = fs::read_to_string("/proc/net/dev").unwrap();
    assert_eq!(interfaces.lines().count(), 3, "only lo: {interfaces}");
    assert_eq!(nix::unistd::gethostname().unwrap(), "cell");
}

pub fn node_has_its_own_etc(cell: &Cell) {
    let host = fs::read_to_string("/etc/resolv.conf").unwrap_or_default();
    cell.runtime.block_on(async {
        let (lab, _) = build(&three_nodes(LinkKind::Wire, None)).await;
        let left = lab.node("left").unwrap();
        let before = left.snapshot(Default::default()).await.unwrap();
        assert_eq!(before.resolver, "nameserver 10.2.0.2\n");
        assert!(before.changed_files.is_empty());
        // As VPN scripts do: one file written in place, one replaced by renaming, one removed, one new.
        let script = "cat /etc/resolv.conf >/etc/resolv.bak && echo nameserver 9.9.9.9 >/etc/new && \
                      mv /etc/new /etc/resolv.conf && rm /etc/hostname; echo 127.0.0.2 x >>/etc/hosts; echo done";
        let launch = Launch {
            program: "/bin/sh".into(),
            args: vec!["-c".into(), script.into()],
            env: vec![("PATH".into(), "/bin:/usr/bin".into())],
            piped: true,
        };
        let mut spawned = left.spawn(&launch).unwrap();
        let status = spawned.child.wait().await.unwrap();
        assert!(status.success(), "{status}");
        let after = left.snapshot(Default::default()).await.unwrap();
        assert_eq!(after.resolver, "nameserver 9.9.9.9\n");
        assert!(after.changed_files.contains_key("resolv.bak"), "{:?}", after.changed_files);
        let other = lab.node("router").unwrap().snapshot(Default::default()).await.unwrap();
        assert!(other.changed_files.is_empty());
    });
    assert_eq!(fs::read_to_string("/etc/resolv.conf").unwrap_or_default(), host, "the cell's own view is untouched");
}

pub fn processes_of_a_node_end_with_it(cell: &Cell) {
    cell.runtime.block_on(async {
        let (lab, _) = build(&three_nodes(LinkKind::Wire, None)).await;
        let left = lab.node("left").unwrap();
        let launch = Launch {
            program: "/bin/sh".into(),
            args: vec!["-c".into(), "sleep 100 & sleep 100".into()],
            env: vec![("PATH".into(), "/bin:/usr/bin".into())],
            piped: true,
        };
        let spawned = left.spawn(&launch).unwrap();
        wait_for(|| async { left.snapshot(Default::default()).await.unwrap().processes.len() >= 2 }).await;
        drop(spawned);
        wait_for(|| async { left.snapshot(Default::default()).await.unwrap().processes.is_empty() }).await;
    });
}

async fn wait_for<F: Future<Output = bool>>(mut holds: impl FnMut() -> F) {
    let deadline = Instant::now() + Duration::from_secs(5);
    while !holds().await {
        assert!(Instant::now() < deadline, "not within 5 s");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Runs outside: kills the warden of a cell that holds nodes and a process, and looks for remains.
pub fn killing_the_warden_leaves_nothing() -> Result<(), Failed> {
    let mark = format!("{}", 100_000 + std::process::id());
    let mut warden = Command::new(std::env::current_exe()?)
        .env(CELL, "sandbox::processes_of_a_node_end_with_it")
        .env("LAB_TEST_HOLD", &mark)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    let mounts = fs::read_to_string("/proc/self/mounts")?;
    let deadline = Instant::now() + Duration::from_secs(10);
    let children = |pid: u32| fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
    let inner = loop {
        let inner = children(warden.id());
        if let Ok(pid) = inner.trim().parse::<u32>()
            && !children(pid).trim().is_empty()
        {
            break pid;
        }
        if Instant::now() > deadline || warden.try_wait()?.is_some() {
            return Err("the cell did not start a process".into());
        }
        std::thread::sleep(Duration::from_millis(2));
    };
    let all: Vec<u32> =
        std::iter::once(inner).chain(children(inner).split_whitespace().filter_map(|pid| pid.parse().ok())).collect();
    warden.kill()?;
    warden.wait()?;
    let deadline = Instant::now() + Duration::from_secs(5);
    while all.iter().any(|pid| alive(*pid)) {
        if Instant::now() > deadline {
            return Err(format!("of {all:?} some still run").into());
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    if fs::read_to_string("/proc/self/mounts")? != mounts {
        return Err("the mounts of the machine changed".into());
    }
    Ok(())
}

fn alive(pid: u32) -> bool {
    fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !stat.contains(") Z "))
}
