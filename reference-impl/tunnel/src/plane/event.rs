//! What the data plane tells a program.

use reference_cstp::session::{Channel, EndReason, LostReason, RekeyMethod};
use reference_dtls::{Suite, Version};

use super::{SessionId, SessionStats};

/// News of the data plane. None of them comes once for each packet.
#[derive(Clone, Debug)]
pub enum PlaneEvent {
    /// A client begins a DTLS handshake.
    DtlsAttempt {
        /// The session.
        id: SessionId,
        /// Counts the attempts of the session, from 1.
        attempt: u32,
    },
    /// A DTLS session is established; also when a renewed one took the place of the old one.
    DtlsUp {
        /// The session.
        id: SessionId,
        /// The cipher suite.
        suite: Option<Suite>,
        /// The version.
        version: Version,
        /// The attempt that succeeded; on a server the number of handshakes so far.
        attempt: u32,
        /// Whether the handshake was abbreviated.
        resumed: bool,
    },
    /// A DTLS handshake failed, or an established DTLS session is gone.
    DtlsDown {
        /// The session.
        id: SessionId,
        /// Whether it had been established.
        established: bool,
        /// A few words.
        reason: String,
    },
    /// Data leaves on another channel from now on.
    Transport {
        /// The session.
        id: SessionId,
        /// The channel.
        channel: Channel,
    },
    /// The device should have this MTU.
    Mtu {
        /// The session.
        id: SessionId,
        /// Bytes of an inner packet.
        mtu: u16,
    },
    /// The client should connect again with the same cookie and attach the new channel under the same id.
    RekeyTunnel {
        /// The session.
        id: SessionId,
    },
    /// The keys of the TLS channel were renewed.
    Rekeyed {
        /// The session.
        id: SessionId,
        /// How.
        method: RekeyMethod,
    },
    /// The TLS channel is gone. The session stays, with DTLS if that lives, until it is attached again or detached.
    Lost {
        /// The session.
        id: SessionId,
        /// Why, in one word.
        reason: LostReason,
        /// Why, in more words; may be empty.
        detail: String,
    },
    /// The session is over and forgotten; comes exactly once for each id that was attached.
    Ended {
        /// The session.
        id: SessionId,
        /// Why.
        reason: EndReason,
        /// What it did.
        stats: Box<SessionStats>,
    },
    /// The thread is dead, which is a bug or a dead device. Nothing follows, and the program should exit with an error.
    Fault {
        /// What happened.
        message: String,
    },
}
