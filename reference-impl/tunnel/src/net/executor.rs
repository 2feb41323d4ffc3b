//! Makes changes one by one, each in the journal first, and undoes them in reverse order.

use std::fs;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::NetError;
use super::change::{Change, Forwarding, Route, Undo};
use super::forwarder::{Forwarder, SplitDns};
use super::journal::{EntryId, Journal};
use super::netlink::{Lookup, Netlink};
use super::recover::Recovery;
use super::undo::{Outcome, perform};
use super::{nft, resolver};

/// How long the split-DNS forwarder waits for each resolver; clients try again after five seconds (resolv.conf(5)).
const PATIENCE: Duration = Duration::from_secs(2);

/// How long the kernel may take for what it does in the background, and how long to wait before looking again.
const SOON: Duration = Duration::from_secs(2);
const PAUSE: Duration = Duration::from_millis(1);

/// Last bytes of the loopback addresses that the forwarder tries.
const LOOPBACKS: std::ops::RangeInclusive<u8> = 1..=9;

/// What was changed, in order.
#[derive(Debug)]
pub(super) struct Executor {
    pub(super) netlink: Netlink,
    journal: Journal,
    done: Vec<Done>,
}

#[derive(Debug)]
struct Done {
    change: Change,
    entry: Option<(EntryId, Undo)>,
    /// Lives as long as the resolver file names it.
    _forwarder: Option<Forwarder>,
}

impl Executor {
    pub(super) fn new(journal: &Journal) -> Result<Self, NetError> {
        Ok(Self { netlink: Netlink::open()?, journal: journal.clone(), done: Vec::new() })
    }

    /// Makes all changes; when one fails, those before it are undone.
    pub(super) async fn make_all(&mut self, changes: Vec<Change>) -> Result<(), NetError> {
        for change in changes {
            if let Err(error) = self.make(change).await {
                // The first failure is the one that says why.
                let _ = self.undo_all(|_| true).await;
                return Err(error);
            }
        }
        Ok(())
    }

    /// Makes one change. What is there already is not made, and not undone later.
    pub(super) async fn make(&mut self, change: Change) -> Result<(), NetError> {
        match &change {
            Change::Link { device, index, mtu, ipv6 } => {
                quieten(device, *ipv6);
                self.netlink.link_up(*index, *mtu, &change).await?;
                if !is_quiet(device) {
                    // The MTU fits IPv6 again: the kernel has begun anew, and has taken an address already.
                    quieten(device, false);
                    quieten(device, *ipv6);
                }
                self.push(change, None, None);
            }
            Change::Address { device, index, address } => {
                let undo = Undo::DeleteAddress { device: device.clone(), index: *index, address: *address };
                let entry = self.journal.record(&change.to_string(), &undo)?;
                let result = self.netlink.add_address(*index, *address, &change).await;
                if address.addr().is_ipv6() && result.is_ok() {
                    self.wait_for_own(address.addr()).await?;
                }
                self.finish(change, entry, undo, result, None)?;
            }
            Change::Route(route) => {
                let undo = Undo::DeleteRoute(route.clone());
                let entry = self.journal.record(&change.to_string(), &undo)?;
                let result = self.netlink.add_route(route).await;
                self.finish(change, entry, undo, result, None)?;
            }
            Change::Resolver { .. } => self.resolver(change).await?,
            Change::Forwarding(which) => {
                let path = which.path();
                let failed = |source| NetError::file(&path, source);
                let original = fs::read_to_string(&path).map_err(failed)?.trim().to_owned();
                if original != "1" {
                    let undo = Undo::RestoreForwarding { which: *which, original };
                    let entry = self.journal.record(&change.to_string(), &undo)?;
                    let result = fs::write(&path, "1").map(|()| true).map_err(failed);
                    self.finish(change, entry, undo, result, None)?;
                }
            }
            Change::Table { name, ruleset } => {
                let undo = Undo::DeleteTable { name: name.clone() };
                let entry = self.journal.record(&change.to_string(), &undo)?;
                let result = nft::load(&change.to_string(), ruleset).await.map(|()| true);
                self.finish(change, entry, undo, result, None)?;
            }
        }
        Ok(())
    }

    /// The kernel takes an IPv6 address into use in the background, some time after it has acknowledged it; before that
    /// nothing can be sent from it.
    async fn wait_for_own(&self, address: IpAddr) -> Result<(), NetError> {
        let deadline = Instant::now() + SOON;
        while self.netlink.lookup(address).await? != Lookup::Local {
            if Instant::now() > deadline {
                tracing::debug!(%address, "not in use after {SOON:?}");
                break;
            }
            tokio::time::sleep(PAUSE).await;
        }
        Ok(())
    }

    async fn resolver(&mut self, change: Change) -> Result<(), NetError> {
        let Change::Resolver { device, servers, search, split } = &change else { return Ok(()) };
        let path = Path::new(resolver::PATH);
        let original = resolver::read(path)?;
        let before = resolver::ResolverFile::parse(original.as_deref().unwrap_or_default());
        let suffixes = resolver::domains(split);
        let forwarder = match suffixes.is_empty() {
            true => None,
            false => {
                let tunnel = servers.iter().map(|&server| SocketAddr::new(server, 53)).collect();
                let others = before.servers.clone();
                let config = SplitDns { suffixes, tunnel, others, patience: PATIENCE };
                Some(Forwarder::start(&forwarder_addresses(), config)?)
            }
        };
        let named: Vec<_> = match &forwarder {
            Some(forwarder) => vec![forwarder.address().ip()],
            None => servers.clone(),
        };
        let text = before.replaced(&named, search, forwarder.is_some(), device);
        let undo = resolver::undo(path, original, &text);
        let entry = self.journal.record(&change.to_string(), &undo)?;
        let mut result = resolver::write_through(path, text.as_bytes()).map(|()| true);
        if let Err(error) = result {
            // A part of it may be written.
            perform(&undo, &self.netlink).await?;
            result = Err(error);
        }
        self.finish(change, entry, undo, result, forwarder)
    }

    fn finish(
        &mut self,
        change: Change,
        entry: EntryId,
        undo: Undo,
        result: Result<bool, NetError>,
        forwarder: Option<Forwarder>,
    ) -> Result<(), NetError> {
        match result {
            Ok(true) => self.push(change, Some((entry, undo)), forwarder),
            Ok(false) => self.journal.settle(entry)?,
            Err(error) => {
                self.journal.settle(entry)?;
                return Err(error);
            }
        }
        Ok(())
    }

    fn push(&mut self, change: Change, entry: Option<(EntryId, Undo)>, forwarder: Option<Forwarder>) {
        self.done.push(Done { change, entry, _forwarder: forwarder });
    }

    /// The changes that are in force.
    pub(super) fn changes(&self) -> impl Iterator<Item = &Change> {
        self.done.iter().map(|done| &done.change)
    }

    /// The routes among them.
    pub(super) fn routes(&self) -> Vec<Route> {
        let routes = self.changes().filter_map(|change| match change {
            Change::Route(route) => Some(route.clone()),
            _ => None,
        });
        routes.collect()
    }

    /// Forgets routes that the kernel has dropped by itself, with an interface or an address.
    pub(super) async fn drop_vanished_routes(&mut self) -> Result<(), NetError> {
        let known = self.netlink.routes().await?;
        let vanished = |change: &Change| match change {
            Change::Route(route) => !known.iter().any(|known| known.is(route)),
            _ => false,
        };
        let (gone, left): (Vec<Done>, Vec<Done>) = self.done.drain(..).partition(|done| vanished(&done.change));
        self.done = left;
        for done in gone {
            if let Some((entry, _)) = done.entry {
                self.journal.settle(entry)?;
            }
        }
        Ok(())
    }

    /// Undoes the changes that are not wanted any more, the latest first.
    pub(super) async fn undo_unless(&mut self, wanted: &[Change]) -> Recovery {
        let (stale, left): (Vec<Done>, Vec<Done>) =
            self.done.drain(..).partition(|done| !wanted.contains(&done.change));
        self.done = left;
        self.undo_list(stale, |_| true).await
    }

    /// Undoes all changes, the latest first; those for which `really` is false are only forgotten.
    pub(super) async fn undo_all(&mut self, really: impl Fn(&Change) -> bool) -> Recovery {
        let all = std::mem::take(&mut self.done);
        self.undo_list(all, really).await
    }

    async fn undo_list(&self, list: Vec<Done>, really: impl Fn(&Change) -> bool) -> Recovery {
        let mut report = Recovery::default();
        for done in list.into_iter().rev() {
            let Some((entry, undo)) = &done.entry else { continue };
            let words = done.change.to_string();
            if really(&done.change) {
                match perform(undo, &self.netlink).await {
                    Ok(Outcome::Undone) => report.undone.push(words),
                    Ok(Outcome::Gone) => report.gone.push(words),
                    Ok(Outcome::Kept(reason)) => {
                        // It stays in the journal: a later recovery finds the file as this process found it.
                        report.kept.push(format!("{words}: {reason}"));
                        continue;
                    }
                    Err(error) => {
                        report.failed.push(error.to_string());
                        continue;
                    }
                }
            }
            if let Err(error) = self.journal.settle(*entry) {
                report.failed.push(error.to_string());
            }
        }
        report
    }
}

fn forwarder_addresses() -> Vec<SocketAddr> {
    LOOPBACKS.map(|last| SocketAddr::from((Ipv4Addr::new(127, 0, 0, last), 53))).collect()
}

/// Settings of the device, which go with it: no IPv6 of its own accord, addresses outlive the one they were added
/// beside. A kernel that does not know one of them does not do what it is about.
fn quieten(device: &str, ipv6: bool) {
    let off = if ipv6 { "0" } else { "1" };
    for (key, value) in [
        ("ipv6/conf/DEVICE/addr_gen_mode", NO_ADDRESS),
        ("ipv6/conf/DEVICE/accept_ra", "0"),
        ("ipv6/conf/DEVICE/router_solicitations", "0"),
        ("ipv6/conf/DEVICE/disable_ipv6", off),
        ("ipv4/conf/DEVICE/promote_secondaries", "1"),
    ] {
        match fs::write(setting(device, key), value) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                tracing::debug!(device, key, %error, "setting of the device");
            }
            _ => {}
        }
    }
}

/// Value of `addr_gen_mode` for which the kernel makes no address (`IN6_ADDR_GEN_MODE_NONE`, linux/if_link.h).
const NO_ADDRESS: &str = "1";

/// Whether the device is as [`quieten`] leaves it, or has no IPv6 at all.
fn is_quiet(device: &str) -> bool {
    fs::read_to_string(setting(device, "ipv6/conf/DEVICE/addr_gen_mode")).map_or(true, |mode| mode.trim() == NO_ADDRESS)
}

fn setting(device: &str, key: &str) -> PathBuf {
    Path::new("/proc/sys/net").join(key.replace("DEVICE", device))
}

impl Forwarding {
    /// The settings for the families of these networks.
    pub(super) fn of(networks: &[ipnet::IpNet]) -> Vec<Self> {
        let has = |ipv6: bool| networks.iter().any(|network| network.addr().is_ipv6() == ipv6);
        [(false, Self::Ipv4), (true, Self::Ipv6)]
            .into_iter()
            .filter(|(ipv6, _)| has(*ipv6))
            .map(|(_, which)| which)
            .collect()
    }
}
