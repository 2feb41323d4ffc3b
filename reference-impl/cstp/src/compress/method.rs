//! The choice between methods, and their common limits.

use std::fmt;

use super::lzs::{self, Table};

/// The most that a packet may grow to, in bytes (AC-CMP-05).
pub const MAX_OUTPUT: usize = 16_384;

/// Packets below this are not compressed, in bytes; OpenConnect's limit.
pub const MIN_INPUT: usize = 40;

/// How packets of one channel are compressed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Compression {
    /// Not at all; the default (AC-CMP-01).
    #[default]
    None,
    /// `oc-lz4`: one raw LZ4 block.
    OcLz4,
    /// `lzs`.
    Lzs,
}

impl Compression {
    /// Returns the word that the headers use; `None` without compression.
    pub fn name(self) -> Option<&'static str> {
        match self {
            Self::None => None,
            Self::OcLz4 => Some("oc-lz4"),
            Self::Lzs => Some("lzs"),
        }
    }

    /// Finds the method for a word of a header; case does not matter. `deflate` has state and is not among them.
    pub fn named(name: &str) -> Option<Self> {
        [Self::OcLz4, Self::Lzs]
            .into_iter()
            .find(|method| method.name().is_some_and(|word| word.eq_ignore_ascii_case(name)))
    }

    /// Appends the compressed packet to `out` and returns true, or returns false and leaves `out` as it was.
    ///
    /// False means: send it as DATA. That is so without compression, for small packets, and when nothing is gained (AC-CMP-04).
    pub fn compress(self, scratch: &mut Scratch, input: &[u8], out: &mut Vec<u8>) -> bool {
        if input.len() < MIN_INPUT || input.len() > MAX_OUTPUT {
            return false;
        }
        let start = out.len();
        let shrunk = match self {
            Self::None => false,
            Self::OcLz4 => scratch.lz4(input, out),
            Self::Lzs => lzs::compress(scratch.lzs.get_or_insert_with(Table::new), input, out, input.len() - 1),
        };
        if !shrunk {
            out.truncate(start);
        }
        shrunk
    }

    /// Appends the plain packet to `out`: at most `limit` bytes, and at most [`MAX_OUTPUT`].
    ///
    /// # Errors
    /// Fails without compression (AC-CMP-02, AC-CSTP-13), on corrupt input and on input that grows too large; `out` is as it was.
    pub fn decompress(self, input: &[u8], out: &mut Vec<u8>, limit: usize) -> Result<(), DecompressError> {
        let limit = limit.min(MAX_OUTPUT);
        let start = out.len();
        let done = match self {
            Self::None => Err(DecompressError::NotNegotiated),
            Self::OcLz4 => {
                out.resize(start + limit, 0);
                let length = lz4_flex::block::decompress_into(input, &mut out[start..]);
                length.map(|length| out.truncate(start + length)).map_err(|_| DecompressError::Lz4)
            }
            Self::Lzs => lzs::decompress(input, out, limit),
        };
        if done.is_err() {
            out.truncate(start);
        }
        done
    }
}

impl fmt::Display for Compression {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name().unwrap_or("none"))
    }
}

/// Memory that is reused from packet to packet. No packet leaves anything in it that another one could see.
#[derive(Default)]
pub struct Scratch {
    lzs: Option<Table>,
    lz4: Option<lz4_flex::block::CompressTable>,
}

impl Scratch {
    /// Returns scratch memory; its tables are made when they are first used.
    pub fn new() -> Self {
        Self::default()
    }

    fn lz4(&mut self, input: &[u8], out: &mut Vec<u8>) -> bool {
        let table = self.lz4.get_or_insert_with(lz4_flex::block::CompressTable::small);
        let start = out.len();
        out.resize(start + lz4_flex::block::get_maximum_output_size(input.len()), 0);
        let length = lz4_flex::block::compress_into_with_table(input, &mut out[start..], table);
        let length = length.ok().filter(|length| *length < input.len());
        length.map(|length| out.truncate(start + length)).is_some()
    }
}

impl fmt::Debug for Scratch {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Scratch").finish_non_exhaustive()
    }
}

/// A compressed packet that cannot be used. It is dropped; the session goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecompressError {
    /// A compressed packet came although none was agreed upon.
    #[error("no compression was negotiated")]
    NotNegotiated,
    /// The packet ends before its end marker.
    #[error("the compressed packet is cut off")]
    Truncated,
    /// A repetition reaches back to before the packet.
    #[error("the compressed packet repeats from {offset} bytes back, but only {made} were made")]
    Offset {
        /// How far back.
        offset: usize,
        /// How much there was.
        made: usize,
    },
    /// The plain packet would be larger than this many bytes.
    #[error("the compressed packet grows beyond {0} bytes")]
    TooLarge(usize),
    /// The LZ4 block is corrupt or grows too large.
    #[error("the compressed packet is no LZ4 block of acceptable size")]
    Lz4,
}
