//! TLS of the server: certificates by name, client certificates, revocation, versions, key log; over rustls and over OpenSSL.

mod acceptor;
mod files;
mod key_log;
mod names;
mod openssl_acceptor;
mod rejection;
mod rustls_acceptor;

pub use acceptor::Acceptor;
pub use key_log::KeyLogFile;
pub use names::Names;
pub use rejection::{Rejection, rejection};
