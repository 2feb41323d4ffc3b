//! Probes of a running cell: each sends something, records what it saw, and judges nothing.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use interop_catalogue::Direction;
use interop_evidence::{DnsAnswer, EventKind, MtuSearch, PingResult, Transfer, TransportSample};
use interop_services::{
    Call, Clock, DnsType, Fragmentation, MtuSpec, PingSocket, PingSpec, dns_query, download, mtu_search, ping,
    ping_once, sockets, upload,
};

use super::internet::Internet;
use super::state::Cell;
use crate::{EngineError, Result};

/// Size of the marked ping, as a whole IP packet; nothing else in a cell has it, and it passes every tunnel.
const MARK: u32 = 1000;
/// The most that a tunnel adds to a packet, up to the payload of the outer UDP or TCP.
const TUNNEL_OVERHEAD: usize = 160;
/// How long the answer to one ping is waited for: above the round trip of every topology.
const ANSWER: Duration = Duration::from_millis(1000);
/// Size of an ordinary ping.
const SMALL: u32 = 84;

impl Cell<'_> {
    /// Sends a marked ping through the tunnel and looks at what carried it on the gateway's outside wires.
    pub(super) async fn probe_transport(&mut self) -> Result<TransportSample> {
        let target = self.gateway_inside();
        let client = self.first_client().to_owned();
        let socket = self.ping_socket(&client, target, Fragmentation::Allowed)?;
        let seq = socket.next_seq();
        self.witness.arm(MARK as usize - 28..=MARK as usize + TUNNEL_OVERHEAD);
        // A ping that cannot be sent (no route, tunnel gone) is one that is not answered.
        let rtt = ping_once(&socket, target, MARK, seq, ANSWER).await.unwrap_or(None);
        let counts = self.witness.read_marker();
        Ok(TransportSample {
            answered: rtt.is_some(),
            rtt_us: rtt.map(|rtt| u64::try_from(rtt.as_micros()).unwrap_or(u64::MAX)),
            to_server: counts.to_server,
            to_client: counts.to_client,
        })
    }

    /// Pings from a node.
    pub(super) async fn probe_ping(&mut self, from: &str, to: &str, target: IpAddr, count: u32) -> Result<PingResult> {
        let socket = self.ping_socket(from, target, Fragmentation::Allowed)?;
        let spec = PingSpec {
            from: from.to_owned(),
            to: to.to_owned(),
            target,
            size: SMALL,
            count,
            interval: Duration::from_millis(50),
            timeout: ANSWER,
        };
        Ok(ping(&socket, &spec).await)
    }

    /// Searches the largest packet that passes from the client.
    pub(super) async fn probe_mtu(&mut self, to: &str, target: IpAddr) -> Result<MtuSearch> {
        let client = self.first_client().to_owned();
        let interface = self.clients.get(&client).map(|running| running.tunnel_interface.clone());
        let interfaces = self.lab.node(&client)?.interfaces().await?;
        let interface_mtu = interface.and_then(|name| interfaces.get(&name).copied());
        let socket = self.ping_socket(&client, target, Fragmentation::Forbidden)?;
        let spec = MtuSpec {
            to: to.to_owned(),
            target,
            low: 576,
            high: interface_mtu.unwrap_or(1500),
            timeout: Duration::from_millis(600),
            interface_mtu,
        };
        let result = mtu_search(&socket, &spec)
            .await
            .map_err(|source| EngineError::plan(format!("search the MTU towards {to}: {source}")))?;
        self.recorder.record(EventKind::Mtu { result: result.clone() });
        Ok(result)
    }

    /// Asks the first resolver of a node's view.
    pub(super) async fn probe_dns(&mut self, from: &str, name: &str, v6: bool) -> Result<DnsAnswer> {
        let node = self.lab.node(from)?;
        let view = node.view()?.read_etc("resolv.conf").unwrap_or_default();
        let Some(resolver) = first_nameserver(&view) else {
            return Ok(DnsAnswer {
                name: name.to_owned(),
                resolver: None,
                addresses: Vec::new(),
                code: "NO-RESOLVER".to_owned(),
            });
        };
        let any: IpAddr = if resolver.is_ipv4() { [0; 4].into() } else { [0; 16].into() };
        let socket = node.run(|| sockets::udp(SocketAddr::new(any, 0)))?.map_err(|error| no_socket(from, error))?;
        let kind = if v6 { DnsType::Aaaa } else { DnsType::A };
        dns_query(socket, SocketAddr::new(resolver, 53), name, kind, Duration::from_millis(1500))
            .await
            .map_err(|source| EngineError::plan(format!("ask for {name}: {source}")))
    }

    /// Moves bytes over HTTP between the client and a node.
    pub(super) async fn probe_transfer(
        &mut self,
        target: IpAddr,
        bytes: u64,
        direction: Direction,
        within: Duration,
    ) -> Result<Transfer> {
        let client = self.first_client().to_owned();
        let opened = self.lab.node(&client)?.run(|| sockets::tcp_client(target))?;
        let call = Call {
            socket: opened.map_err(|error| no_socket(&client, error))?,
            target: SocketAddr::new(target, Internet::http_port()),
            host: target.to_string(),
            deadline: within,
            clock: Clock::since(self.recorder.start()),
        };
        let dropped_before = self.witness.dropped();
        let mut result = match direction {
            Direction::Download => download(call, bytes, self.job.seed).await,
            Direction::Upload => upload(call, bytes, self.job.seed).await,
        };
        if !result.hash_matches {
            result.stalled_at_frame =
                self.witness.dropped().filter(|last| Some(*last) != dropped_before).or(Some(self.witness.frames()));
        }
        self.recorder.record(EventKind::Transfer { result: result.clone() });
        Ok(result)
    }

    /// The client of which a step speaks that names none.
    pub(super) fn first_client(&self) -> &str {
        self.world.clients.first().map_or("client", String::as_str)
    }

    fn ping_socket(&mut self, from: &str, target: IpAddr, fragmentation: Fragmentation) -> Result<PingSocket> {
        // Every socket has its own identifier, so that a late answer to an earlier one is not taken for its own.
        let id = self.next_sequence();
        let opened = self.lab.node(from)?.run(|| sockets::icmp(target, fragmentation))?;
        opened.and_then(|socket| PingSocket::new(socket, id)).map_err(|error| no_socket(from, error))
    }

    fn next_sequence(&mut self) -> u16 {
        self.sequence = self.sequence.wrapping_add(1);
        self.sequence
    }
}

fn no_socket(node: &str, source: std::io::Error) -> EngineError {
    interop_lab::LabError::System { what: format!("open a socket in node `{node}`"), source }.into()
}

/// The first name server of a resolv.conf.
fn first_nameserver(text: &str) -> Option<IpAddr> {
    text.lines().find_map(|line| line.trim().strip_prefix("nameserver")?.trim().parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_nameserver_wins() {
        let text = "# nameserver 9.9.9.9\nsearch corp.test\nnameserver 10.20.0.53\nnameserver 1.1.1.1\n";
        assert_eq!(first_nameserver(text), Some("10.20.0.53".parse().unwrap()));
        assert_eq!(first_nameserver("search x\n"), None);
    }
}
