//! The largest packet that passes unfragmented.

use std::io;
use std::net::IpAddr;
use std::time::Duration;

use interop_evidence::MtuSearch;

use super::{PingSocket, ping_once};

/// Requests of one size before it counts as too large: one may be lost by chance.
const TRIES: u32 = 2;

/// Where to search.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MtuSpec {
    /// Name or address as the scenario has it, for the record.
    pub to: String,
    /// Where to.
    pub target: IpAddr,
    /// Smallest IP packet in bytes that is tried; if it does not pass, the result is 0.
    pub low: u32,
    /// Largest IP packet in bytes that is tried.
    pub high: u32,
    /// How long to wait for each reply.
    pub timeout: Duration,
    /// MTU of the tunnel interface as configured, for the record.
    pub interface_mtu: Option<u32>,
}

/// Searches by halves with pings; the socket must forbid fragmentation ([`super::Fragmentation::Forbidden`]).
///
/// Takes up to `2 * timeout` for each size that does not pass, of which there are at most the binary logarithm of the
/// range.
///
/// # Errors
///
/// If requests cannot be sent for another reason than their size.
pub async fn mtu_search(socket: &PingSocket, spec: &MtuSpec) -> io::Result<MtuSearch> {
    let mut search = Search::new(spec.low.max(socket.family().min_size()), spec.high);
    let mut probes = 0;
    while let Some(size) = search.next() {
        let passes = passes(socket, spec, size, &mut probes).await?;
        search.answer(size, passes);
    }
    Ok(MtuSearch { to: spec.to.clone(), interface_mtu: spec.interface_mtu, largest: search.good, probes })
}

async fn passes(socket: &PingSocket, spec: &MtuSpec, size: u32, probes: &mut u32) -> io::Result<bool> {
    for _ in 0..TRIES {
        *probes += 1;
        match ping_once(socket, spec.target, size, socket.next_seq(), spec.timeout).await {
            Ok(Some(_)) => return Ok(true),
            Ok(None) => {}
            Err(error) if too_large(&error) => return Ok(false),
            Err(error) => return Err(error),
        }
    }
    Ok(false)
}

/// `EMSGSIZE`: larger than the interface takes.
fn too_large(error: &io::Error) -> bool {
    error.raw_os_error() == Some(rustix::io::Errno::MSGSIZE.raw_os_error())
}

/// Finds the largest size that passes, if all smaller ones do.
struct Search {
    low: u32,
    high: u32,
    /// Largest size known to pass; 0: none.
    good: u32,
    /// Smallest size known, or taken, not to pass.
    bad: u32,
}

impl Search {
    fn new(low: u32, high: u32) -> Self {
        let high = high.max(low);
        Self { low, high, good: 0, bad: high.saturating_add(1) }
    }

    /// The size to try next: the lower end, without which there is nothing to find; the upper end, because often
    /// everything passes; then the middle.
    fn next(&self) -> Option<u32> {
        match (self.good, self.bad) {
            (0, bad) => (bad > self.low).then_some(self.low),
            (good, bad) if good + 1 >= bad => None,
            (_, bad) if bad > self.high => Some(self.high),
            (good, bad) => Some(good.midpoint(bad)),
        }
    }

    fn answer(&mut self, size: u32, passes: bool) {
        if passes { self.good = size } else { self.bad = size }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is found, and after how many questions.
    fn searched(low: u32, high: u32, limit: u32) -> (u32, u32) {
        let mut search = Search::new(low, high);
        let mut asked = 0;
        while let Some(size) = search.next() {
            asked += 1;
            assert!((low..=high.max(low)).contains(&size), "{size}");
            search.answer(size, size <= limit);
        }
        (search.good, asked)
    }

    #[test]
    fn finds_every_limit() {
        for limit in 576..=1500 {
            let (found, asked) = searched(576, 1500, limit);
            assert_eq!(found, limit);
            assert!(asked <= 12, "{limit} took {asked}");
        }
        assert_eq!(searched(576, 1500, 9000), (1500, 2));
        assert_eq!(searched(576, 1500, 500), (0, 1));
        assert_eq!(searched(576, 576, 576), (576, 1));
        assert_eq!(searched(576, 100, 1500), (576, 1));
    }
}
