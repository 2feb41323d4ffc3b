//! CSTP frames: eight bytes of header and a payload, one frame in one TLS record; on DTLS one byte of type and a payload.

mod disconnect;
mod header;
mod reframer;

pub use disconnect::{Disconnect, reason};
pub use header::{FrameError, HEADER_LEN, MAX_PAYLOAD, PacketType, header, parse, parse_datagram};
pub use reframer::Reframer;
