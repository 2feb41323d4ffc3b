//! The web server.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http_body_util::{BodyExt as _, Either, Full};
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::noise::{Noise, hex};
use crate::accept::serve_tcp;

/// Largest body that is sent or taken: 1 GiB.
pub const MAX_BYTES: u64 = 1 << 30;

/// Carries the SHA-256 of the whole body, in lower-case hexadecimal.
pub(crate) const SHA256_HEADER: &str = "x-sha256";

/// How long a client may take for its headers, and between two parts of a body.
const IDLE: Duration = Duration::from_secs(60);
/// Longest life of a connection.
const LIFETIME: Duration = Duration::from_secs(3600);
/// Bytes of a request's head.
const MAX_HEAD: usize = 16 * 1024;
/// Headers of a request.
const MAX_HEADERS: usize = 64;
/// Hashes that are remembered.
const MAX_HASHES: usize = 64;

type Answer = Response<Either<Full<Bytes>, Noise>>;

/// What a web server has done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HttpCounters {
    /// Connections accepted.
    pub connections: u64,
    /// Requests understood.
    pub requests: u64,
    /// Bytes taken by `/sink`.
    pub sunk: u64,
}

/// Answer of `/sink`.
#[derive(Serialize, Deserialize)]
pub(crate) struct Sunk {
    pub(crate) bytes: u64,
    pub(crate) sha256: String,
}

#[derive(Default)]
struct Site {
    name: String,
    connections: AtomicU64,
    requests: AtomicU64,
    sunk: AtomicU64,
    /// By seed and length.
    hashes: Mutex<BTreeMap<(u64, u64), String>>,
}

/// A running web server; it ends when this handle is dropped.
///
/// - `GET /bytes/N?seed=S`: N bytes made from the seed (0 if absent), with the SHA-256 of all of them in `X-SHA256`
/// - `POST /sink`: counts and hashes the body, answers `{"bytes":N,"sha256":"..."}`
/// - `GET /hello`: `hello from NAME`
pub struct HttpServer {
    site: Arc<Site>,
    _tasks: JoinSet<()>,
}

impl HttpServer {
    /// Serves on these sockets; `name` is what `/hello` says.
    pub fn start(listeners: Vec<std::net::TcpListener>, name: &str) -> io::Result<Self> {
        let site = Arc::new(Site { name: name.to_owned(), ..Site::default() });
        let mut tasks = JoinSet::new();
        for listener in listeners {
            let site = Arc::clone(&site);
            serve_tcp(&mut tasks, listener, move |stream, _| serve(stream, Arc::clone(&site)))?;
        }
        Ok(Self { site, _tasks: tasks })
    }

    /// What has been done so far.
    pub fn counters(&self) -> HttpCounters {
        HttpCounters {
            connections: self.site.connections.load(Ordering::Relaxed),
            requests: self.site.requests.load(Ordering::Relaxed),
            sunk: self.site.sunk.load(Ordering::Relaxed),
        }
    }
}

async fn serve(stream: TcpStream, site: Arc<Site>) {
    site.connections.fetch_add(1, Ordering::Relaxed);
    let service = service_fn(|request| {
        let site = Arc::clone(&site);
        async move { Ok::<_, Infallible>(site.answer(request).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(IDLE)
        .max_buf_size(MAX_HEAD)
        .max_headers(MAX_HEADERS)
        .serve_connection(TokioIo::new(stream), service);
    match timeout(LIFETIME, connection).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::debug!(%error, "HTTP connection ended"),
        Err(_) => tracing::debug!("HTTP connection took too long"),
    }
}

impl Site {
    async fn answer(&self, request: Request<Incoming>) -> Answer {
        self.requests.fetch_add(1, Ordering::Relaxed);
        match (request.method(), request.uri().path()) {
            (&Method::GET, "/hello") => text(StatusCode::OK, format!("hello from {}\n", self.name)),
            (&Method::POST, "/sink") => self.sink(request.into_body()).await,
            (&Method::GET, path) => match path.strip_prefix("/bytes/") {
                Some(count) => match wanted(count, request.uri().query()) {
                    Ok((bytes, seed)) => self.bytes(bytes, seed).await,
                    Err(message) => text(StatusCode::BAD_REQUEST, message),
                },
                None => text(StatusCode::NOT_FOUND, "nothing here\n".to_owned()),
            },
            _ => text(StatusCode::NOT_FOUND, "nothing here\n".to_owned()),
        }
    }

    async fn bytes(&self, bytes: u64, seed: u64) -> Answer {
        let header = match self.hash(bytes, seed).await.map(|hash| HeaderValue::from_str(&hash)) {
            Some(Ok(header)) => header,
            _ => return text(StatusCode::INTERNAL_SERVER_ERROR, "the body could not be hashed\n".to_owned()),
        };
        let mut answer = Response::new(Either::Right(Noise::new(seed, bytes)));
        answer.headers_mut().insert(SHA256_HEADER, header);
        answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
        answer
    }

    /// Makes the whole body once, on a thread where it stops nobody; `None` if that thread failed.
    async fn hash(&self, bytes: u64, seed: u64) -> Option<String> {
        let known = || self.hashes.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(hash) = known().get(&(seed, bytes)) {
            return Some(hash.clone());
        }
        let hash = tokio::task::spawn_blocking(move || Noise::new(seed, bytes).sha256()).await.ok()?;
        let mut known = known();
        if known.len() >= MAX_HASHES {
            known.clear();
        }
        known.insert((seed, bytes), hash.clone());
        Some(hash)
    }

    async fn sink(&self, mut body: Incoming) -> Answer {
        let (mut bytes, mut hash) = (0, Sha256::new());
        loop {
            let frame = match timeout(IDLE, body.frame()).await {
                Ok(None) => break,
                Ok(Some(Ok(frame))) => frame,
                Ok(Some(Err(error))) => return text(StatusCode::BAD_REQUEST, format!("{error}\n")),
                Err(_) => return text(StatusCode::REQUEST_TIMEOUT, "the body stopped coming\n".to_owned()),
            };
            if let Some(data) = frame.data_ref() {
                bytes += data.len() as u64;
                self.sunk.fetch_add(data.len() as u64, Ordering::Relaxed);
                hash.update(data);
            }
            if bytes > MAX_BYTES {
                return text(StatusCode::PAYLOAD_TOO_LARGE, format!("at most {MAX_BYTES} bytes\n"));
            }
        }
        match serde_json::to_vec(&Sunk { bytes, sha256: hex(hash) }) {
            Ok(json) => answer(StatusCode::OK, "application/json", json.into()),
            Err(error) => text(StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")),
        }
    }
}

/// Reads `N` and `seed=S`.
fn wanted(count: &str, query: Option<&str>) -> Result<(u64, u64), String> {
    let bytes = count.parse::<u64>().ok().filter(|bytes| *bytes <= MAX_BYTES);
    let bytes = bytes.ok_or_else(|| format!("the number of bytes must be from 0 to {MAX_BYTES}\n"))?;
    match query.map(|query| query.strip_prefix("seed=").and_then(|seed| seed.parse().ok())) {
        None => Ok((bytes, 0)),
        Some(Some(seed)) => Ok((bytes, seed)),
        Some(None) => Err("the query must be seed=NUMBER\n".to_owned()),
    }
}

fn text(status: StatusCode, text: String) -> Answer {
    answer(status, "text/plain; charset=utf-8", text.into())
}

fn answer(status: StatusCode, kind: &'static str, body: Bytes) -> Answer {
    let mut answer = Response::new(Either::Left(Full::new(body)));
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    answer
}
