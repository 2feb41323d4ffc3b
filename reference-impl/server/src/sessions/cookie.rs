//! The session credential, `webvpn`.

use std::fmt;

use base64::{Engine, engine::general_purpose::STANDARD};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// Longest cookie value that is looked at (AC-AUTH-43).
const LONGEST: usize = 256;

/// What is kept of a cookie: its SHA-256. The value itself is known to the client only (AC-SEC-02).
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Cookie([u8; 32]);

impl Cookie {
    /// Makes a cookie of 32 random bytes: the value for the client in base64, and what is kept.
    #[must_use]
    pub fn generate() -> (String, Self) {
        let bytes: [u8; 32] = rand::random();
        let value = STANDARD.encode(bytes);
        let kept = Self(Sha256::digest(value.as_bytes()).into());
        (value, kept)
    }

    /// Returns what would be kept of a value that a client sent; `None` when it cannot be a cookie.
    #[must_use]
    pub fn of(value: &str) -> Option<Self> {
        let plausible = !value.is_empty() && value.len() <= LONGEST;
        plausible.then(|| Self(Sha256::digest(value.as_bytes()).into()))
    }

    /// Compares in constant time.
    #[must_use]
    pub fn matches(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl fmt::Debug for Cookie {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Cookie(..)")
    }
}
