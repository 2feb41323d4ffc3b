//! Pseudo-random functions and what is derived with them (RFC 2246, 5; RFC 4279, 2; RFC 5246, 5, 6.3, 7.4.9, 8.1).

use aws_lc_rs::{digest, hmac as aws_hmac};
use hmac::{Hmac, KeyInit, Mac};
use md5::{Digest as _, Md5};

use crate::error::DtlsError;
use crate::suite::{Suite, Version};
use crate::wire::push_vector16;

/// Length of a master secret.
pub(crate) const MASTER_LENGTH: usize = 48;
/// Length of the verify data of a Finished message.
pub(crate) const VERIFY_LENGTH: usize = 12;

/// Names the pseudo-random function and transcript hash of a handshake.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Prf {
    /// MD5 and SHA-1 side by side, of TLS 1.0.
    Md5Sha1,
    /// SHA-256.
    Sha256,
    /// SHA-384.
    Sha384,
}

impl Prf {
    /// Finds the function of a suite under a version.
    pub(crate) fn of(version: Version, suite: Suite) -> Self {
        match (version, suite) {
            (Version::Dtls09, _) => Self::Md5Sha1,
            (
                Version::Dtls12,
                Suite::RsaAes256GcmSha384 | Suite::PskAes256GcmSha384 | Suite::EcdheRsaAes256GcmSha384,
            ) => Self::Sha384,
            (Version::Dtls12, _) => Self::Sha256,
        }
    }

    /// Fills `out` with PRF(secret, label, seed), where the seed comes in pieces.
    pub(crate) fn expand(self, secret: &[u8], label: &[u8], seed: &[&[u8]], out: &mut [u8]) -> Result<(), DtlsError> {
        let seed = [label, &seed.concat()].concat();
        match self {
            Self::Sha256 => aws_p_hash(aws_hmac::HMAC_SHA256, secret, &seed, out),
            Self::Sha384 => aws_p_hash(aws_hmac::HMAC_SHA384, secret, &seed, out),
            Self::Md5Sha1 => {
                let half = secret.len().div_ceil(2);
                let (first, second) = (secret.get(..half), secret.get(secret.len() - half..));
                let (Some(first), Some(second)) = (first, second) else { return Err(DtlsError::Crypto) };
                aws_p_hash(aws_hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, second, &seed, out);
                let mut other = vec![0; out.len()];
                md5_p_hash(first, &seed, &mut other)?;
                for (byte, other) in out.iter_mut().zip(other) {
                    *byte ^= other;
                }
            }
        }
        Ok(())
    }

    /// Hashes the transcript of a handshake.
    pub(crate) fn transcript_hash(self, transcript: &[u8]) -> Vec<u8> {
        match self {
            Self::Sha256 => digest::digest(&digest::SHA256, transcript).as_ref().to_vec(),
            Self::Sha384 => digest::digest(&digest::SHA384, transcript).as_ref().to_vec(),
            Self::Md5Sha1 => {
                let sha1 = digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, transcript);
                [Md5::digest(transcript).as_slice(), sha1.as_ref()].concat()
            }
        }
    }

    /// Computes the verify data of the client's or the server's Finished message.
    pub(crate) fn verify_data(
        self,
        master: &[u8; MASTER_LENGTH],
        by_client: bool,
        transcript: &[u8],
    ) -> Result<[u8; VERIFY_LENGTH], DtlsError> {
        let label: &[u8] = if by_client { b"client finished" } else { b"server finished" };
        let mut out = [0; VERIFY_LENGTH];
        self.expand(master, label, &[&self.transcript_hash(transcript)], &mut out)?;
        Ok(out)
    }

    /// Derives the master secret of a full handshake.
    pub(crate) fn master_secret(
        self,
        premaster: &[u8],
        client_random: &[u8; 32],
        server_random: &[u8; 32],
    ) -> Result<[u8; MASTER_LENGTH], DtlsError> {
        let mut master = [0; MASTER_LENGTH];
        self.expand(premaster, b"master secret", &[client_random, server_random], &mut master)?;
        Ok(master)
    }
}

/// Builds the premaster secret of a pre-shared key: as many zeros as the key is long, then the key (RFC 4279, 2).
pub(crate) fn psk_premaster(key: &[u8]) -> Result<Vec<u8>, DtlsError> {
    let mut premaster = Vec::with_capacity(4 + 2 * key.len());
    push_vector16(&mut premaster, &vec![0; key.len()])?;
    push_vector16(&mut premaster, key)?;
    Ok(premaster)
}

fn aws_p_hash(algorithm: aws_hmac::Algorithm, secret: &[u8], seed: &[u8], out: &mut [u8]) {
    let key = aws_hmac::Key::new(algorithm, secret);
    let mut a = aws_hmac::sign(&key, seed);
    for chunk in out.chunks_mut(algorithm.tag_len()) {
        let mut context = aws_hmac::Context::with_key(&key);
        context.update(a.as_ref());
        context.update(seed);
        let block = context.sign();
        chunk.copy_from_slice(&block.as_ref()[..chunk.len()]);
        a = aws_hmac::sign(&key, a.as_ref());
    }
}

fn md5_p_hash(secret: &[u8], seed: &[u8], out: &mut [u8]) -> Result<(), DtlsError> {
    let key = Hmac::<Md5>::new_from_slice(secret).map_err(|_| DtlsError::Crypto)?;
    let mut a = key.clone().chain_update(seed).finalize().into_bytes();
    for chunk in out.chunks_mut(16) {
        let block = key.clone().chain_update(a).chain_update(seed).finalize().into_bytes();
        chunk.copy_from_slice(&block[..chunk.len()]);
        a = key.clone().chain_update(a).finalize().into_bytes();
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_published_vector_of_the_sha256_function() {
        // IETF TLS mailing list, test vectors for the TLS 1.2 PRF.
        let secret = hex::decode("9bbe436ba940f017b17652849a71db35").unwrap();
        let seed = hex::decode("a0ba9f936cda311827a6f796ffd5198c").unwrap();
        let mut out = [0; 100];
        Prf::Sha256.expand(&secret, b"test label", &[&seed], &mut out).unwrap();
        assert_eq!(
            hex::encode(out),
            "e3f229ba727be17b8d122620557cd453c2aab21d07c3d495329b52d4e61edb5a6b301791e90d35c9c9a46b4e14baf9af0fa0\
             22f7077def17abfd3797c0564bab4fbc91666e9def9b97fce34f796789baa48082d122ee42c5a72e5a5110fff70187347b66"
        );
    }

    #[test]
    fn the_premaster_of_a_pre_shared_key() {
        assert_eq!(psk_premaster(b"abc").unwrap(), b"\x00\x03\x00\x00\x00\x00\x03abc");
    }
}
