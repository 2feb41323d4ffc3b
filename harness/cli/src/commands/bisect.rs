//! `bisect`: the first version of a peer that changes a verdict.

mod search;
mod story;
mod versions;

use std::path::Path;
use std::process::ExitCode;

use interop_catalogue::{Catalogue, Side, closest};
use interop_engine::{PeerArgument, Plan, RunOptions, Selection, compare_traces, plan};
use interop_evidence::{CellRecord, Exit, Verdict};
use interop_reports::{CompareOptions, Options, write_all};

use self::search::{Found, search};
use self::story::{Outcome, Step, Story};
use self::versions::{Sides, sides};
use super::diff::{Side as Ran, compared};
use super::run::{carry_out, plain_options};
use super::{hold_roots, print};
use crate::args::{BisectArgs, CatalogueArgs};
use crate::display::style;
use crate::load::{complain, load};

pub(crate) fn bisect(catalogue_args: &CatalogueArgs, args: &BisectArgs) -> ExitCode {
    let catalogue = match load(catalogue_args) {
        Ok(catalogue) => catalogue,
        Err(code) => return code,
    };
    match try_bisect(catalogue_args, &catalogue, args) {
        Ok(story) => {
            if args.json {
                print(&story.json());
            } else {
                print(&story.text(style()));
            }
            crate::exit(story.exit())
        }
        Err(Stopped { exit, message }) => {
            complain(&message);
            crate::exit(exit)
        }
    }
}

/// Why a search did not come to its end.
struct Stopped {
    exit: Exit,
    message: String,
}

fn usage(message: String) -> Stopped {
    Stopped { exit: Exit::Usage, message }
}

fn try_bisect(catalogue_args: &CatalogueArgs, catalogue: &Catalogue, args: &BisectArgs) -> Result<Story, Stopped> {
    if !catalogue.scenarios.contains_key(&args.scenario) {
        let hint = closest(&args.scenario, catalogue.scenarios.keys().map(String::as_str));
        let hint = hint.map_or_else(|| "see `vpn-interop list`".to_owned(), |near| format!("did you mean `{near}`?"));
        return Err(usage(format!("there is no scenario `{}`; {hint}", args.scenario)));
    }
    let _roots = hold_roots();
    let sides = sides(catalogue, &args.client, &args.server).map_err(usage)?;
    let options = plain_options(catalogue_args, &args.out, args.seed, None).map_err(usage)?;
    let options = RunOptions { repeat: args.repeat, ..options };
    let mut tried = Tried { catalogue, args, sides: &sides, options, runs: Vec::new(), steps: Vec::new() };
    // A mistake shows before anything has run.
    tried.plan(0)?;
    say(&format!("{} versions of {}; seed {}", sides.versions.len(), sides.peer, tried.options.seed));
    let found = search(sides.versions.len(), |at| tried.look(at))?;
    let outcome = match found {
        Found::Same => Outcome::Same,
        Found::Unusable(at) => Outcome::NotJudged { version: tried.name(at) },
        Found::Change { last, first, unknown } => {
            let comparison = match (tried.run(last), tried.run(first)) {
                (Some(old), Some(new)) => {
                    Some(Box::new(compared(old, new, Some(catalogue), &CompareOptions::default())))
                }
                _ => None,
            };
            let unknown = unknown.into_iter().map(|at| tried.name(at)).collect();
            Outcome::Changed { last: tried.name(last), first: tried.name(first), unknown, comparison }
        }
    };
    let mut peers = [args.client.clone(), args.server.clone()];
    if sides.side == Side::Server {
        peers.reverse();
    }
    let [searched, other] = peers;
    let (scenario, params) = (args.scenario.clone(), args.params.clone());
    Ok(Story { scenario, params, searched, other, steps: tried.steps, outcome })
}

/// The versions that were run.
struct Tried<'a> {
    catalogue: &'a Catalogue,
    args: &'a BisectArgs,
    sides: &'a Sides,
    options: RunOptions,
    /// Each run with the position of its version, in the order in which they ran.
    runs: Vec<(usize, Ran)>,
    steps: Vec<Step>,
}

impl Tried<'_> {
    fn name(&self, at: usize) -> String {
        self.sides
            .versions
            .get(at)
            .map_or_else(String::new, |version| format!("{}@{}", self.sides.peer, version.release))
    }

    fn run(&self, at: usize) -> Option<&Ran> {
        self.runs.iter().find(|(version, _)| *version == at).map(|(_, run)| run)
    }

    /// The one cell of a version.
    fn plan(&self, at: usize) -> Result<Plan, Stopped> {
        let version = PeerArgument::parse(&self.name(at));
        let (clients, servers) = match self.sides.side {
            Side::Client => (version, self.sides.other.clone()),
            Side::Server => (self.sides.other.clone(), version),
        };
        let selection = Selection {
            scenarios: vec![self.args.scenario.clone()],
            clients: vec![clients],
            servers: vec![servers],
            params: self.args.params.clone(),
            ..Selection::default()
        };
        let plan = plan(self.catalogue, &selection).map_err(|error| usage(error.to_string()))?;
        match plan.cells.as_slice() {
            [_] => Ok(plan),
            [] => Err(Stopped {
                exit: Exit::NothingSelected,
                message: format!("`{}` and `{}` speak no common protocol", self.args.client, self.args.server),
            }),
            several => {
                let keys: Vec<&str> = several.iter().take(8).map(|cell| cell.key.as_str()).collect();
                Err(usage(format!(
                    "`{}` has {} cells here; choose one with --param, and one peer on the other side: {}{}",
                    self.args.scenario,
                    several.len(),
                    keys.join(", "),
                    if several.len() > keys.len() { ", ..." } else { "" }
                )))
            }
        }
    }

    /// Runs a version and says what it shows; nothing if that cannot be told.
    fn look(&mut self, at: usize) -> Result<Option<String>, Stopped> {
        let plan = self.plan(at)?;
        let folder = self.options.out.join(format!("{:02}-{}", self.steps.len() + 1, self.name(at)));
        let environment = |message: String| Stopped { exit: Exit::Environment, message };
        std::fs::create_dir_all(&folder)
            .map_err(|error| environment(format!("failed to make {}: {error}", folder.display())))?;
        let options = RunOptions { out: folder.clone(), ..self.options.clone() };
        let results = carry_out(self.catalogue, &plan, &options).map_err(environment)?;
        write_all(&results, &folder, Options::default()).map_err(|error| environment(format!("failed to {error}")))?;
        let Some(cell) = results.cells.first().filter(|_| !results.run.interrupted).cloned() else {
            let message = format!("interrupted; what ran is below {}", self.options.out.display());
            return Err(Stopped { exit: Exit::Interrupted, message });
        };
        self.runs.push((at, Ran { results, folder: folder.clone() }));
        let shown = self.shown(&cell, &folder)?;
        let step = Step::of(self.steps.len() + 1, &self.name(at), self.sides.side, &cell, shown.as_deref(), &folder);
        say(&step.line());
        self.steps.push(step);
        Ok(shown)
    }

    /// What is searched for, as a word that is the same in versions that do not differ.
    fn shown(&self, cell: &CellRecord, folder: &Path) -> Result<Option<String>, Stopped> {
        // What a peer does not declare is known of it; the rest says nothing.
        if cell.verdict.is_environment() || matches!(cell.verdict, Verdict::Skipped | Verdict::Blocked) {
            return Ok(None);
        }
        if let Some(wanted) = &self.args.verdict {
            let is = cell.verdict.as_str() == wanted;
            return Ok(Some(if is { wanted.clone() } else { format!("not {wanted}") }));
        }
        if !self.args.trace {
            return Ok(Some(cell.verdict.to_string()));
        }
        let scenario = self.catalogue.scenarios.get(&cell.scenario).map(|entry| &entry.value);
        let bundle =
            |ran: &Ran| ran.results.cells.first().and_then(|cell| Some(ran.folder.join(cell.bundle.as_ref()?)));
        let first = self.runs.first().and_then(|(_, run)| bundle(run));
        let this = cell.bundle.as_ref().map(|bundle| folder.join(bundle));
        let (Some(scenario), Some(first), Some(this)) = (scenario, first, this) else { return Ok(None) };
        if scenario.golden.is_empty() {
            return Err(usage(format!(
                "`{}` claims no golden views, so that there is no trace to compare",
                scenario.id
            )));
        }
        let differences = compare_traces(scenario, &first, &this)
            .map_err(|error| Stopped { exit: Exit::Environment, message: format!("failed to {error}") })?;
        Ok(Some(if differences.is_empty() { "the same trace" } else { "another trace" }.to_owned()))
    }
}

/// Progress is for the person who waits.
#[expect(clippy::print_stderr, reason = "standard output is for the result")]
fn say(line: &str) {
    eprintln!("{line}");
}
