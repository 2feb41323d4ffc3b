//! The server's side of the login, without sockets.
//!
//! A [`LoginServer`] is the state of one login. A program finds it again by the cookie `webvpncontext` ([`context_id`]), because a login
//! may span several TLS connections (AC-HTTP-13), and asks its [`Authority`] who may enter.

mod authority;
mod group;
mod input;
mod logout;
mod options;
mod reply;
mod server;

pub use authority::{Admission, Attempt, Authority, Certificate, ClientContext, Decision, GroupInfo};
pub use logout::{LogoutRequest, context_id, logout, logout_response};
pub use options::{AnnouncedProfile, LoginOptions, Method};
pub use reply::{not_found, refuse};
pub use server::{LoginOutcome, LoginServer, Reply};
