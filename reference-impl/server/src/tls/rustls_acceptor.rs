//! The acceptor over rustls: TLS 1.2 and 1.3.

use std::{path::Path, sync::Arc};

use rustls::{
    RootCertStore, ServerConfig, SupportedProtocolVersion,
    crypto::{CryptoProvider, aws_lc_rs},
    server::{
        ClientHello, NoServerSessionStorage, ResolvesServerCert, ServerSessionMemoryCache, WebPkiClientVerifier,
        danger::ClientCertVerifier,
    },
    sign::CertifiedKey,
};

use super::{KeyLogFile, Names, files};
use crate::{
    config::{ClientCertificate, TlsPlan, TlsVersion},
    failure::Failure,
};

/// TLS sessions that are remembered for resumption.
const REMEMBERED: usize = 4096;

pub(super) fn config(
    plan: &TlsPlan,
    crl: Option<&Path>,
    key_log: Option<&KeyLogFile>,
) -> Result<ServerConfig, Failure> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(&versions(plan))
        .map_err(|error| Failure::internal("set versions of TLS", error))?;
    let resolver = Arc::new(Resolver(certificates(plan, &provider)?));
    let mut config = builder.with_client_cert_verifier(verifier(plan, crl, &provider)?).with_cert_resolver(resolver);
    config.session_storage = match plan.client_certificate {
        // A resumed session would not look at the revocation list again.
        ClientCertificate::Required | ClientCertificate::Optional => Arc::new(NoServerSessionStorage {}),
        ClientCertificate::None => ServerSessionMemoryCache::new(REMEMBERED),
    };
    if let Some(key_log) = key_log {
        config.key_log = Arc::new(key_log.clone());
    }
    Ok(config)
}

fn versions(plan: &TlsPlan) -> Vec<&'static SupportedProtocolVersion> {
    let allowed = |version| (plan.min..=plan.max).contains(&version);
    let both = [(TlsVersion::Tls12, &rustls::version::TLS12), (TlsVersion::Tls13, &rustls::version::TLS13)];
    both.into_iter().filter(|(version, _)| allowed(*version)).map(|(_, version)| version).collect()
}

#[derive(Debug)]
struct Resolver(Names<Arc<CertifiedKey>>);

impl ResolvesServerCert for Resolver {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(self.0.find(hello.server_name())))
    }
}

fn certificates(plan: &TlsPlan, provider: &CryptoProvider) -> Result<Names<Arc<CertifiedKey>>, Failure> {
    let mut table: Option<Names<Arc<CertifiedKey>>> = None;
    for certificate in &plan.certificates {
        let chain = files::chain(&certificate.chain)?;
        let names = files::names(certificate, &chain[0]);
        let key = files::key(&certificate.key)?;
        let key = CertifiedKey::from_der(chain, key, provider).map_err(|error| {
            Failure::unreadable(
                "private key",
                &certificate.key,
                error,
                "the key has to belong to the first certificate of `chain`",
            )
        })?;
        let key = Arc::new(key);
        let table = table.get_or_insert_with(|| Names::new(Arc::clone(&key)));
        names.iter().for_each(|name| table.add(name, &key));
    }
    table.ok_or_else(|| Failure::internal("choose a certificate", "there is none"))
}

fn verifier(
    plan: &TlsPlan,
    crl: Option<&Path>,
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<dyn ClientCertVerifier>, Failure> {
    let (Some(path), ClientCertificate::Optional | ClientCertificate::Required) =
        (&plan.client_ca, plan.client_certificate)
    else {
        return Ok(WebPkiClientVerifier::no_client_auth());
    };
    let mut roots = RootCertStore::empty();
    for authority in files::authorities(path)? {
        roots.add(authority).map_err(|error| {
            Failure::unreadable("client authorities", path, error, "authorities are certificates of X.509 v3")
        })?;
    }
    let mut builder = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider));
    if let Some(crl) = crl {
        // A list says nothing about certificates of other authorities; those stay as good as without it.
        builder = builder.with_crls(files::revocation_lists(crl)?).allow_unknown_revocation_status();
    }
    if plan.client_certificate == ClientCertificate::Optional {
        builder = builder.allow_unauthenticated();
    }
    builder.build().map_err(|error| {
        let (what, path) = crl.map_or(("client authorities", path.as_path()), |crl| ("revocation list", crl));
        Failure::unreadable(what, path, error, "PEM authorities, and revocation lists of version 2 that they signed")
    })
}
