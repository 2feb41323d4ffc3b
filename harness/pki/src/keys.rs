//! Private keys, and a small store of those that are slow to make.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use openssl::ec::{EcGroup, EcKey};
use openssl::error::ErrorStack;
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private};
use openssl::rsa::Rsa;

use crate::PkiError;
use crate::error::Doing as _;

/// Kind of the keys of a hierarchy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum KeyKind {
    /// NIST P-256: made in a moment.
    #[default]
    EcP256,
    /// RSA with 2048 bits, for peers without elliptic curves; takes a tenth of a second and more.
    Rsa2048,
}

/// What a stored key is for: two owners never share a key.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Owner {
    Authority,
    Server,
    Client,
}

/// RSA keys made so far, by size and owner.
#[derive(Default)]
pub(crate) struct KeyStore {
    rsa: Mutex<BTreeMap<(u32, Owner), PKey<Private>>>,
}

impl KeyStore {
    /// A fresh P-256 key, or the owner's RSA-2048 key.
    pub(crate) fn key(&self, kind: KeyKind, owner: Owner) -> Result<PKey<Private>, PkiError> {
        match kind {
            KeyKind::EcP256 => ec_p256().doing("make a P-256 key"),
            KeyKind::Rsa2048 => self.rsa(2048, owner),
        }
    }

    /// The owner's RSA key of this size, made when first asked for.
    pub(crate) fn rsa(&self, bits: u32, owner: Owner) -> Result<PKey<Private>, PkiError> {
        let mut keys = self.rsa.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(key) = keys.get(&(bits, owner)) {
            return Ok(key.clone());
        }
        let key = Rsa::generate(bits).and_then(PKey::from_rsa).doing("make an RSA key")?;
        keys.insert((bits, owner), key.clone());
        Ok(key)
    }
}

fn ec_p256() -> Result<PKey<Private>, ErrorStack> {
    let mut group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1)?;
    group.set_asn1_flag(openssl::ec::Asn1Flag::NAMED_CURVE);
    PKey::from_ec_key(EcKey::generate(&group)?)
}
