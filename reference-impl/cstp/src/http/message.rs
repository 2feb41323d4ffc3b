//! Requests and responses as values.

use std::fmt;

use super::Headers;

/// The interim reply that lets a client with `Expect: 100-continue` go on.
pub const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

/// The version of the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Version {
    /// `HTTP/1.0`: the connection ends after the reply.
    Http10,
    /// `HTTP/1.1`.
    Http11,
}

impl fmt::Display for Version {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Http10 => "HTTP/1.0",
            Self::Http11 => "HTTP/1.1",
        })
    }
}

/// A request. Debug output shows the length of its body and no credentials.
#[derive(Clone, PartialEq, Eq)]
pub struct Request {
    /// The method, such as `POST`.
    pub method: String,
    /// The target as it stands in the request line, usually a path.
    pub target: String,
    /// The version.
    pub version: Version,
    /// The fields in order.
    pub headers: Headers,
    /// The body without any transfer coding.
    pub body: Vec<u8>,
}

/// A response. Debug output shows the length of its body and no credentials.
#[derive(Clone, PartialEq, Eq)]
pub struct Response {
    /// The version.
    pub version: Version,
    /// The status, from 100 to 599.
    pub status: u16,
    /// The reason phrase; it may be empty.
    pub reason: String,
    /// The fields in order.
    pub headers: Headers,
    /// The body without any transfer coding.
    pub body: Vec<u8>,
}

impl Request {
    /// Creates an HTTP/1.1 request without fields and body.
    pub fn new(method: &str, target: &str) -> Self {
        Self {
            method: method.to_owned(),
            target: target.to_owned(),
            version: Version::Http11,
            headers: Headers::new(),
            body: Vec::new(),
        }
    }

    /// Returns the path of the target: without query, and without scheme and authority if the target has them.
    pub fn path(&self) -> &str {
        let target = self.target.split(['?', '#']).next().unwrap_or_default();
        match target.split_once("://") {
            Some((_, rest)) => rest.find('/').map_or("/", |slash| &rest[slash..]),
            None => target,
        }
    }

    /// Returns whether the client ends the connection after the reply, or is too old to keep it.
    pub fn closes(&self) -> bool {
        closes(self.version, &self.headers)
    }

    /// Returns the bytes on the wire.
    ///
    /// Fields are written as they are; `Content-Length` stands there only if the caller pushed it. The body is sent in chunks when
    /// the fields say `Transfer-Encoding: chunked`.
    pub fn to_bytes(&self) -> Vec<u8> {
        let words =
            |text: &str| text.chars().filter(|letter| !letter.is_control() && *letter != ' ').collect::<String>();
        render(&format!("{} {} {}", words(&self.method), words(&self.target), self.version), &self.headers, &self.body)
    }
}

impl Response {
    /// Creates an HTTP/1.1 response without fields and body.
    pub fn new(status: u16, reason: &str) -> Self {
        Self { version: Version::Http11, status, reason: reason.to_owned(), headers: Headers::new(), body: Vec::new() }
    }

    /// Returns whether no further request can be sent on this connection (AC-HTTP-12).
    ///
    /// That is so with HTTP/1.0, with `Connection: close`, and when the body had no other end than that of the connection.
    pub fn closes(&self) -> bool {
        let bodyless = self.status < 200 || self.status == 204 || self.status == 304;
        let framed =
            self.headers.get("Content-Length").is_some() || self.headers.has_token("Transfer-Encoding", "chunked");
        closes(self.version, &self.headers) || !(bodyless || framed)
    }

    /// Returns the bytes on the wire; see [`Request::to_bytes`] for the body.
    pub fn to_bytes(&self) -> Vec<u8> {
        let reason: String = self.reason.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect();
        render(&format!("{} {} {reason}", self.version, self.status), &self.headers, &self.body)
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {} {} {:?}", self.method, self.target, self.version, self.headers)?;
        write!(formatter, " and {} bytes", self.body.len())
    }
}

impl fmt::Debug for Response {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {} {} {:?}", self.version, self.status, self.reason, self.headers)?;
        write!(formatter, " and {} bytes", self.body.len())
    }
}

fn closes(version: Version, headers: &Headers) -> bool {
    match version {
        Version::Http10 => !headers.has_token("Connection", "keep-alive"),
        Version::Http11 => headers.has_token("Connection", "close"),
    }
}

fn render(first_line: &str, headers: &Headers, body: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(256 + body.len());
    out.extend_from_slice(first_line.as_bytes());
    out.extend_from_slice(b"\r\n");
    for (name, value) in headers.iter() {
        out.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
    }
    out.extend_from_slice(b"\r\n");
    if !headers.has_token("Transfer-Encoding", "chunked") {
        out.extend_from_slice(body);
        return out;
    }
    for chunk in body.chunks(1024) {
        out.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
        out.extend_from_slice(chunk);
        out.extend_from_slice(b"\r\n");
    }
    out.extend_from_slice(b"0\r\n\r\n");
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_written_as_it_was_built() {
        let mut request = Request::new("POST", "/auth");
        request.headers.push("Host", "h");
        request.headers.push("x-ODD", "v");
        request.body = b"abc".to_vec();
        assert_eq!(request.to_bytes(), b"POST /auth HTTP/1.1\r\nHost: h\r\nx-ODD: v\r\n\r\nabc");
    }

    #[test]
    fn a_response_in_chunks_names_each_length() {
        let mut response = Response::new(200, "OK");
        response.headers.push("Transfer-Encoding", "chunked");
        response.body = vec![b'x'; 1025];
        let text = String::from_utf8(response.to_bytes()).unwrap();
        assert!(text.starts_with("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n400\r\nxxx"), "{text}");
        assert!(text.ends_with("x\r\n1\r\nx\r\n0\r\n\r\n"), "{text}");
    }

    #[test]
    fn debug_output_hides_the_body() {
        let request = Request { body: b"<password>s3cret</password>".to_vec(), ..Request::new("POST", "/") };
        assert_eq!(format!("{request:?}"), "POST / HTTP/1.1 {} and 27 bytes");
        let response = Response { body: b"s3cret".to_vec(), ..Response::new(200, "OK") };
        assert_eq!(format!("{response:?}"), "HTTP/1.1 200 OK {} and 6 bytes");
    }

    #[test]
    fn nothing_in_the_first_line_starts_a_second_one() {
        assert!(
            Response::new(401, "no\r\nSet-Cookie: a").to_bytes().starts_with(b"HTTP/1.1 401 no  Set-Cookie: a\r\n\r\n")
        );
        assert_eq!(Request::new("GET", "/a b\r\nX: y").to_bytes(), b"GET /abX:y HTTP/1.1\r\n\r\n");
    }

    #[test]
    fn the_path_has_neither_query_nor_authority() {
        for (target, path) in
            [("/a?b", "/a"), ("https://h:1/x/y?z", "/x/y"), ("https://h", "/"), ("*", "*"), ("/a#f", "/a")]
        {
            assert_eq!(Request::new("GET", target).path(), path);
        }
    }

    #[test]
    fn a_connection_ends_as_the_versions_say() {
        let mut response = Response::new(200, "OK");
        assert!(response.closes(), "a body without length ends with the connection");
        response.headers.push("Content-Length", "0");
        assert!(!response.closes());
        response.version = Version::Http10;
        assert!(response.closes());
        response.headers.push("Connection", "Keep-Alive");
        assert!(!response.closes());
        let mut request = Request::new("GET", "/");
        assert!(!request.closes());
        request.headers.push("connection", "Close");
        assert!(request.closes());
    }
}
