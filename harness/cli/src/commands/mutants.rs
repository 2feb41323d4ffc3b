//! `mutants`: peers with a deliberate defect, and the proof that scenarios notice it.

mod proof;

use std::collections::BTreeSet;
use std::process::ExitCode;

use interop_catalogue::{Catalogue, Glob, Peer, Side, closest};
use interop_engine::{CellFate, PeerArgument, Plan, PlannedCell, Selection, plan};
use interop_evidence::Exit;
use interop_reports::{Options, write_all};

use self::proof::{Claim, Proof, State};
use super::run::{carry_out, plain_options};
use super::{hold_roots, print};
use crate::args::{CatalogueArgs, MutantsArgs, MutantsCommand, ProveArgs};
use crate::load::{complain, load};

pub(crate) fn mutants(catalogue_args: &CatalogueArgs, args: &MutantsArgs) -> ExitCode {
    let catalogue = match load(catalogue_args) {
        Ok(catalogue) => catalogue,
        Err(code) => return code,
    };
    match &args.command {
        MutantsCommand::List { json } => {
            print(&list(&catalogue, *json));
            ExitCode::SUCCESS
        }
        MutantsCommand::Prove(prove) => match try_prove(catalogue_args, &catalogue, prove) {
            Ok(code) => code,
            Err((exit, message)) => {
                complain(&message);
                crate::exit(exit)
            }
        },
    }
}

/// The scenarios that claim to catch a mutant.
fn claimed_by<'c>(catalogue: &'c Catalogue, mutant: &str) -> Vec<&'c str> {
    let claims = catalogue.scenarios.values().filter(|entry| entry.value.mutants.iter().any(|name| **name == *mutant));
    claims.map(|entry| entry.value.id.as_str()).collect()
}

fn list(catalogue: &Catalogue, json: bool) -> String {
    let side = |name: &str| {
        let has = |side: Side| catalogue.peers.values().any(|peer| peer.can_be(side) && peer.value.has_mutant(name));
        Side::ALL.iter().filter(|side| has(**side)).map(|side| side.as_str()).collect::<Vec<_>>().join(", ")
    };
    if json {
        let entries = catalogue.mutants().into_iter().map(|(name, does)| {
            serde_json::json!({"name": name, "side": side(name), "does": does, "scenarios": claimed_by(catalogue, name)})
        });
        return format!("{:#}\n", serde_json::Value::Array(entries.collect()));
    }
    let mut text = String::new();
    for (name, does) in catalogue.mutants() {
        text.push_str(&format!("{name} ({})\n  {does}\n", side(name)));
        text.push_str(&format!("  caught by {}\n", claimed_by(catalogue, name).join(", ")));
    }
    text
}

fn try_prove(
    catalogue_args: &CatalogueArgs,
    catalogue: &Catalogue,
    args: &ProveArgs,
) -> Result<ExitCode, (Exit, String)> {
    let _roots = hold_roots();
    let claims = claims(catalogue, args).map_err(|message| (Exit::Usage, message))?;
    let (claims, plan) = cells(catalogue, claims).map_err(|message| (Exit::Usage, message))?;
    if claims.is_empty() {
        return Err((Exit::NothingSelected, "no scenario claims to catch one of these mutants".to_owned()));
    }
    let options = plain_options(catalogue_args, &args.out, args.seed, args.jobs);
    let options = options.map_err(|message| (Exit::Usage, message))?;
    let results = carry_out(catalogue, &plan, &options).map_err(|message| (Exit::Environment, message))?;
    write_all(&results, &options.out, Options::default())
        .map_err(|error| (Exit::Environment, format!("failed to {error}")))?;
    let proofs: Vec<Proof> = claims.iter().map(|claim| proof::judge(claim, &results.cells)).collect();
    if args.json {
        match serde_json::to_string_pretty(&proofs) {
            Ok(text) => print(&format!("{text}\n")),
            Err(error) => return Err((Exit::Environment, format!("failed to write the proof: {error}"))),
        }
    } else {
        print(&proof::table(&proofs));
    }
    if results.run.interrupted {
        return Ok(crate::exit(Exit::Interrupted));
    }
    let any = |state: State| proofs.iter().any(|proof| proof.state == state);
    Ok(crate::exit(match () {
        () if any(State::Escaped) || any(State::HealthyFails) => Exit::Unexpected,
        () if any(State::NotJudged) => Exit::Environment,
        () => Exit::Ok,
    }))
}

/// What is to be proven: each mutant with each scenario that claims it.
fn claims(catalogue: &Catalogue, args: &ProveArgs) -> Result<Vec<(String, String)>, String> {
    let known = catalogue.mutants();
    let any = |globs: &[String], name: &str| {
        globs.is_empty() || globs.iter().any(|glob| Glob::from(glob.as_str()).matches(name))
    };
    for glob in &args.mutants {
        if !known.keys().any(|name| Glob::from(glob.as_str()).matches(name)) {
            let hint = closest(glob, known.keys().copied());
            let hint = hint.map_or_else(String::new, |near| format!("; did you mean `{near}`?"));
            return Err(format!("there is no mutant `{glob}`{hint}"));
        }
    }
    for glob in &args.scenarios {
        if !catalogue.scenarios.keys().any(|id| Glob::from(glob.as_str()).matches(id)) {
            return Err(format!("there is no scenario `{glob}`"));
        }
    }
    Ok(known
        .keys()
        .filter(|name| any(&args.mutants, name))
        .flat_map(|name| {
            claimed_by(catalogue, name).into_iter().map(|scenario| ((*name).to_owned(), scenario.to_owned()))
        })
        .filter(|(_, scenario)| any(&args.scenarios, scenario))
        .collect())
}

/// The cells that prove the claims, each once: those with a mutant, and the same without.
fn cells(catalogue: &Catalogue, claims: Vec<(String, String)>) -> Result<(Vec<Claim>, Plan), String> {
    let mut all: Vec<PlannedCell> = Vec::new();
    let mut keys = BTreeSet::new();
    let mut found = Vec::new();
    for (mutant, scenario) in claims {
        let with = cells_of(catalogue, &scenario, Some(&mutant))?;
        let mut pairs = Vec::new();
        for cell in &with {
            // The same pair without the defect.
            let client = PeerArgument { glob: cell.client.peer.clone(), at: None, build: None };
            let server = PeerArgument { glob: cell.server.peer.clone(), at: None, build: None };
            let healthy = selection(&scenario, vec![client], vec![server], None);
            let healthy = plan(catalogue, &healthy).map_err(|error| error.to_string())?.cells;
            let healthy = healthy.into_iter().find(|healthy| healthy.params == cell.params);
            let Some(healthy) = healthy else { continue };
            pairs.push((healthy.key.clone(), cell.key.clone()));
            for cell in [&healthy, cell] {
                if keys.insert(cell.key.clone()) {
                    // Nothing is gated: a mutant may break the baseline, and its other scenarios are to be seen all the same.
                    all.push(PlannedCell { baseline: false, ..cell.clone() });
                }
            }
        }
        found.push(Claim { mutant, scenario, pairs });
    }
    Ok((found, Plan { cells: all }))
}

/// The cells of a scenario with a mutant, on one pair: the first that can run it, preferably none that imitates.
fn cells_of(catalogue: &Catalogue, scenario: &str, mutant: Option<&str>) -> Result<Vec<PlannedCell>, String> {
    let with_mutants = |side: Side| -> Vec<PeerArgument> {
        let peers = catalogue.peers.values().map(|entry| &entry.value);
        let named = |peer: &Peer| PeerArgument { glob: peer.name().to_string(), at: None, build: None };
        peers.filter(|peer| peer.can_be(side) && !peer.mutants.is_empty()).map(named).collect()
    };
    let selection = selection(scenario, with_mutants(Side::Client), with_mutants(Side::Server), mutant);
    let cells = plan(catalogue, &selection).map_err(|error| error.to_string())?.cells;
    let imitates =
        |cell: &PlannedCell| usize::from(cell.client.emulates.is_some()) + usize::from(cell.server.emulates.is_some());
    let runnable = cells.iter().filter(|cell| !matches!(cell.fate, CellFate::Unsupported(_)));
    let Some(pair) = runnable.min_by_key(|cell| imitates(cell)).map(PlannedCell::pair) else { return Ok(Vec::new()) };
    Ok(cells.into_iter().filter(|cell| cell.pair() == pair).collect())
}

fn selection(
    scenario: &str,
    clients: Vec<PeerArgument>,
    servers: Vec<PeerArgument>,
    mutant: Option<&str>,
) -> Selection {
    Selection {
        scenarios: vec![scenario.to_owned()],
        clients,
        servers,
        mutant: mutant.map(str::to_owned),
        ..Selection::default()
    }
}
