//! Events of the YAML parser to a tree, within limits: the text may come from anybody.

use std::{collections::HashMap, sync::Arc};

use serde_saphyr::granit_parser::{self, Event, Parser, ScalarStyle, ScanError, Tag};

use super::{Content, Key, Mapping, Node, Style};
use crate::{Problem, Source, Span};

/// Deepest nesting of lists and maps.
const MAX_DEPTH: usize = 32;
/// Most values in a file, after aliases.
const MAX_NODES: usize = 20_000;

/// Reads the only document of a file.
pub(crate) fn read(source: &Arc<Source>) -> Result<Node, Box<Problem>> {
    let mut builder = Builder { source, open: Vec::new(), root: None, anchors: HashMap::new(), nodes: 0 };
    for event in Parser::new_from_str(source.text()) {
        let (event, span) = event.map_err(|error| Box::new(syntax(source, &error)))?;
        builder.event(event, &builder.span(&span))?;
    }
    let empty = || {
        // A blank, so that there is something to put the caret under.
        let shown = if source.text().is_empty() { " \n" } else { source.text() };
        let source = Source::new(source.path.clone(), source.builtin, shown.to_owned());
        let at = Span::new(&source, 0, 1);
        Problem::new("the file is empty", &at, "nothing here")
            .help("an entry begins with `id: NAME`; or remove the file")
    };
    match builder.root {
        Some(node) if !node.is_null() => Ok(node),
        _ => Err(Box::new(empty())),
    }
}

fn syntax(source: &Arc<Source>, error: &ScanError) -> Problem {
    let start = error.marker().byte_offset().unwrap_or_default();
    let step = source.text().get(start..).and_then(|rest| rest.chars().next()).map_or(0, char::len_utf8);
    Problem::new("not well-formed YAML", &Span::new(source, start, start + step), error.info().to_string())
        .help("check indentation, quotes and brackets at and above this line")
}

enum Open {
    Sequence { items: Vec<Node>, start: Span, anchor: usize },
    Mapping { entries: Mapping, key: Option<Key>, start: Span, anchor: usize },
}

struct Builder<'a> {
    source: &'a Arc<Source>,
    open: Vec<Open>,
    root: Option<Node>,
    anchors: HashMap<usize, Node>,
    nodes: usize,
}

impl Builder<'_> {
    fn span(&self, span: &granit_parser::Span) -> Span {
        let range = span.byte_range().unwrap_or_default();
        Span::new(self.source, range.start, range.end)
    }

    fn event(&mut self, event: Event<'_>, at: &Span) -> Result<(), Box<Problem>> {
        match event {
            Event::DocumentStart(..) if self.root.is_some() => {
                let problem = Problem::new("a second document in one file", at, "a new document starts here")
                    .help("write one entry per file");
                return Err(Box::new(problem));
            }
            Event::Scalar(text, style, anchor, tag) => {
                let mut style = match style {
                    ScalarStyle::Plain => Style::Plain,
                    ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted => Style::Quoted,
                    ScalarStyle::Literal | ScalarStyle::Folded => Style::Block,
                };
                if let Some(tag) = tag.as_deref() {
                    refuse_tag(tag, at)?;
                    style = Style::Quoted;
                }
                let content = Content::Scalar { text: text.into_owned(), style };
                self.finish(Node { at: at.clone(), key: None, content }, anchor)?;
            }
            Event::SequenceStart(_, anchor, tag) => {
                self.enter(tag.as_deref(), at)?;
                self.open.push(Open::Sequence { items: Vec::new(), start: at.clone(), anchor });
            }
            Event::MappingStart(_, anchor, tag) => {
                self.enter(tag.as_deref(), at)?;
                self.open.push(Open::Mapping { entries: Mapping::default(), key: None, start: at.clone(), anchor });
            }
            Event::SequenceEnd | Event::MappingEnd => {
                let (content, start, anchor) = match self.open.pop() {
                    Some(Open::Sequence { items, start, anchor }) => (Content::Sequence(items), start, anchor),
                    Some(Open::Mapping { entries, start, anchor, .. }) => (Content::Mapping(entries), start, anchor),
                    None => return Ok(()),
                };
                let at = Span::new(self.source, start.start, at.end);
                self.finish(Node { at, key: None, content }, anchor)?;
            }
            Event::Alias(anchor) => {
                let Some(node) = self.anchors.get(&anchor) else {
                    let problem =
                        Problem::new("a value that contains itself", at, "this alias is inside its own anchor");
                    return Err(Box::new(problem));
                };
                self.nodes += node.count();
                within_limits(self.nodes, self.open.len() + node.depth(), at)?;
                let node = Node { at: at.clone(), ..node.clone() };
                self.finish(node, 0)?;
            }
            _ => {}
        }
        Ok(())
    }

    fn enter(&self, tag: Option<&Tag>, at: &Span) -> Result<(), Box<Problem>> {
        if let Some(tag) = tag {
            refuse_tag(tag, at)?;
        }
        within_limits(self.nodes, self.open.len() + 1, at)
    }

    fn finish(&mut self, mut node: Node, anchor: usize) -> Result<(), Box<Problem>> {
        self.nodes += 1;
        within_limits(self.nodes, 0, &node.at)?;
        if anchor != 0 {
            self.anchors.insert(anchor, node.clone());
        }
        match self.open.last_mut() {
            None => self.root = Some(node),
            Some(Open::Sequence { items, .. }) => items.push(node),
            Some(Open::Mapping { entries, key, .. }) => match key.take() {
                None => *key = Some(key_of(&node, entries)?),
                Some(name) => {
                    node.key = name.span().cloned();
                    entries.0.push((name, node));
                }
            },
        }
        Ok(())
    }
}

fn within_limits(nodes: usize, depth: usize, at: &Span) -> Result<(), Box<Problem>> {
    let message = if nodes > MAX_NODES {
        format!("more than {MAX_NODES} values in one file")
    } else if depth > MAX_DEPTH {
        format!("lists and maps are nested more than {MAX_DEPTH} deep")
    } else {
        return Ok(());
    };
    Err(Box::new(Problem::new(message, at, "the limit is passed here")))
}

fn key_of(node: &Node, entries: &Mapping) -> Result<Key, Box<Problem>> {
    let Content::Scalar { text, .. } = &node.content else {
        return Err(Box::new(Problem::new("a key must be a word", &node.at, "this key is a list or a map")));
    };
    if let Some(first) = entries.key(text).and_then(Key::span) {
        let problem = Problem::new(format!("the key `{text}` stands twice in one map"), &node.at, "again here")
            .and(first, "first here")
            .help("remove one of them");
        return Err(Box::new(problem));
    }
    Ok(Key::at(text, &node.at))
}

fn refuse_tag(tag: &Tag, at: &Span) -> Result<(), Box<Problem>> {
    if tag.is_custom() {
        let problem = Problem::new("YAML tags are not supported", at, format!("`{tag}` means nothing here"))
            .help("remove the tag");
        return Err(Box::new(problem));
    }
    Ok(())
}
