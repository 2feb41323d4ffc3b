//! What happens once per frame, without a kernel.
//!
//! Each subject is a function that does one frame's work; the benchmarks and the report call it again and again.

use std::hint::black_box;
use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use interop_capture::{CaptureWriter, FlowTable, InterfaceId, InterfaceSpec, LinkType, Side, Summary as Frame};
use interop_evidence::Micros;
use interop_lab::link::{Direction, Profile};
use tempfile::TempDir;

use crate::Summary;
use crate::traffic::{HEADERS, PAYLOAD};

/// Something that is done once per frame.
pub struct Subject {
    /// Name, for tables and benchmarks.
    pub name: &'static str,
    work: Box<dyn FnMut()>,
}

impl Subject {
    fn new(name: &'static str, work: impl FnMut() + 'static) -> Self {
        Self { name, work: Box::new(work) }
    }

    /// Does it for one frame.
    pub fn once(&mut self) {
        (self.work)();
    }

    /// Nanoseconds for one frame: eleven batches of `frames`.
    pub fn measure(&mut self, frames: u32) -> Option<Summary> {
        for _ in 0..frames / 10 {
            self.once();
        }
        Summary::of((0..11).map(|_| {
            let start = Instant::now();
            for _ in 0..frames {
                self.once();
            }
            start.elapsed().as_nanos() as f64 / f64::from(frames)
        }))
    }
}

/// The link model.
pub fn link() -> [Subject; 3] {
    let frame = udp_frame(443);
    let mut clear = Direction::new(Profile::default(), 1);
    let pass = frame.clone();
    let mut now = Duration::ZERO;
    let mut slow = Direction::new(Profile { delay: Duration::from_millis(10), ..Profile::default() }, 1);
    let delayed = frame.clone();
    let mut time = Duration::ZERO;
    let mut lossy = Direction::new(Profile { loss: 0.01, ..Profile::default() }, 1);
    [
        Subject::new("Link::offer, clear wire", move || {
            black_box(clear.offer(Duration::ZERO, black_box(&pass)));
        }),
        // Ten microseconds between frames: a thousand of them are under way.
        Subject::new("Link::offer and pop_due, 10 ms delay", move || {
            now += Duration::from_micros(10);
            black_box(slow.offer(now, black_box(&delayed)));
            while let Some(frame) = slow.pop_due(now) {
                slow.recycle(frame);
            }
        }),
        Subject::new("Link::offer and pop_due, 1 % loss", move || {
            time += Duration::from_micros(10);
            black_box(lossy.offer(time, black_box(&frame)));
            while let Some(frame) = lossy.pop_due(time) {
                lossy.recycle(frame);
            }
        }),
    ]
}

/// The witness: writing, dissecting, keeping flows. The capture is written below `folder`.
///
/// # Errors
/// When the file cannot be made.
pub fn capture(folder: &TempDir) -> Result<[Subject; 3], String> {
    let interface = InterfaceSpec { name: "wan".to_owned(), description: String::new(), link_type: LinkType::Ethernet };
    // A file of 70 MB at most: then another one takes its place.
    const MOST: u64 = 50_000;
    let path = folder.path().join("capture.pcapng");
    let interfaces = [interface];
    let create = move || CaptureWriter::create(&path, &interfaces);
    let mut writer = create().map_err(|error| format!("failed to {error}"))?;
    let written = udp_frame(443);
    let mut time = Duration::from_secs(1_800_000_000);
    let frame = udp_frame(443);
    let mut flows = FlowTable::new();
    let observed = udp_frame(443);
    let mut number = 0;
    Ok([
        Subject::new("CaptureWriter::frame", move || {
            time += Duration::from_micros(10);
            let number = writer.frame(InterfaceId(0), time, Side::A, black_box(&written), None);
            if number == MOST
                && let Ok(next) = create()
            {
                writer = next;
            }
        }),
        Subject::new("Summary::of_ethernet", move || {
            black_box(Frame::of_ethernet(black_box(&frame)));
        }),
        Subject::new("Summary::of_ethernet and FlowTable::observe", move || {
            number += 1;
            let summary = Frame::of_ethernet(black_box(&observed));
            flows.observe("wan", Micros(number), number, &summary, &observed);
        }),
    ])
}

/// An Ethernet frame with a UDP packet that goes to this port.
pub fn udp_frame(port: u16) -> Vec<u8> {
    let mut frame = Vec::with_capacity(PAYLOAD + HEADERS);
    frame.extend([2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0x08, 0x00]);
    let length = |bytes: usize| u16::try_from(bytes).unwrap_or(u16::MAX).to_be_bytes();
    // Version 4, header of 20 bytes, no fragment, 64 hops, UDP; nobody here looks at the checksums.
    frame.extend([0x45, 0]);
    frame.extend(length(PAYLOAD + 28));
    frame.extend([0, 0, 0x40, 0, 64, 17, 0, 0]);
    frame.extend(Ipv4Addr::new(192, 168, 1, 2).octets());
    frame.extend(Ipv4Addr::new(198, 51, 100, 2).octets());
    frame.extend(40_000_u16.to_be_bytes());
    frame.extend(port.to_be_bytes());
    frame.extend(length(PAYLOAD + 8));
    frame.extend([0, 0]);
    // A record of DTLS 1.2 application data, as most frames of a cell are.
    frame.extend([23, 0xfe, 0xfd, 0, 1, 0, 0, 0, 0, 0, 9]);
    frame.extend(length(PAYLOAD - 13));
    frame.resize(PAYLOAD + HEADERS, 0x5a);
    frame
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_frame_is_what_it_says() {
        let frame = udp_frame(443);
        let summary = Frame::of_ethernet(&frame);
        let ip = summary.ip().expect("an IP packet");
        assert_eq!((ip.protocol, ip.transport.ports()), (17, Some((40_000, 443))));
        assert_eq!(summary.payload(&frame).len(), PAYLOAD);
    }

    #[test]
    fn every_subject_works() {
        let folder = tempfile::tempdir().unwrap();
        for mut subject in link().into_iter().chain(capture(&folder).unwrap()) {
            assert_eq!(subject.measure(10).unwrap().n, 11, "{}", subject.name);
        }
    }
}
