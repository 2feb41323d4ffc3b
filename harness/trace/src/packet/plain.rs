//! Flows of which little is shown: clear HTTP inside of a tunnel by its first lines, and anything that was not recognised.

use interop_evidence::{Layer, View};

use crate::Keys;
use crate::found::{FlowDecoder, Found, Piece};
use crate::words::Words;

/// Longest line of HTTP that is shown.
const MOST_LINE: usize = 160;
/// Methods of clear HTTP (RFC 9110, section 9; RFC 5789).
const METHODS: [&str; 9] = ["GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"];

/// A flow whose pieces are shown by their size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Plain {
    what: &'static str,
    layer: Layer,
}

impl Plain {
    /// Bytes of an unknown protocol over `layer`.
    pub(super) const fn data(layer: Layer) -> Self {
        Self { what: "data", layer }
    }

    /// A protocol that was recognised and is not opened.
    pub(super) const fn closed(what: &'static str, layer: Layer) -> Self {
        Self { what, layer }
    }

    /// Tells of a datagram of `size` bytes, of which more may have been captured or less.
    pub(super) fn datagram(self, piece: &Piece<'_>, size: usize, out: &mut Vec<Found>) {
        let words = Words::new(self.what).size(size);
        out.push(Found::at(piece, View::OuterFlow, self.layer, words));
    }
}

impl FlowDecoder for Plain {
    fn feed(&mut self, piece: &Piece<'_>, _keys: &mut Keys, out: &mut Vec<Found>) {
        match http(piece.bytes) {
            Some(line) if self.layer == Layer::Tcp => out.push(Found::at(piece, View::OuterFlow, Layer::Http, line)),
            _ => self.datagram(piece, piece.bytes.len(), out),
        }
    }
}

/// The first line of a message: `HTTP GET /path`, `HTTP 200`. What follows a `?` may differ from run to run.
fn http(bytes: &[u8]) -> Option<String> {
    let is_request =
        METHODS.iter().any(|method| bytes.strip_prefix(method.as_bytes()).is_some_and(|rest| rest.starts_with(b" ")));
    if !is_request && !bytes.starts_with(b"HTTP/1.") {
        return None;
    }
    let end = bytes.iter().take(MOST_LINE).position(|byte| !matches!(byte, b' '..=b'~'));
    let line = std::str::from_utf8(bytes.get(..end.unwrap_or(MOST_LINE.min(bytes.len())))?).ok()?;
    let (first, rest) = line.split_once(' ')?;
    let second = rest.split([' ', '?']).next()?;
    Some(if first.starts_with("HTTP/") { format!("HTTP {second}") } else { format!("HTTP {first} {second}") })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_lines_of_http() {
        assert_eq!(http(b"GET /bytes/9?seed=5 HTTP/1.1\r\nHost: x\r\n").as_deref(), Some("HTTP GET /bytes/9"));
        assert_eq!(
            http(b"CONNECT vpn.example.test:443 HTTP/1.1\r\n").as_deref(),
            Some("HTTP CONNECT vpn.example.test:443")
        );
        assert_eq!(http(b"HTTP/1.1 200 OK\r\n\r\nHello").as_deref(), Some("HTTP 200"));
        assert_eq!(http(b"HTTP/1.1"), None);
        assert_eq!(http(b"GETTING there"), None);
        assert_eq!(http(b"POST \xff\xff").as_deref(), Some("HTTP POST "));
        let long = [b"GET /", &[b'x'; 500][..]].concat();
        assert_eq!(http(&long).map(|line| line.len()), Some("HTTP ".len() + MOST_LINE));
    }
}
