//! A line whose hosts and values have no names yet.

use interop_evidence::{Layer, View};

use super::sizes;
use crate::found::{Item, Moment, Way};
use crate::words::{Word, Words};

/// What a draft takes beside its words and its remark, roughly.
const BYTES: usize = 192;

/// A line of the trace to be. Names are given at the end, when it is known who is who.
#[derive(Debug)]
pub(super) struct Draft {
    /// Index of its flow.
    pub(super) flow: usize,
    pub(super) first: Moment,
    pub(super) last: Moment,
    pub(super) view: View,
    pub(super) layer: Layer,
    pub(super) way: Way,
    pub(super) words: Words,
    pub(super) remark: Option<String>,
    pub(super) count: u64,
    pub(super) retransmissions: u64,
}

impl Draft {
    pub(super) fn new(flow: usize, item: Item<'_>) -> Self {
        let Item { found, remark, .. } = item;
        Self {
            flow,
            first: found.moment,
            last: found.moment,
            view: found.view,
            layer: found.layer,
            way: found.way,
            words: found.words,
            remark: remark.map(str::to_owned),
            count: 1,
            retransmissions: u64::from(found.again),
        }
    }

    /// Whether an item of the same flow and view would be the same line.
    pub(super) fn is_like(&self, item: &Item<'_>, raw: bool) -> bool {
        self.way == item.found.way
            && same_words(&self.words, &item.found.words, raw)
            && self.remark.as_deref() == item.remark
    }

    /// Takes in an item that is like it.
    pub(super) fn fold(&mut self, item: &Item<'_>) {
        let moment = item.found.moment;
        self.count = self.count.saturating_add(1);
        self.retransmissions = self.retransmissions.saturating_add(item.found.again.into());
        self.last = Moment { frame: self.last.frame.max(moment.frame), at: self.last.at.max(moment.at) };
    }

    /// How much memory it takes, roughly.
    pub(super) fn bytes(&self) -> usize {
        let words = self.words.0.iter().map(|word| match word {
            Word::Text(text) => text.len(),
            Word::Random { value, .. } => value.len(),
            Word::Address(_) | Word::Size(_) => 0,
        });
        let remark = self.remark.as_ref().map_or(0, String::len);
        words.map(|bytes| bytes.saturating_add(size_of::<Word>())).fold(BYTES + remark, usize::saturating_add)
    }
}

fn same_words(one: &Words, other: &Words, raw: bool) -> bool {
    one.0.len() == other.0.len()
        && one.0.iter().zip(&other.0).all(|pair| match pair {
            (Word::Size(one), Word::Size(other)) => sizes::same(*one, *other, raw),
            (one, other) => one == other,
        })
}
