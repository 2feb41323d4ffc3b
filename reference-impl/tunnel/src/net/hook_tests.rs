use std::time::Instant;

use super::*;

fn facts() -> HookFacts {
    let networks = |list: &[&str]| list.iter().map(|text| text.parse().unwrap()).collect();
    HookFacts {
        gateway: Some("203.0.113.1".parse().unwrap()),
        device: Some("tun0".to_owned()),
        address4: Some("10.9.0.5/24".parse().unwrap()),
        address6: Some("fd00:9::5/64".parse().unwrap()),
        mtu: Some(1400),
        dns: ["10.9.0.1", "fd00:9::1", "10.9.0.2", "10.9.0.3"].iter().map(|text| text.parse().unwrap()).collect(),
        nbns: ["0.0.0.0", "10.9.0.8"].iter().map(|text| text.parse().unwrap()).collect(),
        search: vec!["corp.example".to_owned(), "lab.example".to_owned()],
        split_dns: vec!["corp.example".to_owned(), "lab.example".to_owned()],
        proxy_pac: Some("http://10.9.0.1/proxy.pac".to_owned()),
        banner: Some("Two\nlines\0".to_owned()),
        include: networks(&["10.1.2.3/16", "fd00:1::1/32", "172.16.0.1/32"]),
        exclude: networks(&["10.1.9.0/24", "fd00:1:9::/48"]),
        cstp_options: vec![("X-CSTP-MTU".to_owned(), "1400".to_owned()), ("X-CSTP-DPD".to_owned(), "30".to_owned())],
        idle_timeout: Some(1800),
        log_level: 1,
    }
}

#[test]
fn every_variable_of_the_interface() {
    let mut environment = facts().environment(Reason::Connect);
    assert_eq!(environment.remove("VPNPID"), Some(std::process::id().to_string()));
    let lines: Vec<String> = environment.iter().map(|(name, value)| format!("{name}={value:?}")).collect();
    insta::assert_snapshot!(lines.join("\n"), @r#"
    CISCO_BANNER="Two\nlines"
    CISCO_CSTP_OPTIONS="X-CSTP-MTU=1400\nX-CSTP-DPD=30\n"
    CISCO_DEF_DOMAIN="corp.example lab.example"
    CISCO_IPV6_SPLIT_EXC="1"
    CISCO_IPV6_SPLIT_EXC_0_ADDR="fd00:1:9::"
    CISCO_IPV6_SPLIT_EXC_0_MASKLEN="48"
    CISCO_IPV6_SPLIT_INC="1"
    CISCO_IPV6_SPLIT_INC_0_ADDR="fd00:1::"
    CISCO_IPV6_SPLIT_INC_0_MASKLEN="32"
    CISCO_PROXY_PAC="http://10.9.0.1/proxy.pac"
    CISCO_SPLIT_DNS="corp.example,lab.example"
    CISCO_SPLIT_EXC="1"
    CISCO_SPLIT_EXC_0_ADDR="10.1.9.0"
    CISCO_SPLIT_EXC_0_DPORT="0"
    CISCO_SPLIT_EXC_0_MASK="255.255.255.0"
    CISCO_SPLIT_EXC_0_MASKLEN="24"
    CISCO_SPLIT_EXC_0_PROTOCOL="0"
    CISCO_SPLIT_EXC_0_SPORT="0"
    CISCO_SPLIT_INC="2"
    CISCO_SPLIT_INC_0_ADDR="10.1.0.0"
    CISCO_SPLIT_INC_0_DPORT="0"
    CISCO_SPLIT_INC_0_MASK="255.255.0.0"
    CISCO_SPLIT_INC_0_MASKLEN="16"
    CISCO_SPLIT_INC_0_PROTOCOL="0"
    CISCO_SPLIT_INC_0_SPORT="0"
    CISCO_SPLIT_INC_1_ADDR="172.16.0.1"
    CISCO_SPLIT_INC_1_DPORT="0"
    CISCO_SPLIT_INC_1_MASK="255.255.255.255"
    CISCO_SPLIT_INC_1_MASKLEN="32"
    CISCO_SPLIT_INC_1_PROTOCOL="0"
    CISCO_SPLIT_INC_1_SPORT="0"
    IDLE_TIMEOUT="1800"
    INTERNAL_IP4_ADDRESS="10.9.0.5"
    INTERNAL_IP4_DNS="10.9.0.1 fd00:9::1 10.9.0.2"
    INTERNAL_IP4_MTU="1400"
    INTERNAL_IP4_NBNS="10.9.0.8"
    INTERNAL_IP4_NETADDR="10.9.0.0"
    INTERNAL_IP4_NETMASK="255.255.255.0"
    INTERNAL_IP4_NETMASKLEN="24"
    INTERNAL_IP6_ADDRESS="fd00:9::5"
    INTERNAL_IP6_NETMASK="fd00:9::5/64"
    LOG_LEVEL="1"
    TUNDEV="tun0"
    VPNGATEWAY="203.0.113.1"
    reason="connect"
    "#);
}

#[test]
fn what_is_not_known_is_not_there() {
    let environment = HookFacts::default().environment(Reason::PreInit);
    assert_eq!(environment.keys().collect::<Vec<_>>(), ["LOG_LEVEL", "VPNPID", "reason"]);
    assert_eq!(environment["reason"], "pre-init");
    let reasons: Vec<&str> = Reason::ALL.iter().map(|reason| reason.name()).collect();
    assert_eq!(reasons, ["pre-init", "connect", "disconnect", "attempt-reconnect", "reconnect"]);
}

#[test]
fn a_value_that_the_kernel_would_refuse_is_cut() {
    let banner = Some("\u{e9}".repeat(LONGEST));
    let environment = HookFacts { banner, ..HookFacts::default() }.environment(Reason::Connect);
    assert_eq!(environment["CISCO_BANNER"].len(), LONGEST);
}

#[tokio::test]
async fn the_script_sees_its_reason_and_its_end_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let hook = Hook::new(
        format!("echo \"$reason $TUNDEV ${{CISCO_SPLIT_INC_1_ADDR}}\" >> '{}'; exit 3", out.display()),
        Duration::from_secs(20),
    );
    for reason in [Reason::AttemptReconnect, Reason::Reconnect] {
        let status = hook.run(reason, &facts()).await.unwrap();
        assert_eq!(status.code(), Some(3));
    }
    let text = std::fs::read_to_string(&out).unwrap();
    assert_eq!(text, "attempt-reconnect tun0 172.16.0.1\nreconnect tun0 172.16.0.1\n");
}

#[tokio::test]
async fn a_script_that_hangs_is_killed_with_its_children() {
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("pipe");
    nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).unwrap();
    // A child that keeps the pipe open for writing: reading from it ends when the child does.
    let hook = Hook::new(format!("sleep 60 > '{}'", pipe.display()), Duration::from_millis(300));
    let reader = std::thread::spawn(move || std::fs::read(pipe));
    let begin = Instant::now();
    let error = hook.run(Reason::Disconnect, &facts()).await.unwrap_err();
    assert!(matches!(error, NetError::HookTimeout { reason: "disconnect", .. }), "{error}");
    assert_eq!(reader.join().unwrap().unwrap(), b"");
    assert!(begin.elapsed() < Duration::from_secs(30));
}

#[tokio::test]
async fn a_script_for_which_nobody_waits_any_more_is_killed_with_its_children() {
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("pipe");
    nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).unwrap();
    let hook = Hook::new(format!("sleep 60 > '{}'; true", pipe.display()), Duration::from_secs(50));
    let reader = std::thread::spawn(move || std::fs::read(pipe));
    let begin = Instant::now();
    let facts = facts();
    let given_up = tokio::time::timeout(Duration::from_millis(300), hook.run(Reason::Connect, &facts)).await;
    assert!(given_up.is_err());
    assert_eq!(reader.join().unwrap().unwrap(), b"");
    assert!(begin.elapsed() < Duration::from_secs(30));
}

#[test]
fn inherited_variables_of_the_interface_are_known() {
    for name in ["CISCO_SPLIT_INC", "CISCO_SPLIT_INC_7_ADDR", "CISCO_IPV6_SPLIT_EXC_0_MASKLEN", "reason", "TUNDEV"] {
        assert!(is_of_interface(name), "{name}");
    }
    for name in ["PATH", "HOME", "CISCO"] {
        assert!(!is_of_interface(name), "{name}");
    }
    for name in facts().environment(Reason::Connect).keys() {
        assert!(is_of_interface(name), "{name}");
    }
}
