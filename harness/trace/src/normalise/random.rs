//! Random values: stable names instead of what one side made up.

use std::collections::HashMap;

use indexmap::IndexSet;

/// Values by their kind, in the order in which they were shown first.
#[derive(Debug, Default)]
pub(super) struct Randoms(HashMap<&'static str, IndexSet<Vec<u8>>>);

impl Randoms {
    /// `KIND#1`, the same for the same value; as it is with `raw`.
    pub(super) fn shown(&mut self, kind: &'static str, value: &[u8], raw: bool) -> String {
        if raw {
            return as_it_is(value);
        }
        let values = self.0.entry(kind).or_default();
        let number = match values.get_index_of(value) {
            Some(number) => number,
            None => values.insert_full(value.to_vec()).0,
        };
        format!("{kind}#{}", number + 1)
    }
}

/// Text as text, everything else in hex.
fn as_it_is(value: &[u8]) -> String {
    match std::str::from_utf8(value) {
        Ok(text) if !text.is_empty() && value.iter().all(u8::is_ascii_graphic) => text.to_owned(),
        _ => hex::encode(value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_keeps_its_number_and_kinds_count_apart() {
        let mut randoms = Randoms::default();
        let mut shown = |kind, value: &[u8]| randoms.shown(kind, value, false);
        let all = [
            shown("cookie", b"a"),
            shown("cookie", b"b"),
            shown("app-id", b"b"),
            shown("cookie", b"a"),
            shown("cookie", b""),
        ];
        assert_eq!(all, ["cookie#1", "cookie#2", "app-id#1", "cookie#1", "cookie#3"]);
    }

    #[test]
    fn raw_shows_text_as_text_and_bytes_in_hex() {
        let mut randoms = Randoms::default();
        assert_eq!(randoms.shown("cookie", b"p@ss", true), "p@ss");
        assert_eq!(randoms.shown("session-id", &[0, 0xff], true), "00ff");
    }
}
