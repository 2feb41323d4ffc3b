//! The head of an HTTP/1.x message: its start line and headers.

use super::variable::{Shown, add, header, plain};
use crate::words::Words;

/// Headers of a message that are shown.
const MOST_HEADERS: usize = 128;

/// A head in its parts.
pub(super) struct Head<'a> {
    pub(super) start: Start<'a>,
    headers: Vec<(&'a str, String)>,
    left_out: usize,
}

pub(super) enum Start<'a> {
    Request { method: &'a str, target: &'a str, version: &'a str },
    Response { status: u16, reason: &'a str, version: &'a str },
}

/// How a body is delimited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Framing {
    None,
    Length(u64),
    Chunked,
    /// Nothing says where it ends.
    Open,
    Broken,
}

impl<'a> Head<'a> {
    /// Reads a head; `None` when its first line begins no message.
    pub(super) fn read(text: &'a str) -> Option<Self> {
        let mut lines = text.split('\n').map(|line| line.strip_suffix('\r').unwrap_or(line));
        // Some clients end a body with an empty line too many (RFC 9112, section 2.2).
        let start = Start::read(lines.find(|line| !line.is_empty())?)?;
        let mut headers: Vec<(&str, String)> = Vec::new();
        let mut left_out = 0;
        for line in lines.filter(|line| !line.is_empty()) {
            // The continuation of a line (RFC 9112, section 5.2).
            if line.starts_with([' ', '\t'])
                && let Some((_, value)) = headers.last_mut()
            {
                value.push(' ');
                value.push_str(line.trim());
            } else if headers.len() == MOST_HEADERS {
                left_out += 1;
            } else {
                let (name, value) = line.split_once(':').unwrap_or((line, ""));
                headers.push((name, value.trim().to_owned()));
            }
        }
        Some(Self { start, headers, left_out })
    }

    /// The value of a header, whatever the case of its name.
    pub(super) fn value(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    /// The same in bytes, of one that has hexadecimal digits.
    pub(super) fn hex(&self, name: &str) -> Vec<u8> {
        self.value(name).and_then(|value| hex::decode(value).ok()).unwrap_or_default()
    }

    /// How the body is delimited (RFC 9112, section 6.3).
    pub(super) fn framing(&self) -> Framing {
        let chunked = |value: &str| value.to_ascii_lowercase().contains("chunked");
        if self.value("Transfer-Encoding").is_some_and(chunked) {
            return Framing::Chunked;
        }
        match self.value("Content-Length").map(str::parse) {
            Some(Ok(0)) => Framing::None,
            Some(Ok(length)) => Framing::Length(length),
            Some(Err(_)) => Framing::Broken,
            None => Framing::Open,
        }
    }

    /// A line for the start line and one for each header.
    pub(super) fn lines(&self) -> impl Iterator<Item = Words> {
        let more = (self.left_out > 0).then(|| Words::new(format!("HTTP   ({} more headers)", self.left_out)));
        let headers = self.headers.iter().map(|(name, value)| {
            let words = Words::new(format!("HTTP   {}: ", plain(name)));
            add(words, header(name), value)
        });
        std::iter::once(self.start.line()).chain(headers).chain(more)
    }
}

impl<'a> Start<'a> {
    fn read(line: &'a str) -> Option<Self> {
        let (first, rest) = line.split_once(' ')?;
        if let Some(version) = first.strip_prefix("HTTP/") {
            let (status, reason) = rest.split_once(' ').unwrap_or((rest, ""));
            let status = status.trim().parse().ok()?;
            return Some(Self::Response { status, reason, version });
        }
        let (target, version) = rest.rsplit_once(" HTTP/")?;
        Some(Self::Request { method: first, target, version })
    }

    fn line(&self) -> Words {
        let (words, version) = match self {
            Self::Request { method, target, version } => {
                (add(Words::new(format!("HTTP {} ", plain(method))), Shown::Url, target), version)
            }
            Self::Response { status, reason, version } => {
                (Words::new(format!("HTTP {status} {}", plain(reason.trim())).trim_end().to_owned()), version)
            }
        };
        // Only the usual version goes without saying.
        if *version == "1.1" { words } else { words.text(format!(" HTTP/{}", plain(version))) }
    }
}
