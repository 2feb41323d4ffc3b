//! Peers: known capabilities, and what their roles ask for.

use crate::{Catalogue, Peer, Problem, Problems, Side};

pub(super) fn check(peer: &Peer, catalogue: &Catalogue, problems: &mut Problems) {
    super::capabilities(&peer.capabilities, &peer.roles, catalogue, problems);
    let Some(id) = peer.id.span() else { return };
    let mut demand = |missing: bool, message: &str, help: &str| {
        if missing {
            problems.push(Problem::new(message, id, "incomplete").help(help));
        }
    };
    demand(peer.roles.is_empty(), "the peer has no role", "write `roles: [client]` or `roles: [server]`");
    demand(peer.protocols.is_empty(), "the peer speaks no protocol", "write `protocols: [anyconnect]` or the like");
    demand(peer.command.is_empty(), "the peer's command is empty", "write `command: [\"{{ binary }}\", ...]`");
    demand(
        peer.can_be(Side::Server) && peer.ready_when.is_none(),
        "it is not known when the server is ready",
        "add `ready-when: {listening: {protocol: tcp, port: 443}}`",
    );
    demand(
        peer.can_be(Side::Client) && peer.connected_when.is_none(),
        "it is not known when the client is connected",
        "add `connected-when: {log: REGEX}` or `connected-when: {interface: tun0}`",
    );
    for name in peer.files.keys() {
        let leaves = name.starts_with('/') || name.split('/').any(|part| part == "..");
        if let (true, Some(at)) = (leaves, name.span()) {
            problems.push(
                Problem::new(format!("`{name}` leaves the peer's folder"), at, "not a path below `{{ dir }}`")
                    .help("write a relative path without `..`"),
            );
        }
    }
}
