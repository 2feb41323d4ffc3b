//! The life of one tunnel, without sockets: which channel carries data, who is probed when, what ends it.
//!
//! A [`Session`] is told what happens (frames, data, DTLS events, the clock) and says what to do ([`Output`]). It never reads a
//! clock and never sleeps: [`Session::poll_timeout`] says when it wants to be called again. The caller handles what has arrived
//! before it calls [`Session::on_timeout`], so that an answer that already waits in a socket is not taken for silence.

mod conduct;
mod config;
mod dtls;
mod machine;
mod mtu;
mod output;
mod path;

pub use config::{DtlsPolicy, MtuPlan, Rekey, RekeyMethod, RetrySchedule, SessionConfig, Timers};
pub use machine::Session;
pub use output::{Channel, DtlsEvent, EndReason, LostReason, Output, Role, StopReason};
