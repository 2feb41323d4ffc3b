//! The client's certificate, and when it is shown.

use std::path::Path;

use openssl::pkey::{PKey, Private};
use openssl::x509::X509;

use crate::error::ClientError;

/// Largest file of certificates or keys, in bytes.
const MOST: usize = 1 << 20;

/// A certificate with its chain and key.
#[derive(Clone)]
pub(crate) struct Identity {
    /// Leaf first.
    pub(super) chain: Vec<X509>,
    pub(super) key: PKey<Private>,
}

impl Identity {
    /// Reads PEM files; both may be one.
    pub(crate) fn load(certificate: &Path, key: &Path) -> Result<Self, ClientError> {
        const CERTIFICATE: &str = "the client certificate";
        const KEY: &str = "the client key";
        let pem = crate::secrets::read(CERTIFICATE, certificate, MOST)?;
        let chain = X509::stack_from_pem(&pem)
            .ok()
            .filter(|chain| !chain.is_empty())
            .ok_or_else(|| ClientError::unreadable(CERTIFICATE, certificate, "there is no certificate in PEM in it"))?;
        let pem = crate::secrets::read(KEY, key, MOST)?;
        // An empty passphrase instead of a question on the terminal.
        let key_of_file = PKey::private_key_from_pem_passphrase(&pem, b"")
            .map_err(|_| ClientError::unreadable(KEY, key, "there is no key in PEM without passphrase in it"))?;
        if !chain[0].public_key().is_ok_and(|public| public.public_eq(&key_of_file)) {
            return Err(ClientError::unreadable(KEY, key, "it does not belong to the certificate"));
        }
        Ok(Self { chain, key: key_of_file })
    }

    /// Whether one of the authorities (names in DER) that the gateway lists issued a certificate of the chain; an
    /// empty list asks for any (AC-TLS-13).
    pub(super) fn matches(&self, authorities: &[&[u8]]) -> bool {
        let issued_by = |certificate: &X509| {
            certificate.issuer_name().to_der().is_ok_and(|issuer| authorities.contains(&issuer.as_slice()))
        };
        authorities.is_empty() || self.chain.iter().any(issued_by)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use openssl::hash::MessageDigest;

    use super::*;
    use crate::trust::test_pki::{Leaf, authority, curve_key};

    fn file(parts: &[&[u8]]) -> tempfile::NamedTempFile {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        for part in parts {
            file.write_all(part).unwrap();
        }
        file
    }

    #[test]
    fn it_is_shown_to_those_who_ask_for_its_authority() {
        let root = authority("Users", None, MessageDigest::sha256());
        let between = authority("Users 2", Some(&root), MessageDigest::sha256());
        let other = authority("Others", None, MessageDigest::sha256());
        let leaf = Leaf { server: Some(false), ..Leaf::default() }.sign(Some(&between));
        let pem = file(&[
            &leaf.cert.to_pem().unwrap(),
            &between.cert.to_pem().unwrap(),
            &leaf.key.private_key_to_pem_pkcs8().unwrap(),
        ]);
        let identity = Identity::load(pem.path(), pem.path()).unwrap();
        let name = |of: &X509| of.subject_name().to_der().unwrap();
        let (root, between, other) = (name(&root.cert), name(&between.cert), name(&other.cert));
        assert!(identity.matches(&[]));
        assert!(identity.matches(&[&other, &root]));
        assert!(identity.matches(&[&between]));
        assert!(!identity.matches(&[&other]));
    }

    #[test]
    fn a_key_of_another_certificate_is_refused() {
        let leaf = Leaf::default().sign(None);
        let certificate = file(&[&leaf.cert.to_pem().unwrap()]);
        let key = file(&[&curve_key().private_key_to_pem_pkcs8().unwrap()]);
        let told =
            |certificate: &Path, key: &Path| Identity::load(certificate, key).map(|_| ()).unwrap_err().to_string();
        assert!(told(certificate.path(), key.path()).ends_with("it does not belong to the certificate"));
        assert!(told(certificate.path(), certificate.path()).ends_with("no key in PEM without passphrase in it"));
        assert!(told(key.path(), key.path()).ends_with("there is no certificate in PEM in it"));
    }
}
