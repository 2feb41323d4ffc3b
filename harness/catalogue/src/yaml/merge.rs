//! Deep merge, for `extends`.

use super::{Content, Node};

/// Lays `over` on `base`: maps merge key by key, everything else replaces.
pub(crate) fn deep_merge(base: &Node, over: &Node) -> Node {
    let (Content::Mapping(below), Content::Mapping(above)) = (&base.content, &over.content) else {
        return over.clone();
    };
    let mut merged = below.clone();
    for (key, node) in &above.0 {
        let node = match merged.value(key) {
            Some(old) => deep_merge(old, node),
            None => node.clone(),
        };
        merged.set(key.clone(), node);
    }
    Node { at: over.at.clone(), key: over.key.clone(), content: Content::Mapping(merged) }
}
