//! Retransmissions: counted where what they repeat was sent, never lines of their own if that can be found.

use interop_evidence::Layer;

use super::draft::Draft;
use super::repeats::Lane;
use crate::found::Item;

/// Counts something that was sent before; false if it needs a line of its own.
///
/// The segments of TCP are not messages: what they repeat is the last thing that was sent in that direction, in
/// whatever phase. A datagram that repeats a message counts at the line of that message in this phase.
pub(super) fn count(lane: &Lane, item: &Item<'_>, drafts: &mut [Draft], raw: bool) -> bool {
    let is_tcp = item.found.layer == Layer::Tcp;
    let last = lane.last(item.found.way).filter(|_| is_tcp);
    let candidates = lane.of_phase().iter().rev().filter(|id| !is_tcp || last == Some(**id));
    let mut alike = candidates.filter(|id| drafts.get(**id).is_some_and(|draft| draft.is_like(item, raw)));
    if let Some(draft) = alike.next().copied().and_then(|id| drafts.get_mut(id)) {
        draft.fold(item);
        return true;
    }
    match last.and_then(|id| drafts.get_mut(id)) {
        Some(draft) => draft.retransmissions = draft.retransmissions.saturating_add(1),
        None => return false,
    }
    true
}
