//! Sends back what comes.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpStream, UdpSocket};
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::accept::serve_tcp;

/// How long a connection may be silent.
const IDLE: Duration = Duration::from_secs(600);

/// What an echo server has sent back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EchoCounters {
    /// UDP packets sent back.
    pub packets: u64,
    /// UDP packets that could not be sent back.
    pub unsent: u64,
    /// TCP connections accepted.
    pub connections: u64,
    /// Bytes sent back over TCP.
    pub bytes: u64,
}

#[derive(Default)]
struct Counters {
    packets: AtomicU64,
    unsent: AtomicU64,
    connections: AtomicU64,
    bytes: AtomicU64,
}

/// A running echo server; it ends when this handle is dropped.
pub struct EchoServer {
    counters: Arc<Counters>,
    _tasks: JoinSet<()>,
}

impl EchoServer {
    /// Echoes on these sockets. Bind a UDP socket to each address rather than to the wildcard, so that echoes come
    /// from the address that was called.
    pub fn start(udp: Vec<std::net::UdpSocket>, tcp: Vec<std::net::TcpListener>) -> io::Result<Self> {
        let counters = Arc::new(Counters::default());
        let mut tasks = JoinSet::new();
        for socket in udp {
            socket.set_nonblocking(true)?;
            tasks.spawn(echo_udp(UdpSocket::from_std(socket)?, Arc::clone(&counters)));
        }
        for listener in tcp {
            let counters = Arc::clone(&counters);
            serve_tcp(&mut tasks, listener, move |stream, peer| {
                let counters = Arc::clone(&counters);
                async move {
                    counters.connections.fetch_add(1, Ordering::Relaxed);
                    if let Err(error) = echo_tcp(stream, &counters).await {
                        tracing::debug!(%peer, %error, "echo connection ended");
                    }
                }
            })?;
        }
        Ok(Self { counters, _tasks: tasks })
    }

    /// What has been sent back so far.
    pub fn counters(&self) -> EchoCounters {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let Counters { packets, unsent, connections, bytes } = &*self.counters;
        EchoCounters {
            packets: read(packets),
            unsent: read(unsent),
            connections: read(connections),
            bytes: read(bytes),
        }
    }
}

async fn echo_udp(socket: UdpSocket, counters: Arc<Counters>) {
    let mut buffer = vec![0; 65_536];
    loop {
        let Ok((length, from)) = socket.recv_from(&mut buffer).await else {
            tokio::task::yield_now().await;
            continue;
        };
        let counter = match socket.send_to(&buffer[..length], from).await {
            Ok(_) => &counters.packets,
            Err(error) => {
                tracing::trace!(%from, %error, "echo not sent");
                &counters.unsent
            }
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }
}

async fn echo_tcp(mut stream: TcpStream, counters: &Counters) -> io::Result<()> {
    let mut buffer = vec![0; 65_536];
    loop {
        let length = timeout(IDLE, stream.read(&mut buffer)).await??;
        if length == 0 {
            return stream.shutdown().await;
        }
        timeout(IDLE, stream.write_all(&buffer[..length])).await??;
        counters.bytes.fetch_add(length as u64, Ordering::Relaxed);
    }
}
