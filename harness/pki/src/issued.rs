//! The files of a cell's certificates.

use std::fs::{self, OpenOptions, Permissions};
use std::io::Write as _;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use openssl::base64::encode_block;
use openssl::hash::MessageDigest;
use openssl::pkey::{PKey, Private};
use openssl::sha::sha256;
use openssl::x509::{X509, X509Crl, X509Ref};

use crate::error::Doing as _;
use crate::{Defect, PkiError};

/// Where the certificates of a cell are, and how their leaves are recognised. All files are PEM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issued {
    /// What is wrong.
    pub defect: Defect,
    /// `ca.pem`: the trust anchor that clients are given.
    pub ca: PathBuf,
    /// `server-chain.pem`: what the server sends, leaf first.
    pub server_chain: PathBuf,
    /// `server-key.pem`, readable by its owner only.
    pub server_key: PathBuf,
    /// `client-cert.pem`: leaf, then intermediate.
    pub client_cert: PathBuf,
    /// `client-key.pem`, readable by its owner only.
    pub client_key: PathBuf,
    /// `client-ca.pem`: root and intermediate, by which the server verifies clients.
    pub client_ca: PathBuf,
    /// `crl.pem`: revocation lists of the root and of the intermediate. GnuTLS takes a list only if it trusts the
    /// issuer, so beside it the judge needs [`client_ca`](Self::client_ca) as its anchors, also for servers.
    pub crl: PathBuf,
    /// SHA-256 of the server's leaf, in lower-case hexadecimal.
    pub server_fingerprint: String,
    /// `pin-sha256:` and the base64 of the SHA-256 of the server's public key, as openconnect's `--servercert` wants it.
    pub server_pin: String,
    /// SHA-256 of the client's leaf, in lower-case hexadecimal.
    pub client_fingerprint: String,
}

/// Certificates and keys before they are written.
pub(crate) struct Material<'a> {
    pub(crate) anchor: &'a X509,
    pub(crate) issuer: &'a X509,
    pub(crate) server_chain: &'a [X509],
    pub(crate) server_key: &'a PKey<Private>,
    pub(crate) client_leaf: &'a X509,
    pub(crate) client_key: &'a PKey<Private>,
    pub(crate) crls: &'a [X509Crl],
}

/// Mode of files that everybody may read.
const PUBLIC: u32 = 0o644;
/// Mode of private keys.
const SECRET: u32 = 0o600;

impl Material<'_> {
    /// Writes every file.
    pub(crate) fn write(&self, folder: &Path, defect: Defect) -> Result<Issued, PkiError> {
        fs::create_dir_all(folder).map_err(|source| PkiError::Write { path: folder.to_owned(), source })?;
        let write = |name: &str, mode: u32, text: Vec<u8>| write_file(folder.join(name), mode, &text);
        let leaf = self.server_chain.first().ok_or(PkiError::EmptyChain)?;
        Ok(Issued {
            defect,
            ca: write("ca.pem", PUBLIC, pem([self.anchor])?)?,
            server_chain: write("server-chain.pem", PUBLIC, pem(self.server_chain)?)?,
            server_key: write("server-key.pem", SECRET, key_pem(self.server_key)?)?,
            client_cert: write("client-cert.pem", PUBLIC, pem([self.client_leaf, self.issuer])?)?,
            client_key: write("client-key.pem", SECRET, key_pem(self.client_key)?)?,
            client_ca: write("client-ca.pem", PUBLIC, pem([self.anchor, self.issuer])?)?,
            crl: write("crl.pem", PUBLIC, self.crl_pem()?)?,
            server_fingerprint: fingerprint(leaf)?,
            server_pin: pin(leaf)?,
            client_fingerprint: fingerprint(self.client_leaf)?,
        })
    }

    fn crl_pem(&self) -> Result<Vec<u8>, PkiError> {
        let mut text = Vec::new();
        for crl in self.crls {
            text.extend(crl.to_pem().doing("encode a revocation list")?);
        }
        Ok(text)
    }
}

/// Certificates in PEM form, one after the other.
pub(crate) fn pem<'a>(certs: impl IntoIterator<Item = &'a X509>) -> Result<Vec<u8>, PkiError> {
    let mut text = Vec::new();
    for cert in certs {
        text.extend(cert.to_pem().doing("encode a certificate")?);
    }
    Ok(text)
}

/// SHA-256 of a certificate, in lower-case hexadecimal.
pub(crate) fn fingerprint(cert: &X509Ref) -> Result<String, PkiError> {
    let digest = cert.digest(MessageDigest::sha256()).doing("hash a certificate")?;
    Ok(digest.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// The public key's pin, as openconnect writes it (RFC 7469, 2.4: SHA-256 of the SubjectPublicKeyInfo).
pub(crate) fn pin(cert: &X509Ref) -> Result<String, PkiError> {
    let key = cert.public_key().and_then(|key| key.public_key_to_der()).doing("encode a public key")?;
    Ok(format!("pin-sha256:{}", encode_block(&sha256(&key))))
}

fn key_pem(key: &PKey<Private>) -> Result<Vec<u8>, PkiError> {
    key.private_key_to_pem_pkcs8().doing("encode a private key")
}

/// Sets the mode before a byte is written, so that a key that replaces an older file is never readable by others.
fn write_file(path: PathBuf, mode: u32, text: &[u8]) -> Result<PathBuf, PkiError> {
    let written =
        OpenOptions::new().create(true).write(true).truncate(true).mode(mode).open(&path).and_then(|mut file| {
            file.set_permissions(Permissions::from_mode(mode))?;
            file.write_all(text)
        });
    match written {
        Ok(()) => Ok(path),
        Err(source) => Err(PkiError::Write { path, source }),
    }
}
