//! The reference server for the AnyConnect and OpenConnect protocol: configuration, users, TLS, logins, sessions, program.
//!
//! - [`config`]: the configuration, read and checked
//! - [`users`]: passwords, one-time codes, names from certificates
//! - [`sessions`]: cookies, addresses, life times; no sockets, time is an argument
//! - [`guard`]: bans and limits
//! - [`tls`]: what the server shows and asks in the handshake
//! - [`serve`]: sockets, logins, CONNECT, signals
//! - [`control`]: the unix socket of `status`, `stop` and `restart`
//! - [`events`]: what the server tells
//! - [`cli`], [`commands`], [`failure`]: the program
//!
//! Packets are not handled here: a connection goes to the data plane of `reference_tunnel` with its CONNECT.

#![forbid(unsafe_code)]

pub mod cli;
pub mod commands;
pub mod config;
pub mod control;
pub mod events;
pub mod failure;
pub mod guard;
pub mod serve;
pub mod sessions;
pub mod tls;
pub mod users;

pub use commands::main;
