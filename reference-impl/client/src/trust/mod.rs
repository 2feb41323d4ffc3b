//! Whether the gateway is the one that the user means: chain, validity, name, use, strength, revocation, pins.
//!
//! One judgement serves every TLS backend and every TLS session of a run (AC-TLS-06, AC-TLS-19), so that a defect has one
//! name however the connection was made.

mod certificate;
mod pin;
mod policy;
mod refusal;
mod roots;
#[cfg(test)]
pub(crate) mod test_pki;

pub(crate) use certificate::spki_sha256;
pub(crate) use pin::{Pin, TrustMode};
pub(crate) use policy::Policy;
pub(crate) use refusal::{Defect, Refusal};
pub(crate) use roots::Anchors;
