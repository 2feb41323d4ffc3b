//! TLS connections to the gateway, over either library, all under one policy.

mod connector;
mod identity;
mod key_log;
mod openssl_client;
mod rustls_client;

pub(crate) use connector::Connector;
pub(crate) use identity::Identity;
