//! Text in lines of a bounded width, measured as a terminal does.

use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

/// Becomes a space, but no line ends there.
pub(super) const NO_BREAK: char = '\u{a0}';

/// Breaks text at spaces, and in the middle of a word only if the word alone is too wide.
pub(super) fn words(text: &str, width: usize) -> Vec<String> {
    let width = width.max(1);
    let mut lines = Vec::new();
    let mut line = String::new();
    for word in text.split_ascii_whitespace() {
        if !line.is_empty() && line.width() + 1 + word.width() <= width {
            line.push(' ');
            line.push_str(word);
            continue;
        }
        if !line.is_empty() {
            lines.push(std::mem::take(&mut line));
        }
        let mut pieces = pieces(word, width);
        line = pieces.pop().unwrap_or_default();
        lines.append(&mut pieces);
    }
    if !line.is_empty() || lines.is_empty() {
        lines.push(line);
    }
    lines.iter().map(|line| line.replace(NO_BREAK, " ")).collect()
}

/// Like [`words`], with every line but the first indented.
pub(super) fn hanging(text: &str, width: usize, indent: usize) -> Vec<String> {
    let indent = indent.min(width / 2);
    let mut lines = words(text, width);
    if lines.len() > 1 {
        let rest = text.split_ascii_whitespace().collect::<Vec<_>>().join(" ").replace(NO_BREAK, " ");
        let rest = rest.strip_prefix(&lines[0]).unwrap_or_default().to_owned();
        if !rest.is_empty() {
            lines.truncate(1);
            lines.extend(words(&rest, width - indent).iter().map(|line| format!("{}{line}", " ".repeat(indent))));
        }
    }
    lines
}

/// Fills up with spaces.
pub(super) fn pad(text: &str, width: usize) -> String {
    format!("{text}{}", " ".repeat(width.saturating_sub(text.width())))
}

/// A word in pieces, broken after a hyphen or before a release where one is near.
fn pieces(word: &str, width: usize) -> Vec<String> {
    let mut pieces = Vec::new();
    let mut piece = String::new();
    for c in word.chars() {
        if piece.width() + c.width().unwrap_or_default() > width && !piece.is_empty() {
            let place = piece.rfind('-').map(|hyphen| hyphen + 1).max(piece.rfind('@'));
            let rest = match place {
                Some(place) if place > piece.len() / 2 => piece.split_off(place),
                _ => String::new(),
            };
            pieces.push(std::mem::replace(&mut piece, rest));
        }
        piece.push(c);
    }
    pieces.push(piece);
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_stay_within_the_width() {
        assert_eq!(words("one two three", 7), ["one two", "three"]);
        assert_eq!(words("udp-blocked-mid-session", 14), ["udp-blocked-", "mid-session"]);
        assert_eq!(words("openconnect@trixie", 14), ["openconnect", "@trixie"]);
        assert_eq!(words("abcdefghij", 4), ["abcd", "efgh", "ij"]);
        assert_eq!(words("", 4), [""]);
        assert_eq!(words("日本語", 4), ["日本", "語"]);
        assert_eq!(hanging("one two three four", 9, 2), ["one two", "  three", "  four"]);
    }
}
