//! Sizes: a class instead of a number of bytes, which depends on padding, ciphers and on how data was cut.

/// What keeps a connection alive or acknowledges is not larger, with headers and padding; data in bulk is.
const SMALL: usize = 128;

/// What is shown of a number of bytes.
pub(super) fn shown(bytes: usize, raw: bool) -> String {
    match (raw, bytes) {
        (true, 1) => " (1 byte)".to_owned(),
        (true, _) => format!(" ({bytes} bytes)"),
        (false, ..=SMALL) => " (small)".to_owned(),
        (false, _) => String::new(),
    }
}

/// Whether two sizes look the same.
pub(super) fn same(one: usize, other: usize, raw: bool) -> bool {
    match raw {
        true => one == other,
        false => (one <= SMALL) == (other <= SMALL),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_that_look_the_same_are_the_same() {
        for (one, other) in [(0, 1), (1, 128), (128, 129), (129, 1400), (1400, 1400)] {
            for raw in [false, true] {
                assert_eq!(same(one, other, raw), shown(one, raw) == shown(other, raw), "{one} {other} {raw}");
            }
        }
        assert_eq!([shown(128, false), shown(129, false), shown(129, true)], [" (small)", "", " (129 bytes)"]);
    }
}
