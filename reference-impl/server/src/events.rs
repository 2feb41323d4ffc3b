//! What the server tells: one enum is the whole contract, for JSON lines and for people.
//!
//! `Display` is the line for people; the first word or words of each are stable, because scripts look for them.

use std::{
    fmt,
    fs::OpenOptions,
    io::{self, Write},
    net::{IpAddr, SocketAddr},
    path::Path,
    sync::{Arc, Mutex},
    time::Instant,
};

use serde::Serialize;

use crate::failure::{Exit, Failure};

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Event {
    /// A listening address is ready.
    Listening {
        /// Address and TCP port.
        tcp: SocketAddr,
        /// UDP port; absent when DTLS is off.
        udp: Option<u16>,
    },
    /// The server is ready to serve.
    Ready {
        /// TUN device.
        device: Option<String>,
    },
    /// A TLS handshake is done.
    TlsUp {
        /// Client.
        remote: SocketAddr,
        /// Version as OpenSSL names it.
        version: String,
        /// Cipher suite.
        suite: String,
        /// Server name that the client asked for.
        sni: Option<String>,
        /// Whether a client certificate was shown.
        certificate: bool,
    },
    /// A TLS handshake failed for another reason than the client's certificate.
    TlsFailed {
        /// Client.
        remote: SocketAddr,
        /// Why.
        why: String,
    },
    /// A client certificate was not accepted.
    CertRejected {
        /// Client.
        remote: SocketAddr,
        /// `revoked`, `expired`, ...
        why: String,
    },
    /// A user is logged in.
    Login {
        /// User.
        user: String,
        /// Group.
        group: String,
        /// Client.
        remote: IpAddr,
    },
    /// A login failed.
    LoginFailed {
        /// User, as far as known.
        user: Option<String>,
        /// Client.
        remote: IpAddr,
        /// Why.
        why: String,
    },
    /// An address or a user is banned.
    Banned {
        /// Address or user.
        who: String,
        /// Seconds.
        seconds: u64,
    },
    /// A connection was closed because of a limit.
    Refused {
        /// Client.
        remote: SocketAddr,
        /// Which limit.
        why: String,
    },
    /// A session has its addresses and its data channel.
    Connected {
        /// User.
        user: String,
        /// Address for people and tests that look for one.
        address: String,
        /// IPv4.
        address4: Option<IpAddr>,
        /// IPv6.
        address6: Option<IpAddr>,
        /// Family of DTLS that was agreed on.
        dtls: Option<String>,
        /// MTU of the tunnel over TLS.
        mtu: u16,
        /// Client.
        remote: IpAddr,
    },
    /// A session came back with its cookie.
    Reconnected {
        /// User.
        user: String,
        /// Address.
        address: String,
        /// Family of DTLS.
        dtls: Option<String>,
        /// Client.
        remote: IpAddr,
    },
    /// A CONNECT was refused.
    ConnectRefused {
        /// User, when the cookie was good.
        user: Option<String>,
        /// Client.
        remote: IpAddr,
        /// HTTP status.
        status: u16,
        /// Why.
        why: String,
    },
    /// No address is free.
    PoolExhausted {
        /// User.
        user: String,
        /// Group.
        group: String,
    },
    /// The data channel over DTLS is there.
    DtlsUp {
        /// User.
        user: String,
        /// Suite.
        suite: String,
        /// Family.
        family: String,
    },
    /// The data channel over DTLS is gone.
    DtlsDown {
        /// User.
        user: String,
        /// Why.
        reason: String,
    },
    /// Data goes another way now.
    Transport {
        /// User.
        user: String,
        /// `tls` or `dtls`.
        channel: String,
    },
    /// The MTU changed.
    Mtu {
        /// User.
        user: String,
        /// Bytes.
        mtu: u16,
    },
    /// Keys were changed.
    Rekeyed {
        /// User.
        user: String,
        /// How.
        method: String,
    },
    /// A connection of a session is gone; the cookie is still good.
    ConnectionLost {
        /// User.
        user: String,
        /// Why.
        reason: String,
    },
    /// A session is over.
    Disconnected {
        /// User.
        user: String,
        /// Why.
        reason: String,
        /// Packets from the client.
        rx_packets: u64,
        /// Bytes from the client.
        rx_bytes: u64,
        /// Packets to the client.
        tx_packets: u64,
        /// Bytes to the client.
        tx_bytes: u64,
    },
    /// A client asked for the announced profile.
    Profile {
        /// Path.
        uri: String,
        /// HTTP status of the answer.
        status: u16,
    },
    /// A port is in use.
    PortInUse {
        /// `tcp` or `udp`.
        protocol: &'static str,
        /// Port.
        port: u16,
    },
    /// Files were read again.
    Reloaded {
        /// `signal` or `restart`.
        by: &'static str,
    },
    /// Files were read again without success; the old ones stay in use.
    ReloadFailed {
        /// Why.
        why: String,
    },
    /// Something is not as it should be; the server goes on.
    Warning {
        /// What.
        what: String,
    },
    /// The server ends.
    Stopped {
        /// Why.
        by: String,
    },
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let or_none = |dtls: &Option<String>| dtls.clone().unwrap_or_else(|| "none".to_owned());
        match self {
            Self::Listening { tcp, udp: Some(udp) } => write!(f, "listening on {tcp} (tcp) and udp {udp}"),
            Self::Listening { tcp, udp: None } => write!(f, "listening on {tcp} (tcp)"),
            Self::Ready { device: Some(device) } => write!(f, "ready: device {device}"),
            Self::Ready { device: None } => f.write_str("ready: no device"),
            Self::TlsUp { remote, version, suite, sni, certificate } => {
                let sni = sni.as_deref().unwrap_or("none");
                let certificate = if *certificate { "yes" } else { "no" };
                write!(f, "tls-up {remote} {version} {suite} sni={sni} client-certificate={certificate}")
            }
            Self::TlsFailed { remote, why } => write!(f, "tls-failed: {remote} {why}"),
            Self::CertRejected { remote, why } => write!(f, "cert-rejected: {remote} {why}"),
            Self::Login { user, group, remote } => {
                let group = if group.is_empty() { "none" } else { group };
                write!(f, "login: user {user} (group {group}) from {remote}")
            }
            Self::LoginFailed { user, remote, why } => {
                write!(f, "auth-failed: user {} from {remote}: {why}", user.as_deref().unwrap_or("unknown"))
            }
            Self::Banned { who, seconds } => write!(f, "banned: {who} for {seconds} s"),
            Self::Refused { remote, why } => write!(f, "refused: {remote} {why}"),
            Self::Connected { user, address, dtls, mtu, remote, .. } => {
                write!(f, "connected: {user} {address} dtls={} mtu={mtu} from {remote}", or_none(dtls))
            }
            Self::Reconnected { user, address, dtls, remote } => {
                write!(f, "reconnected: {user} {address} dtls={} from {remote}", or_none(dtls))
            }
            Self::ConnectRefused { user, remote, status, why } => {
                write!(
                    f,
                    "connect-refused: {} from {remote} status={status}: {why}",
                    user.as_deref().unwrap_or("unknown")
                )
            }
            Self::PoolExhausted { user, group } => {
                let group = if group.is_empty() { "none" } else { group };
                write!(f, "pool-exhausted: no address for {user} (group {group})")
            }
            Self::DtlsUp { user, suite, family } => write!(f, "dtls-up: {user} suite={suite} family={family}"),
            Self::DtlsDown { user, reason } => write!(f, "dtls-down: {user} reason={reason}"),
            Self::Transport { user, channel } => write!(f, "transport: {user} channel={channel}"),
            Self::Mtu { user, mtu } => write!(f, "mtu: {user} mtu={mtu}"),
            Self::Rekeyed { user, method } => write!(f, "rekeyed: {user} method={method}"),
            Self::ConnectionLost { user, reason } => write!(f, "connection-lost: {user} reason={reason}"),
            Self::Disconnected { user, reason, rx_packets, rx_bytes, tx_packets, tx_bytes } => write!(
                f,
                "disconnected: {user} reason={reason} rx={rx_packets} packets {rx_bytes} bytes \
                 tx={tx_packets} packets {tx_bytes} bytes"
            ),
            Self::Profile { uri, status } => write!(f, "profile: {uri} status={status}"),
            Self::PortInUse { protocol, port } => write!(f, "port-in-use: {protocol} port {port}"),
            Self::Reloaded { by } => write!(f, "reloaded: by {by}"),
            Self::ReloadFailed { why } => write!(f, "reload-failed: {why}"),
            Self::Warning { what } => write!(f, "warning: {what}"),
            Self::Stopped { by } => write!(f, "stopped: by {by}"),
        }
    }
}

/// Writes events: a line for people to standard error, and a JSON line where asked for. Clones write to the same place.
#[derive(Clone)]
pub struct Events {
    start: Instant,
    out: Arc<Mutex<Out>>,
}

struct Out {
    human: Option<Box<dyn Write + Send>>,
    json: Option<Box<dyn Write + Send>>,
}

impl Events {
    /// Makes a writer; `json` is a file, or `-` for standard output.
    ///
    /// # Errors
    ///
    /// Status 66 when the file cannot be written.
    pub fn open(json: Option<&Path>) -> Result<Self, Failure> {
        let json: Option<Box<dyn Write + Send>> = match json {
            None => None,
            Some(path) if path == Path::new("-") => Some(Box::new(io::stdout())),
            Some(path) => {
                let file = OpenOptions::new().create(true).append(true).open(path).map_err(|error| {
                    let message = format!("write the events file {}: {error}", path.display());
                    Failure::new(Exit::Unreadable, message, "check the path after `--events`, or write `-`")
                })?;
                Some(Box::new(file))
            }
        };
        Ok(Self::to(Some(Box::new(io::stderr())), json))
    }

    /// Makes a writer to these outputs.
    #[must_use]
    pub fn to(human: Option<Box<dyn Write + Send>>, json: Option<Box<dyn Write + Send>>) -> Self {
        Self { start: Instant::now(), out: Arc::new(Mutex::new(Out { human, json })) }
    }

    /// Tells an event. Outputs that cannot be written are passed over: telling must not end serving.
    pub fn emit(&self, event: &Event) {
        #[derive(Serialize)]
        struct Line<'a> {
            at_ms: u64,
            #[serde(flatten)]
            event: &'a Event,
        }
        let at_ms = u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX);
        let Ok(mut out) = self.out.lock() else { return };
        if let Some(human) = &mut out.human {
            let line = one_line(&event.to_string());
            let _ = human.write_all(format!("{line}\n").as_bytes()).and_then(|()| human.flush());
        }
        if let (Some(json), Ok(line)) = (&mut out.json, serde_json::to_string(&Line { at_ms, event })) {
            let _ = json.write_all(format!("{line}\n").as_bytes()).and_then(|()| json.flush());
        }
    }

    /// Tells that something is not as it should be.
    pub fn warn(&self, what: impl Into<String>) {
        self.emit(&Event::Warning { what: what.into() });
    }
}

/// Texts of clients must not look like further lines.
fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Clone, Default)]
    struct Shared(Arc<Mutex<Vec<u8>>>);

    impl Write for Shared {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn an_event_is_one_line_for_people_and_one_in_json() {
        let (human, json) = (Shared::default(), Shared::default());
        let events = Events::to(Some(Box::new(human.clone())), Some(Box::new(json.clone())));
        events.emit(&Event::DtlsUp { user: "alice".into(), suite: "A".into(), family: "psk".into() });
        events.emit(&Event::LoginFailed {
            user: Some("x\nlogin: user root".into()),
            remote: "192.0.2.1".parse().unwrap(),
            why: "wrong password".into(),
        });
        let text = |shared: &Shared| String::from_utf8(shared.0.lock().unwrap().clone()).unwrap();
        insta::assert_snapshot!(text(&human), @r"
        dtls-up: alice suite=A family=psk
        auth-failed: user x�login: user root from 192.0.2.1: wrong password
        ");
        let lines: Vec<serde_json::Value> =
            text(&json).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!((&lines[0]["event"], &lines[0]["family"]), (&"dtls-up".into(), &"psk".into()));
        assert!(lines[0]["at_ms"].is_u64());
        assert_eq!(lines[1]["event"], "login-failed");
    }
}
