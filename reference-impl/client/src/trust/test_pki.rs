//! Certificates for tests, each with at most one defect. What is sound is sound at [`NOW`] and for twenty years more.

use openssl::asn1::{Asn1Integer, Asn1Time};
use openssl::bn::{BigNum, MsbOption};
use openssl::ec::{EcGroup, EcKey};
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private};
use openssl::rsa::Rsa;
use openssl::x509::extension::{
    AuthorityKeyIdentifier, BasicConstraints, ExtendedKeyUsage, KeyUsage, SubjectAlternativeName, SubjectKeyIdentifier,
};
use openssl::x509::{CrlNumber, X509, X509CrlBuilder, X509Name, X509RevokedBuilder};

/// The time of every test, in seconds since 1970: 14 November 2023.
pub(crate) const NOW: i64 = 1_700_000_000;
/// The name in every good leaf.
pub(crate) const HOST: &str = "vpn.example.org";

const DAY: i64 = 86_400;
const YEAR: i64 = 365 * DAY;

/// A certificate with its key.
#[derive(Clone)]
pub(crate) struct Issued {
    pub(crate) cert: X509,
    pub(crate) key: PKey<Private>,
}

/// What a leaf looks like; the default is sound.
pub(crate) struct Leaf {
    pub(crate) name: &'static str,
    pub(crate) from: i64,
    pub(crate) until: i64,
    pub(crate) server: Option<bool>,
    pub(crate) digest: MessageDigest,
    pub(crate) key: PKey<Private>,
    pub(crate) signs_handshakes: bool,
}

impl Default for Leaf {
    fn default() -> Self {
        Self {
            name: HOST,
            from: NOW - DAY,
            until: NOW + 20 * YEAR,
            server: Some(true),
            digest: MessageDigest::sha256(),
            key: curve_key(),
            signs_handshakes: true,
        }
    }
}

impl Leaf {
    pub(crate) fn expired() -> Self {
        Self { from: NOW - 60 * DAY, until: NOW - 30 * DAY, ..Self::default() }
    }

    /// Signs it, by itself without an issuer.
    pub(crate) fn sign(self, issuer: Option<&Issued>) -> Issued {
        let mut builder = start(self.name, &self.key, issuer, self.from, self.until);
        builder.append_extension(BasicConstraints::new().critical().build().unwrap()).unwrap();
        let mut usage = KeyUsage::new();
        if self.signs_handshakes {
            usage.digital_signature()
        } else {
            usage.non_repudiation()
        };
        builder.append_extension(usage.critical().build().unwrap()).unwrap();
        if let Some(server) = self.server {
            let mut extended = ExtendedKeyUsage::new();
            if server {
                extended.server_auth()
            } else {
                extended.client_auth()
            };
            builder.append_extension(extended.build().unwrap()).unwrap();
        }
        let mut names = SubjectAlternativeName::new();
        names.dns(self.name);
        if self.name == HOST {
            names.dns("localhost").ip("127.0.0.1");
        }
        let names = names.build(&builder.x509v3_context(None, None)).unwrap();
        builder.append_extension(names).unwrap();
        builder.sign(issuer.map_or(&self.key, |issuer| &issuer.key), self.digest).unwrap();
        Issued { cert: builder.build(), key: self.key }
    }
}

/// A root, or an intermediate below `issuer`.
pub(crate) fn authority(name: &str, issuer: Option<&Issued>, digest: MessageDigest) -> Issued {
    let key = curve_key();
    // Younger than an expired leaf, as in a lab where everything was made this morning.
    let mut builder = start(name, &key, issuer, NOW - DAY, NOW + 20 * YEAR);
    builder.append_extension(BasicConstraints::new().critical().ca().build().unwrap()).unwrap();
    builder.append_extension(KeyUsage::new().critical().key_cert_sign().crl_sign().build().unwrap()).unwrap();
    let key_id = SubjectKeyIdentifier::new().build(&builder.x509v3_context(None, None)).unwrap();
    builder.append_extension(key_id).unwrap();
    builder.sign(issuer.map_or(&key, |issuer| &issuer.key), digest).unwrap();
    Issued { cert: builder.build(), key }
}

/// A revocation list in PEM.
pub(crate) fn crl(issuer: &Issued, revoked: &[&Issued]) -> Vec<u8> {
    let mut crl = X509CrlBuilder::new().unwrap();
    crl.set_issuer_name(issuer.cert.subject_name()).unwrap();
    crl.set_last_update(&Asn1Time::from_unix(NOW - DAY).unwrap()).unwrap();
    crl.set_next_update(&Asn1Time::from_unix(NOW + DAY).unwrap()).unwrap();
    for one in revoked {
        let mut entry = X509RevokedBuilder::new().unwrap();
        entry.set_serial_number(one.cert.serial_number()).unwrap();
        entry.set_revocation_date(&Asn1Time::from_unix(NOW - DAY).unwrap()).unwrap();
        crl.add_revoked(entry.build()).unwrap();
    }
    let keys = X509::builder().unwrap();
    let key_id = AuthorityKeyIdentifier::new().keyid(true).build(&keys.x509v3_context(Some(&issuer.cert), None));
    crl.append_extension(key_id.unwrap()).unwrap();
    crl.append_extension(CrlNumber::new(BigNum::from_u32(1).unwrap()).unwrap().build().unwrap()).unwrap();
    crl.sign(&issuer.key, MessageDigest::sha256()).unwrap();
    crl.build().unwrap().to_pem().unwrap()
}

pub(crate) fn curve_key() -> PKey<Private> {
    let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).unwrap();
    PKey::from_ec_key(EcKey::generate(&group).unwrap()).unwrap()
}

pub(crate) fn rsa_key(bits: u32) -> PKey<Private> {
    PKey::from_rsa(Rsa::generate(bits).unwrap()).unwrap()
}

fn start(
    subject: &str,
    key: &PKey<Private>,
    issuer: Option<&Issued>,
    from: i64,
    until: i64,
) -> openssl::x509::X509Builder {
    let mut name = X509Name::builder().unwrap();
    name.append_entry_by_nid(Nid::COMMONNAME, subject).unwrap();
    let name = name.build();
    let mut serial = BigNum::new().unwrap();
    serial.rand(127, MsbOption::ONE, false).unwrap();
    let mut builder = X509::builder().unwrap();
    builder.set_version(2).unwrap();
    builder.set_serial_number(&Asn1Integer::from_bn(&serial).unwrap()).unwrap();
    builder.set_subject_name(&name).unwrap();
    builder.set_issuer_name(issuer.map_or(&*name, |issuer| issuer.cert.subject_name())).unwrap();
    builder.set_not_before(&Asn1Time::from_unix(from).unwrap()).unwrap();
    builder.set_not_after(&Asn1Time::from_unix(until).unwrap()).unwrap();
    builder.set_pubkey(key).unwrap();
    builder
}
