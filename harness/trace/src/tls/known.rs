//! What was opened already: a record crosses several wires of a capture, and is the same on each.

/// Records that are remembered: several times as many as are on their way from wire to wire at a time.
const MOST: usize = 512;
/// Bytes of the longest record that is remembered. Packets in a tunnel are shorter, and there are no others in bulk.
const LONGEST: usize = 4096;
/// Bytes at the end of a record that tell where it is remembered: of its tag, which nobody chooses.
const INDEX: usize = 2;

/// Records that were opened lately.
#[derive(Clone, Debug, Default)]
pub(crate) struct Known {
    /// By their tag.
    records: Vec<Record>,
}

#[derive(Clone, Debug, Default)]
struct Record {
    /// Key, nonce and additional data.
    with: Vec<u8>,
    sealed: Vec<u8>,
    text: Vec<u8>,
}

impl Known {
    /// The text of a record, if it was opened lately with the same key, nonce and additional data; else as `open` opens it.
    pub(super) fn open(
        &mut self,
        with: [&[u8]; 3],
        sealed: &[u8],
        open: impl FnOnce() -> Option<Vec<u8>>,
    ) -> Option<Vec<u8>> {
        let record = self.record(sealed);
        if let Some(record) = &record
            && record.sealed == sealed
            && is_joined(&record.with, with)
        {
            return Some(record.text.clone());
        }
        let text = open()?;
        if let Some(record) = record {
            record.with.clear();
            with.into_iter().for_each(|part| record.with.extend_from_slice(part));
            replace(&mut record.sealed, sealed);
            replace(&mut record.text, &text);
        }
        Some(text)
    }

    /// Where a record is remembered.
    fn record(&mut self, sealed: &[u8]) -> Option<&mut Record> {
        let tag = sealed.last_chunk::<INDEX>().filter(|_| sealed.len() <= LONGEST)?;
        if self.records.is_empty() {
            self.records.resize(MOST, Record::default());
        }
        self.records.get_mut(usize::from(u16::from_be_bytes(*tag)) % MOST)
    }
}

/// Whether the parts, one after the other, are the whole.
fn is_joined(whole: &[u8], parts: [&[u8]; 3]) -> bool {
    let rest = parts.into_iter().try_fold(whole, |rest, part| rest.strip_prefix(part));
    rest.is_some_and(<[u8]>::is_empty)
}

fn replace(kept: &mut Vec<u8>, bytes: &[u8]) {
    kept.clear();
    kept.extend_from_slice(bytes);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The text, and whether it had to be opened.
    fn open(known: &mut Known, with: [&[u8]; 3], sealed: &[u8], text: Option<&[u8]>) -> (Option<Vec<u8>>, bool) {
        let mut is_opened = false;
        let text = known.open(with, sealed, || {
            is_opened = true;
            text.map(<[u8]>::to_vec)
        });
        (text, is_opened)
    }

    #[test]
    fn a_record_is_opened_once() {
        let with: [&[u8]; 3] = [b"key", b"nonce", b"data"];
        let mut known = Known::default();
        assert_eq!(open(&mut known, with, b"sealed", None), (None, true), "it cannot be opened");
        assert_eq!(open(&mut known, with, b"sealed", Some(b"text")), (Some(b"text".to_vec()), true));
        assert_eq!(open(&mut known, with, b"sealed", None), (Some(b"text".to_vec()), false));
    }

    #[test]
    fn another_key_nonce_header_or_bit_is_another_record() {
        let with: [&[u8]; 3] = [b"key", b"nonce", b"data"];
        let others: [([&[u8]; 3], &[u8]); 5] = [
            ([b"Key", b"nonce", b"data"], b"sealed"),
            ([b"key", b"Nonce", b"data"], b"sealed"),
            ([b"key", b"nonce", b"Data"], b"sealed"),
            ([b"key", b"nonce", b"dat"], b"sealed"),
            (with, b"Sealed"),
        ];
        for (other, sealed) in others {
            let mut known = Known::default();
            open(&mut known, with, b"sealed", Some(b"text"));
            assert_eq!(open(&mut known, other, sealed, None), (None, true), "{other:?}");
            // What fails does not take the place of what was opened.
            assert_eq!(open(&mut known, with, b"sealed", None), (Some(b"text".to_vec()), false));
            open(&mut known, other, sealed, Some(b"other"));
            assert_eq!(open(&mut known, other, sealed, None), (Some(b"other".to_vec()), false));
        }
    }

    #[test]
    fn memory_is_bounded() {
        let mut known = Known::default();
        for number in 0..100_000_u32 {
            open(&mut known, [b"", b"", b""], &number.to_be_bytes(), Some(&number.to_le_bytes()));
        }
        assert_eq!(known.records.len(), MOST);
        for sealed in [[7; LONGEST + 1].as_slice(), &[]] {
            for _ in 0..2 {
                assert_eq!(open(&mut known, [b"", b"", b""], sealed, Some(b"text")), (Some(b"text".to_vec()), true));
            }
        }
    }
}
