//! A web server with bodies that can be checked.

mod noise;
mod server;

pub use noise::Noise;
pub(crate) use noise::hex;
pub use server::{HttpCounters, HttpServer, MAX_BYTES};
pub(crate) use server::{SHA256_HEADER, Sunk};
