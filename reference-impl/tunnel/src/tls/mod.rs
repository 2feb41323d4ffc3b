//! TLS channels without sockets, over rustls and over OpenSSL, and a small asynchronous shell for the control phase.
//!
//! CSTP needs to know the borders of TLS records: one packet is one record (AC-CSTP-01). A [`TlsChannel`] therefore
//! cuts the byte stream into records itself and gives its library one at a time; what comes out belongs to that record.
//! In the other direction [`TlsChannel::write_record`] makes one record of application data from what it is given.
//!
//! Both libraries are here because neither suffices: rustls is the default, OpenSSL knows TLS 1.0 and 1.1 and the
//! renegotiation that the rekey method `ssl` means with TLS 1.2 (AC-RKY-01).

mod channel;
mod control;
mod error;
mod openssl_side;
mod record;
mod rustls_side;

pub use channel::TlsChannel;
pub use control::AsyncTls;
pub use error::TlsError;
pub use record::MAX_PLAINTEXT;
pub use reference_cstp::session::Role;
