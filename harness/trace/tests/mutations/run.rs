//! Reading mutations, one after the other.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Once;
use std::time::{Duration, Instant};

use interop_capture::{CaptureWriter, Frame, InterfaceSpec, Side};
use interop_evidence::View;
use interop_trace::{Decoded, Decoder, Setup, decode_file};

use crate::dice::Dice;
use crate::seeds::Seed;

/// Failures that end a run.
const ENOUGH: usize = 5;
/// A case takes well below a millisecond; the machine may have other work.
const LONGEST: Duration = Duration::from_secs(20);
/// Memory of the whole process at its most, in KiB.
const MOST_MEMORY: u64 = 400 * 1024;

/// What is read.
pub(crate) enum Case<'a> {
    Frames { frames: Vec<Frame>, seed: &'a Seed, raw: bool },
    File(Vec<u8>),
}

/// What was found in it.
pub(crate) struct Read {
    pub(crate) lines: usize,
    /// Whether something was opened with keys.
    pub(crate) opened: bool,
}

impl Read {
    fn of(decoded: &Decoded) -> Self {
        let lines = &decoded.trace.lines;
        Self { lines: lines.len(), opened: lines.iter().any(|line| line.view == View::ConnectHeaders) }
    }
}

pub(crate) struct Failure {
    pub(crate) what: String,
    /// Where the input is.
    pub(crate) path: PathBuf,
}

#[derive(Default)]
pub(crate) struct Report {
    pub(crate) failures: Vec<Failure>,
    cases: u64,
    /// Cases of which a trace came, and those in which something was opened.
    traces: u64,
    opened: u64,
    longest: Duration,
}

impl Report {
    /// Fails when something failed, or when the mutations miss their aim.
    pub(crate) fn check(&self, cases: u64) {
        assert!(self.failures.is_empty(), "{self}");
        assert_eq!(self.cases, cases);
        assert!(self.traces > cases / 10, "the mutations miss their aim: {self}");
        let memory = most_memory();
        println!("{self}, {} MiB of memory", memory / 1024);
        assert!(memory < MOST_MEMORY, "{memory} KiB of memory");
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { failures, cases, traces, opened, longest } = self;
        write!(f, "{cases} cases, {traces} with a trace, {opened} opened, the longest took {longest:?}")?;
        failures.iter().try_for_each(|failure| write!(f, "\n{} - see {}", failure.what, failure.path.display()))
    }
}

/// Makes and reads so many cases.
pub(crate) fn run<'a>(
    seed: u64,
    cases: u64,
    make: impl Fn(&mut Dice) -> Case<'a>,
    read: impl Fn(&Case<'a>, &Path) -> Read,
) -> Report {
    quiet();
    let folder = tempfile::tempdir().unwrap();
    let scratch = folder.path().join("capture");
    let mut report = Report::default();
    for number in 0..cases {
        let case = make(&mut Dice::of(seed, number));
        let began = Instant::now();
        GUARDED.set(true);
        let result = catch_unwind(AssertUnwindSafe(|| read(&case, &scratch)));
        GUARDED.set(false);
        let time = began.elapsed();
        report.cases += 1;
        report.longest = report.longest.max(time);
        let what = match result {
            Ok(read) => {
                report.traces += u64::from(read.lines > 0);
                report.opened += u64::from(read.opened);
                (time > LONGEST).then(|| format!("it took {time:?}"))
            }
            Err(_) => Some(PANIC.take().unwrap_or_else(|| "a panic".into())),
        };
        if let Some(what) = what {
            let what = format!("VPN_INTEROP_SEED={seed}, number {number}: {what}");
            let path = write(&case, &format!("failed-{seed}-{number}"));
            report.failures.push(Failure { what, path });
            if report.failures.len() == ENOUGH {
                break;
            }
        }
    }
    report
}

/// Reads frames from memory.
pub(crate) fn frames(case: &Case<'_>, _: &Path) -> Read {
    let Case::Frames { frames, seed, raw } = case else { panic!("no frames") };
    let mut decoder = Decoder::new(Setup { keys: seed.keys.clone(), raw: *raw, ..Setup::default() });
    frames.iter().for_each(|frame| decoder.frame(frame));
    Read::of(&decoder.finish())
}

/// Reads a file.
pub(crate) fn file(case: &Case<'_>, scratch: &Path) -> Read {
    let Case::File(bytes) = case else { panic!("no file") };
    fs::write(scratch, bytes).unwrap();
    decode_file(scratch, Setup::default()).map_or(Read { lines: 0, opened: false }, |decoded| Read::of(&decoded))
}

/// Keeps the input of a case.
fn write(case: &Case<'_>, name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    match case {
        Case::File(bytes) => fs::write(&path, bytes).unwrap(),
        Case::Frames { frames, seed, .. } => {
            let mut capture = CaptureWriter::create(&path, &[]).unwrap();
            let mut known: Vec<InterfaceSpec> = Vec::new();
            let mut ids = Vec::new();
            for frame in frames {
                let name = frame.interface.to_string();
                let spec = InterfaceSpec { name, description: String::new(), link_type: frame.link_type };
                let index = known.iter().position(|other| *other == spec).unwrap_or_else(|| {
                    ids.push(capture.add_interface(spec.clone()));
                    known.push(spec);
                    known.len() - 1
                });
                // The file has no room for later times.
                let time = frame.time.min(Duration::from_nanos(u64::MAX));
                capture.frame(ids[index], time, Side::A, &frame.data, frame.comment.as_deref());
            }
            capture.finish(&seed.log).unwrap();
        }
    }
    path
}

/// `VmHWM` of this process, in KiB.
fn most_memory() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.split_whitespace().next().unwrap().parse().unwrap()
}

thread_local! {
    static GUARDED: Cell<bool> = const { Cell::new(false) };
    static PANIC: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Keeps panics that are caught off the screen, and what they say.
fn quiet() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if GUARDED.get() {
                PANIC.set(Some(info.to_string()));
            } else {
                before(info);
            }
        }));
    });
}
