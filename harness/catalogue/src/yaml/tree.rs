//! The tree.

use crate::{Name, Span};

/// A value of a YAML document.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) at: Span,
    /// The key whose value this is, if any: the place to point at when something is missing inside.
    pub(crate) key: Option<Span>,
    pub(crate) content: Content,
}

#[derive(Clone, Debug)]
pub(crate) enum Content {
    Scalar { text: String, style: Style },
    Sequence(Vec<Node>),
    Mapping(Mapping),
}

/// How a scalar is written; only a plain one can be null, a boolean or a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Style {
    Plain,
    Quoted,
    Block,
}

pub(crate) type Key = Name;

/// Keys in the order of the file.
#[derive(Clone, Debug, Default)]
pub(crate) struct Mapping(pub(crate) Vec<(Key, Node)>);

impl Mapping {
    pub(crate) fn value(&self, key: &str) -> Option<&Node> {
        self.0.iter().find(|(name, _)| name == key).map(|(_, node)| node)
    }

    pub(crate) fn take(&mut self, key: &str) -> Option<Node> {
        let index = self.0.iter().position(|(name, _)| name == key)?;
        Some(self.0.remove(index).1)
    }

    pub(crate) fn key(&self, key: &str) -> Option<&Key> {
        self.0.iter().map(|(name, _)| name).find(|name| *name == key)
    }

    /// Sets a value, replacing one of the same key in its place.
    pub(crate) fn set(&mut self, key: Key, node: Node) {
        match self.0.iter_mut().find(|(name, _)| *name == key) {
            Some(slot) => *slot = (key, node),
            None => self.0.push((key, node)),
        }
    }
}

impl Node {
    pub(crate) fn is_null(&self) -> bool {
        matches!(&self.content, Content::Scalar { text, style: Style::Plain } if is_null(text))
    }

    pub(crate) fn mapping(&self) -> Option<&Mapping> {
        match &self.content {
            Content::Mapping(mapping) => Some(mapping),
            _ => None,
        }
    }

    pub(crate) fn mapping_mut(&mut self) -> Option<&mut Mapping> {
        match &mut self.content {
            Content::Mapping(mapping) => Some(mapping),
            _ => None,
        }
    }

    pub(crate) fn sequence(&self) -> Option<&[Node]> {
        match &self.content {
            Content::Sequence(items) => Some(items),
            _ => None,
        }
    }

    pub(crate) fn scalar(&self) -> Option<&str> {
        match &self.content {
            Content::Scalar { text, .. } if !self.is_null() => Some(text),
            _ => None,
        }
    }

    /// `nothing`, `a list`, `a map`, `the text ...`: for "expected x, found y".
    pub(crate) fn kind(&self) -> String {
        match &self.content {
            _ if self.is_null() => "nothing".to_owned(),
            Content::Scalar { text, .. } if text.chars().count() > 40 || text.contains('\n') => "a text".to_owned(),
            Content::Scalar { text, .. } => format!("`{text}`"),
            Content::Sequence(_) => "a list".to_owned(),
            Content::Mapping(_) => "a map".to_owned(),
        }
    }

    /// Where to point when something inside is missing: the key, else the first line.
    pub(crate) fn place(&self) -> Span {
        self.key.clone().unwrap_or_else(|| self.at.head())
    }

    /// A part of a scalar's text, if it stands in the file as it is read; else all of it.
    pub(crate) fn inside(&self, from: usize, to: usize) -> Span {
        let raw = self.at.slice();
        let quote = usize::from(raw.starts_with(['"', '\'']));
        match self.scalar() {
            Some(text) if raw.get(quote..).is_some_and(|raw| raw.starts_with(text)) => {
                self.at.part(from + quote, to + quote)
            }
            _ => self.at.clone(),
        }
    }

    /// Whether this is a text below a `|` or `>`.
    pub(crate) fn is_block(&self) -> bool {
        matches!(self.content, Content::Scalar { style: Style::Block, .. })
    }

    /// A line of a block, from 1.
    pub(crate) fn line(&self, line: usize) -> Span {
        let raw = self.at.slice();
        let start: usize = raw.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum();
        let indent = raw.get(start..).map_or(0, |rest| rest.len() - rest.trim_start().len());
        self.at.part(start + indent, raw.len())
    }

    /// Number of nodes of this tree, for the limit on what aliases may multiply.
    pub(crate) fn count(&self) -> usize {
        1 + match &self.content {
            Content::Scalar { .. } => 0,
            Content::Sequence(items) => items.iter().map(Self::count).sum(),
            Content::Mapping(mapping) => mapping.0.iter().map(|(_, node)| node.count()).sum(),
        }
    }

    /// Levels of lists and maps.
    pub(crate) fn depth(&self) -> usize {
        match &self.content {
            Content::Scalar { .. } => 0,
            Content::Sequence(items) => 1 + items.iter().map(Self::depth).max().unwrap_or_default(),
            Content::Mapping(mapping) => 1 + mapping.0.iter().map(|(_, node)| node.depth()).max().unwrap_or_default(),
        }
    }
}

fn is_null(text: &str) -> bool {
    matches!(text, "" | "~" | "null" | "Null" | "NULL")
}
