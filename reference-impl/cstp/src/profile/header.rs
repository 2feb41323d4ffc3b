//! One entry of a profile's list of headers.

use serde::Deserialize;

/// One entry of an ordered list of headers: `Name`, or `Name: value`.
///
/// Where a value can be computed, the computed one wins, and that of the entry stands in when there is none. A name at whose end
/// stands a star means all computed headers that begin so.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct HeaderLine {
    /// The name in the exact spelling that goes on the wire.
    pub name: String,
    /// The value when nothing is computed under this name; `None` leaves the header out then.
    pub value: Option<String>,
}

impl TryFrom<String> for HeaderLine {
    type Error = String;

    fn try_from(line: String) -> Result<Self, Self::Error> {
        let (name, value) = match line.split_once(':') {
            Some((name, value)) => (name, Some(value.trim().to_owned())),
            None => (line.as_str(), None),
        };
        let token = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        let stem = name.strip_suffix('*').unwrap_or(name);
        if stem.is_empty()
            || !stem.bytes().all(token)
            || value.iter().flat_map(|value| value.bytes()).any(|byte| byte < b' ')
        {
            return Err(format!("`{line}` is neither `Name` nor `Name: value`"));
        }
        Ok(Self { name: name.to_owned(), value })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_a_name_or_a_name_and_a_value() {
        let fixed = HeaderLine::try_from("Accept: */*".to_owned()).unwrap();
        assert_eq!((fixed.name.as_str(), fixed.value.as_deref()), ("Accept", Some("*/*")));
        let computed = HeaderLine::try_from("X-CSTP-MTU".to_owned()).unwrap();
        assert_eq!((computed.name.as_str(), computed.value), ("X-CSTP-MTU", None));
        for bad in ["", ": x", "two words", "A: b\r\nC: d"] {
            assert!(HeaderLine::try_from(bad.to_owned()).is_err(), "{bad:?}");
        }
    }
}
