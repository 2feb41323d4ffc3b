//! A plan in force: applied, followed through changes of the network, undone.

use std::net::IpAddr;

use reference_cstp::defects::{Defects, Mutant};

use super::NetError;
use super::change::{Change, Route, Target};
use super::executor::Executor;
use super::journal::Journal;
use super::plan::{MIN_IPV6_MTU, NetPlan};
use super::recover::Recovery;
use super::underlay::Underlay;

/// The network of the machine with the tunnel. When it is dropped without [`Applied::undo`], the changes stay until the
/// process has ended and another one recovers from the journal.
#[derive(Debug)]
#[must_use = "the changes stay in force without `undo`"]
pub struct Applied {
    plan: NetPlan,
    defects: Defects,
    executor: Executor,
    notes: Vec<String>,
}

/// What has become of the path to the gateway.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PathChange {
    /// Nothing.
    Same,
    /// The host route leads elsewhere now; in words.
    Moved(String),
    /// There is no path at the moment; nothing was changed.
    Missing,
}

impl NetPlan {
    /// Makes the changes, on a device that exists.
    ///
    /// # Errors
    /// When one cannot be made; then those before it were undone.
    pub async fn apply(&self, journal: &Journal, defects: Defects) -> Result<Applied, NetError> {
        let mut executor = Executor::new(journal)?;
        let underlay = Underlay::look(&executor.netlink, self, &[]).await?;
        let planned = self.changes(&underlay, defects);
        executor.make_all(planned.changes).await?;
        Ok(Applied { plan: self.clone(), defects, executor, notes: planned.notes })
    }
}

impl Applied {
    /// Returns the plan that is in force.
    pub fn plan(&self) -> &NetPlan {
        &self.plan
    }

    /// Returns what of the plan needed no change, or could not be had, one line each.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// Returns the changes that are in force, in words.
    pub fn changes(&self) -> Vec<String> {
        self.executor.changes().map(ToString::to_string).collect()
    }

    /// Sets the MTU of the device. Where IPv6 no longer fits, or fits again, its addresses and routes follow.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub async fn set_mtu(&mut self, mtu: u16) -> Result<(), NetError> {
        if mtu == self.plan.mtu {
            return Ok(());
        }
        let crosses = (mtu < MIN_IPV6_MTU) != (self.plan.mtu < MIN_IPV6_MTU);
        let plan = NetPlan { mtu, ..self.plan.clone() };
        if crosses {
            return self.reconfigure(plan).await;
        }
        let index = super::netlink::index_of(&plan.device)?;
        let new_mtu = plan.device_mtu(self.defects);
        self.executor.netlink.link_up(index, new_mtu, &format!("MTU {new_mtu} of {}", plan.device)).await?;
        self.plan = plan;
        Ok(())
    }

    /// Looks again for the path to the gateway, whose address may be another one now, and moves the host route and
    /// the excluded networks there. To be called before each attempt to reconnect.
    ///
    /// # Errors
    /// When the kernel refuses; what it had refused is not in force.
    pub async fn gateway_changed(&mut self, gateway: IpAddr) -> Result<PathChange, NetError> {
        let plan = NetPlan { gateway, ..self.plan.clone() };
        let before = self.host_route();
        self.executor.drop_vanished_routes().await?;
        let underlay = Underlay::look(&self.executor.netlink, &plan, &self.executor.routes()).await?;
        if underlay.gateway.is_none() && !underlay.gateway_is_local {
            return Ok(PathChange::Missing);
        }
        self.follow(plan, &underlay).await?;
        let after = self.host_route();
        Ok(match after {
            Some(route) if Some(&route) != before.as_ref() => PathChange::Moved(route.to_string()),
            _ => PathChange::Same,
        })
    }

    /// Goes over to another plan for the same device, with as few changes as it takes: what is in both stays in force
    /// all the time (AC-RC-05).
    ///
    /// # Errors
    /// When the kernel refuses a change; those before it are in force, and [`Applied::undo`] undoes them.
    pub async fn reconfigure(&mut self, plan: NetPlan) -> Result<(), NetError> {
        self.executor.drop_vanished_routes().await?;
        let underlay = Underlay::look(&self.executor.netlink, &plan, &self.executor.routes()).await?;
        self.follow(plan, &underlay).await
    }

    async fn follow(&mut self, plan: NetPlan, underlay: &Underlay) -> Result<(), NetError> {
        let planned = plan.changes(underlay, self.defects);
        self.plan = plan;
        self.notes = planned.notes;
        let of_device = |change: &Change| matches!(change, Change::Link { .. } | Change::Address { .. });
        let new = |executor: &Executor, change: &Change| !executor.changes().any(|known| known == change);
        // With the last address of a family the kernel drops the routes of the device: the new ones come first.
        for change in planned.changes.iter().filter(|change| of_device(change)) {
            if new(&self.executor, change) {
                self.executor.make(change.clone()).await?;
            }
        }
        let report = self.executor.undo_unless(&planned.changes).await;
        if !report.failed.is_empty() {
            return Err(NetError::Undo { failures: report.failed });
        }
        self.executor.drop_vanished_routes().await?;
        for change in &planned.changes {
            if new(&self.executor, change) {
                self.executor.make(change.clone()).await?;
            }
        }
        Ok(())
    }

    /// The route to the gateway that is in force.
    fn host_route(&self) -> Option<Route> {
        let to = ipnet::IpNet::from(self.plan.gateway);
        let host = |route: &Route| route.to == to && matches!(route.target, Target::Outside(_));
        self.executor.routes().into_iter().find(host)
    }

    /// Undoes all changes, the latest first (AC-NET-07, AC-NET-08). What is gone already is fine; the device may be
    /// closed before or after.
    ///
    /// # Errors
    /// [`NetError::Undo`] with all that could not be undone; the rest was.
    pub async fn undo(mut self) -> Result<Recovery, NetError> {
        let defects = self.defects;
        let really = move |change: &Change| match change {
            Change::Route(route) => !(route.survives_device() && defects.has(Mutant::LeavesRoutesBehind)),
            Change::Resolver { .. } => !defects.has(Mutant::LeavesResolverBehind),
            _ => true,
        };
        let report = self.executor.undo_all(really).await;
        if report.failed.is_empty() { Ok(report) } else { Err(NetError::Undo { failures: report.failed }) }
    }
}
