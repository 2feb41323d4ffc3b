//! The body of a message as its bytes come in.

use super::HttpError;

/// Longest line of a chunk's size and of a trailer, in bytes.
const MAX_LINE: usize = 4096;
/// Most trailer lines after the last chunk.
const MAX_TRAILERS: usize = 100;

/// How a body ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Framing {
    /// After so many further bytes.
    Length(usize),
    /// With a chunk of size zero.
    Chunked(ChunkState),
    /// With the connection.
    Close,
}

/// Where in the chunks the reader stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ChunkState {
    Size,
    Data(usize),
    DataEnd,
    Trailer(usize),
}

impl Framing {
    pub(super) fn chunked() -> Self {
        Self::Chunked(ChunkState::Size)
    }
}

/// Collects a body up to a limit that is checked before memory is used.
pub(super) struct BodyReader {
    framing: Framing,
    limit: usize,
    body: Vec<u8>,
}

impl BodyReader {
    pub(super) fn new(framing: Framing, limit: usize) -> Self {
        Self { framing, limit, body: Vec::new() }
    }

    /// Takes bytes from the front of `buffer`; returns the body when it is whole.
    pub(super) fn advance(&mut self, buffer: &mut Vec<u8>, closed: bool) -> Result<Option<Vec<u8>>, HttpError> {
        let whole = match self.framing {
            Framing::Length(missing) => {
                let taken = self.take(buffer, missing)?;
                self.framing = Framing::Length(missing - taken);
                missing == taken
            }
            Framing::Chunked(_) => self.chunks(buffer)?,
            Framing::Close => {
                self.take(buffer, usize::MAX)?;
                closed
            }
        };
        if whole {
            return Ok(Some(std::mem::take(&mut self.body)));
        }
        if closed { Err(HttpError::Truncated) } else { Ok(None) }
    }

    fn take(&mut self, buffer: &mut Vec<u8>, most: usize) -> Result<usize, HttpError> {
        let count = buffer.len().min(most);
        if self.body.len() + count > self.limit {
            return Err(HttpError::BodyTooLong(self.limit));
        }
        self.body.extend(buffer.drain(..count));
        Ok(count)
    }

    /// Returns whether the last chunk and its trailers have been taken.
    fn chunks(&mut self, buffer: &mut Vec<u8>) -> Result<bool, HttpError> {
        while let Framing::Chunked(state) = self.framing {
            let next = match state {
                ChunkState::Size => match line(buffer)? {
                    None => return Ok(false),
                    Some(line) => match chunk_size(&line, self.limit)? {
                        0 => ChunkState::Trailer(0),
                        size if self.body.len() + size > self.limit => return Err(HttpError::BodyTooLong(self.limit)),
                        size => ChunkState::Data(size),
                    },
                },
                ChunkState::Data(missing) => {
                    let taken = self.take(buffer, missing)?;
                    if taken < missing {
                        self.framing = Framing::Chunked(ChunkState::Data(missing - taken));
                        return Ok(false);
                    }
                    ChunkState::DataEnd
                }
                ChunkState::DataEnd => match line(buffer)? {
                    None => return Ok(false),
                    Some(line) if line.is_empty() => ChunkState::Size,
                    Some(_) => return Err(HttpError::Chunk),
                },
                ChunkState::Trailer(count) => match line(buffer)? {
                    None => return Ok(false),
                    Some(line) if line.is_empty() => return Ok(true),
                    Some(_) if count >= MAX_TRAILERS => return Err(HttpError::Chunk),
                    Some(_) => ChunkState::Trailer(count + 1),
                },
            };
            self.framing = Framing::Chunked(next);
        }
        Ok(false)
    }
}

/// Takes one line without its end from the front of `buffer`.
fn line(buffer: &mut Vec<u8>) -> Result<Option<Vec<u8>>, HttpError> {
    let Some(end) = buffer.iter().take(MAX_LINE).position(|byte| *byte == b'\n') else {
        return if buffer.len() >= MAX_LINE { Err(HttpError::Chunk) } else { Ok(None) };
    };
    let mut line: Vec<u8> = buffer.drain(..=end).collect();
    line.pop();
    if line.last() == Some(&b'\r') {
        line.pop();
    }
    Ok(Some(line))
}

/// Reads the hexadecimal size of a chunk; an extension after a semicolon is ignored.
fn chunk_size(line: &[u8], limit: usize) -> Result<usize, HttpError> {
    let digits = line.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii();
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_hexdigit) {
        return Err(HttpError::Chunk);
    }
    let text = std::str::from_utf8(digits).map_err(|_| HttpError::Chunk)?;
    usize::from_str_radix(text, 16).map_err(|_| HttpError::BodyTooLong(limit))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chunked(text: &str) -> (Result<Option<Vec<u8>>, HttpError>, Vec<u8>) {
        let mut buffer = text.as_bytes().to_vec();
        let mut reader = BodyReader::new(Framing::chunked(), 100);
        (reader.advance(&mut buffer, false), buffer)
    }

    #[test]
    fn chunks_with_extension_and_trailer_become_one_body() {
        let (body, rest) = chunked("3;x=y\r\nabc\r\n0A \r\n0123456789\r\n0\r\nX-T: 1\r\n\r\nNEXT");
        assert_eq!(body.unwrap().unwrap(), b"abc0123456789");
        assert_eq!(rest, b"NEXT");
    }

    #[test]
    fn an_announced_chunk_is_refused_before_its_bytes_come() {
        assert_eq!(chunked("65\r\n").0, Err(HttpError::BodyTooLong(100)));
        assert_eq!(chunked("fffffffffffffffffff\r\n").0, Err(HttpError::BodyTooLong(100)));
        assert_eq!(chunked("64\r\n").0, Ok(None));
    }

    #[test]
    fn what_is_no_chunk_is_an_error() {
        for bad in ["g\r\n", "\r\n", "-1\r\n", "1\r\nab\r\n", &"0".repeat(MAX_LINE), "0x1\r\n"] {
            assert_eq!(chunked(bad).0, Err(HttpError::Chunk), "{bad:.20}");
        }
        assert_eq!(chunked(&format!("0\r\n{}", "T: x\r\n".repeat(MAX_TRAILERS + 1))).0, Err(HttpError::Chunk));
    }

    #[test]
    fn a_body_that_ends_early_is_truncated() {
        for framing in [Framing::Length(4), Framing::chunked()] {
            let mut reader = BodyReader::new(framing, 100);
            assert_eq!(reader.advance(&mut b"3\r\n".to_vec(), true), Err(HttpError::Truncated));
        }
    }
}
