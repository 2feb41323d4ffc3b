//! A chain in words.

use std::net::{Ipv4Addr, Ipv6Addr};

use openssl::error::ErrorStack;
use openssl::nid::Nid;
use openssl::pkey::Id;
use openssl::x509::{GeneralNameRef, X509, X509ExtendedKeyUsage, X509NameRef, X509Ref};

use crate::error::Doing as _;
use crate::issued::{fingerprint, pem, pin};
use crate::{Date, PkiError};

/// What one certificate says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertInfo {
    /// `CN=vpn.example`
    pub subject: String,
    /// `CN=vpn-interop intermediate`
    pub issuer: String,
    /// First moment of its validity.
    pub not_before: Date,
    /// Last moment of its validity.
    pub not_after: Date,
    /// `DNS:vpn.example`, `IP:203.0.113.7`
    pub sans: Vec<String>,
    /// `ecdsa-with-SHA256`
    pub sig_alg: String,
    /// `RSA`, `EC`, or the name of another algorithm.
    pub key_alg: String,
    /// Size of the public key.
    pub key_bits: u32,
    /// `serverAuth`, `clientAuth`, ...; `None` if the certificate does not restrict its use.
    pub ekus: Option<Vec<String>>,
    /// SHA-256 of the certificate, in lower-case hexadecimal.
    pub fingerprint: String,
    /// The public key's pin, as openconnect writes it.
    pub pin: String,
}

/// Describes each certificate of a chain in PEM form, in its order.
pub fn describe(chain_pem: &[u8]) -> Result<Vec<CertInfo>, PkiError> {
    read_chain(chain_pem)?.iter().map(|cert| info(cert)).collect()
}

/// The PEM form of certificates as a capture or a TLS library has them.
pub fn pem_from_der<T: AsRef<[u8]>>(certs: impl IntoIterator<Item = T>) -> Result<Vec<u8>, PkiError> {
    let certs: Vec<X509> = certs
        .into_iter()
        .map(|der| X509::from_der(der.as_ref()).doing("understand a certificate"))
        .collect::<Result<_, _>>()?;
    pem(&certs)
}

/// At least one certificate.
pub(crate) fn read_chain(chain_pem: &[u8]) -> Result<Vec<X509>, PkiError> {
    let chain = X509::stack_from_pem(chain_pem).doing("understand a chain of certificates")?;
    if chain.is_empty() { Err(PkiError::EmptyChain) } else { Ok(chain) }
}

/// Describes one certificate.
pub(crate) fn info(cert: &X509Ref) -> Result<CertInfo, PkiError> {
    let key = cert.public_key().doing("read a certificate's public key")?;
    Ok(CertInfo {
        subject: name(cert.subject_name()),
        issuer: name(cert.issuer_name()),
        not_before: Date::from_asn1(cert.not_before()).doing("read a certificate's validity")?,
        not_after: Date::from_asn1(cert.not_after()).doing("read a certificate's validity")?,
        sans: cert.subject_alt_names().iter().flatten().filter_map(san).collect(),
        sig_alg: long_name(cert.signature_algorithm().object().nid()).doing("name a signature algorithm")?,
        key_alg: match key.id() {
            Id::RSA => "RSA".to_owned(),
            Id::EC => "EC".to_owned(),
            other => long_name(Nid::from_raw(other.as_raw())).doing("name a key's algorithm")?,
        },
        key_bits: key.bits(),
        ekus: cert.extended_key_usage().map(ekus),
        fingerprint: fingerprint(cert)?,
        pin: pin(cert)?,
    })
}

/// `CN=vpn.example, O=Example`
pub(crate) fn name(name: &X509NameRef) -> String {
    let entry = |entry: &openssl::x509::X509NameEntryRef| {
        let key = entry.object().nid().short_name().unwrap_or("?").to_owned();
        let value = entry.data().to_string().unwrap_or_default();
        format!("{key}={value}")
    };
    name.entries().map(entry).collect::<Vec<_>>().join(", ")
}

fn long_name(nid: Nid) -> Result<String, ErrorStack> {
    nid.long_name().map(str::to_owned)
}

fn san(entry: &GeneralNameRef) -> Option<String> {
    if let Some(name) = entry.dnsname() {
        return Some(format!("DNS:{name}"));
    }
    let bytes = entry.ipaddress()?;
    if let Ok(four) = <[u8; 4]>::try_from(bytes) {
        return Some(format!("IP:{}", Ipv4Addr::from(four)));
    }
    <[u8; 16]>::try_from(bytes).ok().map(|sixteen| format!("IP:{}", Ipv6Addr::from(sixteen)))
}

fn ekus(usage: X509ExtendedKeyUsage) -> Vec<String> {
    [
        (X509ExtendedKeyUsage::SSL_SERVER, "serverAuth"),
        (X509ExtendedKeyUsage::SSL_CLIENT, "clientAuth"),
        (X509ExtendedKeyUsage::SMIME, "emailProtection"),
        (X509ExtendedKeyUsage::CODE_SIGN, "codeSigning"),
        (X509ExtendedKeyUsage::OCSP_SIGN, "OCSPSigning"),
        (X509ExtendedKeyUsage::TIMESTAMP, "timeStamping"),
        (X509ExtendedKeyUsage::ANYEKU, "anyExtendedKeyUsage"),
    ]
    .into_iter()
    .filter(|(flag, _)| usage.contains(*flag))
    .map(|(_, name)| name.to_owned())
    .collect()
}
