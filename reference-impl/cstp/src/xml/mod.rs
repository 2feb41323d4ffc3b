//! The XML of authentication: aggregate authentication version 2 (`config-auth`) and the plain form of version 1 (`auth`).
//!
//! [`ClientMessage`] and [`ServerMessage`] are what both sides say; each can be parsed and rendered. Documents are bounded in size, depth
//! and number of nodes, a DOCTYPE is refused, and nothing but the five predefined entities and character references is expanded. What
//! the client has to give back unchanged, [`Opaque`], is kept as the exact text of the server's document (AC-AUTH-04).

mod client;
mod form;
mod reply;
mod server;
mod server_parse;
mod tree;
mod writer;

pub use client::{AuthReply, ClientInfo, ClientMessage, Init, Logout};
pub use form::{Choice, Field, FieldKind, Form, GROUP_FIELD};
pub use reply::{answers_to_reply, is_not_sent};
pub use server::{AnnouncedFile, AuthRequest, Complete, Dialect, Opaque, ServerMessage, Sso};
pub use tree::{Element, XmlError, XmlLimits};
pub use writer::is_name;
