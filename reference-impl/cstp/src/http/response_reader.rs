//! The client's reader.

use super::body::{BodyReader, Framing};
use super::head::{HeadReader, framing, version};
use super::{Headers, HttpError, Limits, Response};

/// Most interim replies (`100 Continue`) before a final one.
const MAX_INTERIM: u32 = 16;

/// What kind of reply comes next.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Expect {
    /// A reply with a body.
    #[default]
    Body,
    /// The reply to CONNECT: after a status of 2xx the bytes behind the head belong to CSTP.
    ConnectReply,
}

/// Reads responses from the bytes of one connection.
///
/// It understands bodies with a length, in chunks and up to the end of the connection (AC-HTTP-10), folded lines and a missing space
/// after the colon (AC-HTTP-11), and skips interim replies. Lines of a head that are no fields are skipped, as deployed clients do.
pub struct ResponseReader {
    limits: Limits,
    buffer: Vec<u8>,
    head: HeadReader,
    expect: Expect,
    open: Option<(Response, BodyReader)>,
    interim: u32,
    tunnel: bool,
    overflow: bool,
    closed: bool,
    failed: Option<HttpError>,
}

impl std::fmt::Debug for ResponseReader {
    /// Shows how much is held back, and none of it.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("ResponseReader").field("buffered", &self.buffer.len()).finish_non_exhaustive()
    }
}

impl ResponseReader {
    /// Creates a reader at the start of a connection.
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            buffer: Vec::new(),
            head: HeadReader::new(limits, true),
            expect: Expect::Body,
            open: None,
            interim: 0,
            tunnel: false,
            overflow: false,
            closed: false,
            failed: None,
        }
    }

    /// Says what kind of reply comes next; until then, and after each reply, it is one with a body.
    pub fn expect(&mut self, expect: Expect) {
        self.expect = expect;
    }

    /// Takes bytes of the connection; call [`next`](Self::next) until it returns nothing before pushing more.
    pub fn push(&mut self, bytes: &[u8]) {
        self.overflow |= !append(&mut self.buffer, bytes, self.limits);
    }

    /// Says that no more bytes will come, which ends a body that has no other end.
    pub fn close(&mut self) {
        self.closed = true;
    }

    /// Returns the next whole response, or nothing when more bytes are needed.
    ///
    /// # Errors
    /// Fails on bytes that are no response and on what exceeds the limits, and then for ever.
    #[expect(clippy::should_implement_trait, reason = "an iterator cannot say that more bytes are needed")]
    pub fn next(&mut self) -> Result<Option<Response>, HttpError> {
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

    /// Returns the bytes behind the last response; after CONNECT they belong to CSTP.
    pub fn take_rest(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.buffer)
    }

    fn step(&mut self) -> Result<Option<Response>, HttpError> {
        if self.overflow {
            return Err(HttpError::Overflow);
        }
        if self.tunnel {
            return Ok(None);
        }
        while self.open.is_none() {
            let Some((first_line, headers)) = self.head.advance(&mut self.buffer)? else {
                let within = self.closed && (self.head.started() || !self.buffer.is_empty());
                return if within { Err(HttpError::Truncated) } else { Ok(None) };
            };
            let response = status_line(&first_line, headers)?;
            if (100..200).contains(&response.status) {
                self.interim += 1;
                if self.interim > MAX_INTERIM {
                    return Err(HttpError::FirstLine);
                }
                continue;
            }
            self.interim = 0;
            let expect = std::mem::take(&mut self.expect);
            if expect == Expect::ConnectReply && (200..300).contains(&response.status) {
                self.tunnel = true;
                return Ok(Some(response));
            }
            let framing = match response.status {
                204 | 304 => Framing::Length(0),
                _ => framing(&response.headers, self.limits.body, Framing::Close, false)?,
            };
            self.open = Some((response, BodyReader::new(framing, self.limits.body)));
        }
        let Some((_, body)) = &mut self.open else { return Ok(None) };
        let Some(body) = body.advance(&mut self.buffer, self.closed)? else { return Ok(None) };
        let open = self.open.take();
        Ok(open.map(|(response, _)| Response { body, ..response }))
    }
}

/// Appends to a reader's buffer unless that would exceed what one message and one read may hold.
pub(super) fn append(buffer: &mut Vec<u8>, bytes: &[u8], limits: Limits) -> bool {
    const SLACK: usize = 128 << 10;
    if buffer.len() + bytes.len() > limits.head + limits.body + SLACK {
        return false;
    }
    buffer.extend_from_slice(bytes);
    true
}

fn status_line(line: &str, headers: Headers) -> Result<Response, HttpError> {
    let mut words = line.splitn(3, ' ');
    let version = version(words.next().unwrap_or_default())?;
    let status = words.next().filter(|word| word.len() == 3 && word.bytes().all(|byte| byte.is_ascii_digit()));
    let status = status
        .and_then(|word| word.parse().ok())
        .filter(|status| (100..600).contains(status))
        .ok_or(HttpError::FirstLine)?;
    let reason = words.next().unwrap_or_default().trim().to_owned();
    Ok(Response { version, status, reason, headers, body: Vec::new() })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::Version;
    use super::*;

    fn reader(bytes: &[u8]) -> ResponseReader {
        let mut reader = ResponseReader::new(Limits::default());
        reader.push(bytes);
        reader
    }

    /// What an ASA sends: chunks, and fields with and without a space after the colon.
    const CHUNKED: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Type: text/xml; charset=utf-8\r\nTransfer-Encoding:chunked\r\n\
        Cache-Control: no-store\r\nPragma: no-cache\r\nX-Transcend-Version: 1\r\n\r\n5\r\n<?xml\r\n2\r\n?>\r\n0\r\n\r\n";

    #[test]
    fn a_body_in_chunks_comes_whole_at_any_cut() {
        for cut in 0..CHUNKED.len() {
            let mut reader = reader(&CHUNKED[..cut]);
            assert_eq!(reader.next(), Ok(None), "{cut}");
            reader.push(&CHUNKED[cut..]);
            let response = reader.next().unwrap().unwrap();
            assert_eq!(response.body, b"<?xml?>");
            assert_eq!(response.headers.get("transfer-encoding"), Some("chunked"));
            assert!(!response.closes());
        }
    }

    #[test]
    fn a_body_without_length_ends_with_the_connection() {
        let mut reader = reader(b"HTTP/1.0 200\r\nX-Folded: a\r\n b\r\nnot a field\r\n\r\n<auth");
        assert_eq!(reader.next(), Ok(None));
        reader.push(b"/>");
        assert_eq!(reader.next(), Ok(None));
        reader.close();
        let response = reader.next().unwrap().unwrap();
        assert_eq!((response.version, response.status, response.reason.as_str()), (Version::Http10, 200, ""));
        assert_eq!(response.headers.iter().collect::<Vec<_>>(), [("X-Folded", "a b")]);
        assert_eq!(response.body, b"<auth/>");
        assert!(response.closes());
        assert_eq!(reader.next(), Ok(None));
    }

    #[test]
    fn an_interim_reply_is_skipped_and_an_endless_row_of_them_refused() {
        let mut one =
            reader(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 401 Authentication failed\r\nContent-Length: 0\r\n\r\n");
        let response = one.next().unwrap().unwrap();
        assert_eq!((response.status, response.reason.as_str()), (401, "Authentication failed"));
        let mut many = reader(&b"HTTP/1.1 100 Continue\r\n\r\n".repeat(17));
        assert_eq!(many.next(), Err(HttpError::FirstLine));
    }

    #[test]
    fn after_a_granted_connect_the_rest_is_not_http() {
        let wire = b"HTTP/1.1 200 CONNECTED\r\nX-CSTP-MTU: 1400\r\nContent-Length: 5\r\n\r\nSTF\x01";
        let mut tunnel = reader(wire);
        tunnel.expect(Expect::ConnectReply);
        assert_eq!(tunnel.next().unwrap().unwrap().reason, "CONNECTED");
        tunnel.push(b"\0\0");
        assert_eq!(tunnel.next(), Ok(None));
        assert_eq!(tunnel.take_rest(), b"STF\x01\0\0");
        let mut plain = reader(wire);
        assert_eq!(plain.next(), Ok(None), "without the announcement it is a body");
        let mut refused = reader(b"HTTP/1.1 503 Unavailable\r\nX-Reason: full\r\nContent-Length: 2\r\n\r\nno");
        refused.expect(Expect::ConnectReply);
        assert_eq!(refused.next().unwrap().unwrap().body, b"no");
    }

    #[test]
    fn a_body_too_long_is_an_error_at_its_announcement_or_at_the_limit() {
        let announced = b"HTTP/1.1 200 OK\r\nContent-Length: 1073741824\r\n\r\n";
        assert_eq!(reader(announced).next(), Err(HttpError::BodyTooLong(256 << 10)));
        let mut endless = ResponseReader::new(Limits { body: 10, ..Limits::default() });
        endless.push(b"HTTP/1.1 200 OK\r\n\r\n0123456789");
        assert_eq!(endless.next(), Ok(None));
        endless.push(b"0");
        assert_eq!(endless.next(), Err(HttpError::BodyTooLong(10)));
    }

    #[test]
    fn many_routes_fit_and_far_too_many_do_not() {
        let with = |count: usize| format!("HTTP/1.1 200 OK\r\n{}Content-Length: 0\r\n\r\n", "X: 1\r\n".repeat(count));
        assert!(reader(with(1999).as_bytes()).next().unwrap().is_some());
        assert_eq!(reader(with(2000).as_bytes()).next(), Err(HttpError::TooManyHeaders(2000)));
    }

    #[test]
    fn chunks_win_over_a_length_and_204_has_no_body() {
        let mut both =
            reader(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n");
        assert_eq!(both.next().unwrap().unwrap().body, b"a");
        let mut empty = reader(b"HTTP/1.1 204 No Content\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
        assert_eq!(empty.next().unwrap().unwrap().status, 204);
        assert_eq!(empty.next().unwrap().unwrap().status, 200);
    }

    #[test]
    fn what_is_no_response_is_refused() {
        for bad in ["HTTP/2 200 OK", "HTTP/1.1 20 OK", "HTTP/1.1 600 OK", "SSH-2.0-x", "HTTP/1.1", "HTTP/1.1 +20 x"] {
            assert_eq!(reader(format!("{bad}\r\n\r\n").as_bytes()).next(), Err(HttpError::FirstLine), "{bad}");
        }
        let mut cut = reader(b"HTTP/1.1 200 OK\r\nA: ");
        cut.close();
        assert_eq!(cut.next(), Err(HttpError::Truncated));
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(parts in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..200), 0..8), connect: bool) {
            let mut reader = ResponseReader::new(Limits { head: 150, headers: 5, body: 100 });
            reader.expect(if connect { Expect::ConnectReply } else { Expect::Body });
            for part in &parts {
                reader.push(part);
                while let Ok(Some(_)) = reader.next() {}
            }
            reader.close();
            let _ = reader.next();
        }

        #[test]
        fn mutated_responses_never_panic(at in 0_usize..CHUNKED.len(), byte in any::<u8>(), cut in 0_usize..CHUNKED.len()) {
            let mut wire = CHUNKED.to_vec();
            wire[at] = byte;
            let mut reader = ResponseReader::new(Limits { head: 300, headers: 10, body: 20 });
            for part in [&wire[..cut], &wire[cut..]] {
                reader.push(part);
                while let Ok(Some(response)) = reader.next() {
                    prop_assert!(response.body.len() <= 20);
                }
            }
            reader.close();
            let _ = reader.next();
        }
    }
}
