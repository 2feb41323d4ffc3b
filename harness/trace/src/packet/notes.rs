//! What a trace must say about itself: where it is not whole.

use std::collections::BTreeMap;

use super::link;
use crate::limits::MOST_NOTES;

/// Notes, as many as a reader can want; what can happen to every packet is only counted.
#[derive(Debug, Default)]
pub(super) struct Notes {
    texts: Vec<String>,
    more: u64,
    links: BTreeMap<u32, u64>,
    broken: Count,
    cut_segments: Count,
    cut_bytes: u64,
    forgotten: Count,
    wires: Count,
}

#[derive(Debug, Default)]
struct Count {
    frames: u64,
    first: u64,
}

impl Count {
    const fn add(&mut self, frame: u64) {
        if self.frames == 0 {
            self.first = frame;
        }
        self.frames += 1;
    }
}

impl Notes {
    /// Notes something; the text is only made if there is room for it.
    pub(super) fn add(&mut self, text: impl FnOnce() -> String) {
        if self.texts.len() < MOST_NOTES {
            self.texts.push(text());
        } else {
            self.more += 1;
        }
    }

    /// A frame of a link type that is not understood.
    pub(super) fn link_type(&mut self, number: u32) {
        if self.links.len() >= MOST_NOTES && !self.links.contains_key(&number) {
            self.more += 1;
            return;
        }
        *self.links.entry(number).or_default() += 1;
    }

    /// A packet whose headers end too early or make no sense.
    pub(super) const fn broken(&mut self, frame: u64) {
        self.broken.add(frame);
    }

    /// A TCP segment of which so many bytes were not captured.
    pub(super) const fn cut(&mut self, frame: u64, bytes: u64) {
        self.cut_segments.add(frame);
        self.cut_bytes = self.cut_bytes.saturating_add(bytes);
    }

    /// A flow that was still open had to be forgotten.
    pub(super) const fn forgotten(&mut self, frame: u64) {
        self.forgotten.add(frame);
    }

    /// A frame of an interface beyond the limit.
    pub(super) const fn wire(&mut self, frame: u64) {
        self.wires.add(frame);
    }

    /// Everything that was noted since the last call.
    pub(super) fn take(&mut self) -> Vec<String> {
        let Self { texts, more, links, broken, cut_segments, cut_bytes, forgotten, wires } = std::mem::take(self);
        let mut notes: Vec<String> = links
            .into_iter()
            .map(|(number, frames)| {
                format!("{} is not understood: {} left out", link::name(number), of(frames, "frame"))
            })
            .collect();
        let mut count = |count: Count, what: &dyn Fn(u64) -> String| {
            if count.frames > 0 {
                notes.push(format!("{}, the first in frame {}", what(count.frames), count.first));
            }
        };
        count(broken, &|frames| format!("{} left out: headers that are cut off or wrong", of(frames, "packet")));
        count(cut_segments, &|frames| {
            format!("{} captured only in part: {cut_bytes} bytes are missing", of(frames, "TCP segment"))
        });
        count(forgotten, &|frames| format!("too many flows at a time: {} forgotten", of(frames, "open flow")));
        count(wires, &|frames| format!("too many interfaces: {} left out", of(frames, "frame")));
        notes.extend(texts);
        if more > 0 {
            notes.push(format!("{more} more notes are left out"));
        }
        notes
    }
}

fn of(count: u64, what: &str) -> String {
    match count {
        1 => format!("1 {what}"),
        _ => format!("{count} {what}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_happens_to_every_packet_is_counted() {
        let mut notes = Notes::default();
        for frame in 7..19 {
            notes.link_type(127);
            notes.broken(frame);
        }
        notes.cut(3, 1000);
        assert_eq!(
            notes.take(),
            [
                "link type 127 (802.11) is not understood: 12 frames left out",
                "12 packets left out: headers that are cut off or wrong, the first in frame 7",
                "1 TCP segment captured only in part: 1000 bytes are missing, the first in frame 3",
            ]
        );
        assert_eq!(notes.take(), [""; 0]);
    }

    #[test]
    fn notes_do_not_grow_without_end() {
        let mut notes = Notes::default();
        (0..MOST_NOTES + 5).for_each(|n| notes.add(|| n.to_string()));
        (300..).take(MOST_NOTES + 2).for_each(|number| notes.link_type(number));
        let texts = notes.take();
        assert_eq!(texts.len(), 2 * MOST_NOTES + 1);
        assert_eq!(texts.last().map(String::as_str), Some("7 more notes are left out"));
    }
}
