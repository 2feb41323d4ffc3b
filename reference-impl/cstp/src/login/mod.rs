//! The client's side of the login, without sockets.
//!
//! A program makes a [`LoginClient`], asks it with [`LoginClient::next`] what to do, does that, and reports with
//! [`LoginClient::on_response`], [`LoginClient::answer`] or [`LoginClient::on_transport_error`]. The dialogue begins with an XML `init`
//! (AC-HTTP-01, AC-AUTH-01), falls back to plain forms when XML is refused (AC-AUTH-03), and ends with the cookie for CONNECT
//! (AC-AUTH-20).

mod answers;
mod client;
mod error;
mod outcome;
mod request;
mod response;
mod stage;

pub use client::{LoginAction, LoginClient, Notice};
pub use error::LoginError;
pub use outcome::{Credentials, LoginResult, OtpSource};
pub(crate) use request::get_request;
pub use request::logout_request;
pub use stage::Stage;
