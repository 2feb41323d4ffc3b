//! Who is probably at fault: a failing cell is compared with its row and its column (design section 7).
//!
//! The same client with other servers, and the same server with other clients, in the same scenario with the same
//! parameters, are the witnesses. A witness has the same problem, or it does better. A client that has the problem
//! with every server is suspected; a server with which every client has it is suspected. A witness is worth less
//! when it is another version of the same program or trips over another check, and more when it is the reference.

mod witness;

use std::collections::BTreeMap;

use interop_evidence::{CellRecord, Confidence, PeerRole, RunResults, Suspect, Suspicion, Verdict};

use self::witness::{Side, is_reference, problem};

/// Names the suspect of every cell that has a problem.
///
/// Cells without a problem, and cells that did not take place, have no suspect afterwards. A suspicion that is
/// there already survives only where there is nothing to compare.
pub fn attribute(results: &mut RunResults) {
    let mut rows: BTreeMap<RowKey<'_>, Vec<&CellRecord>> = BTreeMap::new();
    for cell in &results.cells {
        rows.entry(RowKey::of(cell)).or_default().push(cell);
    }
    let suspicions: Vec<_> = results.cells.iter().map(|cell| suspicion(cell, &rows[&RowKey::of(cell)])).collect();
    for (cell, suspicion) in results.cells.iter_mut().zip(suspicions) {
        cell.suspect = match suspicion {
            Found::Nothing => None,
            Found::Guess(guess) => cell.suspect.take().or(Some(guess)),
            Found::Comparison(suspicion) => Some(suspicion),
        };
    }
}

/// Scenario and parameters: cells with the same key differ in their peers only.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct RowKey<'a> {
    scenario: &'a str,
    params: BTreeMap<&'a str, &'a str>,
}

impl<'a> RowKey<'a> {
    fn of(cell: &'a CellRecord) -> Self {
        let params = cell.params.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        Self { scenario: &cell.scenario, params }
    }
}

enum Found {
    /// No problem, no suspect.
    Nothing,
    /// What can be said without a comparison.
    Guess(Suspicion),
    /// What a comparison says.
    Comparison(Suspicion),
}

fn suspicion(cell: &CellRecord, row: &[&CellRecord]) -> Found {
    let guess = |who, confidence, because: &str| Found::Guess(Suspicion { who, confidence, because: because.into() });
    match cell.verdict {
        Verdict::EnvError => {
            return guess(Suspect::Harness, Confidence::High, "the lab failed, so no peer could be judged");
        }
        Verdict::Invalid => {
            return guess(
                Suspect::Harness,
                Confidence::Medium,
                "the scenario did not take place, so no peer was tested",
            );
        }
        _ => {}
    }
    if problem(cell).is_none_or(|problem| problem == 0) {
        return Found::Nothing;
    }
    let client = Side::of(cell, PeerRole::Client, row);
    let server = Side::of(cell, PeerRole::Server, row);
    if client.weight() + server.weight() == 0.0 {
        return guess(Suspect::Both, Confidence::Low, "only one pair ran this scenario, so nothing can be compared");
    }
    Found::Comparison(judge(cell, row, &client, &server))
}

/// `client` holds the same client with other servers, `server` the same server with other clients.
fn judge(cell: &CellRecord, row: &[&CellRecord], client: &Side<'_>, server: &Side<'_>) -> Suspicion {
    let mut because = [client.sentence(), server.sentence()].into_iter().flatten().collect::<Vec<_>>().join("; ");
    let both_sides = client.weight() > 0.0 && server.weight() > 0.0;
    if both_sides && client.better() == 0.0 && server.better() == 0.0 {
        let better_elsewhere = row.iter().any(|other| problem(other) < problem(cell) && problem(other).is_some());
        if better_elsewhere {
            return Suspicion { who: Suspect::Both, confidence: Confidence::Medium, because };
        }
        because.push_str("; no pair does better, so the scenario or the lab may be at fault");
        let reference_too = row
            .iter()
            .any(|other| is_reference(&other.client) && is_reference(&other.server) && problem(other) >= problem(cell));
        let (who, confidence) = if reference_too {
            because.push_str(", since even the reference pair has the problem");
            (Suspect::Harness, Confidence::Medium)
        } else {
            (Suspect::Both, Confidence::Low)
        };
        return Suspicion { who, confidence, because };
    }
    // From -2 (the server, beyond doubt) to 2 (the client).
    let margin = client.same_share() + server.better_share() - server.same_share() - client.better_share();
    let weight = client.weight() + server.weight();
    if margin.abs() < 0.5 {
        let each_does_better_elsewhere = both_sides && client.same() == 0.0 && server.same() == 0.0;
        let confidence = if each_does_better_elsewhere {
            because.push_str("; only this combination has the problem");
            confidence(2.0, weight - 1.0)
        } else {
            Confidence::Low
        };
        return Suspicion { who: Suspect::Both, confidence, because };
    }
    let who = if margin > 0.0 { Suspect::Client } else { Suspect::Server };
    Suspicion { who, confidence: confidence(margin.abs(), weight), because }
}

/// Sure only if both the row and the column say so, and more than one witness each or the reference.
fn confidence(margin: f64, weight: f64) -> Confidence {
    if margin >= 1.5 && weight >= 3.0 {
        Confidence::High
    } else if margin >= 1.0 && weight >= 2.0 {
        Confidence::Medium
    } else {
        Confidence::Low
    }
}
