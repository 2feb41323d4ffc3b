//! The data plane: one plain thread that moves the packets of all sessions between the device and the network.
//!
//! The thread owns the TUN device, the UDP sockets and the TCP connections of the sessions from [`Attach`] on. It waits
//! with epoll, works in batches (up to 64 packets from the device, segmentation offload for equal datagrams, one write
//! for each TCP connection), reuses its buffers, and neither allocates nor logs for a packet of data on DTLS. What the
//! protocol decides is in [`reference_cstp::session::Session`]; its outputs are executed here. An idle session costs no
//! time: timers lie in one ordered set, and nothing is scanned.
//!
//! A program talks to the thread through [`PlaneHandle`] and hears from it through [`PlaneEvent`].
//!
//! ```text
//! device --> session by inner address --> Session::outbound --> DTLS batch --> UDP
//!                                                          \--> TLS records --> TCP
//! UDP --> session by address, ClientHello id or trial --> records --> device
//! TCP --> records --> frames --> device
//! ```
//!
//! | file | story |
//! |---|---|
//! | `config`, `device`, `event`, `stats`, `handle` | what a program sees |
//! | `worker`, `commands`, `turn` | the thread: waiting, orders, one turn of work |
//! | `live`, `outputs` | one session, and what its core asks for |
//! | `inbound`, `outbound`, `packet`, `too_big` | inner packets in both directions, and what is told about those that are too large |
//! | `lane`, `closing` | the TLS channel of a session, its replacement, and its orderly end |
//! | `link`, `links`, `arrivals`, `udp`, `path` | DTLS: one association, those of a session, finding the right one, sockets, sizes |
//! | `index`, `timers`, `io` | who is where, what is due, what all sessions share |

mod arrivals;
mod closing;
mod commands;
mod config;
mod device;
mod event;
mod handle;
mod inbound;
mod index;
mod io;
mod lane;
mod link;
mod links;
mod live;
mod outbound;
mod outputs;
mod packet;
mod path;
mod stats;
mod timers;
mod too_big;
mod turn;
mod udp;
mod worker;

pub use config::{Attach, DtlsSetup, Farewell, PlaneConfig, SessionId};
pub use device::Device;
pub use event::PlaneEvent;
pub use handle::{Plane, PlaneHandle};
pub use stats::{Drops, PlaneStats, SessionStats, Traffic};
