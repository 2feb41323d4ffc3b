//! `trace`: what a capture shows.

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

use interop_evidence::{Bundle, Exit, Trace};
use interop_trace::{Keys, TextOptions, Wires, decode_file, render};

use super::print;
use crate::args::TraceArgs;
use crate::load::complain;

pub(crate) fn trace(args: &TraceArgs) -> ExitCode {
    let (mut trace, broken) = match decode(args) {
        Ok(decoded) => decoded,
        Err(message) => {
            complain(&message);
            return crate::exit(Exit::Usage);
        }
    };
    if args.json {
        trace.lines.retain(|line| {
            (args.views.is_empty() || args.views.contains(&line.view))
                && args.flow.as_ref().is_none_or(|part| line.flow.contains(part))
        });
        print(&format!("{:#}\n", serde_json::json!(trace)));
    } else {
        let options = TextOptions { views: args.views.clone(), flow: args.flow.clone(), ..TextOptions::default() };
        print(&render(&trace, &options));
    }
    match broken {
        None => ExitCode::SUCCESS,
        Some(broken) => {
            complain(&format!("{}: the capture ends early: {broken}", args.path.display()));
            ExitCode::FAILURE
        }
    }
}

/// The trace, and what ended the capture early.
fn decode(args: &TraceArgs) -> Result<(Trace, Option<String>), String> {
    if let Some(recorded) = recorded(args)? {
        return Ok((recorded, None));
    }
    let (capture, mut setup) =
        interop_engine::find_capture(&args.path).map_err(|error| format!("failed to {error}"))?;
    setup.keys = keys(&args.keys)?;
    setup.raw = args.raw;
    if args.all_wires {
        setup.wires = Wires::All;
    } else if !args.wires.is_empty() {
        setup.wires = Wires::Named(args.wires.clone());
    }
    let decoded = decode_file(&capture, setup).map_err(|error| format!("failed to {error}"))?;
    Ok((decoded.trace, decoded.broken))
}

/// The trace that a cell has left, of a bundle whose capture was not kept.
fn recorded(args: &TraceArgs) -> Result<Option<Trace>, String> {
    let bundle = Bundle::open(&args.path);
    if bundle.capture().exists() || !bundle.trace_json().is_file() {
        return Ok(None);
    }
    let gone = format!(
        "{} has no capture (`run --captures notable` keeps those of cells that did not pass)",
        args.path.display()
    );
    if args.raw || args.all_wires || !args.wires.is_empty() || !args.keys.is_empty() {
        return Err(format!("{gone}; without options about wires and keys, the trace that was recorded is shown"));
    }
    let trace = bundle.read_trace().map_err(|error| format!("failed to {error}"))?;
    eprintln!("note: {gone}; this is the trace that was recorded");
    Ok(Some(trace))
}

/// The secrets in key logs.
pub(super) fn keys(files: &[PathBuf]) -> Result<Keys, String> {
    let mut keys = Keys::new();
    for file in files {
        let text = fs::read(file).map_err(|error| format!("failed to read {}: {error}", file.display()))?;
        let text = String::from_utf8_lossy(&text);
        let lines = text.lines().filter(|line| !line.trim().is_empty() && !line.starts_with('#')).count();
        let refused = keys.add_log(&text);
        if refused > 0 && refused >= lines {
            return Err(format!("{} holds no keys in the format of SSLKEYLOGFILE", file.display()));
        }
    }
    Ok(keys)
}
