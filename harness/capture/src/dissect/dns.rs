//! The question section of DNS messages (RFC 1035, section 4).

use std::fmt::Write as _;

const HEADER: usize = 12;
/// Most questions looked at; real queries have one.
const MOST_QUESTIONS: usize = 16;

/// The names that a DNS query asks for, in lower case and without the last dot; empty for anything but a query.
///
/// Takes the message as it is over UDP; over TCP and TLS it has two bytes of length in front.
pub fn dns_names(message: &[u8]) -> Vec<String> {
    let Some(&[_, _, flags, _, high, low, ..]) = message.get(..HEADER) else { return Vec::new() };
    // QR and OPCODE are zero in a standard query.
    if flags & 0xf8 != 0 {
        return Vec::new();
    }
    let questions = usize::from(u16::from_be_bytes([high, low])).min(MOST_QUESTIONS);
    let mut rest = message.get(HEADER..).unwrap_or_default();
    let mut names = Vec::new();
    for _ in 0..questions {
        let Some((name, behind)) = name(rest) else { break };
        // Type and class.
        let Some(behind) = behind.get(4..) else { break };
        names.push(name);
        rest = behind;
    }
    names
}

/// A name of at most 255 bytes, and what is behind it. Queries have no use for compression, so a pointer ends it.
fn name(message: &[u8]) -> Option<(String, &[u8])> {
    let mut text = String::new();
    let mut rest = message;
    while message.len() - rest.len() < 255 {
        let (&length, behind) = rest.split_first()?;
        if length == 0 {
            let name = if text.is_empty() { ".".to_owned() } else { text };
            return Some((name, behind));
        }
        if length > 63 {
            return None;
        }
        let (label, behind) = behind.split_at_checked(length.into())?;
        if !text.is_empty() {
            text.push('.');
        }
        push_label(&mut text, label);
        rest = behind;
    }
    None
}

/// Writes a label as zone files do (RFC 1035, section 5.1).
fn push_label(text: &mut String, label: &[u8]) {
    for byte in label {
        match byte {
            b'.' | b'\\' => text.extend(['\\', char::from(*byte)]),
            0x21..=0x7e => text.push(char::from(byte.to_ascii_lowercase())),
            // Writing to a string cannot fail.
            other => _ = write!(text, "\\{other:03}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A message with these flags, this count of questions and these bytes of question section.
    fn message(flags: u8, questions: u16, section: &[u8]) -> Vec<u8> {
        let [high, low] = questions.to_be_bytes();
        let mut message = vec![0xab, 0xcd, flags, 0, high, low, 0, 0, 0, 0, 0, 0];
        message.extend_from_slice(section);
        message
    }

    const WWW: &[u8] = b"\x03Www\x07example\x03org\x00\x00\x01\x00\x01";

    #[test]
    fn a_query_names_what_it_asks_for() {
        assert_eq!(dns_names(&message(1, 1, WWW)), ["www.example.org"]);
        assert_eq!(dns_names(&message(1, 2, &[WWW, b"\x00\x00\x02\x00\x01"].concat())), ["www.example.org", "."]);
    }

    #[test]
    fn odd_bytes_are_escaped() {
        let section = b"\x05a.b\\\x1b\x00\x00\x01\x00\x01";
        assert_eq!(dns_names(&message(1, 1, section)), ["a\\.b\\\\\\027"]);
    }

    #[test]
    fn answers_and_updates_ask_for_nothing() {
        assert_eq!(dns_names(&message(0x80, 1, WWW)), [""; 0]);
        assert_eq!(dns_names(&message(0x28, 1, WWW)), [""; 0]);
    }

    #[test]
    fn broken_questions_end_the_list() {
        let whole = message(1, 1, WWW);
        for length in 0..whole.len() {
            assert_eq!(dns_names(&whole[..length]), [""; 0], "cut at {length}");
        }
        // A pointer to itself, a label beyond the end, and more questions than there are.
        assert_eq!(dns_names(&message(1, 1, b"\xc0\x0c\x00\x01\x00\x01")), [""; 0]);
        assert_eq!(dns_names(&message(1, 1, b"\x3fabc")), [""; 0]);
        assert_eq!(dns_names(&message(1, 9, WWW)), ["www.example.org"]);
        // A name without an end.
        assert_eq!(dns_names(&message(1, 1, &b"\x01a".repeat(5000))), [""; 0]);
        assert_eq!(dns_names(&message(1, 0xffff, &b"\x00\x00\x01\x00\x01".repeat(500))).len(), MOST_QUESTIONS);
    }
}
