//! `shell`: into a node of a kept cell.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use interop_evidence::Exit;

use crate::args::ShellArgs;
use crate::load::complain;

/// Where `run` puts its results unless told otherwise.
const DEFAULT_OUT: &str = "vpn-interop-out";

pub(crate) fn shell(args: &ShellArgs) -> ExitCode {
    match enter(args) {
        Ok(code) => code,
        Err(message) => {
            complain(&message);
            crate::exit(Exit::Usage)
        }
    }
}

fn enter(args: &ShellArgs) -> Result<ExitCode, String> {
    let bundle = find(&args.cell)?;
    let path = bundle.join("warden.pid");
    let text = fs::read_to_string(&path).map_err(|_| {
        format!("{} does not run: start it with `vpn-interop run --keep ...` and leave that waiting", bundle.display())
    })?;
    let warden: u32 = text.trim().parse().map_err(|_| format!("{} holds no process id", path.display()))?;
    let command = if args.command.is_empty() {
        vec![std::env::var("SHELL").unwrap_or_else(|_| "/bin/sh".to_owned())]
    } else {
        args.command.clone()
    };
    interop_engine::attach(warden, &args.node, &command)
        .map(|code| ExitCode::from(u8::try_from(code).unwrap_or(u8::MAX)))
        .map_err(|error| format!("failed to {error}"))
}

fn find(cell: &Path) -> Result<PathBuf, String> {
    let below = Path::new(DEFAULT_OUT).join("cells").join(cell);
    [cell.to_path_buf(), below]
        .into_iter()
        .find(|path| path.is_dir())
        .ok_or_else(|| format!("there is no bundle {}, also not below {DEFAULT_OUT}/cells", cell.display()))
}
