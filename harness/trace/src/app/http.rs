//! HTTP/1.x messages of one connection: one line for the start line and one for each header, in the order of the wire.

use std::collections::VecDeque;

use interop_evidence::{Layer, View};

use super::body::Body;
use super::head::{Framing, Head, Start};
use super::variable::plain;
use crate::Keys;
use crate::found::{Found, Piece, Way};
use crate::limits::MOST_MESSAGE;
use crate::words::Words;

/// Requests that wait for their response.
const MOST_WAITING: usize = 64;
/// Letters of the longest method.
const LONGEST_METHOD: usize = 20;
/// Bytes of a line with the size of a chunk.
const LONGEST_CHUNK_LINE: usize = 1024;

/// Reads both directions of a connection. Any side may be the client: requests and responses are told by how they begin.
#[derive(Debug)]
pub(crate) struct Http {
    view: View,
    sides: [Side; 2],
    waiting: VecDeque<Method>,
    /// The secret that a request to CONNECT offered for DTLS.
    master: Vec<u8>,
    tunnel: bool,
}

/// What a request asked for, as far as its response depends on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Method {
    Connect,
    Head,
    Other,
}

#[derive(Debug, Default)]
struct Side {
    state: State,
    /// The lines of a head or of a chunk's size that are not yet complete.
    buffer: Vec<u8>,
    /// Where the last line in `buffer` begins.
    line: usize,
    body: Body,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    /// A start line and headers.
    #[default]
    Head,
    /// So many bytes of a body.
    Length(u64),
    ChunkSize,
    Chunk(u64),
    ChunkEnd,
    Trailer,
    UntilClose,
    /// Not HTTP, or out of step: waits for something that begins as a message does.
    Lost,
}

impl State {
    /// The state that follows a head; `open` when nothing says where its body ends.
    const fn of(framing: Framing, open: Self) -> Self {
        match framing {
            Framing::None => Self::Head,
            Framing::Length(length) => Self::Length(length),
            Framing::Chunked => Self::ChunkSize,
            Framing::Open => open,
            Framing::Broken => Self::Lost,
        }
    }
}

impl Http {
    /// Lines go to this view.
    pub(crate) fn new(view: View) -> Self {
        Self { view, sides: Default::default(), waiting: VecDeque::new(), master: Vec::new(), tunnel: false }
    }

    /// Whether a stream that begins so is HTTP.
    pub(crate) fn looks_like(start: &[u8]) -> bool {
        const METHODS: &[&[u8]] =
            &[b"CONNECT ", b"DELETE ", b"GET ", b"HEAD ", b"OPTIONS ", b"PATCH ", b"POST ", b"PUT ", b"TRACE "];
        start.starts_with(b"HTTP/1.") || METHODS.iter().any(|method| start.starts_with(method))
    }

    /// Takes bytes in order; gives those at their end that belong to the tunnel that a CONNECT opened.
    pub(crate) fn feed<'a>(&mut self, piece: &Piece<'a>, keys: &mut Keys, out: &mut Vec<Found>) -> &'a [u8] {
        let mut rest = piece.bytes;
        if !self.tunnel && self.may_begin_tunnel(piece.way) && rest.starts_with(b"STF\x01") {
            self.tunnel = true;
        }
        if self.sides[piece.way.index()].state == State::Lost && Self::looks_like(rest) {
            self.sides[piece.way.index()].state = State::Head;
        }
        while !self.tunnel && !rest.is_empty() {
            rest = self.step(piece, rest, keys, out);
        }
        rest
    }

    /// Bytes that are missing; more than any message has if nobody knows how many.
    pub(crate) fn gap(&mut self, way: Way, bytes: u64) {
        let side = &mut self.sides[way.index()];
        side.state = match side.state {
            State::Length(left) if bytes < left => State::Length(left - bytes),
            State::Length(left) if bytes == left => State::Head,
            State::Chunk(left) if bytes < left => State::Chunk(left - bytes),
            State::UntilClose => State::UntilClose,
            State::Head if side.buffer.is_empty() => State::Head,
            _ => State::Lost,
        };
        side.body.lose(bytes);
        side.clear();
    }

    /// Whether a message may begin here, or the answer that opened the tunnel may be among what is missing.
    fn may_begin_tunnel(&self, way: Way) -> bool {
        let side = &self.sides[way.index()];
        side.state == State::Lost || side.state == State::Head && side.buffer.is_empty()
    }

    /// Takes some of the bytes and gives the others.
    fn step<'a>(&mut self, piece: &Piece<'_>, rest: &'a [u8], keys: &mut Keys, out: &mut Vec<Found>) -> &'a [u8] {
        let view = self.view;
        let side = &mut self.sides[piece.way.index()];
        match side.state {
            State::Head => {
                let behind = side.take_line(rest);
                if !side.may_begin() {
                    let bytes = side.buffer.len() + behind.map_or(0, <[u8]>::len);
                    side.lose();
                    let words = Words::new("not HTTP").size(bytes);
                    out.push(Found::at(piece, view, Layer::Http, words));
                    return &[];
                }
                if side.buffer.len() > MOST_MESSAGE {
                    side.lose();
                    let words = Words::new(format!("HTTP broken: a head above {MOST_MESSAGE} bytes"));
                    out.push(Found::at(piece, view, Layer::Http, words));
                    return &[];
                }
                let Some(behind) = behind else { return &[] };
                if side.is_blank_line() {
                    let head = std::mem::take(&mut side.buffer);
                    side.clear();
                    self.head(piece, &head, keys, out);
                } else {
                    side.line = side.buffer.len();
                }
                behind
            }
            State::Length(left) => {
                let behind = side.take_body(rest, left);
                let left = left - (rest.len() - behind.len()) as u64;
                side.state = State::Length(left);
                if left == 0 {
                    side.finish(piece, view, out);
                }
                behind
            }
            State::Chunk(left) => {
                let behind = side.take_body(rest, left);
                let left = left - (rest.len() - behind.len()) as u64;
                side.state = if left == 0 { State::ChunkEnd } else { State::Chunk(left) };
                behind
            }
            State::UntilClose => {
                side.take_body(rest, u64::MAX);
                // What ends the body is not seen, so a document is shown once it is whole.
                if let Some(body) = side.body.whole_document() {
                    out.extend(body.into_iter().map(|words| Found::at(piece, view, Layer::Http, words)));
                }
                &[]
            }
            State::ChunkSize | State::ChunkEnd | State::Trailer => {
                let Some(behind) = side.take_line(rest) else {
                    if side.buffer.len() > LONGEST_CHUNK_LINE {
                        side.broken(piece, view, "a line of a chunk", out);
                    }
                    return &[];
                };
                let line = std::mem::take(&mut side.buffer);
                side.clear();
                match (side.state, chunk_size(&line)) {
                    (State::ChunkEnd, _) if is_blank(&line) => side.state = State::ChunkSize,
                    (State::ChunkSize, Some(0)) => side.state = State::Trailer,
                    (State::ChunkSize, Some(size)) => side.state = State::Chunk(size),
                    (State::Trailer, _) if is_blank(&line) => side.finish(piece, view, out),
                    (State::Trailer, _) if line.len() <= LONGEST_CHUNK_LINE => {
                        let words =
                            Words::new(format!("HTTP   trailer {}", plain(String::from_utf8_lossy(&line).trim())));
                        out.push(Found::at(piece, view, Layer::Http, words));
                    }
                    _ => side.broken(piece, view, "the size of a chunk", out),
                }
                behind
            }
            State::Lost => &[],
        }
    }

    fn head(&mut self, piece: &Piece<'_>, bytes: &[u8], keys: &mut Keys, out: &mut Vec<Found>) {
        let text = String::from_utf8_lossy(bytes);
        let Some(head) = Head::read(&text) else {
            self.sides[piece.way.index()].broken(piece, self.view, "a start line", out);
            return;
        };
        let view = self.view;
        out.extend(head.lines().map(|words| Found::at(piece, view, Layer::Http, words)));
        let state = match head.start {
            Start::Request { method, .. } => {
                let method = match method {
                    "CONNECT" => Method::Connect,
                    "HEAD" => Method::Head,
                    _ => Method::Other,
                };
                if method == Method::Connect {
                    self.master = head.hex("X-DTLS-Master-Secret");
                }
                if self.waiting.len() < MOST_WAITING {
                    self.waiting.push_back(method);
                }
                State::of(head.framing(), State::Head)
            }
            // An interim response is followed by the one that counts (RFC 9110, section 15.2).
            Start::Response { status: 100..=199, .. } => State::Head,
            Start::Response { status, .. } => match (self.waiting.pop_front(), status) {
                (Some(Method::Connect), 200..=299) => return self.granted(&head, keys),
                (Some(Method::Head), _) | (_, 204 | 304) => State::Head,
                _ => State::of(head.framing(), State::UntilClose),
            },
        };
        let side = &mut self.sides[piece.way.index()];
        side.state = state;
        side.body = Body::new(head.value("Content-Type"), head.value("Content-Encoding"));
        match state {
            State::Lost => side.broken(piece, view, "Content-Length", out),
            State::UntilClose => {
                let words = Words::new("HTTP   (the body ends with the connection)");
                out.push(Found::at(piece, view, Layer::Http, words));
            }
            _ => {}
        }
    }

    /// A CONNECT got its 200: what follows is the tunnel, and the DTLS session has a name (`X-DTLS-Session-ID`).
    fn granted(&mut self, head: &Head<'_>, keys: &mut Keys) {
        self.tunnel = true;
        let session = head.hex("X-DTLS-Session-ID");
        if !session.is_empty() && !self.master.is_empty() {
            keys.name_dtls_session(&session, &self.master);
        }
    }
}

impl Side {
    /// Moves bytes up to the end of the line to the buffer; gives those behind it, `None` when the line does not end.
    fn take_line<'a>(&mut self, rest: &'a [u8]) -> Option<&'a [u8]> {
        let end = rest.iter().position(|byte| *byte == b'\n').map(|end| end + 1);
        let (line, behind) = rest.split_at(end.unwrap_or(rest.len()));
        // One byte too many is enough to see that it is too long.
        let room = (MOST_MESSAGE + 1).saturating_sub(self.buffer.len());
        self.buffer.extend_from_slice(line.get(..room).unwrap_or(line));
        end.map(|_| behind)
    }

    /// Gives what is behind the body.
    fn take_body<'a>(&mut self, rest: &'a [u8], left: u64) -> &'a [u8] {
        let most = usize::try_from(left).unwrap_or(usize::MAX).min(rest.len());
        let (body, behind) = rest.split_at(most);
        self.body.add(body);
        behind
    }

    /// Whether what is in the buffer may be the beginning of a message: `HTTP/`, or a method and a blank.
    fn may_begin(&self) -> bool {
        let start = self.buffer.as_slice();
        if is_blank(start) {
            return true;
        }
        let method = start.iter().take_while(|byte| byte.is_ascii_uppercase() || **byte == b'-').count();
        match start.get(method) {
            None => method <= LONGEST_METHOD,
            Some(b' ') => (1..=LONGEST_METHOD).contains(&method),
            Some(b'/') => start.starts_with(b"HTTP/"),
            Some(_) => false,
        }
    }

    fn is_blank_line(&self) -> bool {
        is_blank(self.buffer.get(self.line..).unwrap_or_default())
    }

    fn clear(&mut self) {
        self.buffer = Vec::new();
        self.line = 0;
    }

    fn lose(&mut self) {
        self.clear();
        self.state = State::Lost;
    }

    fn broken(&mut self, piece: &Piece<'_>, view: View, what: &str, out: &mut Vec<Found>) {
        self.lose();
        out.push(Found::at(piece, view, Layer::Http, Words::new(format!("HTTP broken: {what}"))));
    }

    /// The body is complete.
    fn finish(&mut self, piece: &Piece<'_>, view: View, out: &mut Vec<Found>) {
        self.state = State::Head;
        let lines = std::mem::take(&mut self.body).lines();
        out.extend(lines.into_iter().map(|words| Found::at(piece, view, Layer::Http, words)));
    }
}

fn is_blank(line: &[u8]) -> bool {
    line.iter().all(|byte| matches!(byte, b'\r' | b'\n'))
}

/// The size in front of a chunk, without its extensions (RFC 9112, section 7.1).
fn chunk_size(line: &[u8]) -> Option<u64> {
    let digits = line.iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
    if !matches!(line.get(digits), Some(b'\r' | b'\n' | b';' | b' ' | b'\t')) {
        return None;
    }
    u64::from_str_radix(std::str::from_utf8(line.get(..digits)?).ok()?, 16).ok()
}
