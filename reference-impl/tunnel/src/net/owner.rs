//! Which process a journal entry belongs to, and whether it still lives.

use std::fs;
use std::os::unix::fs::MetadataExt as _;

use serde::{Deserialize, Serialize};

use super::NetError;

/// A process, told apart from a later one with the same number by its start time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Owner {
    pub(super) pid: u32,
    /// Clock ticks after the start of the machine (`/proc/PID/stat`, field 22).
    pub(super) start: u64,
    /// Which start of the machine; empty where the kernel does not say.
    pub(super) boot: String,
    /// Inode of the network namespace; 0 where the kernel does not say.
    pub(super) netns: u64,
}

impl Owner {
    /// This process, and the network namespace of this thread.
    pub(super) fn this_process() -> Result<Self, NetError> {
        let path = "/proc/self/stat";
        let text = fs::read_to_string(path).map_err(|source| NetError::file(path, source))?;
        let stat = parse_stat(&text).ok_or_else(|| {
            NetError::file(path, std::io::Error::new(std::io::ErrorKind::InvalidData, "no start time in it"))
        })?;
        Ok(Self { pid: std::process::id(), start: stat.start, boot: boot_id(), netns: network_namespace() })
    }

    /// Whether the process still runs. One that has ended and waits for its parent does not.
    pub(super) fn lives(pid: u32, start: u64) -> bool {
        let text = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        parse_stat(&text).is_some_and(|stat| stat.start == start && !matches!(stat.state, 'Z' | 'X' | 'x'))
    }

    /// Whether what it changed in the network can be seen from `other`. After a restart of the machine it is gone,
    /// wherever it was.
    pub(super) fn shares_network_with(&self, other: &Self) -> bool {
        self.boot != other.boot || self.netns == 0 || self.netns == other.netns
    }
}

#[derive(Debug, PartialEq, Eq)]
struct Stat {
    state: char,
    start: u64,
}

/// Reads `PID (NAME) STATE ...`; the name may hold blanks and parentheses.
fn parse_stat(text: &str) -> Option<Stat> {
    let (_, rest) = text.rsplit_once(')')?;
    let mut fields = rest.split_ascii_whitespace();
    let state = fields.next()?.chars().next()?;
    let start = fields.nth(18)?.parse().ok()?;
    Some(Stat { state, start })
}

fn boot_id() -> String {
    fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default().trim().to_owned()
}

fn network_namespace() -> u64 {
    fs::metadata("/proc/thread-self/ns/net").map(|meta| meta.ino()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stat_of_a_process_with_an_odd_name() {
        let text = "77 (a) b (c) S 1 77 77 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 123456 10 20 30\n";
        assert_eq!(parse_stat(text), Some(Stat { state: 'S', start: 123_456 }));
        assert_eq!(parse_stat("77 (a) S 1 2"), None);
        assert_eq!(parse_stat(""), None);
    }

    #[test]
    fn this_process_lives_and_another_start_does_not() {
        let own = Owner::this_process().unwrap();
        assert!(Owner::lives(own.pid, own.start));
        assert!(!Owner::lives(own.pid, own.start + 1));
        assert!(!Owner::lives(u32::MAX, own.start));
    }

    #[test]
    fn a_process_that_nobody_has_waited_for_is_dead() {
        let mut child = std::process::Command::new("true").spawn().unwrap();
        let path = format!("/proc/{}/stat", child.id());
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(10);
        let stat = loop {
            let stat = parse_stat(&fs::read_to_string(&path).unwrap()).unwrap();
            if stat.state == 'Z' || std::time::Instant::now() > deadline {
                break stat;
            }
            std::thread::yield_now();
        };
        assert_eq!(stat.state, 'Z');
        assert!(!Owner::lives(child.id(), stat.start));
        child.wait().unwrap();
    }

    #[test]
    fn namespaces() {
        let owner = |boot: &str, netns| Owner { pid: 1, start: 1, boot: boot.to_owned(), netns };
        assert!(owner("a", 1).shares_network_with(&owner("a", 1)));
        assert!(!owner("a", 1).shares_network_with(&owner("a", 2)));
        assert!(owner("a", 1).shares_network_with(&owner("b", 2)));
        assert!(owner("a", 0).shares_network_with(&owner("a", 2)));
    }
}
