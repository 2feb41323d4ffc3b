//! From a capture to its trace: the whole command beside `tshark`, on the same file.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use indexmap::IndexMap;
use interop_capture::{CaptureReader, CaptureWriter, InterfaceId, InterfaceSpec, Side};

use crate::Result;
use crate::run::Memory;

/// The longest that one command may take.
const LIMIT: Duration = Duration::from_secs(900);

/// A command that read a capture.
#[derive(Clone, Copy, Debug, Default)]
pub struct Reading {
    /// Seconds from start to end.
    pub wall: f64,
    /// The most memory that was resident at once, in MB.
    pub peak: f64,
}

/// Writes the frames of `source` again and again, one round after the other in time, until the file has `bytes`; gives
/// the number of frames. Keys and interfaces are those of the source.
///
/// # Errors
/// When a file cannot be read or written, or the source has no frames.
pub fn repeat(source: &Path, target: &Path, bytes: u64) -> Result<u64> {
    let words = |error: &dyn std::fmt::Display| format!("failed to {error}");
    let mut reader = CaptureReader::open(source).map_err(|error| words(&error))?;
    let frames: Vec<_> = reader.by_ref().map(|frame| frame.map_err(|error| words(&error))).collect::<Result<_>>()?;
    let secrets = reader.take_secrets();
    let (Some(first), Some(last)) = (frames.first(), frames.last()) else {
        return Err(format!("{} has no frames", source.display()));
    };
    let round = last.time.saturating_sub(first.time) + Duration::from_secs(1);
    let names: IndexMap<_, _> = frames.iter().map(|frame| (frame.interface.clone(), frame.link_type)).collect();
    let interfaces: Vec<InterfaceSpec> = names
        .iter()
        .map(|(name, link_type)| InterfaceSpec {
            name: name.to_string(),
            description: String::new(),
            link_type: *link_type,
        })
        .collect();
    let mut writer = CaptureWriter::create(target, &interfaces).map_err(|error| words(&error))?.with_limit(u64::MAX);
    let (mut written, mut number, mut later) = (0, 0, Duration::ZERO);
    while written < bytes {
        for frame in &frames {
            let id = names.get_index_of(&frame.interface).unwrap_or_default();
            let id = InterfaceId(u32::try_from(id).unwrap_or_default());
            let side = frame.from.unwrap_or(Side::A);
            number = writer.frame(id, frame.time + later, side, &frame.data, None);
            written += frame.data.len() as u64 + 40;
        }
        later += round;
    }
    writer.finish(&secrets).map_err(|error| words(&error))?;
    Ok(number)
}

/// Runs a command that reads a capture, its output thrown away.
///
/// # Errors
/// When it does not start, fails, or takes longer than fifteen minutes.
pub fn read(program: &Path, arguments: &[&str]) -> Result<Reading> {
    let name = program.display();
    let start = Instant::now();
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| format!("failed to start {name}: {error}"))?;
    let mut peak: f64 = 0.0;
    loop {
        // Asked before the wait: a process that has ended has no memory any more.
        peak = peak.max(Memory::of(&child.id().to_string()).map_or(0.0, |memory| memory.peak));
        if let Some(status) = child.try_wait().map_err(|error| error.to_string())? {
            let wall = start.elapsed().as_secs_f64();
            return if status.success() {
                Ok(Reading { wall, peak })
            } else {
                Err(format!("{name} ended with {status}"))
            };
        }
        if start.elapsed() > LIMIT {
            // It may have ended in this moment; then there is nobody to kill.
            let _ = child.kill();
            let _ = child.wait();
            return Err(format!("{name} took longer than {} s", LIMIT.as_secs()));
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Runs one cell of reference x reference and copies its capture to `target`.
///
/// # Errors
/// When the cell does not pass, or leaves no capture.
pub fn record(program: &Path, target: &Path) -> Result<()> {
    let out = tempfile::tempdir().map_err(|error| error.to_string())?;
    let status = Command::new(program)
        .args(["run", "--scenario", "baseline", "--client", "reference", "--server", "reference", "--out"])
        .arg(out.path())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .map_err(|error| format!("failed to start {}: {error}", program.display()))?;
    if !status.success() {
        return Err(format!("`{} run --scenario baseline` ended with {status}", program.display()));
    }
    let capture = out.path().join("cells/baseline+reference+reference/capture.pcapng");
    fs::copy(&capture, target).map_err(|error| format!("failed to copy {}: {error}", capture.display()))?;
    Ok(())
}
