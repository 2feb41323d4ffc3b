//! AnyConnect and OpenConnect over TLS, without sockets: HTTP, XML authentication, CONNECT, CSTP frames, timers, compression.

#![forbid(unsafe_code)]

pub mod authenticate;
pub mod compress;
pub mod connect;
pub mod defects;
pub mod download;
pub mod frame;
pub mod http;
pub mod login;
pub mod profile;
pub mod session;
pub mod xml;
