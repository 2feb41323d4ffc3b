//! What `status` answers.

use std::{collections::HashMap, net::IpAddr, time::Instant};

use reference_tunnel::plane::SessionStats;

use super::{
    news::channel_name,
    shared::{Link, Shared},
};
use crate::{
    control::{SessionStatus, Status},
    sessions::{Session, SessionState},
};

/// Gathers the state of the server.
pub(super) async fn gather(shared: &Shared, device: Option<&str>) -> Status {
    let stats = shared.plane.stats().await.unwrap_or_default();
    let stats: HashMap<u64, SessionStats> = stats.sessions.into_iter().map(|session| (session.id.0, session)).collect();
    let links: HashMap<u64, Link> = shared.links().clone();
    let sessions =
        shared.registry().iter().map(|session| one(session, links.get(&session.id), stats.get(&session.id))).collect();
    Status {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        pid: std::process::id(),
        uptime_s: shared.started.elapsed().as_secs(),
        device: device.map(str::to_owned),
        connections: shared.connections.open(),
        sessions,
    }
}

fn one(session: &Session, link: Option<&Link>, stats: Option<&SessionStats>) -> SessionStatus {
    let state = match session.state {
        SessionState::Ready(_) => "ready",
        SessionState::Connected => "connected",
        SessionState::Lost(_) => "lost",
    };
    let sum = |of: fn(&SessionStats) -> u64| stats.map(of).unwrap_or_default();
    SessionStatus {
        id: session.id,
        user: session.user.clone(),
        group: session.group.clone(),
        state: state.to_owned(),
        address4: session.lease.and_then(|lease| lease.v4).map(IpAddr::from),
        address6: session.lease.and_then(|lease| lease.v6).map(IpAddr::from),
        remote: session.remote,
        age_s: Instant::now().saturating_duration_since(session.since).as_secs(),
        channel: stats.map(|stats| channel_name(stats.channel).to_owned()),
        dtls_family: link.and_then(|link| link.family).map(|family| family.name().to_owned()),
        dtls_suite: stats.and_then(|stats| stats.dtls_suite).map(|suite| suite.name().to_owned()),
        mtu: stats.map(|stats| stats.mtu),
        rx_packets: sum(|stats| stats.tls.rx_packets + stats.dtls.rx_packets),
        rx_bytes: sum(|stats| stats.tls.rx_bytes + stats.dtls.rx_bytes),
        tx_packets: sum(|stats| stats.tls.tx_packets + stats.dtls.tx_packets),
        tx_bytes: sum(|stats| stats.tls.tx_bytes + stats.dtls.tx_bytes),
    }
}
