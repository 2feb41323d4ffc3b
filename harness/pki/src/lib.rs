//! Certificates of the lab: a root, an intermediate and leaves, with exactly one chosen [`Defect`].
//!
//! [`Factory::issue`] writes everything that a server, a client and a revocation check need into one folder and
//! returns where it is ([`Issued`]). [`prove`] looks at a chain as it was presented on the wire and says in words
//! whether a defect is really in it: that is how a certificate fault proves that it bit (design section 5).
//!
//! Keys and certificates are random on purpose: they are worthless outside of the cell that made them, and no check
//! depends on their bytes.
#![forbid(unsafe_code)]

mod authority;
mod date;
mod defect;
mod describe;
mod error;
mod factory;
mod issued;
mod keys;
mod leaf;
mod prove;
mod relation;

pub use date::Date;
pub use defect::{Defect, Reaction, UnknownDefect};
pub use describe::{CertInfo, describe, pem_from_der};
pub use error::PkiError;
pub use factory::{ClientSpec, Factory, ServerSpec};
pub use issued::Issued;
pub use keys::KeyKind;
pub use prove::{Presented, prove};
