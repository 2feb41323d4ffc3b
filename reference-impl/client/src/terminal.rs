//! Questions to a person at a terminal.

use std::io::{self, BufRead, IsTerminal, Write};

/// Whether somebody can be asked.
pub(crate) fn is_there() -> bool {
    io::stdin().is_terminal() && io::stderr().is_terminal()
}

/// Asks for a line; `None` when nobody is there. What is typed is shown unless `secret`.
pub(crate) fn ask(question: &str, secret: bool) -> Option<String> {
    if !is_there() {
        return None;
    }
    let mut stderr = io::stderr();
    let _ = write!(stderr, "{question} ");
    let quiet = secret && echo(false);
    let mut answer = String::new();
    let read = io::stdin().lock().read_line(&mut answer);
    if quiet {
        echo(true);
        let _ = writeln!(stderr);
    }
    read.ok()?;
    Some(answer.trim_end_matches(['\r', '\n']).to_owned())
}

fn echo(on: bool) -> bool {
    let argument = if on { "echo" } else { "-echo" };
    std::process::Command::new("stty").arg(argument).status().is_ok_and(|status| status.success())
}
