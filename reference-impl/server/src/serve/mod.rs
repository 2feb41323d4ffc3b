//! The running server.
//!
//! ```text
//! accept --> connection --> login, files     until CONNECT, with limits of time and size
//!                      \--> connect --> data plane
//! data plane --> news --> registry, events
//! signals, control socket --> run
//! ```

mod accept;
mod authority;
mod connect;
mod connection;
mod dtls;
mod files;
mod login;
mod logins;
mod materials;
mod network;
mod news;
mod reload;
mod run;
mod shared;
mod sockets;
mod status;

pub use materials::Materials;
pub use run::run;
pub use sockets::Sockets;
