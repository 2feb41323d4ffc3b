//! Device, addresses, routes and resolver: built-in, by a script, or not at all.

use std::net::IpAddr;
use std::path::Path;
use std::time::Duration;

use ipnet::IpNet;
use reference_cstp::connect::ConnectReply;
use reference_cstp::defects::Defects;
use reference_tunnel::net::{Applied, Hook, HookFacts, Journal, NetError, NetPlan, PathChange, Reason, TunDevice};
use reference_tunnel::plane::Device;

use crate::cli::{NetworkMode, Settings};
use crate::error::ClientError;
use crate::events::Event;
use crate::report::Reporter;
use crate::signals::Ending;

/// Longest run of a script.
const SCRIPT: Duration = Duration::from_secs(60);

/// The network of this machine as far as the tunnel changes it.
pub(crate) struct Network {
    kind: Kind,
    device: Option<String>,
    mtu: u16,
    bypass: Option<bool>,
    defects: Defects,
    ending: Ending,
    reporter: Reporter,
}

enum Kind {
    Off,
    BuiltIn { journal: Journal, applied: Option<Applied> },
    Script { hook: Hook, facts: HookFacts, connected: bool },
}

impl Network {
    /// Undoes what an earlier run left, and gets ready.
    pub(crate) async fn prepare(settings: &Settings, ending: Ending, reporter: &Reporter) -> Result<Self, ClientError> {
        let kind = match &settings.network {
            NetworkMode::Off => Kind::Off,
            NetworkMode::BuiltIn => {
                let journal = open_journal(&settings.journal)?;
                recover(&journal, reporter).await?;
                Kind::BuiltIn { journal, applied: None }
            }
            NetworkMode::Script(command) => {
                Kind::Script { hook: Hook::new(command, SCRIPT), facts: HookFacts::default(), connected: false }
            }
        };
        let (bypass, defects) = (settings.bypass, settings.defects);
        Ok(Self { kind, device: None, mtu: 0, bypass, defects, ending, reporter: reporter.clone() })
    }

    /// Makes the device; it is still down.
    pub(crate) async fn device(&mut self, name: Option<&str>, mtu: u16) -> Result<Device, ClientError> {
        self.mtu = mtu;
        match &self.kind {
            Kind::Off => return Ok(Device::None),
            Kind::Script { .. } => self.hook(Reason::PreInit).await,
            Kind::BuiltIn { .. } => {}
        }
        let device = TunDevice::create(name, mtu).map_err(|error| failed(&error))?;
        self.device = Some(device.name().to_owned());
        Ok(Device::Tun(device))
    }

    /// The name of the device.
    pub(crate) fn device_name(&self) -> Option<String> {
        self.device.clone()
    }

    /// Sets everything up for the first time, or goes over to what a reconnect brought; `options` are for scripts.
    pub(crate) async fn configure(
        &mut self,
        reply: &ConnectReply,
        options: &[(String, String)],
        gateway: IpAddr,
        mtu: u16,
    ) -> Result<(), ClientError> {
        self.mtu = mtu;
        let Some(device) = self.device.clone() else { return Ok(()) };
        match &mut self.kind {
            Kind::Off => {}
            Kind::BuiltIn { journal, applied } => {
                let plan = plan(reply, &device, gateway, mtu, self.bypass);
                match applied {
                    Some(applied) => applied.reconfigure(plan).await.map_err(|error| failed(&error))?,
                    None => *applied = Some(plan.apply(journal, self.defects).await.map_err(|error| failed(&error))?),
                }
                for note in applied.iter().flat_map(Applied::notes) {
                    tracing::info!("{note}");
                }
            }
            // There is nothing to be undone later, then.
            Kind::Script { .. } if self.ending.is_wanted() => {}
            Kind::Script { facts, connected, .. } => {
                *facts = HookFacts { cstp_options: options.to_vec(), ..hook_facts(reply, &device, gateway, mtu) };
                let reason = if std::mem::replace(connected, true) { Reason::Reconnect } else { Reason::Connect };
                self.hook(reason).await;
            }
        }
        Ok(())
    }

    /// Gives the device another MTU.
    pub(crate) async fn set_mtu(&mut self, mtu: u16) {
        self.mtu = mtu;
        let result = match (&mut self.kind, &self.device) {
            (Kind::BuiltIn { applied: Some(applied), .. }, _) => {
                applied.set_mtu(mtu).await.map_err(|error| error.to_string())
            }
            (Kind::Script { facts, .. }, Some(device)) => {
                facts.mtu = Some(mtu);
                let file = Path::new("/sys/class/net").join(device).join("mtu");
                std::fs::write(file, mtu.to_string()).map_err(|error| error.to_string())
            }
            _ => Ok(()),
        };
        if let Err(reason) = result {
            self.warn(format!("the MTU of the device could not be set to {mtu}: {reason}"));
        }
    }

    /// To be called before each attempt to reconnect: the path to the gateway may be another one.
    pub(crate) async fn before_attempt(&mut self, gateway: IpAddr, first: bool) {
        match &mut self.kind {
            Kind::BuiltIn { applied: Some(applied), .. } => match applied.gateway_changed(gateway).await {
                Ok(PathChange::Moved(how)) => self.warn(format!("the path to the gateway has changed: {how}")),
                Ok(PathChange::Missing) => self.warn("there is no path to the gateway".to_owned()),
                Ok(PathChange::Same) => {}
                Err(error) => self.warn(format!("the path to the gateway could not be followed: {error}")),
            },
            Kind::Script { connected: true, .. } if first => self.hook(Reason::AttemptReconnect).await,
            _ => {}
        }
    }

    /// Undoes everything.
    pub(crate) async fn down(&mut self) {
        match &mut self.kind {
            Kind::BuiltIn { applied, .. } => {
                if let Some(applied) = applied.take() {
                    match applied.undo().await {
                        Ok(recovery) => recovery.kept.iter().for_each(|line| self.warn(format!("left alone: {line}"))),
                        Err(error) => self.warn(format!("not everything could be undone: {error}")),
                    }
                }
            }
            Kind::Script { connected, .. } => {
                if std::mem::replace(connected, false) {
                    self.hook(Reason::Disconnect).await;
                }
            }
            Kind::Off => {}
        }
    }

    /// Runs the script; its failure is told and does not end the session, as with openconnect.
    ///
    /// The end does not wait for it, but for the one that undoes the others; and that one is stopped when the end is wished for again.
    async fn hook(&self, reason: Reason) {
        let Kind::Script { hook, facts, .. } = &self.kind else { return };
        if self.ending.is_wanted() && reason != Reason::Disconnect {
            return;
        }
        let result = tokio::select! {
            result = hook.run(reason, facts) => result,
            () = self.ending.wanted_again() => {
                return self.warn(format!("the script was stopped during {}: the end was asked for", reason.name()));
            }
        };
        match result {
            Ok(status) if status.success() => {}
            Ok(status) => self.warn(format!("the script failed for {}: {status}", reason.name())),
            Err(error) => self.warn(format!("the script failed: {error}")),
        }
    }

    fn warn(&self, message: String) {
        self.reporter.tell(&Event::Warning { message });
    }
}

/// Undoes what a run that was killed left behind, and does nothing else.
pub(crate) async fn cleanup(folder: &Path, reporter: &Reporter) -> Result<(), ClientError> {
    let (clean, found) = recover(&open_journal(folder)?, reporter).await?;
    if !found {
        reporter.tell(&Event::Recovered { what: "nothing, for nothing was left behind".into() });
    }
    if clean {
        Ok(())
    } else {
        Err(ClientError::Network("something could not be undone; the lines above say what".into()))
    }
}

/// Returns whether everything that was found is undone, and whether there was anything.
async fn recover(journal: &Journal, reporter: &Reporter) -> Result<(bool, bool), ClientError> {
    let recovery = journal.recover().await.map_err(|error| failed(&error))?;
    let clean = recovery.is_clean();
    let found = !(clean && recovery.undone.is_empty() && recovery.gone.is_empty());
    let gone = recovery.gone.into_iter().map(|line| format!("{line} (it was gone already)"));
    for what in recovery.undone.into_iter().chain(gone) {
        reporter.tell(&Event::Recovered { what });
    }
    for line in &recovery.kept {
        tracing::info!("left alone: {line}");
    }
    for line in recovery.failed {
        reporter.tell(&Event::Warning { message: format!("could not be undone: {line}") });
    }
    for line in recovery.damaged {
        let message = format!("{} line {}: {}", line.file.display(), line.line, line.reason);
        reporter.tell(&Event::Warning { message });
    }
    Ok((clean, found))
}

fn open_journal(folder: &Path) -> Result<Journal, ClientError> {
    Journal::open(folder).map_err(|error| match failed(&error) {
        ClientError::NoPermission(reason) => ClientError::NoPermission(format!("open the journal {reason}")),
        _ => ClientError::Unwritable { what: "the journal", path: folder.to_owned(), reason: error.to_string() },
    })
}

fn failed(error: &NetError) -> ClientError {
    if error.is_permission() {
        ClientError::NoPermission(error.to_string())
    } else {
        ClientError::Network(error.to_string())
    }
}

/// What the gateway pushed as a plan for this machine.
fn plan(reply: &ConnectReply, device: &str, gateway: IpAddr, mtu: u16, bypass: Option<bool>) -> NetPlan {
    let addresses = addresses(reply);
    let has = |ipv6: bool| addresses.iter().any(|address| address.addr().is_ipv6() == ipv6);
    // A family without an address is blocked when everything else goes through the tunnel (AC-NET-12).
    let blocks = !bypass.or(reply.client_bypass).unwrap_or(false) && reply.include.is_empty();
    NetPlan {
        device: device.to_owned(),
        mtu,
        block_ipv6: blocks && !has(true),
        block_ipv4: blocks && !has(false),
        addresses,
        include: reply.include.clone(),
        exclude: reply.exclude.clone(),
        gateway,
        dns: reply.dns.clone(),
        search: reply.default_domain.clone(),
        split_dns: if reply.tunnel_all_dns == Some(true) { Vec::new() } else { reply.split_dns.clone() },
    }
}

fn hook_facts(reply: &ConnectReply, device: &str, gateway: IpAddr, mtu: u16) -> HookFacts {
    let addresses = addresses(reply);
    HookFacts {
        gateway: Some(gateway),
        device: Some(device.to_owned()),
        address4: addresses.iter().find_map(|address| if let IpNet::V4(net) = address { Some(*net) } else { None }),
        address6: addresses.iter().find_map(|address| if let IpNet::V6(net) = address { Some(*net) } else { None }),
        mtu: Some(mtu),
        dns: reply.dns.clone(),
        nbns: reply.nbns.clone(),
        search: reply.default_domain.clone(),
        split_dns: reply.split_dns.clone(),
        proxy_pac: reply.proxy_pac.clone(),
        banner: reply.banner.clone(),
        idle_timeout: reply.idle_timeout.and_then(|timeout| u32::try_from(timeout.as_secs()).ok()),
        include: reply.include.clone(),
        exclude: reply.exclude.clone(),
        ..HookFacts::default()
    }
}

/// The inner addresses with their prefixes.
pub(crate) fn addresses(reply: &ConnectReply) -> Vec<IpNet> {
    reply.addresses.iter().map(|inner| inner.to_net()).collect()
}
