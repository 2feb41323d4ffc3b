//! From a wish to a folder of certificates.

use std::net::IpAddr;
use std::path::Path;
use std::sync::OnceLock;
use std::time::SystemTime;

use openssl::hash::MessageDigest;
use openssl::pkey::{PKey, Private};
use openssl::x509::{X509, X509Crl};

use crate::authority::Authority;
use crate::issued::Material;
use crate::keys::{KeyStore, Owner};
use crate::leaf::{Leaf, Usage};
use crate::{Date, Defect, Issued, KeyKind, PkiError};

/// The certificate that a server is to have.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServerSpec {
    /// DNS names; the first becomes the common name.
    pub names: Vec<String>,
    /// Addresses by which clients may call it.
    pub addresses: Vec<IpAddr>,
    /// What is to be wrong with it.
    pub defect: Defect,
}

/// The certificate that a client is to have. It is always sound, but it may be revoked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientSpec {
    /// Whom it names; servers take the user's name from it.
    pub common_name: String,
    /// Whether it is in the revocation list ([`Defect::RevokedClient`] puts it there as well).
    pub revoked: bool,
}

/// Makes certificates below one root and one intermediate.
pub struct Factory {
    kind: KeyKind,
    now: Date,
    keys: KeyStore,
    root: Authority,
    intermediate: Authority,
    /// Signs with SHA-1: below the same root, but always RSA, as such certificates are found in the field.
    old_intermediate: OnceLock<Authority>,
}

impl Factory {
    /// Makes the root and the intermediate, valid around the present.
    pub fn new(kind: KeyKind) -> Result<Self, PkiError> {
        Self::at(kind, SystemTime::now())
    }

    /// Makes the root and the intermediate, valid around `now`.
    pub fn at(kind: KeyKind, now: SystemTime) -> Result<Self, PkiError> {
        let (now, keys) = (Date::from(now), KeyStore::default());
        let root = Authority::root("vpn-interop root", authority_key(kind)?, now)?;
        let intermediate = root.intermediate("vpn-interop intermediate", authority_key(kind)?, now)?;
        Ok(Self { kind, now, keys, root, intermediate, old_intermediate: OnceLock::new() })
    }

    /// Issues a server's and a client's certificate and writes everything that belongs to them into `folder`, which
    /// is made if need be; files of an earlier call are replaced.
    pub fn issue(&self, server: &ServerSpec, client: &ClientSpec, folder: &Path) -> Result<Issued, PkiError> {
        let issuer = self.issuer(server.defect)?;
        let server_key = match server.defect {
            Defect::Rsa1024 => self.keys.rsa(1024, Owner::Server)?,
            Defect::Sha1 => self.keys.rsa(2048, Owner::Server)?,
            _ => self.keys.key(self.kind, Owner::Server)?,
        };
        let server_chain = self.server_chain(server, &server_key, issuer)?;
        let client_key = self.keys.key(self.kind, Owner::Client)?;
        let client_leaf = self.client_leaf(client, &client_key, issuer)?;

        let mut revoked = Vec::new();
        if server.defect == Defect::RevokedServer
            && let Some(leaf) = server_chain.first()
        {
            revoked.push(leaf.serial_number());
        }
        if client.revoked || server.defect == Defect::RevokedClient {
            revoked.push(client_leaf.serial_number());
        }
        let crls: Vec<X509Crl> = vec![self.root.crl(&[], self.now)?, issuer.crl(&revoked, self.now)?];
        Material {
            anchor: &self.root.cert,
            issuer: &issuer.cert,
            server_chain: &server_chain,
            server_key: &server_key,
            client_leaf: &client_leaf,
            client_key: &client_key,
            crls: &crls,
        }
        .write(folder, server.defect)
    }

    /// The authority that signs the leaves of a cell.
    fn issuer(&self, defect: Defect) -> Result<&Authority, PkiError> {
        if defect != Defect::Sha1 || self.kind == KeyKind::Rsa2048 {
            return Ok(&self.intermediate);
        }
        if let Some(old) = self.old_intermediate.get() {
            return Ok(old);
        }
        let key = self.keys.rsa(2048, Owner::Authority)?;
        let old = self.root.intermediate("vpn-interop old intermediate", key, self.now)?;
        Ok(self.old_intermediate.get_or_init(|| old))
    }

    /// The chain as the server sends it.
    fn server_chain(&self, spec: &ServerSpec, key: &PKey<Private>, issuer: &Authority) -> Result<Vec<X509>, PkiError> {
        let wrong_name = ["elsewhere.example".to_owned()];
        let (names, addresses) = match spec.defect {
            Defect::WrongName => (wrong_name.as_slice(), [].as_slice()),
            _ => (spec.names.as_slice(), spec.addresses.as_slice()),
        };
        let first_address = addresses.first().map(IpAddr::to_string);
        let common_name = names.first().map(String::as_str).or(first_address.as_deref()).ok_or(PkiError::Nameless)?;
        let (from, until) = match spec.defect {
            Defect::Expired => (self.now.plus_days(-395), self.now.plus_days(-30)),
            Defect::NotYetValid => (self.now.plus_days(30), self.now.plus_days(730)),
            _ => self.usual_validity(),
        };
        let leaf = |issuer: Option<&Authority>| {
            Leaf {
                common_name,
                names,
                addresses,
                from,
                until,
                usage: if spec.defect == Defect::WrongEku { Usage::Client } else { Usage::Server },
                digest: if spec.defect == Defect::Sha1 { MessageDigest::sha1() } else { MessageDigest::sha256() },
                key,
                issuer,
            }
            .sign()
        };
        Ok(match spec.defect {
            Defect::SelfSigned => vec![leaf(None)?],
            Defect::MissingIntermediate => vec![leaf(Some(issuer))?],
            Defect::WrongOrder => vec![leaf(Some(issuer))?, self.root.cert.clone(), issuer.cert.clone()],
            Defect::UntrustedRoot => {
                let root = Authority::root("stranger root", authority_key(self.kind)?, self.now)?;
                let between = root.intermediate("stranger intermediate", authority_key(self.kind)?, self.now)?;
                vec![leaf(Some(&between))?, between.cert]
            }
            _ => vec![leaf(Some(issuer))?, issuer.cert.clone()],
        })
    }

    fn client_leaf(&self, spec: &ClientSpec, key: &PKey<Private>, issuer: &Authority) -> Result<X509, PkiError> {
        let (from, until) = self.usual_validity();
        Leaf {
            common_name: &spec.common_name,
            names: &[],
            addresses: &[],
            from,
            until,
            usage: Usage::Client,
            digest: MessageDigest::sha256(),
            key,
            issuer: Some(issuer),
        }
        .sign()
    }

    /// From yesterday, because clocks differ, for two years.
    fn usual_validity(&self) -> (Date, Date) {
        (self.now.plus_days(-1), self.now.plus_days(730))
    }
}

/// A key of its own for each authority: a shared one would make each the other's issuer.
fn authority_key(kind: KeyKind) -> Result<PKey<Private>, PkiError> {
    KeyStore::default().key(kind, Owner::Authority)
}
