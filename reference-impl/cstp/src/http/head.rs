//! The head of a message: first line, fields, their limits, and what they say about the body.

use super::body::Framing;
use super::{Headers, Version};

/// Most bytes, fields and body that a reader takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Most bytes of first line and fields together.
    pub head: usize,
    /// Most fields.
    pub headers: usize,
    /// Most bytes of a body.
    pub body: usize,
}

impl Default for Limits {
    /// The client's limits: 64 KiB, 2000 fields (a reply may list very many routes), 256 KiB.
    fn default() -> Self {
        Self { head: 64 << 10, headers: 2000, body: 256 << 10 }
    }
}

impl Limits {
    /// Returns the server's limits: 16 KiB, 100 fields, 256 KiB (AC-HTTP-17).
    pub fn server() -> Self {
        Self { head: 16 << 10, headers: 100, body: 256 << 10 }
    }
}

/// Bytes that are no HTTP message, or too many of them.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HttpError {
    /// The first line is none of a request or response of HTTP/1.x.
    #[error("the first line is not HTTP/1.x")]
    FirstLine,
    /// A header line has no colon, no name or a name that is no token, or the first one is folded.
    #[error("a header line is malformed")]
    HeaderLine,
    /// First line and header fields are longer than allowed.
    #[error("the header is longer than {0} bytes")]
    HeadTooLong(usize),
    /// There are more header fields than allowed.
    #[error("there are more than {0} header fields")]
    TooManyHeaders(usize),
    /// The length of the body is no number, or two lengths contradict each other.
    #[error("the length of the body is malformed or contradictory")]
    Length,
    /// The body is longer than allowed.
    #[error("the body is longer than {0} bytes")]
    BodyTooLong(usize),
    /// The transfer coding is another than `chunked`.
    #[error("the transfer coding is not known")]
    TransferCoding,
    /// A chunk is malformed.
    #[error("a chunk of the body is malformed")]
    Chunk,
    /// The connection ended within a message.
    #[error("the connection ended within a message")]
    Truncated,
    /// More bytes were pushed than a reader holds back.
    #[error("more data came than fits one message")]
    Overflow,
}

/// Collects the lines of a head as bytes come in, and never more than allowed.
pub(super) struct HeadReader {
    limits: Limits,
    /// A response skips lines that are no fields, as deployed clients do; a request is refused.
    lenient: bool,
    seen: usize,
    first_line: Option<String>,
    headers: Headers,
}

impl HeadReader {
    pub(super) fn new(limits: Limits, lenient: bool) -> Self {
        Self { limits, lenient, seen: 0, first_line: None, headers: Headers::new() }
    }

    /// Returns whether any byte of a head has been taken.
    pub(super) fn started(&self) -> bool {
        self.first_line.is_some()
    }

    /// Takes whole lines from the front of `buffer`; returns first line and fields when the empty line has been taken.
    pub(super) fn advance(&mut self, buffer: &mut Vec<u8>) -> Result<Option<(String, Headers)>, HttpError> {
        let mut taken = 0;
        let done = loop {
            let rest = &buffer[taken..];
            let room = self.limits.head - self.seen;
            let Some(end) = rest.iter().take(room).position(|byte| *byte == b'\n') else {
                if rest.len() >= room {
                    return Err(HttpError::HeadTooLong(self.limits.head));
                }
                break false;
            };
            let line = &rest[..end];
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            self.seen += end + 1;
            taken += end + 1;
            if self.line(line)? {
                break true;
            }
        };
        buffer.drain(..taken);
        if !done {
            return Ok(None);
        }
        self.seen = 0;
        let first_line = self.first_line.take().unwrap_or_default();
        Ok(Some((first_line, std::mem::take(&mut self.headers))))
    }

    /// Takes one line; returns whether it ends the head.
    fn line(&mut self, line: &[u8]) -> Result<bool, HttpError> {
        if self.first_line.is_none() {
            // Empty lines before a message are leftovers of the one before (RFC 9112, 2.2).
            if !line.is_empty() {
                self.first_line = Some(text(line).ok_or(HttpError::FirstLine)?);
            }
            return Ok(false);
        }
        if line.is_empty() {
            return Ok(true);
        }
        match self.field(line) {
            Err(HttpError::HeaderLine) if self.lenient => Ok(false),
            other => other.map(|()| false),
        }
    }

    fn field(&mut self, line: &[u8]) -> Result<(), HttpError> {
        let line = text(line).ok_or(HttpError::HeaderLine)?;
        if line.starts_with([' ', '\t']) {
            // A folded line goes on with the value of the last one (AC-HTTP-11).
            return if self.headers.fold(line.trim()) { Ok(()) } else { Err(HttpError::HeaderLine) };
        }
        if self.headers.len() >= self.limits.headers {
            return Err(HttpError::TooManyHeaders(self.limits.headers));
        }
        let (name, value) = line.split_once(':').ok_or(HttpError::HeaderLine)?;
        let name = if self.lenient { name.trim_end() } else { name };
        let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
        if name.is_empty() || !name.bytes().all(token) {
            return Err(HttpError::HeaderLine);
        }
        self.headers.push(name, value.trim());
        Ok(())
    }
}

/// Reads a line as UTF-8, or as Latin-1 when it is none; `None` when it holds control characters other than a tab.
fn text(line: &[u8]) -> Option<String> {
    let text = match std::str::from_utf8(line) {
        Ok(text) => text.to_owned(),
        Err(_) => line.iter().copied().map(char::from).collect(),
    };
    let control = |letter: char| letter.is_ascii_control() && letter != '\t';
    (!text.contains(control)).then_some(text)
}

/// Reads `HTTP/1.0` and `HTTP/1.x`.
pub(super) fn version(word: &str) -> Result<Version, HttpError> {
    match word {
        "HTTP/1.1" => Ok(Version::Http11),
        "HTTP/1.0" => Ok(Version::Http10),
        _ => Err(HttpError::FirstLine),
    }
}

/// Says how the body ends; `none` is what a message without any length has.
///
/// A response may carry both a length and chunks, and chunks win; in a request that is an attempt to smuggle and refused.
pub(super) fn framing(headers: &Headers, limit: usize, none: Framing, strict: bool) -> Result<Framing, HttpError> {
    let mut codings = headers.get_all("Transfer-Encoding").flat_map(|value| value.split(',')).map(str::trim);
    if let Some(coding) = codings.next() {
        if !coding.eq_ignore_ascii_case("chunked") || codings.next().is_some() {
            return Err(HttpError::TransferCoding);
        }
        if strict && headers.get("Content-Length").is_some() {
            return Err(HttpError::Length);
        }
        return Ok(Framing::chunked());
    }
    let mut length = None;
    for member in headers.get_all("Content-Length").flat_map(|value| value.split(',')).map(str::trim) {
        if member.is_empty() || !member.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(HttpError::Length);
        }
        // A number that does not even fit is too long as well.
        let value = member.parse::<u64>().unwrap_or(u64::MAX);
        if length.is_some_and(|length| length != value) {
            return Err(HttpError::Length);
        }
        length = Some(value);
    }
    match length {
        None => Ok(none),
        Some(length) => {
            let length = usize::try_from(length).ok().filter(|length| *length <= limit);
            Ok(Framing::Length(length.ok_or(HttpError::BodyTooLong(limit))?))
        }
    }
}
