//! The raw arguments.

use std::path::PathBuf;

use clap::{Parser, Subcommand, ValueEnum};

use super::help;
use super::settings::{TlsBackend, TlsVersion};

/// Longest time that can be asked for: what the protocol's own headers hold, 31 bits.
const MOST_SECONDS: u64 = i32::MAX as u64;

/// A reference client for AnyConnect and OpenConnect gateways.
///
/// It speaks what the deployed clients speak, tells every step as a stable line and as a JSON event, and undoes everything at its end.
#[derive(Debug, Parser)]
#[command(name = "vpn-ref-client", version, after_help = help::after(), max_term_width = 110)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Log in, open the tunnel and keep it until a signal or the gateway ends it
    #[command(after_help = help::connect())]
    Connect(Box<Connect>),
    /// Undo what a run that was killed has left behind: routes, resolver
    Cleanup(Cleanup),
    /// List the clients that can be impersonated
    Profiles,
    /// List the deliberate defects of this program
    Mutants,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Cleanup {
    /// Folder of the journal
    #[arg(long, value_name = "DIR", default_value = help::JOURNAL)]
    pub(crate) journal: PathBuf,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Connect {
    /// Gateway: https://HOST[:PORT][/GROUP]
    pub(crate) url: String,

    /// User name
    #[arg(long, short, help_heading = "Login")]
    pub(crate) user: Option<String>,
    /// File with the password in its first line; - is standard input
    #[arg(long, value_name = "FILE", help_heading = "Login")]
    pub(crate) password_file: Option<PathBuf>,
    /// Read the password from standard input
    #[arg(long, conflicts_with = "password_file", help_heading = "Login")]
    pub(crate) passwd_on_stdin: bool,
    /// Group (name or label)
    #[arg(long, help_heading = "Login")]
    pub(crate) group: Option<String>,
    /// File with the secret of one-time passwords: base32, 0xHEX or otpauth:// URL
    #[arg(long, value_name = "FILE", help_heading = "Login")]
    pub(crate) otp_secret_file: Option<PathBuf>,
    /// Client certificate with its chain, PEM
    #[arg(long, value_name = "PEM", help_heading = "Login")]
    pub(crate) certificate: Option<PathBuf>,
    /// Key of the client certificate, PEM; without it, the certificate's file
    #[arg(long, value_name = "PEM", requires = "certificate", help_heading = "Login")]
    pub(crate) key: Option<PathBuf>,
    /// Begin with the cookie of an earlier login; - reads it from standard input
    #[arg(long, value_name = "VALUE", help_heading = "Login")]
    pub(crate) cookie: Option<String>,
    /// Print COOKIE, HOST and FINGERPRINT for a shell after the login, and stop
    #[arg(long, conflicts_with = "cookie", help_heading = "Login")]
    pub(crate) cookie_only: bool,

    /// Trusted authorities, PEM, beside those of the system
    #[arg(long, value_name = "PEM", help_heading = "Trust")]
    pub(crate) ca_file: Option<PathBuf>,
    /// Do not trust the authorities of the system
    #[arg(long, help_heading = "Trust")]
    pub(crate) no_system_trust: bool,
    /// strict: chain, time, name, use and strength have to be right; ask: a person at the terminal decides about the rest;
    /// pin:sha256:DIGEST: the public key has to be this one, and nothing else counts. A refusal says the pin
    #[arg(long, value_name = "HOW", default_value = "strict", help_heading = "Trust")]
    pub(crate) trust: String,
    /// Revocation lists for the gateway's certificate, PEM
    #[arg(long, value_name = "PEM", help_heading = "Trust")]
    pub(crate) crl: Option<PathBuf>,

    /// Client to impersonate; see `vpn-ref-client profiles`
    #[arg(long, value_name = "ID", default_value = "openconnect", help_heading = "Connection")]
    pub(crate) profile: String,
    /// Use this address for a host name instead of asking DNS (repeatable)
    #[arg(long, value_name = "HOST:ADDRESS", help_heading = "Connection")]
    pub(crate) resolve: Vec<String>,
    /// Seconds for each address of the gateway, TCP and TLS
    #[arg(long, value_name = "S", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=600), help_heading = "Connection")]
    pub(crate) connect_timeout: u64,
    /// Lowest TLS version
    #[arg(long, value_name = "VERSION", default_value = "1.2", help_heading = "Connection")]
    pub(crate) tls_min: TlsVersion,
    /// Highest TLS version
    #[arg(long, value_name = "VERSION", default_value = "1.3", help_heading = "Connection")]
    pub(crate) tls_max: TlsVersion,
    /// TLS library; without it rustls, or openssl when a version below 1.2 is allowed
    #[arg(long, value_name = "LIBRARY", help_heading = "Connection")]
    pub(crate) tls_backend: Option<TlsBackend>,
    /// Host name to send; without it, that of this machine
    #[arg(long, value_name = "NAME", help_heading = "Connection")]
    pub(crate) hostname: Option<String>,
    /// Compression to offer; the gateway chooses
    #[arg(long, value_name = "WHICH", default_value = "none", help_heading = "Connection")]
    pub(crate) compression: Compression,
    /// Seconds in which a lost connection must come back
    #[arg(long, value_name = "S", default_value_t = 300, value_parser = clap::value_parser!(u64).range(..=MOST_SECONDS), help_heading = "Connection")]
    pub(crate) reconnect_timeout: u64,
    /// Seconds of silence before the peer is probed, whatever the gateway says; 0 is never
    #[arg(long, value_name = "S", value_parser = clap::value_parser!(u64).range(..=MOST_SECONDS), help_heading = "Connection")]
    pub(crate) force_dpd: Option<u64>,

    /// DTLS families to offer: comma list of psk, cisco12, openconnect12, legacy; or off. Without it, the profile's
    #[arg(long, value_name = "FAMILIES", help_heading = "DTLS and MTU")]
    pub(crate) dtls: Option<String>,
    /// Comma list of the suite names to offer; without it, all of the profile
    #[arg(long, value_name = "NAMES", help_heading = "DTLS and MTU")]
    pub(crate) dtls_suites: Option<String>,
    /// End with code 5 when DTLS does not come up in the first round of attempts
    #[arg(long, help_heading = "DTLS and MTU")]
    pub(crate) require_dtls: bool,
    /// MTU inside of the tunnel to ask for
    #[arg(long, value_name = "BYTES", value_parser = clap::value_parser!(u16).range(576..=9000), help_heading = "DTLS and MTU")]
    pub(crate) mtu: Option<u16>,
    /// MTU of the path to the gateway; without it, what TCP found out
    #[arg(long, value_name = "BYTES", value_parser = clap::value_parser!(u16).range(576..=9000), help_heading = "DTLS and MTU")]
    pub(crate) base_mtu: Option<u16>,

    /// Name of the TUN device; %d becomes a free number
    #[arg(long, short, value_name = "NAME", help_heading = "Network")]
    pub(crate) interface: Option<String>,
    /// Set the network up with this program (vpnc-script compatible) instead of the built-in way
    #[arg(long, short, value_name = "COMMAND", help_heading = "Network")]
    pub(crate) script: Option<String>,
    /// No device, no routes, no resolver: the session alone
    #[arg(long, conflicts_with_all = ["script", "interface"], help_heading = "Network")]
    pub(crate) no_network: bool,
    /// Let traffic of an address family without an address past the tunnel: as the gateway says, or true, or false
    #[arg(long, value_name = "WHEN", default_value = "gateway", help_heading = "Network")]
    pub(crate) client_bypass_protocol: Bypass,
    /// Folder of the journal of changes, from which `cleanup` undoes them
    #[arg(long, value_name = "DIR", default_value = help::JOURNAL, help_heading = "Network")]
    pub(crate) journal: PathBuf,
    /// Folder for downloaded profiles; without it they are fetched and checked, and not kept
    #[arg(long, value_name = "DIR", help_heading = "Network")]
    pub(crate) profile_dir: Option<PathBuf>,

    /// File for events, one JSON object a line; - is standard output
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub(crate) events: Option<PathBuf>,
    /// Begin each line on standard error with the time, UTC
    #[arg(long, help_heading = "Output")]
    pub(crate) timestamp: bool,

    /// Break the program in a known way (repeatable); see `vpn-ref-client mutants`
    #[arg(long, value_name = "NAME", help_heading = "Deliberate defects")]
    pub(crate) mutant: Vec<String>,
    /// Needed for --mutant
    #[arg(long, help_heading = "Deliberate defects")]
    pub(crate) i_know_this_is_broken: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Compression {
    /// Offer nothing
    None,
    /// Offer oc-lz4 and lzs
    Stateless,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Bypass {
    /// As X-CSTP-Client-Bypass-Protocol says
    Gateway,
    /// Let it past
    True,
    /// Block it
    False,
}
