//! Aggregate authentication: its XML documents as one line an element.
//!
//! Leaves without attributes stand in the line of the element around them. Nothing of the dialogue is left out, so that a
//! line that is new says what a server has learned to say; what is secret is hidden or named.

use quick_xml::escape::unescape;
use quick_xml::events::{BytesStart, Event};
use quick_xml::reader::Reader;

use super::variable::{Shown, add, add_quoted, element, field, plain};
use crate::words::Words;

/// Lines of one document.
const MOST_LINES: usize = 200;
/// Parts of one line.
const MOST_WORDS: usize = 300;
/// Elements within one another.
const DEEPEST: usize = 32;
/// Attributes of one element.
const MOST_ATTRIBUTES: usize = 32;
/// Bytes of text of one element.
const MOST_TEXT: usize = 16 * 1024;

/// Children of `opaque` that people wrote; all others are the server's own.
const OPAQUE_PLAIN: &[&str] = &["auth-method", "group-alias", "tunnel-group"];
/// Children of `auth` in a reply that are no secret.
const REPLY_PLAIN: &[&str] = &["secondary_username", "username"];
/// Roots of documents that are shown element by element: the second is that of version 1, the third a manifest's.
const ROOTS: &[&str] = &["config-auth", "auth", "vpn"];

/// What a document says; `None` when it is no XML document of a VPN.
pub(crate) fn lines(document: &[u8]) -> Option<Vec<Words>> {
    let text = String::from_utf8_lossy(document);
    let text = text.trim_start_matches('\u{feff}');
    if !text.trim_start().starts_with('<') {
        return None;
    }
    let mut reader = Reader::from_str(text);
    reader.config_mut().allow_dangling_amp = true;
    Summary::default().read(&mut reader)
}

/// Whether a document has begun and come to the end of its root.
pub(crate) fn is_whole(document: &[u8]) -> bool {
    let text = String::from_utf8_lossy(document);
    let mut reader = Reader::from_str(&text);
    reader.config_mut().allow_dangling_amp = true;
    let mut depth = 0_usize;
    let mut whole = false;
    while let Ok(event) = reader.read_event() {
        match event {
            Event::Start(_) => depth += 1,
            Event::End(_) => {
                depth = depth.saturating_sub(1);
                whole |= depth == 0;
            }
            Event::Empty(_) => whole |= depth == 0,
            Event::Eof => return whole,
            _ => {}
        }
    }
    false
}

/// An element that is not yet closed.
struct Open {
    name: String,
    attributes: Words,
    /// Its line, once it has one.
    line: Option<usize>,
    text: String,
    /// Whether it is the state of the server that the client only carries.
    opaque: bool,
}

/// Why a document is not read to its end.
enum Stop {
    /// It is none of a VPN.
    Foreign,
    /// It has too many elements within one another.
    Deep,
}

#[derive(Default)]
struct Summary {
    lines: Vec<Words>,
    open: Vec<Open>,
    /// `type` of the root.
    kind: String,
    begun: bool,
    left_out: usize,
}

impl Summary {
    fn read(mut self, reader: &mut Reader<&[u8]>) -> Option<Vec<Words>> {
        loop {
            let at = reader.buffer_position();
            let event = match reader.read_event() {
                Ok(event) => event,
                Err(error) => {
                    self.end(Some(format!("XML broken near byte {at}: {}", plain(&error.to_string()))));
                    break;
                }
            };
            let started = match event {
                Event::Start(ref start) => self.start(start),
                Event::Empty(ref start) => self.start(start).inspect(|()| self.close()),
                _ => Ok(()),
            };
            match started {
                Ok(()) => {}
                Err(Stop::Foreign) => return None,
                Err(Stop::Deep) => {
                    self.end(Some(format!("XML broken: more than {DEEPEST} levels")));
                    break;
                }
            }
            match event {
                Event::Start(_) | Event::Empty(_) => {}
                Event::End(_) => self.close(),
                Event::Text(text) => self.text(&text.into_inner()),
                Event::CData(text) => self.text(&text.into_inner()),
                Event::GeneralRef(reference) => {
                    let written = format!("&{};", reference.into_inner());
                    self.text(&unescape(&written).unwrap_or(written.as_str().into()));
                }
                Event::DocType(_) => self.push(Words::new("XML DOCTYPE")),
                Event::Eof if self.open.is_empty() => {
                    self.end(None);
                    break;
                }
                Event::Eof => {
                    let open = self.open.last().map(|open| plain(&open.name)).unwrap_or_default();
                    self.end(Some(format!("XML broken: it ends within <{open}>")));
                    break;
                }
                Event::Comment(_) | Event::Decl(_) | Event::PI(_) => {}
            }
        }
        self.begun.then_some(self.lines)
    }

    fn start(&mut self, start: &BytesStart<'_>) -> Result<(), Stop> {
        let name = start.local_name().into_inner().to_owned();
        if !self.begun && !ROOTS.contains(&name.as_str()) {
            return Err(Stop::Foreign);
        }
        if self.open.len() >= DEEPEST {
            return Err(Stop::Deep);
        }
        let parent = self.open.len().checked_sub(1);
        if let Some(parent) = parent {
            self.give_line(parent);
        }
        let attributes = attributes(start);
        if !self.begun {
            self.kind =
                attributes.iter().find(|(name, _)| name == "type").map(|(_, value)| value.clone()).unwrap_or_default();
        }
        let secret = attributes.iter().any(|(name, value)| name == "type" && value == "password");
        let mut words = Words::default();
        for (key, value) in &attributes {
            if !self.begun && key == "type" && name == "config-auth" {
                continue;
            }
            words = words.text(format!(" {}=", plain(key)));
            words = match element(key) {
                Shown::Plain if key == "value" && secret => words.text("(hidden)"),
                Shown::Plain => add_quoted(words, value),
                shown => add(words, shown, value),
            };
        }
        let for_client = attributes.iter().any(|(name, value)| name == "is-for" && value == "vpn-client");
        let opaque = name == "opaque" && !for_client;
        self.open.push(Open { name, attributes: words, line: None, text: String::new(), opaque });
        if !self.begun {
            self.begun = true;
            self.give_line(0);
        }
        Ok(())
    }

    /// The line of an open element, which stands where the element began.
    fn give_line(&mut self, index: usize) {
        let Some(open) = self.open.get_mut(index) else { return };
        if open.line.is_some() {
            return;
        }
        let name = match open.name.as_str() {
            "config-auth" if index == 0 && !self.kind.is_empty() => &self.kind,
            name => name,
        };
        let mut words = Words::new(format!("XML {}{}", "  ".repeat(index), plain(name)));
        words.0.append(&mut open.attributes.0);
        open.line = Some(self.lines.len());
        self.push(words);
    }

    fn text(&mut self, text: &str) {
        if let Some(open) = self.open.last_mut() {
            let room = MOST_TEXT.saturating_sub(open.text.len());
            open.text.extend(text.chars().take(room));
        }
    }

    fn close(&mut self) {
        let Some(open) = self.open.pop() else { return };
        let depth = self.open.len();
        let text = open.text.trim();
        let shown = self.shown(&open.name);
        let parent_line = self.open.last().and_then(|parent| parent.line);
        let leaf = open.line.is_none() && open.attributes.0.is_empty();
        match (parent_line, leaf) {
            (Some(line), true) => {
                let Some(words) = self.lines.get_mut(line) else { return };
                if words.0.len() > MOST_WORDS {
                    self.left_out += 1;
                    return;
                }
                let mut longer = std::mem::take(words).text(format!(" {}", plain(&open.name)));
                if !text.is_empty() {
                    longer = value(longer.text("="), shown, text);
                }
                *words = longer;
            }
            _ => {
                let line = open.line;
                self.open.push(open);
                self.give_line(depth);
                let Some(open) = self.open.pop() else { return };
                let text = open.text.trim();
                let line = line.or(open.line);
                if let (false, Some(words)) = (text.is_empty(), line.and_then(|line| self.lines.get_mut(line))) {
                    *words = value(std::mem::take(words).text(" "), shown, text);
                }
            }
        }
    }

    /// How the text of an element is shown that was closed just now.
    fn shown(&self, name: &str) -> Shown {
        let opaque = self.open.iter().any(|open| open.opaque) && !OPAQUE_PLAIN.contains(&name);
        let in_auth = self.open.iter().any(|open| open.name == "auth");
        match element(name) {
            Shown::Plain if opaque => Shown::Random("opaque"),
            Shown::Plain if self.kind == "auth-reply" && in_auth && !REPLY_PLAIN.contains(&name) => Shown::Hidden,
            Shown::Plain if self.kind == "auth-reply" => field(name),
            shown => shown,
        }
    }

    fn push(&mut self, words: Words) {
        if self.lines.len() < MOST_LINES {
            self.lines.push(words);
        } else {
            self.left_out += 1;
        }
    }

    fn end(&mut self, note: Option<String>) {
        if self.left_out > 0 {
            self.lines.push(Words::new(format!("XML ({} more elements)", self.left_out)));
        }
        self.lines.extend(note.map(Words::new));
    }
}

/// A plain value is quoted, any other shows what it is by itself.
fn value(words: Words, shown: Shown, text: &str) -> Words {
    match shown {
        Shown::Plain => add_quoted(words, text),
        shown => add(words, shown, text),
    }
}

fn attributes(start: &BytesStart<'_>) -> Vec<(String, String)> {
    let mut all = start.attributes();
    let read = all.with_checks(false).take(MOST_ATTRIBUTES).map_while(Result::ok);
    read.map(|attribute| {
        let value = unescape(&attribute.value).map_or_else(|_| attribute.value.to_string(), |value| value.into_owned());
        (attribute.key.as_ref().to_owned(), value)
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::variable::shown;
    use super::*;

    fn said(document: &str) -> String {
        let lines = lines(document.as_bytes()).unwrap();
        lines.iter().map(|words| format!("{}\n", shown(words))).collect()
    }

    #[test]
    fn groups_and_forms_are_shown_element_by_element() {
        // What the reference server sends with the profile of an ASA and two groups.
        insta::assert_snapshot!(said(
            r#"<?xml version="1.0" encoding="UTF-8"?>
<config-auth client="vpn" type="auth-request" aggregate-auth-version="2"><version who="sg">9.16(4)</version>
<opaque is-for="sg"><tunnel-group>staff</tunnel-group>
<group-alias>The staff</group-alias>
<config-hash>23763D846BA24D38</config-hash>
</opaque>
<auth id="main"><title>SSL VPN Service</title>
<message>Please enter your username and password.</message>
<banner>No &lt;trespassing&gt;&#10;&amp; no &unknown; dogs</banner>
<form method="post" action="/auth"><input type="text" name="username" label="Username:"/>
<input type="password" name="password" label="Password:" value="remembered"/>
<select name="group_list" label="Group:"><option value="staff" selected="true">The staff</option>
<option value="guests">Guests</option>
</select>
</form>
</auth>
</config-auth>
"#
        ), @r#"
        XML auth-request client=vpn aggregate-auth-version=2
        XML   version who=sg 9.16(4)
        XML   opaque is-for=sg tunnel-group=staff group-alias="The staff" config-hash=<config-hash>
        XML   auth id=main title="SSL VPN Service" message="Please enter your username and password." banner="No <trespassing>\n& no &unknown; dogs"
        XML     form method=post action=/auth
        XML       input type=text name=username label=Username:
        XML       input type=password name=password label=Password: value=(hidden)
        XML       select name=group_list label=Group:
        XML         option value=staff selected=true "The staff"
        XML         option value=guests Guests
        "#);
    }

    #[test]
    fn a_completed_login_announces_a_profile() {
        insta::assert_snapshot!(said(
            r#"<config-auth client="vpn" type="complete"><session-id>1-24c545d539b1cedc</session-id>
<session-token>i22UNLRsjgOPjoPtQawtkY5Z3fA+0Sclm0lN60/UEVo=</session-token><auth id="success"><banner/></auth>
<config client="vpn" type="private"><vpn-profile-manifest><vpn rev="1.0"><file type="profile" service-type="user">
<uri>/profiles/profile.xml</uri><hash type="sha1">DA39A3EE5E6B4B0D3255BFEF95601890AFD80709</hash></file></vpn>
</vpn-profile-manifest><opaque is-for="vpn-client"><custom-attr><dynamic-split-include-domains><![CDATA[a.test,b.test]]>
</dynamic-split-include-domains></custom-attr></opaque></config></config-auth>"#
        ), @r#"
        XML complete client=vpn session-id=<login-id> session-token=<cookie>
        XML   auth id=success banner
        XML   config client=vpn type=private
        XML     vpn-profile-manifest
        XML       vpn rev=1.0
        XML         file type=profile service-type=user uri=/profiles/profile.xml
        XML           hash type=sha1 <file-hash>
        XML     opaque is-for=vpn-client
        XML       custom-attr dynamic-split-include-domains="a.test,b.test"
        "#);
    }

    #[test]
    fn replies_show_who_but_not_with_what() {
        let text = said(
            "<config-auth type=\"auth-reply\"><opaque is-for=\"sg\"><x>abc</x></opaque><auth><username>alice</username>\
             <password>p w</password><answer>123456</answer><odd>z</odd></auth><group-select>staff</group-select>\
             <host-scan-token>AB</host-scan-token></config-auth>",
        );
        insta::assert_snapshot!(text, @r#"
        XML auth-reply group-select=staff host-scan-token=<host-scan-token>
        XML   opaque is-for=sg x=<opaque>
        XML   auth username=alice password=(hidden) answer=(hidden) odd=(hidden)
        "#);
    }

    #[test]
    fn broken_documents_say_where() {
        let ends = |document: &str, wanted: &str| {
            let text = said(document);
            assert!(text.lines().last().unwrap().starts_with(wanted), "{text}");
        };
        ends("<auth><form>", "XML broken: it ends within <form>");
        ends("<auth><form></auth>", "XML broken near byte 12: ");
        ends("<auth><a <b></auth>", "XML broken");
        ends(&"<auth>".repeat(1000), "XML broken: more than 32 levels");
        ends(&format!("<auth>{}</auth>", "<input a='b'/>".repeat(1000)), "XML (801 more elements)");
        assert!(said(&format!("<auth>{}</auth>", "<a/>".repeat(10_000))).len() < 1000);
        ends("<!DOCTYPE auth [<!ENTITY a 'b'>]><auth>&a;</auth>", "XML auth &a;");
        assert_eq!(lines(b"<html><body/></html>"), None);
        assert_eq!(lines(b"not XML"), None);
        assert_eq!(lines(b"<!-- -->"), None);
    }

    #[test]
    fn a_whole_document_is_told_from_a_part() {
        let document = "<?xml version='1.0'?><auth><a>&amp;</a></auth>\n";
        assert!(is_whole(document.as_bytes()));
        assert!((0..document.len() - 1).all(|end| !is_whole(&document.as_bytes()[..end])));
    }

    proptest! {
        #[test]
        fn any_document_is_read(parts in proptest::collection::vec(0..14_usize, 0..60), noise in ".{0,20}") {
            const PARTS: &[&str] = &[
                "<config-auth type='auth-reply'>", "<auth>", "</auth>", "<opaque is-for='sg'>", "</opaque>", "<input ", "value=",
                "'x'", "/>", "text", "&#0;", "<![CDATA[", "]]>", "</config-auth>",
            ];
            let mut document = "<config-auth>".to_owned();
            parts.iter().for_each(|part| document.push_str(PARTS[*part]));
            for words in lines(format!("{document}{noise}").as_bytes()).unwrap_or_default() {
                prop_assert!(!shown(&words).contains(char::is_control));
            }
        }
    }
}
