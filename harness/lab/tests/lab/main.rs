//! Tests that need real namespaces. Each runs in a sandbox of its own: the test program starts itself again, and
//! that process becomes the cell.

#![expect(unreachable_pub, reason = "a test program exports nothing")]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

mod nat;
mod sandbox;
mod wires;

use libtest_mimic::{Arguments, Trial};
use support::{Cell, in_cell};

/// A test's name and what it does in its cell.
type Body = (&'static str, fn(&Cell));

fn main() {
    let cells: &[Body] = &[
        ("sandbox::private_folders_and_read_only_root", sandbox::private_folders_and_read_only_root),
        ("sandbox::node_has_its_own_etc", sandbox::node_has_its_own_etc),
        ("sandbox::processes_of_a_node_end_with_it", sandbox::processes_of_a_node_end_with_it),
        ("wires::udp_crosses_a_router_and_is_seen", wires::udp_crosses_a_router_and_is_seen),
        ("wires::one_way_cut_and_heal", wires::one_way_cut_and_heal),
        ("wires::delay_within_a_millisecond", wires::delay_within_a_millisecond),
        ("wires::black_hole_by_size", wires::black_hole_by_size),
        ("wires::snapshot_shows_addresses_routes_sockets", wires::snapshot_shows_addresses_routes_sockets),
        ("wires::veth_in_place", wires::veth_in_place),
        ("nat::port_restricted_keeps_the_port", nat::port_restricted_keeps_the_port),
        ("nat::symmetric_changes_port_by_destination", nat::symmetric_changes_port_by_destination),
        ("nat::full_cone_lets_strangers_in", nat::full_cone_lets_strangers_in),
        ("nat::rebinding_moves_the_port", nat::rebinding_moves_the_port),
        ("nat::counters_and_bad_rules", nat::counters_and_bad_rules),
    ];
    if let Ok(name) = std::env::var(support::CELL) {
        support::become_cell(&name, cells);
        return;
    }
    let args = Arguments::from_args();
    let mut trials: Vec<Trial> = cells.iter().map(|(name, _)| Trial::test(*name, move || in_cell(name))).collect();
    trials.push(Trial::test("sandbox::killing_the_warden_leaves_nothing", sandbox::killing_the_warden_leaves_nothing));
    libtest_mimic::run(&args, trials).exit();
}
