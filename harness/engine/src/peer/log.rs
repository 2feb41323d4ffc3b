//! What a peer says, line by line, with the time at which it said it.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use interop_catalogue::{LogEvent, Peer, Refusal};
use interop_evidence::{EventKind, Micros, PeerRole, Stage, StageStatus};
use regex::Regex;
use tokio::io::{AsyncBufReadExt as _, AsyncRead, BufReader};
use tokio::sync::{Notify, oneshot};
use tokio::time::{Instant, timeout_at};

use super::lines::Lines;
use crate::cell::Recorder;
use crate::{EngineError, Result};

/// A longer line is cut.
const LONGEST_LINE: usize = 4096;
/// Of a line that means something, what stands in the time line.
const LONGEST_QUOTE: usize = 512;
/// Events of one log in the time line, which has room for those of both peers and for everything else.
const MOST_EVENTS: u32 = 4000;
/// After so many bytes of one log, others get their turn.
const TURN: usize = 64 << 10;

/// Exit code of a cell's process whose evidence could not be written, whatever its record says.
pub const EVIDENCE_INCOMPLETE: u8 = 74;

/// Why a log could not be written; a process is one cell.
static LOST: OnceLock<String> = OnceLock::new();

/// Why what a peer of this process said could not be written, if so: the cell must then leave with [`EVIDENCE_INCOMPLETE`].
pub fn lost_evidence() -> Option<&'static str> {
    LOST.get().map(String::as_str)
}

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
    lines: Lines,
    /// Events that may still be recorded.
    events: u32,
    refused: Option<(PeerRole, String)>,
    waiting: Vec<Waiting>,
}

/// Somebody who waits for a line.
#[derive(Debug)]
struct Waiting {
    pattern: Regex,
    /// Closed when nobody waits any more.
    said: oneshot::Sender<()>,
}

impl PeerLog {
    pub(crate) fn create(path: &Path, role: PeerRole, peer: &Peer, recorder: Recorder) -> Result<Self> {
        let file =
            File::options().create(true).append(true).open(path).map_err(|source| EngineError::file(path, source))?;
        let state = State {
            file,
            room: peer.limits.log.0,
            lines: Lines::default(),
            events: MOST_EVENTS,
            refused: None,
            waiting: Vec::new(),
        };
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
            let mut reader = LineReader::new(pipe);
            let mut line = Vec::new();
            // A pipe that ends or breaks has said everything that it will say.
            while reader.read(&mut line).await.is_ok_and(|more| more) {
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
        state.write(shared.recorder.now(), &text);
        for event in &shared.events {
            if let Some(kind) = meaning(event, shared.role, &text) {
                state.record(&shared.recorder, kind);
            }
        }
        for refusal in &shared.refusals {
            if state.refused.is_none() && refusal.pattern.regex().is_match(&text) {
                let by = refusal.by.into();
                state.refused = Some((by, format!("{} (\"{}\")", refusal.why, quote(&text))));
                shared.recorder.note(format!("the {} says that the {by} refuses: {}", shared.role, refusal.why));
                shared.news.notify_waiters();
            }
        }
        for fits in state.waiting.extract_if(.., |waiting| waiting.said.is_closed() || waiting.pattern.is_match(&text))
        {
            // Whoever has given up does not want to know.
            let _ = fits.said.send(());
        }
        state.lines.push(text);
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
        self.lock().lines.last().cloned()
    }

    /// Waits for a matching line, said before or later; `false` at the deadline.
    pub(crate) async fn wait_for(&self, pattern: &Regex, deadline: Instant) -> bool {
        let heard = {
            let mut state = self.lock();
            if state.lines.iter().any(|line| pattern.is_match(line)) {
                return true;
            }
            // Under the same lock as the look at what was said: no line comes in between, and each one later is held
            // against the pattern, however many there are.
            let (said, heard) = oneshot::channel();
            state.waiting.push(Waiting { pattern: pattern.clone(), said });
            heard
        };
        matches!(timeout_at(deadline, heard).await, Ok(Ok(())))
    }

    /// The last line that matches.
    pub(crate) fn line_with(&self, pattern: &Regex) -> Option<String> {
        self.lock().lines.iter().filter(|line| pattern.is_match(line)).last().cloned()
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

impl State {
    /// Writes a line down, as long as there is room.
    fn write(&mut self, now: Micros, text: &str) {
        if self.room == 0 {
            return;
        }
        let stamped = format!("{now} {text}\n");
        let fits = self.room >= stamped.len() as u64;
        self.room = if fits { self.room - stamped.len() as u64 } else { 0 };
        let limit = "... the log has reached its limit; the rest is left out\n";
        let written = self.file.write_all(if fits { &stamped } else { limit }.as_bytes());
        if let Err(error) = written {
            // A full disk must not stop the peer; the verdict of the cell does not count.
            let _ = LOST.set(format!("failed to write the log of a peer: {error}"));
        }
    }

    /// Records what a line says, as long as the time line has room for others.
    fn record(&mut self, recorder: &Recorder, kind: EventKind) {
        match self.events {
            0 => return,
            1 => recorder.note("the log has said so much that its further events are left out"),
            _ => recorder.record(kind),
        }
        self.events -= 1;
    }
}

/// What a line says, if it is of this kind. A stage that is unknown says nothing.
fn meaning(event: &LogEvent, role: PeerRole, line: &str) -> Option<EventKind> {
    let captures = event.pattern.regex().captures(line)?;
    if event.event.as_str() != STAGE {
        return Some(EventKind::PeerSaid { role, what: event.event.to_string(), line: quote(line).to_owned() });
    }
    let said = |name: &str| captures.name(name).map_or("", |group| group.as_str());
    let stage = Stage::ALL.into_iter().find(|stage| stage.as_str() == said("stage"));
    let status = StageStatus::ALL.into_iter().find(|status| status.as_str() == said("status"));
    let stage = stage.or(event.stage.map(|stage| stage.0))?;
    let status = status.or(event.status.map(|status| status.0))?;
    Some(EventKind::Stage { role, stage, status, line: quote(line).to_owned() })
}

/// The beginning of a line, as it is quoted elsewhere.
fn quote(line: &str) -> &str {
    &line[..line.floor_char_boundary(LONGEST_QUOTE)]
}

/// Cuts what a pipe carries into lines of bounded length.
struct LineReader<R> {
    pipe: BufReader<R>,
    /// Whether the rest of a line that was cut is left out.
    skipping: bool,
    /// Bytes since others had their turn.
    turn: usize,
}

impl<R: AsyncRead + Unpin> LineReader<R> {
    fn new(pipe: R) -> Self {
        Self { pipe: BufReader::new(pipe), skipping: false, turn: 0 }
    }

    /// Reads a line, or the first [`LONGEST_LINE`] bytes of one as soon as they are there; `false` at the end of the pipe.
    async fn read(&mut self, line: &mut Vec<u8>) -> std::io::Result<bool> {
        loop {
            if self.turn >= TURN {
                self.turn = 0;
                tokio::task::yield_now().await;
            }
            let read = self.pipe.fill_buf().await?;
            if read.is_empty() {
                return Ok(!line.is_empty());
            }
            let end = read.iter().position(|byte| *byte == b'\n');
            let part = &read[..end.unwrap_or(read.len())];
            let kept = if self.skipping { 0 } else { part.len().min(LONGEST_LINE - line.len()) };
            line.extend_from_slice(&part[..kept]);
            let cut = kept < part.len();
            let used = end.map_or(read.len(), |end| end + 1);
            self.pipe.consume(used);
            self.turn += used;
            let was_skipping = self.skipping;
            self.skipping = end.is_none() && (was_skipping || cut);
            if !was_skipping && (cut || end.is_some()) {
                return Ok(true);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn lines(text: &[u8]) -> Vec<Vec<u8>> {
        let mut reader = LineReader { pipe: BufReader::with_capacity(7, text), skipping: false, turn: 0 };
        let mut lines = Vec::new();
        let mut line = Vec::new();
        while reader.read(&mut line).await.unwrap() {
            lines.push(std::mem::take(&mut line));
        }
        lines
    }

    /// A log of a client whose peer file says these things.
    fn log(more: &str) -> (PeerLog, Recorder, tempfile::TempDir) {
        let folder = tempfile::TempDir::new().unwrap();
        let recorder = Recorder::new(std::time::Instant::now());
        let path = folder.path().join("client.log");
        let log = PeerLog::create(&path, PeerRole::Client, &peer(more), recorder.clone()).unwrap();
        (log, recorder, folder)
    }

    fn soon() -> Instant {
        Instant::now() + Duration::from_millis(1)
    }

    fn peer(more: &str) -> Peer {
        let folder = tempfile::TempDir::new().unwrap();
        let peers = folder.path().join("peers");
        std::fs::create_dir(&peers).unwrap();
        let text = format!(
            "id: x\ntitle: x\nroles: [client]\nprotocols: [p]\nbinary: {{name: x}}\ncommand: [x]\n\
             connected-when: {{log: up}}\n{more}\n"
        );
        std::fs::write(peers.join("x.yaml"), text).unwrap();
        let overlays = vec![folder.path().to_owned()];
        let options = interop_catalogue::LoadOptions { builtin: false, overlays };
        let loaded = interop_catalogue::Catalogue::load(&options).unwrap_or_else(|errors| panic!("{errors:?}"));
        loaded.peers["x"].value.clone()
    }

    #[test]
    fn a_stage_is_told_by_the_line_or_by_the_file() {
        let catalogue = |event: &str| peer(&format!("log-events: [{event}]")).log_events[0].clone();
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
        let mut more = endless;
        more.extend_from_slice(b"\nnext\n");
        let read = lines(&more).await;
        assert_eq!(read.len(), 2, "the rest of a long line is left out");
        assert_eq!(read[1], b"next");
        let exact = [vec![b'x'; LONGEST_LINE], b"\nnext".to_vec()].concat();
        assert_eq!(lines(&exact).await.len(), 2);
    }

    #[tokio::test]
    async fn an_endless_line_is_heard_before_it_ends() {
        let (log, ..) = log("");
        let (mut mouth, ear) = tokio::io::duplex(1024);
        log.follow(ear);
        let deadline = Instant::now() + Duration::from_secs(30);
        let pattern = Regex::new("^up x").unwrap();
        let waits = log.wait_for(&pattern, deadline);
        let talks = async {
            use tokio::io::AsyncWriteExt as _;
            mouth.write_all(b"up ").await.unwrap();
            mouth.write_all(&vec![b'x'; 2 * LONGEST_LINE]).await.unwrap();
            std::future::pending::<()>().await;
        };
        tokio::select! {
            heard = waits => assert!(heard),
            () = talks => {}
        }
    }

    #[tokio::test]
    async fn who_waits_hears_every_line_however_many_there_are() {
        let (log, ..) = log("limits: {log: 10kB}");
        let pattern = Regex::new("needle").unwrap();
        assert!(!log.wait_for(&pattern, soon()).await);
        let deadline = Instant::now() + Duration::from_secs(30);
        let waits = log.wait_for(&pattern, deadline);
        let talks = async {
            tokio::task::yield_now().await;
            log.take(b"the needle");
            for _ in 0..40_000 {
                log.take(b"some hay that is long enough to push everything else out of the memory of the log");
            }
            log.take(b"last");
            log.take(b"");
        };
        let (heard, ()) = tokio::join!(waits, talks);
        assert!(heard, "also when it was forgotten before the one who waits had a turn");
        assert_eq!(log.last_line().as_deref(), Some("last"));
        assert!(log.lock().waiting.is_empty());
    }

    #[tokio::test]
    async fn who_gives_up_is_forgotten() {
        let (log, ..) = log("");
        let pattern = Regex::new("needle").unwrap();
        assert!(!log.wait_for(&pattern, soon()).await);
        log.take(b"hay");
        assert!(log.lock().waiting.is_empty());
    }

    #[test]
    fn the_file_and_the_events_are_bounded() {
        let (log, recorder, folder) = log("limits: {log: 10kB}\nlog-events: [{event: beep, pattern: beep}]");
        for _ in 0..MOST_EVENTS + 100 {
            log.take(&[b"beep ".as_slice(), &[b'x'; 3000]].concat());
        }
        let size = std::fs::metadata(folder.path().join("client.log")).unwrap().len();
        assert!((9000..11_000).contains(&size), "{size}");
        let events = recorder.timeline().events;
        assert_eq!(events.len(), MOST_EVENTS as usize);
        let quoted = |kind: &EventKind| matches!(kind, EventKind::PeerSaid { line, .. } if line.len() == LONGEST_QUOTE);
        assert!(quoted(&events[0].kind));
        assert!(matches!(&events[MOST_EVENTS as usize - 1].kind, EventKind::Note { .. }), "it says that it stops");
    }
}
