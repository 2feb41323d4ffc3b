//! Handshake messages and their fragments (RFC 6347, section 4.2).

use std::borrow::Cow;

/// Bytes of a message header.
const HEADER: usize = 12;
/// Bytes of fragments that are kept for one direction of a flow. The longest messages are certificate chains.
const MOST_KEPT: usize = 32 * 1024;
/// Messages of one direction that wait for fragments at a time.
const MOST_OPEN: usize = 16;
/// Fragments of one message that are kept.
const MOST_FRAGMENTS: usize = 256;

pub(super) const CLIENT_HELLO: u8 = 1;
pub(super) const SERVER_HELLO: u8 = 2;
pub(super) const CLIENT_KEY_EXCHANGE: u8 = 16;

/// Types of messages by number, with their names (RFC 5246, section 7.4; RFC 6347, section 4.3.2).
const NAMES: &[(u8, &str)] = &[
    (0, "HelloRequest"),
    (CLIENT_HELLO, "ClientHello"),
    (SERVER_HELLO, "ServerHello"),
    (3, "HelloVerifyRequest"),
    (4, "NewSessionTicket"),
    (11, "Certificate"),
    (12, "ServerKeyExchange"),
    (13, "CertificateRequest"),
    (14, "ServerHelloDone"),
    (15, "CertificateVerify"),
    (CLIENT_KEY_EXCHANGE, "ClientKeyExchange"),
    (20, "Finished"),
    (22, "CertificateStatus"),
];

/// The name of a type of message, if it has one.
pub(super) fn name(kind: u8) -> Option<&'static str> {
    NAMES.iter().find(|(number, _)| *number == kind).map(|(_, name)| *name)
}

/// A part of a message, or all of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Fragment<'a> {
    pub(super) kind: u8,
    /// Number of the message within its handshake.
    pub(super) sequence: u16,
    /// Bytes of the whole message.
    length: usize,
    offset: usize,
    bytes: &'a [u8],
}

/// A whole message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Message<'a> {
    pub(super) kind: u8,
    pub(super) sequence: u16,
    pub(super) body: Cow<'a, [u8]>,
}

/// The fragments in the body of a record; `None` at the end when what is left is none.
pub(super) fn fragments(mut rest: &[u8]) -> impl Iterator<Item = Option<Fragment<'_>>> {
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let (first, after) = match fragment(rest) {
            Some((first, after)) => (Some(first), after),
            None => (None, [].as_slice()),
        };
        rest = after;
        Some(first)
    })
}

fn fragment(bytes: &[u8]) -> Option<(Fragment<'_>, &[u8])> {
    let (&[kind, l1, l2, l3, s1, s2, o1, o2, o3, f1, f2, f3], rest) = bytes.split_first_chunk::<HEADER>()?;
    let number = |a, b, c| usize::try_from(u32::from_be_bytes([0, a, b, c])).unwrap_or(usize::MAX);
    let (length, offset) = (number(l1, l2, l3), number(o1, o2, o3));
    let (bytes, rest) = rest.split_at_checked(number(f1, f2, f3))?;
    let fits = offset.checked_add(bytes.len())? <= length && name(kind).is_some();
    fits.then_some((Fragment { kind, sequence: u16::from_be_bytes([s1, s2]), length, offset, bytes }, rest))
}

/// Puts the messages of one direction together.
#[derive(Debug, Default)]
pub(super) struct Assembler {
    open: Vec<Open>,
}

/// A message that is not whole yet.
#[derive(Debug)]
struct Open {
    epoch: u16,
    kind: u8,
    sequence: u16,
    length: usize,
    parts: Vec<(usize, Vec<u8>)>,
}

impl Assembler {
    /// Takes a fragment; gives the message that it completes.
    pub(super) fn take<'a>(&mut self, epoch: u16, part: &Fragment<'a>) -> Option<Message<'a>> {
        if part.bytes.len() == part.length {
            return Some(Message { kind: part.kind, sequence: part.sequence, body: Cow::Borrowed(part.bytes) });
        }
        if part.length > MOST_KEPT {
            return None;
        }
        let is_same = |open: &Open| (open.epoch, open.sequence) == (epoch, part.sequence);
        self.open.retain(|open| !is_same(open) || (open.kind, open.length) == (part.kind, part.length));
        let index = self.open.iter().position(is_same).unwrap_or_else(|| {
            let (kind, sequence, length) = (part.kind, part.sequence, part.length);
            self.open.push(Open { epoch, kind, sequence, length, parts: Vec::new() });
            self.open.len() - 1
        });
        let open = self.open.get_mut(index)?;
        open.add(part);
        let Some(body) = open.whole() else {
            self.forget_the_oldest();
            return None;
        };
        self.open.remove(index);
        Some(Message { kind: part.kind, sequence: part.sequence, body: Cow::Owned(body) })
    }

    fn forget_the_oldest(&mut self) {
        let kept =
            |open: &[Open]| open.iter().flat_map(|open| &open.parts).map(|(_, bytes)| bytes.len()).sum::<usize>();
        while self.open.len() > MOST_OPEN || kept(&self.open) > MOST_KEPT {
            self.open.remove(0);
        }
    }
}

impl Open {
    fn add(&mut self, part: &Fragment<'_>) {
        let is_there = |(offset, bytes): &(usize, Vec<u8>)| (*offset, bytes.len()) == (part.offset, part.bytes.len());
        if self.parts.len() < MOST_FRAGMENTS && !part.bytes.is_empty() && !self.parts.iter().any(is_there) {
            self.parts.push((part.offset, part.bytes.to_vec()));
            self.parts.sort_by_key(|(offset, _)| *offset);
        }
    }

    /// The message, when no byte is missing.
    fn whole(&self) -> Option<Vec<u8>> {
        let mut whole = Vec::new();
        for (offset, bytes) in &self.parts {
            let known = whole.len().checked_sub(*offset)?;
            whole.extend_from_slice(bytes.get(known..).unwrap_or_default());
        }
        (whole.len() == self.length).then_some(whole)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn part(sequence: u16, length: usize, offset: usize, bytes: &[u8]) -> Fragment<'_> {
        Fragment { kind: 11, sequence, length, offset, bytes }
    }

    #[test]
    fn a_header_that_does_not_fit_is_none() {
        // ServerHelloDone; then a fragment that reaches beyond its message.
        let done = hex::decode("0e0000000001000000000000").unwrap();
        assert_eq!(
            fragments(&done).collect::<Vec<_>>(),
            [Some(Fragment { kind: 14, sequence: 1, length: 0, offset: 0, bytes: &[] })]
        );
        let beyond = hex::decode("0b0000020001000001000002aabb").unwrap();
        assert_eq!(fragments(&beyond).collect::<Vec<_>>(), [None]);
    }

    #[test]
    fn fragments_out_of_order_and_overlapping() {
        let mut assembler = Assembler::default();
        assert_eq!(assembler.take(0, &part(3, 6, 4, b"ef")), None);
        assert_eq!(assembler.take(0, &part(3, 6, 4, b"ef")), None);
        assert_eq!(assembler.take(0, &part(3, 6, 0, b"abc")), None);
        // The same number in another epoch is another message.
        assert_eq!(assembler.take(1, &part(3, 6, 2, b"xxx")), None);
        let message = assembler.take(0, &part(3, 6, 2, b"cde")).unwrap();
        assert_eq!((message.sequence, message.body.as_ref()), (3, b"abcdef".as_slice()));
        assert_eq!(assembler.open.len(), 1);
    }

    #[test]
    fn what_is_never_completed_is_forgotten() {
        let mut assembler = Assembler::default();
        let bytes = vec![0; 1000];
        for sequence in 0..1000 {
            assert_eq!(assembler.take(0, &part(sequence, 2000, 0, &bytes)), None);
        }
        assert!(assembler.open.len() <= MOST_OPEN);
        assert_eq!(assembler.take(0, &part(1, MOST_KEPT + 1, 0, &bytes)), None);
        assert!(assembler.open.iter().all(|open| open.sequence > 1));
    }

    proptest! {
        #[test]
        fn any_cut_in_any_order(
            body in prop::collection::vec(any::<u8>(), 1..200),
            cuts in prop::collection::vec((0usize..200, 1usize..50), 0..20),
        ) {
            let mut assembler = Assembler::default();
            let mut done = None;
            let tiles = (0..body.len()).step_by(7).map(|start| (start, 7));
            for (start, length) in cuts.into_iter().chain(tiles) {
                let start = start.min(body.len() - 1);
                let end = (start + length).min(body.len());
                let message = assembler.take(0, &part(0, body.len(), start, &body[start..end]));
                done = done.or(message.map(|message| message.body.into_owned()));
            }
            prop_assert_eq!(done, Some(body));
        }
    }
}
