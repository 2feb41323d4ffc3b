//! What a peer says, line by line, with the time at which it said it.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use interop_catalogue::{LogEvent, Peer, Refusal};
use interop_evidence::{EventKind, PeerRole, Stage, StageStatus};
use regex::Regex;
use tokio::io::{AsyncBufRead, AsyncBufReadExt as _, AsyncRead, BufReader};
use tokio::sync::Notify;
use tokio::time::{Instant, timeout_at};

use crate::cell::Recorder;
use crate::{EngineError, Result};

/// Lines kept in memory for patterns to look at; the file has them all, up to its limit.
const MOST_LINES: usize = 50_000;
/// A longer line is cut.
const LONGEST_LINE: usize = 4096;

/// The canonical event of a stage.
const STAGE: &str = "stage";

/// The log of a peer; clones share it.
#[derive(Clone, Debug)]
pub(crate) struct PeerLog {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    role: PeerRole,
    events: Vec<LogEvent>,
    refusals: Vec<Refusal>,
    recorder: Recorder,
    state: Mutex<State>,
    news: Notify,
}

#[derive(Debug)]
struct State {
    file: File,
    room: u64,
    lines: Vec<String>,
    refused: Option<(PeerRole, String)>,
}

impl PeerLog {
    pub(crate) fn create(path: &Path, role: PeerRole, peer: &Peer, recorder: Recorder) -> Result<Self> {
        let file =
            File::options().create(true).append(true).open(path).map_err(|source| EngineError::file(path, source))?;
        let state = State { file, room: peer.limits.log.0, lines: Vec::new(), refused: None };
        Ok(Self {
            shared: Arc::new(Shared {
                role,
                events: peer.log_events.clone(),
                refusals: peer.refusals.clone(),
                recorder,
                state: Mutex::new(state),
                news: Notify::new(),
            }),
        })
    }

    /// Reads a pipe of the peer to its end, in the background.
    pub(crate) fn follow(&self, pipe: impl AsyncRead + Unpin + Send + 'static) {
        let log = self.clone();
        tokio::spawn(async move {
            let mut reader = BufReader::new(pipe);
            let mut line = Vec::new();
            // A pipe that ends or breaks has said everything that it will say.
            while read_line(&mut reader, &mut line).await.is_ok_and(|more| more) {
                log.take(&line);
                line.clear();
            }
            log.shared.news.notify_waiters();
        });
    }

    fn take(&self, line: &[u8]) {
        let shared = &self.shared;
        let text = String::from_utf8_lossy(line).trim_end().to_owned();
        let mut state = self.lock();
        let stamped = format!("{} {text}\n", shared.recorder.now());
        if state.room >= stamped.len() as u64 {
            state.room -= stamped.len() as u64;
            // A full disk must not stop the peer; the cell's own files will tell.
            let _ = state.file.write_all(stamped.as_bytes());
        } else if state.room > 0 {
            state.room = 0;
            let _ = state.file.write_all(b"... the log has reached its limit; the rest is left out\n");
        }
        for event in &shared.events {
            if let Some(kind) = meaning(event, shared.role, &text) {
                shared.recorder.record(kind);
            }
        }
        for refusal in &shared.refusals {
            if state.refused.is_none() && refusal.pattern.regex().is_match(&text) {
                let by = refusal.by.into();
                state.refused = Some((by, format!("{} (\"{text}\")", refusal.why)));
                shared.recorder.note(format!("the {} says that the {by} refuses: {}", shared.role, refusal.why));
            }
        }
        if state.lines.len() < MOST_LINES {
            state.lines.push(text);
        }
        drop(state);
        shared.news.notify_waiters();
    }

    /// Who refused and why, if a line said so.
    pub(crate) fn refused(&self) -> Option<(PeerRole, String)> {
        self.lock().refused.clone()
    }

    /// Forgets a refusal, before another attempt.
    pub(crate) fn forget_refusal(&self) {
        self.lock().refused = None;
    }

    /// The last line that says something.
    pub(crate) fn last_line(&self) -> Option<String> {
        self.lock().lines.iter().rev().find(|line| !line.is_empty()).cloned()
    }

    /// Waits for a matching line at or after `from`; `false` at the deadline.
    pub(crate) async fn wait_for(&self, pattern: &Regex, from: usize, deadline: Instant) -> bool {
        let mut next = from;
        loop {
            let news = self.shared.news.notified();
            tokio::pin!(news);
            news.as_mut().enable();
            {
                let state = self.lock();
                if state.lines.iter().skip(next).any(|line| pattern.is_match(line)) {
                    return true;
                }
                next = next.max(state.lines.len());
            }
            if timeout_at(deadline, news).await.is_err() {
                return false;
            }
        }
    }

    /// Waits until a refusal was said, then gives the peer a moment to prove the opposite.
    pub(crate) async fn wait_refused(&self, moment: Duration) {
        loop {
            let news = self.shared.news.notified();
            tokio::pin!(news);
            news.as_mut().enable();
            if self.lock().refused.is_some() {
                break;
            }
            news.await;
        }
        tokio::time::sleep(moment).await;
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.shared.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a line says, if it is of this kind. A stage that is unknown says nothing.
fn meaning(event: &LogEvent, role: PeerRole, line: &str) -> Option<EventKind> {
    let captures = event.pattern.regex().captures(line)?;
    if event.event.as_str() != STAGE {
        return Some(EventKind::PeerSaid { role, what: event.event.to_string(), line: line.to_owned() });
    }
    let said = |name: &str| captures.name(name).map_or("", |group| group.as_str());
    let stage = Stage::ALL.into_iter().find(|stage| stage.as_str() == said("stage"));
    let status = StageStatus::ALL.into_iter().find(|status| status.as_str() == said("status"));
    let stage = stage.or(event.stage.map(|stage| stage.0))?;
    let status = status.or(event.status.map(|status| status.0))?;
    Some(EventKind::Stage { role, stage, status, line: line.to_owned() })
}

/// Reads up to the next end of line and keeps the first [`LONGEST_LINE`] bytes; `false` at the end of the pipe.
async fn read_line(reader: &mut (impl AsyncBufRead + Unpin), line: &mut Vec<u8>) -> std::io::Result<bool> {
    loop {
        let read = reader.fill_buf().await?;
        if read.is_empty() {
            return Ok(!line.is_empty());
        }
        let end = read.iter().position(|byte| *byte == b'\n');
        let part = &read[..end.unwrap_or(read.len())];
        line.extend_from_slice(&part[..part.len().min(LONGEST_LINE.saturating_sub(line.len()))]);
        let used = end.map_or(read.len(), |end| end + 1);
        reader.consume(used);
        if end.is_some() {
            return Ok(true);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn lines(text: &[u8]) -> Vec<Vec<u8>> {
        let mut reader = BufReader::with_capacity(7, text);
        let mut lines = Vec::new();
        let mut line = Vec::new();
        while read_line(&mut reader, &mut line).await.unwrap() {
            lines.push(std::mem::take(&mut line));
        }
        lines
    }

    #[test]
    fn a_stage_is_told_by_the_line_or_by_the_file() {
        let catalogue = |event: &str| {
            let folder = tempfile::TempDir::new().unwrap();
            let peers = folder.path().join("peers");
            std::fs::create_dir(&peers).unwrap();
            let text = format!(
                "id: x\ntitle: x\nroles: [client]\nprotocols: [p]\nbinary: {{name: x}}\ncommand: [x]\n\
                 connected-when: {{log: up}}\nlog-events: [{event}]\n"
            );
            std::fs::write(peers.join("x.yaml"), text).unwrap();
            let overlays = vec![folder.path().to_owned()];
            let options = interop_catalogue::LoadOptions { builtin: false, overlays };
            let loaded = interop_catalogue::Catalogue::load(&options).unwrap_or_else(|errors| panic!("{errors:?}"));
            loaded.peers["x"].value.log_events[0].clone()
        };
        let said = |event: &LogEvent, line: &str| match meaning(event, PeerRole::Client, line) {
            Some(EventKind::Stage { stage, status, .. }) => format!("{stage} {status}"),
            Some(EventKind::PeerSaid { what, .. }) => what,
            _ => "nothing".to_owned(),
        };
        let told = catalogue("{event: stage, pattern: 'stage (?<stage>[a-z-]+): (?<status>[a-z]+)'}");
        assert_eq!(said(&told, "12:00 stage cstp-connect: done 200"), "cstp-connect done");
        assert_eq!(said(&told, "12:00 stage tea-break: done"), "nothing", "no such stage");
        assert_eq!(said(&told, "connected"), "nothing");
        let fixed = catalogue("{event: stage, stage: tls-handshake, status: done, pattern: 'with ciphersuite'}");
        assert_eq!(said(&fixed, "Connected with ciphersuite X"), "tls-handshake done");
        let plain = catalogue("{event: dtls-up, pattern: 'DTLS'}");
        assert_eq!(said(&plain, "DTLS is up"), "dtls-up");
    }

    #[tokio::test]
    async fn lines_are_split_and_bounded() {
        assert_eq!(lines(b"one\n\ntwo and more\nlast").await, [&b"one"[..], b"", b"two and more", b"last"]);
        let endless = vec![b'x'; 3 * LONGEST_LINE];
        let read = lines(&endless).await;
        assert_eq!(read.len(), 1);
        assert_eq!(read[0].len(), LONGEST_LINE);
    }
}
