//! What the tests of several decoders have in common: conversations as text, and what was found as text.

use crate::found::{Found, Way};
use crate::words::{Word, Words};

/// The lines `> HEX` and `< HEX` of a fixture; others are left out.
pub(crate) fn directed(fixture: &str) -> Vec<(Way, Vec<u8>)> {
    let lines = fixture.lines().filter_map(|line| {
        let (mark, hex) = line.split_once(' ')?;
        let way = [(">", Way::Forth), ("<", Way::Back)].into_iter().find(|(way, _)| *way == mark)?.1;
        Some((way, hex::decode(hex).unwrap()))
    });
    lines.collect()
}

/// A line without its random values: `DTLS application data 25`, ` session-id=session-id`.
pub(crate) fn say(words: &Words) -> String {
    let word = |word: &Word| match word {
        Word::Text(text) => text.to_string(),
        Word::Random { kind, .. } => (*kind).to_owned(),
        Word::Address(address) => address.to_string(),
        Word::Size(bytes) => format!(" {bytes}"),
    };
    words.0.iter().map(word).collect()
}

/// What was found, and in which direction: `> DTLS ChangeCipherSpec again`.
pub(crate) fn line(found: &Found) -> String {
    let way = if found.way == Way::Forth { '>' } else { '<' };
    let again = if found.again { " again" } else { "" };
    format!("{way} {}{again}", say(&found.words))
}
