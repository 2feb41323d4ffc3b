//! Values that one side made up: numbered anew in each flow of a phase, so that one flow more changes no other.

use std::collections::HashMap;

use super::block::{Block, Side};

/// Numbers `session-id#7` and the like from 1, those of the opener first: the order between the sides is chance.
///
/// A value keeps its number within the flow, so that an answer that takes up what the opener sent still shows it.
pub(super) fn renumber(block: &mut Block) {
    let mut numbers: HashMap<(String, String), usize> = HashMap::new();
    let mut last: HashMap<String, usize> = HashMap::new();
    for side in Side::ALL {
        for said in block.said.iter_mut().filter(|said| said.side == side) {
            said.text = replaced(&said.text, |kind, number| {
                let known = numbers.entry((kind.to_owned(), number.to_owned())).or_insert_with(|| {
                    let last = last.entry(kind.to_owned()).or_default();
                    *last += 1;
                    *last
                });
                known.to_string()
            });
        }
    }
}

/// The text without the numbers, to see whether something is said again with another value.
pub(super) fn erased(text: &str) -> String {
    replaced(text, |_, _| String::new())
}

/// Replaces the number of each `kind#number`.
fn replaced(text: &str, mut number: impl FnMut(&str, &str) -> String) -> String {
    let mut result = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once('#') {
        let is_kind = |c: char| c.is_ascii_alphanumeric() || c == '-';
        let kind = before.rsplit(|c| !is_kind(c)).next().unwrap_or_default();
        let end = behind.find(|c: char| !c.is_ascii_digit()).unwrap_or(behind.len());
        let (digits, after) = behind.split_at(end);
        result.push_str(before);
        result.push('#');
        if kind.starts_with(|c: char| c.is_ascii_alphabetic()) && !digits.is_empty() {
            result.push_str(&number(kind, digits));
        } else {
            result.push_str(digits);
        }
        rest = after;
    }
    result.push_str(rest);
    result
}

#[cfg(test)]
mod tests {
    use super::super::block::blocks;
    use super::*;

    #[test]
    fn numbers_begin_anew_and_do_not_depend_on_the_interleaving() {
        let renumbered = |lines: &[&str]| {
            let lines: Vec<(String, u64)> = lines.iter().map(|line| ((*line).to_owned(), 0)).collect();
            let mut block = blocks(&lines).remove(0);
            renumber(&mut block);
            Side::ALL.map(|side| block.side(side).map(|said| said.text.clone()).collect::<Vec<_>>())
        };
        let expected = [
            vec!["hello a-id#1 b#1".to_owned(), "again a-id#2".to_owned()],
            vec!["hello a-id#3, a-id#1".to_owned()],
            vec![],
        ];
        assert_eq!(
            renumbered(&["f #1", "  > hello a-id#7 b#2", "  < hello a-id#8, a-id#7", "  > again a-id#9"]),
            expected
        );
        assert_eq!(
            renumbered(&["f #1", "  > hello a-id#7 b#2", "  > again a-id#9", "  < hello a-id#8, a-id#7"]),
            expected
        );
    }

    #[test]
    fn other_signs_stay() {
        assert_eq!(erased("GET /a#b #1 x#12y (#3) id#4"), "GET /a#b #1 x#y (#3) id#");
    }
}
