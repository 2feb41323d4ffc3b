//! Bytes that look random and can be made again from their seed; no compression makes them shorter.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use hyper::body::{Body, Bytes, Frame, SizeHint};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore as _, SeedableRng as _};
use sha2::{Digest as _, Sha256};

/// Bytes made at a time. A multiple of the generator's word, so that the bytes do not depend on it.
const CHUNK: usize = 65_536;

/// A body of so many bytes of the ChaCha8 stream of a seed.
pub struct Noise {
    generator: ChaCha8Rng,
    left: u64,
}

impl Noise {
    /// The first `bytes` bytes of the stream of `seed`.
    pub fn new(seed: u64, bytes: u64) -> Self {
        Self { generator: ChaCha8Rng::seed_from_u64(seed), left: bytes }
    }

    /// SHA-256 of the bytes that are left, in lower-case hexadecimal.
    pub fn sha256(self) -> String {
        let mut hash = Sha256::new();
        self.for_each(|chunk| hash.update(&chunk));
        hex(hash)
    }
}

impl Iterator for Noise {
    type Item = Bytes;

    fn next(&mut self) -> Option<Bytes> {
        let length = usize::try_from(self.left).unwrap_or(CHUNK).min(CHUNK);
        if length == 0 {
            return None;
        }
        let mut chunk = vec![0; length];
        self.generator.fill_bytes(&mut chunk);
        self.left -= length as u64;
        Some(chunk.into())
    }
}

impl Body for Noise {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(self.next().map(|chunk| Ok(Frame::data(chunk))))
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}

/// A finished hash in lower-case hexadecimal.
pub(crate) fn hex(hash: Sha256) -> String {
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shorter_body_is_the_beginning_of_a_longer_one() {
        let bytes = |count| Noise::new(7, count).flatten().collect::<Vec<u8>>();
        let long = bytes(200_000);
        assert_eq!(long.len(), 200_000);
        assert_eq!(bytes(70_001), long[..70_001]);
        assert_ne!(Noise::new(8, 1000).flatten().collect::<Vec<u8>>(), long[..1000]);
    }

    #[test]
    fn the_hash_of_nothing_is_the_known_one() {
        let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(Noise::new(1, 0).sha256(), empty);
    }
}
