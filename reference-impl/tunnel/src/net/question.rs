//! The question of a DNS message, and the suffixes it may be under. Nothing else of the message is read.

/// Size of the header (RFC 1035 section 4.1.1).
pub(super) const HEADER: usize = 12;

/// Longest name on the wire (RFC 1035 section 2.3.4).
const LONGEST_NAME: usize = 255;

/// The one question of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Question {
    /// Labels in lower case, the most specific first.
    labels: Vec<Vec<u8>>,
    /// Where the question ends in the message.
    end: usize,
}

impl Question {
    /// Reads the question of a query; none for an answer, for more or fewer questions than one, and for a damaged one.
    pub(super) fn of_query(message: &[u8]) -> Option<Self> {
        let header = message.get(..HEADER)?;
        if header[2] & QR != 0 { None } else { Self::parse(message) }
    }

    /// Whether a message is the answer to this query.
    pub(super) fn is_answered_by(&self, query: &[u8], message: &[u8]) -> bool {
        let Some(header) = message.get(..HEADER) else { return false };
        header[2] & QR != 0
            && query.get(..2) == Some(&header[..2])
            && Self::parse(message).is_some_and(|question| question.labels == self.labels)
            && query.get(self.end - 4..self.end) == message.get(self.end - 4..self.end)
    }

    /// An answer that says that no resolver could be reached.
    pub(super) fn failure(&self, query: &[u8]) -> Vec<u8> {
        let mut answer = query.get(..self.end).unwrap_or_default().to_vec();
        if let Some(header) = answer.get_mut(..HEADER) {
            header[2] = QR | (header[2] & OPCODE_AND_RD);
            header[3] = RA | SERVER_FAILURE;
            header[6..].fill(0);
        }
        answer
    }

    /// Whether the name is one of the suffixes or below one.
    pub(super) fn is_under(&self, suffixes: &[Suffix]) -> bool {
        suffixes.iter().any(|suffix| self.labels.ends_with(&suffix.0))
    }

    fn parse(message: &[u8]) -> Option<Self> {
        if message.get(4..6)? != [0, 1] {
            return None;
        }
        let mut labels = Vec::new();
        let mut at = HEADER;
        loop {
            let length = usize::from(*message.get(at)?);
            at += 1;
            match length {
                0 => break,
                // A pointer has nothing to point at before the first name.
                64.. => return None,
                _ => labels.push(message.get(at..at + length)?.to_ascii_lowercase()),
            }
            at += length;
            if at - HEADER >= LONGEST_NAME {
                return None;
            }
        }
        let end = at + 4;
        (end <= message.len()).then_some(Self { labels, end })
    }
}

// Bits of the third and fourth byte of the header.
const QR: u8 = 0x80;
const OPCODE_AND_RD: u8 = 0x79;
const RA: u8 = 0x80;
const SERVER_FAILURE: u8 = 2;

/// A domain, as labels in lower case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Suffix(Vec<Vec<u8>>);

impl Suffix {
    /// Reads `corp.example`, `.corp.example` or `*.corp.example`; none for what is no domain.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let text = text.strip_prefix('*').unwrap_or(text);
        let text = text.strip_prefix('.').unwrap_or(text);
        let text = text.strip_suffix('.').unwrap_or(text);
        let labels: Vec<Vec<u8>> = text.split('.').map(|label| label.to_ascii_lowercase().into_bytes()).collect();
        let fits = labels.iter().all(|label| (1..=63).contains(&label.len())) && text.len() <= 253;
        fits.then_some(Self(labels))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn query(name: &str) -> Vec<u8> {
        let mut message = vec![0x12, 0x34, 0x01, 0, 0, 1, 0, 0, 0, 0, 0, 1];
        for label in name.split('.').filter(|label| !label.is_empty()) {
            message.push(label.len() as u8);
            message.extend_from_slice(label.as_bytes());
        }
        message.extend_from_slice(&[0, 0, 1, 0, 1]);
        // An OPT record behind the question (RFC 6891).
        message.extend_from_slice(&[0, 0, 41, 4, 0xd0, 0, 0, 0, 0, 0, 0]);
        message
    }

    fn suffixes(list: &[&str]) -> Vec<Suffix> {
        list.iter().filter_map(|text| Suffix::parse(text)).collect()
    }

    #[test]
    fn names_under_a_suffix() {
        let list = suffixes(&["Corp.Example", "*.lab.example.", ".x"]);
        assert_eq!(list.len(), 3);
        for inside in ["corp.example", "WWW.CORP.example", "a.b.corp.example", "lab.example", "a.lab.example", "h.x"] {
            assert!(Question::of_query(&query(inside)).unwrap().is_under(&list), "{inside}");
        }
        for outside in ["example", "mycorp.example", "corp.example.org", "", "x.example"] {
            assert!(!Question::of_query(&query(outside)).unwrap().is_under(&list), "{outside}");
        }
        // One label with a dot in it is no domain.
        let mut odd = query("aXcorp.example");
        odd[14] = b'.';
        assert!(!Question::of_query(&odd).unwrap().is_under(&list));
    }

    #[test]
    fn what_is_no_suffix() {
        for text in ["", ".", "*", "a..b", &"x".repeat(64)] {
            assert_eq!(Suffix::parse(text), None, "{text}");
        }
    }

    #[test]
    fn damaged_queries_are_none() {
        let good = query("www.corp.example");
        assert!(Question::of_query(&good).is_some());
        let with = |at: usize, value: u8| {
            let mut message = good.clone();
            message[at] = value;
            Question::of_query(&message)
        };
        assert_eq!(with(2, 0x81), None, "an answer");
        assert_eq!(with(5, 0), None, "no question");
        assert_eq!(with(5, 2), None, "two questions");
        assert_eq!(with(12, 0xc0), None, "a pointer");
        assert_eq!(with(12, 64), None, "a label that is too long");
        assert_eq!(Question::of_query(&good[..good.len() - 12]), None, "cut in the question");
        let long = vec!["a".repeat(63); 4].join(".");
        assert_eq!(Question::of_query(&query(&long)), None, "a name that is too long");
    }

    #[test]
    fn answers() {
        let query = query("www.corp.example");
        let question = Question::of_query(&query).unwrap();
        let answer = question.failure(&query);
        assert_eq!(answer[..HEADER], [0x12, 0x34, 0x81, 0x82, 0, 1, 0, 0, 0, 0, 0, 0]);
        assert_eq!(answer.len(), HEADER + 18 + 4);
        assert!(question.is_answered_by(&query, &answer));
        let altered = |at: usize| {
            let mut message = answer.clone();
            message[at] ^= 1;
            message
        };
        let type_at = answer.len() - 3;
        for at in [0, 1, 14, type_at] {
            assert!(!question.is_answered_by(&query, &altered(at)), "byte {at}");
        }
        assert!(!question.is_answered_by(&query, &query));
        assert!(!question.is_answered_by(&query, &answer[..HEADER]));
    }

    proptest! {
        #[test]
        fn any_bytes(message in proptest::collection::vec(any::<u8>(), 0..300), other in proptest::collection::vec(any::<u8>(), 0..300)) {
            if let Some(question) = Question::of_query(&message) {
                prop_assert!(question.end <= message.len());
                prop_assert!(question.is_answered_by(&message, &question.failure(&message)));
                let _ = question.is_answered_by(&message, &other);
            }
        }
    }
}
