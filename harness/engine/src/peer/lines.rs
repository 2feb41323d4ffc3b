//! What is remembered of a log: its beginning and its end, bounded by bytes.

use std::collections::VecDeque;

/// Bytes of the beginning that are kept: a peer says first who it is and whether it is ready.
const HEAD: usize = 512 << 10;
/// Bytes of the end that are kept.
const TAIL: usize = 1 << 20;
/// What a line costs beside its text.
const OVERHEAD: usize = 48;

/// The first and the last lines of a log.
#[derive(Clone, Debug, Default)]
pub(super) struct Lines {
    head: Vec<String>,
    head_bytes: usize,
    tail: VecDeque<String>,
    tail_bytes: usize,
    /// The last line with something in it.
    last: Option<String>,
}

impl Lines {
    pub(super) fn push(&mut self, line: String) {
        if !line.is_empty() {
            self.last = Some(line.clone());
        }
        let cost = line.len() + OVERHEAD;
        if self.tail.is_empty() && self.head_bytes + cost <= HEAD {
            self.head_bytes += cost;
            self.head.push(line);
            return;
        }
        self.tail_bytes += cost;
        self.tail.push_back(line);
        while self.tail_bytes > TAIL
            && let Some(oldest) = self.tail.pop_front()
        {
            self.tail_bytes -= oldest.len() + OVERHEAD;
        }
    }

    /// What is remembered, in the order in which it was said.
    pub(super) fn iter(&self) -> impl Iterator<Item = &String> {
        self.head.iter().chain(&self.tail)
    }

    /// The last line that says something.
    pub(super) fn last(&self) -> Option<&String> {
        self.last.as_ref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn beginning_and_end_are_kept() {
        let mut lines = Lines::default();
        for number in 0..200_000 {
            lines.push(format!("line {number}"));
        }
        lines.push(String::new());
        assert_eq!(lines.last().unwrap(), "line 199999");
        assert_eq!(lines.iter().next().unwrap(), "line 0");
        assert_eq!(lines.iter().last().unwrap(), "");
        let bytes: usize = lines.iter().map(|line| line.len() + OVERHEAD).sum();
        assert!(bytes <= HEAD + TAIL, "{bytes}");
        assert!(bytes > TAIL, "not less than it could be");
        assert!(lines.iter().any(|line| line == "line 199000"));
    }
}
