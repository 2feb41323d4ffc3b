//! Handshake messages out of fragments, in order, within bounds (RFC 6347, 4.2.3).

use std::collections::BTreeMap;

use crate::wire::Fragment;

/// Longest message taken.
pub(crate) const MAX_MESSAGE: usize = 4 * 1024;
/// Most bytes held for all unfinished and waiting messages.
pub(crate) const MAX_HELD: usize = 16 * 1024;
/// How far a message may be ahead of the next one.
pub(crate) const MAX_AHEAD: u16 = 8;

/// Is a complete handshake message without its header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Message {
    pub(crate) kind: u8,
    pub(crate) sequence: u16,
    pub(crate) body: Vec<u8>,
}

#[derive(Debug)]
struct Partial {
    kind: u8,
    body: Vec<u8>,
    present: Vec<bool>,
    missing: usize,
}

/// Collects the fragments of messages that come next.
#[derive(Debug, Default)]
pub(crate) struct Reassembly {
    /// By epoch and message sequence, so that forged plaintext cannot occupy the place of a protected message.
    messages: BTreeMap<(u16, u16), Partial>,
    held: usize,
}

/// Says what became of a fragment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Taken {
    /// It was kept.
    Kept,
    /// It belongs to a message that was handled already.
    Old,
    /// It breaks a bound or contradicts earlier fragments.
    Refused,
}

impl Reassembly {
    /// Takes a fragment from a record of `epoch` while the message `next` is waited for.
    pub(crate) fn push(&mut self, epoch: u16, next: u16, fragment: &Fragment<'_>) -> Taken {
        if fragment.sequence < next {
            return Taken::Old;
        }
        if fragment.sequence - next >= MAX_AHEAD || fragment.length > MAX_MESSAGE {
            return Taken::Refused;
        }
        let key = (epoch, fragment.sequence);
        if !self.messages.contains_key(&key) {
            if self.held + cost(fragment.length) > MAX_HELD {
                return Taken::Refused;
            }
            self.held += cost(fragment.length);
            let length = fragment.length;
            let partial =
                Partial { kind: fragment.kind, body: vec![0; length], present: vec![false; length], missing: length };
            self.messages.insert(key, partial);
        }
        let Some(partial) = self.messages.get_mut(&key) else { return Taken::Refused };
        let range = fragment.offset..fragment.offset + fragment.body.len();
        if partial.kind != fragment.kind || partial.body.len() != fragment.length {
            return Taken::Refused;
        }
        let (Some(body), Some(present)) = (partial.body.get_mut(range.clone()), partial.present.get_mut(range)) else {
            return Taken::Refused;
        };
        for ((byte, known), &new) in body.iter_mut().zip(present).zip(fragment.body) {
            if !*known {
                *known = true;
                *byte = new;
                partial.missing -= 1;
            }
        }
        Taken::Kept
    }

    /// Gives the message `next` of `epoch` if it is complete.
    pub(crate) fn pop(&mut self, epoch: u16, next: u16) -> Option<Message> {
        let key = (epoch, next);
        if self.messages.get(&key)?.missing > 0 {
            return None;
        }
        let partial = self.messages.remove(&key)?;
        self.held -= cost(partial.body.len());
        Some(Message { kind: partial.kind, sequence: next, body: partial.body })
    }

    /// Forgets messages whose numbers are past, of either epoch.
    pub(crate) fn discard_before(&mut self, next: u16) {
        let held = &mut self.held;
        self.messages.retain(|&(_, sequence), partial| {
            let keep = sequence >= next;
            if !keep {
                *held -= cost(partial.body.len());
            }
            keep
        });
    }

    /// Counts the bytes held.
    #[cfg(test)]
    pub(crate) fn held(&self) -> usize {
        self.held
    }

    /// Forgets everything.
    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }
}

/// Counts the body, the map of received bytes and the bookkeeping of one message.
fn cost(length: usize) -> usize {
    2 * length + 64
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn fragment(sequence: u16, length: usize, offset: usize, body: &[u8]) -> Fragment<'_> {
        Fragment { kind: 1, length, sequence, offset, body }
    }

    #[test]
    fn old_distant_and_contradicting_fragments() {
        let mut messages = Reassembly::default();
        assert_eq!(messages.push(0, 3, &fragment(2, 1, 0, b"a")), Taken::Old);
        assert_eq!(messages.push(0, 3, &fragment(11, 1, 0, b"a")), Taken::Refused);
        assert_eq!(messages.push(0, 3, &fragment(10, 1, 0, b"a")), Taken::Kept);
        assert_eq!(messages.push(0, 3, &fragment(3, 4, 0, b"ab")), Taken::Kept);
        assert_eq!(messages.push(0, 3, &fragment(3, 5, 0, b"ab")), Taken::Refused, "another length");
        assert_eq!(messages.pop(0, 3), None, "two bytes are missing");
        assert_eq!(messages.push(0, 3, &fragment(3, 4, 1, b"xcd")), Taken::Kept);
        assert_eq!(messages.pop(0, 3).unwrap().body, b"abcd", "what came first stays");
    }

    #[test]
    fn memory_is_bounded() {
        let mut messages = Reassembly::default();
        for sequence in 0..=u16::MAX {
            for epoch in 0..2 {
                messages.push(epoch, 0, &fragment(sequence, MAX_MESSAGE - usize::from(sequence % 7), 0, b"a"));
            }
        }
        assert!(messages.held <= MAX_HELD, "{}", messages.held);
        assert_eq!(messages.push(0, 0, &fragment(0, MAX_MESSAGE + 1, 0, b"a")), Taken::Refused);
        messages.discard_before(100);
        assert_eq!(messages.held, 0);
        assert!(messages.messages.is_empty());
    }

    proptest! {
        #[test]
        fn any_order_of_any_cut_gives_the_message(
            body in prop::collection::vec(any::<u8>(), 0..200),
            cuts in prop::collection::vec((any::<prop::sample::Index>(), 1usize..40), 0..40),
        ) {
            let mut messages = Reassembly::default();
            let length = body.len();
            for (index, size) in cuts {
                let offset = if length == 0 { 0 } else { index.index(length) };
                let end = (offset + size).min(length);
                messages.push(0, 0, &fragment(0, length, offset, &body[offset..end]));
            }
            messages.push(0, 0, &fragment(0, length, 0, &body));
            prop_assert_eq!(messages.pop(0, 0).unwrap().body, body);
            prop_assert_eq!(messages.held, 0);
        }
    }
}
