//! Peers.

use std::{fmt, time::Duration};

use indexmap::IndexMap;
use regex::Regex;

use super::{Scalar, StageName, StageState, VersionRange};
use crate::{
    Name, Port, Size, Spanned,
    decode::{Parse, ParseError, keywords, record, verbs, words},
};

record! {
    /// A VPN program under test.
    pub struct Peer {
        /// Names the peer; the same as the file's stem.
        pub id: Name,
        /// What it is called.
        pub title: String,
        /// What one should know about it.
        pub about: Option<String> = None,
        /// Peer file on which this one is laid; maps merge, everything else replaces.
        pub extends: Option<Name> = None,
        /// Whether it replaces the built-in peer of the same id.
        pub replaces: bool = false,
        /// What it is called in its role, on the command line and in results, where a client and a server share a name; its id
        /// unless given.
        pub known_as: Option<Name> = None,
        /// The product that it imitates; reports show it as an emulated profile, and it runs only where it is named.
        pub emulates: Option<String> = None,
        /// What it can be.
        pub roles: Vec<Side>,
        /// What it speaks; a client and a server are a pair when they share one.
        pub protocols: Vec<Name>,
        /// How it is found.
        pub binary: Binary,
        /// How it tells its version.
        pub version: Option<VersionProbe> = None,
        /// What it can do.
        pub capabilities: Vec<Name> = Vec::new(),
        /// Capabilities of the extended peer that this one lacks.
        pub capabilities_remove: Vec<Name> = Vec::new(),
        /// Settings unless the scenario has them.
        pub defaults: IndexMap<Name, Scalar> = IndexMap::new(),
        /// What is different in some of its versions; every entry whose range holds is laid on, in order.
        pub by_version: Vec<ByVersion> = Vec::new(),
        /// Files to write before the start, by name below `{{ dir }}`.
        pub files: IndexMap<Name, Spanned<Template>> = IndexMap::new(),
        /// Commands to run before the start, in the node.
        pub prepare: Vec<Vec<Spanned<Template>>> = Vec::new(),
        /// The command line.
        pub command: Vec<Spanned<Template>>,
        /// More arguments, after those of the extended peer.
        pub args_append: Vec<Spanned<Template>> = Vec::new(),
        /// Environment variables.
        pub env: IndexMap<Name, Spanned<Template>> = IndexMap::new(),
        /// What it reads on standard input.
        pub stdin: Option<Spanned<Template>> = None,
        /// How it is known that a server is ready.
        pub ready_when: Option<ReadyWhen> = None,
        /// How it is known that a client's tunnel is up.
        pub connected_when: Option<ConnectedWhen> = None,
        /// Of a server: the log line that says that a session's device is set up. Clients are told before it is, and what was
        /// seen of the server in between is neither before nor after. With groups `device` and `mtu` the device must have that MTU.
        pub session_ready_when: Option<Pattern> = None,
        /// Name of its tunnel interface.
        pub tunnel_interface: Option<Spanned<Template>> = None,
        /// Log lines with a meaning.
        pub log_events: Vec<LogEvent> = Vec::new(),
        /// Log lines that say why a connection was refused.
        pub refusals: Vec<Refusal> = Vec::new(),
        /// How it is ended.
        pub stop: Stop = Stop::default(),
        /// What its exit codes mean.
        pub exit_codes: IndexMap<i32, String> = IndexMap::new(),
        /// How it writes its TLS secrets.
        pub keylog: Option<KeyLog> = None,
        /// The command that takes away what a killed one left behind.
        pub cleanup: Vec<Spanned<Template>> = Vec::new(),
        /// Defects that it can be started with, on purpose; templates find the name of one in `mutant`.
        pub mutants: Vec<Mutant> = Vec::new(),
        /// Bounds on what it may produce.
        pub limits: Limits = Limits::default(),
    }
}

impl Peer {
    /// Whether it can be a client, or a server.
    pub fn can_be(&self, side: Side) -> bool {
        self.roles.contains(&side)
    }

    /// What it is called in its role.
    pub fn name(&self) -> &Name {
        self.known_as.as_ref().unwrap_or(&self.id)
    }

    /// Whether it can be started with this defect.
    pub fn has_mutant(&self, name: &str) -> bool {
        self.mutants.iter().any(|mutant| mutant.name.as_str() == name)
    }

    /// Whether it declares a capability.
    pub fn has(&self, capability: &str) -> bool {
        self.capabilities.iter().any(|name| name == capability)
    }

    /// The peer as it is in one version.
    #[must_use]
    pub fn at_version(&self, version: &str) -> Self {
        let mut peer = self.clone();
        for different in self.by_version.iter().filter(|different| different.versions.contains(version)) {
            peer.capabilities.retain(|name| !different.lacks.contains(name));
            peer.capabilities.extend(different.has.iter().cloned());
            peer.defaults.extend(different.defaults.clone());
        }
        peer
    }

    /// The capabilities among `needed` that it does not declare.
    pub fn lacks<'a>(&self, needed: &'a [Name]) -> Vec<&'a Name> {
        needed.iter().filter(|name| !self.has(name)).collect()
    }

    /// The first protocol that both speak.
    pub fn shared_protocol<'a>(&'a self, other: &Self) -> Option<&'a Name> {
        self.protocols.iter().find(|protocol| other.protocols.contains(protocol))
    }
}

keywords! {
    /// Client or server.
    pub enum Side: "side" {
        /// The VPN client.
        Client = "client",
        /// The VPN server.
        Server = "server",
    }
}

impl From<Side> for interop_evidence::PeerRole {
    fn from(side: Side) -> Self {
        match side {
            Side::Client => Self::Client,
            Side::Server => Self::Server,
        }
    }
}

record! {
    /// What is different in some versions of a peer.
    pub struct ByVersion {
        /// Which: `<9.12`, `>=1.1 <1.3`.
        pub versions: VersionRange,
        /// Capabilities that they have besides.
        pub has: Vec<Name> = Vec::new(),
        /// Capabilities that they lack.
        pub lacks: Vec<Name> = Vec::new(),
        /// Settings for their templates.
        pub defaults: IndexMap<Name, Scalar> = IndexMap::new(),
    }
}

record! {
    /// How a program is found.
    pub struct Binary {
        /// Name in the search path.
        pub name: Name,
        /// Whether it is built with this program and lies beside it.
        pub beside: bool = false,
        /// Folders to look into first.
        pub search: Vec<String> = Vec::new(),
        /// Package that brings it, by kind of distribution.
        pub package: IndexMap<Name, String> = IndexMap::new(),
    }
}

record! {
    /// How a program tells its version.
    pub struct VersionProbe {
        /// Arguments.
        pub args: Vec<String>,
        /// Pattern whose first group is the version.
        pub pattern: Pattern,
        /// Pattern whose groups are the name of the TLS library and its version: `Using (GnuTLS) ([0-9.]+)`.
        pub library: Option<Pattern> = None,
    }
}

verbs! {
    /// How it is known that a server is ready.
    pub enum ReadyWhen: "sign of readiness", "listening: {protocol: tcp, port: 443}" {
        /// A socket listens.
        Listening(Listening) = "listening",
        /// A log line matches.
        Log(Pattern) = "log",
        /// An interface is up.
        Interface(Template) = "interface",
    }
}

verbs! {
    /// How it is known that a client's tunnel is up.
    pub enum ConnectedWhen: "sign of connection", "log: REGEX" {
        /// A log line matches.
        Log(Pattern) = "log",
        /// An interface is up and has an address.
        Interface(Template) = "interface",
    }
}

keywords! {
    /// Transport protocols.
    pub enum Protocol: "protocol" {
        /// TCP.
        Tcp = "tcp",
        /// UDP.
        Udp = "udp",
    }
}

record! {
    /// A listening socket.
    pub struct Listening {
        /// TCP or UDP.
        pub protocol: Protocol,
        /// Port.
        pub port: Port,
    }
}

record! {
    /// A log line with a meaning.
    pub struct LogEvent {
        /// Canonical event: `dtls-up`; `stage` for the beginning or the end of a stage.
        pub event: Name,
        /// What the line looks like. Of a `stage`, groups called `stage` and `status` say which; what is not said there stands
        /// in the fields of these names.
        pub pattern: Pattern,
        /// Of a `stage`: which one.
        pub stage: Option<StageName> = None,
        /// Of a `stage`: what became of it.
        pub status: Option<StageState> = None,
    }
}

record! {
    /// A defect that a peer can be started with, to see whether the harness notices.
    pub struct Mutant {
        /// Its name: `never-falls-back`.
        pub name: Name,
        /// What the peer does wrong then, in one sentence.
        pub does: String,
    }
}

record! {
    /// A log line that says why a connection was refused.
    pub struct Refusal {
        /// What the line looks like.
        pub pattern: Pattern,
        /// Who refuses.
        pub by: Side,
        /// Why, in a few words.
        pub why: String,
    }
}

keywords! {
    /// Signals that end a program, or change its mind.
    pub enum Signal: "signal" {
        /// Hang up: often reload.
        Hup = "HUP",
        /// Interrupt.
        Int = "INT",
        /// Kill.
        Kill = "KILL",
        /// Terminate.
        Term = "TERM",
        /// User-defined 1.
        Usr1 = "USR1",
        /// User-defined 2.
        Usr2 = "USR2",
        /// Stop.
        Stop = "STOP",
        /// Continue.
        Cont = "CONT",
    }
}

record! {
    /// How a program is ended.
    pub struct Stop {
        /// Signal.
        pub signal: Signal = Signal::Term,
        /// When it has not ended by then, it is killed.
        pub within: Duration = Duration::from_secs(5),
    }
}

impl Default for Stop {
    fn default() -> Self {
        Self { signal: Signal::Term, within: Duration::from_secs(5) }
    }
}

record! {
    /// How a program writes its TLS secrets.
    pub struct KeyLog {
        /// Environment variable that names the file.
        pub env: Name,
    }
}

record! {
    /// Bounds on what a program may produce.
    pub struct Limits {
        /// Size of its log.
        pub log: Size = Size(8_000_000),
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self { log: Size(8_000_000) }
    }
}

/// A regular expression.
#[derive(Clone, Debug)]
pub struct Pattern(Regex);

impl Pattern {
    /// The compiled expression.
    pub const fn regex(&self) -> &Regex {
        &self.0
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_str() == other.0.as_str()
    }
}

impl Parse for Pattern {
    const WHAT: &'static str = "a regular expression";
    const EXAMPLE: &'static str = r"Connected as (\S+)";

    fn parse(text: &str) -> Result<Self, ParseError> {
        let regex = regex::RegexBuilder::new(text).size_limit(1 << 20).build();
        regex.map(Self).map_err(|error| {
            let error = error.to_string();
            let reason = error.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned();
            ParseError::new(format!("not a regular expression: {reason}"))
                .help("put the expression in single quotes, and a backslash before a literal `(`, `[`, `.`, `*`")
        })
    }
}

/// A template in the language of Jinja.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template(String);

impl Template {
    /// The text with its `{{ ... }}`.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl Parse for Template {
    const WHAT: &'static str = "a template";
    const EXAMPLE: &'static str = "{{ binary }}";
    const NUMERIC: bool = true;

    fn parse(text: &str) -> Result<Self, ParseError> {
        match minijinja::Environment::new().template_from_str(text) {
            Ok(_) => Ok(Self(text.to_owned())),
            Err(error) => {
                let reason = error.detail().map_or_else(|| error.kind().to_string(), str::to_owned);
                let mut parse_error = ParseError::new(format!("not a template: {reason}"))
                    .help("placeholders are written `{{ name }}`, conditions `{% if name %} ... {% endif %}`");
                parse_error.line = error.line();
                parse_error.range = error.range().map(|range| (range.start, range.end));
                Err(parse_error)
            }
        }
    }
}

words!(Pattern, Template);
