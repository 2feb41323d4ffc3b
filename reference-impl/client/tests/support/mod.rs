//! A gateway that says what a test wrote down, and the program under test as a child process.

#[expect(dead_code, reason = "each test binary uses a part of it")]
#[path = "../../src/trust/test_pki.rs"]
pub(crate) mod pki;

pub(crate) mod gateway;
pub(crate) mod program;

use std::io::Write as _;

use openssl::hash::MessageDigest;
use tempfile::NamedTempFile;

use gateway::{Gateway, Options, Reply, Request};
use pki::{Issued, Leaf, authority};

/// A gateway with a sound certificate, and the file with its authority.
pub(crate) fn sound_gateway(script: impl Fn(&Request) -> Reply + Send + Sync + 'static) -> (Gateway, NamedTempFile) {
    gateway_with(Leaf::default(), None, script)
}

/// A gateway with this leaf below an authority, and the file with that authority.
pub(crate) fn gateway_with(
    leaf: Leaf,
    max: Option<openssl::ssl::SslVersion>,
    script: impl Fn(&Request) -> Reply + Send + Sync + 'static,
) -> (Gateway, NamedTempFile) {
    let root = authority("Test root", None, MessageDigest::sha256());
    let chain = vec![leaf.sign(Some(&root))];
    let gateway = Gateway::start(Options { chain, max, asks_for: None }, script);
    (gateway, pem(&[&root]))
}

/// A file with certificates, and with the key of the first one.
pub(crate) fn pem(all: &[&Issued]) -> NamedTempFile {
    let mut file = NamedTempFile::new().unwrap();
    for one in all {
        file.write_all(&one.cert.to_pem().unwrap()).unwrap();
    }
    file.write_all(&all[0].key.private_key_to_pem_pkcs8().unwrap()).unwrap();
    file
}
