//! Reading captures, ours and others'.

use std::fs::File;
use std::io::{Read as _, Seek as _};
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
/// Bytes of secrets that wait to be taken; further ones are left out.
const MOST_SECRETS: usize = 16 * 1024 * 1024;

/// A packet of a capture.
#[derive(Clone, Debug, PartialEq, Eq)]
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
}

#[derive(Debug)]
enum Format {
    Pcapng { reader: PcapNgReader<File>, interfaces: Vec<(Arc<str>, LinkType)> },
    Pcap { reader: PcapReader<File>, interface: Arc<str>, link_type: LinkType },
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
        let odd = |error: &dyn std::error::Error| ReadError::Format { path: path.clone(), detail: chain(error) };
        let format = if magic == SECTION_HEADER {
            let reader = PcapNgReader::new(file).map_err(|error| odd(&error))?;
            Format::Pcapng { reader, interfaces: Vec::new() }
        } else {
            let reader = PcapReader::new(file).map_err(|error| odd(&error))?;
            let link_type = LinkType::of(DataLink::from(u32::from(reader.header().datalink) & LINK_TYPE_BITS));
            Format::Pcap { reader, interface: "if0".into(), link_type }
        };
        Ok(Self { path, format, read: 0, failed: false, secrets: Vec::new() })
    }

    /// Key log lines that stand in the file before the packet that was read last, or at its end; each text is given once.
    pub fn take_secrets(&mut self) -> Vec<String> {
        std::mem::take(&mut self.secrets)
    }

    /// The next packet, `None` at the end, or what is wrong with it.
    fn advance(&mut self) -> Result<Option<Frame>, String> {
        let number = self.read + 1;
        match &mut self.format {
            Format::Pcap { reader, interface, link_type } => match reader.next_packet() {
                None => Ok(None),
                Some(Err(error)) => Err(chain(&error)),
                Some(Ok(packet)) => Ok(Some(Frame {
                    number,
                    interface: interface.clone(),
                    link_type: *link_type,
                    time: packet.timestamp(),
                    from: None,
                    data: packet.data().to_vec(),
                    comment: None,
                })),
            },
            Format::Pcapng { reader, interfaces } => loop {
                match reader.next_block() {
                    None => break Ok(None),
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
                        let (interface, time) = (block.interface_id, block.timestamp);
                        let mut frame = bare(number, interface, time, &block.data, interfaces)?;
                        annotate(&mut frame, &block.options);
                        break Ok(Some(frame));
                    }
                    // Has no time of its own.
                    Some(Ok((Block::SimplePacket(block), _))) => {
                        break bare(number, 0, Duration::ZERO, &block.data, interfaces).map(Some);
                    }
                    Some(Ok((Block::Packet(block), _))) => {
                        let (interface, time) = (block.interface_id.into(), block.timestamp);
                        break bare(number, interface, time, &block.data, interfaces).map(Some);
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
        if self.failed {
            return None;
        }
        match self.advance() {
            Ok(frame) => {
                self.read += u64::from(frame.is_some());
                frame.map(Ok)
            }
            Err(detail) => {
                self.failed = true;
                Some(Err(ReadError::Packet { path: self.path.clone(), number: self.read + 1, detail }))
            }
        }
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

fn bare(
    number: u64,
    interface: u32,
    time: Duration,
    data: &[u8],
    interfaces: &[(Arc<str>, LinkType)],
) -> Result<Frame, String> {
    let (name, link_type) = usize::try_from(interface)
        .ok()
        .and_then(|id| interfaces.get(id))
        .ok_or_else(|| format!("interface {interface} is not described"))?;
    let (interface, link_type) = (name.clone(), *link_type);
    Ok(Frame { number, interface, link_type, time, from: None, data: data.to_vec(), comment: None })
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
