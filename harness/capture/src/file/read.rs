//! Reading captures, ours and others'.

use std::fs::File;
use std::io::{self, Read, Seek as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use pcap_file::pcap::PcapReader;
use pcap_file::pcapng::blocks::enhanced_packet::EnhancedPacketOption;
use pcap_file::pcapng::blocks::opt_common::CommonOption;
use pcap_file::pcapng::{Block, PcapNgReader};
use pcap_file::{DataLink, Endianness};

use super::complete::describe;
use super::error::{ReadError, chain};
use super::keys::DECRYPTION_SECRETS_BLOCK;
use super::spec::{LinkType, Side};

/// `Block Type` of the Section Header, the same in both byte orders.
const SECTION_HEADER: [u8; 4] = [0x0a, 0x0d, 0x0d, 0x0a];
/// `TLSK`, the `Secrets Type` of TLS key logs.
const TLS_KEY_LOG: u32 = 0x544c_534b;
/// The link type of a pcap file; the bits above say whether frames end in a check sequence.
const LINK_TYPE_BITS: u32 = 0xffff;
/// Bytes that are read at a time. Few, so that they are still in the processor's cache when they are looked at.
const SIP: usize = 256 * 1024;
/// Bytes of secrets that wait to be taken; further ones are left out.
const MOST_SECRETS: usize = 16 * 1024 * 1024;

/// A packet of a capture.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Frame {
    /// From 1, as Wireshark counts.
    pub number: u64,
    /// Name of its interface; `if0`, `if1`, ... where the file has none.
    pub interface: Arc<str>,
    /// What `data` begins with.
    pub link_type: LinkType,
    /// Since the epoch.
    pub time: Duration,
    /// Which end it came from, if the file says so.
    pub from: Option<Side>,
    /// The bytes that were captured.
    pub data: Vec<u8>,
    /// Its comments, one a line.
    pub comment: Option<String>,
}

/// Reads the packets of a pcapng or pcap file one by one. What is broken ends it with an error that names the packet;
/// packets before that are good. Memory is bounded: a block or packet above 8 MB is such an error.
#[derive(Debug)]
pub struct CaptureReader {
    path: PathBuf,
    format: Format,
    read: u64,
    failed: bool,
    secrets: Vec<String>,
    /// What a frame is before it is read.
    blank: Frame,
}

#[derive(Debug)]
enum Format {
    Pcapng { reader: PcapNgReader<Sips>, interfaces: Vec<(Arc<str>, LinkType)> },
    Pcap { reader: PcapReader<Sips>, interface: Arc<str>, link_type: LinkType },
}

/// A file that gives at most [`SIP`] bytes at a time.
#[derive(Debug)]
struct Sips(File);

impl Read for Sips {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let end = buffer.len().min(SIP);
        self.0.read(buffer.get_mut(..end).unwrap_or_default())
    }
}

impl CaptureReader {
    /// Opens a capture; the format is told by its content.
    ///
    /// # Errors
    /// When it cannot be opened or is no capture.
    pub fn open(path: impl Into<PathBuf>) -> Result<Self, ReadError> {
        let path = path.into();
        let unusable = |source| ReadError::Open { path: path.clone(), source };
        let mut file = File::open(&path).map_err(unusable)?;
        let mut magic = Vec::new();
        (&mut file).take(4).read_to_end(&mut magic).map_err(unusable)?;
        file.rewind().map_err(unusable)?;
        let file = Sips(file);
        let odd = |error: &dyn std::error::Error| ReadError::Format { path: path.clone(), detail: chain(error) };
        let format = if magic == SECTION_HEADER {
            let reader = PcapNgReader::new(file).map_err(|error| odd(&error))?;
            Format::Pcapng { reader, interfaces: Vec::new() }
        } else {
            let reader = PcapReader::new(file).map_err(|error| odd(&error))?;
            let link_type = LinkType::of(DataLink::from(u32::from(reader.header().datalink) & LINK_TYPE_BITS));
            Format::Pcap { reader, interface: "if0".into(), link_type }
        };
        Ok(Self { path, format, read: 0, failed: false, secrets: Vec::new(), blank: Frame::default() })
    }

    /// Key log lines that stand in the file before the packet that was read last, or at its end; each text is given once.
    pub fn take_secrets(&mut self) -> Vec<String> {
        std::mem::take(&mut self.secrets)
    }

    /// Reads the next packet into `frame`, whose memory is used again; `None` at the end and after the first error.
    pub fn read_into(&mut self, frame: &mut Frame) -> Option<Result<(), ReadError>> {
        if self.failed {
            return None;
        }
        match self.advance(frame) {
            Ok(true) => {
                self.read += 1;
                Some(Ok(()))
            }
            Ok(false) => None,
            Err(detail) => {
                self.failed = true;
                Some(Err(ReadError::Packet { path: self.path.clone(), number: self.read + 1, detail }))
            }
        }
    }

    /// Whether there was a next packet, or what is wrong with it.
    fn advance(&mut self, frame: &mut Frame) -> Result<bool, String> {
        frame.number = self.read + 1;
        match &mut self.format {
            Format::Pcap { reader, interface, link_type } => match reader.next_packet() {
                None => Ok(false),
                Some(Err(error)) => Err(chain(&error)),
                Some(Ok(packet)) => {
                    frame.set(interface, *link_type, packet.timestamp(), packet.data());
                    Ok(true)
                }
            },
            Format::Pcapng { reader, interfaces } => loop {
                match reader.next_block() {
                    None => break Ok(false),
                    Some(Err(error)) => break Err(chain(&error)),
                    Some(Ok((Block::SectionHeader(_), _))) => interfaces.clear(),
                    Some(Ok((Block::InterfaceDescription(block), _))) => {
                        let spec = describe(&block);
                        let name = match spec.name.as_str() {
                            "" => format!("if{}", interfaces.len()).into(),
                            name => name.into(),
                        };
                        interfaces.push((name, spec.link_type));
                    }
                    Some(Ok((Block::EnhancedPacket(block), _))) => {
                        let (name, link_type) = described(block.interface_id, interfaces)?;
                        frame.set(name, link_type, block.timestamp, &block.data);
                        annotate(frame, &block.options);
                        break Ok(true);
                    }
                    // Has no time of its own.
                    Some(Ok((Block::SimplePacket(block), _))) => {
                        let (name, link_type) = described(0, interfaces)?;
                        frame.set(name, link_type, Duration::ZERO, &block.data);
                        break Ok(true);
                    }
                    Some(Ok((Block::Packet(block), _))) => {
                        let (name, link_type) = described(block.interface_id.into(), interfaces)?;
                        frame.set(name, link_type, block.timestamp, &block.data);
                        break Ok(true);
                    }
                    Some(Ok((Block::Unknown(block), state))) if block.type_ == DECRYPTION_SECRETS_BLOCK => {
                        let kept: usize = self.secrets.iter().map(String::len).sum();
                        self.secrets.extend(
                            key_log(&block.value, state.endianness()).filter(|text| kept + text.len() <= MOST_SECRETS),
                        );
                    }
                    Some(Ok(_)) => {}
                }
            },
        }
    }
}

impl Iterator for CaptureReader {
    type Item = Result<Frame, ReadError>;

    /// Ends after the first error.
    fn next(&mut self) -> Option<Self::Item> {
        let mut frame = self.blank.clone();
        self.read_into(&mut frame).map(|read| read.map(|()| frame))
    }
}

impl Frame {
    /// Replaces what it is by a packet without annotations. Frames of one interface share its name.
    fn set(&mut self, interface: &Arc<str>, link_type: LinkType, time: Duration, data: &[u8]) {
        if !Arc::ptr_eq(&self.interface, interface) {
            self.interface = Arc::clone(interface);
        }
        self.link_type = link_type;
        self.time = time;
        self.from = None;
        self.data.clear();
        self.data.extend_from_slice(data);
        self.comment = None;
    }
}

/// The text of a Decryption Secrets Block, if it is a TLS key log.
fn key_log(body: &[u8], order: Endianness) -> Option<String> {
    let word = |bytes: &[u8; 4]| if order.is_big() { u32::from_be_bytes(*bytes) } else { u32::from_le_bytes(*bytes) };
    let (kind, rest) = body.split_first_chunk::<4>()?;
    let (length, rest) = rest.split_first_chunk::<4>()?;
    let length = usize::try_from(word(length)).unwrap_or(usize::MAX).min(rest.len());
    (word(kind) == TLS_KEY_LOG).then(|| String::from_utf8_lossy(rest.get(..length).unwrap_or_default()).into_owned())
}

/// The interface of this number.
fn described(interface: u32, interfaces: &[(Arc<str>, LinkType)]) -> Result<(&Arc<str>, LinkType), String> {
    let found = usize::try_from(interface).ok().and_then(|id| interfaces.get(id));
    found.map(|(name, link_type)| (name, *link_type)).ok_or_else(|| format!("interface {interface} is not described"))
}

/// Adds what the options of a packet say.
fn annotate(frame: &mut Frame, options: &[EnhancedPacketOption<'_>]) {
    for option in options {
        match option {
            EnhancedPacketOption::Flags(flags) => frame.from = Side::of_flags(*flags),
            EnhancedPacketOption::Common(CommonOption::Comment(text)) => match &mut frame.comment {
                Some(comments) => {
                    comments.push('\n');
                    comments.push_str(text);
                }
                None => frame.comment = Some(text.to_string()),
            },
            _ => {}
        }
    }
}

/// All packets of a capture, and what ended it early.
///
/// # Errors
/// When it cannot be opened or is no capture.
pub fn read_all(path: impl AsRef<Path>) -> Result<(Vec<Frame>, Option<ReadError>), ReadError> {
    let mut frames = Vec::new();
    for frame in CaptureReader::open(path.as_ref())? {
        match frame {
            Ok(frame) => frames.push(frame),
            Err(error) => return Ok((frames, Some(error))),
        }
    }
    Ok((frames, None))
}
