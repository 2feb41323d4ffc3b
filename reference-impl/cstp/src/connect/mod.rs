//! The CONNECT exchange: which headers a client sends, what a server answers, and which DTLS and which sizes follow from both.

mod error;
mod mtu;
mod plan;
mod reply;
mod reply_parse;
mod reply_render;
mod request;
mod suite;
mod value;

pub use error::ConnectError;
pub use mtu::{Cipher, OuterIp, base_mtu_of_path, data_mtu, link_mtu, request_mtu, stream_mtu};
pub use plan::{DtlsPlan, NoDtls};
pub use reply::{AnyconnectOnly, ConnectReply, DtlsReply, InnerAddress};
pub use request::{AddressTypes, ConnectRequest, TARGET};
pub use suite::{Choice, Family, PSK_LABEL, PSK_LENGTH, Suite, UnknownFamily, negotiate};
pub use value::Elided;
