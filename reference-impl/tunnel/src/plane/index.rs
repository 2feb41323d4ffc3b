//! Who is where: the tables that lead from ids, addresses and datagrams to slots.

use std::collections::{BTreeMap, HashMap};
use std::net::{IpAddr, SocketAddr};

use ipnet::IpNet;

use super::SessionId;

/// Tables from what is seen to slots.
#[derive(Debug, Default)]
pub(super) struct Index {
    pub(super) ids: BTreeMap<SessionId, usize>,
    hosts: HashMap<IpAddr, usize>,
    /// Longer ones first.
    networks: Vec<(IpNet, usize)>,
    /// The server's associations by socket and address of the peer.
    pub(super) peers: HashMap<(usize, SocketAddr), usize>,
    /// Sessions by the id that their ClientHello carries (AC-DTLS-05).
    pub(super) hellos: HashMap<Vec<u8>, usize>,
    /// Slots with established DTLS by the outer address of the peer, for those whose port changes (AC-DTLS-24).
    neighbours: HashMap<IpAddr, Vec<usize>>,
}

impl Index {
    /// The session of an inner address.
    pub(super) fn inner(&self, address: IpAddr) -> Option<usize> {
        if let Some(slot) = self.hosts.get(&address) {
            return Some(*slot);
        }
        self.networks.iter().find(|(network, _)| network.contains(&address)).map(|(_, slot)| *slot)
    }

    /// Leads inner addresses to a slot; a later session takes over what an earlier one had.
    pub(super) fn add_inner(&mut self, inner: &[IpNet], slot: usize) {
        for network in inner {
            if network.prefix_len() == network.max_prefix_len() {
                self.hosts.insert(network.addr(), slot);
            } else {
                self.networks.insert(0, (*network, slot));
            }
        }
        // Stable: of two equal ones the later stays in front.
        self.networks.sort_by_key(|(network, _)| std::cmp::Reverse(network.prefix_len()));
    }

    /// Takes back what still leads to a slot.
    pub(super) fn remove_inner(&mut self, inner: &[IpNet], slot: usize) {
        for network in inner {
            if self.hosts.get(&network.addr()) == Some(&slot) {
                self.hosts.remove(&network.addr());
            }
        }
        self.networks.retain(|(_, owner)| *owner != slot);
    }

    /// Slots with established DTLS at an outer address.
    pub(super) fn neighbours(&self, address: IpAddr) -> &[usize] {
        self.neighbours.get(&address).map(Vec::as_slice).unwrap_or_default()
    }

    pub(super) fn add_neighbour(&mut self, address: IpAddr, slot: usize) {
        let slots = self.neighbours.entry(address).or_default();
        if !slots.contains(&slot) {
            slots.push(slot);
        }
    }

    pub(super) fn remove_neighbour(&mut self, address: IpAddr, slot: usize) {
        if let Some(slots) = self.neighbours.get_mut(&address) {
            slots.retain(|other| *other != slot);
            if slots.is_empty() {
                self.neighbours.remove(&address);
            }
        }
    }

    /// Forgets an association, if it is still that of this slot.
    pub(super) fn remove_peer(&mut self, key: (usize, SocketAddr), slot: usize) {
        if self.peers.get(&key) == Some(&slot) {
            self.peers.remove(&key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_come_before_networks_and_long_prefixes_before_short_ones() {
        let mut index = Index::default();
        index.add_inner(&["10.0.0.0/8".parse().unwrap(), "10.0.0.1/32".parse().unwrap()], 1);
        index.add_inner(&["10.1.0.0/16".parse().unwrap(), "fd00::/64".parse().unwrap()], 2);
        let find = |index: &Index, address: &str| index.inner(address.parse().unwrap());
        assert_eq!(find(&index, "10.0.0.1"), Some(1));
        assert_eq!((find(&index, "10.1.2.3"), find(&index, "10.2.2.3")), (Some(2), Some(1)));
        assert_eq!((find(&index, "fd00::9"), find(&index, "192.0.2.1")), (Some(2), None));
    }

    #[test]
    fn the_later_session_keeps_its_address_when_the_earlier_one_goes() {
        let mut index = Index::default();
        let address = ["10.0.0.1/32".parse().unwrap()];
        index.add_inner(&address, 1);
        index.add_inner(&address, 2);
        index.remove_inner(&address, 1);
        assert_eq!(index.inner("10.0.0.1".parse().unwrap()), Some(2));
        index.remove_inner(&address, 2);
        assert_eq!(index.inner("10.0.0.1".parse().unwrap()), None);
    }
}
