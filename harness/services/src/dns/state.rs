//! What can change while the server runs.

use std::collections::{BTreeMap, VecDeque};
use std::net::{IpAddr, SocketAddr};

use interop_evidence::Micros;

/// Queries that are kept; older ones are forgotten.
const MAX_LOG: usize = 100_000;

/// Name under which an override holds for every name that has none of its own.
const EVERY_NAME: &str = "*";

/// An altered answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Override {
    /// These addresses instead of the true ones.
    Addresses(Vec<IpAddr>),
    /// No such name.
    NxDomain,
    /// Failure of the server.
    ServFail,
    /// No answer at all.
    Drop,
}

/// How a query came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Transport {
    /// UDP.
    Udp,
    /// TCP.
    Tcp,
}

/// A query that the server got.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoggedQuery {
    /// When.
    pub at: Micros,
    /// From where.
    pub from: SocketAddr,
    /// How.
    pub transport: Transport,
    /// Name in lower case, without a final dot.
    pub name: String,
    /// `A`, `AAAA`, ...
    pub kind: String,
}

/// Overrides, their counters and the log.
#[derive(Debug, Default)]
pub(crate) struct Changeable {
    overrides: BTreeMap<String, Override>,
    altered: BTreeMap<String, u64>,
    log: VecDeque<LoggedQuery>,
}

impl Changeable {
    pub(crate) fn set(&mut self, name: String, answer: Option<Override>) {
        match answer {
            Some(answer) => self.overrides.insert(name, answer),
            None => self.overrides.remove(&name),
        };
    }

    /// The override for a name, if any; counts that it is used.
    pub(crate) fn altered_answer(&mut self, name: &str) -> Option<Override> {
        let key = if self.overrides.contains_key(name) { name } else { EVERY_NAME };
        let answer = self.overrides.get(key)?.clone();
        *self.altered.entry(key.to_owned()).or_default() += 1;
        Some(answer)
    }

    pub(crate) fn altered(&self, name: &str) -> u64 {
        self.altered.get(name).copied().unwrap_or(0)
    }

    pub(crate) fn record(&mut self, query: LoggedQuery) {
        if self.log.len() == MAX_LOG {
            self.log.pop_front();
        }
        self.log.push_back(query);
    }

    pub(crate) fn queries(&self) -> Vec<LoggedQuery> {
        self.log.iter().cloned().collect()
    }
}
