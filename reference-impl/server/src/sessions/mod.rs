//! Sessions without sockets: addresses, cookies, and how long each lives. Time is an argument.

mod cookie;
mod pool;
mod registry;

pub use cookie::Cookie;
pub use pool::{AddressPool, Lease};
pub use registry::{Connected, Ended, Expired, Refusal, Registry, RegistryLimits, Session, SessionState};
