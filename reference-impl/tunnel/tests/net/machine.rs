//! A small machine: namespaces, a LAN with a router, a resolver file, and a look at all of it.

use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::{Path, PathBuf};

use futures_util::TryStreamExt as _;
use ipnet::IpNet;
use netlink_packet_route::address::AddressAttribute;
use netlink_packet_route::link::LinkAttribute;
use netlink_packet_route::route::{RouteAddress, RouteAttribute, RouteFlags, RouteMessage, RouteType};
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use reference_tunnel::net::{Journal, NetPlan, TunDevice};
use rtnetlink::{LinkUnspec, RouteMessageBuilder};

pub(crate) const RESOLVER: &str = "# the machine's own\nnameserver 192.168.1.1\nsearch home.example\n";

/// Enters new namespaces, with a resolver file of its own over the machine's. Returns why that is not possible here.
pub(crate) fn enter() -> Result<(), String> {
    let (uid, gid) = (nix::unistd::geteuid(), nix::unistd::getegid());
    unshare(CloneFlags::CLONE_NEWUSER | CloneFlags::CLONE_NEWNS | CloneFlags::CLONE_NEWNET)
        .map_err(|errno| format!("make the namespaces: {errno}"))?;
    let write = |path: &str, text: String| fs::write(path, text).map_err(|error| format!("{path}: {error}"));
    write("/proc/self/setgroups", "deny".to_owned())?;
    write("/proc/self/uid_map", format!("0 {uid} 1"))?;
    write("/proc/self/gid_map", format!("0 {gid} 1"))?;
    mount(None::<&str>, "/", None::<&str>, MsFlags::MS_REC | MsFlags::MS_PRIVATE, None::<&str>)
        .map_err(|errno| format!("make the mounts private: {errno}"))?;
    mount(Some("tmpfs"), "/run", Some("tmpfs"), MsFlags::empty(), None::<&str>)
        .map_err(|errno| format!("mount /run: {errno}"))?;
    write("/run/resolv.conf", RESOLVER.to_owned())?;
    mount(Some("/run/resolv.conf"), "/etc/resolv.conf", None::<&str>, MsFlags::MS_BIND, None::<&str>)
        .map_err(|errno| format!("cover the resolver file: {errno}"))?;
    // From here on it is a bug if the machine's own file were meant.
    assert_eq!(fs::read_to_string("/etc/resolv.conf").unwrap(), RESOLVER);
    match TunDevice::create(Some("probe"), 1400) {
        Ok(_) => Ok(()),
        Err(error) => Err(error.to_string()),
    }
}

/// Runs a case on a runtime with one thread.
pub(crate) fn block_on(case: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(case);
}

pub(crate) fn net(text: &str) -> IpNet {
    text.parse().unwrap()
}

pub(crate) fn nets(list: &[&str]) -> Vec<IpNet> {
    list.iter().map(|text| net(text)).collect()
}

pub(crate) fn ips(list: &[&str]) -> Vec<IpAddr> {
    list.iter().map(|text| text.parse().unwrap()).collect()
}

/// A machine in a LAN, with a router to everything else.
pub(crate) struct Machine {
    handle: rtnetlink::Handle,
    /// The LAN's interfaces; a TUN device needs no kernel module beside the one that the tests need anyway.
    _lan: Vec<TunDevice>,
    pub(crate) journal: Journal,
}

impl Machine {
    /// 192.168.1.10/24 and 2001:db8:1::10/64 on `lan0`, default routes over the first addresses.
    pub(crate) async fn start() -> Self {
        let (connection, handle, _) = rtnetlink::new_connection().unwrap();
        tokio::spawn(connection);
        let journal = Journal::open(journal_folder()).unwrap();
        let mut machine = Self { handle, _lan: Vec::new(), journal };
        machine.up("lo", 1).await;
        machine.join_lan("lan0", &["192.168.1.10/24", "2001:db8:1::10/64"]).await;
        machine.route("0.0.0.0/0", "192.168.1.1").await;
        machine.route("::/0", "2001:db8:1::1").await;
        machine
    }

    pub(crate) async fn join_lan(&mut self, name: &str, addresses: &[&str]) {
        let device = TunDevice::create(Some(name), 1500).unwrap();
        for (key, value) in [("addr_gen_mode", "1"), ("accept_dad", "0"), ("router_solicitations", "0")] {
            fs::write(format!("/proc/sys/net/ipv6/conf/{name}/{key}"), value).unwrap();
        }
        for address in nets(addresses) {
            let request = self.handle.address().add(device.index(), address.addr(), address.prefix_len());
            request.execute().await.unwrap();
        }
        self.up(name, device.index()).await;
        self._lan.push(device);
    }

    async fn up(&self, name: &str, index: u32) {
        let message = LinkUnspec::new_with_index(index).up().build();
        self.handle.link().set(message).execute().await.unwrap_or_else(|error| panic!("{name} up: {error}"));
    }

    pub(crate) async fn route(&self, to: &str, via: &str) {
        self.handle.route().add(route(to, via)).execute().await.unwrap();
    }

    pub(crate) async fn delete_route(&self, to: &str, via: &str) {
        self.handle.route().del(route(to, via)).execute().await.unwrap();
    }

    /// Interfaces with their MTU, addresses, routes of the main table, resolver file, forwarding: sorted lines.
    pub(crate) async fn state(&self) -> Vec<String> {
        let names = self.names().await;
        let name = |index: u32| names.iter().find(|(known, _, _)| *known == index).map_or("?", |(_, name, _)| name);
        let mut lines: Vec<String> = names.iter().map(|(_, name, mtu)| format!("link {name} mtu {mtu}")).collect();
        let addresses: Vec<_> = self.handle.address().get().execute().try_collect().await.unwrap();
        for message in addresses {
            for attribute in &message.attributes {
                if let AddressAttribute::Address(address) = attribute {
                    let length = message.header.prefix_len;
                    lines.push(format!("address {address}/{length} {}", name(message.header.index)));
                }
            }
        }
        for query in [RouteMessageBuilder::<Ipv4Addr>::new().build(), RouteMessageBuilder::<Ipv6Addr>::new().build()] {
            let routes: Vec<RouteMessage> = self.handle.route().get(query).execute().try_collect().await.unwrap();
            let main = routes
                .iter()
                .filter(|route| route.header.table == 254 && !route.header.flags.contains(RouteFlags::Cloned));
            lines.extend(main.map(|route| describe(route, &name)));
        }
        lines.sort();
        lines.push(fs::read_to_string("/etc/resolv.conf").unwrap());
        for key in ["ipv4/ip_forward", "ipv6/conf/all/forwarding"] {
            let value = fs::read_to_string(Path::new("/proc/sys/net").join(key)).unwrap();
            lines.push(format!("{key} {}", value.trim()));
        }
        lines
    }

    /// Index, name and MTU of all interfaces.
    async fn names(&self) -> Vec<(u32, String, u32)> {
        let links: Vec<_> = self.handle.link().get().execute().try_collect().await.unwrap();
        let read = |link: &netlink_packet_route::link::LinkMessage| {
            let (mut name, mut mtu) = (String::new(), 0);
            for attribute in &link.attributes {
                match attribute {
                    LinkAttribute::IfName(text) => name.clone_from(text),
                    LinkAttribute::Mtu(bytes) => mtu = *bytes,
                    _ => {}
                }
            }
            (link.header.index, name, mtu)
        };
        links.iter().map(read).collect()
    }

    /// Where packets to an address go: the name of an interface, or `unreachable`.
    pub(crate) async fn way(&self, to: &str) -> String {
        let to: IpAddr = to.parse().unwrap();
        let length = if to.is_ipv6() { 128 } else { 32 };
        let query = RouteMessageBuilder::<IpAddr>::new().destination_prefix(to, length).unwrap().build();
        let answer: Result<Vec<RouteMessage>, _> = self.handle.route().get(query).execute().try_collect().await;
        let names = self.names().await;
        let Ok(answer) = answer else { return "unreachable".to_owned() };
        if answer[0].header.kind == RouteType::Unreachable {
            return "unreachable".to_owned();
        }
        let index = answer[0].attributes.iter().find_map(|attribute| match attribute {
            RouteAttribute::Oif(index) => Some(*index),
            _ => None,
        });
        names.iter().find(|(known, _, _)| Some(*known) == index).map_or("?".to_owned(), |(_, name, _)| name.clone())
    }

    pub(crate) async fn assert_ways(&self, expected: &[(&str, &str)]) {
        for (to, way) in expected {
            assert_eq!(&self.way(to).await, way, "the way to {to} among {:#?}", self.state().await);
        }
    }

    /// Journal files, without the lock.
    pub(crate) fn journal_files(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.journal.folder()).unwrap().map(|entry| entry.unwrap().path());
        entries.filter(|path| !path.ends_with("lock")).collect()
    }
}

pub(crate) fn journal_folder() -> PathBuf {
    PathBuf::from("/run/journal")
}

/// What no line of `after` and `before` has in common, marked with `+` and `-`.
pub(crate) fn difference(before: &[String], after: &[String]) -> Vec<String> {
    let lost = before.iter().filter(|line| !after.contains(line)).map(|line| format!("-{line}"));
    let new = after.iter().filter(|line| !before.contains(line)).map(|line| format!("+{line}"));
    lost.chain(new).collect()
}

/// A full IPv4 tunnel that blocks IPv6, with its own resolver.
pub(crate) fn full_plan(device: &TunDevice) -> NetPlan {
    NetPlan {
        device: device.name().to_owned(),
        mtu: 1400,
        addresses: nets(&["10.9.0.5/24"]),
        include: Vec::new(),
        exclude: nets(&["198.51.100.0/24", "2001:db8:2::/48"]),
        gateway: "203.0.113.1".parse().unwrap(),
        dns: ips(&["10.9.0.1", "10.9.0.2"]),
        search: vec!["corp.example".to_owned()],
        split_dns: Vec::new(),
        block_ipv6: true,
        block_ipv4: false,
    }
}

fn route(to: &str, via: &str) -> RouteMessage {
    let to = net(to);
    RouteMessageBuilder::<IpAddr>::new()
        .destination_prefix(to.addr(), to.prefix_len())
        .unwrap()
        .gateway(via.parse().unwrap())
        .unwrap()
        .build()
}

fn describe<'a>(route: &RouteMessage, name: &dyn Fn(u32) -> &'a str) -> String {
    let (mut to, mut rest) = ("default".to_owned(), String::new());
    for attribute in &route.attributes {
        match attribute {
            RouteAttribute::Destination(address) => to = ip(address),
            RouteAttribute::Gateway(router) => rest.push_str(&format!(" via {}", ip(router))),
            RouteAttribute::Oif(index) => rest.push_str(&format!(" dev {}", name(*index))),
            RouteAttribute::Priority(metric) => rest.push_str(&format!(" metric {metric}")),
            _ => {}
        }
    }
    let header = &route.header;
    let kind = if header.kind == RouteType::Unicast { String::new() } else { format!("{:?} ", header.kind) };
    format!("route {kind}{to}/{}{rest}", header.destination_prefix_length)
}

fn ip(address: &RouteAddress) -> String {
    match address {
        RouteAddress::Inet(address) => address.to_string(),
        RouteAddress::Inet6(address) => address.to_string(),
        other => format!("{other:?}"),
    }
}
