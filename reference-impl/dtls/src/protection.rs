//! Protection of records: AEAD (RFC 5246, 6.2.3.3; RFC 7905) and CBC with MAC first (RFC 5246, 6.2.3.2).

use aws_lc_rs::aead::{AES_128_GCM, AES_256_GCM, Aad, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::cipher::{
    AES_128, AES_256, DecryptingKey, DecryptionContext, EncryptingKey, EncryptionContext, UnboundCipherKey,
};
use aws_lc_rs::iv::FixedLength;
use aws_lc_rs::{hmac, rand};
use subtle::{Choice, ConditionallySelectable, ConstantTimeEq, ConstantTimeGreater};

use crate::error::DtlsError;
use crate::prf::Prf;
use crate::suite::{Suite, Version};
use crate::window::ReplayWindow;
use crate::wire::{MAX_PLAINTEXT, RECORD_HEADER, RecordHeader, SEQUENCE_END};

const TAG: usize = 16;
const EXPLICIT_NONCE: usize = 8;
const BLOCK: usize = 16;
const MAC: usize = 20;

/// The epoch after the one and only handshake.
pub(crate) const PROTECTED_EPOCH: u16 = 1;

/// Gives the most bytes that a record of the suite adds to its content.
pub(crate) const fn overhead(suite: Suite) -> usize {
    if suite.is_cbc() {
        RECORD_HEADER + BLOCK + MAC + BLOCK
    } else if matches!(suite, Suite::PskChacha20Poly1305Sha256) {
        RECORD_HEADER + TAG
    } else {
        RECORD_HEADER + EXPLICIT_NONCE + TAG
    }
}

/// Gives the most content whose record fits into `datagram` bytes.
pub(crate) fn capacity(suite: Suite, datagram: usize) -> usize {
    if suite.is_cbc() {
        let blocks = datagram.saturating_sub(RECORD_HEADER + BLOCK) / BLOCK;
        (blocks * BLOCK).saturating_sub(MAC + 1)
    } else {
        datagram.saturating_sub(overhead(suite))
    }
}

/// Seals the records that one side sends.
pub(crate) struct Sealer {
    version: Version,
    sequence: u64,
    cipher: SealCipher,
}

/// Opens the records that one side receives.
pub(crate) struct Opener {
    version: Version,
    window: ReplayWindow,
    cipher: OpenCipher,
}

enum SealCipher {
    Gcm { key: LessSafeKey, salt: [u8; 4] },
    Chacha { key: LessSafeKey, iv: [u8; 12] },
    Cbc(Box<(EncryptingKey, hmac::Key)>),
}

enum OpenCipher {
    Gcm { key: LessSafeKey, salt: [u8; 4] },
    Chacha { key: LessSafeKey, iv: [u8; 12] },
    Cbc(Box<(DecryptingKey, hmac::Key)>),
}

/// Derives both directions: what the client writes with, then what the server writes with.
pub(crate) fn derive(
    version: Version,
    suite: Suite,
    master: &[u8; 48],
    client_random: &[u8; 32],
    server_random: &[u8; 32],
    is_client: bool,
) -> Result<(Sealer, Opener), DtlsError> {
    let (mac, key, iv) = lengths(suite);
    let mut block = vec![0; 2 * (mac + key + iv)];
    Prf::of(version, suite).expand(master, b"key expansion", &[server_random, client_random], &mut block)?;
    let (macs, rest) = block.split_at(2 * mac);
    let (keys, ivs) = rest.split_at(2 * key);
    let (client, server) = (
        [macs.split_at(mac).0, keys.split_at(key).0, ivs.split_at(iv).0],
        [macs.split_at(mac).1, keys.split_at(key).1, ivs.split_at(iv).1],
    );
    let (own, peer) = if is_client { (client, server) } else { (server, client) };
    Ok((
        Sealer { version, sequence: 0, cipher: SealCipher::new(suite, own)? },
        Opener { version, window: ReplayWindow::default(), cipher: OpenCipher::new(suite, peer)? },
    ))
}

/// Gives the lengths of MAC key, cipher key and fixed nonce. The nonces of CBC records are all explicit.
const fn lengths(suite: Suite) -> (usize, usize, usize) {
    match suite {
        Suite::RsaAes128CbcSha | Suite::DheRsaAes128CbcSha => (MAC, 16, 0),
        Suite::RsaAes256CbcSha | Suite::DheRsaAes256CbcSha => (MAC, 32, 0),
        Suite::RsaAes128GcmSha256 | Suite::PskAes128GcmSha256 | Suite::EcdheRsaAes128GcmSha256 => (0, 16, 4),
        Suite::RsaAes256GcmSha384 | Suite::PskAes256GcmSha384 | Suite::EcdheRsaAes256GcmSha384 => (0, 32, 4),
        Suite::PskChacha20Poly1305Sha256 => (0, 32, 12),
    }
}

fn aead_key(suite: Suite, key: &[u8]) -> Result<LessSafeKey, DtlsError> {
    let algorithm = match (suite, key.len()) {
        (Suite::PskChacha20Poly1305Sha256, _) => &CHACHA20_POLY1305,
        (_, 16) => &AES_128_GCM,
        _ => &AES_256_GCM,
    };
    Ok(LessSafeKey::new(UnboundKey::new(algorithm, key).map_err(|_| DtlsError::Crypto)?))
}

fn cbc_key(key: &[u8]) -> Result<UnboundCipherKey, DtlsError> {
    let algorithm = if key.len() == 16 { &AES_128 } else { &AES_256 };
    UnboundCipherKey::new(algorithm, key).map_err(|_| DtlsError::Crypto)
}

fn mac_key(key: &[u8]) -> hmac::Key {
    hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, key)
}

fn fixed<const N: usize>(iv: &[u8]) -> Result<[u8; N], DtlsError> {
    iv.try_into().map_err(|_| DtlsError::Crypto)
}

impl SealCipher {
    fn new(suite: Suite, [mac, key, iv]: [&[u8]; 3]) -> Result<Self, DtlsError> {
        if suite.is_cbc() {
            let key = EncryptingKey::cbc(cbc_key(key)?).map_err(|_| DtlsError::Crypto)?;
            return Ok(Self::Cbc(Box::new((key, mac_key(mac)))));
        }
        let key = aead_key(suite, key)?;
        Ok(match suite {
            Suite::PskChacha20Poly1305Sha256 => Self::Chacha { key, iv: fixed(iv)? },
            _ => Self::Gcm { key, salt: fixed(iv)? },
        })
    }
}

impl OpenCipher {
    fn new(suite: Suite, [mac, key, iv]: [&[u8]; 3]) -> Result<Self, DtlsError> {
        if suite.is_cbc() {
            let key = DecryptingKey::cbc(cbc_key(key)?).map_err(|_| DtlsError::Crypto)?;
            return Ok(Self::Cbc(Box::new((key, mac_key(mac)))));
        }
        let key = aead_key(suite, key)?;
        Ok(match suite {
            Suite::PskChacha20Poly1305Sha256 => Self::Chacha { key, iv: fixed(iv)? },
            _ => Self::Gcm { key, salt: fixed(iv)? },
        })
    }
}

impl Sealer {
    /// Appends one record to `out`; on an error `out` is as before.
    pub(crate) fn seal(&mut self, content: u8, parts: &[&[u8]], out: &mut Vec<u8>) -> Result<(), DtlsError> {
        let length = parts.iter().map(|part| part.len()).sum();
        if length > MAX_PLAINTEXT {
            return Err(DtlsError::TooLong(length));
        }
        if self.sequence >= SEQUENCE_END {
            return Err(DtlsError::SequenceExhausted);
        }
        let header = RecordHeader {
            content,
            version: self.version.code(),
            epoch: PROTECTED_EPOCH,
            sequence: self.sequence,
            length,
        };
        let start = out.len();
        self.append(header, parts, out).inspect_err(|_| out.truncate(start))?;
        self.sequence += 1;
        Ok(())
    }

    fn append(&self, header: RecordHeader, parts: &[&[u8]], out: &mut Vec<u8>) -> Result<(), DtlsError> {
        let tag = match &self.cipher {
            SealCipher::Gcm { key, salt } => {
                let length = EXPLICIT_NONCE + header.length + TAG;
                out.extend_from_slice(&RecordHeader { length, ..header }.to_bytes());
                let explicit = number(header);
                out.extend_from_slice(&explicit);
                let [a, b, c, d] = *salt;
                let [e, f, g, h, i, j, k, l] = explicit;
                seal_aead(key, [a, b, c, d, e, f, g, h, i, j, k, l], header, parts, out)?
            }
            SealCipher::Chacha { key, iv } => {
                out.extend_from_slice(&RecordHeader { length: header.length + TAG, ..header }.to_bytes());
                seal_aead(key, chacha_nonce(iv, header), header, parts, out)?
            }
            SealCipher::Cbc(keys) => return append_cbc(&keys.0, &keys.1, header, parts, out),
        };
        out.extend_from_slice(tag.as_ref());
        Ok(())
    }
}

impl Opener {
    /// Opens the payload of a record in place; none if it is a replay or does not authenticate.
    pub(crate) fn open<'a>(&mut self, header: RecordHeader, payload: &'a mut [u8]) -> Result<&'a mut [u8], Refused> {
        if header.version != self.version.code() || header.epoch != PROTECTED_EPOCH {
            return Err(Refused::Unauthentic);
        }
        if !self.window.is_new(header.sequence) {
            return Err(Refused::Replay);
        }
        let content = match &self.cipher {
            OpenCipher::Gcm { key, salt } => {
                let (explicit, sealed) = payload.split_first_chunk_mut().ok_or(Refused::Unauthentic)?;
                let [a, b, c, d] = *salt;
                let [e, f, g, h, i, j, k, l] = *explicit;
                open_aead(key, [a, b, c, d, e, f, g, h, i, j, k, l], header, sealed)
            }
            OpenCipher::Chacha { key, iv } => open_aead(key, chacha_nonce(iv, header), header, payload),
            OpenCipher::Cbc(keys) => open_cbc(&keys.0, &keys.1, header, payload),
        }
        .ok_or(Refused::Unauthentic)?;
        if content.len() > MAX_PLAINTEXT {
            return Err(Refused::Unauthentic);
        }
        self.window.mark(header.sequence);
        Ok(content)
    }
}

/// Says why a protected record is dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refused {
    /// Its number was seen before or is too old.
    Replay,
    /// It does not authenticate.
    Unauthentic,
}

/// Gives epoch and sequence number in eight bytes, as MAC, additional data and explicit nonce use them.
fn number(header: RecordHeader) -> [u8; 8] {
    (u64::from(header.epoch) << 48 | header.sequence).to_be_bytes()
}

/// Gives what is authenticated besides the content; `length` of the header counts the content only.
fn additional_data(header: RecordHeader) -> [u8; RECORD_HEADER] {
    let [a, b, c, d, e, f, g, h] = number(header);
    let [v1, v0] = header.version.to_be_bytes();
    let [l1, l0] = (header.length as u16).to_be_bytes();
    [a, b, c, d, e, f, g, h, header.content, v1, v0, l1, l0]
}

fn chacha_nonce(iv: &[u8; 12], header: RecordHeader) -> [u8; 12] {
    let mut nonce = *iv;
    for (byte, number) in nonce.iter_mut().skip(4).zip(number(header)) {
        *byte ^= number;
    }
    nonce
}

fn seal_aead(
    key: &LessSafeKey,
    nonce: [u8; 12],
    header: RecordHeader,
    parts: &[&[u8]],
    out: &mut Vec<u8>,
) -> Result<aws_lc_rs::aead::Tag, DtlsError> {
    let start = out.len();
    for part in parts {
        out.extend_from_slice(part);
    }
    let content = out.get_mut(start..).unwrap_or_default();
    let nonce = Nonce::assume_unique_for_key(nonce);
    key.seal_in_place_separate_tag(nonce, Aad::from(additional_data(header)), content).map_err(|_| DtlsError::Crypto)
}

fn open_aead<'a>(
    key: &LessSafeKey,
    nonce: [u8; 12],
    header: RecordHeader,
    sealed: &'a mut [u8],
) -> Option<&'a mut [u8]> {
    let length = sealed.len().checked_sub(TAG)?;
    let aad = Aad::from(additional_data(RecordHeader { length, ..header }));
    key.open_in_place(Nonce::assume_unique_for_key(nonce), aad, sealed).ok()
}

fn append_cbc(
    key: &EncryptingKey,
    mac: &hmac::Key,
    header: RecordHeader,
    parts: &[&[u8]],
    out: &mut Vec<u8>,
) -> Result<(), DtlsError> {
    let padding = BLOCK - (header.length + MAC) % BLOCK;
    let length = BLOCK + header.length + MAC + padding;
    out.extend_from_slice(&RecordHeader { length, ..header }.to_bytes());
    let mut iv = [0; BLOCK];
    rand::fill(&mut iv).map_err(|_| DtlsError::Crypto)?;
    out.extend_from_slice(&iv);
    let start = out.len();
    let mut context = hmac::Context::with_key(mac);
    context.update(&additional_data(header));
    for part in parts {
        context.update(part);
        out.extend_from_slice(part);
    }
    out.extend_from_slice(context.sign().as_ref());
    out.resize(out.len() + padding, (padding - 1) as u8);
    let content = out.get_mut(start..).unwrap_or_default();
    key.less_safe_encrypt(content, EncryptionContext::Iv128(FixedLength::from(iv))).map_err(|_| DtlsError::Crypto)?;
    Ok(())
}

/// Opens a CBC record. Wrong padding and a wrong MAC look alike: with wrong padding the MAC is computed over what
/// would be there with the shortest padding (RFC 5246, 6.2.3.2). The number of hashed blocks still depends on the
/// padding, a channel that only the removal of these suites closes.
fn open_cbc<'a>(
    key: &DecryptingKey,
    mac: &hmac::Key,
    header: RecordHeader,
    payload: &'a mut [u8],
) -> Option<&'a mut [u8]> {
    let (iv, sealed) = payload.split_first_chunk_mut::<BLOCK>()?;
    if sealed.len() < MAC + 1 || sealed.len() % BLOCK != 0 {
        return None;
    }
    let plain = key.decrypt(sealed, DecryptionContext::Iv128(FixedLength::from(*iv))).ok()?;
    let room = plain.len() - MAC - 1;
    let padding = *plain.last()?;
    let mut good = !u32::from(padding).ct_gt(&(room.min(255) as u32));
    for (index, &byte) in plain.iter().rev().enumerate().take(256) {
        let inside = !(index as u32).ct_gt(&u32::from(padding));
        good &= !inside | byte.ct_eq(&padding);
    }
    let removed = u8::conditional_select(&0, &padding, good);
    let length = room - usize::from(removed);
    let (content, rest) = plain.split_at_mut_checked(length)?;
    let mut context = hmac::Context::with_key(mac);
    context.update(&additional_data(RecordHeader { length, ..header }));
    context.update(content);
    let authentic: Choice = context.sign().as_ref().ct_eq(rest.get(..MAC)?);
    bool::from(good & authentic).then_some(content)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::content;

    fn pair(version: Version, suite: Suite) -> (Sealer, Opener) {
        let (sealer, _) = derive(version, suite, &[7; 48], &[1; 32], &[2; 32], true).unwrap();
        let (_, opener) = derive(version, suite, &[7; 48], &[1; 32], &[2; 32], false).unwrap();
        (sealer, opener)
    }

    fn every_pair() -> impl Iterator<Item = (Version, Suite)> {
        let modern = Suite::ALL.iter().map(|&suite| (Version::Dtls12, suite));
        let legacy = Suite::ALL.iter().filter(|suite| suite.is_cbc()).map(|&suite| (Version::Dtls09, suite));
        modern.chain(legacy)
    }

    #[test]
    fn every_suite_opens_what_it_sealed_and_nothing_else() {
        for (version, suite) in every_pair() {
            for length in [0, 1, 10, 11, 12, 26, 27, 28, 300] {
                let (mut sealer, mut opener) = pair(version, suite);
                let text = vec![9; length];
                let (head, tail) = text.split_at(length / 3);
                let mut record = Vec::new();
                sealer.seal(content::APPLICATION_DATA, &[head, tail], &mut record).unwrap();
                assert!(record.len() - length <= overhead(suite));
                assert!(capacity(suite, record.len()) >= length, "{suite:?} {length}");
                assert!(capacity(suite, record.len() - 1) < length.max(1), "{suite:?} {length}");
                if !suite.is_cbc() {
                    assert_eq!(record.len() - length, overhead(suite), "{suite:?}");
                }
                let header = RecordHeader::parse(&record).unwrap();
                for at in [0, 5, 10, 12, 13, 21, record.len() - 1] {
                    let mut wrong = record.clone();
                    wrong[at] ^= 1;
                    let Some(header) = RecordHeader::parse(&wrong) else { continue };
                    let end = RECORD_HEADER + header.length;
                    assert_eq!(
                        opener.open(header, &mut wrong[RECORD_HEADER..end]),
                        Err(Refused::Unauthentic),
                        "{suite:?} {length} {at}"
                    );
                }
                let mut copy = record.clone();
                assert_eq!(opener.open(header, &mut copy[RECORD_HEADER..]).unwrap(), text, "{suite:?}");
                let mut copy = record.clone();
                assert_eq!(opener.open(header, &mut copy[RECORD_HEADER..]), Err(Refused::Replay));
            }
        }
    }

    #[test]
    fn long_padding_is_understood_and_checked() {
        let (_, mut opener) = pair(Version::Dtls09, Suite::RsaAes128CbcSha);
        for (sequence, wrong_at) in [(0, None), (1, Some(1)), (2, Some(150)), (3, Some(255))] {
            let (Sealer { cipher: SealCipher::Cbc(keys), .. }, _) = pair(Version::Dtls09, Suite::RsaAes128CbcSha)
            else {
                unreachable!()
            };
            let header = RecordHeader { content: 23, version: 0x0100, epoch: 1, sequence, length: 12 };
            let mut context = hmac::Context::with_key(&keys.1);
            context.update(&additional_data(header));
            context.update(&[5; 12]);
            let mut plain = [&[5; 12], context.sign().as_ref()].concat();
            plain.resize(12 + MAC + 256, 255);
            if let Some(at) = wrong_at {
                let end = plain.len();
                plain[end - 1 - at] ^= 1;
            }
            keys.0.less_safe_encrypt(&mut plain, EncryptionContext::Iv128(FixedLength::from([3; 16]))).unwrap();
            let mut payload = [&[3; 16], &plain[..]].concat();
            let header = RecordHeader { length: payload.len(), ..header };
            assert_eq!(opener.open(header, &mut payload).is_ok(), wrong_at.is_none(), "{wrong_at:?}");
        }
    }

    #[test]
    fn numbers_run_out_and_content_is_bounded() {
        let (mut sealer, _) = pair(Version::Dtls12, Suite::PskAes128GcmSha256);
        let mut out = vec![1, 2, 3];
        let long = vec![0; MAX_PLAINTEXT + 1];
        assert_eq!(sealer.seal(23, &[&long], &mut out), Err(DtlsError::TooLong(MAX_PLAINTEXT + 1)));
        sealer.sequence = SEQUENCE_END - 1;
        sealer.seal(23, &[b"last"], &mut out).unwrap();
        let length = out.len();
        assert_eq!(sealer.seal(23, &[b"none"], &mut out), Err(DtlsError::SequenceExhausted));
        assert_eq!(out.len(), length);
        assert_eq!(out[..3], [1, 2, 3]);
    }
}
