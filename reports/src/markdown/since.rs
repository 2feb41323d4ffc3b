//! What changed since an earlier run.

use std::fmt::Write as _;

use super::escape::inline;
use crate::compare::{ChangeKind, Comparison};
use crate::since::{groups, peer_change};
use crate::text::one_line;

/// Entries of one kind.
const SHOWN: usize = 30;
const TEXT: usize = 400;

pub(super) fn section(comparison: &Comparison) -> String {
    let since = inline(&one_line(&comparison.old.id, 120));
    let mut out = format!("### Since {since}: {}\n\n", inline(&comparison.summary()));
    for peer in comparison.peers.iter().take(SHOWN) {
        let _ = writeln!(out, "- {}", inline(&peer_change(peer, "→")));
    }
    for note in comparison.notes.iter().take(SHOWN) {
        let _ = writeln!(out, "- {}", inline(&one_line(note, TEXT)));
    }
    for kind in ChangeKind::ALL {
        let groups = groups(comparison, kind);
        if groups.is_empty() {
            continue;
        }
        let cells: usize = groups.iter().map(|group| group.changes.len()).sum();
        let _ = writeln!(out, "\n**{} ({cells})**\n", inline(kind.heading()));
        for group in groups.iter().take(SHOWN) {
            let (label, pairs) = (inline(&group.label()), inline(&group.pairs()));
            let _ = writeln!(out, "- {label}, {pairs}: {}", inline(&group.story("→", TEXT)));
        }
        if groups.len() > SHOWN {
            let left: usize = groups[SHOWN..].iter().map(|group| group.changes.len()).sum();
            let _ = writeln!(out, "- Cut: {left} more.");
        }
    }
    out
}
