//! A small capture beside the goldens of a scenario: what they look like in Wireshark.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;

use interop_capture::{CaptureReader, LinkType, ReadError, Summary};
use interop_evidence::{BundleError, Facts, Trace, TraceMark};
use interop_trace::Setup;
use serde::{Deserialize, Serialize};

use crate::trace::setup_with;

/// Most bytes of a capture that is kept in the repository.
const MOST_BYTES: usize = 200 * 1024;
/// Bytes of payload that are kept of each flow and direction, the first try first: handshakes and headers are at the
/// beginning. Lines of the trace keep their first and last frames anyway.
const OF_A_FLOW: [usize; 3] = [8 * 1024, 24 * 1024, 64 * 1024];

/// What belongs to an exemplar beside its frames (`exemplar.json`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Exemplar {
    /// Id of the scenario.
    pub scenario: String,
    /// Values of its axes.
    pub params: Vec<(String, String)>,
    /// Id and version of the client.
    pub client: (String, String),
    /// Id and version of the server.
    pub server: (String, String),
    /// What is known of the lab.
    pub facts: Facts,
    /// What the scenario did.
    pub marks: Vec<TraceMark>,
}

impl Exemplar {
    /// The cell that it comes from.
    pub fn cell(&self) -> interop_trace::Cell {
        let (client, client_version) = self.client.clone();
        let (server, server_version) = self.server.clone();
        let (scenario, params) = (self.scenario.clone(), self.params.clone());
        interop_trace::Cell { scenario, params, client, client_version, server, server_version }
    }

    /// Reads the file beside an exemplar.
    ///
    /// # Errors
    /// When it is not there, or holds something else.
    pub fn read(path: &Path) -> Result<Self, BundleError> {
        let text = fs::read(path).map_err(|source| BundleError::Io { path: path.to_owned(), source })?;
        serde_json::from_slice(&text).map_err(|source| {
            let (path, line) = (path.to_owned(), source.line());
            BundleError::Format { path, line, source }
        })
    }

    /// What a decoder must know of it.
    pub fn setup(&self) -> Setup {
        setup_with(&self.facts, self.marks.clone())
    }
}

/// A capture that was cut, as bytes; or why it was not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cut {
    /// The file.
    File(Vec<u8>),
    /// It would be too large, or would no longer show the same.
    Not(String),
}

/// Cuts the capture of a cell to the frames that show what its trace says. `same` tells whether the trace of a cut
/// capture still does.
///
/// # Errors
/// When the capture cannot be read.
pub fn cut(capture: &Path, exemplar: &Exemplar, same: &dyn Fn(&Trace) -> bool) -> Result<Cut, ReadError> {
    let whole = interop_trace::decode_file(capture, exemplar.setup())?;
    let bytes = fs::read(capture).map_err(|source| ReadError::Open { path: capture.to_owned(), source })?;
    let mut why = "a cut capture does not show the same any more".to_owned();
    for of_a_flow in OF_A_FLOW {
        let kept = frames(capture, &exemplar.facts, &whole.trace, of_a_flow)?;
        let Some(file) = with_frames(&bytes, &kept) else {
            return Ok(Cut::Not("the capture was not written by this program".to_owned()));
        };
        if file.len() > MOST_BYTES {
            let (kilobytes, most) = (file.len() / 1024, MOST_BYTES / 1024);
            why = format!("it would have {kilobytes} kB, more than {most} kB");
            break;
        }
        if shows_the_same(&file, exemplar, same)? {
            return Ok(Cut::File(file));
        }
    }
    Ok(Cut::Not(why))
}

/// Numbers of the frames that are kept.
fn frames(capture: &Path, facts: &Facts, trace: &Trace, of_a_flow: usize) -> Result<BTreeSet<u64>, ReadError> {
    let mut kept: BTreeSet<u64> = trace.lines.iter().flat_map(|line| [line.frame, line.last_frame]).collect();
    let mut flows: BTreeMap<Key, usize> = BTreeMap::new();
    let devices: Vec<String> = facts.clients.iter().map(|client| format!("{client}:")).collect();
    for frame in CaptureReader::open(capture)? {
        let Ok(frame) = frame else { break };
        let wire = &*frame.interface;
        if !facts.client_wires.iter().any(|name| name == wire) && !devices.iter().any(|name| wire.starts_with(name)) {
            continue;
        }
        let summary = match frame.link_type {
            LinkType::RawIp => Summary::of_ip(&frame.data),
            _ => Summary::of_ethernet(&frame.data),
        };
        let length = summary.payload(&frame.data).len();
        let of_flow = flows.entry(Key::of(&frame.interface, &summary)).or_default();
        if *of_flow <= of_a_flow {
            kept.insert(frame.number);
        }
        // Packets without payload count, too: acknowledgements of a transfer are as many as its segments.
        *of_flow += length.max(MARK);
    }
    Ok(kept)
}

/// What an empty packet counts for.
const MARK: usize = 64;

/// A flow in one direction.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Key(Arc<str>, Option<(IpAddr, IpAddr, u8)>, Option<(u16, u16)>);

impl Key {
    fn of(wire: &Arc<str>, summary: &Summary) -> Self {
        let ip = summary.ip();
        let ends = ip.map(|ip| (ip.source, ip.destination, ip.protocol));
        Self(Arc::clone(wire), ends, ip.and_then(|ip| ip.transport.ports()))
    }
}

/// The blocks of a pcapng file of this machine's byte order without the packets that are not kept. Interfaces and keys
/// stay as they are.
fn with_frames(bytes: &[u8], kept: &BTreeSet<u64>) -> Option<Vec<u8>> {
    const ENHANCED_PACKET_BLOCK: u32 = 0x0000_0006;
    let word = |at: usize| bytes.get(at..)?.first_chunk::<4>().copied().map(u32::from_ne_bytes);
    let mut out = Vec::new();
    let (mut at, mut number) = (0, 0);
    while at < bytes.len() {
        let (kind, length) = (word(at)?, usize::try_from(word(at + 4)?).ok()?);
        let block = bytes.get(at..at.checked_add(length)?).filter(|block| block.len() >= 12)?;
        number += u64::from(kind == ENHANCED_PACKET_BLOCK);
        if kind != ENHANCED_PACKET_BLOCK || kept.contains(&number) {
            out.extend_from_slice(block);
        }
        at += length;
    }
    Some(out)
}

fn shows_the_same(file: &[u8], exemplar: &Exemplar, same: &dyn Fn(&Trace) -> bool) -> Result<bool, ReadError> {
    let path = std::env::temp_dir().join(format!("vpn-interop-exemplar-{}.pcapng", std::process::id()));
    let unusable = |source| ReadError::Open { path: path.clone(), source };
    fs::write(&path, file).map_err(unusable)?;
    let decoded = interop_trace::decode_file(&path, exemplar.setup());
    fs::remove_file(&path).map_err(unusable)?;
    Ok(same(&decoded?.trace))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_go_and_everything_else_stays() {
        let block = |kind: u32, body: &[u8]| {
            let length = u32::try_from(body.len() + 12).unwrap().to_ne_bytes();
            [&kind.to_ne_bytes()[..], &length, body, &length].concat()
        };
        let (keys, one, two) = (block(10, b"keys"), block(6, b"one."), block(6, b"two."));
        let file = [keys.clone(), one, two.clone()].concat();
        assert_eq!(with_frames(&file, &BTreeSet::from([2])), Some([keys, two].concat()));
        assert_eq!(with_frames(&file[..file.len() - 1], &BTreeSet::new()), None, "cut off");
        assert_eq!(with_frames(&[6, 0, 0, 0, 0, 0, 0, 0], &BTreeSet::new()), None, "a block of no length");
    }
}
