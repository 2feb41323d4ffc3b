//! What the runner tells a cell's process.

use std::path::PathBuf;

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use crate::peer::PeerChoice;

/// One cell to be run, as JSON on the cell's standard input.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CellJob {
    /// Unique in the run; also the name of the bundle's folder.
    pub key: String,
    /// Id of the scenario.
    pub scenario: String,
    /// Values of the axes, as written.
    pub params: IndexMap<String, String>,
    /// The client.
    pub client: PeerChoice,
    /// The server.
    pub server: PeerChoice,
    /// The run's seed.
    pub seed: u64,
    /// Absolute path of the bundle.
    pub bundle: PathBuf,
    /// Whether the lab stays up after the last step, for `shell`.
    #[serde(default)]
    pub keep: bool,
    /// Command that runs this cell alone.
    pub reproduce: String,
}

/// The seed of a cell: the same for one run seed and one key, different for different keys (FNV-1a).
pub fn cell_seed(run_seed: u64, key: &str) -> u64 {
    const OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
    const PRIME: u64 = 0x0100_0000_01b3;
    let bytes = run_seed.to_be_bytes().into_iter().chain(key.bytes());
    bytes.fold(OFFSET, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(PRIME))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seeds_differ_by_run_and_key() {
        assert_eq!(cell_seed(1, "a"), cell_seed(1, "a"));
        assert_ne!(cell_seed(1, "a"), cell_seed(2, "a"));
        assert_ne!(cell_seed(1, "a"), cell_seed(1, "b"));
    }
}
