//! The words for what is wrong with a certificate: stable, since people and programs look for them.

use std::fmt;

use super::Pin;

/// What is wrong with the certificate of a gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Defect {
    /// The validity is over.
    Expired,
    /// The validity has not begun.
    NotYetValid,
    /// The certificate names another host.
    WrongName,
    /// The chain is complete and ends at an authority that is not trusted.
    UnknownAuthority,
    /// The issuer of the certificate was not sent, and no trusted authority issued it.
    MissingIntermediate,
    /// The certificate vouches for itself.
    SelfSigned,
    /// The certificate is in the revocation list.
    Revoked,
    /// There is a revocation list, but none of this issuer.
    RevocationUnknown,
    /// The certificate is not one for TLS servers.
    WrongExtendedKeyUsage,
    /// The key may not be used for a TLS handshake.
    WrongKeyUsage,
    /// A key on the way is too short.
    WeakKey,
    /// A signature on the way uses a broken hash.
    WeakSignature,
    /// The key is not the pinned one.
    WrongPin,
    /// There is no certificate, or it cannot be read.
    Unreadable,
}

impl Defect {
    /// The stable words.
    pub(crate) const fn words(self) -> &'static str {
        match self {
            Self::Expired => "expired",
            Self::NotYetValid => "not yet valid",
            Self::WrongName => "wrong name",
            Self::UnknownAuthority => "unknown authority",
            Self::MissingIntermediate => "missing intermediate or unknown authority",
            Self::SelfSigned => "self-signed",
            Self::Revoked => "revoked",
            Self::RevocationUnknown => "revocation status unknown",
            Self::WrongExtendedKeyUsage => "wrong extended key usage",
            Self::WrongKeyUsage => "wrong key usage",
            Self::WeakKey => "weak key",
            Self::WeakSignature => "weak signature",
            Self::WrongPin => "wrong pin",
            Self::Unreadable => "unreadable",
        }
    }
}

/// A certificate that was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    /// What is wrong.
    pub(crate) defect: Defect,
    /// Which value is wrong; may be empty.
    pub(crate) detail: String,
    /// The key that was shown, when there was one.
    pub(crate) pin: Option<Pin>,
}

impl Refusal {
    pub(crate) fn new(defect: Defect, detail: impl Into<String>) -> Self {
        Self { defect, detail: detail.into(), pin: None }
    }

    /// What the user can do about it.
    pub(crate) fn hint(&self) -> String {
        let advice = match self.defect {
            Defect::Expired | Defect::NotYetValid => {
                "check the clocks of both sides; the gateway needs a new certificate"
            }
            Defect::WrongName => "use the name that is in the certificate",
            Defect::UnknownAuthority | Defect::SelfSigned => "give the authority with --ca-file",
            Defect::MissingIntermediate => {
                "the gateway has to send its intermediate certificates; or give the authority with --ca-file"
            }
            Defect::Revoked => "do not connect; the gateway needs a new certificate",
            Defect::RevocationUnknown => "give --crl the list of the certificate's issuer, too",
            Defect::WrongExtendedKeyUsage | Defect::WrongKeyUsage => {
                "the gateway needs a certificate for TLS servers (extended key usage serverAuth)"
            }
            Defect::WeakKey | Defect::WeakSignature => {
                "the gateway needs a certificate with at least RSA 2048 and SHA-256"
            }
            Defect::WrongPin => "the gateway has a new key: ask its administrator before you change the pin",
            Defect::Unreadable => "this is not a gateway, or its certificate is damaged",
        };
        match &self.pin {
            Some(pin) if !matches!(self.defect, Defect::Revoked | Defect::Unreadable) => {
                format!("{advice}; to trust just this key: --trust {pin}")
            }
            _ => advice.to_owned(),
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.defect.words())?;
        if !self.detail.is_empty() {
            write!(f, " ({})", self.detail)?;
        }
        Ok(())
    }
}

impl std::error::Error for Refusal {}
