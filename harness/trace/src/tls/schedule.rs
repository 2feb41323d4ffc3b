//! Key schedules: the PRF of TLS 1.0 to 1.2 and DTLS, and HKDF-Expand-Label of TLS 1.3.

use hmac::{Hmac, KeyInit, Mac};

/// A hash function and its HMAC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hash {
    Md5,
    Sha1,
    Sha256,
    Sha384,
}

impl Hash {
    /// Bytes of its output.
    pub(crate) const fn length(self) -> usize {
        match self {
            Self::Md5 => 16,
            Self::Sha1 => 20,
            Self::Sha256 => 32,
            Self::Sha384 => 48,
        }
    }

    /// HMAC over the parts, one after the other (RFC 2104).
    pub(crate) fn hmac(self, key: &[u8], parts: &[&[u8]]) -> Vec<u8> {
        fn run<M: Mac + KeyInit>(key: &[u8], parts: &[&[u8]]) -> Vec<u8> {
            let mut mac = <M as KeyInit>::new_from_slice(key).expect("HMAC takes a key of any length");
            parts.iter().for_each(|part| mac.update(part));
            mac.finalize().into_bytes().to_vec()
        }
        match self {
            Self::Md5 => run::<Hmac<md5::Md5>>(key, parts),
            Self::Sha1 => run::<Hmac<sha1::Sha1>>(key, parts),
            Self::Sha256 => run::<Hmac<sha2::Sha256>>(key, parts),
            Self::Sha384 => run::<Hmac<sha2::Sha384>>(key, parts),
        }
    }

    /// `P_hash` (RFC 5246, section 5).
    fn expand(self, secret: &[u8], seed: &[&[u8]], length: usize) -> Vec<u8> {
        let mut output = Vec::with_capacity(length.saturating_add(self.length()));
        let mut a = self.hmac(secret, seed);
        while output.len() < length {
            let parts: Vec<&[u8]> = std::iter::once(a.as_slice()).chain(seed.iter().copied()).collect();
            output.extend_from_slice(&self.hmac(secret, &parts));
            a = self.hmac(secret, &[&a]);
        }
        output.truncate(length);
        output
    }

    /// HKDF-Expand-Label with an empty context (RFC 8446, section 7.1). `label` goes without `tls13 `; outputs are at most 255 bytes.
    pub(crate) fn expand_label(self, secret: &[u8], label: &str, length: u8) -> Vec<u8> {
        let label_length = u8::try_from(label.len().saturating_add(6)).unwrap_or(u8::MAX);
        let info: &[&[u8]] = &[&[0, length, label_length], b"tls13 ", label.as_bytes(), &[0]];
        let mut output = Vec::new();
        let mut block = Vec::new();
        for counter in 1..=u8::MAX {
            if output.len() >= usize::from(length) {
                break;
            }
            let mut parts = vec![block.as_slice()];
            parts.extend_from_slice(info);
            let counter = [counter];
            parts.push(&counter);
            let next = self.hmac(secret, &parts);
            output.extend_from_slice(&next);
            block = next;
        }
        output.truncate(usize::from(length));
        output
    }
}

/// The pseudo-random function of a version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Prf {
    /// MD5 and SHA-1 together: TLS 1.0 and 1.1, DTLS 0.9 and 1.0 (RFC 2246, section 5).
    Md5Sha1,
    /// One hash: TLS 1.2 and DTLS 1.2 (RFC 5246, section 5).
    Of(Hash),
}

impl Prf {
    /// `PRF(secret, label, seed)`; the parts of the seed follow each other.
    pub(crate) fn derive(self, secret: &[u8], label: &str, seed: &[&[u8]], length: usize) -> Vec<u8> {
        let seed: Vec<&[u8]> = std::iter::once(label.as_bytes()).chain(seed.iter().copied()).collect();
        match self {
            Self::Of(hash) => hash.expand(secret, &seed, length),
            Self::Md5Sha1 => {
                let half = secret.len().div_ceil(2);
                let (first, second) = (secret.get(..half), secret.get(secret.len().saturating_sub(half)..));
                let md5 = Hash::Md5.expand(first.unwrap_or_default(), &seed, length);
                let sha1 = Hash::Sha1.expand(second.unwrap_or_default(), &seed, length);
                md5.iter().zip(sha1).map(|(a, b)| a ^ b).collect()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(text: &str) -> Vec<u8> {
        hex::decode(text.replace(char::is_whitespace, "")).unwrap()
    }

    /// RFC 8448, section 3: traffic secrets with the keys and IVs made of them.
    #[test]
    fn traffic_keys_of_rfc_8448() {
        for (secret, key, iv) in [
            (
                "b6 7b 7d 69 0c c1 6c 4e 75 e5 42 13 cb 2d 37 b4 e9 c9 12 bc de d9 10 5d 42 be fd 59 d3 91 ad 38",
                "3f ce 51 60 09 c2 17 27 d0 f2 e4 e8 6e e4 03 bc",
                "5d 31 3e b2 67 12 76 ee 13 00 0b 30",
            ),
            (
                "b3 ed db 12 6e 06 7f 35 a7 80 b3 ab f4 5e 2d 8f 3b 1a 95 07 38 f5 2e 96 00 74 6a 0e 27 a5 5a 21",
                "db fa a6 93 d1 76 2c 5b 66 6a f5 d9 50 25 8d 01",
                "5b d3 c7 1b 83 6e 0b 76 bb 73 26 5f",
            ),
            (
                "a1 1a f9 f0 55 31 f8 56 ad 47 11 6b 45 a9 50 32 82 04 b4 f4 4b fb 6b 3a 4b 4f 1f 3f cb 63 16 43",
                "9f 02 28 3b 6c 9c 07 ef c2 6b b9 f2 ac 92 e3 56",
                "cf 78 2b 88 dd 83 54 9a ad f1 e9 84",
            ),
            (
                "9e 40 64 6c e7 9a 7f 9d c0 5a f8 88 9b ce 65 52 87 5a fa 0b 06 df 00 87 f7 92 eb b7 c1 75 04 a5",
                "17 42 2d da 59 6e d5 d9 ac d8 90 e3 c6 3f 50 51",
                "5b 78 92 3d ee 08 57 90 33 e5 23 d9",
            ),
        ] {
            assert_eq!(Hash::Sha256.expand_label(&bytes(secret), "key", 16), bytes(key));
            assert_eq!(Hash::Sha256.expand_label(&bytes(secret), "iv", 12), bytes(iv));
        }
    }

    /// Test vectors that the TLS working group's list has for the PRF of TLS 1.2 with SHA-256.
    #[test]
    fn prf_with_sha256() {
        let secret = bytes("9b be 43 6b a9 40 f0 17 b1 76 52 84 9a 71 db 35");
        let seed = bytes("a0 ba 9f 93 6c da 31 18 27 a6 f7 96 ff d5 19 8c");
        assert_eq!(
            Prf::Of(Hash::Sha256).derive(&secret, "test label", &[&seed], 100),
            bytes(
                "e3 f2 29 ba 72 7b e1 7b 8d 12 26 20 55 7c d4 53 c2 aa b2 1d 07 c3 d4 95 32 9b 52 d4 e6 1e db 5a
                 6b 30 17 91 e9 0d 35 c9 c9 a4 6b 4e 14 ba f9 af 0f a0 22 f7 07 7d ef 17 ab fd 37 97 c0 56 4b ab
                 4f bc 91 66 6e 9d ef 9b 97 fc e3 4f 79 67 89 ba a4 80 82 d1 22 ee 42 c5 a7 2e 5a 51 10 ff f7 01
                 87 34 7b 66"
            )
        );
    }

    #[test]
    fn an_output_longer_than_the_hash_continues() {
        let long = Hash::Sha256.expand_label(b"secret", "x", 100);
        assert_eq!(long.len(), 100);
        assert_ne!(long[..32], long[32..64]);
    }
}
