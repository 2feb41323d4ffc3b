//! A small document tree, read with limits.

use quick_xml::escape::unescape;
use quick_xml::events::{BytesRef, BytesStart, Event};
use quick_xml::reader::Reader;

/// Most bytes, levels and nodes of a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct XmlLimits {
    /// Most bytes of the document.
    pub size: usize,
    /// Most elements within one another.
    pub depth: usize,
    /// Most elements and attributes together.
    pub nodes: usize,
}

impl Default for XmlLimits {
    /// 256 KiB, 32 levels, 8192 nodes.
    fn default() -> Self {
        Self { size: 256 << 10, depth: 32, nodes: 8192 }
    }
}

/// A document that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum XmlError {
    /// It is longer, deeper or richer than allowed.
    #[error("the document exceeds the limit of {limit} {what}")]
    TooLarge {
        /// What there is too much of.
        what: &'static str,
        /// How much is allowed.
        limit: usize,
    },
    /// It is not UTF-8.
    #[error("the document is not UTF-8")]
    NotUtf8,
    /// It has a document type, which could define entities.
    #[error("the document has a DOCTYPE")]
    DocType,
    /// It is not well-formed.
    #[error("the document is not well-formed near byte {at}: {why}")]
    Malformed {
        /// Offset in bytes.
        at: usize,
        /// What the parser says.
        why: String,
    },
    /// It is well-formed, but no message of this dialogue.
    #[error("the document is no authentication message: {0}")]
    NotAuth(String),
}

/// An element with what is in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Element {
    /// The name, with its prefix if it has one.
    pub name: String,
    /// Attributes in order, unescaped.
    pub attributes: Vec<(String, String)>,
    /// Elements within, in order.
    pub children: Vec<Element>,
    /// Character data directly within, unescaped, in one piece.
    pub text: String,
    /// Where the element stands in the document, in bytes.
    pub span: std::ops::Range<usize>,
}

impl Element {
    /// Reads a document and returns its root.
    ///
    /// An ampersand that begins no known reference stays as it is: deployed servers insert messages without escaping them, and nothing
    /// is expanded by that.
    ///
    /// # Errors
    /// Fails on what is no well-formed UTF-8 document with one root, has a DOCTYPE, or exceeds the limits.
    pub fn parse(document: &[u8], limits: XmlLimits) -> Result<Self, XmlError> {
        if document.len() > limits.size {
            return Err(XmlError::TooLarge { what: "bytes", limit: limits.size });
        }
        let text = std::str::from_utf8(document).map_err(|_| XmlError::NotUtf8)?;
        Builder { limits, nodes: 0, open: Vec::new(), root: None }.read(text)
    }

    /// Returns the value of an attribute.
    pub fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
    }

    /// Returns the first element of this name directly within.
    pub fn child(&self, name: &str) -> Option<&Self> {
        self.children.iter().find(|child| child.name == name)
    }

    /// Returns the element at the end of a path of names.
    pub fn at(&self, path: &[&str]) -> Option<&Self> {
        path.iter().try_fold(self, |element, name| element.child(name))
    }

    /// Returns all character data within, trimmed; `None` when there is none.
    pub fn content(&self) -> Option<String> {
        let content = self.raw_content();
        let trimmed = content.trim();
        (!trimmed.is_empty()).then(|| trimmed.to_owned())
    }

    /// Returns all character data within, as it is.
    pub fn raw_content(&self) -> String {
        let mut content = self.text.clone();
        for child in &self.children {
            content.push_str(&child.raw_content());
        }
        content
    }

    /// Returns the trimmed content of the first element of this name directly within.
    pub fn child_content(&self, name: &str) -> Option<String> {
        self.child(name).and_then(Self::content)
    }
}

struct Builder {
    limits: XmlLimits,
    nodes: usize,
    open: Vec<Element>,
    root: Option<Element>,
}

impl Builder {
    fn read(mut self, document: &str) -> Result<Element, XmlError> {
        let bom = if document.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
        let mut reader = Reader::from_str(&document[bom..]);
        reader.config_mut().allow_dangling_amp = true;
        let place = |position: u64| bom + usize::try_from(position).unwrap_or(usize::MAX - bom);
        loop {
            let from = place(reader.buffer_position());
            let malformed = |why: String| XmlError::Malformed { at: from, why };
            let event = reader.read_event().map_err(|error| malformed(error.to_string()))?;
            let to = place(reader.buffer_position());
            match event {
                Event::Start(start) => {
                    let element = self.element(&start, from)?;
                    self.open.push(element);
                    if self.open.len() > self.limits.depth {
                        return Err(XmlError::TooLarge { what: "levels", limit: self.limits.depth });
                    }
                }
                Event::Empty(start) => {
                    let element = self.element(&start, from)?;
                    self.open.push(element);
                    self.close(to)?;
                }
                Event::End(_) => self.close(to)?,
                Event::Text(text) => self.text(&text.xml10_content(), from)?,
                Event::CData(data) => self.text(&data.xml10_content(), from)?,
                Event::GeneralRef(reference) => self.text(&resolve(&reference), from)?,
                Event::DocType(_) => return Err(XmlError::DocType),
                Event::Comment(_) | Event::Decl(_) | Event::PI(_) => {}
                Event::Eof if self.open.is_empty() => {
                    return self.root.ok_or_else(|| malformed("there is no element".to_owned()));
                }
                Event::Eof => return Err(malformed("the document ends within an element".to_owned())),
            }
        }
    }

    fn element(&mut self, start: &BytesStart<'_>, from: usize) -> Result<Element, XmlError> {
        if self.root.is_some() && self.open.is_empty() {
            return Err(XmlError::Malformed { at: from, why: "there is a second root".to_owned() });
        }
        let name = start.name().as_ref().to_owned();
        let mut element = Element { name, span: from..from, ..Element::default() };
        self.count()?;
        for attribute in start.attributes() {
            let attribute = attribute.map_err(|error| XmlError::Malformed { at: from, why: error.to_string() })?;
            self.count()?;
            let value: &str = attribute.value.as_ref();
            let value = unescape(value).map_or_else(|_| value.to_owned(), std::borrow::Cow::into_owned);
            element.attributes.push((attribute.key.as_ref().to_owned(), value));
        }
        Ok(element)
    }

    fn count(&mut self) -> Result<(), XmlError> {
        self.nodes += 1;
        if self.nodes > self.limits.nodes {
            return Err(XmlError::TooLarge { what: "nodes", limit: self.limits.nodes });
        }
        Ok(())
    }

    fn close(&mut self, to: usize) -> Result<(), XmlError> {
        let Some(mut element) = self.open.pop() else {
            return Err(XmlError::Malformed { at: to, why: "an element is closed that is not open".to_owned() });
        };
        element.span.end = to;
        match self.open.last_mut() {
            Some(parent) => parent.children.push(element),
            None => self.root = Some(element),
        }
        Ok(())
    }

    fn text(&mut self, text: &str, at: usize) -> Result<(), XmlError> {
        match self.open.last_mut() {
            Some(element) => element.text.push_str(text),
            None if text.trim().is_empty() => {}
            None => return Err(XmlError::Malformed { at, why: "there is text outside of the root".to_owned() }),
        }
        Ok(())
    }
}

/// Expands the five predefined entities and character references; any other stays as it is written.
fn resolve(reference: &BytesRef<'_>) -> String {
    let name = reference.xml10_content();
    let letter = match name.as_ref() {
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        _ => reference.resolve_char_ref().ok().flatten(),
    };
    letter.map_or_else(|| format!("&{name};"), String::from)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parse(text: &str) -> Result<Element, XmlError> {
        Element::parse(text.as_bytes(), XmlLimits::default())
    }

    #[test]
    fn a_document_becomes_a_tree_with_places() {
        let text = "\u{feff}<?xml version=\"1.0\"?>\n<!-- c --><a x='1' y=\"&lt;&#x41;\">t<b/>u<c><![CDATA[<&amp;>]]></c></a>\n";
        let root = parse(text).unwrap();
        assert_eq!((root.name.as_str(), root.text.as_str()), ("a", "tu"));
        assert_eq!((root.attribute("x"), root.attribute("y"), root.attribute("z")), (Some("1"), Some("<A"), None));
        assert_eq!(root.child_content("c").as_deref(), Some("<&amp;>"));
        assert_eq!(&text[root.children[0].span.clone()], "<b/>");
        assert_eq!(&text[root.children[1].span.clone()], "<c><![CDATA[<&amp;>]]></c>");
        assert_eq!(&text[root.span.clone()], &text[text.find("<a").unwrap()..text.len() - 1]);
        assert_eq!(root.at(&["c"]).unwrap().name, "c");
        assert!(root.at(&["c", "d"]).is_none());
    }

    #[test]
    fn the_five_entities_and_numbers_are_expanded_and_nothing_else() {
        let root = parse("<a>&lt;&gt;&amp;&quot;&apos;&#233;&#xe9; &nbsp; A & B &; &#0; &#x110000;</a>").unwrap();
        assert_eq!(root.text, "<>&\"'éé &nbsp; A & B &; &#0; &#x110000;");
        assert_eq!(parse("<!DOCTYPE a [<!ENTITY e 'xx'>]><a>&e;</a>"), Err(XmlError::DocType));
    }

    #[test]
    fn size_depth_and_number_are_limited() {
        let limits = XmlLimits { size: 100, depth: 3, nodes: 5 };
        let parse = |text: &str| Element::parse(text.as_bytes(), limits);
        assert!(parse("<a><b><c/></b></a>").is_ok());
        assert_eq!(parse("<a><b><c><d></d></c></b></a>"), Err(XmlError::TooLarge { what: "levels", limit: 3 }));
        assert!(parse("<a><b/><b/><b x=''/></a>").is_ok());
        assert_eq!(parse("<a><b/><b/><b x='' y=''/></a>"), Err(XmlError::TooLarge { what: "nodes", limit: 5 }));
        assert_eq!(parse(&format!("<a>{}</a>", " ".repeat(94))), Err(XmlError::TooLarge { what: "bytes", limit: 100 }));
    }

    #[test]
    fn what_is_not_well_formed_is_refused() {
        for bad in [
            "",
            "text",
            "<a>",
            "</a>",
            "<a></b>",
            "<a/><b/>",
            "<a/>x",
            "<a x=1/>",
            "<a x='1' x='2'/>",
            "<a",
            "<a><![CDATA[</a>",
        ] {
            assert!(matches!(parse(bad), Err(XmlError::Malformed { .. })), "{bad:?}: {:?}", parse(bad));
        }
        assert_eq!(Element::parse(b"<a>\xff</a>", XmlLimits::default()), Err(XmlError::NotUtf8));
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = Element::parse(&bytes, XmlLimits::default());
        }

        #[test]
        fn arbitrary_markup_never_panics(text in "[<>/a-c\"'=&#;!\\[\\]?x0-9 -]{0,80}") {
            let _ = Element::parse(text.as_bytes(), XmlLimits { size: 200, depth: 4, nodes: 10 });
        }
    }
}
