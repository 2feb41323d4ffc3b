//! `run`

mod again;
mod execute;
mod settings;
mod share;

use std::process::ExitCode;

use interop_catalogue::Catalogue;
use interop_engine::{CellFate, Durations, Early, Ended, Plan, RunManifest, RunOptions, Share, plan};
use interop_evidence::{Exit, PartitionRecord};
use interop_reports::{Comparison, Options, attribute, terminal, write_all};

pub(super) use self::execute::carry_out;
pub(super) use self::settings::plain_options;

use self::again::{Order, Ordered, rerun, resume};
use self::execute::execute;
use self::settings::{options, selection};
use self::share::share;
use super::earlier::Earlier;
use super::{hold_roots, print};
use crate::args::{CatalogueArgs, RunArgs};
use crate::display::{say, style};
use crate::load::{complain, load};

pub(crate) fn run(catalogue: &CatalogueArgs, args: &RunArgs) -> ExitCode {
    let earlier = match Earlier::read(args.compare.as_deref()) {
        Ok(earlier) => earlier,
        Err(message) => return refuse(&message),
    };
    let ordered = match (&args.resume, &args.rerun) {
        (Some(folder), _) => resume(folder, args),
        (None, Some(folder)) => rerun(folder, args),
        (None, None) => return carry_out_order(&Order::Fresh, catalogue, args, earlier),
    };
    let ordered = ordered.and_then(|Ordered { order, catalogue, args }| {
        // The comparison that the run began with, unless another one is asked for now.
        let earlier = earlier.map_or_else(|| Earlier::read(args.compare.as_deref()), |earlier| Ok(Some(earlier)))?;
        Ok((order, catalogue, args, earlier))
    });
    match ordered {
        Ok((order, catalogue, args, earlier)) => carry_out_order(&order, &catalogue, &args, earlier),
        Err(message) => refuse(&message),
    }
}

fn carry_out_order(
    order: &Order,
    catalogue_args: &CatalogueArgs,
    args: &RunArgs,
    earlier: Option<Earlier>,
) -> ExitCode {
    let catalogue = match load(catalogue_args) {
        Ok(catalogue) => catalogue,
        Err(code) => return code,
    };
    let _roots = hold_roots();
    let whole = match plan(&catalogue, &selection(args)) {
        Ok(plan) => plan,
        Err(error) => return refuse(&error.to_string()),
    };
    if whole.cells.is_empty() {
        complain("nothing is selected: no scenario fits, or no client speaks with any server; see `vpn-interop list`");
        return crate::exit(Exit::NothingSelected);
    }
    let chosen = match order {
        Order::Fresh => narrowed(whole.clone(), args),
        Order::Resume(_) | Order::Rerun(_) => order.plan(&catalogue, whole.clone()).map(Narrowed::from),
    };
    let Narrowed { plan, partition, planned } = match chosen {
        Ok(chosen) => chosen,
        Err(message) => return refuse(&message),
    };
    if args.dry_run {
        print(&dry(&plan));
        return ExitCode::SUCCESS;
    }
    if let (Order::Rerun(_), true) = (order, plan.cells.is_empty()) {
        print("everything has ended as expected: there is nothing to run again\n");
        return ExitCode::SUCCESS;
    }
    let mut options = match options(catalogue_args, args) {
        Ok(options) => RunOptions { partition, planned, ..options },
        Err(message) => return refuse(&message),
    };
    if let Some(Err(message)) = earlier.as_ref().map(|earlier| earlier.is_not(&options.out)) {
        return refuse(&message);
    }
    remember_how_to_go_on(order, &catalogue, &whole, &plan, &mut options);
    let mut ended = match execute(&catalogue, &plan, &options) {
        Ok(ended) => ended,
        Err(message) => {
            complain(&message);
            return crate::exit(Exit::Environment);
        }
    };
    attribute(&mut ended.results);
    let since = earlier.map(|earlier| earlier.compared(&ended.results, &options.out, Some(&catalogue)));
    publish(order, &ended, since.as_ref(), &options, args)
}

/// What of a plan is run here.
struct Narrowed {
    plan: Plan,
    /// Which share it is, if the plan was divided, and the keys of the whole plan.
    partition: Option<PartitionRecord>,
    planned: Vec<String>,
}

impl From<Plan> for Narrowed {
    fn from(plan: Plan) -> Self {
        Self { plan, partition: None, planned: Vec::new() }
    }
}

/// The choice or the share of the plan that the arguments want. Not for a run that goes on: it knows its cells.
fn narrowed(plan: Plan, args: &RunArgs) -> Result<Narrowed, String> {
    let plan = if args.pairwise { plan.pairwise(args.seed.unwrap_or_default()) } else { plan };
    let Some(text) = &args.partition else { return Ok(plan.into()) };
    let Share { plan, partition, planned } = share(&plan, text, &args.durations)?;
    Ok(Narrowed { plan, partition: Some(partition), planned })
}

fn remember_how_to_go_on(order: &Order, catalogue: &Catalogue, whole: &Plan, plan: &Plan, options: &mut RunOptions) {
    if let Order::Resume(manifest) = order {
        options.resume = true;
        options.partition = manifest.partition;
        options.planned.clone_from(&manifest.divided);
        options.manifest = Some((**manifest).clone());
        return;
    }
    // A folder that is gone has no relative paths either.
    let folder = std::env::current_dir().unwrap_or_else(|_| "/".into());
    let manifest = RunManifest::new(catalogue, whole, plan, options.seed, order.words(), folder);
    options.manifest = Some(manifest.with(options.repeat, options.partition, options.planned.clone()));
}

fn publish(order: &Order, ended: &Ended, since: Option<&Comparison>, options: &RunOptions, args: &RunArgs) -> ExitCode {
    let results = &ended.results;
    let report = Options { fail_on_degraded: options.fail_on_degraded, since, ..Options::default() };
    let go_on = format!("go on with: vpn-interop run --resume {}", options.out.display());
    let written = match write_all(results, &options.out, report) {
        Ok(written) => written,
        Err(error) => {
            complain(&format!("failed to {error}"));
            if ended.early.is_some() {
                say(&go_on);
            }
            return crate::exit(Exit::Environment);
        }
    };
    if !options.keep
        && let Err(error) = Durations::remember(&results.cells)
    {
        tracing::debug!("failed to {error}");
    }
    if args.json {
        match std::fs::read_to_string(&written.results) {
            Ok(text) => print(&text),
            Err(error) => complain(&format!("failed to read {}: {error}", written.results.display())),
        }
    } else {
        print(&terminal(results, report, style(), Some(&written.html)));
        if let Order::Rerun(rerun) = order {
            print(&rerun.changes(results));
        }
    }
    match &ended.early {
        Some(Early::Interrupted) if !options.keep => {
            say(&go_on);
            crate::exit(Exit::Interrupted)
        }
        Some(Early::NoSpace(message)) => {
            complain(&format!("{message}; the rest was not run. Make room, then {go_on}"));
            crate::exit(Exit::Environment)
        }
        Some(Early::Interrupted | Early::FailFast) | None => crate::exit(results.exit(options.fail_on_degraded)),
    }
}

fn dry(plan: &Plan) -> String {
    let mut text = String::new();
    for cell in &plan.cells {
        let fate = match &cell.fate {
            CellFate::Run if cell.gate_only => "run, as the gate of its pair".to_owned(),
            CellFate::Run => "run".to_owned(),
            CellFate::Unsupported(reason) => format!("unsupported: {reason}"),
            CellFate::Skipped(reason) => format!("skipped: {reason}"),
        };
        text.push_str(&format!("{}  {fate}\n", cell.key));
    }
    text
}

fn refuse(message: &str) -> ExitCode {
    complain(message);
    crate::exit(Exit::Usage)
}
