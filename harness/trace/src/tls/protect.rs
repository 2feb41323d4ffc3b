//! Record protection: opens records of TLS 1.0 to 1.3 and of DTLS 0.9, 1.0 and 1.2.
//!
//! Who calls keeps the sequence numbers: TLS counts them, DTLS reads them from the record (the epoch is their upper 16 bits).

use openssl::symm::{Cipher, Crypter, Mode};

use super::aead::Aead;
use super::known::Known;
use super::schedule::{Hash, Prf};
use super::suite::{Bulk, Suite};

/// Bytes of the nonce of every AEAD here.
const NONCE: usize = 12;

/// Everything below TLS 1.3 that the keys of a connection are made of.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Session<'a> {
    /// As in the ServerHello: 0x0301 to 0x0303 for TLS; 0x0100 (DTLS 0.9), 0xfeff (1.0), 0xfefd (1.2).
    pub(crate) version: u16,
    /// The cipher suite.
    pub(crate) suite: u16,
    /// The master secret.
    pub(crate) master: &'a [u8],
    /// Random of the ClientHello, 32 bytes.
    pub(crate) client_random: &'a [u8],
    /// Random of the ServerHello, 32 bytes.
    pub(crate) server_random: &'a [u8],
    /// Whether both hellos have the extension `encrypt_then_mac` (22, RFC 7366).
    pub(crate) encrypt_then_mac: bool,
}

/// The header of a record, as far as the protection covers it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RecordHeader {
    /// Number of the record since the keys are in use; in DTLS epoch and number as they stand in the header (16 + 48 bits).
    pub(crate) sequence: u64,
    /// Content type.
    pub(crate) kind: u8,
    /// Version of the header.
    pub(crate) version: u16,
}

/// A record that was opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Opened {
    /// Content type; in TLS 1.3 the inner one.
    pub(crate) kind: u8,
    /// Plain text, without padding.
    pub(crate) bytes: Vec<u8>,
}

/// The keys of one direction.
pub(crate) struct Protection {
    bulk: Bulk,
    iv: Vec<u8>,
    kind: Kind,
}

/// What a version adds.
enum Kind {
    /// An AEAD of TLS 1.2.
    Aead12(Aead),
    /// TLS 1.3; the traffic secret is kept for the update of the keys.
    Aead13 { aead: Aead, hash: Hash, secret: Vec<u8> },
    /// AES-CBC and HMAC.
    Cbc(Cbc),
}

/// Keys of AES-CBC and HMAC.
struct Cbc {
    key: Vec<u8>,
    mac: Hash,
    mac_key: Vec<u8>,
    encrypt_then_mac: bool,
    explicit_iv: bool,
}

impl std::fmt::Debug for Protection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Protection").field("bulk", &self.bulk).finish_non_exhaustive()
    }
}

impl Protection {
    /// The keys with which the client (or else the server) protects what it sends, below TLS 1.3; `None` when the suite is not one
    /// that can be opened.
    pub(crate) fn new(session: &Session<'_>, is_client: bool) -> Option<Self> {
        let suite = Suite::of(session.suite)?;
        let bulk = suite.bulk;
        let modern = matches!(session.version, 0x0303 | 0xfefd);
        let prf = if modern { Prf::Of(suite.hash) } else { Prf::Md5Sha1 };
        if bulk == Bulk::Closed || !(modern || matches!(bulk, Bulk::Cbc(..))) {
            return None;
        }
        let (mac, key, iv) = (bulk.mac_length(), bulk.key_length(), bulk.iv_length());
        // RFC 5246, section 6.3: the MAC keys of both, then the keys of both, then the IVs of both.
        let seed = [session.server_random, session.client_random];
        let block = prf.derive(session.master, "key expansion", &seed, (mac + key + iv).saturating_mul(2));
        let side = usize::from(!is_client);
        let cut = |start: usize, length: usize| block.get(start..start + length).map(<[u8]>::to_vec);
        let mac_key = cut(side * mac, mac)?;
        let (iv, key) = (cut(2 * (mac + key) + side * iv, iv)?, cut(2 * mac + side * key, key)?);
        let kind = match bulk {
            Bulk::Cbc(_, mac) => Kind::Cbc(Cbc {
                key,
                mac,
                mac_key,
                encrypt_then_mac: session.encrypt_then_mac,
                explicit_iv: session.version != 0x0301,
            }),
            _ => Kind::Aead12(Aead::new(bulk, &key)?),
        };
        Some(Self { bulk, iv, kind })
    }

    /// The keys of one direction of TLS 1.3, of its traffic secret (RFC 8446, section 7.3).
    pub(crate) fn tls13(suite: u16, secret: &[u8]) -> Option<Self> {
        let suite = Suite::of(suite)?;
        Self::of_secret(suite.bulk, suite.hash, secret.to_vec())
    }

    fn of_secret(bulk: Bulk, hash: Hash, secret: Vec<u8>) -> Option<Self> {
        let key = hash.expand_label(&secret, "key", u8::try_from(bulk.key_length()).ok()?);
        let iv = hash.expand_label(&secret, "iv", 12);
        Some(Self { bulk, iv, kind: Kind::Aead13 { aead: Aead::new(bulk, &key)?, hash, secret } })
    }

    /// The keys after a KeyUpdate of TLS 1.3 (RFC 8446, section 7.2); sequence numbers begin at 0 again.
    pub(crate) fn updated(&self) -> Option<Self> {
        let Kind::Aead13 { hash, secret, .. } = &self.kind else { return None };
        let length = u8::try_from(hash.length()).ok()?;
        Self::of_secret(self.bulk, *hash, hash.expand_label(secret, "traffic upd", length))
    }

    /// Opens the body of a record, without its header. `None` when it is not one of these keys.
    pub(crate) fn open(&mut self, header: &RecordHeader, body: &[u8], known: &mut Known) -> Option<Opened> {
        match &mut self.kind {
            Kind::Aead12(aead) => open_aead12(self.bulk, &self.iv, aead, header, body, known),
            Kind::Aead13 { aead, .. } => open_aead13(&self.iv, aead, header, body, known),
            Kind::Cbc(cbc) => cbc.open(&mut self.iv, header, body),
        }
    }
}

/// RFC 5288, 6655 and 7905.
fn open_aead12(
    bulk: Bulk,
    iv: &[u8],
    aead: &mut Aead,
    header: &RecordHeader,
    body: &[u8],
    known: &mut Known,
) -> Option<Opened> {
    let (nonce, sealed) = if bulk == Bulk::Chacha {
        (counted_nonce(iv, header.sequence)?, body)
    } else {
        let (explicit, sealed) = body.split_at_checked(8)?;
        let mut nonce = [0; NONCE];
        nonce.get_mut(..4)?.copy_from_slice(iv.get(..4)?);
        nonce.get_mut(4..)?.copy_from_slice(explicit);
        (nonce, sealed)
    };
    let aad = pseudo_header(header, aead.text_length(sealed.len())?)?;
    Some(Opened { kind: header.kind, bytes: aead.open(&nonce, &aad, sealed, known)? })
}

/// RFC 8446, section 5.2.
fn open_aead13(iv: &[u8], aead: &mut Aead, header: &RecordHeader, body: &[u8], known: &mut Known) -> Option<Opened> {
    let [high, low] = u16::try_from(body.len()).ok()?.to_be_bytes();
    let [major, minor] = header.version.to_be_bytes();
    let aad = [header.kind, major, minor, high, low];
    let mut bytes = aead.open(&counted_nonce(iv, header.sequence)?, &aad, body, known)?;
    let end = bytes.iter().rposition(|byte| *byte != 0)?;
    bytes.truncate(end + 1);
    let kind = bytes.pop()?;
    Some(Opened { kind, bytes })
}

/// The IV with the number of the record folded into its last 8 bytes (RFC 8446, section 5.3).
fn counted_nonce(iv: &[u8], sequence: u64) -> Option<[u8; NONCE]> {
    let mut nonce = <[u8; NONCE]>::try_from(iv).ok()?;
    nonce.iter_mut().rev().zip(sequence.to_be_bytes().iter().rev()).for_each(|(byte, count)| *byte ^= count);
    Some(nonce)
}

impl Cbc {
    /// RFC 5246, section 6.2.3.2, and RFC 7366.
    fn open(&self, first_iv: &mut Vec<u8>, header: &RecordHeader, body: &[u8]) -> Option<Opened> {
        let Self { key, mac, mac_key, encrypt_then_mac, explicit_iv } = self;
        let mac_length = mac.length();
        let sealed = if *encrypt_then_mac {
            let (sealed, tag) = body.split_at_checked(body.len().checked_sub(mac_length)?)?;
            if mac.hmac(mac_key, &[&pseudo_header(header, sealed.len())?, sealed]) != tag {
                return None;
            }
            sealed
        } else {
            body
        };
        let (iv, text) = if *explicit_iv { sealed.split_at_checked(16)? } else { (first_iv.as_slice(), sealed) };
        if text.is_empty() || text.len() % 16 != 0 {
            return None;
        }
        let mut bytes = cbc(key, iv, text)?;
        let padding = usize::from(*bytes.last()?);
        let content = bytes.len().checked_sub(padding)?.checked_sub(1)?;
        if bytes.get(content..)?.iter().any(|byte| usize::from(*byte) != padding) {
            return None;
        }
        bytes.truncate(content);
        if !*encrypt_then_mac {
            let tag = bytes.split_off(content.checked_sub(mac_length)?);
            if mac.hmac(mac_key, &[&pseudo_header(header, bytes.len())?, &bytes]) != tag {
                return None;
            }
        }
        if !*explicit_iv {
            // TLS 1.0: the last block is the initialisation vector of the next record.
            *first_iv = text.get(text.len().checked_sub(16)?..)?.to_vec();
        }
        Some(Opened { kind: header.kind, bytes })
    }
}

/// What TLS 1.2 and before protect beside the content: number, type, version, length of the content.
fn pseudo_header(header: &RecordHeader, length: usize) -> Option<[u8; 13]> {
    let mut bytes = [0; 13];
    bytes[..8].copy_from_slice(&header.sequence.to_be_bytes());
    bytes[8] = header.kind;
    bytes[9..11].copy_from_slice(&header.version.to_be_bytes());
    bytes[11..].copy_from_slice(&u16::try_from(length).ok()?.to_be_bytes());
    Some(bytes)
}

/// Decrypts whole blocks; padding stays.
fn cbc(key: &[u8], iv: &[u8], text: &[u8]) -> Option<Vec<u8>> {
    let cipher = if key.len() == 16 { Cipher::aes_128_cbc() } else { Cipher::aes_256_cbc() };
    let mut crypter = Crypter::new(cipher, Mode::Decrypt, key, Some(iv)).ok()?;
    crypter.pad(false);
    let mut output = vec![0; text.len() + 16];
    let first = crypter.update(text, &mut output).ok()?;
    let rest = crypter.finalize(output.get_mut(first..)?).ok()?;
    output.truncate(first + rest);
    Some(output)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(text: &str) -> Vec<u8> {
        hex::decode(text.replace(char::is_whitespace, "")).unwrap()
    }

    /// Records of RFC 8448, section 3: what the client sends.
    const FINISHED: &str =
        "17 03 03 00 35 75 ec 4d c2 38 cc e6 0b 29 80 44 a7 1e 21 9c 56 cc 77 b0 51 7f e9 b9 3c 7a 4b fc 44
        d8 7f 38 f8 03 38 ac 98 fc 46 de b3 84 bd 1c ae ac ab 68 67 d7 26 c4 05 46";
    const DATA: &str = "17 03 03 00 43 a2 3f 70 54 b6 2c 94 d0 af fa fe 82 28 ba 55 cb ef ac ea 42 f9 14 aa 66 bc ab 3f 2b 98
        19 a8 a5 b4 6b 39 5b d5 4a 9a 20 44 1e 2b 62 97 4e 1f 5a 62 92 a2 97 70 14 bd 1e 3d ea e6 3a ee bb 21 69 49 15 e4";
    const ALERT: &str = "17 03 03 00 13 c9 87 27 60 65 56 66 b7 4d 7f f1 15 3e fd 6d b6 d0 b0 e3";

    const HANDSHAKE_SECRET: &str =
        "b3 ed db 12 6e 06 7f 35 a7 80 b3 ab f4 5e 2d 8f 3b 1a 95 07 38 f5 2e 96 00 74 6a 0e 27 a5 5a 21";
    const TRAFFIC_SECRET: &str =
        "9e 40 64 6c e7 9a 7f 9d c0 5a f8 88 9b ce 65 52 87 5a fa 0b 06 df 00 87 f7 92 eb b7 c1 75 04 a5";

    fn open(protection: &mut Protection, sequence: u64, record: &str) -> Option<Opened> {
        let header = RecordHeader { sequence, kind: 23, version: 0x0303 };
        protection.open(&header, &bytes(record)[5..], &mut Known::default())
    }

    #[test]
    fn records_of_rfc_8448_are_opened() {
        let mut handshake = Protection::tls13(0x1301, &bytes(HANDSHAKE_SECRET)).unwrap();
        let finished = open(&mut handshake, 0, FINISHED).unwrap();
        assert_eq!((finished.kind, &finished.bytes[..4]), (22, [20, 0, 0, 32].as_slice()));
        let mut traffic = Protection::tls13(0x1301, &bytes(TRAFFIC_SECRET)).unwrap();
        assert_eq!(open(&mut traffic, 0, DATA), Some(Opened { kind: 23, bytes: (0..50).collect() }));
        assert_eq!(open(&mut traffic, 1, ALERT), Some(Opened { kind: 21, bytes: vec![1, 0] }));
    }

    #[test]
    fn what_does_not_fit_is_not_opened() {
        let mut traffic = Protection::tls13(0x1301, &bytes(TRAFFIC_SECRET)).unwrap();
        assert_eq!(open(&mut traffic, 1, DATA), None);
        assert_eq!(open(&mut traffic, 0, &DATA.replace("e4", "e5")), None);
        assert_eq!(open(&mut traffic.updated().unwrap(), 0, DATA), None);
        assert_eq!(open(&mut Protection::tls13(0x1301, &bytes(HANDSHAKE_SECRET)).unwrap(), 0, DATA), None);
    }

    /// Every kind of suite, with every length of a body: nothing opens and nothing panics.
    #[test]
    fn short_bodies_are_not_opened() {
        for (suite, version) in [
            (0x002F, 0x0301),
            (0x002F, 0x0302),
            (0x0035, 0x0100),
            (0x002F, 0xfeff),
            (0xC028, 0xfefd),
            (0x00A8, 0xfefd),
            (0xC09C, 0x0303),
            (0xC0A8, 0x0303),
            (0xCCA8, 0x0303),
        ] {
            for encrypt_then_mac in [false, true] {
                let session = Session {
                    version,
                    suite,
                    master: &[1; 48],
                    client_random: &[2; 32],
                    server_random: &[3; 32],
                    encrypt_then_mac,
                };
                let mut protection = Protection::new(&session, true).unwrap();
                for length in 0..200 {
                    let header = RecordHeader { sequence: 7, kind: 23, version };
                    assert_eq!(
                        protection.open(&header, &vec![5; length], &mut Known::default()),
                        None,
                        "{suite:04x} {length}"
                    );
                }
            }
        }
    }

    #[test]
    fn suites_that_do_not_fit_the_version_have_no_keys() {
        let session = Session {
            version: 0x0302,
            suite: 0xC02F,
            master: &[1; 48],
            client_random: &[2; 32],
            server_random: &[3; 32],
            encrypt_then_mac: false,
        };
        assert!(Protection::new(&session, true).is_none());
        assert!(Protection::new(&Session { version: 0x0303, suite: 0x000A, ..session }, true).is_none());
        assert!(Protection::new(&Session { version: 0x0303, ..session }, true).is_some());
        assert!(Protection::tls13(0xC014, &[1; 32]).is_none());
    }
}
