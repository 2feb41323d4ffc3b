//! What every service over TCP does: accept, bound the number of connections, end them all when dropped.

use std::io;
use std::net::SocketAddr;

use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// Connections that one listener serves at a time; more wait in the kernel's queue.
const MAX_CONNECTIONS: usize = 512;

/// Serves each connection of `listener` with a task of its own, until `tasks` is dropped.
pub(crate) fn serve_tcp<F, S>(tasks: &mut JoinSet<()>, listener: std::net::TcpListener, serve: F) -> io::Result<()>
where
    F: Fn(TcpStream, SocketAddr) -> S + Send + 'static,
    S: Future<Output = ()> + Send + 'static,
{
    listener.set_nonblocking(true)?;
    let listener = TcpListener::from_std(listener)?;
    tasks.spawn(async move {
        let mut connections = JoinSet::new();
        loop {
            tokio::select! {
                accepted = listener.accept(), if connections.len() < MAX_CONNECTIONS => match accepted {
                    Ok((stream, peer)) => {
                        connections.spawn(serve(stream, peer));
                    }
                    Err(error) => {
                        tracing::debug!(%error, "accept failed");
                        tokio::task::yield_now().await;
                    }
                },
                Some(_) = connections.join_next(), if !connections.is_empty() => {}
            }
        }
    });
    Ok(())
}
