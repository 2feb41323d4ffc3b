//! Exit statuses and messages of the program.

use std::{
    fs,
    io::Write,
    net::{TcpListener, UdpSocket},
    process::{Output, Stdio},
};

use crate::common::server::{Ground, Parts, program};

fn run(ground: &Ground, parts: &Parts, change: (&str, &str), options: &[&str]) -> (Option<i32>, String) {
    let config = ground.config(parts);
    let text = fs::read_to_string(&config).unwrap();
    assert!(text.contains(change.0), "{}", change.0);
    fs::write(&config, text.replace(change.0, change.1)).unwrap();
    said(program().arg("run").arg("--config").arg(&config).args(options).output().unwrap())
}

fn said(output: Output) -> (Option<i32>, String) {
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

#[test]
fn mistakes_have_their_own_status_and_two_lines() {
    let ground = Ground::new();
    fs::write(ground.path("bad.key"), "no key").unwrap();
    fs::write(ground.path("bad-users"), "alice\n").unwrap();
    ground.authority.issue(ground.folder.path(), "other", 5, &[("CN", "o")], &["o"]);
    let parts = Parts::default();
    for (change, status, words) in [
        (("network:", "netwrk:"), 65, "server.yaml:7:1: unknown field `netwrk`"),
        (("server.pem", "missing.pem"), 66, "failed to read certificate chain "),
        (("server.key", "missing.key"), 66, "failed to read private key "),
        (("server.key", "bad.key"), 66, "failed to read private key "),
        (("server.key", "other.key"), 66, "failed to read private key "),
        (("users: users", "users: missing"), 66, "failed to read users "),
        (("users: users", "users: bad-users"), 66, "line 1 is not `name:groups:hash`"),
        (("127.0.0.1", "192.0.2.77"), 65, "this machine does not have the address"),
    ] {
        let (code, text) = run(&ground, &parts, change, &[]);
        assert_eq!(code, Some(status), "{change:?}: {text}");
        assert!(text.contains(words), "{change:?}: {text}");
        let lines: Vec<&str> = text.lines().collect();
        assert!(lines[0].starts_with("vpn-ref-server: failed to ") && lines[1].starts_with("hint: "), "{text}");
    }
}

#[test]
fn a_port_in_use_is_named_with_protocol_and_hint() {
    let ground = Ground::new();
    let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
    let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
    for (protocol, port) in [("tcp", tcp.local_addr().unwrap().port()), ("udp", udp.local_addr().unwrap().port())] {
        let field = format!("{protocol}-port: 0");
        let taken = format!("{protocol}-port: {port}");
        let (code, text) = run(&ground, &Parts::default(), (&field, &taken), &[]);
        assert_eq!(code, Some(69), "{text}");
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], format!("port-in-use: {protocol} port {port}"));
        let message =
            format!("vpn-ref-server: failed to listen on {protocol} port {port} of 127.0.0.1: the port is in use");
        assert_eq!(lines[1], message);
        assert!(lines[2].starts_with("hint: `ss -ltunp`"), "{text}");
    }
}

#[test]
fn a_second_server_does_not_take_the_control_socket() {
    let ground = Ground::new();
    let server = ground.start(&Parts::default());
    let (code, text) = said(program().arg("run").arg("--config").arg(ground.path("server.yaml")).output().unwrap());
    assert_eq!(code, Some(69), "{text}");
    assert!(text.contains("make the control socket"), "{text}");
    assert!(server.control("status").status.success(), "the first one still has it");
    server.signal("TERM");
    assert_eq!(server.end(), Some(0));
}

#[test]
fn mutants_need_to_be_confirmed() {
    let ground = Ground::new();
    for (options, words) in [
        (&["--mutant", "ignores-crl"][..], "--i-know-this-is-broken"),
        (&["--mutant", "no-such", "--i-know-this-is-broken"], "there is no defect named `no-such`"),
        (&["--mutant", "wrong-mtu", "--i-know-this-is-broken"], "it is one of the client"),
        (&["--no-such-option"], "--no-such-option"),
    ] {
        let (code, text) = run(&ground, &Parts::default(), ("network:", "network:"), options);
        assert_eq!(code, Some(64), "{text}");
        assert!(text.contains(words), "{text}");
    }
    assert_eq!(said(program().output().unwrap()).0, Some(64));
    let (code, _) = said(program().args(["status", "--socket", "/nonexistent/socket"]).output().unwrap());
    assert_eq!(code, Some(66));
}

#[test]
fn without_the_right_to_a_device_the_status_is_77() {
    use std::os::unix::{fs::PermissionsExt, process::CommandExt};
    let ground = Ground::new();
    let config = ground.config(&Parts::default());
    let text = fs::read_to_string(&config).unwrap().replace("device: none", "device: vpntest%d");
    fs::write(&config, text).unwrap();
    let mut command = program();
    command.arg("run").arg("--journal").arg(ground.path("journal")).arg("--config").arg(&config);
    if fs::metadata("/proc/self").is_ok_and(|meta| std::os::unix::fs::MetadataExt::uid(&meta) == 0) {
        for file in fs::read_dir(ground.folder.path()).unwrap() {
            fs::set_permissions(file.unwrap().path(), fs::Permissions::from_mode(0o644)).unwrap();
        }
        fs::set_permissions(ground.folder.path(), fs::Permissions::from_mode(0o777)).unwrap();
        command.uid(65534).gid(65534);
    }
    match command.output() {
        Err(error) => eprintln!("SKIPPED: the program cannot be run as another user: {error}"),
        Ok(output) => {
            let (code, text) = said(output);
            if text.contains("No such") {
                eprintln!("SKIPPED: there is no TUN driver here");
                return;
            }
            assert_eq!(code, Some(77), "{text}");
            assert!(text.contains("vpn-ref-server: failed to make the TUN device"), "{text}");
        }
    }
}

#[test]
fn users_are_added_and_the_result_is_checked() {
    let ground = Ground::new();
    let config = ground.config(&Parts::default());
    let with_input = |arguments: &[&str], input: &str| {
        let mut child = program()
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        child.wait_with_output().unwrap()
    };
    let users = ground.path("users").display().to_string();
    let added = with_input(&["add-user", "--users", &users, "--name", "eve", "--groups", "staff"], "pass:word\n");
    assert!(added.status.success(), "{}", String::from_utf8_lossy(&added.stderr));
    let text = fs::read_to_string(&users).unwrap();
    assert!(text.contains("alice::") && text.contains("\neve:staff:$6$"), "{text}");
    assert_eq!(with_input(&["add-user", "--users", &users, "--name", "a:b"], "x\n").status.code(), Some(64));
    assert_eq!(with_input(&["add-user", "--users", &users, "--name", "x"], "\n").status.code(), Some(64));

    let hash = with_input(&["hash-password"], "secret\n");
    let hash = String::from_utf8(hash.stdout).unwrap();
    assert!(reference_server::users::verify_password("secret", hash.trim()), "{hash}");

    let checked = program().arg("check").arg("--config").arg(&config).output().unwrap();
    let text = String::from_utf8_lossy(&checked.stdout).into_owned();
    assert!(checked.status.success() && text.contains("3 users") && text.contains("10.9.0.0/24"), "{text}");
}

#[test]
fn help_teaches() {
    let output = program().arg("--help").output().unwrap();
    assert!(output.status.success());
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    for word in ["Examples:", "Exit status:", "Files", "run --config", "Signals:", "69", "77"] {
        assert!(text.contains(word), "{word}: {text}");
    }
    let mutants = program().arg("mutants").output().unwrap();
    let text = String::from_utf8_lossy(&mutants.stdout).into_owned();
    assert!(text.contains("ignores-crl") && !text.contains("leaks-dns"), "{text}");
}
