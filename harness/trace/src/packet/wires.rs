//! Interfaces of a capture, and what is common to everything in a frame.

use std::collections::HashMap;
use std::sync::Arc;

use crate::found::Moment;
use crate::limits::MOST_WIRES;

/// Interfaces that are found without their names.
const MOST_FIRST: usize = 16;

/// A frame as the parts of this module see it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seen<'a> {
    /// Its number and time.
    pub(super) moment: Moment,
    /// Its interface.
    pub(super) wire: u32,
    /// Whether that is the inside of a tunnel.
    pub(super) is_tunnel: bool,
    /// What the capture says of it.
    pub(super) remark: Option<&'a str>,
    /// Bytes at the end of its IP packet that were not captured.
    pub(super) missing: usize,
}

/// The interfaces that were met so far.
#[derive(Debug, Default)]
pub(super) struct Wires {
    wires: Vec<Wire>,
    by_name: HashMap<(Arc<str>, Device), u32>,
    /// The first ones by the place of their name, which is faster to compare.
    first: Vec<(Arc<str>, Device, u32)>,
}

/// Of captures on all devices of a host: which device, and whether it is a tunnel.
pub(super) type Device = (Option<u32>, bool);

#[derive(Debug)]
struct Wire {
    name: Arc<str>,
    is_tunnel: bool,
}

impl Wires {
    /// The interface of a frame; `None` beyond the limit.
    pub(super) fn of(&mut self, name: &Arc<str>, device: Device) -> Option<u32> {
        let known = self.first.iter().find(|(known, of, _)| Arc::ptr_eq(known, name) && *of == device);
        if let Some((_, _, wire)) = known {
            return Some(*wire);
        }
        let key = (name.clone(), device);
        let wire = match self.by_name.get(&key) {
            Some(wire) => *wire,
            None if self.wires.len() < MOST_WIRES => {
                let wire = u32::try_from(self.wires.len()).ok()?;
                self.wires.push(Wire::new(name, device));
                self.by_name.insert(key, wire);
                wire
            }
            None => return None,
        };
        if self.first.len() < MOST_FIRST {
            self.first.push((name.clone(), device, wire));
        }
        Some(wire)
    }

    /// The name of an interface as the trace shows it.
    pub(super) fn name(&self, wire: u32) -> Arc<str> {
        self.get(wire).map_or_else(|| "".into(), |wire| wire.name.clone())
    }

    /// Whether an interface is the inside of a tunnel.
    pub(super) fn is_tunnel(&self, wire: u32) -> bool {
        self.get(wire).is_some_and(|wire| wire.is_tunnel)
    }

    fn get(&self, wire: u32) -> Option<&Wire> {
        self.wires.get(usize::try_from(wire).ok()?)
    }
}

impl Wire {
    /// The lab names devices in a node `client:tun0`, and so do those of a capture on all devices get a colon if they are
    /// tunnels.
    fn new(name: &Arc<str>, (device, has_no_link_layer): Device) -> Self {
        let is_tunnel = has_no_link_layer || name.contains(':');
        let name = match (device, has_no_link_layer) {
            (Some(device), true) => format!("{name}:{device}").into(),
            (Some(device), false) => format!("{name}/{device}").into(),
            (None, _) => name.clone(),
        };
        Self { name, is_tunnel }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn devices_of_one_interface_are_told_apart() {
        let mut wires = Wires::default();
        let mut of = |name: &str, device, is_tunnel| {
            let wire = wires.of(&name.into(), (device, is_tunnel)).unwrap();
            (wire, wires.name(wire).to_string(), wires.is_tunnel(wire))
        };
        assert_eq!(of("any", Some(2), false), (0, "any/2".to_owned(), false));
        assert_eq!(of("any", Some(5), true), (1, "any:5".to_owned(), true));
        assert_eq!(of("any", Some(2), false).0, 0);
        assert_eq!(of("client:tap0", None, false), (2, "client:tap0".to_owned(), true));
        assert_eq!(of("tun0", None, true), (3, "tun0".to_owned(), true));
    }

    #[test]
    fn there_is_a_limit() {
        let mut wires = Wires::default();
        let known = (0..MOST_WIRES + 2).filter(|n| wires.of(&n.to_string().into(), (None, false)).is_some()).count();
        assert_eq!(known, MOST_WIRES);
        assert_eq!(wires.of(&"0".into(), (None, false)), Some(0));
    }
}
