//! Cipher suites: their names, and how those that can be opened protect records.

use super::schedule::Hash;

/// How the records of a suite are protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bulk {
    /// AES-GCM (RFC 5288) with a key of so many bytes.
    Gcm(usize),
    /// AES-CCM (RFC 6655) with a key of so many bytes and a tag of so many bytes.
    Ccm(usize, usize),
    /// ChaCha20-Poly1305 (RFC 7905).
    Chacha,
    /// AES-CBC with a key of so many bytes and an HMAC.
    Cbc(usize, Hash),
    /// Not opened here.
    Closed,
}

impl Bulk {
    /// Bytes of the key of the cipher.
    pub(crate) const fn key_length(self) -> usize {
        match self {
            Self::Gcm(key) | Self::Ccm(key, _) | Self::Cbc(key, _) => key,
            Self::Chacha => 32,
            Self::Closed => 0,
        }
    }

    /// Bytes of the key of the HMAC.
    pub(crate) const fn mac_length(self) -> usize {
        match self {
            Self::Cbc(_, hash) => hash.length(),
            _ => 0,
        }
    }

    /// Bytes of the initialisation vector that TLS 1.2 takes from the key block (the implicit part of the nonce). AES-CBC takes one
    /// in TLS 1.0 only; asking for it elsewhere does no harm, as it stands last in the block.
    pub(crate) const fn iv_length(self) -> usize {
        match self {
            Self::Gcm(_) | Self::Ccm(..) => 4,
            Self::Chacha => 12,
            Self::Cbc(..) => 16,
            Self::Closed => 0,
        }
    }
}

/// A cipher suite.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Suite {
    /// Its number.
    pub(crate) id: u16,
    /// Its name in the registry of IANA.
    pub(crate) name: &'static str,
    /// How its records are protected.
    pub(crate) bulk: Bulk,
    /// The hash of the key schedule from TLS 1.2 on.
    pub(crate) hash: Hash,
}

impl Suite {
    /// The suite of this number, if it is known.
    pub(crate) fn of(id: u16) -> Option<&'static Self> {
        SUITES.iter().find(|suite| suite.id == id)
    }

    /// The name of a suite; the number of one that is not known.
    pub(crate) fn name_of(id: u16) -> String {
        Self::of(id).map_or_else(|| format!("0x{id:04X}"), |suite| suite.name.to_owned())
    }
}

const fn suite(id: u16, name: &'static str, bulk: Bulk, hash: Hash) -> Suite {
    Suite { id, name, bulk, hash }
}

const CBC_128_SHA: Bulk = Bulk::Cbc(16, Hash::Sha1);
const CBC_256_SHA: Bulk = Bulk::Cbc(32, Hash::Sha1);
const CBC_128_SHA256: Bulk = Bulk::Cbc(16, Hash::Sha256);
const CBC_256_SHA256: Bulk = Bulk::Cbc(32, Hash::Sha256);
const CBC_256_SHA384: Bulk = Bulk::Cbc(32, Hash::Sha384);

/// By number, as in the registry.
const SUITES: &[Suite] = &[
    suite(0x000A, "TLS_RSA_WITH_3DES_EDE_CBC_SHA", Bulk::Closed, Hash::Sha256),
    suite(0x002F, "TLS_RSA_WITH_AES_128_CBC_SHA", CBC_128_SHA, Hash::Sha256),
    suite(0x0033, "TLS_DHE_RSA_WITH_AES_128_CBC_SHA", CBC_128_SHA, Hash::Sha256),
    suite(0x0035, "TLS_RSA_WITH_AES_256_CBC_SHA", CBC_256_SHA, Hash::Sha256),
    suite(0x0039, "TLS_DHE_RSA_WITH_AES_256_CBC_SHA", CBC_256_SHA, Hash::Sha256),
    suite(0x003C, "TLS_RSA_WITH_AES_128_CBC_SHA256", CBC_128_SHA256, Hash::Sha256),
    suite(0x003D, "TLS_RSA_WITH_AES_256_CBC_SHA256", CBC_256_SHA256, Hash::Sha256),
    suite(0x0067, "TLS_DHE_RSA_WITH_AES_128_CBC_SHA256", CBC_128_SHA256, Hash::Sha256),
    suite(0x006B, "TLS_DHE_RSA_WITH_AES_256_CBC_SHA256", CBC_256_SHA256, Hash::Sha256),
    suite(0x008C, "TLS_PSK_WITH_AES_128_CBC_SHA", CBC_128_SHA, Hash::Sha256),
    suite(0x008D, "TLS_PSK_WITH_AES_256_CBC_SHA", CBC_256_SHA, Hash::Sha256),
    suite(0x0090, "TLS_DHE_PSK_WITH_AES_128_CBC_SHA", CBC_128_SHA, Hash::Sha256),
    suite(0x0091, "TLS_DHE_PSK_WITH_AES_256_CBC_SHA", CBC_256_SHA, Hash::Sha256),
    suite(0x009C, "TLS_RSA_WITH_AES_128_GCM_SHA256", Bulk::Gcm(16), Hash::Sha256),
    suite(0x009D, "TLS_RSA_WITH_AES_256_GCM_SHA384", Bulk::Gcm(32), Hash::Sha384),
    suite(0x009E, "TLS_DHE_RSA_WITH_AES_128_GCM_SHA256", Bulk::Gcm(16), Hash::Sha256),
    suite(0x009F, "TLS_DHE_RSA_WITH_AES_256_GCM_SHA384", Bulk::Gcm(32), Hash::Sha384),
    suite(0x00A8, "TLS_PSK_WITH_AES_128_GCM_SHA256", Bulk::Gcm(16), Hash::Sha256),
    suite(0x00A9, "TLS_PSK_WITH_AES_256_GCM_SHA384", Bulk::Gcm(32), Hash::Sha384),
    suite(0x00AA, "TLS_DHE_PSK_WITH_AES_128_GCM_SHA256", Bulk::Gcm(16), Hash::Sha256),
    suite(0x00AB, "TLS_DHE_PSK_WITH_AES_256_GCM_SHA384", Bulk::Gcm(32), Hash::Sha384),
    suite(0x00AE, "TLS_PSK_WITH_AES_128_CBC_SHA256", CBC_128_SHA256, Hash::Sha256),
    suite(0x00AF, "TLS_PSK_WITH_AES_256_CBC_SHA384", CBC_256_SHA384, Hash::Sha384),
    suite(0x00B2, "TLS_DHE_PSK_WITH_AES_128_CBC_SHA256", CBC_128_SHA256, Hash::Sha256),
    suite(0x00B3, "TLS_DHE_PSK_WITH_AES_256_CBC_SHA384", CBC_256_SHA384, Hash::Sha384),
    suite(0x1301, "TLS_AES_128_GCM_SHA256", Bulk::Gcm(16), Hash::Sha256),
    suite(0x1302, "TLS_AES_256_GCM_SHA384", Bulk::Gcm(32), Hash::Sha384),
    suite(0x1303, "TLS_CHACHA20_POLY1305_SHA256", Bulk::Chacha, Hash::Sha256),
    suite(0x1304, "TLS_AES_128_CCM_SHA256", Bulk::Ccm(16, 16), Hash::Sha256),
    suite(0x1305, "TLS_AES_128_CCM_8_SHA256", Bulk::Ccm(16, 8), Hash::Sha256),
    suite(0xC009, "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA", CBC_128_SHA, Hash::Sha256),
    suite(0xC00A, "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA", CBC_256_SHA, Hash::Sha256),
    suite(0xC013, "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA", CBC_128_SHA, Hash::Sha256),
    suite(0xC014, "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA", CBC_256_SHA, Hash::Sha256),
    suite(0xC023, "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256", CBC_128_SHA256, Hash::Sha256),
    suite(0xC024, "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA384", CBC_256_SHA384, Hash::Sha384),
    suite(0xC027, "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256", CBC_128_SHA256, Hash::Sha256),
    suite(0xC028, "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA384", CBC_256_SHA384, Hash::Sha384),
    suite(0xC02B, "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", Bulk::Gcm(16), Hash::Sha256),
    suite(0xC02C, "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", Bulk::Gcm(32), Hash::Sha384),
    suite(0xC02F, "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", Bulk::Gcm(16), Hash::Sha256),
    suite(0xC030, "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", Bulk::Gcm(32), Hash::Sha384),
    suite(0xC035, "TLS_ECDHE_PSK_WITH_AES_128_CBC_SHA", CBC_128_SHA, Hash::Sha256),
    suite(0xC036, "TLS_ECDHE_PSK_WITH_AES_256_CBC_SHA", CBC_256_SHA, Hash::Sha256),
    suite(0xC037, "TLS_ECDHE_PSK_WITH_AES_128_CBC_SHA256", CBC_128_SHA256, Hash::Sha256),
    suite(0xC038, "TLS_ECDHE_PSK_WITH_AES_256_CBC_SHA384", CBC_256_SHA384, Hash::Sha384),
    suite(0xC09C, "TLS_RSA_WITH_AES_128_CCM", Bulk::Ccm(16, 16), Hash::Sha256),
    suite(0xC09D, "TLS_RSA_WITH_AES_256_CCM", Bulk::Ccm(32, 16), Hash::Sha256),
    suite(0xC09E, "TLS_DHE_RSA_WITH_AES_128_CCM", Bulk::Ccm(16, 16), Hash::Sha256),
    suite(0xC09F, "TLS_DHE_RSA_WITH_AES_256_CCM", Bulk::Ccm(32, 16), Hash::Sha256),
    suite(0xC0A4, "TLS_PSK_WITH_AES_128_CCM", Bulk::Ccm(16, 16), Hash::Sha256),
    suite(0xC0A5, "TLS_PSK_WITH_AES_256_CCM", Bulk::Ccm(32, 16), Hash::Sha256),
    suite(0xC0A8, "TLS_PSK_WITH_AES_128_CCM_8", Bulk::Ccm(16, 8), Hash::Sha256),
    suite(0xC0A9, "TLS_PSK_WITH_AES_256_CCM_8", Bulk::Ccm(32, 8), Hash::Sha256),
    suite(0xC0AC, "TLS_ECDHE_ECDSA_WITH_AES_128_CCM", Bulk::Ccm(16, 16), Hash::Sha256),
    suite(0xC0AD, "TLS_ECDHE_ECDSA_WITH_AES_256_CCM", Bulk::Ccm(32, 16), Hash::Sha256),
    suite(0xCCA8, "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256", Bulk::Chacha, Hash::Sha256),
    suite(0xCCA9, "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256", Bulk::Chacha, Hash::Sha256),
    suite(0xCCAA, "TLS_DHE_RSA_WITH_CHACHA20_POLY1305_SHA256", Bulk::Chacha, Hash::Sha256),
    suite(0xCCAB, "TLS_PSK_WITH_CHACHA20_POLY1305_SHA256", Bulk::Chacha, Hash::Sha256),
    suite(0xCCAC, "TLS_ECDHE_PSK_WITH_CHACHA20_POLY1305_SHA256", Bulk::Chacha, Hash::Sha256),
    suite(0xCCAD, "TLS_DHE_PSK_WITH_CHACHA20_POLY1305_SHA256", Bulk::Chacha, Hash::Sha256),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_ascend_and_are_unique() {
        assert!(SUITES.windows(2).all(|pair| pair[0].id < pair[1].id));
    }

    #[test]
    fn names_agree_with_what_is_done() {
        for suite in SUITES {
            assert_eq!(suite.name.contains("_GCM"), matches!(suite.bulk, Bulk::Gcm(_)), "{}", suite.name);
            assert_eq!(suite.name.contains("_CCM"), matches!(suite.bulk, Bulk::Ccm(..)), "{}", suite.name);
            assert_eq!(suite.name.contains("CHACHA20"), suite.bulk == Bulk::Chacha, "{}", suite.name);
            assert_eq!(suite.name.contains("CCM_8"), matches!(suite.bulk, Bulk::Ccm(_, 8)), "{}", suite.name);
            assert_eq!(suite.name.ends_with("_SHA384"), suite.hash == Hash::Sha384, "{}", suite.name);
            if suite.name.contains("AES_256") {
                assert_eq!(suite.bulk.key_length(), 32, "{}", suite.name);
            }
            if let Bulk::Cbc(_, hash) = suite.bulk {
                let end = match hash {
                    Hash::Sha1 => "_SHA",
                    Hash::Sha256 => "_SHA256",
                    Hash::Sha384 => "_SHA384",
                    Hash::Md5 => "_MD5",
                };
                assert!(suite.name.ends_with(end), "{}", suite.name);
            }
        }
    }

    #[test]
    fn an_unknown_suite_is_a_number() {
        assert_eq!(Suite::name_of(0x1302), "TLS_AES_256_GCM_SHA384");
        assert_eq!(Suite::name_of(0xC0FF), "0xC0FF");
    }
}
