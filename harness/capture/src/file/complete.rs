//! From the frames on disk to the capture: interfaces and keys go to the front.

use std::fs::{self, File};
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};

use pcap_file::pcapng::blocks::interface_description::{InterfaceDescriptionBlock, InterfaceDescriptionOption};
use pcap_file::pcapng::blocks::{ENHANCED_PACKET_BLOCK, INTERFACE_DESCRIPTION_BLOCK};
use pcap_file::pcapng::{PcapNgReader, PcapNgWriter};

use super::error::{CaptureError, ReadError, chain};
use super::keys::KeyLog;
use super::spec::{InterfaceSpec, LinkType};
use super::write::{beside, part_of, section_header};

/// What a completed capture holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Completed {
    /// Where it is.
    pub path: PathBuf,
    /// Packets in it.
    pub frames: u64,
    /// Frames that were counted but not stored.
    pub dropped: u64,
    /// Keys in it.
    pub keys: usize,
    /// What a reader should know; also the comments of the file.
    pub notes: Vec<String>,
}

/// What the writer knows about the frames that it was given.
#[derive(Clone, Debug, Default)]
pub(super) struct Tally {
    pub(super) offered: u64,
    pub(super) stored: u64,
    /// Why frames are no longer stored.
    pub(super) trouble: Option<String>,
}

/// Completes the capture at `path` of a cell that was killed, from what is in `path.part`. A packet that was cut off
/// at the end is left out, and the notes say so.
///
/// # Errors
/// When there is no part, or it is not a capture, or the disk is full.
pub fn recover(path: impl AsRef<Path>, keys: &[String]) -> Result<Completed, CaptureError> {
    let path = path.as_ref();
    let part = part_of(path);
    let interfaces = interfaces_of(&part)?;
    let completed = complete(path, &part, &interfaces, keys, None)?;
    fs::remove_file(&part).map_err(CaptureError::io(&part))?;
    Ok(completed)
}

/// Writes the capture beside its place and moves it there when it is whole.
pub(super) fn complete(
    path: &Path,
    part: &Path,
    interfaces: &[InterfaceSpec],
    keys: &[String],
    tally: Option<&Tally>,
) -> Result<Completed, CaptureError> {
    let keys = KeyLog::of(keys);
    let mut notes = Vec::new();
    let dropped = tally.map_or(0, |tally| tally.offered - tally.stored);
    if let Some(trouble) = tally.and_then(|tally| tally.trouble.as_ref()) {
        notes.push(format!("{dropped} frames are not in this file: {trouble}"));
    }
    if tally.is_none() {
        notes.push("recovered from a cell that did not end by itself; the last frames may be missing".to_owned());
    }
    if keys.refused > 0 {
        notes.push(format!("{} lines of the key logs were no keys and were left out", keys.refused));
    }

    let whole = beside(path, ".whole");
    let failed = || CaptureError::write(&whole);
    let mut source = open(part)?;
    let file = File::create(&whole).map_err(CaptureError::io(&whole))?;
    let order = source.section().endianness;
    let header = section_header(order, &notes);
    let mut out = PcapNgWriter::with_section_header(BufWriter::new(file), header).map_err(failed())?;
    for interface in interfaces {
        out.write_pcapng_block(interface.block()).map_err(failed())?;
    }
    for block in keys.blocks(order) {
        out.write_pcapng_block(block).map_err(failed())?;
    }
    let mut frames = 0;
    while let Some(next) = source.next_raw_block() {
        match next {
            Ok((block, _)) if block.type_ == ENHANCED_PACKET_BLOCK => {
                out.write_raw_block(&block).map_err(failed())?;
                frames += 1;
            }
            Ok(_) => {}
            // Where the last write of a killed cell was cut off.
            Err(_) if tally.is_none() => break,
            Err(error) => {
                let (path, number) = (part.to_owned(), frames + 1);
                return Err(ReadError::Packet { path, number, detail: chain(&error) }.into());
            }
        }
    }
    out.into_inner().flush().map_err(CaptureError::io(&whole))?;
    fs::rename(&whole, path).map_err(CaptureError::io(path))?;
    Ok(Completed { path: path.to_owned(), frames, dropped, keys: keys.len(), notes })
}

/// The interfaces that are described anywhere in an unfinished capture.
fn interfaces_of(part: &Path) -> Result<Vec<InterfaceSpec>, CaptureError> {
    let mut source = open(part)?;
    let mut interfaces = Vec::new();
    while let Some(Ok((block, state))) = source.next_raw_block() {
        if block.type_ == INTERFACE_DESCRIPTION_BLOCK {
            interfaces.extend(state.interfaces().last().map(describe));
        }
    }
    Ok(interfaces)
}

fn open(part: &Path) -> Result<PcapNgReader<File>, CaptureError> {
    let file = File::open(part).map_err(CaptureError::io(part))?;
    PcapNgReader::new(file)
        .map_err(|error| ReadError::Format { path: part.to_owned(), detail: chain(&error) })
        .map_err(CaptureError::Read)
}

/// What an interface description says.
pub(super) fn describe(block: &InterfaceDescriptionBlock<'_>) -> InterfaceSpec {
    let mut spec =
        InterfaceSpec { name: String::new(), description: String::new(), link_type: LinkType::of(block.linktype) };
    for option in &block.options {
        match option {
            InterfaceDescriptionOption::IfName(name) => spec.name = name.to_string(),
            InterfaceDescriptionOption::IfDescription(text) => spec.description = text.to_string(),
            _ => {}
        }
    }
    spec
}
