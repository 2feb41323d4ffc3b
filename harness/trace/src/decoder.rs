//! A capture from its first frame to its trace.

use std::path::Path;
use std::time::Duration;

use interop_capture::{Frame, ReadError};
use interop_evidence::{Micros, Trace, TraceMark};

use crate::normalise::Normaliser;
use crate::packet::{Flows, Look};
use crate::reading::{Read, read_ahead};
use crate::{Hosts, Keys};

/// Which interfaces of a capture are looked at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Wires {
    /// All of them.
    #[default]
    All,
    /// Those of these names; a name that ends with `:` stands for every tunnel device of that node (`client:`).
    Named(Vec<String>),
}

/// What is known of a capture beside its frames.
#[derive(Clone, Debug, Default)]
pub struct Setup {
    /// Who has which address.
    pub hosts: Hosts,
    /// What the scenario did, by time.
    pub marks: Vec<TraceMark>,
    /// Interfaces that are looked at.
    pub wires: Wires,
    /// Keys beside those in the file.
    pub keys: Keys,
    /// Wall time of the trace's zero, in nanoseconds since the epoch; the time of the first frame unless given.
    pub epoch_ns: Option<u64>,
    /// Shows random values and sizes as they are.
    pub raw: bool,
}

/// A capture that was decoded.
#[derive(Clone, Debug)]
pub struct Decoded {
    /// The trace.
    pub trace: Trace,
    /// Frames of the file, of all interfaces.
    pub frames: u64,
    /// Key log lines of sessions whose key stood in a header: see [`Keys::learned`].
    pub learned: Vec<String>,
    /// What ended the file early, if something did; the trace holds what came before.
    pub broken: Option<String>,
}

/// Decodes frame by frame.
pub struct Decoder {
    wires: Wires,
    keys: Keys,
    /// Since the epoch: where the trace begins.
    zero: Option<Duration>,
    frames: u64,
    flows: Flows,
    normaliser: Normaliser,
    /// Lines among the keys that are none.
    refused: usize,
}

impl Wires {
    /// Whether an interface is looked at.
    fn has(&self, interface: &str) -> bool {
        match self {
            Self::All => true,
            Self::Named(names) => names.iter().any(|name| match name.ends_with(':') {
                true => interface.starts_with(name.as_str()),
                false => interface == name,
            }),
        }
    }
}

impl Decoder {
    /// A decoder that has seen nothing.
    pub fn new(setup: Setup) -> Self {
        let Setup { hosts, marks, wires, keys, epoch_ns, raw } = setup;
        Self {
            wires,
            keys,
            zero: epoch_ns.map(Duration::from_nanos),
            frames: 0,
            flows: Flows::default(),
            normaliser: Normaliser::new(hosts, marks, raw),
            refused: 0,
        }
    }

    /// Takes keys in the NSS key log format; they hold for the frames that follow.
    pub fn secrets(&mut self, text: &str) {
        self.refused = self.refused.saturating_add(self.keys.add_log(text));
    }

    /// Takes the next frame.
    pub fn frame(&mut self, frame: &Frame) {
        self.looked_at(frame, Look::at(frame).as_ref());
    }

    /// Takes the next frame and what it shows by itself.
    fn looked_at(&mut self, frame: &Frame, look: Option<&Look>) {
        self.frames = self.frames.saturating_add(1);
        let zero = *self.zero.get_or_insert(frame.time);
        if !self.wires.has(&frame.interface) {
            return;
        }
        let at = Micros::from(frame.time.saturating_sub(zero));
        let Self { flows, keys, normaliser, .. } = self;
        flows.frame(frame, look, at, keys, &mut |item| normaliser.add(item));
    }

    /// The trace of what was taken.
    pub fn finish(mut self) -> Decoded {
        let mut notes = self.flows.notes();
        if self.refused > 0 {
            notes.push(format!("{} lines among the keys of the file were no keys and were left out", self.refused));
        }
        let learned = self.keys.learned();
        Decoded { trace: self.normaliser.finish(notes), frames: self.frames, learned, broken: None }
    }
}

/// Decodes a capture with the keys that are in it.
///
/// # Errors
/// When the file cannot be opened or is no capture. What breaks later ends in [`Decoded::broken`].
pub fn decode_file(path: impl AsRef<Path>, setup: Setup) -> Result<Decoded, ReadError> {
    let mut decoder = Decoder::new(setup);
    let broken = read_ahead(path.as_ref(), |read| match read {
        Read::Secrets(text) => decoder.secrets(text),
        Read::Frame(frame, look) => decoder.looked_at(frame, look),
    })?;
    Ok(Decoded { broken, ..decoder.finish() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_ends_with_a_colon_stands_for_all_tunnels_of_a_node() {
        let wires = Wires::Named(vec!["access".to_owned(), "client:".to_owned()]);
        let seen: Vec<&str> = ["access", "access2", "client:tun0", "client", "gateway:tun0"]
            .into_iter()
            .filter(|name| wires.has(name))
            .collect();
        assert_eq!(seen, ["access", "client:tun0"]);
        assert!(Wires::All.has("anything"));
    }
}
