//! The life of a tunnel: from the first CONNECT through losses, reconnects and rekeys to its end.

mod config;
mod news;
mod reconnect;
mod run;

pub(crate) use run::Session;
