//! The name server's sockets.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpStream, UdpSocket};
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::answer::Responder;
use super::{LoggedQuery, Override, Transport, Zone, normal};
use crate::Clock;
use crate::accept::serve_tcp;

/// How long a connection may be silent.
const IDLE: Duration = Duration::from_secs(10);
/// Largest query over UDP that is looked at.
const MAX_QUERY: usize = 4096;

/// A running name server; it ends when this handle is dropped.
pub struct DnsServer {
    responder: Arc<Responder>,
    _tasks: JoinSet<()>,
}

impl DnsServer {
    /// Answers on these sockets. Bind a UDP socket to each address rather than to the wildcard, so that answers come
    /// from the address that was asked.
    pub fn start(
        udp: Vec<std::net::UdpSocket>,
        tcp: Vec<std::net::TcpListener>,
        zone: Zone,
        clock: Clock,
    ) -> io::Result<Self> {
        let responder = Arc::new(Responder::new(zone, clock));
        let mut tasks = JoinSet::new();
        for socket in udp {
            socket.set_nonblocking(true)?;
            tasks.spawn(serve_udp(UdpSocket::from_std(socket)?, Arc::clone(&responder)));
        }
        for listener in tcp {
            let responder = Arc::clone(&responder);
            serve_tcp(&mut tasks, listener, move |stream, peer| {
                let responder = Arc::clone(&responder);
                async move {
                    if let Err(error) = serve_connection(stream, peer, &responder).await {
                        tracing::debug!(%peer, %error, "DNS connection ended");
                    }
                }
            })?;
        }
        Ok(Self { responder, _tasks: tasks })
    }

    /// Alters the answers for a name from now on; `*` holds for every name that has no override of its own.
    pub fn alter(&self, name: &str, answer: Override) {
        self.responder.changeable().set(normal(name), Some(answer));
    }

    /// Tells the truth about a name again.
    pub fn restore(&self, name: &str) {
        self.responder.changeable().set(normal(name), None);
    }

    /// How often the override of this name was used, from the start of the server on.
    pub fn altered(&self, name: &str) -> u64 {
        self.responder.changeable().altered(&normal(name))
    }

    /// The last 100,000 queries, oldest first.
    pub fn queries(&self) -> Vec<LoggedQuery> {
        self.responder.changeable().queries()
    }
}

async fn serve_udp(socket: UdpSocket, responder: Arc<Responder>) {
    let mut buffer = [0; MAX_QUERY];
    loop {
        let Ok((length, from)) = socket.recv_from(&mut buffer).await else {
            tokio::task::yield_now().await;
            continue;
        };
        if let Some(answer) = responder.answer(&buffer[..length], from, Transport::Udp)
            && let Err(error) = socket.send_to(&answer, from).await
        {
            tracing::debug!(%from, %error, "DNS answer not sent");
        }
    }
}

/// Queries with their length before them (RFC 1035, 4.2.2), one after the other.
async fn serve_connection(mut stream: TcpStream, peer: SocketAddr, responder: &Responder) -> io::Result<()> {
    loop {
        let Ok(length) = timeout(IDLE, stream.read_u16()).await? else { return Ok(()) };
        let mut query = vec![0; usize::from(length)];
        timeout(IDLE, stream.read_exact(&mut query)).await??;
        let Some(answer) = responder.answer(&query, peer, Transport::Tcp) else { continue };
        let Ok(length) = u16::try_from(answer.len()) else { return Ok(()) };
        let message = [&length.to_be_bytes()[..], &answer].concat();
        timeout(IDLE, stream.write_all(&message)).await??;
    }
}
