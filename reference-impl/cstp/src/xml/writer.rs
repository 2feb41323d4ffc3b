//! Writes documents and escapes everything that is put into them.

/// Builds a document from the outside in.
#[derive(Debug)]
pub(super) struct Writer {
    out: String,
    open: Vec<&'static str>,
}

impl Writer {
    /// Starts a document with its declaration.
    pub(super) fn new() -> Self {
        Self { out: "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n".to_owned(), open: Vec::new() }
    }

    /// Opens an element; attributes without a value are left out.
    pub(super) fn open(&mut self, name: &'static str, attributes: &[(&str, Option<&str>)]) {
        self.start(name, attributes);
        self.out.push('>');
        self.open.push(name);
    }

    /// Closes the innermost element.
    pub(super) fn close(&mut self) {
        if let Some(name) = self.open.pop() {
            self.out.push_str("</");
            self.out.push_str(name);
            self.out.push_str(">\n");
        }
    }

    /// Writes an element that holds nothing.
    pub(super) fn empty(&mut self, name: &str, attributes: &[(&str, Option<&str>)]) {
        self.start(name, attributes);
        self.out.push_str("/>\n");
    }

    /// Writes an element that holds text. The name has to be a name, see [`is_name`].
    pub(super) fn text(&mut self, name: &str, attributes: &[(&str, Option<&str>)], text: &str) {
        self.start(name, attributes);
        self.out.push('>');
        escape(text, false, &mut self.out);
        self.out.push_str("</");
        self.out.push_str(name);
        self.out.push_str(">\n");
    }

    /// Writes an element that holds text, if there is text.
    pub(super) fn optional(&mut self, name: &str, text: Option<&str>) {
        if let Some(text) = text {
            self.text(name, &[], text);
        }
    }

    /// Writes what is markup already.
    pub(super) fn raw(&mut self, markup: &str) {
        self.out.push_str(markup);
        self.out.push('\n');
    }

    /// Returns how much has been written.
    pub(super) fn position(&self) -> usize {
        self.out.len()
    }

    /// Returns what has been written since then.
    pub(super) fn since(&self, position: usize) -> &str {
        self.out.get(position..).unwrap_or_default()
    }

    /// Closes what is open and returns the document.
    pub(super) fn finish(mut self) -> Vec<u8> {
        while !self.open.is_empty() {
            self.close();
        }
        self.out.into_bytes()
    }

    fn start(&mut self, name: &str, attributes: &[(&str, Option<&str>)]) {
        self.out.push('<');
        self.out.push_str(name);
        for (key, value) in attributes {
            if let Some(value) = value {
                self.out.push(' ');
                self.out.push_str(key);
                self.out.push_str("=\"");
                escape(value, true, &mut self.out);
                self.out.push('"');
            }
        }
    }
}

/// Escapes markup; characters that XML 1.0 cannot hold become U+FFFD (AC-AUTH-06, AC-AUTH-08).
fn escape(text: &str, attribute: bool, out: &mut String) {
    for letter in text.chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&apos;"),
            '\r' => out.push_str("&#13;"),
            '\n' if attribute => out.push_str("&#10;"),
            '\t' if attribute => out.push_str("&#9;"),
            '\n' | '\t' => out.push(letter),
            '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            letter if letter < ' ' => out.push('\u{fffd}'),
            letter => out.push(letter),
        }
    }
}

/// Returns whether a text can be the name of an element: ASCII letters, digits, `.`, `-` and `_`, and a letter or `_` first.
pub fn is_name(text: &str) -> bool {
    let first = text.bytes().next().is_some_and(|byte| byte.is_ascii_alphabetic() || byte == b'_');
    first && text.len() <= 128 && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::super::tree::{Element, XmlLimits};
    use super::*;

    #[test]
    fn what_is_written_reads_back_unchanged() {
        let nasty = "A & B <x> \"q\" 'a' ]]> é \u{1F511}\r\n\t";
        let mut writer = Writer::new();
        writer.open("root", &[("a", Some(nasty)), ("b", None)]);
        writer.text("t", &[], nasty);
        writer.empty("e", &[("c", Some(""))]);
        writer.optional("none", None);
        let document = writer.finish();
        let root = Element::parse(&document, XmlLimits::default()).unwrap();
        assert_eq!(root.attributes, [("a".to_owned(), nasty.to_owned())]);
        assert_eq!(root.child("t").unwrap().text, nasty);
        assert_eq!(root.child("e").unwrap().attribute("c"), Some(""));
        assert!(root.child("none").is_none());
    }

    #[test]
    fn characters_that_xml_cannot_hold_are_replaced() {
        let mut writer = Writer::new();
        writer.text("t", &[], "a\0b\u{1}c\u{ffff}");
        assert_eq!(
            String::from_utf8(writer.finish()).unwrap().lines().last(),
            Some("<t>a\u{fffd}b\u{fffd}c\u{fffd}</t>")
        );
    }

    #[test]
    fn names_of_elements_are_plain() {
        for good in ["username", "_x", "a-b.c_9"] {
            assert!(is_name(good), "{good}");
        }
        for bad in ["", "9a", "a b", "a>", "a/", "a:b", "-a", "é"] {
            assert!(!is_name(bad), "{bad}");
        }
    }
}
