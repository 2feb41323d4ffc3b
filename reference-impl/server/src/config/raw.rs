//! The configuration as it is written.

use std::{collections::BTreeSet, net::IpAddr, path::PathBuf};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use serde::Deserialize;
use serde_saphyr::Spanned;

use super::{Backend, ClientCertificate, UsernameFrom, seconds::Seconds};

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct Raw {
    #[serde(default)]
    pub(super) listen: Listen,
    pub(super) tls: Tls,
    pub(super) auth: Auth,
    #[serde(default)]
    pub(super) groups: Vec<Spanned<Group>>,
    pub(super) network: Spanned<Network>,
    #[serde(default)]
    pub(super) session: Session,
    #[serde(default)]
    pub(super) dtls: Dtls,
    #[serde(default)]
    pub(super) limits: Limits,
    pub(super) profile: Option<Spanned<String>>,
    pub(super) banner: Option<String>,
    pub(super) client_profile: Option<Spanned<ClientProfile>>,
    pub(super) control_socket: Option<PathBuf>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct Listen {
    pub(super) addresses: Option<Spanned<Vec<IpAddr>>>,
    pub(super) tcp_port: Option<u16>,
    pub(super) udp_port: Option<u16>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct Tls {
    pub(super) backend: Option<Spanned<Backend>>,
    pub(super) certificates: Spanned<Vec<Spanned<Certificate>>>,
    pub(super) min_version: Option<Spanned<String>>,
    pub(super) max_version: Option<Spanned<String>>,
    pub(super) ciphers: Option<Spanned<String>>,
    pub(super) client_ca: Option<PathBuf>,
    #[serde(default)]
    pub(super) client_certificate: Option<Spanned<ClientCertificate>>,
    pub(super) crl: Option<Spanned<PathBuf>>,
    pub(super) key_log: Option<PathBuf>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct Certificate {
    pub(super) chain: PathBuf,
    pub(super) key: PathBuf,
    #[serde(default)]
    pub(super) names: Vec<String>,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, PartialOrd, Ord)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Method {
    Certificate,
    Password,
    Otp,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct Auth {
    pub(super) methods: Spanned<BTreeSet<Method>>,
    pub(super) users: Option<PathBuf>,
    pub(super) otp: Option<PathBuf>,
    #[serde(default)]
    pub(super) username_from: UsernameFrom,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct Group {
    pub(super) name: String,
    pub(super) label: Option<String>,
    pub(super) users: Option<BTreeSet<String>>,
    pub(super) pool: Option<Spanned<GroupPool>>,
    pub(super) routes: Option<Vec<IpNet>>,
    pub(super) no_routes: Option<Vec<IpNet>>,
    pub(super) dns: Option<Vec<IpAddr>>,
    pub(super) split_dns: Option<Vec<String>>,
    pub(super) default_domain: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct GroupPool {
    pub(super) ipv4: Option<Spanned<Ipv4Net>>,
    pub(super) ipv6: Option<Spanned<Ipv6Net>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct Network {
    pub(super) device: Option<Spanned<String>>,
    pub(super) ipv4: Option<Spanned<Ipv4Net>>,
    pub(super) ipv6: Option<Spanned<Ipv6Net>>,
    #[serde(default)]
    pub(super) routes: Vec<IpNet>,
    #[serde(default)]
    pub(super) no_routes: Vec<IpNet>,
    #[serde(default)]
    pub(super) dns: Vec<IpAddr>,
    #[serde(default)]
    pub(super) nbns: Vec<std::net::Ipv4Addr>,
    #[serde(default)]
    pub(super) split_dns: Vec<String>,
    pub(super) default_domain: Option<String>,
    #[serde(default)]
    pub(super) tunnel_all_dns: bool,
    #[serde(default)]
    pub(super) client_bypass_protocol: bool,
    pub(super) mtu: Option<Spanned<u16>>,
    #[serde(default)]
    pub(super) source_nat: bool,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub(super) enum RekeyMethod {
    None,
    Ssl,
    NewTunnel,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct Rekey {
    pub(super) time: Option<Seconds>,
    pub(super) method: RekeyMethod,
}

#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Compression {
    #[default]
    None,
    Stateless,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct Session {
    pub(super) dpd: Option<Seconds>,
    pub(super) mobile_dpd: Option<Seconds>,
    pub(super) keepalive: Option<Seconds>,
    pub(super) idle_timeout: Option<Seconds>,
    pub(super) session_timeout: Option<Seconds>,
    pub(super) cookie_timeout: Option<Seconds>,
    pub(super) rekey: Option<Spanned<Rekey>>,
    #[serde(default)]
    pub(super) compression: Compression,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct Dtls {
    pub(super) enabled: Option<bool>,
    pub(super) families: Option<Spanned<Vec<String>>>,
    pub(super) hello_verify: Option<bool>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct Limits {
    pub(super) sessions: Option<usize>,
    pub(super) sessions_per_user: Option<usize>,
    pub(super) attempts: Option<u32>,
    pub(super) ban: Option<Seconds>,
    pub(super) head: Option<Spanned<usize>>,
    pub(super) body: Option<Spanned<usize>>,
    pub(super) requests: Option<Spanned<u32>>,
    pub(super) request_timeout: Option<Seconds>,
    pub(super) login_timeout: Option<Seconds>,
    pub(super) connections: Option<usize>,
    pub(super) connections_per_address: Option<usize>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct ClientProfile {
    pub(super) path: Option<PathBuf>,
    pub(super) uri: Option<String>,
    #[serde(default)]
    pub(super) missing: bool,
}
