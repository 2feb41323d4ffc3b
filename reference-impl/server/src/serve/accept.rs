//! Takes connections, within the limits.

use std::{
    net::{SocketAddr, TcpListener},
    sync::Arc,
    time::Duration,
};

use tokio::{sync::watch, task::JoinSet};

use super::{connection, shared::Shared};
use crate::{events::Event, failure::Failure};

/// Pause after an error of accept, such as too many open files.
const PAUSE: Duration = Duration::from_millis(100);

/// Serves the listening sockets until told to stop.
pub(super) fn serve(
    listeners: Vec<TcpListener>,
    shared: &Arc<Shared>,
    stop: &watch::Receiver<bool>,
) -> Result<JoinSet<()>, Failure> {
    let mut tasks = JoinSet::new();
    for listener in listeners {
        let listener =
            tokio::net::TcpListener::from_std(listener).map_err(|error| Failure::internal("serve a socket", error))?;
        tasks.spawn(accept(listener, Arc::clone(shared), stop.clone()));
    }
    Ok(tasks)
}

async fn accept(listener: tokio::net::TcpListener, shared: Arc<Shared>, mut stop: watch::Receiver<bool>) {
    let mut clients = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((tcp, remote)) => admit(&mut clients, tcp, remote, &shared),
                Err(error) => {
                    shared.events.warn(format!("a connection could not be accepted: {error}"));
                    tokio::time::sleep(PAUSE).await;
                }
            },
            Some(_) = clients.join_next(), if !clients.is_empty() => {}
            _ = stop.changed() => break,
        }
    }
    // Logins under way end here; sessions are with the data plane.
    clients.abort_all();
}

fn admit(clients: &mut JoinSet<()>, tcp: tokio::net::TcpStream, remote: SocketAddr, shared: &Arc<Shared>) {
    let remote = SocketAddr::new(remote.ip().to_canonical(), remote.port());
    let limits = shared.live().config.limits;
    match shared.connections.enter(remote.ip(), limits.connections, limits.connections_per_address) {
        Some(permit) => {
            // Small control frames must not wait for others.
            let _ = tcp.set_nodelay(true);
            clients.spawn(connection::serve(tcp, remote, permit, Arc::clone(shared)));
        }
        None => shared.events.emit(&Event::Refused { remote, why: "too many connections".to_owned() }),
    }
}
