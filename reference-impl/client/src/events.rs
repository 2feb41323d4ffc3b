//! What the program tells: each fact once as a JSON object and once as a line for people, both stable.

use std::fmt;

use serde::Serialize;

/// How far a step is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum StageStatus {
    Begin,
    Done,
    Skipped,
    Failed,
}

/// How far DTLS is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum DtlsState {
    Attempt,
    Up,
    Down,
    Off,
}

/// What became of an announced file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum FileAction {
    Downloaded,
    Unchanged,
    Failed,
}

/// Packets and bytes of one channel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Traffic {
    pub(crate) rx_packets: u64,
    pub(crate) rx_bytes: u64,
    pub(crate) tx_packets: u64,
    pub(crate) tx_bytes: u64,
}

/// One fact.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub(crate) enum Event {
    /// A step began or ended.
    Stage {
        name: &'static str,
        status: StageStatus,
        #[serde(skip_serializing_if = "String::is_empty")]
        detail: String,
    },
    /// The gateway sent a message for the user.
    Banner { text: String },
    /// The gateway opened the tunnel.
    Connected {
        #[serde(skip_serializing_if = "Option::is_none")]
        address4: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        address6: Option<String>,
        mtu: u16,
        tls: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        device: Option<String>,
    },
    /// Device, addresses, routes and resolver are set up.
    Configured {
        #[serde(skip_serializing_if = "Option::is_none")]
        device: Option<String>,
        mtu: u16,
    },
    /// DTLS began, came up, or went away.
    Dtls {
        state: DtlsState,
        #[serde(skip_serializing_if = "Option::is_none")]
        attempt: Option<u32>,
        #[serde(skip_serializing_if = "Option::is_none")]
        family: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        suite: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
    /// Data leaves on another channel.
    Transport { channel: &'static str },
    /// The device has another MTU.
    Mtu { from: u16, mtu: u16, reason: &'static str },
    /// An announced file.
    Profile {
        action: FileAction,
        uri: String,
        #[serde(skip_serializing_if = "String::is_empty")]
        reason: String,
    },
    /// Keys were renewed.
    Rekey { method: String, status: StageStatus },
    /// The connection is lost, and the next attempt is planned.
    Reconnecting { attempt: u32, after_s: u64, reason: String },
    /// An attempt failed.
    ReconnectFailed { attempt: u32, reason: String },
    /// The connection is back.
    Reconnected { attempt: u32 },
    /// The gateway gave another inner address than before.
    AddressChanged { from: String, to: String },
    /// The state, on request.
    Status {
        channel: &'static str,
        mtu: u16,
        since_s: u64,
        /// When the session ends whatever happens, as the gateway says.
        #[serde(skip_serializing_if = "Option::is_none")]
        ends_in_s: Option<u64>,
        #[serde(skip_serializing_if = "Option::is_none")]
        dtls: Option<String>,
        tls_traffic: Traffic,
        dtls_traffic: Traffic,
    },
    /// What an earlier run left was undone.
    Recovered { what: String },
    /// Something is not as it should be, and the run goes on.
    Warning { message: String },
    /// The run is over.
    Disconnected { reason: String },
    /// The run failed.
    Error { phase: &'static str, message: String, hint: String, exit: u8 },
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stage { name, status, detail } => {
                let said = match status {
                    StageStatus::Failed | StageStatus::Skipped if !detail.is_empty() => format!("({detail})"),
                    _ => detail.clone(),
                };
                write!(f, "stage {name}: {}{}", word(status), Spaced(&said))
            }
            Self::Banner { text } => write!(f, "banner: {}", printable(text)),
            Self::Connected { address4, address6, mtu, tls, device } => {
                f.write_str("connected:")?;
                for address in [address4, address6].into_iter().flatten() {
                    write!(f, " {address}")?;
                }
                write!(f, " mtu {mtu} tls {tls}")?;
                device.as_ref().map_or(Ok(()), |device| write!(f, " device {device}"))
            }
            Self::Configured { device, mtu } => {
                write!(f, "configured: device {} mtu {mtu}", device.as_deref().unwrap_or("none"))
            }
            Self::Dtls { state, attempt, family, suite, reason } => {
                f.write_str("dtls:")?;
                match (state, attempt) {
                    (DtlsState::Attempt, Some(attempt)) => write!(f, " attempt {attempt}")?,
                    _ => write!(f, " {}", word(state))?,
                }
                if let Some(suite) = suite {
                    write!(f, " suite={suite}")?;
                }
                if let Some(family) = family {
                    write!(f, " family={family}")?;
                }
                if let (DtlsState::Up, Some(attempt)) = (state, attempt) {
                    write!(f, " attempt={attempt}")?;
                }
                reason.as_ref().map_or(Ok(()), |reason| write!(f, " {}", printable(reason)))
            }
            Self::Transport { channel } => write!(f, "transport: {channel}"),
            Self::Mtu { from, mtu, reason } => write!(f, "mtu: {from} -> {mtu} ({reason})"),
            Self::Profile { action, uri, reason } => {
                write!(f, "profile: {} {}{}", word(action), printable(uri), Spaced(reason))
            }
            Self::Rekey { method, status } => write!(f, "rekey: {method} {}", word(status)),
            Self::Reconnecting { attempt, after_s, reason } => {
                write!(f, "reconnecting: attempt {attempt} in {after_s} s{}", Spaced(&format!("({reason})")))
            }
            Self::ReconnectFailed { attempt, reason } => {
                write!(f, "reconnect attempt {attempt} failed: {}", printable(reason))
            }
            Self::Reconnected { attempt } => write!(f, "reconnected: attempt {attempt}"),
            Self::AddressChanged { from, to } => write!(f, "address-changed: {from} -> {to}"),
            Self::Status { channel, mtu, since_s, ends_in_s, dtls, tls_traffic, dtls_traffic } => {
                write!(f, "status: transport {channel} mtu {mtu} since {since_s} s")?;
                if let Some(ends_in_s) = ends_in_s {
                    write!(f, " ends in {ends_in_s} s")?;
                }
                if let Some(dtls) = dtls {
                    write!(f, " dtls {dtls}")?;
                }
                write!(f, " tls {tls_traffic} dtls {dtls_traffic}")
            }
            Self::Recovered { what } => write!(f, "recovered: {}", printable(what)),
            Self::Warning { message } => write!(f, "warning: {}", printable(message)),
            Self::Disconnected { reason } => write!(f, "disconnected: {}", printable(reason)),
            Self::Error { message, hint, .. } => {
                write!(f, "vpn-ref-client: failed to {}\nhint: {hint}", printable(message))
            }
        }
    }
}

impl fmt::Display for Traffic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "in {}/{} out {}/{}", self.rx_packets, self.rx_bytes, self.tx_packets, self.tx_bytes)
    }
}

/// A text with a blank before it, or nothing.
struct Spaced<'a>(&'a str);

impl fmt::Display for Spaced<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() { Ok(()) } else { write!(f, " {}", printable(self.0)) }
    }
}

/// The name that the JSON form has, so that both forms use one word.
fn word(value: &impl Serialize) -> String {
    serde_json::to_value(value).ok().and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
}

/// A text of the peer without characters that would steer a terminal or make a second line.
pub(crate) fn printable(text: &str) -> String {
    text.trim_end().chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use reference_cstp::login::Stage;

    use super::*;

    fn every() -> Vec<Event> {
        let dtls = |state, attempt: Option<u32>, suite: Option<&str>, reason: Option<&str>| Event::Dtls {
            state,
            attempt,
            family: suite.map(|_| "psk".into()),
            suite: suite.map(Into::into),
            reason: reason.map(Into::into),
        };
        let traffic = Traffic { rx_packets: 1, rx_bytes: 84, tx_packets: 2, tx_bytes: 168 };
        vec![
            Event::Stage { name: Stage::TlsHandshake.name(), status: StageStatus::Begin, detail: String::new() },
            Event::Stage { name: Stage::TlsHandshake.name(), status: StageStatus::Done, detail: "TLSv1.3 X".into() },
            Event::Stage { name: Stage::Downloader.name(), status: StageStatus::Skipped, detail: String::new() },
            Event::Banner { text: "Welcome\n\u{1b}[31mstaff".into() },
            Event::Connected {
                address4: Some("10.9.0.2".into()),
                address6: Some("fd00::2".into()),
                mtu: 1400,
                tls: "TLSv1.3".into(),
                device: Some("tun0".into()),
            },
            Event::Connected { address4: None, address6: None, mtu: 1400, tls: "TLSv1.2".into(), device: None },
            Event::Configured { device: Some("tun0".into()), mtu: 1400 },
            dtls(DtlsState::Attempt, Some(2), None, None),
            dtls(DtlsState::Up, Some(1), Some("TLS_PSK_WITH_AES_256_GCM_SHA384"), None),
            dtls(DtlsState::Down, None, None, Some("dead peer")),
            dtls(DtlsState::Off, None, None, Some("not offered by the gateway")),
            Event::Transport { channel: "dtls" },
            Event::Mtu { from: 1400, mtu: 1280, reason: "reconfigure" },
            Event::Profile { action: FileAction::Downloaded, uri: "/profiles/a.xml".into(), reason: String::new() },
            Event::Profile { action: FileAction::Failed, uri: "/profiles/a.xml".into(), reason: "status 404".into() },
            Event::Rekey { method: "new-tunnel".into(), status: StageStatus::Done },
            Event::Reconnecting { attempt: 1, after_s: 0, reason: "dead peer".into() },
            Event::ReconnectFailed { attempt: 1, reason: "reach h: refused".into() },
            Event::Reconnected { attempt: 2 },
            Event::AddressChanged { from: "10.9.0.2".into(), to: "10.9.0.3".into() },
            Event::Status {
                channel: "tls",
                mtu: 1400,
                since_s: 7,
                ends_in_s: Some(3600),
                dtls: None,
                tls_traffic: traffic,
                dtls_traffic: Traffic::default(),
            },
            Event::Recovered { what: "1 route".into() },
            Event::Warning { message: "no resolver".into() },
            Event::Disconnected { reason: "requested".into() },
            Event::Error { phase: "resolve", message: "find h".into(), hint: "check the name".into(), exit: 2 },
        ]
    }

    #[test]
    fn lines_for_people() {
        let lines: Vec<String> = every().iter().map(ToString::to_string).collect();
        insta::assert_snapshot!(lines.join("\n"));
    }

    #[test]
    fn lines_for_programs() {
        let lines: Vec<String> = every().iter().map(|event| serde_json::to_string(event).unwrap()).collect();
        insta::assert_snapshot!(lines.join("\n"));
    }
}
