//! Bodies of HTTP messages: aggregate authentication and forms in detail, any other by type and size.

use super::variable::{Shown, add, add_quoted, field, plain};
use super::xml;
use crate::limits::MOST_MESSAGE;
use crate::words::Words;

/// Fields of a form that are shown.
const MOST_FIELDS: usize = 40;
/// How often a body without a known end is looked at.
const MOST_LOOKS: u8 = 8;

/// A body as it comes.
#[derive(Debug, Default)]
pub(crate) struct Body {
    /// `Content-Type` without its parameters, in lower case.
    kind: String,
    /// Whether it could be read: no `Content-Encoding`.
    clear: bool,
    kept: Vec<u8>,
    length: u64,
    lost: bool,
    looks: u8,
}

impl Body {
    /// A body of which nothing has come yet.
    pub(crate) fn new(kind: Option<&str>, encoding: Option<&str>) -> Self {
        let kind = kind.and_then(|kind| kind.split(';').next()).unwrap_or_default().trim().to_ascii_lowercase();
        let clear = encoding.is_none_or(|encoding| encoding.eq_ignore_ascii_case("identity"));
        Self { kind, clear, ..Self::default() }
    }

    /// Takes the next bytes.
    pub(crate) fn add(&mut self, bytes: &[u8]) {
        self.length = self.length.saturating_add(bytes.len() as u64);
        if self.is_read() {
            let room = MOST_MESSAGE.saturating_sub(self.kept.len());
            self.kept.extend_from_slice(bytes.get(..room).unwrap_or(bytes));
        }
    }

    /// Bytes are missing.
    pub(crate) fn lose(&mut self, bytes: u64) {
        self.length = self.length.saturating_add(bytes);
        self.lost = true;
        self.kept = Vec::new();
    }

    /// What the body says.
    pub(crate) fn lines(self) -> Vec<Words> {
        if self.length == 0 {
            return Vec::new();
        }
        let whole = self.length == self.kept.len() as u64;
        if whole && self.is_form() {
            return vec![form(&self.kept)];
        }
        match whole.then(|| xml::lines(&self.kept)).flatten() {
            Some(lines) => lines,
            None => vec![self.line()],
        }
    }

    /// The same for a body whose end is not known, when it is a document and has come to its end just now.
    pub(crate) fn whole_document(&mut self) -> Option<Vec<Words>> {
        if self.kept.is_empty() || self.looks == MOST_LOOKS || !self.kept.trim_ascii_end().ends_with(b">") {
            return None;
        }
        self.looks += 1;
        if !xml::is_whole(&self.kept) {
            return None;
        }
        self.looks = MOST_LOOKS;
        xml::lines(&self.kept)
    }

    fn is_form(&self) -> bool {
        self.kind == "application/x-www-form-urlencoded"
    }

    /// Whether there is something in it to be read.
    fn is_read(&self) -> bool {
        let known = self.kind.is_empty() || self.kind.contains("xml") || self.is_form();
        self.clear && known && !self.lost
    }

    fn line(&self) -> Words {
        let kind = if self.kind.is_empty() { "of no type" } else { &self.kind };
        let lost = if self.lost { ", not whole" } else { "" };
        let size = usize::try_from(self.length).unwrap_or(usize::MAX);
        Words::new(format!("HTTP   body {}{lost}", plain(kind))).size(size)
    }
}

/// `application/x-www-form-urlencoded`: names, and values unless they look like secrets.
fn form(bytes: &[u8]) -> Words {
    let text = String::from_utf8_lossy(bytes);
    let mut words = Words::new("HTTP   form");
    for (index, pair) in text.trim().split('&').enumerate() {
        if index == MOST_FIELDS {
            return words.text(" ...");
        }
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let name = decoded(name);
        words = words.text(format!(" {}=", plain(&name)));
        words = match field(&name) {
            Shown::Plain => add_quoted(words, &decoded(value)),
            shown => add(words, shown, value),
        };
    }
    words
}

/// Without `+` and `%XX`.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, behind @ ..] = rest {
        let digit = |index: usize| behind.get(index).and_then(|byte| char::from(*byte).to_digit(16));
        rest = match (first, digit(0), digit(1)) {
            (b'%', Some(high), Some(low)) => {
                bytes.extend(u8::try_from(high * 16 + low));
                behind.get(2..).unwrap_or_default()
            }
            (b'+', ..) => {
                bytes.push(b' ');
                behind
            }
            _ => {
                bytes.push(*first);
                behind
            }
        };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
