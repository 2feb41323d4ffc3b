//! Plans on a real kernel: each case runs in a process with its own user, network and mount namespaces.
//!
//! The program starts itself: `__inside CASE` enters the namespaces and runs one case, `__client FOLDER KIND` (in the
//! namespaces of a case) sets something up and waits to be killed.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a test program: a panic is its failure")]

mod cases;
mod killed;
mod machine;

use std::process::{Command, ExitCode, Stdio};

use libtest_mimic::{Arguments, Failed, Trial};

/// Exit code of a case whose namespaces cannot be had here.
const SKIPPED: u8 = 77;

const INSIDE: &str = "__inside";
const CLIENT: &str = "__client";

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().collect();
    match words.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        [_, INSIDE, name] => inside(name),
        [_, CLIENT, folder, kind] => killed::client(folder, kind),
        _ => {
            let trials = all().map(|(name, _)| Trial::test(format!("net::{name}"), move || run(name))).collect();
            libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
        }
    }
}

fn all() -> impl Iterator<Item = &'static (&'static str, fn())> {
    cases::CASES.iter().chain(killed::CASES)
}

/// Runs a case in a process of its own.
fn run(name: &str) -> Result<(), Failed> {
    let output = Command::new(std::env::current_exe()?)
        .args([INSIDE, name])
        .env("RUST_BACKTRACE", "0")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .output()?;
    let words = String::from_utf8_lossy(&output.stderr);
    match output.status.code() {
        Some(0) => Ok(()),
        Some(code) if code == i32::from(SKIPPED) => {
            eprint!("{words}");
            Ok(())
        }
        _ => Err(format!("{}\n{words}", output.status).into()),
    }
}

fn inside(name: &str) -> ExitCode {
    let Some((_, case)) = all().find(|(known, _)| *known == name) else {
        eprintln!("no case `{name}`");
        return ExitCode::from(64);
    };
    if let Err(reason) = machine::enter() {
        eprintln!("SKIPPED: {reason}");
        return ExitCode::from(SKIPPED);
    }
    // A panic is the failure of the case, with its message on standard error.
    case();
    ExitCode::SUCCESS
}
