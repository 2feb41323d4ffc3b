//! Typed settings: what the arguments mean, or a mistake that is told at once.

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::ValueEnum;
use reference_cstp::connect::{Family, Suite};
use reference_cstp::defects::{DefectRole, Defects, Mutant};
use reference_cstp::http::ServerUrl;
use reference_cstp::profile::ClientProfile;

use super::args::{Bypass, Compression, Connect};
use crate::error::ClientError;
use crate::resolve::Override;
use crate::trust::TrustMode;

/// A version of TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(crate) enum TlsVersion {
    #[value(name = "1.0")]
    V1_0,
    #[value(name = "1.1")]
    V1_1,
    #[value(name = "1.2")]
    V1_2,
    #[value(name = "1.3")]
    V1_3,
}

/// The library that speaks TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum TlsBackend {
    Rustls,
    Openssl,
}

/// How the session is obtained.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Auth {
    /// By a login.
    Login,
    /// By a cookie that is at hand.
    Cookie(String),
}

/// How the network is set up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum NetworkMode {
    /// Device, addresses, routes and resolver by the program itself.
    BuiltIn,
    /// Device by the program, everything else by a vpnc-script.
    Script(String),
    /// Nothing at all.
    Off,
}

/// What is offered for DTLS; empty is off.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct DtlsChoice {
    pub(crate) suites: Vec<String>,
    pub(crate) suites12: Vec<String>,
}

impl DtlsChoice {
    pub(crate) fn is_off(&self) -> bool {
        self.suites.is_empty() && self.suites12.is_empty()
    }
}

/// Everything that `connect` needs to know.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) url: ServerUrl,
    pub(crate) profile: ClientProfile,
    pub(crate) auth: Auth,
    pub(crate) user: Option<String>,
    pub(crate) password_file: Option<PathBuf>,
    pub(crate) group: Option<String>,
    pub(crate) otp_secret_file: Option<PathBuf>,
    /// Certificate and key.
    pub(crate) identity: Option<(PathBuf, PathBuf)>,
    pub(crate) cookie_only: bool,
    pub(crate) ca_file: Option<PathBuf>,
    pub(crate) system_trust: bool,
    pub(crate) trust: TrustMode,
    pub(crate) crl: Option<PathBuf>,
    pub(crate) resolve: Vec<Override>,
    pub(crate) connect_timeout: Duration,
    pub(crate) tls_min: TlsVersion,
    pub(crate) tls_max: TlsVersion,
    pub(crate) backend: TlsBackend,
    pub(crate) hostname: String,
    pub(crate) compression: bool,
    pub(crate) reconnect_timeout: Duration,
    pub(crate) force_dpd: Option<u64>,
    pub(crate) dtls: DtlsChoice,
    pub(crate) require_dtls: bool,
    pub(crate) mtu: Option<u16>,
    pub(crate) base_mtu: Option<u16>,
    pub(crate) interface: Option<String>,
    pub(crate) network: NetworkMode,
    /// `None`: as the gateway says.
    pub(crate) bypass: Option<bool>,
    pub(crate) journal: PathBuf,
    pub(crate) profile_dir: Option<PathBuf>,
    pub(crate) events: Option<PathBuf>,
    pub(crate) timestamp: bool,
    pub(crate) defects: Defects,
    /// From `SSLKEYLOGFILE`.
    pub(crate) key_log: Option<PathBuf>,
}

impl TryFrom<Connect> for Settings {
    type Error = ClientError;

    fn try_from(args: Connect) -> Result<Self, ClientError> {
        let defects = defects(&args.mutant, args.i_know_this_is_broken)?;
        let url = args.url.parse().map_err(|error| usage("the URL", error))?;
        let profile = ClientProfile::named(&args.profile).ok_or_else(|| {
            let known = ClientProfile::names().collect::<Vec<_>>().join(", ");
            ClientError::Usage(format!("there is no profile '{}'; there are {known}", args.profile))
        })?;
        let dtls = dtls(&profile, args.dtls.as_deref(), args.dtls_suites.as_deref())?;
        if args.require_dtls && dtls.is_off() {
            return Err(ClientError::Usage("--require-dtls does not go with DTLS that is off".into()));
        }
        let backend = backend(args.tls_backend, args.tls_min, args.tls_max)?;
        let password_file = if args.passwd_on_stdin { Some(PathBuf::from("-")) } else { args.password_file };
        let auth = match args.cookie {
            None => Auth::Login,
            Some(cookie) if cookie == "-" && password_file.as_ref().is_some_and(|path| path.as_os_str() == "-") => {
                return Err(ClientError::Usage("cookie and password cannot both come from standard input".into()));
            }
            Some(cookie) => Auth::Cookie(cookie),
        };
        let network = match args.script {
            _ if args.no_network => NetworkMode::Off,
            Some(script) => NetworkMode::Script(script),
            None => NetworkMode::BuiltIn,
        };
        Ok(Self {
            url,
            auth,
            user: args.user,
            password_file,
            group: args.group,
            otp_secret_file: args.otp_secret_file,
            identity: args.certificate.map(|certificate| {
                let key = args.key.unwrap_or_else(|| certificate.clone());
                (certificate, key)
            }),
            cookie_only: args.cookie_only,
            ca_file: args.ca_file,
            system_trust: !args.no_system_trust,
            trust: args.trust.parse().map_err(|error| usage("--trust", error))?,
            crl: args.crl,
            resolve: each("--resolve", &args.resolve)?,
            connect_timeout: Duration::from_secs(args.connect_timeout),
            tls_min: args.tls_min,
            tls_max: args.tls_max,
            backend,
            hostname: args.hostname.unwrap_or_else(machine_name),
            compression: args.compression == Compression::Stateless,
            reconnect_timeout: Duration::from_secs(args.reconnect_timeout),
            force_dpd: args.force_dpd,
            dtls,
            require_dtls: args.require_dtls,
            mtu: args.mtu,
            base_mtu: args.base_mtu,
            interface: args.interface,
            network,
            bypass: match args.client_bypass_protocol {
                Bypass::Gateway => None,
                Bypass::True => Some(true),
                Bypass::False => Some(false),
            },
            journal: args.journal,
            profile_dir: args.profile_dir,
            events: args.events,
            timestamp: args.timestamp,
            defects,
            key_log: std::env::var_os("SSLKEYLOGFILE").filter(|path| !path.is_empty()).map(PathBuf::from),
            profile,
        })
    }
}

fn usage(what: &str, reason: impl ToString) -> ClientError {
    ClientError::Usage(format!("{what}: {}", reason.to_string()))
}

fn each<T: FromStr<Err = String>>(what: &str, texts: &[String]) -> Result<Vec<T>, ClientError> {
    texts.iter().map(|text| text.parse().map_err(|error| usage(what, error))).collect()
}

fn defects(names: &[String], confirmed: bool) -> Result<Defects, ClientError> {
    let mutants = names
        .iter()
        .map(|name| match name.parse::<Mutant>() {
            Ok(mutant) if mutant.role() == DefectRole::Client => Ok(mutant),
            Ok(mutant) => Err(usage("--mutant", format!("{mutant} is a defect of the server"))),
            Err(error) => Err(usage("--mutant", format!("{error}; see `vpn-ref-client mutants`"))),
        })
        .collect::<Result<Vec<Mutant>, _>>()?;
    if !mutants.is_empty() && !confirmed {
        let names = names.join(", ");
        return Err(usage(
            "--mutant",
            format!("{names} breaks the program; add --i-know-this-is-broken if that is meant"),
        ));
    }
    Ok(mutants.into_iter().collect())
}

fn backend(asked: Option<TlsBackend>, min: TlsVersion, max: TlsVersion) -> Result<TlsBackend, ClientError> {
    if min > max {
        return Err(ClientError::Usage("--tls-min is above --tls-max".into()));
    }
    match asked {
        Some(TlsBackend::Rustls) if min < TlsVersion::V1_2 => {
            Err(ClientError::Usage("--tls-backend rustls knows TLS 1.2 and 1.3 only".into()))
        }
        Some(backend) => Ok(backend),
        None if min < TlsVersion::V1_2 => Ok(TlsBackend::Openssl),
        None => Ok(TlsBackend::Rustls),
    }
}

fn dtls(profile: &ClientProfile, families: Option<&str>, names: Option<&str>) -> Result<DtlsChoice, ClientError> {
    let families = match families {
        None => profile.dtls.offer.clone(),
        Some("off" | "none") => Vec::new(),
        Some(list) => parse_families(list)?,
    };
    let (mut suites, mut suites12) = profile.dtls.names(&families);
    // A family that the profile does not know has no names there: it gets all of its own.
    for family in families.iter().filter(|family| !profile.dtls.offer.contains(family)) {
        let (more, more12) = all_names(*family);
        suites.extend(more.into_iter().filter(|name| !suites.contains(name)).collect::<Vec<_>>());
        suites12.extend(more12.into_iter().filter(|name| !suites12.contains(name)).collect::<Vec<_>>());
    }
    if let Some(names) = names {
        let wanted: Vec<&str> = names.split([',', ':']).map(str::trim).filter(|name| !name.is_empty()).collect();
        if let Some(name) = wanted.iter().find(|name| !suites.iter().chain(&suites12).any(|known| known == *name)) {
            let known = suites.iter().chain(&suites12).map(String::as_str).collect::<Vec<_>>().join(", ");
            return Err(usage("--dtls-suites", format!("'{name}' is none of {known}")));
        }
        suites.retain(|name| wanted.contains(&name.as_str()));
        suites12.retain(|name| wanted.contains(&name.as_str()));
    }
    Ok(DtlsChoice { suites, suites12 })
}

fn parse_families(list: &str) -> Result<Vec<Family>, ClientError> {
    let names = list.split(',').map(str::trim).filter(|name| !name.is_empty());
    names.map(|name| name.parse().map_err(|error| usage("--dtls", error))).collect()
}

/// The names of a family for X-DTLS-CipherSuite and X-DTLS12-CipherSuite.
fn all_names(family: Family) -> (Vec<String>, Vec<String>) {
    let names = |dtls12: bool| {
        let suites = Suite::ALL.iter().filter(|suite| suite.family == family && suite.in_dtls12_header() == dtls12);
        suites.map(|suite| suite.name.to_owned()).collect()
    };
    (names(false), names(true))
}

fn machine_name() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let name = name.trim();
    if name.is_empty() { "localhost".to_owned() } else { name.to_owned() }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::cli::{Args, Command};

    fn settings(arguments: &[&str]) -> Result<Settings, String> {
        let all = ["vpn-ref-client", "connect", "vpn.example.org"].iter().chain(arguments);
        let Command::Connect(connect) = Args::try_parse_from(all).unwrap().command else { panic!("not connect") };
        Settings::try_from(*connect).map_err(|error| error.to_string())
    }

    #[test]
    fn the_defaults_are_those_of_openconnect() {
        let settings = settings(&[]).unwrap();
        assert_eq!(settings.profile.id, "openconnect");
        assert_eq!((settings.backend, settings.trust), (TlsBackend::Rustls, TrustMode::Strict));
        assert_eq!(settings.network, NetworkMode::BuiltIn);
        assert_eq!(settings.reconnect_timeout, Duration::from_secs(300));
        assert!(settings.dtls.suites.iter().any(|name| name == "PSK-NEGOTIATE"));
        assert!(settings.system_trust && settings.defects.is_empty());
    }

    #[test]
    fn openssl_is_taken_for_old_versions() {
        assert_eq!(settings(&["--tls-min", "1.0"]).unwrap().backend, TlsBackend::Openssl);
        let told = |arguments: &[&str]| settings(arguments).unwrap_err();
        assert!(told(&["--tls-min", "1.1", "--tls-backend", "rustls"]).contains("1.2 and 1.3 only"));
        assert!(told(&["--tls-min", "1.3", "--tls-max", "1.2"]).contains("--tls-min is above --tls-max"));
    }

    #[test]
    fn dtls_is_narrowed_to_families_and_names() {
        assert!(settings(&["--dtls", "off"]).unwrap().dtls.is_off());
        let legacy = settings(&["--dtls", "legacy,openconnect12", "--dtls-suites", "AES128-SHA"]).unwrap().dtls;
        assert_eq!((legacy.suites, legacy.suites12), (vec!["AES128-SHA".to_owned()], vec![]));
        let foreign = settings(&["--profile", "anyconnect-desktop", "--dtls", "psk"]).unwrap().dtls;
        assert_eq!(foreign.suites, ["PSK-NEGOTIATE"]);
        let told = |arguments: &[&str]| settings(arguments).unwrap_err();
        assert!(told(&["--dtls", "dtls13"]).contains("there is no DTLS family named `dtls13`"));
        assert!(
            told(&["--dtls", "psk", "--dtls-suites", "AES128-SHA"]).contains("'AES128-SHA' is none of PSK-NEGOTIATE")
        );
        assert!(told(&["--dtls", "off", "--require-dtls"]).contains("--require-dtls"));
    }

    #[test]
    fn a_defect_needs_consent_and_has_to_be_one_of_the_client() {
        let told = |arguments: &[&str]| settings(arguments).unwrap_err();
        assert!(told(&["--mutant", "ignores-dpd"]).contains("--i-know-this-is-broken"));
        assert!(told(&["--mutant", "ignores-crl", "--i-know-this-is-broken"]).contains("a defect of the server"));
        assert!(told(&["--mutant", "nonsense", "--i-know-this-is-broken"]).contains("no defect named `nonsense`"));
        let both = ["--mutant", "ignores-dpd", "--mutant", "leaks-dns", "--i-know-this-is-broken"];
        assert_eq!(settings(&both).unwrap().defects.iter().count(), 2);
    }
}
