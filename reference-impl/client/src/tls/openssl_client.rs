//! TLS 1.0 to 1.3 over OpenSSL: old versions, weak suites, renegotiation.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::SystemTime;

use openssl::error::ErrorStack;
use openssl::ssl::{Ssl, SslContext, SslContextBuilder, SslMethod, SslOptions, SslVerifyMode, SslVersion};
use openssl::x509::{X509StoreContextRef, X509VerifyResult};

use super::Identity;
use super::key_log::KeyLogFile;
use super::rustls_client::Verdict;
use crate::cli::TlsVersion;
use crate::trust::Policy;

/// Makes a connection object for `host`.
pub(super) fn connection(
    versions: (TlsVersion, TlsVersion),
    host: &str,
    policy: &Arc<Policy>,
    identity: Option<&Identity>,
    key_log: Option<&Arc<KeyLogFile>>,
    verdict: &Verdict,
) -> Result<Ssl, ErrorStack> {
    let mut builder = SslContext::builder(SslMethod::tls_client())?;
    builder.set_min_proto_version(Some(number(versions.0)))?;
    builder.set_max_proto_version(Some(number(versions.1)))?;
    if versions.0 < TlsVersion::V1_2 {
        // TLS 1.0 and 1.1 sign with MD5 and SHA-1, which level 1 of OpenSSL 3 forbids. Certificates are judged by the policy.
        builder.set_security_level(0);
        builder.set_cipher_list("DEFAULT:@SECLEVEL=0")?;
    }
    builder.set_options(SslOptions::NO_COMPRESSION);
    verify(&mut builder, host, policy, verdict);
    if let Some(identity) = identity {
        builder.set_certificate(&identity.chain[0])?;
        for certificate in &identity.chain[1..] {
            builder.add_extra_chain_cert(certificate.clone())?;
        }
        builder.set_private_key(&identity.key)?;
    }
    if let Some(key_log) = key_log.cloned() {
        builder.set_keylog_callback(move |_, line| key_log.line(line));
    }
    let mut ssl = Ssl::new(&builder.build())?;
    if host.parse::<IpAddr>().is_err() {
        ssl.set_hostname(host)?;
    }
    Ok(ssl)
}

/// Puts the policy in the place of OpenSSL's own judgement.
///
/// The store is empty, so that every chain has at least one defect in OpenSSL's eyes and the callback is called while the handshake
/// waits: a refusal is told to the gateway as an alert, and no client certificate goes to a stranger.
fn verify(builder: &mut SslContextBuilder, host: &str, policy: &Arc<Policy>, verdict: &Verdict) {
    let (host, policy, verdict) = (host.to_owned(), policy.clone(), verdict.clone());
    builder.set_verify_callback(SslVerifyMode::PEER, move |_, context| {
        let chain = presented(context);
        let chain: Vec<&[u8]> = chain.iter().map(Vec::as_slice).collect();
        let result = policy.check(&chain, &host, SystemTime::now());
        let accepted = result.is_ok();
        context.set_error(if accepted { X509VerifyResult::OK } else { X509VerifyResult::APPLICATION_VERIFICATION });
        if let (Err(refusal), Ok(mut verdict)) = (result, verdict.lock()) {
            *verdict = Some(refusal);
        }
        accepted
    });
}

fn presented(context: &X509StoreContextRef) -> Vec<Vec<u8>> {
    let chain = context.chain().into_iter().flatten();
    chain.filter_map(|certificate| certificate.to_der().ok()).collect()
}

const fn number(version: TlsVersion) -> SslVersion {
    match version {
        TlsVersion::V1_0 => SslVersion::TLS1,
        TlsVersion::V1_1 => SslVersion::TLS1_1,
        TlsVersion::V1_2 => SslVersion::TLS1_2,
        TlsVersion::V1_3 => SslVersion::TLS1_3,
    }
}
