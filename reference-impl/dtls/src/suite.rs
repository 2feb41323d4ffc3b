//! Versions and cipher suites.

/// Names a version of the protocol by what is on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Version {
    /// Cisco's pre-standard DTLS, 0x0100 (`DTLS1_BAD_VER` in OpenSSL, `VERS-DTLS0.9` in GnuTLS).
    Dtls09,
    /// DTLS 1.2, 0xfefd (RFC 6347).
    Dtls12,
}

impl Version {
    /// Gives the two bytes of the wire.
    pub const fn code(self) -> u16 {
        match self {
            Self::Dtls09 => 0x0100,
            Self::Dtls12 => 0xfefd,
        }
    }

    /// Gives the name used in logs and reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Dtls09 => "DTLS 0.9",
            Self::Dtls12 => "DTLS 1.2",
        }
    }
}

/// Names a cipher suite; the key exchange in the name means nothing in the abbreviated handshakes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Suite {
    /// TLS_RSA_WITH_AES_128_CBC_SHA, 0x002F.
    RsaAes128CbcSha,
    /// TLS_DHE_RSA_WITH_AES_128_CBC_SHA, 0x0033.
    DheRsaAes128CbcSha,
    /// TLS_RSA_WITH_AES_256_CBC_SHA, 0x0035.
    RsaAes256CbcSha,
    /// TLS_DHE_RSA_WITH_AES_256_CBC_SHA, 0x0039.
    DheRsaAes256CbcSha,
    /// TLS_RSA_WITH_AES_128_GCM_SHA256, 0x009C.
    RsaAes128GcmSha256,
    /// TLS_RSA_WITH_AES_256_GCM_SHA384, 0x009D.
    RsaAes256GcmSha384,
    /// TLS_PSK_WITH_AES_128_GCM_SHA256, 0x00A8.
    PskAes128GcmSha256,
    /// TLS_PSK_WITH_AES_256_GCM_SHA384, 0x00A9.
    PskAes256GcmSha384,
    /// TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, 0xC02F.
    EcdheRsaAes128GcmSha256,
    /// TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384, 0xC030.
    EcdheRsaAes256GcmSha384,
    /// TLS_PSK_WITH_CHACHA20_POLY1305_SHA256, 0xCCAB.
    PskChacha20Poly1305Sha256,
}

impl Suite {
    /// Holds every suite, in the order of the code points.
    pub const ALL: &'static [Self] = &[
        Self::RsaAes128CbcSha,
        Self::DheRsaAes128CbcSha,
        Self::RsaAes256CbcSha,
        Self::DheRsaAes256CbcSha,
        Self::RsaAes128GcmSha256,
        Self::RsaAes256GcmSha384,
        Self::PskAes128GcmSha256,
        Self::PskAes256GcmSha384,
        Self::EcdheRsaAes128GcmSha256,
        Self::EcdheRsaAes256GcmSha384,
        Self::PskChacha20Poly1305Sha256,
    ];

    /// Gives the two bytes of the wire.
    pub const fn code(self) -> u16 {
        match self {
            Self::RsaAes128CbcSha => 0x002f,
            Self::DheRsaAes128CbcSha => 0x0033,
            Self::RsaAes256CbcSha => 0x0035,
            Self::DheRsaAes256CbcSha => 0x0039,
            Self::RsaAes128GcmSha256 => 0x009c,
            Self::RsaAes256GcmSha384 => 0x009d,
            Self::PskAes128GcmSha256 => 0x00a8,
            Self::PskAes256GcmSha384 => 0x00a9,
            Self::EcdheRsaAes128GcmSha256 => 0xc02f,
            Self::EcdheRsaAes256GcmSha384 => 0xc030,
            Self::PskChacha20Poly1305Sha256 => 0xccab,
        }
    }

    /// Finds the suite of a code point.
    pub fn from_code(code: u16) -> Option<Self> {
        Self::ALL.iter().copied().find(|suite| suite.code() == code)
    }

    /// Gives the IANA name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::RsaAes128CbcSha => "TLS_RSA_WITH_AES_128_CBC_SHA",
            Self::DheRsaAes128CbcSha => "TLS_DHE_RSA_WITH_AES_128_CBC_SHA",
            Self::RsaAes256CbcSha => "TLS_RSA_WITH_AES_256_CBC_SHA",
            Self::DheRsaAes256CbcSha => "TLS_DHE_RSA_WITH_AES_256_CBC_SHA",
            Self::RsaAes128GcmSha256 => "TLS_RSA_WITH_AES_128_GCM_SHA256",
            Self::RsaAes256GcmSha384 => "TLS_RSA_WITH_AES_256_GCM_SHA384",
            Self::PskAes128GcmSha256 => "TLS_PSK_WITH_AES_128_GCM_SHA256",
            Self::PskAes256GcmSha384 => "TLS_PSK_WITH_AES_256_GCM_SHA384",
            Self::EcdheRsaAes128GcmSha256 => "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
            Self::EcdheRsaAes256GcmSha384 => "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
            Self::PskChacha20Poly1305Sha256 => "TLS_PSK_WITH_CHACHA20_POLY1305_SHA256",
        }
    }

    /// Tells whether the suite belongs to the full handshake with a pre-shared key.
    pub const fn is_psk(self) -> bool {
        matches!(self, Self::PskAes128GcmSha256 | Self::PskAes256GcmSha384 | Self::PskChacha20Poly1305Sha256)
    }

    /// Tells whether records are protected by AES-CBC and HMAC-SHA1.
    pub const fn is_cbc(self) -> bool {
        matches!(
            self,
            Self::RsaAes128CbcSha | Self::DheRsaAes128CbcSha | Self::RsaAes256CbcSha | Self::DheRsaAes256CbcSha
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_find_their_suite() {
        assert!(Suite::ALL.windows(2).all(|pair| pair[0].code() < pair[1].code()));
        for &suite in Suite::ALL {
            assert_eq!(Suite::from_code(suite.code()), Some(suite));
        }
        assert_eq!(Suite::from_code(0x000a), None, "3DES is none of them");
    }
}
