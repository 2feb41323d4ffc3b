//! What a certificate says about itself: times, strength, use.

use std::time::{SystemTime, UNIX_EPOCH};

use openssl::asn1::Asn1Time;
use openssl::hash::{MessageDigest, hash};
use openssl::nid::Nid;
use openssl::pkey::Id;
use openssl::x509::{X509, X509Ref};
use x509_parser::prelude::{FromDer as _, KeyUsage, ParsedExtension, X509Certificate};

use super::{Defect, Pin, Refusal};

/// Shortest RSA key, in bits.
const RSA: u32 = 2048;
/// Shortest key on an elliptic curve, in bits.
const CURVE: u32 = 224;

/// The digest over the public key of a certificate.
pub(crate) fn spki_sha256(der: &[u8]) -> Option<Pin> {
    let (_, certificate) = X509Certificate::from_der(der).ok()?;
    let digest = hash(MessageDigest::sha256(), certificate.public_key().raw).ok()?;
    Some(Pin(digest.as_ref().try_into().ok()?))
}

/// Refuses a certificate whose validity has not begun.
pub(super) fn begun(certificate: &X509Ref, now: SystemTime) -> Result<(), Refusal> {
    if certificate.not_before() > &*asn1(now)? {
        return Err(Refusal::new(Defect::NotYetValid, format!("not before {}", certificate.not_before())));
    }
    Ok(())
}

/// Refuses a certificate whose validity is over.
pub(super) fn lasts(certificate: &X509Ref, now: SystemTime) -> Result<(), Refusal> {
    if certificate.not_after() < &*asn1(now)? {
        return Err(Refusal::new(Defect::Expired, format!("not after {}", certificate.not_after())));
    }
    Ok(())
}

/// Refuses short keys and broken signatures, as mobile clients do (AC-TLS-09). The signature of a certificate over itself proves
/// nothing, and is not looked at.
pub(super) fn strong(certificate: &X509Ref) -> Result<(), Refusal> {
    let key = certificate.public_key().map_err(|_| Refusal::new(Defect::Unreadable, "public key"))?;
    let least = match key.id() {
        Id::RSA | Id::RSA_PSS | Id::DSA => Some(RSA),
        Id::EC => Some(CURVE),
        _ => None,
    };
    if least.is_some_and(|least| key.bits() < least) {
        let kind = if key.id() == Id::EC { "elliptic curve" } else { "RSA" };
        return Err(Refusal::new(Defect::WeakKey, format!("{kind}, {} bits", key.bits())));
    }
    let own = certificate.subject_name().to_der().ok() == certificate.issuer_name().to_der().ok();
    let algorithm = certificate.signature_algorithm().object().nid();
    let digest = algorithm.signature_algorithms().map(|pair| pair.digest);
    if !own && matches!(digest, Some(Nid::SHA1 | Nid::MD5 | Nid::MD2 | Nid::MD4 | Nid::MD5_SHA1)) {
        let name = algorithm.long_name().unwrap_or("unknown");
        return Err(Refusal::new(Defect::WeakSignature, name));
    }
    Ok(())
}

/// Refuses a leaf that is not meant for TLS servers.
pub(super) fn for_servers(der: &[u8]) -> Result<(), Refusal> {
    let unreadable = || Refusal::new(Defect::Unreadable, "extensions");
    let (_, certificate) = X509Certificate::from_der(der).map_err(|_| unreadable())?;
    let mut server = false;
    for extension in certificate.extensions() {
        match extension.parsed_extension() {
            ParsedExtension::ExtendedKeyUsage(usage) => server = usage.server_auth || usage.any,
            ParsedExtension::KeyUsage(usage) if !handshakes(usage) => {
                return Err(Refusal::new(Defect::WrongKeyUsage, "neither digital signature nor key encipherment"));
            }
            ParsedExtension::ParseError { .. } => return Err(unreadable()),
            _ => {}
        }
    }
    if server { Ok(()) } else { Err(Refusal::new(Defect::WrongExtendedKeyUsage, "no serverAuth")) }
}

/// Whether a key may be used for any of TLS's handshakes.
fn handshakes(usage: &KeyUsage) -> bool {
    usage.digital_signature() || usage.key_encipherment() || usage.key_agreement()
}

/// Reads a certificate.
pub(super) fn parse(der: &[u8]) -> Result<X509, Refusal> {
    X509::from_der(der).map_err(|_| Refusal::new(Defect::Unreadable, "not a certificate"))
}

fn asn1(time: SystemTime) -> Result<Asn1Time, Refusal> {
    let seconds = time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    i64::try_from(seconds)
        .ok()
        .and_then(|seconds| Asn1Time::from_unix(seconds).ok())
        .ok_or_else(|| Refusal::new(Defect::Unreadable, "clock"))
}
