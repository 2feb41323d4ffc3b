//! `replay`: the checks of a cell again, or what a capture from elsewhere shows.

use std::collections::BTreeSet;
use std::process::ExitCode;

use interop_catalogue::Catalogue;
use interop_engine::{Again, Compared, Replay, Seen};
use interop_evidence::{CheckOutcome, Exit, HandshakeMessage, HandshakeSeen, Verdict, View};
use interop_trace::Decoded;

use super::print;
use super::trace::keys;
use crate::args::{CatalogueArgs, ReplayArgs};
use crate::load::{complain, load};

pub(crate) fn replay(catalogue: &CatalogueArgs, args: &ReplayArgs) -> ExitCode {
    let catalogue = match load(catalogue) {
        Ok(catalogue) => catalogue,
        Err(code) => return code,
    };
    let done = if args.path.join("cell.json").is_file() {
        replay_bundle(&catalogue, args)
    } else {
        replay_capture(&catalogue, args)
    };
    done.unwrap_or_else(|message| {
        complain(&message);
        crate::exit(Exit::Usage)
    })
}

fn replay_bundle(catalogue: &Catalogue, args: &ReplayArgs) -> Result<ExitCode, String> {
    // The catalogue was loaded: its goldens can be read.
    let goldens = interop_engine::goldens(catalogue).map_err(|errors| errors.to_string())?;
    let replay =
        interop_engine::replay(&args.path, catalogue, &goldens).map_err(|error| format!("failed to {error}"))?;
    print(&if args.json { json_of_bundle(&replay) } else { text_of_bundle(&replay) });
    let unexpected = replay.checks.iter().any(|check| check.differs() || check.fails());
    Ok(crate::exit(if unexpected { Exit::Unexpected } else { Exit::Ok }))
}

fn text_of_bundle(replay: &Replay) -> String {
    let record = &replay.stored.record;
    let mut text = format!(
        "{}: {} {} × {} {}\n\n",
        record.key, record.client.id, record.client.version, record.server.id, record.server.version
    );
    let width = replay.checks.iter().map(|check| check.id.chars().count()).max().unwrap_or(0).max("check".len());
    text.push_str(&format!("  {:width$}  {:9}  {}\n", "check", "recorded", "now"));
    let verdict = |outcome: &Option<CheckOutcome>, none| outcome.as_ref().map_or(none, |known| known.verdict.as_str());
    for check in &replay.checks {
        let mark = if check.differs() { "!" } else { " " };
        let (recorded, now) = (verdict(&check.recorded, "-"), verdict(&check.now, "needs the lab"));
        text.push_str(&format!("{mark} {:width$}  {recorded:9}  {now}\n", check.id));
        if check.differs() || check.fails() {
            let messages = [("recorded", &check.recorded), ("now", &check.now)];
            for (when, outcome) in messages.into_iter().filter_map(|(when, it)| Some((when, it.as_ref()?))) {
                let message = outcome.message.trim_end().replace('\n', "\n      ");
                text.push_str(&format!("    {when}: {message}\n"));
            }
        }
    }
    let again = replay.checks.iter().filter(|check| check.now.is_some()).count();
    let differ = replay.checks.iter().filter(|check| check.differs()).count();
    let differ = match differ {
        0 => "no verdict differs".to_owned(),
        1 => "1 verdict differs".to_owned(),
        more => format!("{more} verdicts differ"),
    };
    text.push_str(&format!("\n{again} of {} checks judged again from the evidence; {differ}\n", replay.checks.len()));
    replay.notes.iter().for_each(|note| text.push_str(&format!("note: {note}\n")));
    text
}

fn json_of_bundle(replay: &Replay) -> String {
    let outcome = |outcome: &Option<CheckOutcome>| {
        outcome.as_ref().map(|known| serde_json::json!({"verdict": known.verdict, "message": known.message}))
    };
    let check = |check: &Again| {
        serde_json::json!({
            "id": check.id,
            "recorded": outcome(&check.recorded),
            "now": outcome(&check.now),
            "differs": check.differs(),
        })
    };
    let checks: Vec<_> = replay.checks.iter().map(check).collect();
    format!("{:#}\n", serde_json::json!({"key": replay.stored.record.key, "checks": checks, "notes": replay.notes}))
}

fn replay_capture(catalogue: &Catalogue, args: &ReplayArgs) -> Result<ExitCode, String> {
    let (capture, mut setup) =
        interop_engine::find_capture(&args.path).map_err(|error| format!("failed to {error}"))?;
    setup.keys = keys(&args.keys)?;
    let seen = interop_engine::look(&capture, &setup.wires, args.port).map_err(|error| format!("failed to {error}"))?;
    let decoded = interop_trace::decode_file(&capture, setup).map_err(|error| format!("failed to {error}"))?;
    let goldens = compare(catalogue, args, &decoded)?;
    print(&if args.json {
        json_of_capture(&seen, &decoded, &goldens)
    } else {
        text_of_capture(&seen, &decoded, &goldens)
    });
    if let Some(broken) = &decoded.broken {
        complain(&format!("{}: the capture ends early: {broken}", args.path.display()));
    }
    let failed = goldens
        .iter()
        .any(|(_, compared)| matches!(compared, Compared::Judged(outcome) if outcome.verdict != Verdict::Pass));
    Ok(match decoded.broken {
        _ if failed => crate::exit(Exit::Unexpected),
        Some(_) => ExitCode::FAILURE,
        None => ExitCode::SUCCESS,
    })
}

/// The views of the scenario that come from frames, held against the goldens of the pair.
fn compare(catalogue: &Catalogue, args: &ReplayArgs, decoded: &Decoded) -> Result<Vec<(View, Compared)>, String> {
    let (Some(id), Some(client), Some(server)) = (&args.scenario, &args.client, &args.server) else {
        return Ok(Vec::new());
    };
    let scenario = catalogue.scenarios.get(id).ok_or_else(|| format!("there is no scenario `{id}`"))?;
    let goldens = interop_engine::goldens(catalogue).map_err(|errors| errors.to_string())?;
    // Versions are not known of a bare capture: overlays for some of them do not count.
    let cell = interop_trace::Cell {
        scenario: id.clone(),
        params: Vec::new(),
        client: client.clone(),
        client_version: String::new(),
        server: server.clone(),
        server_version: String::new(),
    };
    Ok(interop_engine::compare_trace(&goldens, &scenario.value, &cell, &decoded.trace))
}

fn text_of_capture(seen: &Seen, decoded: &Decoded, goldens: &[(View, Compared)]) -> String {
    let mut text = format!("{} frames, {} lines of trace\n", decoded.frames, decoded.trace.lines.len());
    let mut section = |title: &str, lines: Vec<String>| {
        text.push_str(&format!("\n{title}\n"));
        let lines = if lines.is_empty() { vec!["none".to_owned()] } else { lines };
        lines.iter().for_each(|line| text.push_str(&format!("  {line}\n")));
    };
    section("handshakes", seen.handshakes.iter().map(handshake).collect());
    let carriers = seen.carriers.iter();
    section("transports", carriers.map(|(carrier, frames)| format!("{carrier}: {frames} frames with data")).collect());
    let names: BTreeSet<String> = seen
        .flows
        .iter()
        .flat_map(|flow| flow.names.iter().map(move |name| format!("{name}, asked by {} at {}", flow.from, flow.to)))
        .collect();
    section("DNS in clear", names.into_iter().collect());
    if !goldens.is_empty() {
        let said = |(view, compared): &(View, Compared)| match compared {
            Compared::Missing => format!("{view}: {}", Compared::HOW),
            Compared::Judged(outcome) => {
                format!("{view}: {}: {}", outcome.verdict, outcome.message.trim_end().replace('\n', "\n    "))
            }
        };
        section("golden traces", goldens.iter().map(said).collect());
    }
    decoded.trace.notes.iter().for_each(|note| text.push_str(&format!("note: {note}\n")));
    text
}

fn json_of_capture(seen: &Seen, decoded: &Decoded, goldens: &[(View, Compared)]) -> String {
    let golden = |(view, compared): &(View, Compared)| match compared {
        Compared::Missing => serde_json::json!({"view": view, "missing": true}),
        Compared::Judged(outcome) => {
            serde_json::json!({"view": view, "verdict": outcome.verdict, "message": outcome.message})
        }
    };
    let value = serde_json::json!({
        "frames": decoded.frames,
        "handshakes": seen.handshakes,
        "carriers": seen.carriers,
        "flows": seen.flows,
        "notes": decoded.trace.notes,
        "goldens": goldens.iter().map(golden).collect::<Vec<_>>(),
        "broken": decoded.broken,
    });
    format!("{value:#}\n")
}

fn handshake(seen: &HandshakeSeen) -> String {
    let what = match &seen.message {
        HandshakeMessage::TlsClientHello => "TLS ClientHello".to_owned(),
        HandshakeMessage::TlsServerHello { version, suite } => {
            format!("TLS ServerHello, version 0x{version:04x}, suite 0x{suite:04x}")
        }
        HandshakeMessage::DtlsClientHello { version, session, cookie, .. } => {
            let session = if session.is_empty() { "no session" } else { "names a session" };
            let cookie = if *cookie { ", with cookie" } else { "" };
            format!("DTLS ClientHello, version 0x{version:04x}, {session}{cookie}")
        }
        HandshakeMessage::DtlsHelloVerify => "DTLS HelloVerifyRequest".to_owned(),
        HandshakeMessage::DtlsServerHello { version, suite, .. } => {
            format!("DTLS ServerHello, version 0x{version:04x}, suite 0x{suite:04x}")
        }
        HandshakeMessage::DtlsClientKeyExchange => "DTLS ClientKeyExchange".to_owned(),
        HandshakeMessage::DtlsData => "first DTLS application data".to_owned(),
    };
    format!("{:>9}  frame {:<6}  client port {:<5}  {what}", seen.at.to_string(), seen.frame, seen.client_port)
}
