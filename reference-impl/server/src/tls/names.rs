//! Which certificate is shown for which name (AC-TLS-04).

use std::collections::BTreeMap;

/// Finds by server name; the first entry is the default for no name and for unknown names.
#[derive(Clone, Debug)]
pub struct Names<T> {
    default: T,
    exact: BTreeMap<String, T>,
    /// By what follows `*.`.
    wildcard: BTreeMap<String, T>,
}

impl<T: Clone> Names<T> {
    /// Makes a table with the default only.
    #[must_use]
    pub fn new(default: T) -> Self {
        Self { default, exact: BTreeMap::new(), wildcard: BTreeMap::new() }
    }

    /// Adds a name; `*.example.org` stands for one label. The first entry of a name stays.
    pub fn add(&mut self, name: &str, value: &T) {
        let name = name.trim_end_matches('.').to_ascii_lowercase();
        let (table, key) = match name.strip_prefix("*.") {
            Some(rest) => (&mut self.wildcard, rest),
            None => (&mut self.exact, name.as_str()),
        };
        table.entry(key.to_owned()).or_insert_with(|| value.clone());
    }

    /// Finds the value for what the client asked for.
    pub fn find(&self, name: Option<&str>) -> &T {
        let Some(name) = name else { return &self.default };
        let name = name.trim_end_matches('.').to_ascii_lowercase();
        let wildcard = || name.split_once('.').and_then(|(_, rest)| self.wildcard.get(rest));
        self.exact.get(&name).or_else(wildcard).unwrap_or(&self.default)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_exactly_then_by_wildcard_then_by_default() {
        let mut names = Names::new(0);
        names.add("VPN.example.org", &1);
        names.add("*.example.org", &2);
        names.add("vpn.example.org", &3);
        for (asked, found) in [
            (None, 0),
            (Some("vpn.example.org"), 1),
            (Some("Vpn.Example.Org."), 1),
            (Some("www.example.org"), 2),
            (Some("a.b.example.org"), 0),
            (Some("example.org"), 0),
            (Some("unknown.test"), 0),
            (Some(""), 0),
        ] {
            assert_eq!(*names.find(asked), found, "{asked:?}");
        }
    }
}
