//! Peers: known capabilities, and what their roles ask for.

use crate::{Catalogue, Peer, Problem, Problems, Side};

pub(super) fn check(peer: &Peer, catalogue: &Catalogue, problems: &mut Problems) {
    super::capabilities(&peer.capabilities, &peer.roles, catalogue, problems);
    for different in &peer.by_version {
        super::capabilities(&different.has, &peer.roles, catalogue, problems);
        super::capabilities(&different.lacks, &peer.roles, catalogue, problems);
    }
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
    stages(peer, problems);
    same_name(peer, catalogue, problems);
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

/// A log line that tells a stage says which one, and what became of it.
fn stages(peer: &Peer, problems: &mut Problems) {
    for event in &peer.log_events {
        let Some(at) = event.event.span() else { continue };
        let group = |name: &str| event.pattern.regex().capture_names().flatten().any(|group| group == name);
        let is_stage = event.event.as_str() == "stage";
        for (what, given) in [("stage", event.stage.is_some()), ("status", event.status.is_some())] {
            if is_stage && !given && !group(what) {
                problems.push(
                    Problem::new(format!("it is not known which `{what}` the line tells"), at, "incomplete")
                        .help(format!("add `{what}: ...`, or a group `(?<{what}>...)` to the pattern")),
                );
            } else if !is_stage && given {
                problems.push(
                    Problem::new(format!("only the event `stage` has a `{what}`"), at, "no stage")
                        .help(format!("write `event: stage`, or remove `{what}`")),
                );
            }
        }
    }
}

/// Two peers that can be the same side must not share a name.
fn same_name(peer: &Peer, catalogue: &Catalogue, problems: &mut Problems) {
    let Some(known_as) = &peer.known_as else { return };
    let taken = catalogue.peers.values().map(|entry| &entry.value).find(|other| {
        other.id != peer.id
            && other.roles.iter().any(|side| peer.can_be(*side))
            && (other.name() == known_as || other.id == *known_as)
    });
    if let (Some(other), Some(at)) = (taken, known_as.span()) {
        problems.push(
            Problem::new(format!("the name `{known_as}` is taken by the peer `{}`", other.id), at, "taken")
                .help("a client and a server may share a name, two of the same side may not"),
        );
    }
}
