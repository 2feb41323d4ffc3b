//! Reachability and round trips.

use std::io;
use std::net::IpAddr;
use std::time::Duration;

use interop_evidence::PingResult;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};

use super::PingSocket;

/// What to ping.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PingSpec {
    /// Node that sends, for the record.
    pub from: String,
    /// Name or address as the scenario has it, for the record.
    pub to: String,
    /// Where to.
    pub target: IpAddr,
    /// Bytes of the whole IP packet.
    pub size: u32,
    /// Requests.
    pub count: u32,
    /// From request to request; one that is answered late delays the next.
    pub interval: Duration,
    /// How long to wait for each reply.
    pub timeout: Duration,
}

/// Sends one echo request of `size` bytes (whole IP packet) and waits for its reply: the round trip, or `None` if
/// nothing came in time. `seq` is best taken from [`PingSocket::next_seq`].
///
/// # Errors
///
/// If the request could not be sent: no route, or larger than the interface takes.
pub async fn ping_once(
    socket: &PingSocket,
    target: IpAddr,
    size: u32,
    seq: u16,
    deadline: Duration,
) -> io::Result<Option<Duration>> {
    let begun = Instant::now();
    socket.send(target, size, seq).await?;
    match timeout(deadline, socket.reply(target, seq)).await {
        Ok(reply) => reply.map(|()| Some(begun.elapsed())),
        Err(_) => Ok(None),
    }
}

/// Pings several times, whatever becomes of each.
pub async fn ping(socket: &PingSocket, spec: &PingSpec) -> PingResult {
    let mut result =
        PingResult { from: spec.from.clone(), to: spec.to.clone(), sent: 0, received: 0, rtt_us: None, error: None };
    let mut round_trips = Vec::new();
    let mut ticks = interval(spec.interval.max(Duration::from_millis(1)));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    for _ in 0..spec.count {
        ticks.tick().await;
        match ping_once(socket, spec.target, spec.size, socket.next_seq(), spec.timeout).await {
            Ok(answer) => {
                result.sent += 1;
                round_trips.extend(answer);
            }
            Err(error) => result.error = Some(error.to_string()),
        }
    }
    if result.sent > 0 {
        result.error = None; // it says why nothing could be sent
    }
    round_trips.sort_unstable();
    result.received = u32::try_from(round_trips.len()).unwrap_or(u32::MAX);
    let median = round_trips.get(round_trips.len() / 2);
    result.rtt_us = median.map(|rtt| u64::try_from(rtt.as_micros()).unwrap_or(u64::MAX));
    result
}
