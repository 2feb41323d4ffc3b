//! Addresses of one pool.

use std::{
    collections::BTreeSet,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use crate::config::Pool;

/// Most addresses of one family that are handed out, whatever the size of the network.
const MOST: u128 = 1 << 20;

/// The addresses that a session has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Lease {
    /// IPv4, when the pool has it.
    pub v4: Option<Ipv4Addr>,
    /// IPv6, when the pool has it.
    pub v6: Option<Ipv6Addr>,
}

impl Lease {
    /// Returns the addresses as networks of one address each.
    #[must_use]
    pub fn nets(&self) -> Vec<IpNet> {
        let v4 = self.v4.map(|address| IpNet::from(IpAddr::from(address)));
        v4.into_iter().chain(self.v6.map(|address| IpNet::from(IpAddr::from(address)))).collect()
    }
}

impl std::fmt::Display for Lease {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (self.v4, self.v6) {
            (Some(v4), Some(v6)) => write!(f, "{v4} {v6}"),
            (Some(v4), None) => write!(f, "{v4}"),
            (None, Some(v6)) => write!(f, "{v6}"),
            (None, None) => f.write_str("-"),
        }
    }
}

/// Hands out the addresses of one pool. An address belongs to one session at a time.
#[derive(Clone, Debug)]
pub struct AddressPool {
    pool: Pool,
    v4: Option<Family>,
    v6: Option<Family>,
    gives_taken: bool,
}

impl AddressPool {
    /// Makes a pool of which nothing is taken but the server's own address, the first of each family.
    #[must_use]
    pub fn new(pool: Pool) -> Self {
        // Neither the network's nor the broadcast address is given away; with IPv6 the first is the anycast address of routers.
        let v4 =
            pool.ipv4.map(|net| Family::new(u32::from(net.network()).into(), (1_u128 << (32 - net.prefix_len())) - 1));
        let v6 = pool.ipv6.map(|net| {
            let bits = u32::from(128 - net.prefix_len());
            Family::new(net.network().into(), 1_u128.checked_shl(bits).unwrap_or(u128::MAX))
        });
        Self { pool, v4, v6, gives_taken: false }
    }

    /// Makes the pool wrong: every session after the first gets the address of the first.
    pub fn give_taken_addresses(&mut self) {
        self.gives_taken = true;
    }

    /// Returns the server's own addresses with the prefix of the pool.
    #[must_use]
    pub fn server(&self) -> Vec<IpNet> {
        let v4 = self.pool.ipv4.and_then(|net| {
            let address = Ipv4Addr::from(u32::from(net.network()).checked_add(1)?);
            Ipv4Net::new(address, net.prefix_len()).ok().map(IpNet::from)
        });
        let v6 = self.pool.ipv6.and_then(|net| {
            let address = Ipv6Addr::from(u128::from(net.network()).checked_add(1)?);
            Ipv6Net::new(address, net.prefix_len()).ok().map(IpNet::from)
        });
        v4.into_iter().chain(v6).collect()
    }

    /// Returns the networks of the pool.
    #[must_use]
    pub fn pool(&self) -> Pool {
        self.pool
    }

    /// Takes an address of each family, those wished for when they are free (AC-CON-20). `None`: a family has no free address.
    #[must_use]
    pub fn take(&mut self, wishes: &[IpAddr]) -> Option<Lease> {
        let (mut wish4, mut wish6) = (None, None);
        for wish in wishes {
            match wish {
                IpAddr::V4(address) => wish4 = wish4.or(Some(u128::from(u32::from(*address)))),
                IpAddr::V6(address) => wish6 = wish6.or(Some(u128::from(*address))),
            }
        }
        let v4 = match &mut self.v4 {
            Some(family) => Some(family.take(wish4, self.gives_taken)?),
            None => None,
        };
        let v6 = match &mut self.v6 {
            Some(family) => match family.take(wish6, self.gives_taken) {
                Some(address) => Some(address),
                None => {
                    if let (Some(family), Some(address)) = (&mut self.v4, v4) {
                        family.release(address);
                    }
                    return None;
                }
            },
            None => None,
        };
        // The range is inside of 32 bits by construction.
        let v4 = v4.and_then(|address| u32::try_from(address).ok()).map(Ipv4Addr::from);
        Some(Lease { v4, v6: v6.map(Ipv6Addr::from) })
    }

    /// Gives addresses back.
    pub fn release(&mut self, lease: Lease) {
        if let (Some(family), Some(address)) = (&mut self.v4, lease.v4) {
            family.release(u32::from(address).into());
        }
        if let (Some(family), Some(address)) = (&mut self.v6, lease.v6) {
            family.release(address.into());
        }
    }

    /// Returns how many leases are taken.
    #[must_use]
    pub fn taken(&self) -> usize {
        self.v4.as_ref().or(self.v6.as_ref()).map_or(0, |family| family.taken.len())
    }
}

/// One family: offsets from the network's address, 2 to `end` exclusively.
#[derive(Clone, Debug)]
struct Family {
    network: u128,
    end: u128,
    taken: BTreeSet<u128>,
    /// No offset below it is free.
    hint: u128,
}

/// Offset of the first address for clients: 0 is the network, 1 the server.
const FIRST: u128 = 2;

impl Family {
    fn new(network: u128, end: u128) -> Self {
        Self { network, end: end.min(MOST + FIRST), taken: BTreeSet::new(), hint: FIRST }
    }

    fn take(&mut self, wish: Option<u128>, gives_taken: bool) -> Option<u128> {
        if let (true, Some(&first)) = (gives_taken, self.taken.first()) {
            return Some(self.network + first);
        }
        let wish = wish.and_then(|wish| wish.checked_sub(self.network)).filter(|wish| (FIRST..self.end).contains(wish));
        if let Some(wish) = wish.filter(|wish| self.taken.insert(*wish)) {
            return Some(self.network + wish);
        }
        while self.hint < self.end {
            let offset = self.hint;
            self.hint += 1;
            if self.taken.insert(offset) {
                return Some(self.network + offset);
            }
        }
        None
    }

    fn release(&mut self, address: u128) {
        if let Some(offset) = address.checked_sub(self.network).filter(|offset| self.taken.remove(offset)) {
            self.hint = self.hint.min(offset);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn pool(v4: Option<&str>, v6: Option<&str>) -> AddressPool {
        AddressPool::new(Pool { ipv4: v4.map(|net| net.parse().unwrap()), ipv6: v6.map(|net| net.parse().unwrap()) })
    }

    #[test]
    fn pools_have_as_many_addresses_as_their_networks_allow() {
        for (v4, v6, count, first) in [
            (Some("10.9.0.0/30"), None, 1, "10.9.0.2"),
            (Some("10.9.0.0/29"), None, 5, "10.9.0.2"),
            (Some("10.9.0.0/24"), None, 253, "10.9.0.2"),
            (None, Some("fd00:9::/126"), 2, "fd00:9::2"),
            (Some("10.9.0.0/24"), Some("fd00:9::/126"), 2, "10.9.0.2 fd00:9::2"),
            (Some("10.9.0.0/30"), Some("fd00:9::/64"), 1, "10.9.0.2 fd00:9::2"),
        ] {
            let mut pool = pool(v4, v6);
            let leases: Vec<Lease> = std::iter::from_fn(|| pool.take(&[])).take(300).collect();
            assert_eq!((leases.len(), leases[0].to_string().as_str()), (count, first), "{v4:?} {v6:?}");
            assert_eq!(pool.taken(), count, "nothing is left taken by the lease that failed");
            pool.release(leases[0]);
            assert_eq!(pool.take(&[]), Some(leases[0]));
        }
    }

    #[test]
    fn the_server_has_the_first_address() {
        let pool = pool(Some("10.9.0.0/24"), Some("fd00:9::/64"));
        assert_eq!(pool.server(), ["10.9.0.1/24".parse().unwrap(), "fd00:9::1/64".parse::<IpNet>().unwrap()]);
    }

    #[test]
    fn wishes_are_granted_when_free_and_inside() {
        let mut pool = pool(Some("10.9.0.0/24"), Some("fd00:9::/64"));
        let wish = |text: &str| [text.parse::<IpAddr>().unwrap()];
        let take = |pool: &mut AddressPool, text| pool.take(&wish(text)).unwrap().to_string();
        assert_eq!(take(&mut pool, "10.9.0.77"), "10.9.0.77 fd00:9::2");
        assert_eq!(take(&mut pool, "10.9.0.77"), "10.9.0.2 fd00:9::3", "taken");
        assert_eq!(take(&mut pool, "10.9.0.0"), "10.9.0.3 fd00:9::4", "the network's address");
        assert_eq!(take(&mut pool, "10.9.0.1"), "10.9.0.4 fd00:9::5", "the server's address");
        assert_eq!(take(&mut pool, "10.9.0.255"), "10.9.0.5 fd00:9::6", "broadcast");
        assert_eq!(take(&mut pool, "192.0.2.1"), "10.9.0.6 fd00:9::7", "outside");
        assert_eq!(take(&mut pool, "fd00:9::55"), "10.9.0.7 fd00:9::55");
    }

    #[test]
    fn the_mutant_gives_the_first_address_again() {
        let mut pool = pool(Some("10.9.0.0/24"), None);
        pool.give_taken_addresses();
        let first = pool.take(&[]);
        assert_eq!(pool.take(&[]), first);
    }

    #[derive(Clone, Debug)]
    enum Step {
        Take(Option<u8>),
        Release(usize),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![proptest::option::of(any::<u8>()).prop_map(Step::Take), any::<usize>().prop_map(Step::Release),]
    }

    proptest! {
        #[test]
        fn no_address_is_given_twice(steps in proptest::collection::vec(step(), 0..200)) {
            let mut pool = pool(Some("10.9.0.0/27"), Some("fd00:9::/123"));
            let mut held: Vec<Lease> = Vec::new();
            for step in steps {
                match step {
                    Step::Take(wish) => {
                        let wishes: Vec<IpAddr> = wish.map(|wish| Ipv4Addr::new(10, 9, 0, wish).into()).into_iter().collect();
                        match pool.take(&wishes) {
                            Some(lease) => {
                                prop_assert!(held.iter().all(|other| other.v4 != lease.v4 && other.v6 != lease.v6));
                                prop_assert!(lease.v4.is_some_and(|address| (2..31).contains(&address.octets()[3])));
                                held.push(lease);
                            }
                            None => prop_assert_eq!(held.len(), 29, "refused although addresses are free"),
                        }
                    }
                    Step::Release(which) => {
                        if !held.is_empty() {
                            pool.release(held.swap_remove(which % held.len()));
                        }
                    }
                }
                prop_assert_eq!(pool.taken(), held.len());
            }
        }
    }
}
