//! Runs a script with the interface of `vpnc-script`, instead of or beside the built-in set-up.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use tokio::process::Command;

use super::NetError;
use super::plan::MAX_RESOLVERS;

/// Variables of the interface that have no number in their names; the hook does not see this process's own.
const VARIABLES: &[&str] = &[
    "reason",
    "VPNGATEWAY",
    "VPNPID",
    "TUNDEV",
    "TUNIDX",
    "VPNFD",
    "LOG_LEVEL",
    "IDLE_TIMEOUT",
    "INTERNAL_IP4_ADDRESS",
    "INTERNAL_IP4_MTU",
    "INTERNAL_IP4_NETADDR",
    "INTERNAL_IP4_NETMASK",
    "INTERNAL_IP4_NETMASKLEN",
    "INTERNAL_IP4_DNS",
    "INTERNAL_IP4_NBNS",
    "INTERNAL_IP6_ADDRESS",
    "INTERNAL_IP6_NETMASK",
    "INTERNAL_IP6_DNS",
    "CISCO_DEF_DOMAIN",
    "CISCO_SPLIT_DNS",
    "CISCO_PROXY_PAC",
    "CISCO_BANNER",
    "CISCO_CSTP_OPTIONS",
];

/// Beginnings of the names with a number.
const NUMBERED: &[&str] = &["CISCO_SPLIT_INC", "CISCO_SPLIT_EXC", "CISCO_IPV6_SPLIT_INC", "CISCO_IPV6_SPLIT_EXC"];

/// Longest value that is passed on, in bytes; the kernel allows 128 KiB for a variable (`MAX_ARG_STRLEN`).
const LONGEST: usize = 100 * 1024;

/// Why the hook runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// Before the device is made.
    PreInit,
    /// The tunnel is up.
    Connect,
    /// The tunnel has ended.
    Disconnect,
    /// The connection was lost and is about to be made again (AC-RC-10).
    AttemptReconnect,
    /// The connection was made again (AC-RC-10).
    Reconnect,
}

impl Reason {
    /// All reasons, in the order of a session.
    pub const ALL: &'static [Self] =
        &[Self::PreInit, Self::Connect, Self::Disconnect, Self::AttemptReconnect, Self::Reconnect];

    /// Returns the value of the variable `reason`.
    pub fn name(self) -> &'static str {
        match self {
            Self::PreInit => "pre-init",
            Self::Connect => "connect",
            Self::Disconnect => "disconnect",
            Self::AttemptReconnect => "attempt-reconnect",
            Self::Reconnect => "reconnect",
        }
    }
}

/// What the hook is told; what is not known yet stays empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HookFacts {
    /// Address of the server.
    pub gateway: Option<IpAddr>,
    /// Name of the device.
    pub device: Option<String>,
    /// IPv4 address and the netmask that the server sent with it.
    pub address4: Option<Ipv4Net>,
    /// IPv6 address and prefix length.
    pub address6: Option<Ipv6Net>,
    /// MTU of the device, in bytes of IP packet.
    pub mtu: Option<u16>,
    /// Resolvers of both families, of which three are named.
    pub dns: Vec<IpAddr>,
    /// NetBIOS name servers; `0.0.0.0` is left out (AC-NET-11).
    pub nbns: Vec<IpAddr>,
    /// Default domains.
    pub search: Vec<String>,
    /// Split-DNS suffixes.
    pub split_dns: Vec<String>,
    /// Address of the proxy configuration (AC-NET-19).
    pub proxy_pac: Option<String>,
    /// Banner, decoded.
    pub banner: Option<String>,
    /// Included networks of both families.
    pub include: Vec<IpNet>,
    /// Excluded networks of both families.
    pub exclude: Vec<IpNet>,
    /// Every `X-CSTP` header of the server, in its order and spelling.
    pub cstp_options: Vec<(String, String)>,
    /// Seconds without traffic after which the server ends the session.
    pub idle_timeout: Option<u32>,
    /// How much the hook should say, from 0.
    pub log_level: u8,
}

impl HookFacts {
    /// Returns the variables of the interface, without those that have no value.
    pub fn environment(&self, reason: Reason) -> BTreeMap<String, String> {
        let mut variables = Variables::default();
        variables.set("reason", reason.name());
        variables.set("VPNPID", std::process::id());
        variables.set("LOG_LEVEL", self.log_level);
        variables.maybe("VPNGATEWAY", self.gateway);
        variables.maybe("TUNDEV", self.device.as_ref());
        variables.maybe("IDLE_TIMEOUT", self.idle_timeout);
        variables.maybe("INTERNAL_IP4_MTU", self.mtu);
        if let Some(address) = self.address4 {
            variables.set("INTERNAL_IP4_ADDRESS", address.addr());
            variables.set("INTERNAL_IP4_NETADDR", address.network());
            variables.set("INTERNAL_IP4_NETMASK", address.netmask());
            variables.set("INTERNAL_IP4_NETMASKLEN", address.prefix_len());
        }
        if let Some(address) = self.address6 {
            variables.set("INTERNAL_IP6_ADDRESS", address.addr());
            variables.set("INTERNAL_IP6_NETMASK", address);
        }
        variables.list("INTERNAL_IP4_DNS", self.dns.iter().take(MAX_RESOLVERS), " ");
        let nbns = self.nbns.iter().filter(|server| !server.is_unspecified());
        variables.list("INTERNAL_IP4_NBNS", nbns.take(MAX_RESOLVERS), " ");
        variables.list("CISCO_DEF_DOMAIN", self.search.iter(), " ");
        variables.list("CISCO_SPLIT_DNS", self.split_dns.iter(), ",");
        variables.maybe("CISCO_PROXY_PAC", self.proxy_pac.as_ref());
        variables.maybe("CISCO_BANNER", self.banner.as_ref());
        let options: Vec<String> = self.cstp_options.iter().map(|(name, value)| format!("{name}={value}\n")).collect();
        variables.list("CISCO_CSTP_OPTIONS", options.iter(), "");
        variables.networks("INC", &self.include);
        variables.networks("EXC", &self.exclude);
        variables.0
    }
}

#[derive(Default)]
struct Variables(BTreeMap<String, String>);

impl Variables {
    /// No variable can hold a zero byte.
    fn set(&mut self, name: &str, value: impl ToString) {
        let mut value = value.to_string().replace('\0', "");
        value.truncate(value.floor_char_boundary(LONGEST));
        self.0.insert(name.to_owned(), value);
    }

    fn maybe(&mut self, name: &str, value: Option<impl ToString>) {
        if let Some(value) = value {
            self.set(name, value);
        }
    }

    fn list(&mut self, name: &str, values: impl Iterator<Item = impl ToString>, between: &str) {
        let values: Vec<String> = values.map(|value| value.to_string()).collect();
        if !values.is_empty() {
            self.set(name, values.join(between));
        }
    }

    /// `CISCO_SPLIT_INC` is how many there are, `CISCO_SPLIT_INC_0_ADDR` the first address.
    fn networks(&mut self, kind: &str, networks: &[IpNet]) {
        let (mut of_ipv4, mut of_ipv6) = (0, 0);
        for network in networks.iter().map(IpNet::trunc) {
            match network {
                IpNet::V4(network) => {
                    let name = format!("CISCO_SPLIT_{kind}_{of_ipv4}");
                    self.set(&format!("{name}_ADDR"), network.addr());
                    self.set(&format!("{name}_MASK"), network.netmask());
                    self.set(&format!("{name}_MASKLEN"), network.prefix_len());
                    for ignored in ["PROTOCOL", "SPORT", "DPORT"] {
                        self.set(&format!("{name}_{ignored}"), 0);
                    }
                    of_ipv4 += 1;
                }
                IpNet::V6(network) => {
                    let name = format!("CISCO_IPV6_SPLIT_{kind}_{of_ipv6}");
                    self.set(&format!("{name}_ADDR"), network.addr());
                    self.set(&format!("{name}_MASKLEN"), network.prefix_len());
                    of_ipv6 += 1;
                }
            }
        }
        if of_ipv4 > 0 {
            self.set(&format!("CISCO_SPLIT_{kind}"), of_ipv4);
        }
        if of_ipv6 > 0 {
            self.set(&format!("CISCO_IPV6_SPLIT_{kind}"), of_ipv6);
        }
    }
}

/// A script to run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hook {
    command: String,
    limit: Duration,
}

impl Hook {
    /// Makes a hook from a command line for `/bin/sh -c`, and the time that it may take.
    pub fn new(command: impl Into<String>, limit: Duration) -> Self {
        Self { command: command.into(), limit }
    }

    /// Runs it and waits. Both its outputs go to standard error. Returns how it ended; a failure of the script is not
    /// an error here.
    ///
    /// # Errors
    /// When it cannot be started, or takes longer than its limit; then it is killed with all that it started. That
    /// happens as well when nobody waits for the end any more.
    pub async fn run(&self, reason: Reason, facts: &HookFacts) -> Result<ExitStatus, NetError> {
        let failed = |source| NetError::Hook { command: self.command.clone(), reason: reason.name(), source };
        let mut command = Command::new("/bin/sh");
        command.arg("-c").arg(&self.command).stdin(Stdio::null()).stdout(std::io::stderr()).process_group(0);
        for (name, _) in std::env::vars_os() {
            if name.to_str().is_some_and(is_of_interface) {
                command.env_remove(name);
            }
        }
        let mut child = command.envs(facts.environment(reason)).kill_on_drop(true).spawn().map_err(failed)?;
        let mut group = Group(child.id().and_then(|id| i32::try_from(id).ok()).map(Pid::from_raw));
        match tokio::time::timeout(self.limit, child.wait()).await {
            Ok(status) => {
                group.0 = None;
                status.map_err(failed)
            }
            Err(_) => {
                drop(group);
                let _ = child.wait().await;
                Err(NetError::HookTimeout { command: self.command.clone(), reason: reason.name(), limit: self.limit })
            }
        }
    }
}

/// A script and all that it started; killed when dropped.
struct Group(Option<Pid>);

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(group) = self.0 {
            // It has not been waited for, so the number is still its own.
            let _ = killpg(group, Signal::SIGKILL);
        }
    }
}

fn is_of_interface(name: &str) -> bool {
    VARIABLES.contains(&name) || NUMBERED.iter().any(|beginning| name.starts_with(beginning))
}

#[cfg(test)]
#[path = "hook_tests.rs"]
mod tests;
