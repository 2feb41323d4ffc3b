//! One planned cell.

use indexmap::IndexMap;
use interop_catalogue::{Params, Peer, Scenario, Side};

use crate::peer::PeerChoice;

/// A cell of the matrix before it runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedCell {
    /// Unique in a run, and fit as a folder name.
    pub key: String,
    /// Id of the scenario.
    pub scenario: String,
    /// Values of the axes, as written.
    pub params: IndexMap<String, String>,
    /// The client.
    pub client: PeerChoice,
    /// The server.
    pub server: PeerChoice,
    /// Whether it gates its pair.
    pub baseline: bool,
    /// Whether it runs only as the gate of its pair: its result belongs to another share of a divided run.
    pub gate_only: bool,
    /// Longest time that it may take, in seconds; long cells start first.
    pub time_limit: u64,
    /// Whether it runs.
    pub fate: CellFate,
}

/// Whether a cell runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CellFate {
    /// It runs.
    Run,
    /// A peer does not declare a needed capability.
    Unsupported(String),
    /// It cannot run on this machine.
    Skipped(String),
}

impl PlannedCell {
    pub(super) fn new(
        scenario: &Scenario,
        params: &Params,
        (client, client_choice): (&Peer, &Result<PeerChoice, String>),
        (server, server_choice): (&Peer, &Result<PeerChoice, String>),
        mutant: Option<&str>,
    ) -> Self {
        let missing = [client_choice, server_choice].into_iter().find_map(|choice| choice.as_ref().err());
        let fate = match (lacking(scenario, client, server), missing) {
            (Some(reason), _) => CellFate::Unsupported(reason),
            (None, Some(reason)) => CellFate::Skipped(reason.clone()),
            (None, None) => CellFate::Run,
        };
        let with_mutant = |peer: &Peer, choice: PeerChoice| PeerChoice {
            mutant: mutant.filter(|name| peer.has_mutant(name)).map(str::to_owned),
            ..choice
        };
        let of = |peer: &Peer, choice: &Result<PeerChoice, String>| match choice {
            Ok(choice) => choice.clone(),
            Err(_) => PeerChoice {
                peer: peer.name().to_string(),
                binary: peer.binary.name.to_string().into(),
                library_path: Vec::new(),
                version: "not found".to_owned(),
                library: None,
                origin: None,
                emulates: peer.emulates.clone(),
                mutant: None,
            },
        };
        let (client, server) =
            (with_mutant(client, of(client, client_choice)), with_mutant(server, of(server, server_choice)));
        Self {
            key: key(&scenario.id, params, &client.label(), &server.label()),
            scenario: scenario.id.to_string(),
            params: params.axis_texts(),
            client,
            server,
            baseline: scenario.baseline,
            gate_only: false,
            time_limit: scenario.time_limit.as_secs(),
            fate,
        }
    }

    /// What tells pairs apart.
    pub fn pair(&self) -> (String, String) {
        (self.client.label(), self.server.label())
    }
}

fn lacking(scenario: &Scenario, client: &Peer, server: &Peer) -> Option<String> {
    for (side, peer) in [(Side::Client, client), (Side::Server, server)] {
        let only = scenario.only.of(side);
        if !only.is_empty() && !only.iter().any(|glob| glob.matches(peer.name())) {
            let names: Vec<&str> = only.iter().map(|glob| glob.as_str()).collect();
            return Some(format!("the scenario is about the {side} {}", names.join(", ")));
        }
    }
    for (peer, needed) in [(client, &scenario.needs.client), (server, &scenario.needs.server)] {
        let lacks = peer.lacks(needed);
        if !lacks.is_empty() {
            let names: Vec<&str> = lacks.iter().map(|name| name.as_str()).collect();
            return Some(format!("`{}` does not declare {}", peer.name(), names.join(", ")));
        }
    }
    None
}

/// `udp-blocked@dpd=3s+openconnect+ocserv`
fn key(scenario: &str, params: &Params, client: &str, server: &str) -> String {
    let params = params.key();
    let at = if params.is_empty() { "" } else { "@" };
    let key = format!("{scenario}{at}{params}+{client}+{server}");
    key.replace('%', "pct")
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || "._=,+@-".contains(c) { c } else { '_' })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_folder_names() {
        let params = Params::default();
        assert_eq!(key("baseline", &params, "openconnect", "ocserv"), "baseline+openconnect+ocserv");
        assert_eq!(key("a", &params, "x@9.1/../y", "z"), "a+x@9.1_.._y+z");
    }
}
