//! The acceptor over OpenSSL: TLS 1.0 to 1.3, cipher strings, renegotiation.

use std::path::Path;

use openssl::{
    error::ErrorStack,
    pkey::PKey,
    ssl::{
        NameType, SniError, Ssl, SslContext, SslContextBuilder, SslFiletype, SslMethod, SslOptions,
        SslSessionCacheMode, SslVerifyMode, SslVersion,
    },
    stack::Stack,
    x509::{X509, X509Name, X509VerifyResult, store::X509Lookup, verify::X509VerifyFlags},
};
use reference_tunnel::tls::{Role, TlsChannel, TlsError};

use super::{KeyLogFile, Names, files};
use crate::{
    config::{CertificateFiles, ClientCertificate, TlsPlan, TlsVersion},
    failure::{Exit, Failure},
};

/// Verdicts of OpenSSL that say that the list is not about this certificate or is old; neither means "revoked".
const CRL_SAYS_NOTHING: [i32; 2] = [3, 12];

/// One context for each certificate; the default one accepts and changes to another by the server name.
pub(super) struct OpensslAcceptor {
    default: SslContext,
}

impl OpensslAcceptor {
    pub(super) fn new(plan: &TlsPlan, crl: Option<&Path>, key_log: Option<&KeyLogFile>) -> Result<Self, Failure> {
        let Some((first, others)) = plan.certificates.split_first() else {
            return Err(Failure::internal("choose a certificate", "there is none"));
        };
        let (mut default, own_names) = context(plan, first, crl, key_log)?;
        let mut names: Names<Option<SslContext>> = Names::new(None);
        own_names.iter().for_each(|name| names.add(name, &None));
        for certificate in others {
            let (builder, own_names) = context(plan, certificate, crl, key_log)?;
            let context = Some(builder.build());
            own_names.iter().for_each(|name| names.add(name, &context));
        }
        default.set_servername_callback(move |ssl, _alert| {
            let found = names.find(ssl.servername(NameType::HOST_NAME)).clone();
            match found.map(|context| ssl.set_ssl_context(&context)) {
                Some(Err(_)) => Err(SniError::ALERT_FATAL),
                _ => Ok(()),
            }
        });
        Ok(Self { default: default.build() })
    }

    pub(super) fn channel(&self) -> Result<TlsChannel, TlsError> {
        TlsChannel::from_openssl(Ssl::new(&self.default)?, Role::Server)
    }
}

fn broken(error: ErrorStack) -> Failure {
    Failure::internal("prepare TLS", error)
}

fn context(
    plan: &TlsPlan,
    certificate: &CertificateFiles,
    crl: Option<&Path>,
    key_log: Option<&KeyLogFile>,
) -> Result<(SslContextBuilder, Vec<String>), Failure> {
    let mut builder = SslContext::builder(SslMethod::tls_server()).map_err(broken)?;
    versions_and_ciphers(&mut builder, plan)?;
    let names = own_certificate(&mut builder, certificate)?;
    builder
        .set_options(SslOptions::NO_COMPRESSION | SslOptions::CIPHER_SERVER_PREFERENCE | SslOptions::SINGLE_ECDH_USE);
    builder.set_session_id_context(b"vpn-ref-server").map_err(broken)?;
    if let Some(key_log) = key_log.cloned() {
        builder.set_keylog_callback(move |_, line| key_log.line(line));
    }
    if plan.client_certificate != ClientCertificate::None {
        // A resumed session would not look at the revocation list again.
        builder.set_session_cache_mode(SslSessionCacheMode::OFF);
        builder.set_options(SslOptions::NO_TICKET);
        let path = plan.client_ca.as_deref().ok_or_else(|| Failure::internal("verify clients", "no authorities"))?;
        client_certificates(&mut builder, plan, path, crl)?;
    }
    Ok((builder, names))
}

fn versions_and_ciphers(builder: &mut SslContextBuilder, plan: &TlsPlan) -> Result<(), Failure> {
    let version = |version| match version {
        TlsVersion::Tls10 => SslVersion::TLS1,
        TlsVersion::Tls11 => SslVersion::TLS1_1,
        TlsVersion::Tls12 => SslVersion::TLS1_2,
        TlsVersion::Tls13 => SslVersion::TLS1_3,
    };
    builder.set_min_proto_version(Some(version(plan.min))).map_err(broken)?;
    builder.set_max_proto_version(Some(version(plan.max))).map_err(broken)?;
    let old = plan.min < TlsVersion::Tls12;
    let mut ciphers = plan.ciphers.clone().unwrap_or_else(|| "DEFAULT".to_owned());
    // TLS 1.0 and 1.1 sign with SHA-1, which level 1 refuses.
    if old && !ciphers.contains("@SECLEVEL") {
        ciphers.push_str(":@SECLEVEL=0");
    }
    builder.set_cipher_list(&ciphers).map_err(|error| {
        let hint = "`openssl ciphers STRING` shows what a string means";
        Failure::new(Exit::Config, format!("use the cipher string `{ciphers}`: {error}"), hint)
    })
}

fn own_certificate(builder: &mut SslContextBuilder, certificate: &CertificateFiles) -> Result<Vec<String>, Failure> {
    let chain = files::chain(&certificate.chain)?;
    let unusable =
        |error: ErrorStack| Failure::unreadable("certificate chain", &certificate.chain, error, "PEM, leaf first");
    for (index, der) in chain.iter().enumerate() {
        let parsed = X509::from_der(der).map_err(unusable)?;
        match index {
            0 => builder.set_certificate(&parsed).map_err(unusable)?,
            _ => builder.add_extra_chain_cert(parsed).map_err(unusable)?,
        }
    }
    let hint = "an unencrypted private key in PEM that belongs to the first certificate of `chain`";
    let unusable = |error: ErrorStack| Failure::unreadable("private key", &certificate.key, error, hint);
    let pem = files::read("private key", &certificate.key)?;
    let key = PKey::private_key_from_pem_callback(&pem, |_| Ok(0)).map_err(unusable)?;
    builder.set_private_key(&key).map_err(unusable)?;
    builder.check_private_key().map_err(unusable)?;
    Ok(files::names(certificate, &chain[0]))
}

fn client_certificates(
    builder: &mut SslContextBuilder,
    plan: &TlsPlan,
    path: &Path,
    crl: Option<&Path>,
) -> Result<(), Failure> {
    let unusable = |error: ErrorStack| Failure::unreadable("client authorities", path, error, "certificates in PEM");
    // AC-TLS-12: the names of the authorities go into the CertificateRequest.
    let mut subjects = Stack::<X509Name>::new().map_err(broken)?;
    for authority in files::authorities(path)? {
        let authority = X509::from_der(&authority).map_err(unusable)?;
        let name = authority.subject_name().to_der().and_then(|der| X509Name::from_der(&der)).map_err(unusable)?;
        subjects.push(name).map_err(broken)?;
        builder.cert_store_mut().add_cert(authority).map_err(unusable)?;
    }
    builder.set_client_ca_list(subjects);
    if let Some(crl) = crl {
        let bytes = files::read("revocation list", crl)?;
        let kind = if files::is_pem(&bytes) { SslFiletype::PEM } else { SslFiletype::ASN1 };
        let store = builder.cert_store_mut();
        let lookup = store.add_lookup(X509Lookup::file()).map_err(broken)?;
        lookup.load_crl_file(crl, kind).map_err(|error| {
            Failure::unreadable("revocation list", crl, error, "one or more revocation lists in PEM, or one in DER")
        })?;
        store.set_flags(X509VerifyFlags::CRL_CHECK | X509VerifyFlags::CRL_CHECK_ALL).map_err(broken)?;
    }
    let mode = match plan.client_certificate {
        ClientCertificate::Required => SslVerifyMode::PEER | SslVerifyMode::FAIL_IF_NO_PEER_CERT,
        _ => SslVerifyMode::PEER,
    };
    builder.set_verify_callback(mode, |accepted, context| {
        if !accepted && CRL_SAYS_NOTHING.contains(&context.error().as_raw()) {
            context.set_error(X509VerifyResult::OK);
            return true;
        }
        accepted
    });
    Ok(())
}
