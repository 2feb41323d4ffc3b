//! Reading a capture, and looking at each frame, while what was read before is decoded.

use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, channel, sync_channel};
use std::thread::{Builder, scope};

use interop_capture::{CaptureReader, Frame, ReadError};

use crate::packet::Look;

/// Files of fewer bytes are read by the thread that decodes them: to start another one takes as long.
const WORTH_A_THREAD: u64 = 1024 * 1024;
/// Bytes of a batch of frames, and frames of one, about.
const BATCH_BYTES: usize = 128 * 1024;
const BATCH_FRAMES: usize = 256;
/// Batches that wait to be decoded.
const AHEAD: usize = 4;
/// Bytes of a frame whose memory is kept for the next one; few frames are larger.
const KEPT: usize = 16 * 1024;

/// What stands in a capture, in its order.
pub(crate) enum Read<'a> {
    /// Keys, for the frames that follow.
    Secrets(&'a str),
    /// With what it shows by itself.
    Frame(&'a Frame, Option<&'a Look>),
}

/// Some frames.
#[derive(Default)]
struct Batch {
    /// Those from `used` on are memory for others.
    frames: Vec<(Frame, Option<Look>)>,
    used: usize,
    /// Keys, and how many frames stand before them.
    secrets: Vec<(usize, String)>,
    /// What ended the file early.
    broken: Option<String>,
}

/// Gives everything in a capture to `each`; says what ended it early, if something did.
pub(crate) fn read_ahead(path: &Path, mut each: impl FnMut(Read<'_>)) -> Result<Option<String>, ReadError> {
    let reader = CaptureReader::open(path)?;
    let is_large = path.metadata().is_ok_and(|metadata| metadata.len() >= WORTH_A_THREAD);
    if !is_large {
        return Ok(read(reader, &mut each));
    }
    scope(|scope| {
        let (full, batches) = sync_channel(AHEAD);
        let (empty, used) = channel();
        let thread = Builder::new().name("capture".to_owned());
        let spawned = thread.spawn_scoped(scope, move || {
            let mut reader = reader;
            while let Some(batch) = next_batch(&mut reader, used.try_recv().unwrap_or_default()) {
                // Whoever decodes has ended before its time.
                if full.send(batch).is_err() {
                    break;
                }
            }
        });
        match spawned {
            Ok(_) => Ok(take(&batches, &empty, &mut each)),
            // No more threads for this user: what one thread can do takes a little longer.
            Err(_) => Ok(read(CaptureReader::open(path)?, &mut each)),
        }
    })
}

fn read(mut reader: CaptureReader, each: &mut impl FnMut(Read<'_>)) -> Option<String> {
    let mut batch = Batch::default();
    while let Some(next) = next_batch(&mut reader, batch) {
        batch = next;
        batch.give(each);
        if batch.broken.is_some() {
            return batch.broken;
        }
    }
    None
}

fn take(batches: &Receiver<Batch>, used: &Sender<Batch>, each: &mut impl FnMut(Read<'_>)) -> Option<String> {
    let mut broken = None;
    for mut batch in batches {
        batch.give(each);
        broken = broken.or(batch.broken.take());
        // The reader is gone when it has read everything.
        let _ = used.send(batch);
    }
    broken
}

/// Reads the next frames into memory that was used before.
fn next_batch(reader: &mut CaptureReader, mut batch: Batch) -> Option<Batch> {
    batch.used = 0;
    batch.secrets.clear();
    let mut bytes = 0;
    while bytes < BATCH_BYTES && batch.used < BATCH_FRAMES {
        if batch.used == batch.frames.len() {
            batch.frames.push(Default::default());
        }
        let Some((frame, look)) = batch.frames.get_mut(batch.used) else { break };
        if frame.data.capacity() > KEPT {
            frame.data = Vec::new();
        }
        let read = reader.read_into(frame);
        // They stand before the frame, or at the end.
        let secrets = reader.take_secrets();
        batch.secrets.extend(secrets.into_iter().map(|text| (batch.used, text)));
        match read {
            None => break,
            Some(Err(error)) => {
                batch.broken = Some(error.to_string());
                break;
            }
            Some(Ok(())) => {
                *look = Look::at(frame);
                bytes += frame.data.len();
                batch.used += 1;
            }
        }
    }
    (batch.used > 0 || !batch.secrets.is_empty() || batch.broken.is_some()).then_some(batch)
}

impl Batch {
    fn give(&self, each: &mut impl FnMut(Read<'_>)) {
        let mut secrets = self.secrets.iter().peekable();
        for (before, (frame, look)) in self.frames.iter().take(self.used).enumerate() {
            while let Some((_, text)) = secrets.next_if(|(at, _)| *at <= before) {
                each(Read::Secrets(text));
            }
            each(Read::Frame(frame, look.as_ref()));
        }
        secrets.for_each(|(_, text)| each(Read::Secrets(text)));
    }
}
