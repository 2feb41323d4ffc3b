//! Split DNS (AC-NET-09): a small forwarder on a loopback address.
//!
//! Queries for names under one of the suffixes go to the tunnel's resolvers, all others to the resolvers from before.
//! Each query has a socket of its own towards the resolver, so that its number needs no translation and an answer from
//! elsewhere cannot reach it. Nothing is stored.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use nix::errno::Errno;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::timeout;

use super::NetError;
use super::question::{HEADER, Question, Suffix};

/// Queries by UDP, and connections, that are worked on at the same time; what exceeds them is dropped.
const MAX_QUERIES: usize = 128;
const MAX_CONNECTIONS: usize = 32;

/// How long a connection may stay idle.
const IDLE: Duration = Duration::from_secs(10);

/// Longest message (the TCP length field; also the longest datagram).
const LONGEST: usize = 65_535;

/// Who is asked what.
#[derive(Clone, Debug)]
pub struct SplitDns {
    /// Domains that the tunnel's resolvers are asked for, and all below them. What is no domain is left out.
    pub suffixes: Vec<String>,
    /// The tunnel's resolvers, asked in this order.
    pub tunnel: Vec<SocketAddr>,
    /// The resolvers for everything else.
    pub others: Vec<SocketAddr>,
    /// How long to wait for each resolver.
    pub patience: Duration,
}

/// A running forwarder; it ends when dropped.
#[derive(Debug)]
pub struct Forwarder {
    address: SocketAddr,
    tasks: [AbortHandle; 2],
}

impl Drop for Forwarder {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

#[derive(Debug)]
struct Routing {
    suffixes: Vec<Suffix>,
    config: SplitDns,
}

impl Forwarder {
    /// Starts on the first of these addresses that is free for UDP and TCP; port 0 takes any. Its tasks run on the
    /// current runtime.
    ///
    /// # Errors
    /// When none is free.
    pub fn start(addresses: &[SocketAddr], config: SplitDns) -> Result<Self, NetError> {
        let mut last = Errno::EADDRNOTAVAIL;
        for &wanted in addresses {
            match bind(wanted) {
                Ok((udp, tcp, address)) => {
                    let suffixes = config.suffixes.iter().filter_map(|text| Suffix::parse(text)).collect();
                    // A resolver file that names this very address would send queries round in circles.
                    let others = config.others.iter().copied().filter(|other| *other != address).collect();
                    let routing = Arc::new(Routing { suffixes, config: SplitDns { others, ..config } });
                    let datagrams = tokio::spawn(serve_udp(udp, Arc::clone(&routing))).abort_handle();
                    let connections = tokio::spawn(serve_tcp(tcp, routing)).abort_handle();
                    return Ok(Self { address, tasks: [datagrams, connections] });
                }
                Err(error) => last = Errno::from_raw(error.raw_os_error().unwrap_or(libc::EIO)),
            }
        }
        let tried = addresses.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        Err(NetError::NoForwarderAddress { tried, errno: last })
    }

    /// Returns the address that it listens on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Routing {
    fn servers(&self, question: &Question) -> &[SocketAddr] {
        if question.is_under(&self.suffixes) { &self.config.tunnel } else { &self.config.others }
    }
}

fn bind(wanted: SocketAddr) -> io::Result<(UdpSocket, TcpListener, SocketAddr)> {
    let udp = std::net::UdpSocket::bind(wanted)?;
    let address = udp.local_addr()?;
    let tcp = std::net::TcpListener::bind(address)?;
    udp.set_nonblocking(true)?;
    tcp.set_nonblocking(true)?;
    Ok((UdpSocket::from_std(udp)?, TcpListener::from_std(tcp)?, address))
}

async fn serve_udp(socket: UdpSocket, routing: Arc<Routing>) {
    let socket = Arc::new(socket);
    let mut tasks = JoinSet::new();
    let mut buffer = vec![0; LONGEST];
    loop {
        let received = tokio::select! {
            Some(_) = tasks.join_next() => continue,
            received = socket.recv_from(&mut buffer) => received,
        };
        let Ok((length, client)) = received else {
            pause().await;
            continue;
        };
        let query = &buffer[..length];
        let Some(question) = Question::of_query(query) else { continue };
        if tasks.len() >= MAX_QUERIES {
            continue;
        }
        let (query, socket, routing) = (query.to_vec(), Arc::clone(&socket), Arc::clone(&routing));
        tasks.spawn(async move {
            let mut answer = None;
            for &server in routing.servers(&question) {
                let asked = ask_udp(server, &query, &question);
                if let Ok(Ok(found)) = timeout(routing.config.patience, asked).await {
                    answer = Some(found);
                    break;
                }
            }
            let answer = answer.unwrap_or_else(|| question.failure(&query));
            // A client that has gone needs no answer.
            let _ = socket.send_to(&answer, client).await;
        });
    }
}

async fn serve_tcp(listener: TcpListener, routing: Arc<Routing>) {
    let mut tasks = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            Some(_) = tasks.join_next() => continue,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, _)) if tasks.len() < MAX_CONNECTIONS => {
                tasks.spawn(serve_connection(stream, Arc::clone(&routing)));
            }
            Ok(_) => {}
            Err(_) => pause().await,
        }
    }
}

/// Answers the queries of a connection one after the other; a damaged one ends it.
async fn serve_connection(mut stream: TcpStream, routing: Arc<Routing>) {
    while let Ok(Ok(query)) = timeout(IDLE, read_message(&mut stream)).await {
        let Some(question) = Question::of_query(&query) else { return };
        let mut answer = None;
        for &server in routing.servers(&question) {
            let asked = ask_tcp(server, &query, &question);
            if let Ok(Ok(found)) = timeout(routing.config.patience, asked).await {
                answer = Some(found);
                break;
            }
        }
        let answer = answer.unwrap_or_else(|| question.failure(&query));
        if !matches!(timeout(IDLE, write_message(&mut stream, &answer)).await, Ok(Ok(()))) {
            return;
        }
    }
}

async fn ask_udp(server: SocketAddr, query: &[u8], question: &Question) -> io::Result<Vec<u8>> {
    let any = if server.is_ipv6() { Ipv6Addr::UNSPECIFIED.into() } else { Ipv4Addr::UNSPECIFIED.into() };
    let socket = UdpSocket::bind(SocketAddr::new(any, 0)).await?;
    socket.connect(server).await?;
    socket.send(query).await?;
    let mut answer = vec![0; LONGEST];
    loop {
        let length = socket.recv(&mut answer).await?;
        if question.is_answered_by(query, &answer[..length]) {
            answer.truncate(length);
            return Ok(answer);
        }
    }
}

async fn ask_tcp(server: SocketAddr, query: &[u8], question: &Question) -> io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect(server).await?;
    write_message(&mut stream, query).await?;
    let answer = read_message(&mut stream).await?;
    match question.is_answered_by(query, &answer) {
        true => Ok(answer),
        false => Err(io::Error::new(io::ErrorKind::InvalidData, "the answer is to another question")),
    }
}

/// Reads a message with its length in front (RFC 1035 section 4.2.2).
async fn read_message(stream: &mut TcpStream) -> io::Result<Vec<u8>> {
    let length = usize::from(stream.read_u16().await?);
    if length < HEADER {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "shorter than a header"));
    }
    let mut message = vec![0; length];
    stream.read_exact(&mut message).await?;
    Ok(message)
}

async fn write_message(stream: &mut TcpStream, message: &[u8]) -> io::Result<()> {
    let length = u16::try_from(message.len()).map_err(io::Error::other)?;
    let mut framed = Vec::with_capacity(message.len() + 2);
    framed.extend_from_slice(&length.to_be_bytes());
    framed.extend_from_slice(message);
    stream.write_all(&framed).await
}

/// A socket that reports one error after the other must not keep the processor busy.
async fn pause() {
    tokio::time::sleep(Duration::from_millis(10)).await;
}
