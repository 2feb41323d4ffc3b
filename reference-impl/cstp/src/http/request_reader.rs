//! The server's reader.

use super::body::{BodyReader, Framing};
use super::head::{HeadReader, framing, version};
use super::{Headers, HttpError, Limits, Request, Version};

/// Reads requests from the bytes of one connection, in order and one at a time (AC-HTTP-16).
///
/// Memory is bounded by the limits: a header without end and a body that is announced too long are errors at once (AC-HTTP-17).
pub struct RequestReader {
    limits: Limits,
    buffer: Vec<u8>,
    head: HeadReader,
    open: Option<(Request, BodyReader)>,
    asks_to_continue: bool,
    overflow: bool,
    closed: bool,
    failed: Option<HttpError>,
}

impl std::fmt::Debug for RequestReader {
    /// Shows how much is held back, and none of it.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("RequestReader").field("buffered", &self.buffer.len()).finish_non_exhaustive()
    }
}

impl RequestReader {
    /// Creates a reader at the start of a connection.
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            buffer: Vec::new(),
            head: HeadReader::new(limits, false),
            open: None,
            asks_to_continue: false,
            overflow: false,
            closed: false,
            failed: None,
        }
    }

    /// Takes bytes of the connection; call [`next`](Self::next) until it returns nothing before pushing more.
    pub fn push(&mut self, bytes: &[u8]) {
        self.overflow |= !super::response_reader::append(&mut self.buffer, bytes, self.limits);
    }

    /// Says that no more bytes will come.
    pub fn close(&mut self) {
        self.closed = true;
    }

    /// Returns the next whole request, or nothing when more bytes are needed.
    ///
    /// # Errors
    /// Fails on bytes that are no request and on what exceeds the limits, and then for ever.
    #[expect(clippy::should_implement_trait, reason = "an iterator cannot say that more bytes are needed")]
    pub fn next(&mut self) -> Result<Option<Request>, HttpError> {
        if let Some(error) = &self.failed {
            return Err(error.clone());
        }
        let result = self.step();
        if let Err(error) = &result {
            self.failed = Some(error.clone());
            self.buffer = Vec::new();
        }
        result
    }

    /// Returns whether the client waits for `100 Continue` before it sends the body; true once per request.
    pub fn wants_continue(&mut self) -> bool {
        std::mem::take(&mut self.asks_to_continue) && self.open.is_some()
    }

    /// Returns whether a request has begun and is not whole.
    pub fn in_progress(&self) -> bool {
        self.open.is_some() || self.head.started() || !self.buffer.is_empty()
    }

    /// Returns the bytes behind the last request, which belong to what follows HTTP.
    pub fn take_rest(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.buffer)
    }

    fn step(&mut self) -> Result<Option<Request>, HttpError> {
        if self.overflow {
            return Err(HttpError::Overflow);
        }
        if self.open.is_none() {
            let Some((first_line, headers)) = self.head.advance(&mut self.buffer)? else {
                let within = self.closed && self.in_progress();
                return if within { Err(HttpError::Truncated) } else { Ok(None) };
            };
            self.open = Some(self.begin(&first_line, headers)?);
        }
        let Some((_, body)) = &mut self.open else { return Ok(None) };
        let Some(body) = body.advance(&mut self.buffer, self.closed)? else { return Ok(None) };
        let open = self.open.take();
        Ok(open.map(|(request, _)| Request { body, ..request }))
    }

    fn begin(&mut self, first_line: &str, headers: Headers) -> Result<(Request, BodyReader), HttpError> {
        let mut words = first_line.split(' ');
        let (Some(method), Some(target), Some(version_word), None) =
            (words.next(), words.next(), words.next(), words.next())
        else {
            return Err(HttpError::FirstLine);
        };
        let version = version(version_word)?;
        let token = !method.is_empty() && method.bytes().all(|byte| byte.is_ascii_alphabetic() || byte == b'-');
        if !token || target.is_empty() {
            return Err(HttpError::FirstLine);
        }
        let framing = framing(&headers, self.limits.body, Framing::Length(0), true)?;
        self.asks_to_continue =
            version == Version::Http11 && headers.has_token("Expect", "100-continue") && self.buffer.is_empty();
        let request =
            Request { method: method.to_owned(), target: target.to_owned(), version, headers, body: Vec::new() };
        Ok((request, BodyReader::new(framing, self.limits.body)))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(bytes: &[u8]) -> Result<Option<Request>, HttpError> {
        let mut reader = RequestReader::new(Limits::server());
        reader.push(bytes);
        reader.next()
    }

    #[test]
    fn a_request_comes_whole_at_any_cut() {
        let wire = b"\r\nPOST /auth HTTP/1.1\r\nhost: h\r\nX-Pad:00\r\nX-Fold: a\r\n  b\r\n\tc\r\nContent-Length: 3\r\n\r\nabcGET";
        for cut in 0..wire.len() {
            let mut reader = RequestReader::new(Limits::server());
            let mut found = None;
            for part in [&wire[..cut], &wire[cut..]] {
                reader.push(part);
                found = found.or(reader.next().unwrap());
            }
            let request = found.unwrap_or_else(|| panic!("cut at {cut}"));
            assert_eq!(
                (request.method.as_str(), request.target.as_str(), request.body.as_slice()),
                ("POST", "/auth", &b"abc"[..])
            );
            let fields: Vec<_> = request.headers.iter().collect();
            assert_eq!(fields, [("host", "h"), ("X-Pad", "00"), ("X-Fold", "a b c"), ("Content-Length", "3")]);
            assert!(reader.in_progress());
        }
    }

    #[test]
    fn pipelined_requests_are_served_in_order() {
        let mut reader = RequestReader::new(Limits::server());
        reader
            .push(b"POST /1 HTTP/1.1\r\nContent-Length: 2\r\n\r\nabGET /2 HTTP/1.0\n\nCONNECT /3 HTTP/1.1\r\n\r\nSTF");
        let targets: Vec<_> =
            std::iter::from_fn(|| reader.next().unwrap()).take(3).map(|request| request.target).collect();
        assert_eq!(targets, ["/1", "/2", "/3"]);
        assert_eq!(reader.take_rest(), b"STF");
    }

    #[test]
    fn a_header_without_end_is_an_error_at_the_limit() {
        let limits = Limits { head: 100, ..Limits::server() };
        let mut reader = RequestReader::new(limits);
        reader.push(&[b'G'; 99]);
        assert_eq!(reader.next(), Ok(None));
        reader.push(b"G");
        assert_eq!(reader.next(), Err(HttpError::HeadTooLong(100)));
        assert_eq!(reader.next(), Err(HttpError::HeadTooLong(100)), "and stays one");
        let mut reader = RequestReader::new(limits);
        reader.push(b"GET / HTTP/1.1\r\n");
        let mut result = reader.next();
        for _ in 0..20 {
            reader.push(b"A: b\r\n");
            result = reader.next();
        }
        assert_eq!(result, Err(HttpError::HeadTooLong(100)), "many short lines count together");
        assert!(read(format!("GET / HTTP/1.1\r\n{}\r\n", "A: b\r\n".repeat(100)).as_bytes()).unwrap().is_some());
        let many = format!("GET / HTTP/1.1\r\n{}\r\n", "A: b\r\n".repeat(101));
        assert_eq!(read(many.as_bytes()), Err(HttpError::TooManyHeaders(100)));
    }

    #[test]
    fn a_body_is_judged_by_its_announcement() {
        let with = |fields: &str| read(format!("POST / HTTP/1.1\r\n{fields}\r\n\r\n").as_bytes());
        assert_eq!(with("Content-Length: 1073741824"), Err(HttpError::BodyTooLong(256 << 10)));
        assert_eq!(with("Content-Length: 99999999999999999999999"), Err(HttpError::BodyTooLong(256 << 10)));
        for bad in
            ["Content-Length: -1", "Content-Length: 1\r\nContent-Length: 2", "Content-Length: +1", "Content-Length: "]
        {
            assert_eq!(with(bad), Err(HttpError::Length), "{bad}");
        }
        assert_eq!(with("Transfer-Encoding: chunked\r\nContent-Length: 3"), Err(HttpError::Length));
        for bad in
            ["Transfer-Encoding: gzip", "Transfer-Encoding: gzip, chunked", "Transfer-Encoding: chunked, chunked"]
        {
            assert_eq!(with(bad), Err(HttpError::TransferCoding), "{bad}");
        }
        assert!(with("Content-Length: 0\r\nContent-Length: 0").unwrap().is_some());
    }

    #[test]
    fn what_is_no_request_is_refused() {
        for bad in [
            "GET /",
            "GET  / HTTP/1.1",
            "GET / HTTP/2.0",
            "G@T / HTTP/1.1",
            " / HTTP/1.1",
            "GET / HTTP/1.1 x",
            "\x16\x03\x01",
        ] {
            assert_eq!(read(format!("{bad}\r\n\r\n").as_bytes()), Err(HttpError::FirstLine), "{bad:?}");
        }
        for bad in ["no colon", ": x", "a b: c", "A : b", " folded first", "A: \0"] {
            assert_eq!(
                read(format!("GET / HTTP/1.1\r\n{bad}\r\n\r\n").as_bytes()),
                Err(HttpError::HeaderLine),
                "{bad:?}"
            );
        }
    }

    #[test]
    fn bytes_that_nobody_takes_do_not_pile_up() {
        let mut reader = RequestReader::new(Limits::server());
        for _ in 0..1000 {
            reader.push(&[b'x'; 4096]);
        }
        assert!(reader.buffer.len() <= (16 << 10) + (256 << 10) + (128 << 10));
        assert_eq!(reader.next(), Err(HttpError::Overflow));
    }

    #[test]
    fn an_end_between_requests_is_none_and_within_one_is_an_error() {
        let mut reader = RequestReader::new(Limits::server());
        reader.push(b"GET / HTTP/1.1\r\n\r\n");
        assert!(reader.next().unwrap().is_some());
        reader.close();
        assert_eq!(reader.next(), Ok(None));
        for part in ["GET /", "GET / HTTP/1.1\r\nA: b\r\n", "POST / HTTP/1.1\r\nContent-Length: 4\r\n\r\nabc"] {
            let mut reader = RequestReader::new(Limits::server());
            reader.push(part.as_bytes());
            reader.close();
            assert_eq!(reader.next(), Err(HttpError::Truncated), "{part:?}");
        }
    }

    #[test]
    fn a_client_that_waits_is_told_once_to_go_on() {
        let mut reader = RequestReader::new(Limits::server());
        reader.push(b"POST / HTTP/1.1\r\nExpect: 100-Continue\r\nContent-Length: 1\r\n\r\n");
        assert_eq!(reader.next(), Ok(None));
        assert!(reader.wants_continue());
        assert!(!reader.wants_continue());
        reader.push(b"x");
        assert_eq!(reader.next().unwrap().unwrap().body, b"x");
        assert!(!reader.wants_continue());
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(parts in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..200), 0..8)) {
            let mut reader = RequestReader::new(Limits { head: 150, headers: 5, body: 100 });
            for part in &parts {
                reader.push(part);
                while let Ok(Some(_)) = reader.next() {}
            }
            reader.close();
            let _ = reader.next();
        }

        #[test]
        fn mutated_requests_never_panic_and_never_exceed_the_limits(
            at in 0_usize..120, byte in any::<u8>(), cut in 0_usize..140, chunked in any::<bool>(),
        ) {
            let field = if chunked { "Transfer-Encoding: chunked" } else { "Content-Length: 13" };
            let mut wire = format!("POST /auth HTTP/1.1\r\nHost: h\r\nX-Pad: 00\r\n{field}\r\n\r\n3\r\nabc\r\n0\r\n\r\n").into_bytes();
            let at = at % wire.len();
            wire[at] = byte;
            let mut reader = RequestReader::new(Limits { head: 200, headers: 10, body: 20 });
            for part in [&wire[..cut.min(wire.len())], &wire[cut.min(wire.len())..]] {
                reader.push(part);
                while let Ok(Some(request)) = reader.next() {
                    prop_assert!(request.body.len() <= 20 && request.headers.len() <= 10);
                }
            }
        }
    }
}
