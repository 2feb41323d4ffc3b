//! A topology as a picture in text.

use std::{collections::BTreeSet, fmt::Write};

use crate::{LinkKind, LinkProfile, LinkSide, Mtu, Name, Node, Topology, format_duration};

/// Draws the topology as a tree that begins at the first client; every line is indented by two blanks.
pub fn picture(topology: &Topology) -> String {
    let mut drawing = Drawing { topology, text: String::new(), nodes: BTreeSet::new(), links: BTreeSet::new() };
    let first = topology.clients().next();
    for node in first.into_iter().chain(topology.nodes.keys()) {
        if !drawing.nodes.contains(node.as_str()) {
            drawing.node(node, "  ", "  ");
        }
    }
    drawing.text
}

struct Drawing<'a> {
    topology: &'a Topology,
    text: String,
    nodes: BTreeSet<&'a str>,
    links: BTreeSet<&'a str>,
}

impl<'a> Drawing<'a> {
    fn node(&mut self, name: &'a Name, head: &str, indent: &str) {
        let about = self.topology.nodes.get(name.as_str()).map(describe).unwrap_or_default();
        if !self.nodes.insert(name) {
            self.line(&format!("{head}{name} (above)"));
            return;
        }
        self.line(&format!("{head}{name}: {about}"));
        let links: Vec<_> =
            self.topology.interfaces(name).filter(|(link, ..)| !self.links.contains(link.as_str())).collect();
        self.links.extend(links.iter().map(|(link, ..)| link.as_str()));
        for (index, (link_name, link, own)) in links.iter().enumerate() {
            let Some(other) = link.peer(name) else { continue };
            let (branch, below) = if index + 1 == links.len() { ("└─ ", "   ") } else { ("├─ ", "│  ") };
            let addresses = |addresses: &[crate::Spanned<ipnet::IpNet>]| {
                addresses.iter().map(|address| address.value.to_string()).collect::<Vec<_>>().join(" ")
            };
            let far = link.ends.get(other).map(|ends| addresses(ends)).unwrap_or_default();
            let mut line = format!("{indent}{branch}{link_name}: {} -- {far}", addresses(own));
            if link.side == LinkSide::Inside {
                line.push_str(", inside");
            }
            if link.kind == LinkKind::Veth {
                line.push_str(", veth");
            }
            if link.mtu != Mtu(1500) {
                let _ = write!(line, ", mtu {}", link.mtu);
            }
            line.push_str(&profile(&link.profile));
            self.line(&line);
            self.node(other, &format!("{indent}{below}"), &format!("{indent}{below}"));
        }
    }

    fn line(&mut self, line: &str) {
        self.text.push_str(line.trim_end());
        self.text.push('\n');
    }
}

fn describe(node: &Node) -> String {
    let mut text = node.role.to_string();
    if let Some(nat) = &node.nat {
        let _ = write!(text, ", NAT {} towards {}", nat.kind, nat.outside);
        if let Some(timeout) = nat.udp_timeout {
            let _ = write!(text, ", UDP forgotten after {}", format_duration(timeout));
        }
    }
    if !node.services.is_empty() {
        let services: Vec<&str> = node.services.iter().map(|service| service.as_str()).collect();
        let _ = write!(text, ", offers {}", services.join(" "));
    }
    if !node.resolver.is_empty() {
        let servers: Vec<String> = node.resolver.iter().map(ToString::to_string).collect();
        let _ = write!(text, ", asks {}", servers.join(" "));
    }
    text
}

fn profile(profile: &LinkProfile) -> String {
    let parts = [
        profile.delay.map(|value| format!("delay {}", format_duration(value))),
        profile.jitter.map(|value| format!("jitter {}", format_duration(value))),
        profile.loss.map(|value| format!("loss {value}")),
        profile.burst.map(|value| format!("burst {value}")),
        profile.duplicate.map(|value| format!("duplicate {value}")),
        profile.reorder.map(|value| format!("reorder {value}")),
        profile.corrupt.map(|value| format!("corrupt {value}")),
        profile.rate.map(|value| format!("rate {value}")),
        profile.queue.map(|value| format!("queue {value}")),
        profile.mtu.map(|value| format!("passes mtu {value}")),
        profile.cut.then(|| "cut".to_owned()),
        profile.towards.as_ref().map(|node| format!("only towards {node}")),
    ];
    parts.into_iter().flatten().fold(String::new(), |text, part| text + ", " + &part)
}
