//! The selectors of an overlay: as few and as general as can be, and none that holds for a cell with another golden.

use super::versions::{by_number, plain};
use super::{Cell, Selector};

/// Whether a selector does not look at versions.
pub(super) fn unversioned(selector: &Selector) -> bool {
    selector.client_versions.is_none() && selector.server_versions.is_none()
}

/// Selectors that hold for the cells of a group and for no other. `taken` are those of other files: none of these may
/// be as good as one of them for a cell that nobody has seen yet.
pub(super) fn selectors(cells: &[&Cell], group: &[usize], taken: &[Selector]) -> Vec<Selector> {
    let is_ours = |index: usize| group.contains(&index);
    let holds_for_no_other =
        |selector: &Selector| cells.iter().enumerate().all(|(index, cell)| is_ours(index) || !selector.matches(cell));
    let is_clear =
        |selector: &Selector| !taken.iter().any(|other| other.rank() == selector.rank() && other.meets(selector));
    let mut candidates: Vec<(usize, Selector)> = group
        .iter()
        .filter_map(|index| cells.get(*index))
        .flat_map(|cell| candidates(cell, cells))
        .filter(|(_, selector)| holds_for_no_other(selector) && is_clear(selector))
        .collect();
    candidates.sort();
    candidates.dedup();

    let mut open: Vec<usize> = group.to_vec();
    let mut chosen = Vec::new();
    while !open.is_empty() {
        let held = |selector: &Selector| {
            open.iter().filter(|index| cells.get(**index).is_some_and(|cell| selector.matches(cell))).count()
        };
        // The first of those that hold for most: they are sorted, the most general first.
        let best = candidates.iter().rev().max_by_key(|(_, selector)| held(selector));
        let Some((_, selector)) = best.filter(|(_, selector)| held(selector) > 0) else { break };
        chosen.push(selector.clone());
        open.retain(|index| !cells.get(*index).is_some_and(|cell| selector.matches(cell)));
    }
    // Cells that differ in nothing but what was seen cannot be told apart.
    chosen.extend(open.iter().filter_map(|index| cells.get(*index)).map(|cell| exact(cell)));
    chosen.sort();
    chosen.dedup();
    chosen
}

/// What can be said of a cell, with how special that is.
fn candidates(cell: &Cell, cells: &[&Cell]) -> Vec<(usize, Selector)> {
    let client = || Selector { client: Some(cell.client.clone()), ..Selector::default() };
    let server = || Selector { server: Some(cell.server.clone()), ..Selector::default() };
    let pair = || Selector { server: Some(cell.server.clone()), ..client() };
    let mut all = vec![(0, client()), (1, server()), (3, pair())];
    for param in &cell.params {
        let with = |selector: Selector| Selector { params: vec![param.clone()], ..selector };
        all.extend([(2, with(Selector::default())), (4, with(client())), (5, with(server())), (6, with(pair()))]);
    }
    all.push((7, exact(cell)));
    for (client_versions, server_versions) in ranges(cell, cells) {
        let with = |selector: Selector| Selector {
            client_versions: client_versions.clone(),
            server_versions: server_versions.clone(),
            ..selector
        };
        all.extend([(8, with(pair())), (9, with(exact(cell)))]);
    }
    all
}

fn exact(cell: &Cell) -> Selector {
    let mut params = cell.params.clone();
    params.sort();
    Selector { client: Some(cell.client.clone()), server: Some(cell.server.clone()), params, ..Selector::default() }
}

/// Ranges of versions that tell a cell from others of the same pair: from its version on, below the next, or between.
fn ranges(cell: &Cell, cells: &[&Cell]) -> Vec<(Option<String>, Option<String>)> {
    let siblings = || cells.iter().filter(|other| other.client == cell.client && other.server == cell.server);
    let bounds = |own: &str, versions: Vec<&str>| -> Vec<String> {
        let Some(own) = plain(own) else { return Vec::new() };
        let mut others: Vec<String> = versions.into_iter().filter_map(plain).collect();
        others.sort_by(|one, other| by_number(one, other));
        others.dedup();
        let above: Vec<&String> = others.iter().filter(|other| by_number(other, &own).is_gt()).collect();
        let below: Vec<&String> = others.iter().filter(|other| by_number(other, &own).is_lt()).collect();
        // From each version down to which it may hold, and below each version up to which it may.
        let mut from: Vec<String> = below.iter().map(|version| format!(">={version}")).collect();
        from.push(format!(">={own}"));
        let up_to: Vec<String> = above.iter().map(|version| format!("<{version}")).collect();
        let between = from.iter().flat_map(|from| up_to.iter().map(move |up_to| format!("{from} {up_to}")));
        let between: Vec<String> = between.collect();
        if others.len() < 2 { Vec::new() } else { [up_to.clone(), from.clone(), between].concat() }
    };
    let of_client = bounds(&cell.client_version, siblings().map(|other| other.client_version.as_str()).collect());
    let of_server = bounds(&cell.server_version, siblings().map(|other| other.server_version.as_str()).collect());
    let clients = of_client.iter().map(|range| (Some(range.clone()), None));
    let servers = of_server.iter().map(|range| (None, Some(range.clone())));
    let both = of_client
        .iter()
        .flat_map(|client| of_server.iter().map(move |server| (Some(client.clone()), Some(server.clone()))));
    clients.clone().chain(servers.clone()).chain(both).collect()
}
