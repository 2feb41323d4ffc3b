//! News of the data plane, and sessions whose time is over.

use std::{
    sync::MutexGuard,
    time::{Duration, Instant},
};

use reference_cstp::{
    frame::reason,
    session::{Channel, EndReason, LostReason},
};
use reference_tunnel::plane::{Farewell, PlaneEvent, SessionId, SessionStats};

use super::shared::{Goodbye, Shared};
use crate::{
    events::Event,
    sessions::{Expired, Registry, Session},
};

/// News about an older connection may come this long after a session was attached again.
const OVERLAP: Duration = Duration::from_secs(5);

/// Handles one piece of news; `Err` when the data plane is dead.
pub(super) async fn handle(shared: &Shared, news: PlaneEvent) -> Result<(), String> {
    match news {
        PlaneEvent::DtlsAttempt { .. } | PlaneEvent::RekeyTunnel { .. } => {}
        PlaneEvent::DtlsUp { id, suite, .. } => {
            let (mut user, mut family) = (format!("session {id}"), String::new());
            if let Some(link) = shared.links().get_mut(&id.0) {
                link.suite = suite;
                user.clone_from(&link.user);
                family = link.family.map(|family| family.name().to_owned()).unwrap_or_default();
            }
            let suite = suite.map_or("unknown", |suite| suite.name()).to_owned();
            shared.events.emit(&Event::DtlsUp { user, suite, family });
        }
        PlaneEvent::DtlsDown { id, reason, .. } => {
            if let Some(link) = shared.links().get_mut(&id.0) {
                link.suite = None;
            }
            shared.events.emit(&Event::DtlsDown { user: shared.user(id.0), reason });
        }
        PlaneEvent::Transport { id, channel } => {
            let channel = channel_name(channel).to_owned();
            shared.events.emit(&Event::Transport { user: shared.user(id.0), channel });
        }
        PlaneEvent::Mtu { id, mtu } => shared.events.emit(&Event::Mtu { user: shared.user(id.0), mtu }),
        PlaneEvent::Rekeyed { id, method } => {
            shared.events.emit(&Event::Rekeyed { user: shared.user(id.0), method: method.name().to_owned() });
        }
        PlaneEvent::Lost { id, reason, detail } => lost(shared, id, reason, &detail).await,
        PlaneEvent::Ended { id, reason, stats } => ended(shared, id, &reason, &stats).await,
        PlaneEvent::Fault { message } => return Err(message),
    }
    Ok(())
}

pub(super) fn channel_name(channel: Channel) -> &'static str {
    match channel {
        Channel::Tls => "tls",
        Channel::Dtls => "dtls",
    }
}

async fn lost(shared: &Shared, id: SessionId, reason: LostReason, detail: &str) {
    let Some(mut registry) = unless_old(shared, id).await else { return };
    registry.lost(id.0, Instant::now());
    drop(registry);
    let reason = if detail.is_empty() { reason.name().to_owned() } else { format!("{} ({detail})", reason.name()) };
    shared.events.emit(&Event::ConnectionLost { user: shared.user(id.0), reason });
}

async fn ended(shared: &Shared, id: SessionId, reason: &EndReason, stats: &SessionStats) {
    let Some(mut registry) = unless_old(shared, id).await else { return };
    let Some(link) = shared.links().remove(&id.0) else { return };
    let now = Instant::now();
    match (link.farewell, reason) {
        (Some(goodbye), _) if goodbye.keeps => {
            registry.lost(id.0, now);
        }
        (None, reason) if reason.keeps_session() => {
            registry.lost(id.0, now);
        }
        (None, EndReason::Disconnect(_)) => {
            registry.log_out(id.0, now);
        }
        _ => {
            registry.end(id.0);
        }
    }
    drop(registry);
    let reason = link.farewell.map_or_else(|| words(reason), |goodbye| goodbye.reason.to_owned());
    let (tls, dtls) = (stats.tls, stats.dtls);
    shared.events.emit(&Event::Disconnected {
        user: link.user,
        reason,
        rx_packets: tls.rx_packets + dtls.rx_packets,
        rx_bytes: tls.rx_bytes + dtls.rx_bytes,
        tx_packets: tls.tx_packets + dtls.tx_packets,
        tx_bytes: tls.tx_bytes + dtls.tx_bytes,
    });
}

/// One or two words, then the peer's own in parentheses.
fn words(reason: &EndReason) -> String {
    match reason {
        EndReason::Disconnect(disconnect) => {
            let byte = disconnect.reason.map_or_else(|| "empty".to_owned(), |byte| format!("0x{byte:02x}"));
            match disconnect.text.as_str() {
                "" => format!("client {byte}"),
                text => format!("client {byte} ({text})"),
            }
        }
        other => other.name().to_owned(),
    }
}

/// Finds out whether news about the end of a connection is about the session's newest one, since the news does not say so. `None`
/// when there is a newer one; else the registry, in which no reconnect happens as long as it is locked.
///
/// The data plane carries its orders out in their order: its answer knows of every connection that was handed over before the question.
async fn unless_old(shared: &Shared, id: SessionId) -> Option<MutexGuard<'_, Registry>> {
    let mut asked = None;
    loop {
        let registry = shared.registry();
        let attached = shared.attached_within(id.0, OVERLAP);
        if attached.is_none() || attached == asked {
            return Some(registry);
        }
        drop(registry);
        asked = attached;
        match shared.plane.stats().await {
            Ok(stats) if stats.sessions.iter().any(|session| session.id == id && session.tls_up) => return None,
            _ => {}
        }
    }
}

/// Ends the sessions whose time is over.
pub(super) fn expire(shared: &Shared) {
    let now = Instant::now();
    // The lock is held until the data plane has its orders: it drops an old session before somebody else has its address.
    let mut registry = shared.registry();
    for ended in registry.expire(now) {
        let reason = match ended.why {
            Expired::Cookie => "cookie timeout",
            Expired::SessionTimeout => "session timeout",
        };
        dismiss(shared, &ended.session, reason);
    }
    drop(registry);
    shared.logins().expire(now);
}

/// Ends the data channel of a session that is no more; called with the registry locked.
pub(super) fn dismiss(shared: &Shared, session: &Session, why: &'static str) {
    if let Some(link) = shared.links().get_mut(&session.id) {
        link.farewell = Some(Goodbye { reason: why, keeps: false });
    }
    // Any byte but that of a reconnect.
    let farewell = Farewell::Disconnect { reason: reason::USER, text: why.to_owned() };
    shared.plane.detach(SessionId(session.id), farewell);
}

/// Sends all clients away so that they come back with their cookies.
pub(super) fn send_all_away(shared: &Shared) {
    let now = Instant::now();
    // Reconnects wait for the lock: nobody who is back already is sent away once more.
    let mut registry = shared.registry();
    for (id, link) in shared.links().iter_mut() {
        link.farewell = Some(Goodbye { reason: "restart", keeps: true });
        registry.lost(*id, now);
        let text = "the server restarts".to_owned();
        let farewell = Farewell::Disconnect { reason: reason::RECONNECTING, text };
        shared.plane.detach(SessionId(*id), farewell);
    }
}
