//! The checked configuration.

use std::{
    collections::BTreeSet,
    net::{IpAddr, Ipv4Addr},
    path::PathBuf,
    time::Duration,
};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use reference_cstp::{connect::Family, profile::ServerProfile};
use serde::Deserialize;

/// The whole configuration, checked and resolved.
#[derive(Clone, Debug)]
pub struct Config {
    /// The file it was read from.
    pub path: PathBuf,
    /// Where the server listens.
    pub listen: Listen,
    /// TLS.
    pub tls: TlsPlan,
    /// How users prove who they are.
    pub auth: Auth,
    /// Groups in the order of the file; one nameless group when the file has none.
    pub groups: Vec<Group>,
    /// Pools, without repetition, in the order in which groups refer to them ([`Group::pool`]).
    pub pools: Vec<Pool>,
    /// The device and what is common to all groups.
    pub network: Network,
    /// Timers of sessions.
    pub session: SessionPlan,
    /// DTLS.
    pub dtls: DtlsPlan,
    /// Limits on what a client may take.
    pub limits: Limits,
    /// How the server words its replies.
    pub profile: ServerProfile,
    /// Shown to users at login.
    pub banner: Option<String>,
    /// Client profile that is announced for download.
    pub client_profile: Option<ClientProfileFile>,
    /// Unix socket for `status`, `stop` and `restart`.
    pub control_socket: Option<PathBuf>,
}

/// Addresses and ports.
#[derive(Clone, Debug)]
pub struct Listen {
    /// Addresses, at least one.
    pub addresses: Vec<IpAddr>,
    /// TCP port; 0 lets the system choose.
    pub tcp_port: u16,
    /// UDP port; 0 lets the system choose.
    pub udp_port: u16,
}

/// The TLS library that is used.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub enum Backend {
    /// rustls with aws-lc-rs: TLS 1.2 and 1.3.
    Rustls,
    /// OpenSSL: also TLS 1.0 and 1.1, cipher strings, renegotiation.
    Openssl,
}

/// A version of TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TlsVersion {
    /// TLS 1.0.
    Tls10,
    /// TLS 1.1.
    Tls11,
    /// TLS 1.2.
    Tls12,
    /// TLS 1.3.
    Tls13,
}

/// Whether the server asks for a client certificate in the handshake.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub enum ClientCertificate {
    /// It does not ask.
    #[default]
    None,
    /// It asks, and a client without one goes on to the form.
    Optional,
    /// A client without one does not get past the handshake.
    Required,
}

/// Files of one server certificate.
#[derive(Clone, Debug)]
pub struct CertificateFiles {
    /// PEM: leaf first, then every intermediate (AC-TLS-07).
    pub chain: PathBuf,
    /// PEM private key.
    pub key: PathBuf,
    /// Names of the SNI for which this certificate is shown; lower case, `*.` stands for one label.
    pub names: Vec<String>,
}

/// TLS of the server.
#[derive(Clone, Debug)]
pub struct TlsPlan {
    /// Library.
    pub backend: Backend,
    /// Certificates; the first one is the default (AC-TLS-04).
    pub certificates: Vec<CertificateFiles>,
    /// Oldest version.
    pub min: TlsVersion,
    /// Newest version.
    pub max: TlsVersion,
    /// OpenSSL cipher string for TLS up to 1.2.
    pub ciphers: Option<String>,
    /// Authorities of client certificates, PEM.
    pub client_ca: Option<PathBuf>,
    /// Whether a client certificate is asked for.
    pub client_certificate: ClientCertificate,
    /// Revocation list, PEM or DER (AC-TLS-14).
    pub crl: Option<PathBuf>,
    /// Where keys are written in the NSS format.
    pub key_log: Option<PathBuf>,
}

/// Ways to prove who one is. At least one of `password` and `certificate` is set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Methods {
    /// User name and password.
    pub password: bool,
    /// Client certificate.
    pub certificate: bool,
    /// One-time code, after the others.
    pub otp: bool,
}

/// Which attribute of the certificate's subject is the user name (AC-AUTH-24).
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub enum UsernameFrom {
    /// The common name.
    #[default]
    Cn,
    /// The user id, 0.9.2342.19200300.100.1.1.
    Uid,
}

/// How users prove who they are.
#[derive(Clone, Debug)]
pub struct Auth {
    /// All of these are asked for.
    pub methods: Methods,
    /// Passwords in the format of ocpasswd; set when `methods.password` is.
    pub users: Option<PathBuf>,
    /// Secrets of one-time codes in the format of the OATH users file; set when `methods.otp` is.
    pub otp: Option<PathBuf>,
    /// Where a certificate says the user name.
    pub username_from: UsernameFrom,
}

/// Addresses for clients. The server has the first one of each family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pool {
    /// IPv4 network.
    pub ipv4: Option<Ipv4Net>,
    /// IPv6 network.
    pub ipv6: Option<Ipv6Net>,
}

/// What a group's clients are told.
#[derive(Clone, Debug, Default)]
pub struct Push {
    /// Split-include routes; empty: everything goes through the tunnel.
    pub routes: Vec<IpNet>,
    /// Split-exclude routes.
    pub no_routes: Vec<IpNet>,
    /// Resolvers.
    pub dns: Vec<IpAddr>,
    /// Domains that go to these resolvers; empty: all.
    pub split_dns: Vec<String>,
    /// Search domain.
    pub default_domain: Option<String>,
}

/// A group of users.
#[derive(Clone, Debug)]
pub struct Group {
    /// Name, empty for the only group of a configuration without groups.
    pub name: String,
    /// What the group list shows.
    pub label: String,
    /// Who may use it; everybody when absent.
    pub users: Option<BTreeSet<String>>,
    /// Index of its pool in [`Config::pools`].
    pub pool: usize,
    /// What its clients are told.
    pub push: Push,
}

/// The device, and what is common to all groups.
#[derive(Clone, Debug)]
pub struct Network {
    /// Name of the TUN device; `None` serves without a device.
    pub device: Option<String>,
    /// NetBIOS name servers.
    pub nbns: Vec<Ipv4Addr>,
    /// Whether all name look-ups belong into the tunnel.
    pub tunnel_all_dns: bool,
    /// Whether traffic of a family without an address stays outside.
    pub client_bypass_protocol: bool,
    /// Upper bound of the link MTU in bytes.
    pub mtu: u16,
    /// Whether traffic of clients leaves with the server's own address.
    pub source_nat: bool,
}

/// Rekeying that is advertised.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RekeyPlan {
    /// Time between two rekeys.
    pub after: Duration,
    /// In the TLS connection (`ssl`), or by a new one (`new-tunnel`).
    pub new_tunnel: bool,
}

/// Timers of sessions. Zero-length times are `None`: off.
#[derive(Clone, Copy, Debug)]
pub struct SessionPlan {
    /// Dead peer detection.
    pub dpd: Option<Duration>,
    /// The same for mobile clients (AC-KA-06).
    pub mobile_dpd: Option<Duration>,
    /// Keepalive.
    pub keepalive: Option<Duration>,
    /// Longest time without traffic.
    pub idle_timeout: Option<Duration>,
    /// Longest time from login, across reconnects (AC-KA-08).
    pub session_timeout: Option<Duration>,
    /// How long a cookie is good after the connection was lost (AC-RC-03), or after a login that never connects.
    pub cookie_timeout: Duration,
    /// Rekeying.
    pub rekey: Option<RekeyPlan>,
    /// Whether stateless compression is accepted (AC-CMP-01: off unless asked for).
    pub compression: bool,
}

/// DTLS.
#[derive(Clone, Debug)]
pub struct DtlsPlan {
    /// Families that are accepted, best first; empty: DTLS is off.
    pub families: Vec<Family>,
    /// Whether a new client proves its address first.
    pub hello_verify: bool,
}

/// Limits on what a client may take. Zero was "no limit" and is `None` here.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Sessions altogether.
    pub sessions: Option<usize>,
    /// Sessions of one user.
    pub sessions_per_user: Option<usize>,
    /// Failed logins until an address or a user is banned.
    pub attempts: Option<u32>,
    /// Length of the ban.
    pub ban: Duration,
    /// Bytes of a request's head.
    pub head: usize,
    /// Bytes of a request's body.
    pub body: usize,
    /// Requests on one connection.
    pub requests: u32,
    /// Time for the TLS handshake, and for one request from its first byte to its last; also the longest pause between two.
    pub request_timeout: Duration,
    /// Time from the TCP connection to CONNECT.
    pub login_timeout: Duration,
    /// Connections that have not reached CONNECT.
    pub connections: usize,
    /// The same of one address.
    pub connections_per_address: usize,
}

/// The announced client profile.
#[derive(Clone, Debug)]
pub struct ClientProfileFile {
    /// File; may be absent when `missing` is set.
    pub path: Option<PathBuf>,
    /// Path in the URL, with a leading slash.
    pub uri: String,
    /// Announces the profile and answers 404 for it.
    pub missing: bool,
}
