//! Keys that the user trusts by their fingerprint.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// SHA-256 over the public key (SubjectPublicKeyInfo) of a certificate.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Pin(pub(crate) [u8; 32]);

impl Pin {
    /// The form of the program openconnect: `pin-sha256:BASE64`.
    pub(crate) fn openconnect(&self) -> String {
        format!("pin-sha256:{}", STANDARD.encode(self.0))
    }
}

impl fmt::Display for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "pin:sha256:{}", STANDARD.encode(self.0))
    }
}

impl fmt::Debug for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// How a certificate is judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum TrustMode {
    /// Everything must be right.
    Strict,
    /// As strict, and what is wrong is put to the user.
    Ask,
    /// Only the key counts.
    Pin(Pin),
}

impl FromStr for TrustMode {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let digest = match text {
            "strict" => return Ok(Self::Strict),
            "ask" => return Ok(Self::Ask),
            _ => text.strip_prefix("pin:sha256:").or_else(|| text.strip_prefix("pin-sha256:")),
        };
        let digest = digest.ok_or("it is none of strict, ask, pin:sha256:DIGEST")?;
        let bytes = hex::decode(digest).ok().filter(|bytes| bytes.len() == 32);
        let bytes = bytes.or_else(|| STANDARD.decode(digest).ok()).and_then(|bytes| bytes.try_into().ok());
        bytes
            .map(|bytes| Self::Pin(Pin(bytes)))
            .ok_or_else(|| "the digest is not SHA-256 in base64 or hexadecimal".into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_of_a_pin() {
        let pin = Pin([0xa5; 32]);
        let hex = format!("pin:sha256:{}", "a5".repeat(32));
        for text in [pin.to_string(), pin.openconnect(), hex] {
            assert_eq!(text.parse(), Ok(TrustMode::Pin(pin)), "{text}");
        }
        assert!("pin:sha256:abcd".parse::<TrustMode>().unwrap_err().starts_with("the digest is not"));
        assert!("lax".parse::<TrustMode>().unwrap_err().starts_with("it is none of strict"));
    }
}
