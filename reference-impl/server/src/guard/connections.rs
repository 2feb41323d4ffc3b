//! Counts of connections that have not reached CONNECT.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// Counts open connections, altogether and by address. Clones count together.
#[derive(Clone, Debug, Default)]
pub struct Connections(Arc<Mutex<Counts>>);

#[derive(Debug, Default)]
struct Counts {
    all: usize,
    of: HashMap<IpAddr, usize>,
}

/// Stands for one counted connection until it is dropped.
#[derive(Debug)]
pub struct Permit {
    counts: Connections,
    address: IpAddr,
}

impl Connections {
    /// Counts a connection; `None` when it would be one too many.
    #[must_use]
    pub fn enter(&self, address: IpAddr, most: usize, most_of_address: usize) -> Option<Permit> {
        let mut counts = self.lock();
        let of_address = counts.of.get(&address).copied().unwrap_or_default();
        if counts.all >= most || of_address >= most_of_address {
            return None;
        }
        counts.all += 1;
        counts.of.insert(address, of_address + 1);
        Some(Permit { counts: self.clone(), address })
    }

    /// Returns how many connections are open.
    #[must_use]
    pub fn open(&self) -> usize {
        self.lock().all
    }

    fn lock(&self) -> MutexGuard<'_, Counts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut counts = self.counts.lock();
        counts.all = counts.all.saturating_sub(1);
        if let Some(count) = counts.of.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                counts.of.remove(&self.address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_limits_hold_and_a_dropped_permit_makes_room() {
        let counts = Connections::default();
        let (one, two): (IpAddr, IpAddr) = ("192.0.2.1".parse().unwrap(), "192.0.2.2".parse().unwrap());
        let first = counts.enter(one, 3, 2);
        let second = counts.enter(one, 3, 2);
        assert!(first.is_some() && second.is_some());
        assert!(counts.enter(one, 3, 2).is_none(), "two of one address");
        let third = counts.enter(two, 3, 2);
        assert!(third.is_some());
        assert!(counts.enter(two, 3, 2).is_none(), "three altogether");
        drop(first);
        assert!(counts.enter(two, 3, 2).is_some());
        drop((second, third));
        assert_eq!((counts.open(), counts.lock().of.len()), (0, 0));
    }
}
