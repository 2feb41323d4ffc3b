//! Profiles: how the reference behaves as one or another product, read from YAML files.
//!
//! A profile is data: `profiles/client/*.yaml` and `profiles/server/*.yaml`, which are embedded. What all clients have in common is no
//! field: certificates, for instance, are judged alike, as strictly as by the strictest client that is emulated.

mod client;
mod header;
mod server;

pub use client::{AcceptedMtu, ClientDtls, ClientProfile, DtlsMtuPlan, Schedule};
pub use header::HeaderLine;
pub use server::{AuthFailure, DnsIp6Header, DtlsMtuHeader, DtlsRekeyHeader, ServerDtls, ServerProfile};

/// Finds an embedded profile by its id; the tests read every one of them.
fn named<T: serde::de::DeserializeOwned>(embedded: &[(&str, &str)], id: &str) -> Option<T> {
    let (_, text) = embedded.iter().find(|(name, _)| *name == id)?;
    read(text).ok()
}

fn read<T: serde::de::DeserializeOwned>(text: &str) -> Result<T, serde_saphyr::Error> {
    serde_saphyr::from_str(text)
}
