//! What a killed process leaves behind, and how another one puts it back.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Child, Command, ExitCode, Stdio};

use nix::sys::wait::{Id, WaitPidFlag, waitid};
use nix::unistd::Pid;
use reference_cstp::defects::Defects;
use reference_tunnel::net::{Journal, NetPlan, TunDevice};

use crate::CLIENT;
use crate::cases::{server_plan, table};
use crate::machine::{Machine, RESOLVER, block_on, difference, full_plan, nets};

pub(crate) const CASES: &[(&str, fn())] = &[
    ("a_killed_client_is_cleaned_up_after", a_killed_client_is_cleaned_up_after),
    ("a_killed_split_tunnel_is_cleaned_up_after", a_killed_split_tunnel_is_cleaned_up_after),
    ("a_living_client_is_left_alone", a_living_client_is_left_alone),
    ("a_killed_client_below_a_living_one", a_killed_client_below_a_living_one),
    ("a_killed_server_is_cleaned_up_after", a_killed_server_is_cleaned_up_after),
    ("a_damaged_journal", a_damaged_journal),
    ("a_change_that_was_only_written_down", a_change_that_was_only_written_down),
    ("another_network_namespace", another_network_namespace),
];

/// The other process: sets up, says so, and waits for its end.
pub(crate) fn client(folder: &str, kind: &str) -> ExitCode {
    block_on(async {
        let device = TunDevice::create(Some("vpnt%d"), 1400).unwrap();
        let journal = Journal::open(folder).unwrap();
        let full = full_plan(&device);
        let split = NetPlan {
            include: nets(&["10.1.0.0/16"]),
            gateway: "203.0.113.8".parse().unwrap(),
            exclude: Vec::new(),
            block_ipv6: false,
            dns: vec!["10.1.0.53".parse().unwrap()],
            split_dns: vec!["corp.example".to_owned()],
            ..full.clone()
        };
        let (mut client, mut server) = (None, None);
        match kind {
            "full" => client = Some(full.apply(&journal, Defects::NONE).await.unwrap()),
            "split" => client = Some(split.apply(&journal, Defects::NONE).await.unwrap()),
            "server" => server = Some(server_plan(&device).apply(&journal).await.unwrap()),
            other => panic!("unknown: {other}"),
        }
        println!("ready");
        // The end of the starter ends this process, too.
        let _ = std::io::stdin().read(&mut [0]);
        if let Some(client) = client {
            client.undo().await.unwrap();
        }
        if let Some(server) = server {
            server.undo().await.unwrap();
        }
    });
    ExitCode::SUCCESS
}

fn start(machine: &Machine, kind: &str) -> Child {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args([CLIENT, machine.journal.folder().to_str().unwrap(), kind])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    assert_eq!(line, "ready\n", "the {kind} process is up");
    child
}

/// Kills a process and waits for its end, but leaves it unreaped, as an absent parent would.
fn kill(child: &mut Child) {
    child.kill().unwrap();
    let pid = Pid::from_raw(child.id().try_into().unwrap());
    waitid(Id::Pid(pid), WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT).unwrap();
}

fn nothing() -> Vec<String> {
    Vec::new()
}

fn a_killed_client_is_cleaned_up_after() {
    block_on(async {
        let machine = Machine::start().await;
        let before = machine.state().await;
        let mut child = start(&machine, "full");
        machine.assert_ways(&[("8.8.8.8", "vpnt0")]).await;
        kill(&mut child);
        // The kernel has taken the device and its routes; these stay.
        let left = difference(&before, &machine.state().await);
        for sign in [
            "+route 203.0.113.1/32 via 192.168.1.1 dev lan0",
            "+route 198.51.100.0/24 via 192.168.1.1 dev lan0",
            "+route Unreachable ::/1",
            "+# For the tunnel on vpnt0",
        ] {
            assert!(left.iter().any(|line| line.starts_with(sign)), "{sign}: {left:#?}");
        }
        assert!(!left.iter().any(|line| line.starts_with("+link")), "{left:#?}");
        let recovery = machine.journal.recover().await.unwrap();
        assert!(recovery.is_clean() && recovery.kept.is_empty(), "{recovery:?}");
        assert_eq!(recovery.undone.first().unwrap(), "resolver 10.9.0.1 10.9.0.2", "the latest change first");
        assert_eq!(recovery.undone.last().unwrap(), "route 203.0.113.1/32 via 192.168.1.1 dev lan0");
        assert!(recovery.gone.contains(&"route 0.0.0.0/1 via vpnt0".to_owned()), "{recovery:?}");
        assert_eq!(difference(&before, &machine.state().await), nothing());
        assert!(machine.journal_files().is_empty());
        // Once more changes nothing.
        let again = machine.journal.recover().await.unwrap();
        assert_eq!(again, reference_tunnel::net::Recovery::default());
        child.wait().unwrap();
    });
}

fn a_killed_split_tunnel_is_cleaned_up_after() {
    block_on(async {
        let machine = Machine::start().await;
        let before = machine.state().await;
        let mut child = start(&machine, "split");
        assert!(fs::read_to_string("/etc/resolv.conf").unwrap().contains("nameserver 127.0.0.1\n"));
        kill(&mut child);
        let recovery = machine.journal.recover().await.unwrap();
        assert!(recovery.is_clean(), "{recovery:?}");
        assert_eq!(recovery.undone.len(), 2, "resolver and host route: {recovery:?}");
        assert_eq!(difference(&before, &machine.state().await), nothing());
        child.wait().unwrap();
    });
}

fn a_living_client_is_left_alone() {
    block_on(async {
        let machine = Machine::start().await;
        let before = machine.state().await;
        let mut child = start(&machine, "full");
        let during = machine.state().await;
        let recovery = machine.journal.recover().await.unwrap();
        assert!(recovery.undone.is_empty() && recovery.gone.is_empty(), "{recovery:?}");
        assert!(recovery.kept[0].ends_with(&format!("process {} lives", child.id())), "{recovery:?}");
        assert_eq!(difference(&during, &machine.state().await), nothing());
        drop(child.stdin.take());
        assert!(child.wait().unwrap().success());
        assert_eq!(difference(&before, &machine.state().await), nothing());
        assert!(machine.journal_files().is_empty());
    });
}

/// The living one has put its resolver over that of the dead one; the text from before both comes back at the end.
fn a_killed_client_below_a_living_one() {
    block_on(async {
        let machine = Machine::start().await;
        let before = machine.state().await;
        let mut dead = start(&machine, "full");
        let mut living = start(&machine, "split");
        kill(&mut dead);
        let of_living = fs::read_to_string("/etc/resolv.conf").unwrap();
        let recovery = machine.journal.recover().await.unwrap();
        assert_eq!(fs::read_to_string("/etc/resolv.conf").unwrap(), of_living, "{recovery:?}");
        machine.assert_ways(&[("203.0.113.8", "lan0"), ("203.0.113.1", "lan0")]).await;
        assert_eq!(machine.way("10.1.1.1").await, "vpnt1");
        kill(&mut living);
        let recovery = machine.journal.recover().await.unwrap();
        assert!(recovery.is_clean(), "{recovery:?}");
        assert_eq!(fs::read_to_string("/etc/resolv.conf").unwrap(), RESOLVER);
        assert_eq!(difference(&before, &machine.state().await), nothing());
        assert!(machine.journal_files().is_empty());
        dead.wait().unwrap();
        living.wait().unwrap();
    });
}

fn a_killed_server_is_cleaned_up_after() {
    block_on(async {
        let machine = Machine::start().await;
        let before = machine.state().await;
        if std::process::Command::new("/usr/sbin/nft").arg("--version").output().is_err() {
            eprintln!("SKIPPED: no nft");
            return;
        }
        let mut child = start(&machine, "server");
        kill(&mut child);
        assert_ne!(table(), "");
        let recovery = machine.journal.recover().await.unwrap();
        assert!(recovery.is_clean(), "{recovery:?}");
        assert_eq!(table(), "");
        assert_eq!(difference(&before, &machine.state().await), nothing());
        child.wait().unwrap();
    });
}

fn a_damaged_journal() {
    block_on(async {
        let machine = Machine::start().await;
        let before = machine.state().await;
        let mut child = start(&machine, "full");
        kill(&mut child);
        let path = machine.journal_files().remove(0);
        let text = fs::read_to_string(&path).unwrap();
        let mut lines: Vec<String> = text.lines().map(ToOwned::to_owned).collect();
        // The line of the owner, and what no program would have written.
        lines[0] = "\u{0}\u{0}".to_owned();
        lines.insert(
            3,
            r#"{"did":{"id":99,"change":"x","undo":{"restore-forwarding":{"which":"ipv9","original":""}}}}"#.to_owned(),
        );
        lines.push("{\"did\":{\"id\":100,\"cha".to_owned());
        fs::write(&path, lines.join("\n")).unwrap();
        let recovery = machine.journal.recover().await.unwrap();
        let damaged: Vec<usize> = recovery.damaged.iter().map(|damaged| damaged.line).collect();
        assert_eq!(damaged, [1, 4], "{recovery:?}");
        assert!(recovery.damaged.iter().all(|damaged| damaged.file == path && !damaged.reason.is_empty()));
        assert_eq!(difference(&before, &machine.state().await), nothing());
        let left = machine.journal_files();
        assert!(left.len() == 1 && left[0].to_string_lossy().ends_with(".jsonl.damaged"), "{left:?}");
        assert!(machine.journal.recover().await.unwrap().is_clean());
        child.wait().unwrap();
    });
}

/// Killed between the journal and the change: there is nothing to undo, and nothing else is touched.
fn a_change_that_was_only_written_down() {
    block_on(async {
        let machine = Machine::start().await;
        let before = machine.state().await;
        let mut child = start(&machine, "full");
        kill(&mut child);
        let path = machine.journal_files().remove(0);
        let text = fs::read(&path).unwrap();
        machine.journal.recover().await.unwrap();
        assert_eq!(difference(&before, &machine.state().await), nothing());
        fs::write(&path, text).unwrap();
        let recovery = machine.journal.recover().await.unwrap();
        assert!(recovery.is_clean() && recovery.undone.is_empty() && recovery.kept.is_empty(), "{recovery:?}");
        assert!(recovery.gone.len() > 8, "{recovery:?}");
        assert_eq!(difference(&before, &machine.state().await), nothing());
        assert!(machine.journal_files().is_empty());
        child.wait().unwrap();
    });
}

/// What was changed elsewhere is not looked for here.
fn another_network_namespace() {
    use nix::sched::{CloneFlags, unshare};

    block_on(async {
        let machine = Machine::start().await;
        let mut child = start(&machine, "full");
        kill(&mut child);
        let resolver = fs::read_to_string("/etc/resolv.conf").unwrap();
        unshare(CloneFlags::CLONE_NEWNET).unwrap();
        let journal = Journal::open(machine.journal.folder()).unwrap();
        let recovery = journal.recover().await.unwrap();
        assert!(recovery.undone.is_empty() && recovery.gone.is_empty(), "{recovery:?}");
        assert!(recovery.kept[0].ends_with("made in another network namespace"), "{recovery:?}");
        assert_eq!(fs::read_to_string("/etc/resolv.conf").unwrap(), resolver);
        child.wait().unwrap();
    });
}
