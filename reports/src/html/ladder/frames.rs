//! The frames that failing checks name.

use interop_evidence::{CellRecord, CheckRecord, Verdict};

/// Frames that are highlighted.
const MOST: usize = 20;

/// A frame and the line of a message that names it.
pub(super) struct Wanted<'a> {
    pub(super) frame: u64,
    pub(super) message: &'a str,
}

/// The frames of the checks of a cell that do not pass, each once; of its reason, if no check names one.
pub(super) fn of_cell(cell: &CellRecord) -> Vec<Wanted<'_>> {
    let mut found: Vec<Wanted<'_>> = Vec::new();
    let named =
        cell.checks.iter().filter_map(|check| Some(Wanted { frame: of_check(check)?, message: &check.message }));
    for wanted in named {
        if found.len() < MOST && found.iter().all(|other| other.frame != wanted.frame) {
            found.push(wanted);
        }
    }
    if found.is_empty() && cell.verdict != Verdict::Pass {
        found.extend(in_message(&cell.reason));
    }
    found
}

/// The frame that a check complains of.
pub(in crate::html) fn of_check(check: &CheckRecord) -> Option<u64> {
    in_message(&check.message).filter(|_| check.verdict != Verdict::Pass).map(|wanted| wanted.frame)
}

/// The first `frame N` or `frames N, M` of a message.
fn in_message(message: &str) -> Option<Wanted<'_>> {
    message.lines().find_map(|line| Some(Wanted { frame: in_line(line)?, message: line }))
}

fn in_line(message: &str) -> Option<u64> {
    message.match_indices("frame").find_map(|(at, word)| {
        let before = message[..at].chars().next_back();
        if before.is_some_and(char::is_alphanumeric) {
            return None;
        }
        let rest = &message[at + word.len()..];
        let digits = rest.strip_prefix('s').unwrap_or(rest).strip_prefix(' ')?.trim_start();
        let end = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
        digits[..end].parse().ok().filter(|frame| *frame > 0)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_found_in_words() {
        for (message, wanted) in [
            ("first differing packet: frame 412 on access", Some(412)),
            ("TCP to 1.2.3.4:443 on wire access, frame 9", Some(9)),
            ("2 TLS sessions were begun (frames 3, 99)", Some(3)),
            ("saw 12 frames to the server, then frame 7", Some(7)),
            ("saw 12 frames", None),
            ("subframe 3", None),
            ("it differs (frame 5 on `access`)\n  - TLS Finished\n  + frame 6", Some(5)),
            ("it differs\n  + TLS Finished, frame 6", Some(6)),
            ("frame 0", None),
            ("frame 99999999999999999999999", None),
            ("é frame", None),
            ("", None),
        ] {
            assert_eq!(in_message(message).map(|wanted| wanted.frame), wanted, "{message}");
        }
    }
}
