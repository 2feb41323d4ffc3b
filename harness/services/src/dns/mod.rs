//! A name server that answers for a small zone and lies when told to.

mod answer;
mod server;
mod state;
mod zone;

pub use server::DnsServer;
pub use state::{LoggedQuery, Override, Transport};
pub use zone::Zone;
pub(crate) use zone::normal;
