//! The user name that a client certificate carries (AC-AUTH-24).

use x509_parser::{oid_registry::Oid, prelude::*};

use super::check_name;
use crate::config::UsernameFrom;

/// Returns the user name of a certificate in DER; `None` when it has none, several, or one that cannot be a name.
#[must_use]
pub fn user_of(certificate: &[u8], from: UsernameFrom) -> Option<String> {
    let (_, certificate) = X509Certificate::from_der(certificate).ok()?;
    let oid: Oid<'_> = match from {
        UsernameFrom::Cn => x509_parser::oid_registry::OID_X509_COMMON_NAME,
        // 0.9.2342.19200300.100.1.1
        UsernameFrom::Uid => x509_parser::oid_registry::OID_USERID,
    };
    let mut names = certificate.subject().iter_by_oid(&oid);
    let name = names.next()?.as_str().ok()?;
    (names.next().is_none() && check_name(name)).then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use openssl::{
        asn1::Asn1Time,
        hash::MessageDigest,
        pkey::PKey,
        x509::{X509, X509NameBuilder},
    };

    use super::*;

    fn certificate(entries: &[(&str, &str)]) -> Vec<u8> {
        let key = PKey::generate_ed25519().unwrap();
        let mut name = X509NameBuilder::new().unwrap();
        for (field, value) in entries {
            name.append_entry_by_text(field, value).unwrap();
        }
        let name = name.build();
        let mut builder = X509::builder().unwrap();
        builder.set_subject_name(&name).unwrap();
        builder.set_issuer_name(&name).unwrap();
        builder.set_pubkey(&key).unwrap();
        builder.set_not_before(&Asn1Time::days_from_now(0).unwrap()).unwrap();
        builder.set_not_after(&Asn1Time::days_from_now(1).unwrap()).unwrap();
        builder.sign(&key, MessageDigest::null()).unwrap();
        builder.build().to_der().unwrap()
    }

    #[test]
    fn the_configured_attribute_is_the_user() {
        let both = certificate(&[("CN", "Alice"), ("UID", "alice")]);
        assert_eq!(user_of(&both, UsernameFrom::Cn).as_deref(), Some("Alice"));
        assert_eq!(user_of(&both, UsernameFrom::Uid).as_deref(), Some("alice"));
    }

    #[test]
    fn a_certificate_without_one_clear_name_has_no_user() {
        assert_eq!(user_of(&certificate(&[("CN", "Alice")]), UsernameFrom::Uid), None);
        assert_eq!(user_of(&certificate(&[("CN", "alice"), ("CN", "root")]), UsernameFrom::Cn), None);
        assert_eq!(user_of(&certificate(&[("CN", "a:b")]), UsernameFrom::Cn), None);
        assert_eq!(user_of(b"no certificate", UsernameFrom::Cn), None);
    }
}
