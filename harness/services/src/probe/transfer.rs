//! Transfers over HTTP whose content is verified.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::body::{Body, Bytes, Frame, Incoming, SizeHint};
use hyper::client::conn::http1;
use hyper::header::HOST;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use interop_evidence::{Micros, Transfer};
use sha2::{Digest as _, Sha256};
use tokio::net::TcpSocket;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::Clock;
use crate::http::{Noise, SHA256_HEADER, Sunk, hex};

/// Largest answer of `/sink` that is read.
const MAX_JSON: usize = 4096;

/// Whom to call for a transfer, and how long it may take in all.
#[derive(Debug)]
pub struct Call {
    /// A TCP socket that is not connected yet, made in the caller's network namespace.
    pub socket: OwnedFd,
    /// Address of the web server.
    pub target: SocketAddr,
    /// What the `Host` header says.
    pub host: String,
    /// From the first packet of the connection to the last byte.
    pub deadline: Duration,
    /// The cell's clock.
    pub clock: Clock,
}

/// What has happened so far; survives the deadline.
#[derive(Clone, Copy, Default)]
struct Progress {
    connected: bool,
    bytes: u64,
    last: Option<Micros>,
}

/// Fetches `/bytes/N?seed=S` and compares its hash with what the server computed beforehand.
pub async fn download(call: Call, bytes: u64, seed: u64) -> Transfer {
    let what = format!("/bytes/{bytes}?seed={seed}");
    let (clock, deadline, begun) = (call.clock, call.deadline, call.clock.now());
    let progress = watch::Sender::new(Progress::default());
    let outcome = timeout(deadline, fetch(call, &what, bytes, &progress)).await;
    let reached = *progress.borrow();
    let outcome = outcome.unwrap_or_else(|_| Err(stalled(&reached, "received", bytes, clock.now(), deadline)));
    finish(what, bytes, reached.bytes, outcome, reached.last, begun, clock)
}

/// Sends the bytes of a seed to `/sink` and compares the hash that the server computed.
///
/// [`Transfer::received`] is what the server says it received, so 0 if it never said.
pub async fn upload(call: Call, bytes: u64, seed: u64) -> Transfer {
    let expected = tokio::task::spawn_blocking(move || Noise::new(seed, bytes).sha256()).await;
    let expected = expected.unwrap_or_default(); // a thread that failed: no hash matches
    let (clock, deadline, begun) = (call.clock, call.deadline, call.clock.now());
    let progress = watch::Sender::new(Progress::default());
    let outcome = timeout(deadline, send(call, bytes, seed, progress.clone())).await;
    let reached = *progress.borrow();
    let outcome = outcome.unwrap_or_else(|_| Err(stalled(&reached, "handed over", bytes, clock.now(), deadline)));
    let (received, outcome) = match outcome {
        Ok(sunk) => (sunk.bytes, Ok(sunk.bytes == bytes && sunk.sha256 == expected)),
        Err(error) => (0, Err(error)),
    };
    finish("/sink".to_owned(), bytes, received, outcome, reached.last, begun, clock)
}

fn finish(
    what: String,
    expected: u64,
    received: u64,
    outcome: Result<bool, String>,
    last: Option<Micros>,
    begun: Micros,
    clock: Clock,
) -> Transfer {
    let now = clock.now();
    Transfer {
        what,
        expected,
        received,
        hash_matches: matches!(outcome, Ok(true)),
        duration_ms: u64::try_from(now.since(begun).as_millis()).unwrap_or(u64::MAX),
        last_byte_at: last.unwrap_or(begun),
        stalled_at_frame: None,
        error: outcome.err(),
    }
}

/// `Ok` with whether the hashes are equal.
async fn fetch(call: Call, path: &str, bytes: u64, progress: &watch::Sender<Progress>) -> Result<bool, String> {
    let clock = call.clock;
    let request = request(Method::GET, path, &call.host, Empty::<Bytes>::new())?;
    let (_connection, response) = exchange(call, request, progress).await?;
    let promised = response.headers().get(SHA256_HEADER).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let promised = promised.ok_or_else(|| format!("the answer has no {SHA256_HEADER} header"))?;
    let mut body = response.into_body();
    if body.size_hint().exact() != Some(bytes) {
        return Err(format!("the answer's length is {:?}, not {bytes}", body.size_hint().exact()));
    }
    let mut hash = Sha256::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| format!("the body broke off: {error}"))?;
        if let Some(data) = frame.data_ref() {
            hash.update(data);
            progress.send_modify(|progress| {
                progress.bytes += data.len() as u64;
                progress.last = Some(clock.now());
            });
        }
    }
    Ok(hex(hash) == promised)
}

/// A body that notes how much of it was handed over.
struct Counted {
    noise: Noise,
    clock: Clock,
    progress: watch::Sender<Progress>,
}

impl Body for Counted {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let Some(chunk) = self.noise.next() else { return Poll::Ready(None) };
        let now = self.clock.now();
        self.progress.send_modify(|progress| {
            progress.bytes += chunk.len() as u64;
            progress.last = Some(now);
        });
        Poll::Ready(Some(Ok(Frame::data(chunk))))
    }

    fn is_end_stream(&self) -> bool {
        self.noise.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        Body::size_hint(&self.noise)
    }
}

async fn send(call: Call, bytes: u64, seed: u64, progress: watch::Sender<Progress>) -> Result<Sunk, String> {
    let body = Counted { noise: Noise::new(seed, bytes), clock: call.clock, progress: progress.clone() };
    let request = request(Method::POST, "/sink", &call.host, body)?;
    let (_connection, response) = exchange(call, request, &progress).await?;
    let json = Limited::new(response.into_body(), MAX_JSON).collect().await;
    let json = json.map_err(|error| format!("the answer broke off: {error}"))?.to_bytes();
    serde_json::from_slice(&json).map_err(|error| format!("the answer is not understood: {error}"))
}

fn request<B>(method: Method, path: &str, host: &str, body: B) -> Result<Request<B>, String> {
    let request = Request::builder().method(method).uri(path).header(HOST, host).body(body);
    request.map_err(|error| format!("the request cannot be written: {error}"))
}

/// Connects, sends the request and waits for the head of the answer. The connection ends with the first value.
async fn exchange<B>(
    call: Call,
    request: Request<B>,
    progress: &watch::Sender<Progress>,
) -> Result<(JoinSet<()>, Response<Incoming>), String>
where
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let socket = std::net::TcpStream::from(call.socket);
    socket.set_nonblocking(true).map_err(|error| format!("the socket cannot be used: {error}"))?;
    let stream = TcpSocket::from_std_stream(socket).connect(call.target).await;
    let stream = stream.map_err(|error| format!("no connection: {error}"))?;
    progress.send_modify(|progress| progress.connected = true);
    let handshake = http1::handshake::<_, B>(TokioIo::new(stream)).await;
    let (mut sender, connection) = handshake.map_err(|error| format!("no connection: {error}"))?;
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        if let Err(error) = connection.await {
            tracing::debug!(%error, "HTTP connection ended");
        }
    });
    let response = sender.send_request(request).await.map_err(|error| format!("no answer: {error}"))?;
    match response.status() {
        StatusCode::OK => Ok((tasks, response)),
        status => Err(format!("the answer is {status}")),
    }
}

fn stalled(progress: &Progress, done: &str, bytes: u64, now: Micros, deadline: Duration) -> String {
    let silent = |since: Micros| now.since(since).as_secs_f64();
    match progress.last {
        _ if !progress.connected => format!("no connection within {deadline:?}"),
        None => format!("connected, but nothing {done} within {deadline:?}"),
        Some(last) => format!(
            "stalled: {} of {bytes} bytes {done} within {deadline:?}, nothing in the last {:.1} s",
            progress.bytes,
            silent(last)
        ),
    }
}
