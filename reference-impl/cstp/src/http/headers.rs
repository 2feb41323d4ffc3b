//! An ordered list of header fields.

use std::fmt;

/// Header fields in the order and spelling in which they were pushed or read.
///
/// Debug output hides the values of fields that carry credentials.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Headers(Vec<(String, String)>);

/// Fields whose values are never shown.
const SECRET: [&str; 6] =
    ["Authorization", "Cookie", "Proxy-Authorization", "Set-Cookie", "X-CSTP-Post-Auth-XML", "X-DTLS-Master-Secret"];

impl fmt::Debug for Headers {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let secret = |name: &str| SECRET.iter().any(|secret| secret.eq_ignore_ascii_case(name));
        let shown = self.iter().map(|(name, value)| (name, if secret(name) { "(hidden)" } else { value }));
        formatter.debug_map().entries(shown).finish()
    }
}

impl Headers {
    /// Creates an empty list.
    pub fn new() -> Self {
        Self::default()
    }

    /// Appends a field and keeps the spelling of its name.
    ///
    /// Control characters, which could start another field, become spaces in the value and are left out of the name.
    pub fn push(&mut self, name: impl AsRef<str>, value: impl AsRef<str>) {
        let name = name.as_ref().chars().filter(|letter| !letter.is_control() && *letter != ':').collect();
        let value = value.as_ref().chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect();
        self.0.push((name, value));
    }

    /// Returns the value of the first field of this name, whose case does not matter.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.get_all(name).next()
    }

    /// Iterates over the values of all fields of this name, whose case does not matter.
    pub fn get_all<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// Iterates over names and values in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Returns the number of fields.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Returns whether there is no field.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns whether one of the comma-separated members of the fields of this name is `token`, case aside.
    pub fn has_token(&self, name: &str, token: &str) -> bool {
        self.get_all(name).flat_map(|value| value.split(',')).any(|member| member.trim().eq_ignore_ascii_case(token))
    }

    /// Appends the text of a folded line to the last field.
    pub(super) fn fold(&mut self, text: &str) -> bool {
        let Some((_, value)) = self.0.last_mut() else { return false };
        if !value.is_empty() && !text.is_empty() {
            value.push(' ');
        }
        value.push_str(text);
        true
    }
}

impl<N: AsRef<str>, V: AsRef<str>> FromIterator<(N, V)> for Headers {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(fields: I) -> Self {
        let mut headers = Self::new();
        for (name, value) in fields {
            headers.push(name, value);
        }
        headers
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_and_spelling_stay_and_names_match_in_any_case() {
        let headers: Headers = [("X-CSTP-MTU", "1"), ("x-cstp-mtu", "2"), ("Host", "h")].into_iter().collect();
        let all: Vec<_> = headers.iter().collect();
        assert_eq!(all, [("X-CSTP-MTU", "1"), ("x-cstp-mtu", "2"), ("Host", "h")]);
        assert_eq!(headers.get("X-Cstp-Mtu"), Some("1"));
        assert_eq!(headers.get_all("X-CSTP-MTU").collect::<Vec<_>>(), ["1", "2"]);
        assert_eq!(headers.get("X-CSTP"), None);
    }

    #[test]
    fn a_value_cannot_start_another_field() {
        let headers: Headers = [("A\r\n:B", "x\r\nSet-Cookie: y\0")].into_iter().collect();
        assert_eq!(headers.iter().next(), Some(("AB", "x  Set-Cookie: y ")));
    }

    #[test]
    fn debug_output_hides_credentials() {
        let headers: Headers = [("set-cookie", "webvpn=s3cret"), ("Host", "h")].into_iter().collect();
        assert_eq!(format!("{headers:?}"), r#"{"set-cookie": "(hidden)", "Host": "h"}"#);
    }

    #[test]
    fn a_token_is_found_in_a_list() {
        let headers: Headers = [("Connection", "Keep-Alive, CLOSE")].into_iter().collect();
        assert!(headers.has_token("connection", "close"));
        assert!(!headers.has_token("connection", "clos"));
    }
}
