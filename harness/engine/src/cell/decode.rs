//! The capture of a cell as a trace, and the keys that are only known once it is decoded.

use std::collections::BTreeSet;

use interop_evidence::Facts;
use interop_trace::Keys;

use super::state::Cell;
use crate::Result;
use crate::trace::setup;

impl Cell<'_> {
    /// What is known of the lab, now that everything that happened is known.
    pub(super) fn facts(&self) -> Facts {
        let mut facts =
            Facts { port: self.settings.port, epoch_ns: self.witness.epoch_ns(), ..self.world.facts(self.scenario) };
        // Addresses that nodes got on the way: those of the tunnel above all.
        let mut taken: BTreeSet<_> = facts.nodes.values().flatten().copied().collect();
        for node in self.snapshots.values().flatten() {
            let Some(addresses) = facts.nodes.get_mut(&node.node) else { continue };
            let of_node = node.addresses.iter().map(|entry| entry.address);
            addresses.extend(of_node.filter(|address| !address.is_loopback() && taken.insert(*address)));
        }
        facts
    }

    /// Decodes the capture with the keys of the peers, and gives the keys for those who read it later: the peers' own,
    /// and those of sessions that were taken up with a key from the CONNECT headers.
    pub(super) fn decode(&mut self, logged: Vec<String>) -> Result<Vec<String>> {
        let mut keys = Keys::new();
        keys.add_log(&logged.join("\n"));
        let setup = setup(&self.facts(), &self.recorder.timeline());
        let decoded = match self.witness.decode(interop_trace::Setup { keys, ..setup }) {
            Ok(Some(decoded)) => decoded,
            Ok(None) => return Ok(logged),
            // The cell is judged by what its checks saw; without a trace only its goldens cannot be.
            Err(error) => {
                self.recorder.note(format!("no trace: failed to {error}"));
                return Ok(logged);
            }
        };
        if let Some(broken) = &decoded.broken {
            self.recorder.note(format!("the trace ends early: {broken}"));
        }
        self.trace = Some(decoded.trace);
        Ok(with_learned(logged, decoded.learned))
    }
}

/// A key that was learned takes the place of a logged one for the same random value: for resumed DTLS, some versions of
/// GnuTLS log a key that is none.
fn with_learned(logged: Vec<String>, learned: Vec<String>) -> Vec<String> {
    let names = |line: &str| line.rsplit_once(' ').map(|(session, _)| session.to_ascii_lowercase());
    let better: BTreeSet<String> = learned.iter().filter_map(|line| names(line)).collect();
    let kept = logged.into_iter().filter(|line| names(line).is_none_or(|session| !better.contains(&session)));
    kept.chain(learned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_learned_key_replaces_a_logged_one_of_the_same_session() {
        let lines = |lines: &[&str]| lines.iter().map(|line| (*line).to_owned()).collect::<Vec<_>>();
        let logged = lines(&["CLIENT_RANDOM 00ff 11", "CLIENT_RANDOM 00AA 22", "# comment"]);
        let learned = lines(&["CLIENT_RANDOM 00aa 33"]);
        assert_eq!(with_learned(logged, learned), ["CLIENT_RANDOM 00ff 11", "# comment", "CLIENT_RANDOM 00aa 33"]);
    }
}
