//! Mistakes in the configuration are named with line, column and hint; what is good means what it should.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::{path::Path, time::Duration};

use reference_server::{
    config::{self, Backend, ClientCertificate, Config, TlsVersion},
    failure::Exit,
};

const LEAST: &str = "\
tls:
  certificates: [{chain: server.pem, key: server.key}]
auth:
  methods: [password]
  users: users
network:
  ipv4: 10.9.0.0/24
";

fn parse(text: &str) -> Result<Config, String> {
    config::parse(Path::new("/etc/vpn/server.yaml"), text).map_err(|failure| {
        assert_eq!(failure.exit, Exit::Config);
        failure.to_string().replace("failed to read configuration: /etc/vpn/", "")
    })
}

/// The least configuration with one piece exchanged.
fn mistake(from: &str, to: &str) -> String {
    assert!(LEAST.contains(from), "{from}");
    parse(&LEAST.replacen(from, to, 1)).unwrap_err()
}

#[test]
fn the_least_configuration_has_sensible_defaults() {
    let config = parse(LEAST).unwrap();
    assert_eq!((config.listen.tcp_port, config.listen.udp_port, config.listen.addresses.len()), (443, 443, 2));
    assert_eq!(config.tls.backend, Backend::Rustls);
    assert_eq!((config.tls.min, config.tls.max), (TlsVersion::Tls12, TlsVersion::Tls13));
    assert_eq!(config.tls.client_certificate, ClientCertificate::None);
    assert_eq!(config.tls.certificates[0].chain, Path::new("/etc/vpn/server.pem"));
    assert_eq!(config.auth.users.as_deref(), Some(Path::new("/etc/vpn/users")));
    assert_eq!((config.groups.len(), config.groups[0].name.as_str(), config.pools.len()), (1, "", 1));
    assert!(!config.session.compression, "AC-CMP-01");
    assert_eq!(config.profile.id, "ocserv");
    assert_eq!(config.network.device.as_deref(), Some("vpns%d"));
    assert!(!config.dtls.families.is_empty());
}

#[test]
fn times_have_units_and_zero_is_off() {
    let text = format!(
        "{LEAST}session:\n  dpd: 30\n  keepalive: 0\n  idle-timeout: 5m\n  cookie-timeout: 500ms\n  session-timeout: 12h\n  \
         rekey: {{time: 1d, method: new-tunnel}}\n"
    );
    let session = parse(&text).unwrap().session;
    assert_eq!(session.dpd, Some(Duration::from_secs(30)));
    assert_eq!(session.keepalive, None);
    assert_eq!(session.idle_timeout, Some(Duration::from_secs(300)));
    assert_eq!(session.cookie_timeout, Duration::from_millis(500));
    assert_eq!(session.session_timeout, Some(Duration::from_secs(43_200)));
    let rekey = session.rekey.unwrap();
    assert_eq!((rekey.after, rekey.new_tunnel), (Duration::from_secs(86_400), true));
}

#[test]
fn groups_inherit_what_they_leave_open() {
    let text = format!(
        "{LEAST}  routes: [10.0.0.0/8]\n  dns: [10.9.0.1]\ngroups:\n- name: staff\n  label: \"Staff & guests\"\n- name: guests\n  \
         pool: {{ipv4: 10.10.0.0/24}}\n  routes: []\n  users: [eve]\n"
    );
    let config = parse(&text).unwrap();
    let [staff, guests] = &config.groups[..] else { panic!("{:?}", config.groups) };
    assert_eq!((staff.pool, staff.push.routes.len(), staff.push.dns.len()), (0, 1, 1));
    assert_eq!(
        (guests.pool, guests.push.routes.len(), guests.push.dns.len(), guests.label.as_str()),
        (1, 0, 1, "guests")
    );
    assert!(guests.users.as_ref().is_some_and(|users| users.contains("eve")));
}

#[test]
fn old_versions_and_ciphers_choose_openssl() {
    let with = |line: &str| parse(&LEAST.replacen("tls:\n", &format!("tls:\n  {line}\n"), 1));
    assert_eq!(with("min-version: \"1.0\"").unwrap().tls.backend, Backend::Openssl);
    assert_eq!(with("ciphers: AES256-SHA").unwrap().tls.backend, Backend::Openssl);
    assert_eq!(with("min-version: \"1.3\"").unwrap().tls.backend, Backend::Rustls);
}

#[test]
fn mistakes_are_named_with_place_and_hint() {
    let mut all = String::new();
    for (from, to) in [
        ("methods: [password]", "method: [password]"),
        ("network:\n", "network:\n  ipv44: 10.9.0.0/24\n"),
        ("[password]", "[pasword]"),
        ("[password]", "[otp]"),
        ("  users: users\n", ""),
        ("[password]", "[password, otp]"),
        ("[password]", "[certificate]"),
        ("auth:\n", ""),
        ("10.9.0.0/24", "10.9.0.0/33"),
        ("10.9.0.0/24", "10.9.0.0/31"),
        ("  ipv4: 10.9.0.0/24\n", "  device: none\n"),
        ("  ipv4: 10.9.0.0/24\n", "  ipv4: 10.9.0.0/24\n  mtu: 100\n"),
        ("  ipv4: 10.9.0.0/24\n", "  ipv4: 10.9.0.0/24\n  device: this-name-is-too-long\n"),
        ("tls:\n", "tls:\n  min-version: \"1.4\"\n"),
        ("tls:\n", "tls:\n  min-version: \"1.3\"\n  max-version: \"1.2\"\n"),
        ("tls:\n", "tls:\n  backend: rustls\n  min-version: \"1.0\"\n"),
        ("tls:\n", "tls:\n  client-certificate: required\n"),
        ("tls:\n", "tls:\n  crl: crl.pem\n"),
        ("[{chain: server.pem, key: server.key}]", "[]"),
        ("key: server.key}]", "key: server.key, names: [a.test]}, {chain: b, key: b, names: [A.test.]}]"),
        ("tls:\n", "session: {dpd: soon}\ntls:\n"),
        ("tls:\n", "session: {dpd: -5}\ntls:\n"),
        ("tls:\n", "session: {rekey: {method: ssl, time: 1}}\ntls:\n"),
        ("tls:\n", "session: {rekey: {time: 60}}\ntls:\n"),
        ("tls:\n", "dtls: {families: [psk, dtls13]}\ntls:\n"),
        ("tls:\n", "profile: juniper\ntls:\n"),
        ("tls:\n", "limits: {head: 5}\ntls:\n"),
        ("tls:\n", "limits: {requests: 1}\ntls:\n"),
        ("tls:\n", "listen: {addresses: []}\ntls:\n"),
        ("tls:\n", "listen: {tcp-port: 70000}\ntls:\n"),
        ("tls:\n", "limits: {sessions: many}\ntls:\n"),
        ("tls:\n", "client-profile: {uri: /p.xml}\ntls:\n"),
        ("tls:\n", "client-profile: {path: p.xml, uri: ../p.xml}\ntls:\n"),
        ("tls:\n", "groups: [{name: a}, {name: a}]\ntls:\n"),
        ("tls:\n", "groups: [{name: a, pool: {ipv4: 10.9.0.128/25}}]\ntls:\n"),
        ("tls:\n", "tls: x\ntls:\n"),
        ("auth:\n", "auth: [\n"),
    ] {
        all.push_str(&format!("{}\n\n", mistake(from, to)));
    }
    insta::assert_snapshot!(all);
}

#[test]
fn a_file_that_is_not_there_is_unreadable() {
    let failure = config::load(Path::new("/nonexistent/server.yaml")).unwrap_err();
    assert_eq!(failure.exit, Exit::Unreadable);
    assert!(failure.to_string().starts_with("failed to read configuration /nonexistent/server.yaml: No such file"));
}
