//! What `status` shows.

use std::{fmt, net::IpAddr};

use serde::{Deserialize, Serialize};

/// The state of the server.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// Version of the program.
    pub version: String,
    /// Process.
    pub pid: u32,
    /// Seconds since the start.
    pub uptime_s: u64,
    /// TUN device.
    pub device: Option<String>,
    /// Connections that have not reached CONNECT.
    pub connections: usize,
    /// Sessions in the order of their logins.
    pub sessions: Vec<SessionStatus>,
}

/// The state of a session.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionStatus {
    /// Number.
    pub id: u64,
    /// User.
    pub user: String,
    /// Group; empty without groups.
    pub group: String,
    /// `ready` (logged in, not connected), `connected` or `lost`.
    pub state: String,
    /// IPv4.
    pub address4: Option<IpAddr>,
    /// IPv6.
    pub address6: Option<IpAddr>,
    /// Where the client connects from.
    pub remote: Option<IpAddr>,
    /// Seconds since the login.
    pub age_s: u64,
    /// Where data goes: `tls` or `dtls`.
    pub channel: Option<String>,
    /// Family of DTLS that was agreed on.
    pub dtls_family: Option<String>,
    /// Suite of DTLS, once up.
    pub dtls_suite: Option<String>,
    /// MTU in bytes.
    pub mtu: Option<u16>,
    /// Packets from the client.
    pub rx_packets: u64,
    /// Bytes from the client.
    pub rx_bytes: u64,
    /// Packets to the client.
    pub tx_packets: u64,
    /// Bytes to the client.
    pub tx_bytes: u64,
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let device = self.device.as_deref().unwrap_or("none");
        writeln!(f, "vpn-ref-server {} pid {} up {} s, device {device}", self.version, self.pid, self.uptime_s)?;
        writeln!(f, "{} connections before CONNECT, {} sessions", self.connections, self.sessions.len())?;
        let or_dash = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
        for session in &self.sessions {
            let both = session.address4.into_iter().chain(session.address6).map(|address| address.to_string());
            let addresses = both.collect::<Vec<_>>().join(" ");
            writeln!(
                f,
                "{:>4} {} {} {} from {} for {} s: channel {}, dtls {} {}, mtu {}, rx {} packets {} bytes, tx {} packets {} bytes",
                session.id,
                session.user,
                session.state,
                if addresses.is_empty() { "-" } else { &addresses },
                or_dash(session.remote.map(|remote| remote.to_string())),
                session.age_s,
                session.channel.as_deref().unwrap_or("-"),
                session.dtls_family.as_deref().unwrap_or("none"),
                session.dtls_suite.as_deref().unwrap_or("-"),
                or_dash(session.mtu.map(|mtu| mtu.to_string())),
                session.rx_packets,
                session.rx_bytes,
                session.tx_packets,
                session.tx_bytes,
            )?;
        }
        Ok(())
    }
}
