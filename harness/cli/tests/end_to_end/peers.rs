//! Releases of peers, fetched for real and carried about. What needs no mirror is tried by the store's own tests.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Output, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use tempfile::TempDir;

use crate::support::{need, program};

fn peers(store: &Path, args: &[&str]) -> Output {
    program().env("VPN_INTEROP_STORE", store).arg("peers").args(args).output().unwrap()
}

fn code(output: &Output) -> i32 {
    output.status.code().expect("it was not killed")
}

fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Fails unless it went well.
fn good(output: Output) -> String {
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    stdout(&output)
}

#[test]
fn mistakes_are_64_with_a_hint() {
    let folder = TempDir::new().unwrap();
    let said = |args: &[&str], hint: &str| {
        let output = peers(folder.path(), args);
        assert_eq!(code(&output), 64, "{args:?}: {}", stderr(&output));
        assert!(stderr(&output).contains(hint), "{args:?}: {}", stderr(&output));
    };
    said(&["install"], "--all");
    said(&["install", "openconnect"], "'openconnect@*' means bullseye, bookworm, trixie, sid");
    said(&["install", "openconect@trixie"], "did you mean `openconnect`?");
    said(&["install", "openconnect@trixi"], "did you mean `trixie`?");
    said(&["install", "openconnect@9.12"], "install takes a release");
    said(&["check"], "the store is empty");
    said(&["remove", "openconnect@trixie"], "not in the store");
    said(&["remove", "openconnect"], "names no release");
    said(&["export", "peers.tar"], "it is empty");
    assert_eq!(stdout(&peers(folder.path(), &["list"])).lines().next(), Some("the store is empty"));
}

#[test]
fn a_mirror_that_does_not_answer_is_96() {
    need!(Path::new("/usr/bin/apt-get").exists(), "there is no apt-get here");
    need!(
        Path::new("/usr/share/keyrings/debian-archive-keyring.gpg").exists(),
        "the package debian-archive-keyring is not here"
    );
    let folder = TempDir::new().unwrap();
    // Nobody listens on the discard port of this machine.
    let output = peers(folder.path(), &["install", "ocserv@trixie", "--mirror", "http://127.0.0.1:9/debian"]);
    assert_eq!(code(&output), 96);
    assert!(
        stderr(&output).contains("trixie: failed to reach the mirror http://127.0.0.1:9/debian"),
        "{}",
        stderr(&output)
    );
}

#[test]
fn an_archive_of_something_else_is_96() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("some.tar");
    fs::write(&file, [b'x'; 4096]).unwrap();
    let output = peers(&folder.path().join("store"), &["import", file.to_str().unwrap()]);
    assert_eq!(code(&output), 96);
    assert!(stderr(&output).contains("nothing of it was taken"), "{}", stderr(&output));
}

/// Whether a line of standard error says that there is no mirror.
fn no_mirror(output: &Output) -> Option<String> {
    let said = stderr(output);
    let reasons =
        ["failed to reach the mirror", "failed to find a mirror", "failed to verify signatures", "failed to start"];
    let line = said.lines().find(|line| reasons.iter().any(|reason| line.contains(reason)))?;
    Some(line.to_owned())
}

#[test]
fn a_release_is_installed_checked_carried_and_removed() {
    let folder = TempDir::new().unwrap();
    let (here, there) = (folder.path().join("here"), folder.path().join("there"));
    let lock = folder.path().join("peers.lock");
    let lock = lock.to_str().unwrap();

    // Killed in the middle of unpacking, and once more by Ctrl-C.
    let install = || {
        let mut command = program();
        command.env("VPN_INTEROP_STORE", &here).args(["peers", "install", "openconnect@trixie", "ocserv@trixie"]);
        command.args(["--lock", lock]).stdout(Stdio::null());
        command
    };
    let mut child = install().stderr(Stdio::piped()).spawn().unwrap();
    let begun = wait_until(&mut child, || {
        let new = fs::read_dir(&here).into_iter().flatten().flatten();
        new.into_iter().any(|entry| entry.path().join("root/usr/share").exists())
    });
    if !begun {
        let output = child.wait_with_output().unwrap();
        let reason = no_mirror(&output);
        need!(reason.is_none(), format!("trixie cannot be fetched here: {}", reason.unwrap_or_default()));
        panic!("it ended with {}: {}", output.status, stderr(&output));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(!here.join("releases/trixie.json").exists());
    let downloaded = fs::read_dir(here.join("partial/trixie")).unwrap().count();
    assert!(downloaded > 50, "{downloaded} packages are kept");

    let mut child = install().stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map(Result::unwrap);
    // From here on it looks after Ctrl-C.
    assert!(lines.any(|line| line == "trixie: fetching package lists"));
    kill(Pid::from_raw(child.id().cast_signed()), Signal::SIGINT).unwrap();
    let said: Vec<String> = lines.collect();
    assert_eq!(child.wait().unwrap().code(), Some(130), "{said:?}");
    assert!(said.iter().any(|line| line.contains("the same command goes on from there")), "{said:?}");

    let output = install().stdout(Stdio::piped()).output().unwrap();
    assert!(stderr(&output).contains("trixie: ocserv 1."), "{}", stderr(&output));
    let said = good(output);
    assert!(said.starts_with("1 of 1 releases in"), "{said}");
    let left: Vec<String> =
        fs::read_dir(&here).unwrap().flatten().map(|entry| entry.file_name().into_string().unwrap()).collect();
    assert!(!left.iter().any(|name| name.starts_with("new.")), "{left:?}");

    // Installed again, nothing happens.
    let again = peers(&here, &["install", "openconnect@trixie", "--mirror", "http://127.0.0.1:9/debian"]);
    assert!(stderr(&again).contains("was there"), "{}", stderr(&again));
    assert_eq!(code(&again), 0);

    let list: Value = serde_json::from_str(&good(peers(&here, &["list", "--json"]))).unwrap();
    let rows = list["peers"].as_array().unwrap();
    let shown: Vec<(&str, &str)> =
        rows.iter().map(|row| (row["package"].as_str().unwrap(), row["release"].as_str().unwrap())).collect();
    assert_eq!(shown, [("ocserv", "trixie"), ("openconnect", "trixie")]);
    assert!(rows.iter().all(|row| row["library"].as_str().is_some_and(|name| name.starts_with("GnuTLS 3."))), "{list}");
    let locked: Value = serde_json::from_slice(&fs::read(lock).unwrap()).unwrap();
    let version = &locked["releases"][0]["packages"]["openconnect"]["version"];
    assert_eq!(&rows[1]["version"], version);

    let checked = good(peers(&here, &["check", "openconnect@trixie"]));
    assert!(checked.contains("every file is as it was unpacked"), "{checked}");
    assert!(checked.contains("openconnect 9.") && !checked.contains("ocserv"), "{checked}");
    let checked = good(peers(&here, &["check"]));
    assert!(checked.contains("--client openconnect@trixie --server ocserv@trixie"), "{checked}");

    // To another machine, with the lock.
    let archive = folder.path().join("peers.tar");
    let archive = archive.to_str().unwrap();
    good(peers(&here, &["export", "--release", "trixie", archive]));
    let imported = good(peers(&there, &["import", archive]));
    assert!(imported.contains("imported"), "{imported}");
    let same = peers(&there, &["install", "--lock", lock, "--mirror", "http://127.0.0.1:9/debian"]);
    assert!(stderr(&same).contains("was there"), "{}", stderr(&same));
    good(same);

    // Damage is found.
    let root = fs::read_dir(there.join("roots")).unwrap().flatten().next().unwrap().path();
    fs::write(root.join("usr/sbin/ocserv"), "damaged").unwrap();
    let damaged = peers(&there, &["check"]);
    assert_eq!(code(&damaged), 96);
    let said = stdout(&damaged);
    assert!(said.contains("usr/sbin/ocserv is not what was unpacked") && said.contains("does not run"), "{said}");

    let removed = good(peers(&there, &["remove", "ocserv@*"]));
    assert_eq!(removed, "trixie: ocserv removed, openconnect left\n");
    good(peers(&there, &["check"]));
    assert_eq!(good(peers(&there, &["remove", "*@trixie"])), "trixie: removed\n");
    assert_eq!(fs::read_dir(there.join("roots")).unwrap().count(), 0);
}

/// Waits until something is so; false if the program ends before.
fn wait_until(child: &mut std::process::Child, is_so: impl Fn() -> bool) -> bool {
    let deadline = Instant::now() + Duration::from_secs(240);
    while !is_so() {
        assert!(Instant::now() < deadline, "it takes too long");
        if child.try_wait().unwrap().is_some() {
            return false;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    true
}
