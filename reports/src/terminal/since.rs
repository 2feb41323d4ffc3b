//! What changed since an earlier run.

use super::Style;
use super::wrap::words;
use crate::compare::{ChangeKind, Comparison};
use crate::look::{Tone, change_tone};
use crate::since::{groups, peer_change};
use crate::text::one_line;

/// Entries of one kind.
const SHOWN: usize = 10;
const PEERS: usize = 12;
const TEXT: usize = 240;

/// The section, preceded by an empty line.
pub(super) fn lines(comparison: &Comparison, style: Style) -> Vec<String> {
    let arrow = if style.unicode { "→" } else { "->" };
    let width = style.columns();
    let title = format!("since {}: {}", one_line(&comparison.old.id, 80), comparison.summary());
    let mut out = vec![String::new()];
    out.extend(words(&style.plain(&title), width).iter().map(|line| style.bold(line)));
    let mut indented = |indent: usize, text: &str, tone: Option<Tone>| {
        for line in words(&style.plain(text), width - indent) {
            let line = tone.map_or_else(|| line.clone(), |tone| style.paint(tone, &line));
            out.push(format!("{}{line}", " ".repeat(indent)));
        }
    };
    for peer in comparison.peers.iter().take(PEERS) {
        indented(2, &peer_change(peer, arrow), None);
    }
    if comparison.peers.len() > PEERS {
        indented(2, &format!("and {} more peers that are others than before", comparison.peers.len() - PEERS), None);
    }
    for note in comparison.notes.iter().take(PEERS) {
        indented(2, &one_line(note, TEXT), None);
    }
    for kind in ChangeKind::ALL {
        let groups = groups(comparison, kind);
        if groups.is_empty() {
            continue;
        }
        indented(0, kind.heading(), Some(change_tone(kind)));
        // Of what only came or went, the number says enough.
        let shown = if matches!(kind, ChangeKind::Appeared | ChangeKind::Gone) { SHOWN / 2 } else { SHOWN };
        for group in groups.iter().take(shown) {
            indented(2, &format!("{}  {}", group.label(), group.pairs()), None);
            indented(6, &group.story(arrow, TEXT), None);
        }
        if groups.len() > shown {
            let left: usize = groups[shown..].iter().map(|group| group.changes.len()).sum();
            indented(2, &format!("and {left} more, see the report"), None);
        }
    }
    out
}
