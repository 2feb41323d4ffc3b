//! Lists and maps.

use std::hash::Hash;

use indexmap::IndexMap;
use serde_json::json;

use super::{Decode, Schema};
use crate::{
    Name, Problem, Problems,
    yaml::{Key, Node},
};

impl<T: Decode> Decode for Vec<T> {
    fn decode(node: &Node, problems: &mut Problems) -> Option<Self> {
        let Some(items) = node.sequence() else {
            wrong(node, "a list", "write `[a, b]`, or one `- item` a line", problems);
            return None;
        };
        let decoded: Vec<T> = items.iter().filter_map(|item| T::decode(item, problems)).collect();
        (decoded.len() == items.len()).then_some(decoded)
    }

    fn schema() -> Schema {
        json!({"type": "array", "items": T::schema()})
    }
}

/// A key of a map.
pub(crate) trait MapKey: Sized + Hash + Eq {
    fn from_key(key: &Key, problems: &mut Problems) -> Option<Self>;
}

impl MapKey for Name {
    fn from_key(key: &Key, _problems: &mut Problems) -> Option<Self> {
        Some(key.clone())
    }
}

impl MapKey for String {
    fn from_key(key: &Key, _problems: &mut Problems) -> Option<Self> {
        Some(key.as_str().to_owned())
    }
}

impl MapKey for i32 {
    fn from_key(key: &Key, problems: &mut Problems) -> Option<Self> {
        let number = key.parse().ok();
        if let (None, Some(at)) = (number, key.span()) {
            problems.push(Problem::new(format!("`{key}` is not a whole number"), at, "not a whole number"));
        }
        number
    }
}

impl<K: MapKey, T: Decode> Decode for IndexMap<K, T> {
    fn decode(node: &Node, problems: &mut Problems) -> Option<Self> {
        let Some(mapping) = node.mapping() else {
            wrong(node, "a map", "write `{name: value}`, or one `name: value` a line", problems);
            return None;
        };
        let before = problems.len();
        let mut map = Self::with_capacity(mapping.0.len());
        for (key, value) in &mapping.0 {
            if let (Some(key), Some(value)) = (K::from_key(key, problems), T::decode(value, problems)) {
                map.insert(key, value);
            }
        }
        (problems.len() == before).then_some(map)
    }

    fn schema() -> Schema {
        json!({"type": "object", "additionalProperties": T::schema()})
    }
}

/// The one key of a map that must have exactly one, and its value.
pub(crate) fn only_entry<'a>(
    node: &'a Node,
    what: &str,
    example: &str,
    problems: &mut Problems,
) -> Option<(&'a Key, &'a Node)> {
    match node.mapping().map(|mapping| mapping.0.as_slice()) {
        Some([(key, value)]) => Some((key, value)),
        Some([_, (second, _), ..]) => {
            let at = second.span().cloned().unwrap_or_else(|| node.place());
            problems.push(
                Problem::new(format!("{what} has exactly one key"), &at, "a second key")
                    .help(format!("write `{example}`")),
            );
            None
        }
        _ => {
            wrong(node, &format!("{what}, which is a map with one key"), &format!("write `{example}`"), problems);
            None
        }
    }
}

pub(super) fn wrong(node: &Node, what: &str, help: &str, problems: &mut Problems) {
    let (at, label) = if node.is_null() {
        (node.place(), "has no value".to_owned())
    } else {
        (node.at.clone(), format!("not {what}"))
    };
    problems.push(Problem::new(format!("expected {what}, found {}", node.kind()), &at, label).help(help));
}
