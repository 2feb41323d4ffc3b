//! Profiles: how the reference behaves as one or another product, read from YAML files.
//!
//! A profile is data. The embedded ones lie in `profiles/client` and `profiles/server`; a user's own file has the same form.

mod client;
mod header;
mod server;

pub use client::{AcceptedMtu, ClientDtls, ClientProfile, DtlsMtuPlan, Schedule};
pub use header::HeaderLine;
pub use server::{AuthFailure, DnsIp6Header, DtlsMtuHeader, DtlsRekeyHeader, ServerDtls, ServerProfile};

/// A profile file that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the profile cannot be read: {0}")]
pub struct ProfileError(
    /// What is wrong and where, as the YAML reader says it.
    pub String,
);

fn read<T: serde::de::DeserializeOwned>(text: &str) -> Result<T, ProfileError> {
    serde_saphyr::from_str(text).map_err(|error| ProfileError(error.to_string()))
}
