//! Names and their addresses.

use std::collections::BTreeMap;
use std::net::IpAddr;

/// Which addresses each name has. Names are compared without case and without a final dot.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Zone {
    names: BTreeMap<String, Vec<IpAddr>>,
}

impl Zone {
    /// The addresses of a name; `None` if neither the name nor anything below it exists.
    pub(crate) fn addresses(&self, name: &str) -> Option<&[IpAddr]> {
        if let Some(addresses) = self.names.get(name) {
            return Some(addresses);
        }
        let below = format!(".{name}");
        self.names.keys().any(|known| known.ends_with(&below)).then_some(&[])
    }
}

impl<N: AsRef<str>> FromIterator<(N, Vec<IpAddr>)> for Zone {
    fn from_iter<I: IntoIterator<Item = (N, Vec<IpAddr>)>>(entries: I) -> Self {
        Self { names: entries.into_iter().map(|(name, addresses)| (normal(name.as_ref()), addresses)).collect() }
    }
}

/// The form in which names are compared.
pub(crate) fn normal(name: &str) -> String {
    name.trim_end_matches('.').to_ascii_lowercase()
}
