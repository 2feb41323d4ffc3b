//! The command line: help that teaches, mistakes that are told, codes that are kept.

#![forbid(unsafe_code)]
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

#[expect(dead_code, reason = "each test binary uses a part of it")]
mod support;

use support::program::Program;

#[test]
fn the_help_teaches() {
    for arguments in [&["--help"][..], &["connect", "--help"]] {
        let outcome = Program::run(arguments, "");
        assert_eq!(outcome.code, 0);
        for text in ["Examples:", "Exit codes:", "  77  no right to open a TUN device"] {
            assert!(outcome.stdout.contains(text), "{arguments:?} lacks '{text}':\n{}", outcome.stdout);
        }
    }
    let connect = Program::run(&["connect", "--help"], "").stdout;
    for text in ["Profiles:", "anyconnect-ios", "SSLKEYLOGFILE", "SIGUSR2"] {
        assert!(connect.contains(text), "no '{text}' in:\n{connect}");
    }
}

#[test]
fn lists() {
    let profiles = Program::run(&["profiles"], "");
    assert_eq!((profiles.code, profiles.stdout.lines().next().unwrap().split(' ').next()), (0, Some("openconnect")));
    let mutants = Program::run(&["mutants"], "");
    assert_eq!(mutants.code, 0);
    assert!(mutants.stdout.contains("leaks-ipv6") && !mutants.stdout.contains("ignores-crl"), "{}", mutants.stdout);
}

#[test]
fn mistakes_are_exit_64_and_name_what_is_wrong() {
    for (arguments, text) in [
        (&[][..], "Usage:"),
        (&["connect"], "<URL>"),
        (&["connect", "http://vpn.example.org"], "https://"),
        (&["connect", "vpn.example.org", "--profile", "nonsense"], "there are openconnect, "),
        (&["connect", "vpn.example.org", "--dtls", "dtls13"], "there is no DTLS family named `dtls13`"),
        (&["connect", "vpn.example.org", "--trust", "maybe"], "--trust: it is none of strict, ask"),
        (&["connect", "vpn.example.org", "--mutant", "leaks-dns"], "--i-know-this-is-broken"),
        (&["connect", "vpn.example.org", "--resolve", "vpn.example.org"], "--resolve: it is not HOST:ADDRESS"),
        (&["connect", "vpn.example.org", "--mtu", "100"], "--mtu"),
        (&["connect", "vpn.example.org", "--reconnect-timeout", "18446744073709551615"], "--reconnect-timeout"),
        (&["connect", "vpn.example.org", "--force-dpd", "2147483648"], "--force-dpd"),
        (&["connect", "vpn.example.org", "--nonsense"], "--nonsense"),
    ] {
        let outcome = Program::run(arguments, "");
        assert_eq!(outcome.code, 64, "{arguments:?}: {outcome:?}");
        assert!(outcome.says(text), "{arguments:?} lacks '{text}': {outcome:?}");
    }
}

#[test]
fn files_that_cannot_be_read_are_exit_66() {
    for option in ["--ca-file", "--crl", "--certificate", "--password-file", "--otp-secret-file"] {
        let arguments =
            ["connect", "localhost:1", "--resolve", "localhost:127.0.0.1", "--no-network", option, "/nonexistent"];
        let outcome = Program::run(&arguments, "");
        assert_eq!(outcome.code, 66, "{option}: {outcome:?}");
        assert!(outcome.says("/nonexistent: No such file or directory"), "{option}: {outcome:?}");
        assert!(outcome.says("hint: "), "{option}: {outcome:?}");
    }
}

#[test]
fn a_journal_that_cannot_be_is_exit_66() {
    for arguments in [&["cleanup", "--journal", "/proc/no"][..], &["connect", "127.0.0.1:1", "--journal", "/proc/no"]] {
        let outcome = Program::run(arguments, "");
        assert_eq!(outcome.code, 66, "{outcome:?}");
        assert!(outcome.says("failed to write the journal to /proc/no: "), "{outcome:?}");
    }
}

#[test]
fn every_exit_code_is_in_the_readme() {
    const README: &str = include_str!("../../README.md");
    let help = Program::run(&["--help"], "").stdout;
    let (_, codes) = help.split_once("Exit codes:\n").unwrap();
    let codes: Vec<&str> =
        codes.lines().filter_map(|line| line.trim().split_once("  ")).map(|(code, _)| code).collect();
    assert_eq!(codes.len(), 13, "{help}");
    for code in codes {
        let row = README.lines().find(|line| line.starts_with(&format!("| {code} |")));
        assert!(row.is_some_and(|row| !row.starts_with(&format!("| {code} | |"))), "{code}: {row:?}");
    }
}

#[test]
fn a_gateway_that_is_not_there_is_exit_2() {
    let port = {
        let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        taken.local_addr().unwrap().port()
    };
    let outcome = Program::run(&["connect", &format!("127.0.0.1:{port}"), "--no-network"], "");
    assert_eq!(outcome.code, 2, "{outcome:?}");
    assert!(outcome.says(&format!("failed to reach 127.0.0.1: 127.0.0.1:{port}: Connection refused")), "{outcome:?}");
}

#[test]
fn a_cleanup_says_that_there_was_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let outcome = Program::run(&["cleanup", "--journal", folder.path().to_str().unwrap()], "");
    assert_eq!((outcome.code, outcome.says("recovered: nothing")), (0, true), "{outcome:?}");
}

#[test]
fn events_can_go_to_standard_output() {
    let outcome = Program::run(&["connect", "127.0.0.1:1", "--no-network", "--events", "-"], "");
    let last: serde_json::Value = serde_json::from_str(outcome.stdout.lines().last().unwrap()).unwrap();
    assert_eq!((last["event"].as_str(), last["exit"].as_u64()), (Some("error"), Some(u64::from(outcome.code as u8))));
}
