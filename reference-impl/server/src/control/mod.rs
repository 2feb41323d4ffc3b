//! The control socket: a unix socket with mode 0600 that takes one word and answers with one line of JSON.

mod client;
mod server;
mod status;

pub use client::{restart, status, stop};
pub use server::{Ask, ControlSocket, Question};
pub use status::{SessionStatus, Status};
