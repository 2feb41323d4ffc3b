//! The five bytes in front of every TLS record (RFC 8446 section 5.1).

use super::TlsError;

/// The most plaintext that one TLS record may hold, in bytes (RFC 8446 section 5.1).
pub const MAX_PLAINTEXT: usize = 0x4000;

/// Length of the record header, in bytes.
const HEADER: usize = 5;
/// The most bytes behind the header: TLS 1.2 allows 2048 of expansion (RFC 5246 section 6.2.3).
const MAX_FRAGMENT: usize = MAX_PLAINTEXT + 2048;

/// Reads the length of the record that `input` begins with, header included; `None` while the header is incomplete.
///
/// # Errors
///
/// [`TlsError::NotARecord`] when the content type, the version or the length cannot be one of TLS.
pub(super) fn length(input: &[u8]) -> Result<Option<usize>, TlsError> {
    let Some(header) = input.first_chunk::<HEADER>() else { return Ok(None) };
    let fragment = usize::from(u16::from_be_bytes([header[3], header[4]]));
    if !matches!(header[0], 0x14..=0x18) || header[1] != 0x03 || fragment > MAX_FRAGMENT {
        return Err(TlsError::NotARecord(*header));
    }
    Ok(Some(HEADER + fragment))
}

/// Moves bytes from `input` to `partial` until that holds one whole record; false when `input` ran out before.
///
/// # Errors
///
/// As [`length`].
pub(super) fn complete(partial: &mut Vec<u8>, input: &mut &[u8]) -> Result<bool, TlsError> {
    loop {
        let wanted = length(partial)?.unwrap_or(HEADER);
        if partial.len() >= HEADER && partial.len() == wanted {
            return Ok(true);
        }
        let take = (wanted - partial.len()).min(input.len());
        if take == 0 {
            return Ok(false);
        }
        partial.extend_from_slice(&input[..take]);
        *input = &input[take..];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_completed_byte_by_byte_and_no_byte_more() {
        let wire = [0x17, 3, 3, 0, 2, b'a', b'b', 0x17, 3, 3];
        let mut partial = Vec::new();
        for end in 1..7 {
            let mut input = &wire[end - 1..end];
            assert!(!complete(&mut partial, &mut input).unwrap(), "after {end} bytes");
        }
        let mut rest = &wire[6..];
        assert!(complete(&mut partial, &mut rest).unwrap());
        assert_eq!((partial.as_slice(), rest), (&wire[..7], &wire[7..]));
    }

    #[test]
    fn an_empty_record_is_whole_with_its_header() {
        let mut input: &[u8] = &[0x16, 3, 1, 0, 0];
        assert!(complete(&mut Vec::new(), &mut input).unwrap());
    }

    #[test]
    fn what_is_not_tls_is_refused() {
        assert!(matches!(length(b"GET / HTTP"), Err(TlsError::NotARecord(_))));
        assert!(matches!(length(&[0x17, 3, 3, 0xff, 0xff]), Err(TlsError::NotARecord(_))));
        assert!(matches!(length(&[0x17, 2, 0, 0, 1]), Err(TlsError::NotARecord(_))));
    }
}
