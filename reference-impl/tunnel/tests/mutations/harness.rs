//! Feeds mutations to parsers and watches what happens.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, Once, mpsc};
use std::time::Duration;

use nix::time::{ClockId, clock_gettime};

use crate::allocator;
use crate::dice::Dice;
use crate::mutate::mutate;
use crate::regressions;

/// Most time of the processor for one input. Far above what any needs, so that a slow machine does not matter.
const LONGEST: Duration = Duration::from_secs(1);
/// Wall time after which an input is taken to be stuck.
const STUCK: Duration = Duration::from_secs(30);
/// Inputs that one worker takes at a time.
const PIECE: usize = 250;
/// Failures after which a run ends.
const ENOUGH: usize = 40;

/// Longest input that a report shows; the seed repeats any.
const LONGEST_SHOWN: usize = 4096;

/// What a parser made of an input.
pub(crate) enum Verdict {
    Accepted,
    /// More would have to come.
    Waiting,
    /// Why it was refused.
    Refused(String),
}

/// Inputs with their states.
pub(crate) type Samples = Vec<(usize, Vec<u8>)>;

/// Something that reads what a peer sends.
///
/// It panics when an answer is wrong: too long, not readable itself, or one that only a forger could get.
pub(crate) trait Parser {
    fn name(&self) -> &'static str;
    /// Valid inputs, each with the number of the state in which it is one.
    fn samples(&self) -> Samples;
    /// Brings a live peer to a state and returns what it says there, where a recording would be stale.
    fn prepare(&mut self, _state: usize) -> Option<Vec<u8>> {
        None
    }
    fn feed(&mut self, state: usize, input: &[u8], dice: &mut Dice) -> Verdict;
    /// Most bytes of memory for an input of this length, and not more than that for each of its bytes.
    fn memory(&self) -> (usize, usize) {
        (64 << 10, 8)
    }
    /// Whether there are inputs that it refuses.
    fn refuses(&self) -> bool {
        true
    }
}

/// A parser and its share of the mutations.
pub(crate) struct Entry {
    pub(crate) make: fn() -> Box<dyn Parser>,
    pub(crate) share: usize,
}

/// One run.
pub(crate) struct Plan {
    pub(crate) seed: u64,
    pub(crate) entries: &'static [Entry],
}

/// One input.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Case {
    pub(crate) state: usize,
    /// What the choices are made by that belong to the feeding.
    pub(crate) dice: u64,
    pub(crate) input: Vec<u8>,
}

/// An input that did harm.
#[derive(Clone, Debug)]
pub(crate) struct Failure {
    parser: &'static str,
    /// Where it comes from.
    origin: String,
    pub(crate) what: String,
    pub(crate) case: Case,
}

impl Failure {
    /// The line for the file of regressions.
    pub(crate) fn line(&self) -> String {
        format!("{} {} {}", self.case.state, self.case.dice, hex::encode(&self.case.input))
    }
}

#[derive(Clone, Debug, Default)]
struct Tally {
    inputs: usize,
    accepted: usize,
    waiting: usize,
    refused: usize,
    most_memory: usize,
    most_time: Duration,
    time: Duration,
}

/// What a run found.
pub(crate) struct Report {
    pub(crate) failures: Vec<Failure>,
    tallies: Vec<(&'static str, Tally)>,
}

impl fmt::Display for Report {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(formatter, "parser              inputs accepted  waiting  refused  most KiB  most ms  all ms")?;
        for (name, tally) in &self.tallies {
            let Tally { inputs, accepted, waiting, refused, most_memory, most_time, time } = tally;
            writeln!(
                formatter,
                "{name:18} {inputs:7} {accepted:8} {waiting:8} {refused:8} {:9} {:8.1} {:7}",
                most_memory >> 10,
                most_time.as_secs_f64() * 1e3,
                time.as_millis()
            )?;
        }
        for Failure { parser, origin, what, .. } in &self.failures {
            writeln!(formatter, "{parser}, {origin}: {what}")?;
        }
        for failure in self.failures.iter().filter(|failure| failure.case.input.len() <= LONGEST_SHOWN).take(5) {
            writeln!(formatter, "for regressions/{}.txt:\n{}", failure.parser, failure.line())?;
        }
        Ok(())
    }
}

/// A parser, a part of its inputs; the first part replays what once failed and what is valid.
#[derive(Clone, Copy)]
struct Piece {
    entry: usize,
    from: usize,
    to: usize,
}

/// What a worker does at the moment, for when it is stuck.
type Desk = Arc<Mutex<(String, Case, usize)>>;

struct Found {
    entry: usize,
    name: &'static str,
    refuses: bool,
    tally: Tally,
    failures: Vec<Failure>,
}

/// Feeds the samples, the inputs that once failed, and the mutations.
pub(crate) fn run(plan: &Plan) -> Report {
    quiet();
    let mut pieces = Vec::new();
    for (entry, Entry { share, .. }) in plan.entries.iter().enumerate() {
        pieces.extend((0..*share).step_by(PIECE).map(|from| Piece { entry, from, to: (from + PIECE).min(*share) }));
    }
    let workers = std::thread::available_parallelism().map_or(2, usize::from);
    let (pieces, next) = (Arc::new(pieces), Arc::new(AtomicUsize::new(0)));
    let (sender, found) = mpsc::channel();
    let (seed, entries) = (plan.seed, plan.entries);
    let desks: Vec<Desk> = (0..workers)
        .map(|_| {
            let (pieces, next, sender) = (Arc::clone(&pieces), Arc::clone(&next), sender.clone());
            let desk = Desk::default();
            let own = Arc::clone(&desk);
            std::thread::spawn(move || {
                let mut parsers: Vec<Option<(Box<dyn Parser>, Samples)>> = entries.iter().map(|_| None).collect();
                while let Some(piece) = pieces.get(next.fetch_add(1, Ordering::SeqCst)) {
                    let (parser, samples) = parsers[piece.entry].get_or_insert_with(|| {
                        let parser = (entries[piece.entry].make)();
                        let samples = parser.samples();
                        (parser, samples)
                    });
                    if sender.send(work(parser.as_mut(), samples, seed, *piece, &own)).is_err() {
                        break;
                    }
                }
            });
            desk
        })
        .collect();
    drop(sender);
    collect(plan, &found, &desks)
}

fn collect(plan: &Plan, found: &mpsc::Receiver<Found>, desks: &[Desk]) -> Report {
    let mut tallies = vec![("", Tally::default()); plan.entries.len()];
    let mut never_refuses = vec![false; plan.entries.len()];
    let mut failures = Vec::new();
    let mut seen = vec![usize::MAX; desks.len()];
    loop {
        match found.recv_timeout(STUCK) {
            Ok(Found { entry, name, refuses, tally, failures: more }) => {
                let (known, sum) = &mut tallies[entry];
                *known = name;
                never_refuses[entry] = !refuses;
                sum.inputs += tally.inputs;
                sum.accepted += tally.accepted;
                sum.waiting += tally.waiting;
                sum.refused += tally.refused;
                sum.most_memory = sum.most_memory.max(tally.most_memory);
                sum.most_time = sum.most_time.max(tally.most_time);
                sum.time += tally.time;
                failures.extend(more);
                if failures.len() >= ENOUGH {
                    break;
                }
            }
            Err(mpsc::RecvTimeoutError::Disconnected) => break,
            Err(mpsc::RecvTimeoutError::Timeout) => stuck(desks, &mut seen, &mut failures),
        }
        if failures.iter().any(|failure| failure.what.starts_with("stuck")) {
            break;
        }
    }
    for ((entry, (name, tally)), never_refuses) in plan.entries.iter().zip(&tallies).zip(never_refuses) {
        let both = tally.accepted > 0 && (tally.refused > 0 || never_refuses);
        if failures.is_empty() && (tally.inputs < entry.share || !both) {
            let what = format!("the mutations miss their aim: {tally:?}");
            failures.push(Failure { parser: name, origin: "all".into(), what, case: Case::default() });
        }
    }
    Report { failures, tallies }
}

/// Looks for workers that are with the same input as the last time.
fn stuck(desks: &[Desk], seen: &mut [usize], failures: &mut Vec<Failure>) {
    for (desk, seen) in desks.iter().zip(seen) {
        let (origin, case, count) = desk.lock().unwrap().clone();
        if *seen == count {
            failures.push(Failure { parser: "stuck", origin, what: "stuck".into(), case });
        }
        *seen = count;
    }
}

fn work(parser: &mut dyn Parser, samples: &Samples, seed: u64, piece: Piece, desk: &Desk) -> Found {
    let name = parser.name();
    let refuses = parser.refuses();
    let mut found = Found { entry: piece.entry, name, refuses, tally: Tally::default(), failures: Vec::new() };
    if piece.from == 0 {
        for case in regressions::of(name) {
            parser.prepare(case.state);
            one(parser, case, "regression".into(), desk, &mut found);
        }
        for (state, sample) in samples {
            let input = parser.prepare(*state).unwrap_or_else(|| sample.clone());
            let case = Case { state: *state, dice: 0, input };
            let accepted = found.tally.accepted;
            one(parser, case.clone(), "sample".into(), desk, &mut found);
            if accepted == found.tally.accepted {
                let what = "a valid input was not accepted".to_owned();
                found.failures.push(Failure { parser: name, origin: "sample".into(), what, case });
            }
        }
        found.tally = Tally { inputs: 0, ..found.tally };
    }
    for number in piece.from..piece.to {
        // Each input depends on its own number alone, so that it can be had without those before it.
        let mut dice = Dice(seed ^ name.bytes().fold(number as u64, |sum, byte| sum.rotate_left(9) ^ u64::from(byte)));
        let dice = &mut Dice(dice.next());
        let (state, sample) = dice.pick(samples);
        let valid = parser.prepare(*state);
        let input = mutate(valid.as_ref().unwrap_or(sample), samples, dice);
        let case = Case { state: *state, dice: dice.next(), input };
        one(parser, case, format!("number {number}"), desk, &mut found);
    }
    found
}

fn one(parser: &mut dyn Parser, case: Case, origin: String, desk: &Desk, found: &mut Found) {
    {
        let mut desk = desk.lock().unwrap();
        desk.0.clone_from(&origin);
        desk.1.clone_from(&case);
        desk.2 += 1;
    }
    let mut dice = Dice(case.dice);
    let began = processor_time();
    GUARDED.set(true);
    let (result, memory) =
        allocator::peak(|| catch_unwind(AssertUnwindSafe(|| parser.feed(case.state, &case.input, &mut dice))));
    GUARDED.set(false);
    let time = processor_time().saturating_sub(began);
    let tally = &mut found.tally;
    tally.inputs += 1;
    tally.time += time;
    tally.most_time = tally.most_time.max(time);
    tally.most_memory = tally.most_memory.max(memory);
    let (fixed, for_each) = parser.memory();
    let most = fixed + for_each * case.input.len();
    let mut wrong = match result {
        Ok(Verdict::Accepted) => {
            tally.accepted += 1;
            None
        }
        Ok(Verdict::Waiting) => {
            tally.waiting += 1;
            None
        }
        Ok(Verdict::Refused(reason)) => {
            tally.refused += 1;
            reason.is_empty().then(|| "it is refused with no reason".to_owned())
        }
        Err(_) => Some(PANIC.take().unwrap_or_else(|| "a panic".into())),
    };
    if wrong.is_none() && memory > most {
        wrong = Some(format!("{memory} bytes of memory for {} of input", case.input.len()));
    }
    if wrong.is_none() && time > LONGEST {
        wrong = Some(format!("{time:?} of the processor"));
    }
    if let Some(what) = wrong {
        found.failures.push(Failure { parser: found.name, origin, what, case });
    }
}

/// Time that this thread had the processor: other work of the machine does not count.
fn processor_time() -> Duration {
    clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).map(Duration::from).unwrap()
}

thread_local! {
    static GUARDED: Cell<bool> = const { Cell::new(false) };
    static PANIC: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Panics that nothing here caught, in whatever thread or task.
pub(crate) static UNGUARDED: AtomicUsize = AtomicUsize::new(0);

/// Keeps panics that are caught off the screen, and what they say; counts the others.
pub(crate) fn quiet() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if GUARDED.get() {
                PANIC.set(Some(info.to_string()));
            } else {
                UNGUARDED.fetch_add(1, Ordering::SeqCst);
                before(info);
            }
        }));
    });
}
