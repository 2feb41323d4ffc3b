//! DTLS families and the names of suites in `X-DTLS-CipherSuite` and `X-DTLS12-CipherSuite`.

use std::fmt;
use std::str::FromStr;

use serde::Deserialize;

use super::mtu::Cipher;

/// The label with which both sides export the key of [`Family::Psk`] from the TLS connection of CONNECT; there is no context (AC-DTLS-03).
pub const PSK_LABEL: &str = "EXPORTER-openconnect-psk";

/// Length of that key, in bytes.
pub const PSK_LENGTH: usize = 32;

/// A way to come to a DTLS session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Family {
    /// A full handshake with a key from the TLS exporter (`PSK-NEGOTIATE`).
    Psk,
    /// DTLS 1.2 resumed from a secret in a header, under Cisco's names.
    Cisco12,
    /// DTLS 1.2 resumed from a secret in a header, under OpenConnect's names.
    Openconnect12,
    /// Cisco's DTLS before 1.0, resumed from a secret in a header.
    Legacy,
}

impl Family {
    /// All families, best first.
    pub const ALL: &'static [Self] = &[Self::Psk, Self::Cisco12, Self::Openconnect12, Self::Legacy];

    /// Returns the word that options and files use.
    pub fn name(self) -> &'static str {
        match self {
            Self::Psk => "psk",
            Self::Cisco12 => "cisco12",
            Self::Openconnect12 => "openconnect12",
            Self::Legacy => "legacy",
        }
    }

    /// Returns whether the session is resumed from `X-DTLS-Master-Secret` and `X-DTLS-Session-ID`.
    pub fn resumes(self) -> bool {
        self != Self::Psk
    }
}

impl fmt::Display for Family {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// A word that is no family.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no DTLS family named `{0}`; there are psk, cisco12, openconnect12 and legacy")]
pub struct UnknownFamily(
    /// The word as it was given.
    pub String,
);

impl FromStr for Family {
    type Err = UnknownFamily;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.iter().copied().find(|family| family.name() == text);
        found.ok_or_else(|| UnknownFamily(text.to_owned()))
    }
}

/// One name that a suite header may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Suite {
    /// The name on the wire.
    pub name: &'static str,
    /// The family that it belongs to.
    pub family: Family,
    /// The code of the suite in the handshake; `None` for `PSK-NEGOTIATE`, where the handshake decides.
    pub code: Option<u16>,
    /// How records are protected.
    pub cipher: Cipher,
    /// How much a server likes it, within its family.
    preference: u8,
}

impl Suite {
    /// The name that asks for the pre-shared key mode.
    pub const PSK_NEGOTIATE: &'static str = "PSK-NEGOTIATE";

    const fn new(name: &'static str, family: Family, code: u16, cipher: Cipher, preference: u8) -> Self {
        Self { name, family, code: Some(code), cipher, preference }
    }

    /// All suites, in the order of families and names.
    pub const ALL: &'static [Self] = &[
        // The key exchange in a name means nothing: sessions are resumed.
        Self { name: Self::PSK_NEGOTIATE, family: Family::Psk, code: None, cipher: Cipher::AesGcm, preference: 0 },
        Self::new("AES256-GCM-SHA384", Family::Cisco12, 0x009d, Cipher::AesGcm, 90),
        Self::new("ECDHE-RSA-AES256-GCM-SHA384", Family::Cisco12, 0xc030, Cipher::AesGcm, 80),
        Self::new("ECDHE-RSA-AES128-GCM-SHA256", Family::Cisco12, 0xc02f, Cipher::AesGcm, 70),
        Self::new("AES128-GCM-SHA256", Family::Cisco12, 0x009c, Cipher::AesGcm, 50),
        Self::new("AES256-SHA", Family::Cisco12, 0x0035, Cipher::AesCbcSha1, 20),
        Self::new("AES128-SHA", Family::Cisco12, 0x002f, Cipher::AesCbcSha1, 10),
        Self::new("OC-DTLS1_2-AES256-GCM", Family::Openconnect12, 0x009d, Cipher::AesGcm, 90),
        Self::new("OC-DTLS1_2-AES128-GCM", Family::Openconnect12, 0x009c, Cipher::AesGcm, 80),
        Self::new("AES256-SHA", Family::Legacy, 0x0035, Cipher::AesCbcSha1, 60),
        Self::new("DHE-RSA-AES256-SHA", Family::Legacy, 0x0039, Cipher::AesCbcSha1, 55),
        Self::new("AES128-SHA", Family::Legacy, 0x002f, Cipher::AesCbcSha1, 50),
        Self::new("DHE-RSA-AES128-SHA", Family::Legacy, 0x0033, Cipher::AesCbcSha1, 45),
    ];

    /// Finds a name; `dtls12` tells which header it stands in, because `AES256-SHA` means another version in each (AC-DTLS-12).
    pub fn named(name: &str, dtls12: bool) -> Option<&'static Self> {
        Self::ALL.iter().find(|suite| suite.name == name && suite.in_dtls12_header() == dtls12)
    }

    /// Returns whether the name belongs into `X-DTLS12-CipherSuite`.
    pub fn in_dtls12_header(&self) -> bool {
        self.family == Family::Cisco12
    }
}

/// What a server answers to an offer of suites.
pub type Choice = &'static Suite;

/// Chooses family and suite on the server: only from the client's lists (AC-DTLS-10), and only what can work.
///
/// `dtls` and `dtls12` are the client's `X-DTLS-CipherSuite` and `X-DTLS12-CipherSuite`. The families are tried in the order of
/// `allowed`; within a family the server likes the stronger suite better. Families that resume need the client's master secret.
/// `None`: no DTLS for this session (AC-DTLS-32).
pub fn negotiate(dtls: &[String], dtls12: &[String], has_master_secret: bool, allowed: &[Family]) -> Option<Choice> {
    allowed.iter().filter(|family| has_master_secret || !family.resumes()).find_map(|family| {
        let offered = |suite: &&Suite| {
            let list = if suite.in_dtls12_header() { dtls12 } else { dtls };
            suite.family == *family && list.iter().any(|name| name == suite.name)
        };
        Suite::ALL.iter().filter(offered).max_by_key(|suite| suite.preference)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(text: &str) -> Vec<String> {
        text.split(':').filter(|name| !name.is_empty()).map(str::to_owned).collect()
    }

    fn chosen(dtls: &str, dtls12: &str, secret: bool, allowed: &[Family]) -> Option<(Family, &'static str)> {
        negotiate(&names(dtls), &names(dtls12), secret, allowed).map(|suite| (suite.family, suite.name))
    }

    #[test]
    fn the_server_picks_from_the_lists_of_the_client() {
        use Family::{Cisco12, Legacy, Openconnect12, Psk};
        let all = "OC-DTLS1_2-AES256-GCM:OC-DTLS1_2-AES128-GCM:AES256-SHA:AES128-SHA:PSK-NEGOTIATE";
        let cisco = "ECDHE-RSA-AES256-GCM-SHA384:AES256-GCM-SHA384:AES128-GCM-SHA256";
        type Row<'a> = (&'a str, &'a str, bool, &'a [Family], Option<(Family, &'a str)>);
        let table: &[Row<'_>] = &[
            (all, cisco, true, Family::ALL, Some((Psk, "PSK-NEGOTIATE"))),
            (all, cisco, true, &[Cisco12, Psk], Some((Cisco12, "AES256-GCM-SHA384"))),
            (all, "", true, &[Cisco12, Openconnect12], Some((Openconnect12, "OC-DTLS1_2-AES256-GCM"))),
            ("OC-DTLS1_2-AES128-GCM", "", true, Family::ALL, Some((Openconnect12, "OC-DTLS1_2-AES128-GCM"))),
            ("AES128-SHA:AES256-SHA", "", true, Family::ALL, Some((Legacy, "AES256-SHA"))),
            ("AES128-SHA", "AES128-SHA", true, Family::ALL, Some((Cisco12, "AES128-SHA"))),
            ("DES-CBC3-SHA", "ECDHE-ECDSA-CHACHA20", true, Family::ALL, None),
            (all, cisco, false, Family::ALL, Some((Psk, "PSK-NEGOTIATE"))),
            ("AES256-SHA", cisco, false, Family::ALL, None),
            ("", "", true, Family::ALL, None),
            (all, cisco, true, &[], None),
        ];
        for (dtls, dtls12, secret, allowed, expected) in table {
            assert_eq!(chosen(dtls, dtls12, *secret, allowed), *expected, "{dtls} {dtls12} {secret} {allowed:?}");
        }
    }

    #[test]
    fn one_name_means_another_version_in_each_header() {
        assert_eq!(Suite::named("AES256-SHA", false).map(|suite| suite.family), Some(Family::Legacy));
        assert_eq!(Suite::named("AES256-SHA", true).map(|suite| suite.family), Some(Family::Cisco12));
        assert_eq!(Suite::named("PSK-NEGOTIATE", true), None);
    }

    #[test]
    fn every_family_has_a_word_that_leads_back() {
        for family in Family::ALL {
            assert_eq!(family.name().parse(), Ok(*family));
        }
        assert!("dtls13".parse::<Family>().is_err());
    }
}
