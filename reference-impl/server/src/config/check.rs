//! From what is written to what it means: defaults, inheritance, and what YAML types cannot say.

use std::{
    collections::BTreeSet,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    path::{Path, PathBuf},
    time::Duration,
};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use reference_cstp::{connect::Family, profile::ServerProfile};
use serde_saphyr::{Location, Spanned};

use super::{
    Auth, Backend, CertificateFiles, ClientCertificate, ClientProfileFile, Config, DtlsPlan, Group, Limits, Listen,
    Methods, Network, Pool, Push, RekeyPlan, SessionPlan, TlsPlan, TlsVersion,
    raw::{self, Raw},
    read::Mistake,
    seconds::Seconds,
};

pub(super) fn check(path: &Path, raw: Raw) -> Result<Config, Mistake> {
    let files = Files(path.parent().unwrap_or(Path::new("")).to_owned());
    let auth = auth(&files, &raw.auth)?;
    let tls = tls(&files, raw.tls, auth.methods, raw.auth.methods.referenced)?;
    let (groups, pools) = groups(&raw.network, raw.groups)?;
    let profile = match &raw.profile {
        None => {
            server_profile("ocserv").ok_or_else(|| Mistake::new(None, "no profile `ocserv`", "write `profile: asa`"))?
        }
        Some(name) => server_profile(&name.value).ok_or_else(|| {
            Mistake::new(
                name.referenced,
                format!("unknown profile `{}`", name.value),
                format!("the profiles are: {}", ServerProfile::names().collect::<Vec<_>>().join(", ")),
            )
        })?,
    };
    Ok(Config {
        path: path.to_owned(),
        listen: listen(raw.listen)?,
        tls,
        auth,
        groups,
        pools,
        network: network(raw.network.value)?,
        session: session(raw.session)?,
        dtls: dtls(raw.dtls, &profile)?,
        limits: limits(&raw.limits)?,
        profile,
        banner: raw.banner.filter(|banner| !banner.is_empty()),
        client_profile: raw.client_profile.map(|profile| client_profile(&files, profile)).transpose()?,
        control_socket: raw.control_socket.map(|path| files.at(path)),
    })
}

fn server_profile(name: &str) -> Option<ServerProfile> {
    ServerProfile::named(name)
}

/// Resolves paths from the folder of the configuration.
struct Files(PathBuf);

impl Files {
    fn at(&self, path: PathBuf) -> PathBuf {
        self.0.join(path)
    }
}

fn listen(raw: raw::Listen) -> Result<Listen, Mistake> {
    let addresses = match raw.addresses {
        None => vec![Ipv4Addr::UNSPECIFIED.into(), Ipv6Addr::UNSPECIFIED.into()],
        Some(list) if list.value.is_empty() => {
            return Err(Mistake::new(
                list.referenced,
                "no address to listen on",
                "write `addresses: [0.0.0.0, \"::\"]`",
            ));
        }
        Some(list) => list.value,
    };
    let mut seen = BTreeSet::new();
    let addresses: Vec<IpAddr> = addresses.into_iter().filter(|address| seen.insert(*address)).collect();
    let tcp_port = raw.tcp_port.unwrap_or(443);
    Ok(Listen { addresses, tcp_port, udp_port: raw.udp_port.unwrap_or(tcp_port) })
}

fn auth(files: &Files, raw: &raw::Auth) -> Result<Auth, Mistake> {
    let at = raw.methods.referenced;
    let has = |method| raw.methods.value.contains(&method);
    let methods = Methods {
        password: has(raw::Method::Password),
        certificate: has(raw::Method::Certificate),
        otp: has(raw::Method::Otp),
    };
    if !methods.password && !methods.certificate {
        return Err(Mistake::new(
            at,
            "nobody could log in: neither password nor certificate is a method",
            "write `methods: [password]`, `[certificate]`, or both; otp comes in addition",
        ));
    }
    let need = |path: &Option<PathBuf>, wanted: bool, field: &str, what: &str| match (path, wanted) {
        (None, true) => {
            Err(Mistake::new(at, format!("this method needs `auth.{field}`"), format!("add `{field}: FILE`, {what}")))
        }
        (path, _) => Ok(path.clone().filter(|_| wanted).map(|path| files.at(path))),
    };
    Ok(Auth {
        methods,
        users: need(
            &raw.users,
            methods.password,
            "users",
            "lines `name:group:hash`; `vpn-ref-server add-user` makes them",
        )?,
        otp: need(&raw.otp, methods.otp, "otp", "lines `HOTP/T30 name - hexkey`")?,
        username_from: raw.username_from,
    })
}

fn tls(files: &Files, raw: raw::Tls, methods: Methods, methods_at: Location) -> Result<TlsPlan, Mistake> {
    if raw.certificates.value.is_empty() {
        return Err(Mistake::new(
            raw.certificates.referenced,
            "the server has no certificate",
            "write `certificates: [{chain: server.pem, key: server.key}]`",
        ));
    }
    let mut names = BTreeSet::new();
    let mut certificates = Vec::new();
    for Spanned { value: certificate, referenced, .. } in raw.certificates.value {
        let mut own = Vec::new();
        for name in certificate.names {
            let name = name.trim_end_matches('.').to_ascii_lowercase();
            if !names.insert(name.clone()) {
                return Err(Mistake::new(
                    referenced,
                    format!("the name `{name}` has two certificates"),
                    "list each name once",
                ));
            }
            own.push(name);
        }
        certificates.push(CertificateFiles {
            chain: files.at(certificate.chain),
            key: files.at(certificate.key),
            names: own,
        });
    }

    let min = version(raw.min_version.as_ref(), TlsVersion::Tls12)?;
    let max = version(raw.max_version.as_ref(), TlsVersion::Tls13)?;
    let max_at = raw.max_version.as_ref().or(raw.min_version.as_ref()).map(|version| version.referenced);
    if min > max {
        return Err(Mistake::new(max_at, "max-version is below min-version", "exchange the two"));
    }
    let wants_openssl = min < TlsVersion::Tls12 || raw.ciphers.is_some();
    let backend = match raw.backend {
        Some(Spanned { value: Backend::Rustls, referenced, .. }) if wants_openssl => {
            return Err(Mistake::new(
                referenced,
                "rustls has neither TLS below 1.2 nor cipher strings",
                "write `backend: openssl`, or leave the field out",
            ));
        }
        Some(backend) => backend.value,
        None if wants_openssl => Backend::Openssl,
        None => Backend::Rustls,
    };

    let asked = raw.client_certificate.as_ref().map_or(methods_at, |asked| asked.referenced);
    let client_certificate = match raw.client_certificate {
        Some(asked) => asked.value,
        None if methods.certificate => ClientCertificate::Optional,
        None => ClientCertificate::None,
    };
    if methods.certificate && client_certificate == ClientCertificate::None {
        return Err(Mistake::new(
            asked,
            "the method certificate needs the server to ask for one",
            "write `client-certificate: optional` or `required`",
        ));
    }
    if client_certificate != ClientCertificate::None && raw.client_ca.is_none() {
        return Err(Mistake::new(
            asked,
            "client certificates need `tls.client-ca`",
            "add `client-ca: FILE`, the authorities that sign them",
        ));
    }
    if let (Some(crl), ClientCertificate::None) = (&raw.crl, client_certificate) {
        return Err(Mistake::new(
            crl.referenced,
            "a revocation list without client certificates does nothing",
            "add `client-certificate` and `client-ca`, or remove `crl`",
        ));
    }
    Ok(TlsPlan {
        backend,
        certificates,
        min,
        max,
        ciphers: raw.ciphers.map(|ciphers| ciphers.value),
        client_ca: raw.client_ca.map(|path| files.at(path)),
        client_certificate,
        crl: raw.crl.map(|path| files.at(path.value)),
        key_log: raw.key_log.map(|path| files.at(path)),
    })
}

fn version(written: Option<&Spanned<String>>, default: TlsVersion) -> Result<TlsVersion, Mistake> {
    let Some(written) = written else { return Ok(default) };
    match written.value.as_str() {
        "1.0" => Ok(TlsVersion::Tls10),
        "1.1" => Ok(TlsVersion::Tls11),
        "1.2" => Ok(TlsVersion::Tls12),
        "1.3" => Ok(TlsVersion::Tls13),
        other => Err(Mistake::new(
            written.referenced,
            format!("unknown version of TLS `{other}`"),
            "write one of \"1.0\", \"1.1\", \"1.2\", \"1.3\"",
        )),
    }
}

fn groups(
    network: &Spanned<raw::Network>,
    groups: Vec<Spanned<raw::Group>>,
) -> Result<(Vec<Group>, Vec<Pool>), Mistake> {
    let Spanned { value: network, referenced: network_at, .. } = network;
    let mut pools = Pools::default();
    let common = pools.add(network.ipv4.as_ref(), network.ipv6.as_ref())?;
    let push = Push {
        routes: network.routes.clone(),
        no_routes: network.no_routes.clone(),
        dns: network.dns.clone(),
        split_dns: network.split_dns.clone(),
        default_domain: network.default_domain.clone(),
    };
    let missing = |at| {
        Mistake::new(
            at,
            "there are no addresses for clients",
            "add `ipv4: 10.9.0.0/24` or `ipv6: fd00:9::/64` to `network`",
        )
    };
    if groups.is_empty() {
        let pool = common.ok_or_else(|| missing(*network_at))?;
        return Ok((vec![Group { name: String::new(), label: String::new(), users: None, pool, push }], pools.list));
    }
    let mut known: Vec<Group> = Vec::new();
    for Spanned { value: raw, referenced: at, .. } in groups {
        if raw.name.is_empty() || known.iter().any(|group| group.name == raw.name) {
            return Err(Mistake::new(
                at,
                format!("the group `{}` has no name of its own", raw.name),
                "name each group once",
            ));
        }
        let own = match &raw.pool {
            Some(pool) => pools.add(pool.value.ipv4.as_ref(), pool.value.ipv6.as_ref())?,
            None => None,
        };
        let pool = own.or(common).ok_or_else(|| missing(at))?;
        let push = Push {
            routes: raw.routes.unwrap_or_else(|| push.routes.clone()),
            no_routes: raw.no_routes.unwrap_or_else(|| push.no_routes.clone()),
            dns: raw.dns.unwrap_or_else(|| push.dns.clone()),
            split_dns: raw.split_dns.unwrap_or_else(|| push.split_dns.clone()),
            default_domain: raw.default_domain.or_else(|| push.default_domain.clone()),
        };
        let label = raw.label.unwrap_or_else(|| raw.name.clone());
        known.push(Group { name: raw.name, label, users: raw.users, pool, push });
    }
    Ok((known, pools.list))
}

/// Pools that do not overlap, so that an address belongs to one session.
#[derive(Default)]
struct Pools {
    list: Vec<Pool>,
    taken: Vec<IpNet>,
}

impl Pools {
    fn add(
        &mut self,
        ipv4: Option<&Spanned<Ipv4Net>>,
        ipv6: Option<&Spanned<Ipv6Net>>,
    ) -> Result<Option<usize>, Mistake> {
        if let Some(net) = ipv4 {
            self.take(net.value.trunc().into(), net.value.prefix_len() <= 30, net, "/30")?;
        }
        if let Some(net) = ipv6 {
            self.take(net.value.trunc().into(), net.value.prefix_len() <= 126, net, "/126")?;
        }
        if ipv4.is_none() && ipv6.is_none() {
            return Ok(None);
        }
        self.list.push(Pool { ipv4: ipv4.map(|net| net.value.trunc()), ipv6: ipv6.map(|net| net.value.trunc()) });
        Ok(Some(self.list.len() - 1))
    }

    fn take<T>(&mut self, net: IpNet, large_enough: bool, at: &Spanned<T>, smallest: &str) -> Result<(), Mistake> {
        if !large_enough {
            let message = format!("the pool {net} has no room for the server and a client");
            return Err(Mistake::new(at.referenced, message, format!("use {smallest} or larger")));
        }
        if let Some(other) = self.taken.iter().find(|other| other.contains(&net) || net.contains(*other)) {
            let message = format!("the pool {net} overlaps with {other}");
            return Err(Mistake::new(at.referenced, message, "give each pool a network of its own"));
        }
        self.taken.push(net);
        Ok(())
    }
}

fn network(raw: raw::Network) -> Result<Network, Mistake> {
    let device = match raw.device {
        None => Some("vpns%d".to_owned()),
        Some(name) if name.value == "none" => None,
        Some(name) if name.value.is_empty() || name.value.len() > 15 || name.value.contains(['/', ' ']) => {
            return Err(Mistake::new(
                name.referenced,
                format!("`{}` is no name of a device", name.value),
                "use up to 15 characters without slash and blank, or `none`",
            ));
        }
        Some(name) => Some(name.value),
    };
    let mtu = match raw.mtu {
        Some(mtu) if !(576..=9000).contains(&mtu.value) => {
            return Err(Mistake::new(
                mtu.referenced,
                format!("an MTU of {} bytes", mtu.value),
                "use 576 to 9000; 1500 is usual",
            ));
        }
        mtu => mtu.map_or(1500, |mtu| mtu.value),
    };
    Ok(Network {
        device,
        nbns: raw.nbns,
        tunnel_all_dns: raw.tunnel_all_dns,
        client_bypass_protocol: raw.client_bypass_protocol,
        mtu,
        source_nat: raw.source_nat,
    })
}

fn session(raw: raw::Session) -> Result<SessionPlan, Mistake> {
    let on = |time: Option<Seconds>, default: u64| {
        Some(time.map_or(Duration::from_secs(default), |time| time.0)).filter(|time| !time.is_zero())
    };
    let dpd = on(raw.dpd, 90);
    let rekey = match raw.rekey {
        None => Some(RekeyPlan { after: Duration::from_hours(48), new_tunnel: false }),
        Some(Spanned { value: rekey, referenced, .. }) => match (rekey.method, rekey.time) {
            (raw::RekeyMethod::None, _) => None,
            (_, Some(Seconds(after))) if after < Duration::from_secs(5) => {
                return Err(Mistake::new(
                    referenced,
                    "a rekey time below 5 s would do nothing else",
                    "write `method: none` for no rekey",
                ));
            }
            (method, time) => Some(RekeyPlan {
                after: time.map_or(Duration::from_hours(48), |time| time.0),
                new_tunnel: method == raw::RekeyMethod::NewTunnel,
            }),
        },
    };
    Ok(SessionPlan {
        dpd,
        mobile_dpd: raw.mobile_dpd.map_or(dpd, |time| on(Some(time), 0)),
        keepalive: on(raw.keepalive, 32_400),
        idle_timeout: on(raw.idle_timeout, 0),
        session_timeout: on(raw.session_timeout, 0),
        cookie_timeout: raw.cookie_timeout.map_or(Duration::from_mins(5), |time| time.0),
        rekey,
        compression: raw.compression == raw::Compression::Stateless,
    })
}

fn dtls(raw: raw::Dtls, profile: &ServerProfile) -> Result<DtlsPlan, Mistake> {
    let families = match raw.families {
        None => profile.dtls.families.clone(),
        Some(list) => {
            let parse = |name: &String| {
                let hint = "the families are psk, cisco12, openconnect12 and legacy";
                name.parse::<Family>().map_err(|error| Mistake::new(list.referenced, error.to_string(), hint))
            };
            list.value.iter().map(parse).collect::<Result<_, _>>()?
        }
    };
    let families = if raw.enabled == Some(false) { Vec::new() } else { families };
    Ok(DtlsPlan { families, hello_verify: raw.hello_verify.unwrap_or(profile.dtls.hello_verify) })
}

fn limits(raw: &raw::Limits) -> Result<Limits, Mistake> {
    let within = |value: Option<&Spanned<usize>>, default: usize, range: std::ops::RangeInclusive<usize>| match value {
        Some(value) if !range.contains(&value.value) => Err(Mistake::new(
            value.referenced,
            format!("{} bytes is no useful limit", value.value),
            format!("use {} to {}", range.start(), range.end()),
        )),
        value => Ok(value.map_or(default, |value| value.value)),
    };
    let requests = match &raw.requests {
        Some(requests) if requests.value < 4 => {
            return Err(Mistake::new(
                requests.referenced,
                "fewer than 4 requests do not suffice for a login",
                "use 16 or more (AC-HTTP-18)",
            ));
        }
        requests => requests.as_ref().map_or(64, |requests| requests.value),
    };
    let time = |time: Option<Seconds>, default: u64| time.map_or(Duration::from_secs(default), |time| time.0);
    Ok(Limits {
        sessions: raw.sessions.filter(|&sessions| sessions > 0),
        sessions_per_user: raw.sessions_per_user.filter(|&sessions| sessions > 0),
        attempts: Some(raw.attempts.unwrap_or(10)).filter(|&attempts| attempts > 0),
        ban: time(raw.ban, 300),
        head: within(raw.head.as_ref(), 16 << 10, 1 << 10..=1 << 20)?,
        body: within(raw.body.as_ref(), 256 << 10, 1 << 10..=16 << 20)?,
        requests,
        request_timeout: time(raw.request_timeout, 30),
        login_timeout: time(raw.login_timeout, 240),
        connections: raw.connections.filter(|&count| count > 0).unwrap_or(1024),
        connections_per_address: raw.connections_per_address.filter(|&count| count > 0).unwrap_or(128),
    })
}

fn client_profile(files: &Files, raw: Spanned<raw::ClientProfile>) -> Result<ClientProfileFile, Mistake> {
    let Spanned { value: raw, referenced: at, .. } = raw;
    if raw.path.is_none() && !raw.missing {
        return Err(Mistake::new(
            at,
            "a client profile without `path`",
            "add `path: FILE`; or `missing: true` to announce one that is not there",
        ));
    }
    let name =
        raw.path.as_ref().and_then(|path| path.file_name()).map_or("profile.xml".into(), |name| name.to_string_lossy());
    let uri = raw.uri.unwrap_or_else(|| format!("/profiles/{name}"));
    if !uri.starts_with('/') || uri.contains(['?', '#', ' ']) || uri.contains("..") {
        return Err(Mistake::new(at, format!("`{uri}` is no path of a URL"), "write `uri: /profiles/name.xml`"));
    }
    Ok(ClientProfileFile { path: raw.path.map(|path| files.at(path)), uri, missing: raw.missing })
}
