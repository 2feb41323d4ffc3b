//! The probes themselves, by subject.

pub(super) mod devices;
pub(super) mod filter;
pub(super) mod machine;
pub(super) mod mounts;
pub(super) mod namespaces;
pub(super) mod privileges;
pub(super) mod programs;
pub(super) mod rehearsal;
pub(super) mod sockets;

use std::path::Path;

use tokio::runtime::{Builder, Runtime};

use super::Outcome;
use super::probe::one_line;
use crate::{LabError, Node, Result};

/// Runs a probe with nodes of the lab around it, which need the network namespaces that other probes are about.
fn with_nodes<const N: usize>(names: [&str; N], probe: impl AsyncFnOnce([&Node; N]) -> Outcome) -> Outcome {
    let prepared = runtime().and_then(|runtime| {
        let _context = runtime.enter();
        let wanted = names.map(|name| (name, false));
        let nodes = Node::create_all(Path::new("/run/probe"), &wanted)?;
        Ok((runtime, nodes))
    });
    match prepared {
        Ok((runtime, nodes)) => match nodes.iter().collect::<Vec<_>>().try_into() {
            Ok(nodes) => runtime.block_on(probe(nodes)),
            Err(_) => Outcome::Untried("the nodes were not made".to_owned()),
        },
        Err(error) => untried(&error),
    }
}

fn runtime() -> Result<Runtime> {
    Builder::new_current_thread().enable_all().build().map_err(|source| LabError::system("start a runtime", source))
}

/// Something else is missing that the probe stands on.
fn untried(error: &LabError) -> Outcome {
    Outcome::Untried(format!("failed to {}", one_line(&error.to_string())))
}
