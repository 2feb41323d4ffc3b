//! Relative links to the files of a bundle.

use std::path::{Component, Path};

/// The folder of a bundle as a relative link; none if it is not a relative path. `..` is allowed, because merged runs
/// point to their neighbours.
pub(super) fn folder(bundle: &str) -> Option<String> {
    let mut parts = Vec::new();
    for component in Path::new(bundle).components() {
        match component {
            Component::Normal(name) => parts.push(percent(name.to_str()?)),
            Component::ParentDir => parts.push("..".to_owned()),
            Component::CurDir => {}
            Component::RootDir | Component::Prefix(_) => return None,
        }
    }
    // Nothing in it can be taken for a scheme, as a colon is encoded.
    Some(if parts.is_empty() { ".".to_owned() } else { parts.join("/") })
}

/// The link to a file of that folder; `name` may have folders of its own.
pub(super) fn file(folder: &str, name: &str) -> String {
    let parts: Vec<_> = name.split('/').map(percent).collect();
    format!("{folder}/{}", parts.join("/"))
}

/// Everything but the unreserved characters of RFC 3986 section 2.3 is encoded, so that no scheme, query or markup remains.
pub(super) fn percent(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => out.push(char::from(byte)),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_stays_a_relative_link() {
        assert_eq!(folder("cells/a b").as_deref(), Some("cells/a%20b"));
        assert_eq!(folder("../other/cells/x").as_deref(), Some("../other/cells/x"));
        assert_eq!(folder("javascript:alert(1)").as_deref(), Some("javascript%3Aalert%281%29"));
        assert_eq!(folder("/etc"), None);
        assert_eq!(file("./cells/x", "logs/a?b#\".log"), "./cells/x/logs/a%3Fb%23%22.log");
    }
}
