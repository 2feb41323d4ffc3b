//! The variables that a peer's templates may use.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use interop_catalogue::{Params, Peer};
use interop_pki::Issued;
use ipnet::{IpNet, Ipv4Net};
use minijinja::value::Serde;
use minijinja::{Value, context};
use serde::Serialize;

use super::PeerChoice;
use super::choice::roots;
use crate::cell::World;

/// Port of a server whose peer file names none: AnyConnect's.
const DEFAULT_PORT: u16 = 443;

/// Where packages put the script, below the root of a file system.
const BELOW_ROOT: &str = "usr/share/vpnc-scripts/vpnc-script";

/// Somebody who may log in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct User {
    pub(crate) name: String,
    pub(crate) password: String,
}

/// What both peers of a cell must agree on, from the scenario's parameters and the peers' defaults.
#[derive(Clone, Debug)]
pub(crate) struct CellSettings {
    /// Network from which clients get addresses.
    pub(crate) pool: Ipv4Net,
    /// The same for IPv6, if the scenario has IPv6 inside.
    pub(crate) pool_v6: Option<IpNet>,
    /// Port of the server.
    pub(crate) port: u16,
    /// Everybody who may log in; client number n is user number n.
    pub(crate) users: Vec<User>,
    /// Every parameter by name, with `_` for `-`: peers' defaults, then the scenario's.
    values: BTreeMap<String, Value>,
}

impl CellSettings {
    /// Puts the scenario's parameters over the server's and the client's defaults.
    pub(crate) fn new(params: &Params, client: &Peer, server: &Peer) -> Self {
        let mut values = BTreeMap::new();
        for peer in [client, server] {
            for (name, value) in &peer.defaults {
                values.insert(name.replace('-', "_"), value.template_value());
            }
        }
        values.extend(params.template_context());
        let text = |name: &str| values.get(name).map(Value::to_string);
        let pool = text("pool").and_then(|text| text.parse().ok()).unwrap_or_else(default_pool);
        let pool_v6 = match text("pool_v6").and_then(|text| text.parse().ok()) {
            Some(pool) => Some(pool),
            None if values.get("inner_ipv6").is_some_and(Value::is_true) => "fd30::/64".parse().ok(),
            None => None,
        };
        let port = text("port").and_then(|text| text.parse().ok()).unwrap_or(DEFAULT_PORT);
        let user = |name: &str| User { name: name.to_owned(), password: format!("{name}-of-the-lab") };
        Self { pool, pool_v6, port, users: ["alice", "bob", "carol"].map(user).to_vec(), values }
    }

    /// A parameter as text.
    pub(crate) fn text(&self, name: &str) -> Option<String> {
        self.values.get(&name.replace('-', "_")).map(Value::to_string)
    }

    /// Whether a parameter is set and true.
    pub(crate) fn is_true(&self, name: &str) -> bool {
        self.values.get(&name.replace('-', "_")).is_some_and(Value::is_true)
    }
}

fn default_pool() -> Ipv4Net {
    Ipv4Net::new_assert(std::net::Ipv4Addr::new(10, 30, 0, 0), 24)
}

/// The variables of one peer in one node. `client_index` tells clients of one cell apart.
pub(crate) fn variables(
    world: &World,
    settings: &CellSettings,
    choice: &PeerChoice,
    pki: &Issued,
    folder: &Path,
    client_index: usize,
) -> Value {
    let user = settings.users.get(client_index).or(settings.users.first());
    let username = settings.text("username").or_else(|| user.map(|user| user.name.clone()));
    let password = settings.text("password").or_else(|| user.map(|user| user.password.clone()));
    let routes = |v6: bool| -> Vec<String> {
        let pushed = world.inside_networks.iter().filter(|network| network.addr().is_ipv6() == v6);
        pushed.map(ToString::to_string).collect()
    };
    let dns: Option<IpAddr> = world.inside_dns;
    let (run_as_user, run_as_group) = if world.rootless { ("root", "daemon") } else { ("nobody", "daemon") };
    context! {
        binary => choice.binary.display().to_string(),
        dir => folder.display().to_string(),
        run => folder.display().to_string(),
        interface => "tun0",
        server_name => world.server_name.clone(),
        server_address => world.server_address.to_string(),
        server_ipv6 => world.server_address.is_ipv6(),
        server_port => settings.port,
        username, password,
        users => Value::from(Serde(&settings.users)),
        pki => context! {
            ca => path(&pki.ca), server_chain => path(&pki.server_chain), server_key => path(&pki.server_key),
            client_cert => path(&pki.client_cert), client_key => path(&pki.client_key),
            client_ca => path(&pki.client_ca), crl => path(&pki.crl), server_pin => pki.server_pin.clone(),
        },
        pool => context! {
            network => settings.pool.network().to_string(),
            netmask => settings.pool.netmask().to_string(),
            prefix => settings.pool.prefix_len(),
            first => settings.text("pool-first"),
            last => settings.text("pool-last"),
            v6 => settings.pool_v6.map(|pool| pool.to_string()),
        },
        inside => context! {
            routes => routes(false), routes_v6 => routes(true),
            dns => dns.map(|dns| dns.to_string()), domain => world.inside_domain.clone(),
        },
        tunnel => settings.text("tunnel").unwrap_or_else(|| "split".to_owned()),
        split_dns => settings.is_true("split-dns"),
        settings => Value::from(Serde(&settings.values)),
        run_as_user, run_as_group,
        mutant => choice.mutant.clone(),
        script => script(choice),
    }
}

fn path(path: &Path) -> String {
    path.display().to_string()
}

/// The vpnc-script beside the program, of an unpacked peer, or the machine's.
fn script(choice: &PeerChoice) -> Option<String> {
    if choice.origin.is_some() {
        let script = Path::new("/").join(BELOW_ROOT);
        return choice.root().join(BELOW_ROOT).is_file().then(|| path(&script));
    }
    let beside = choice.binary.ancestors().map(|root| root.join(BELOW_ROOT));
    let unpacked = roots().into_iter().map(|root| root.join(BELOW_ROOT));
    let known =
        ["/usr/share/vpnc-scripts/vpnc-script", "/etc/vpnc/vpnc-script", "/usr/local/share/vpnc-scripts/vpnc-script"];
    beside.chain(unpacked).chain(known.map(PathBuf::from)).find(|script| script.is_file()).map(|script| path(&script))
}
