//! Leaves: what a server or a client shows.

use std::net::IpAddr;

use openssl::error::ErrorStack;
use openssl::hash::MessageDigest;
use openssl::pkey::{Id, PKey, Private};
use openssl::x509::X509;
use openssl::x509::extension::{BasicConstraints, ExtendedKeyUsage, KeyUsage, SubjectAlternativeName};

use crate::authority::{Authority, start};
use crate::error::Doing as _;
use crate::{Date, PkiError};

/// Which side a leaf authenticates.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Usage {
    Server,
    Client,
}

/// Everything that distinguishes one leaf from another.
pub(crate) struct Leaf<'a> {
    pub(crate) common_name: &'a str,
    pub(crate) names: &'a [String],
    pub(crate) addresses: &'a [IpAddr],
    pub(crate) from: Date,
    pub(crate) until: Date,
    pub(crate) usage: Usage,
    pub(crate) digest: MessageDigest,
    pub(crate) key: &'a PKey<Private>,
    /// `None`: signed by itself.
    pub(crate) issuer: Option<&'a Authority>,
}

impl Leaf<'_> {
    /// Signs the leaf.
    pub(crate) fn sign(&self) -> Result<X509, PkiError> {
        self.build().doing("make a leaf certificate")
    }

    fn build(&self) -> Result<X509, ErrorStack> {
        let mut builder = start(self.common_name, self.key, self.issuer, self.from, self.until)?;
        builder.append_extension(BasicConstraints::new().critical().build()?)?;
        let mut usage = KeyUsage::new();
        usage.critical().digital_signature();
        if self.key.id() == Id::RSA {
            usage.key_encipherment();
        }
        builder.append_extension(usage.build()?)?;
        let mut extended = ExtendedKeyUsage::new();
        match self.usage {
            Usage::Server => extended.server_auth(),
            Usage::Client => extended.client_auth(),
        };
        builder.append_extension(extended.build()?)?;
        if !(self.names.is_empty() && self.addresses.is_empty()) {
            let mut alternatives = SubjectAlternativeName::new();
            for name in self.names {
                alternatives.dns(name);
            }
            for address in self.addresses {
                alternatives.ip(&address.to_string());
            }
            let extension = alternatives.build(&builder.x509v3_context(None, None))?;
            builder.append_extension(extension)?;
        }
        builder.sign(self.issuer.map_or(self.key, |issuer| &issuer.key), self.digest)?;
        Ok(builder.build())
    }
}
