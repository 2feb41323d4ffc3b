//! Writing frames while a cell runs.

use std::borrow::Cow;
use std::fs::{self, File};
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use pcap_file::Endianness;
use pcap_file::pcapng::blocks::enhanced_packet::{EnhancedPacketBlock, EnhancedPacketOption};
use pcap_file::pcapng::blocks::opt_common::CommonOption;
use pcap_file::pcapng::blocks::section_header::{SectionHeaderBlock, SectionHeaderOption};
use pcap_file::pcapng::{PcapNgBlock as _, PcapNgWriteError, PcapNgWriter};

use super::complete::{Completed, Tally, complete};
use super::error::{CaptureError, chain};
use super::spec::{InterfaceId, InterfaceSpec, Side, shorten};

/// Bytes that wait in memory before they go to disk.
const BUFFER: usize = 256 * 1024;
/// Longest packet comment in bytes; longer ones are cut.
const MOST_COMMENT: usize = 4096;

/// Streams the frames of a cell to disk; [`Self::finish`] makes the capture out of them.
///
/// Taking a frame cannot fail, so that trouble with the disk or the size limit never disturbs a cell: frames are then
/// still counted, no longer stored, and the completed file and [`Completed::notes`] say so.
pub struct CaptureWriter {
    path: PathBuf,
    part: PathBuf,
    writer: PcapNgWriter<BufWriter<File>>,
    interfaces: Vec<InterfaceSpec>,
    limit: u64,
    bytes: u64,
    tally: Tally,
}

impl CaptureWriter {
    /// Bytes of frames after which no more are stored, unless [`Self::with_limit`] says otherwise.
    pub const DEFAULT_LIMIT: u64 = 256 * 1024 * 1024;

    /// Begins the capture that will be at `path`, with the interfaces that are known now; until it is finished, its
    /// frames are in `path.part`.
    ///
    /// # Errors
    /// When the file cannot be made.
    pub fn create(path: impl Into<PathBuf>, interfaces: &[InterfaceSpec]) -> Result<Self, CaptureError> {
        let path = path.into();
        let part = part_of(&path);
        let file = File::create(&part).map_err(CaptureError::io(&part))?;
        let header = section_header(Endianness::native(), &[]);
        let writer = PcapNgWriter::with_section_header(BufWriter::with_capacity(BUFFER, file), header)
            .map_err(CaptureError::write(&part))?;
        let tally = Tally::default();
        let mut capture =
            Self { path, part, writer, interfaces: Vec::new(), limit: Self::DEFAULT_LIMIT, bytes: 0, tally };
        for interface in interfaces {
            capture.add_interface(interface.clone());
        }
        Ok(capture)
    }

    /// Stores frames up to `bytes` of the file.
    #[must_use]
    pub const fn with_limit(mut self, bytes: u64) -> Self {
        self.limit = bytes;
        self
    }

    /// Adds an interface that was not there from the start, such as a TUN device.
    pub fn add_interface(&mut self, interface: InterfaceSpec) -> InterfaceId {
        let id = InterfaceId(u32::try_from(self.interfaces.len()).unwrap_or(u32::MAX));
        let written = self.writer.write_pcapng_block(interface.block());
        self.interfaces.push(interface);
        self.account(written);
        id
    }

    /// Takes a frame and returns its number in the capture, from 1 as Wireshark counts. `time` is since the epoch.
    ///
    /// Numbers go on when frames are no longer stored.
    pub fn frame(
        &mut self,
        interface: InterfaceId,
        time: Duration,
        from: Side,
        data: &[u8],
        comment: Option<&str>,
    ) -> u64 {
        self.tally.offered += 1;
        if self.bytes >= self.limit && self.tally.trouble.is_none() {
            self.tally.trouble = Some(format!("the limit of {} bytes was reached", self.limit));
        }
        if self.tally.trouble.is_none() {
            let written = self.writer.write_block(&packet(interface, time, from, data, comment).into_block());
            self.tally.stored += u64::from(written.is_ok());
            self.account(written);
        }
        self.tally.offered
    }

    /// Frames so far, stored or not.
    pub const fn frames(&self) -> u64 {
        self.tally.offered
    }

    /// Hands what waits in memory to the system, so that a kill loses nothing that came before.
    ///
    /// # Errors
    /// When the disk is full, for example.
    pub fn flush(&mut self) -> Result<(), CaptureError> {
        self.writer.get_mut().flush().map_err(CaptureError::io(&self.part))
    }

    /// Completes the capture with the NSS key log lines of all peers. Lines that are not of that form are left out.
    ///
    /// # Errors
    /// When the files cannot be used; what was captured is then still in `path.part`, for [`recover`](super::recover).
    pub fn finish(mut self, keys: &[String]) -> Result<Completed, CaptureError> {
        self.flush()?;
        let completed = complete(&self.path, &self.part, &self.interfaces, keys, Some(&self.tally))?;
        fs::remove_file(&self.part).map_err(CaptureError::io(&self.part))?;
        Ok(completed)
    }

    /// After a failed write the file may end in half a block: no more may follow it.
    fn account(&mut self, written: Result<usize, PcapNgWriteError>) {
        match written {
            Ok(bytes) => self.bytes += bytes as u64,
            Err(error) => {
                self.tally.trouble.get_or_insert_with(|| chain(&error));
            }
        }
    }
}

fn packet<'a>(
    interface: InterfaceId,
    time: Duration,
    from: Side,
    data: &'a [u8],
    comment: Option<&'a str>,
) -> EnhancedPacketBlock<'a> {
    let comment = comment
        .map(|text| EnhancedPacketOption::Common(CommonOption::Comment(Cow::Borrowed(shorten(text, MOST_COMMENT)))));
    EnhancedPacketBlock {
        interface_id: interface.0,
        timestamp: time,
        original_len: u32::try_from(data.len()).unwrap_or(u32::MAX),
        data: Cow::Borrowed(data),
        options: std::iter::once(EnhancedPacketOption::Flags(from.flags())).chain(comment).collect(),
    }
}

/// Where the frames of an unfinished capture are.
pub(super) fn part_of(path: &Path) -> PathBuf {
    beside(path, ".part")
}

/// `path` with something behind its name.
pub(super) fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

/// The first block: where the capture was made, with `notes` as its comments.
pub(super) fn section_header(endianness: Endianness, notes: &[String]) -> SectionHeaderBlock<'static> {
    let release = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let system = format!("{} {}", std::env::consts::OS, shorten(release.trim(), 256));
    let mut options = vec![
        SectionHeaderOption::Hardware(std::env::consts::ARCH.into()),
        SectionHeaderOption::OS(system.trim().to_owned().into()),
        SectionHeaderOption::UserApplication(concat!("vpn-interop ", env!("CARGO_PKG_VERSION")).into()),
    ];
    let comment = |note: &String| {
        SectionHeaderOption::Common(CommonOption::Comment(shorten(note, MOST_COMMENT).to_owned().into()))
    };
    options.extend(notes.iter().map(comment));
    SectionHeaderBlock { endianness, options, ..SectionHeaderBlock::default() }
}
