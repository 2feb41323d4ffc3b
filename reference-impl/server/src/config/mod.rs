//! The configuration: YAML as written, and the plan that is made of it.
//!
//! The text is read into types that refuse unknown fields (`raw`), then checked and resolved (`check`) into a [`Config`] that
//! cannot express nonsense: paths are absolute to the file, groups have inherited what they leave open, pools do not overlap.
//! A mistake names file, line and column and says what to do.

mod check;
mod model;
mod raw;
mod read;
mod seconds;

pub use model::{
    Auth, Backend, CertificateFiles, ClientCertificate, ClientProfileFile, Config, DtlsPlan, Group, Limits, Listen,
    Methods, Network, Pool, Push, RekeyPlan, SessionPlan, TlsPlan, TlsVersion, UsernameFrom,
};
pub use read::{load, parse};
