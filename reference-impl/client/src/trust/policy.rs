//! The judgement over a presented chain.

use std::sync::Mutex;
use std::time::SystemTime;

use openssl::error::ErrorStack;
use openssl::stack::Stack;
use openssl::x509::{X509, X509StoreContext};
use reference_cstp::defects::{Defects, Mutant};
use rustls::client::verify_server_name;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::server::ParsedCertificate;

use super::certificate::{begun, for_servers, lasts, parse, spki_sha256, strong};
use super::{Anchors, Defect, Pin, Refusal, TrustMode};

/// Longest chain that is looked at.
const MOST: usize = 16;

/// What the client trusts. The same policy judges every TLS session of a run.
pub(crate) struct Policy {
    mode: TrustMode,
    anchors: Anchors,
    defects: Defects,
    /// Keys that the user accepted in this run.
    accepted: Mutex<Vec<Pin>>,
}

impl Policy {
    pub(crate) fn new(mode: TrustMode, anchors: Anchors, defects: Defects) -> Self {
        Self { mode, anchors, defects, accepted: Mutex::default() }
    }

    /// Whether a refusal is put to the user.
    pub(crate) fn asks(&self) -> bool {
        self.mode == TrustMode::Ask
    }

    /// Trusts a key for the rest of the run.
    pub(crate) fn accept(&self, pin: Pin) {
        if let Ok(mut accepted) = self.accepted.lock() {
            accepted.push(pin);
        }
    }

    /// Judges a chain (leaf first, DER) that was shown for `host` at `now`.
    pub(crate) fn check(&self, chain: &[&[u8]], host: &str, now: SystemTime) -> Result<(), Refusal> {
        let leaf = *chain.first().ok_or_else(|| Refusal::new(Defect::Unreadable, "no certificate"))?;
        let pin = spki_sha256(leaf);
        if let TrustMode::Pin(wanted) = self.mode {
            let shown = pin.ok_or_else(|| Refusal::new(Defect::Unreadable, "not a certificate"))?;
            return if shown == wanted {
                Ok(())
            } else {
                Err(Refusal { defect: Defect::WrongPin, detail: format!("shown {shown}"), pin: Some(shown) })
            };
        }
        if pin.is_some_and(|pin| self.accepted.lock().is_ok_and(|accepted| accepted.contains(&pin))) {
            return Ok(());
        }
        self.strict(chain, host, now).map_err(|refusal| Refusal { pin, ..refusal })
    }

    fn strict(&self, chain: &[&[u8]], host: &str, now: SystemTime) -> Result<(), Refusal> {
        let chain = &chain[..chain.len().min(MOST)];
        let certificates = chain.iter().map(|der| parse(der)).collect::<Result<Vec<X509>, _>>()?;
        let expired_is_fine = self.defects.has(Mutant::AcceptsExpiredChain);
        for_servers(chain[0])?;
        let (path, verdict) = self.build(&certificates)?;
        // The path begins with the leaf and holds what was found up to the anchor; the anchor itself is trusted as it is.
        let judged = if verdict.is_ok() && path.len() > 1 { &path[..path.len() - 1] } else { &path[..] };
        for certificate in judged {
            begun(certificate, now)?;
            if !expired_is_fine {
                lasts(certificate, now)?;
            }
            strong(certificate)?;
        }
        match verdict {
            Err(refusal) if is_authority(refusal.defect) && self.defects.has(Mutant::AcceptsAnyAuthority) => {}
            verdict => verdict?,
        }
        if self.defects.has(Mutant::AcceptsWrongName) {
            return Ok(());
        }
        names(chain[0], host)
    }

    /// Builds the path from the leaf to an anchor as far as it goes, and says what is wrong with it.
    fn build(&self, certificates: &[X509]) -> Result<(Vec<X509>, Result<(), Refusal>), Refusal> {
        let built = || -> Result<_, ErrorStack> {
            let mut others = Stack::new()?;
            for certificate in &certificates[1..] {
                others.push(certificate.clone())?;
            }
            let mut context = X509StoreContext::new()?;
            context.init(&self.anchors.store, &certificates[0], &others, |context| {
                let good = context.verify_cert()?;
                let path: Vec<X509> =
                    context.chain().map(|chain| chain.iter().map(|one| one.to_owned()).collect()).unwrap_or_default();
                Ok((path, good, context.error().as_raw(), context.error_depth(), context.error().error_string()))
            })
        };
        let (mut path, good, code, depth, words) =
            built().map_err(|_| Refusal::new(Defect::Unreadable, "the chain cannot be followed"))?;
        if path.is_empty() {
            path.push(certificates[0].clone());
        }
        let verdict =
            if good { Ok(()) } else { Err(Refusal::new(classify(code, depth), format!("{words}, depth {depth}"))) };
        Ok((path, verdict))
    }
}

/// Numbers of `X509_V_ERR_*` in OpenSSL's `x509_vfy.h`.
const fn classify(code: i32, depth: u32) -> Defect {
    match code {
        18 => Defect::SelfSigned,
        // Without its issuer the leaf tells nothing about who is behind it.
        2 | 20 | 21 if depth == 0 => Defect::MissingIntermediate,
        3 | 33 | 44 => Defect::RevocationUnknown,
        23 => Defect::Revoked,
        26 => Defect::WrongExtendedKeyUsage,
        _ => Defect::UnknownAuthority,
    }
}

const fn is_authority(defect: Defect) -> bool {
    matches!(defect, Defect::UnknownAuthority | Defect::MissingIntermediate | Defect::SelfSigned)
}

/// Refuses a leaf that does not name the host. The common name does not count.
fn names(leaf: &[u8], host: &str) -> Result<(), Refusal> {
    let wrong = || Refusal::new(Defect::WrongName, format!("it is not for {host}"));
    let leaf = CertificateDer::from(leaf);
    let parsed = ParsedCertificate::try_from(&leaf).map_err(|_| Refusal::new(Defect::Unreadable, "not version 3"))?;
    let name = ServerName::try_from(host).map_err(|_| wrong())?;
    verify_server_name(&parsed, &name).map_err(|_| wrong())
}

#[cfg(test)]
#[path = "policy_tests.rs"]
mod tests;
