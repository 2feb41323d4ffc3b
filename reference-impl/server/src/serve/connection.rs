//! One connection until its CONNECT: handshake, requests one after the other, limits of time and size.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use reference_cstp::http::{CONTINUE, HttpError, Limits as HttpLimits, Request, RequestReader, Response};
use reference_tunnel::tls::{AsyncTls, TlsError};
use tokio::{
    net::TcpStream,
    time::{Instant, timeout, timeout_at},
};

use super::{connect, files, login, shared::Shared};
use crate::{config::Limits, events::Event, guard::Permit, tls, users};

/// Header fields of a request.
const MOST_FIELDS: usize = 100;

/// How long a closing connection waits for its last bytes to leave.
const FAREWELL: Duration = Duration::from_secs(2);

/// What is known about the other end.
#[derive(Clone, Debug)]
pub(super) struct Peer {
    pub(super) remote: SocketAddr,
    /// The server name that it asked for.
    pub(super) sni: Option<String>,
    /// Whether it showed a certificate, which was verified.
    pub(super) has_certificate: bool,
    /// The user name in it.
    pub(super) certificate_user: Option<String>,
}

/// Why no request came.
enum Stop {
    /// The client went away.
    Closed,
    /// The client was too slow, or has used its time.
    TimedOut,
    /// What came is no request, or too large.
    Http(HttpError),
}

/// Serves one connection to its end, or until it belongs to the data plane.
pub(super) async fn serve(tcp: TcpStream, remote: SocketAddr, permit: Permit, shared: Arc<Shared>) {
    let live = shared.live();
    let limits = live.config.limits;
    let deadline = Instant::now() + limits.login_timeout;
    let mut tls = match live.materials.acceptor.channel() {
        Ok(channel) => AsyncTls::new(tcp, channel),
        Err(error) => return shared.events.warn(format!("TLS could not begin: {error}")),
    };
    match timeout(limits.request_timeout.min(limits.login_timeout), tls.handshake()).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => return handshake_failed(&shared, remote, &error),
        Err(_) => return shared.events.emit(&Event::Refused { remote, why: "the handshake took too long".to_owned() }),
    }
    let peer = peer(&shared, &tls, remote);
    // The files may change during a login; a connection keeps what it began with.
    drop(live);
    let mut reader = RequestReader::new(HttpLimits { head: limits.head, headers: MOST_FIELDS, body: limits.body });
    for number in 0..limits.requests {
        let request = match next_request(&mut tls, &mut reader, &limits, number == 0, deadline).await {
            Ok(request) => request,
            Err(stop) => return refuse(&shared, &mut tls, remote, &stop).await,
        };
        if request.method == "CONNECT" {
            // From here on the limits are those of sessions.
            drop(permit);
            return connect::serve(&shared, tls, &peer, &request, reader).await;
        }
        let reply = answer(&shared, &peer, request, deadline).await;
        let last = reply.close || reply.response.closes() || number + 1 == limits.requests;
        let sent = timeout_at(deadline, tls.write_all(&reply.response.to_bytes())).await;
        if last || !matches!(sent, Ok(Ok(()))) {
            break;
        }
    }
    let _ = timeout(FAREWELL, tls.close()).await;
}

/// An answer, and whether the connection ends with it.
pub(super) struct Answer {
    pub(super) response: Response,
    pub(super) close: bool,
}

impl Answer {
    /// A short answer without body, after which the connection ends.
    pub(super) fn last(status: u16, reason: &str) -> Self {
        let mut response = Response::new(status, reason);
        response.headers.push("Content-Length", "0");
        response.headers.push("Connection", "close");
        Self { response, close: true }
    }
}

async fn answer(shared: &Arc<Shared>, peer: &Peer, request: Request, deadline: Instant) -> Answer {
    if let Some(answer) = files::answer(shared, &request) {
        return answer;
    }
    match request.method.as_str() {
        "GET" | "POST" | "HEAD" => match timeout_at(deadline, login::answer(shared, peer, request)).await {
            Ok(answer) => answer,
            Err(_) => Answer::last(503, "Service Unavailable"),
        },
        _ => Answer::last(405, "Method Not Allowed"),
    }
}

fn peer(shared: &Shared, tls: &AsyncTls, remote: SocketAddr) -> Peer {
    let channel = tls.channel();
    let certificate = channel.peer_certificates().into_iter().next();
    shared.events.emit(&Event::TlsUp {
        remote,
        version: channel.version().to_owned(),
        suite: channel.suite(),
        sni: channel.sni(),
        certificate: certificate.is_some(),
    });
    let from = shared.live().config.auth.username_from;
    let certificate_user = certificate.as_deref().and_then(|certificate| users::user_of(certificate, from));
    if certificate.is_some() && certificate_user.is_none() {
        let why = "no usable user name in its subject".to_owned();
        shared.events.emit(&Event::CertRejected { remote, why });
    }
    Peer { remote, sni: channel.sni(), has_certificate: certificate.is_some(), certificate_user }
}

fn handshake_failed(shared: &Shared, remote: SocketAddr, error: &TlsError) {
    if let Some(rejection) = tls::rejection(error) {
        let why = format!("certificate {rejection}");
        return shared.events.emit(&Event::CertRejected { remote, why });
    }
    match error {
        // AC-TLS-18: a health probe is no event.
        TlsError::Closed | TlsError::Io(_) => {}
        error => shared.events.emit(&Event::TlsFailed { remote, why: error.to_string() }),
    }
}

/// Reads one request. The first one has to come at once; a person may think before each further one.
async fn next_request(
    tls: &mut AsyncTls,
    reader: &mut RequestReader,
    limits: &Limits,
    first: bool,
    login_deadline: Instant,
) -> Result<Request, Stop> {
    let soon = || (Instant::now() + limits.request_timeout).min(login_deadline);
    let mut begun = first || reader.in_progress();
    let mut deadline = if begun { soon() } else { login_deadline };
    let mut buffer = Vec::new();
    loop {
        if let Some(request) = reader.next().map_err(Stop::Http)? {
            return Ok(request);
        }
        if reader.wants_continue() {
            timeout_at(deadline, tls.write_all(CONTINUE))
                .await
                .map_err(|_| Stop::TimedOut)?
                .map_err(|_| Stop::Closed)?;
        }
        buffer.clear();
        let read = timeout_at(deadline, tls.read(&mut buffer)).await.map_err(|_| Stop::TimedOut)?;
        match read {
            Ok(length) if length > 0 => {}
            _ => return Err(Stop::Closed),
        }
        if !begun {
            begun = true;
            deadline = soon();
        }
        reader.push(&buffer);
    }
}

async fn refuse(shared: &Shared, tls: &mut AsyncTls, remote: SocketAddr, stop: &Stop) {
    let (status, reason, why) = match stop {
        Stop::Closed => return,
        Stop::TimedOut => (408, "Request Timeout", "too slow".to_owned()),
        Stop::Http(error) => {
            let (status, reason) = match error {
                HttpError::HeadTooLong(_) | HttpError::TooManyHeaders(_) => (431, "Request Header Fields Too Large"),
                HttpError::BodyTooLong(_) => (413, "Content Too Large"),
                HttpError::TransferCoding => (501, "Not Implemented"),
                _ => (400, "Bad Request"),
            };
            (status, reason, error.to_string())
        }
    };
    shared.events.emit(&Event::Refused { remote, why });
    let bytes = Answer::last(status, reason).response.to_bytes();
    let _ = timeout(FAREWELL, async {
        tls.write_all(&bytes).await?;
        tls.close().await
    })
    .await;
}
