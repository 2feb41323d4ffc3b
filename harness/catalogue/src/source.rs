//! Where things stand: files, places in them, and values that remember their place.

use std::{
    borrow::Borrow,
    fmt,
    hash::{Hash, Hasher},
    ops::Deref,
    path::PathBuf,
    sync::Arc,
};

use miette::NamedSource;

/// One catalogue file as it was read.
#[derive(Debug)]
pub struct Source {
    /// Path as shown to the user; for the built-in catalogue, below `scenarios/`.
    pub path: PathBuf,
    /// Whether it comes from the catalogue inside the binary.
    pub builtin: bool,
    pub(crate) named: NamedSource<String>,
}

impl Source {
    pub(crate) fn new(path: PathBuf, builtin: bool, text: String) -> Arc<Self> {
        let named = NamedSource::new(path.display().to_string(), text);
        Arc::new(Self { path, builtin, named })
    }

    /// The text of the file.
    pub fn text(&self) -> &str {
        self.named.inner()
    }
}

/// A range of bytes in a [`Source`].
#[derive(Clone)]
pub struct Span {
    pub(crate) source: Arc<Source>,
    pub(crate) start: usize,
    pub(crate) end: usize,
}

impl Span {
    pub(crate) fn new(source: &Arc<Source>, start: usize, end: usize) -> Self {
        let length = source.text().len();
        let start = start.min(length);
        Self { source: Arc::clone(source), start, end: end.clamp(start, length) }
    }

    /// The file.
    pub fn source(&self) -> &Arc<Source> {
        &self.source
    }

    /// The bytes from the start of the file.
    pub fn range(&self) -> std::ops::Range<usize> {
        self.start..self.end
    }

    /// The line, from 1.
    pub fn line(&self) -> usize {
        let before = self.source.text().as_bytes().get(..self.start).unwrap_or_default();
        before.iter().filter(|byte| **byte == b'\n').count() + 1
    }

    /// The part of the span that lies on its first line, without trailing blanks.
    pub(crate) fn head(&self) -> Self {
        let text = self.source.text().get(self.start..self.end).unwrap_or_default();
        let line = text.lines().next().unwrap_or_default().trim_end();
        Self { source: Arc::clone(&self.source), start: self.start, end: self.start + line.len() }
    }

    /// A part of the span; `from` and `to` are bytes relative to its start.
    pub(crate) fn part(&self, from: usize, to: usize) -> Self {
        let end = (self.start + to).min(self.end);
        Self { source: Arc::clone(&self.source), start: (self.start + from).min(end), end }
    }

    pub(crate) fn slice(&self) -> &str {
        self.source.text().get(self.start..self.end).unwrap_or_default()
    }
}

impl fmt::Display for Span {
    /// `file:line`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.source.path.display(), self.line())
    }
}

impl fmt::Debug for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// A value and where it stands; two are equal when their values are.
#[derive(Clone, Debug)]
pub struct Spanned<T> {
    /// The value.
    pub value: T,
    /// Where it stands.
    pub at: Span,
}

impl<T> Deref for Spanned<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T: PartialEq> PartialEq for Spanned<T> {
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
    }
}

/// A name that is declared or referred to in a file; compares, hashes and prints as its text.
#[derive(Clone)]
pub struct Name {
    text: String,
    at: Option<Span>,
}

impl Name {
    pub(crate) fn at(text: impl Into<String>, at: &Span) -> Self {
        Self { text: text.into(), at: Some(at.clone()) }
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Where it stands; `None` for a default.
    pub fn span(&self) -> Option<&Span> {
        self.at.as_ref()
    }
}

impl From<&str> for Name {
    fn from(text: &str) -> Self {
        Self { text: text.to_owned(), at: None }
    }
}

impl Deref for Name {
    type Target = str;

    fn deref(&self) -> &str {
        &self.text
    }
}

impl Borrow<str> for Name {
    fn borrow(&self) -> &str {
        &self.text
    }
}

impl PartialEq for Name {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl PartialEq<str> for Name {
    fn eq(&self, other: &str) -> bool {
        self.text == other
    }
}

impl Eq for Name {}

impl PartialOrd for Name {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Name {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.text.cmp(&other.text)
    }
}

impl Hash for Name {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.text.hash(state);
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.text, f)
    }
}
