//! One acceptor for both libraries.

use std::sync::Arc;

use reference_cstp::{
    defects::{Defects, Mutant},
    download::sha1_hex,
};
use reference_tunnel::tls::{TlsChannel, TlsError};

use super::{KeyLogFile, Names, files, openssl_acceptor::OpensslAcceptor, rustls_acceptor};
use crate::{
    config::{Backend, TlsPlan},
    failure::Failure,
};

/// Makes the server's end of TLS connections. Files are read once, when it is made.
#[derive(Clone)]
pub struct Acceptor {
    kind: Kind,
    /// SHA-1 of each certificate, which the login tells the client.
    fingerprints: Arc<Names<String>>,
    warnings: Arc<[String]>,
}

#[derive(Clone)]
enum Kind {
    Rustls(Arc<rustls::ServerConfig>),
    Openssl(Arc<OpensslAcceptor>),
}

impl Acceptor {
    /// Reads certificates, keys, authorities and the revocation list.
    ///
    /// # Errors
    ///
    /// Status 66 for a file that cannot be read or does not fit, 65 for a cipher string that OpenSSL refuses.
    pub fn load(plan: &TlsPlan, key_log: Option<&KeyLogFile>, defects: Defects) -> Result<Self, Failure> {
        let crl = plan.crl.as_deref().filter(|_| !defects.has(Mutant::IgnoresCrl));
        let kind = match plan.backend {
            Backend::Rustls => Kind::Rustls(Arc::new(rustls_acceptor::config(plan, crl, key_log)?)),
            Backend::Openssl => Kind::Openssl(Arc::new(OpensslAcceptor::new(plan, crl, key_log)?)),
        };
        let mut fingerprints: Option<Names<String>> = None;
        for certificate in &plan.certificates {
            let chain = files::chain(&certificate.chain)?;
            let fingerprint = sha1_hex(&chain[0]);
            let table = fingerprints.get_or_insert_with(|| Names::new(fingerprint.clone()));
            files::names(certificate, &chain[0]).iter().for_each(|name| table.add(name, &fingerprint));
        }
        let fingerprints = Arc::new(fingerprints.unwrap_or_else(|| Names::new(String::new())));
        let warnings = crl.map_or(Ok(Vec::new()), files::outdated_lists)?;
        Ok(Self { kind, fingerprints, warnings: warnings.into() })
    }

    /// Returns what an operator should know about files that are used all the same, such as a revocation list that is outdated.
    #[must_use]
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// Returns the SHA-1 of the certificate that is shown for a server name, in hexadecimal digits.
    #[must_use]
    pub fn fingerprint(&self, sni: Option<&str>) -> String {
        self.fingerprints.find(sni).clone()
    }

    /// Makes the channel of a new connection.
    ///
    /// # Errors
    ///
    /// When the library refuses to begin.
    pub fn channel(&self) -> Result<TlsChannel, TlsError> {
        match &self.kind {
            Kind::Rustls(config) => {
                Ok(TlsChannel::from_rustls_server(rustls::ServerConnection::new(Arc::clone(config))?))
            }
            Kind::Openssl(acceptor) => acceptor.channel(),
        }
    }
}
