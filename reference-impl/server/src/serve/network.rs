//! The TUN device and the machine's network behind it.

use std::path::Path;

use ipnet::IpNet;
use reference_cstp::connect::{Cipher, OuterIp, data_mtu};
use reference_tunnel::{
    net::{Journal, NetError, ServerApplied, ServerPlan, TunDevice},
    plane::Device,
};

use crate::{
    config::Config,
    events::Events,
    failure::{Exit, Failure},
    sessions::AddressPool,
};

/// What was changed on the machine, to be put back at the end.
#[derive(Debug, Default)]
pub(super) struct Ground {
    /// Name of the device.
    pub(super) device: Option<String>,
    applied: Option<ServerApplied>,
}

impl Ground {
    /// Makes the device and sets addresses, routes, forwarding and source NAT. Without a device nothing is changed.
    pub(super) async fn prepare(config: &Config, journal: &Path, events: &Events) -> Result<(Device, Self), Failure> {
        let Some(wanted) = &config.network.device else { return Ok((Device::None, Self::default())) };
        // The kernel's side of every session has one MTU; a session with less says so with its own.
        let mtu = data_mtu(config.network.mtu, OuterIp::V4, Cipher::AesGcm);
        let device = TunDevice::create(Some(wanted), mtu).map_err(|error| failure("make the TUN device", &error))?;
        let journal = Journal::open(journal).map_err(|error| failure("open the journal", &error))?;
        match journal.recover().await {
            Ok(recovery) => {
                for what in recovery.undone {
                    events.warn(format!("put back what an earlier run left: {what}"));
                }
                for what in recovery.failed {
                    events.warn(format!("could not put back what an earlier run left: {what}"));
                }
            }
            Err(error) => events.warn(format!("could not look for what an earlier run left: {error}")),
        }
        let pools: Vec<AddressPool> = config.pools.iter().map(|pool| AddressPool::new(*pool)).collect();
        let nets = config
            .pools
            .iter()
            .flat_map(|pool| pool.ipv4.map(IpNet::from).into_iter().chain(pool.ipv6.map(IpNet::from)));
        let plan = ServerPlan {
            device: device.name().to_owned(),
            mtu,
            addresses: pools.iter().flat_map(AddressPool::server).collect(),
            pools: nets.collect(),
            allowed: Vec::new(),
            source_nat: config.network.source_nat,
        };
        let applied = plan.apply(&journal).await.map_err(|error| failure("set up the network", &error))?;
        let name = device.name().to_owned();
        Ok((Device::Tun(device), Self { device: Some(name), applied: Some(applied) }))
    }

    /// Puts everything back.
    pub(super) async fn restore(self, events: &Events) {
        let Some(applied) = self.applied else { return };
        if let Err(error) = applied.undo().await {
            events.warn(format!("the network could not be put back: {error}"));
        }
    }
}

fn failure(what: &str, error: &NetError) -> Failure {
    if error.is_permission() {
        let hint =
            "run as root, or with CAP_NET_ADMIN and access to /dev/net/tun; `network: {device: none}` serves without";
        return Failure::new(Exit::NoPermission, format!("{what}: {error}"), hint);
    }
    let hint = match error {
        NetError::NameInUse { .. } | NetError::BadName { .. } => "write another `network.device`, such as `vpns%d`",
        NetError::NoTun { .. } => "load the kernel module `tun`; `network: {device: none}` serves without",
        _ => "the message names what was refused; changes made before it were put back",
    };
    let exit = if matches!(error, NetError::BadName { .. }) { Exit::Config } else { Exit::Internal };
    Failure::new(exit, format!("{what}: {error}"), hint)
}
