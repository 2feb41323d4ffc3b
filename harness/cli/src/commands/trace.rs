//! `trace`: what a capture shows.

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

use interop_evidence::Exit;
use interop_trace::{Decoded, Keys, TextOptions, Wires, decode_file, render};

use super::print;
use crate::args::TraceArgs;
use crate::load::complain;

pub(crate) fn trace(args: &TraceArgs) -> ExitCode {
    let mut decoded = match decode(args) {
        Ok(decoded) => decoded,
        Err(message) => {
            complain(&message);
            return crate::exit(Exit::Usage);
        }
    };
    if args.json {
        decoded.trace.lines.retain(|line| {
            (args.views.is_empty() || args.views.contains(&line.view))
                && args.flow.as_ref().is_none_or(|part| line.flow.contains(part))
        });
        print(&format!("{:#}\n", serde_json::json!(decoded.trace)));
    } else {
        let options = TextOptions { views: args.views.clone(), flow: args.flow.clone(), ..TextOptions::default() };
        print(&render(&decoded.trace, &options));
    }
    match decoded.broken {
        None => ExitCode::SUCCESS,
        Some(broken) => {
            complain(&format!("{}: the capture ends early: {broken}", args.path.display()));
            ExitCode::FAILURE
        }
    }
}

fn decode(args: &TraceArgs) -> Result<Decoded, String> {
    let (capture, mut setup) =
        interop_engine::find_capture(&args.path).map_err(|error| format!("failed to {error}"))?;
    setup.keys = keys(&args.keys)?;
    setup.raw = args.raw;
    if args.all_wires {
        setup.wires = Wires::All;
    } else if !args.wires.is_empty() {
        setup.wires = Wires::Named(args.wires.clone());
    }
    decode_file(&capture, setup).map_err(|error| format!("failed to {error}"))
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
