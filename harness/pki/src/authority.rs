//! Certification authorities and their revocation lists.

use openssl::asn1::{Asn1Integer, Asn1IntegerRef};
use openssl::bn::{BigNum, MsbOption};
use openssl::error::ErrorStack;
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private};
use openssl::x509::extension::{AuthorityKeyIdentifier, BasicConstraints, KeyUsage, SubjectKeyIdentifier};
use openssl::x509::{CrlNumber, X509, X509Builder, X509Crl, X509CrlBuilder, X509Name, X509Ref, X509RevokedBuilder};

use crate::error::Doing as _;
use crate::{Date, PkiError};

/// Days for which a revocation list is good.
const CRL_DAYS: i64 = 30;

/// A certificate that signs others, with its key.
pub(crate) struct Authority {
    pub(crate) cert: X509,
    pub(crate) key: PKey<Private>,
}

impl Authority {
    /// A self-signed root, valid from yesterday for ten years.
    pub(crate) fn root(name: &str, key: PKey<Private>, now: Date) -> Result<Self, PkiError> {
        let cert = certify(name, &key, None, now.plus_days(-1), now.plus_days(3650)).doing("make a root")?;
        Ok(Self { cert, key })
    }

    /// An intermediate below this authority, valid from yesterday for five years.
    pub(crate) fn intermediate(&self, name: &str, key: PKey<Private>, now: Date) -> Result<Self, PkiError> {
        let cert =
            certify(name, &key, Some(self), now.plus_days(-1), now.plus_days(1825)).doing("make an intermediate")?;
        Ok(Self { cert, key })
    }

    /// The revocation list of this authority, valid from yesterday for a month.
    pub(crate) fn crl(&self, revoked: &[&Asn1IntegerRef], now: Date) -> Result<X509Crl, PkiError> {
        self.build_crl(revoked, now).doing("make a revocation list")
    }

    fn build_crl(&self, revoked: &[&Asn1IntegerRef], now: Date) -> Result<X509Crl, ErrorStack> {
        let since = now.plus_days(-1).to_asn1()?;
        let mut crl = X509CrlBuilder::new()?;
        crl.set_issuer_name(self.cert.subject_name())?;
        crl.set_last_update(&since)?;
        crl.set_next_update(&*now.plus_days(CRL_DAYS).to_asn1()?)?;
        for serial in revoked {
            let mut entry = X509RevokedBuilder::new()?;
            entry.set_serial_number(serial)?;
            entry.set_revocation_date(&since)?;
            crl.add_revoked(entry.build())?;
        }
        crl.append_extension(authority_key_id(&X509Builder::new()?, Some(&self.cert))?)?;
        crl.append_extension(CrlNumber::new(BigNum::from_u32(1)?)?.build()?)?;
        crl.sort()?;
        crl.sign(&self.key, MessageDigest::sha256())?;
        crl.build()
    }
}

/// A builder with everything that all certificates share: version, a random serial, names, key, validity.
pub(crate) fn start(
    subject: &str,
    key: &PKey<Private>,
    issuer: Option<&Authority>,
    from: Date,
    until: Date,
) -> Result<X509Builder, ErrorStack> {
    let mut name = X509Name::builder()?;
    name.append_entry_by_nid(Nid::COMMONNAME, subject)?;
    let name = name.build();
    let mut serial = BigNum::new()?;
    serial.rand(127, MsbOption::ONE, false)?;

    let mut builder = X509Builder::new()?;
    builder.set_version(2)?; // X.509 version 3
    builder.set_serial_number(&*Asn1Integer::from_bn(&serial)?)?;
    builder.set_subject_name(&name)?;
    builder.set_issuer_name(issuer.map_or(&*name, |issuer| issuer.cert.subject_name()))?;
    builder.set_not_before(&*from.to_asn1()?)?;
    builder.set_not_after(&*until.to_asn1()?)?;
    builder.set_pubkey(key)?;
    let subject_key_id = SubjectKeyIdentifier::new().build(&builder.x509v3_context(None, None))?;
    builder.append_extension(subject_key_id)?;
    let authority_key_id = authority_key_id(&builder, issuer.map(|issuer| &*issuer.cert))?;
    builder.append_extension(authority_key_id)?;
    Ok(builder)
}

fn authority_key_id(
    builder: &X509Builder,
    issuer: Option<&X509Ref>,
) -> Result<openssl::x509::X509Extension, ErrorStack> {
    AuthorityKeyIdentifier::new().keyid(true).build(&builder.x509v3_context(issuer, None))
}

fn certify(
    name: &str,
    key: &PKey<Private>,
    issuer: Option<&Authority>,
    from: Date,
    until: Date,
) -> Result<X509, ErrorStack> {
    let mut builder = start(name, key, issuer, from, until)?;
    let mut constraints = BasicConstraints::new();
    constraints.critical().ca();
    if issuer.is_some() {
        constraints.pathlen(0);
    }
    builder.append_extension(constraints.build()?)?;
    builder.append_extension(KeyUsage::new().critical().key_cert_sign().crl_sign().build()?)?;
    builder.sign(issuer.map_or(key, |issuer| &issuer.key), MessageDigest::sha256())?;
    Ok(builder.build())
}
