//! Capture files.
//!
//! While a cell runs, frames go to `NAME.part` beside the capture, itself a valid pcapng file whose interfaces are
//! described where they appear. Wireshark wants keys before the packets that they decrypt, and keys are known last:
//! so [`CaptureWriter::finish`] copies the part once, with all interfaces and keys at the front.

mod complete;
mod error;
mod keys;
mod read;
mod spec;
mod write;

pub use complete::{Completed, recover};
pub use error::{CaptureError, ReadError};
pub use read::{CaptureReader, Frame, read_all};
pub use spec::{InterfaceId, InterfaceSpec, LinkType, Side};
pub use write::CaptureWriter;
