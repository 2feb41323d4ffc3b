//! Questions to a person at a terminal.

use std::io::{self, BufRead, IsTerminal, Write};

use crate::events::printable;

/// Whether somebody can be asked.
pub(crate) fn is_there() -> bool {
    io::stdin().is_terminal() && io::stderr().is_terminal()
}

/// Asks for a line; `None` when nobody is there. What is typed is shown unless `secret`.
///
/// The answer is waited for on a thread of its own, so that a signal ends the program in the meantime, with the terminal as it was.
pub(crate) async fn ask(question: &str, secret: bool) -> Option<String> {
    if !is_there() {
        return None;
    }
    // Whoever types at once must not see it either.
    let hidden = if secret { Hidden::begin() } else { None };
    let _ = write!(io::stderr(), "{} ", harmless(question));
    let answer = tokio::task::spawn_blocking(|| {
        let mut answer = String::new();
        io::stdin().lock().read_line(&mut answer).map(|length| (length > 0).then_some(answer))
    });
    let answer = answer.await;
    drop(hidden);
    let answer = answer.ok()?.ok()??;
    Some(answer.trim_end_matches(['\r', '\n']).to_owned())
}

/// Shows a text that belongs to a question.
pub(crate) fn show(text: &str) {
    let _ = writeln!(io::stderr(), "{}", harmless(text));
}

/// Lines of a gateway must not give orders to the terminal.
fn harmless(text: &str) -> String {
    text.split('\n').map(printable).collect::<Vec<_>>().join("\n")
}

/// As long as it lives, the terminal does not show what is typed.
struct Hidden;

impl Hidden {
    fn begin() -> Option<Self> {
        stty("-echo").then_some(Self)
    }
}

impl Drop for Hidden {
    fn drop(&mut self) {
        stty("echo");
        let _ = writeln!(io::stderr());
    }
}

fn stty(argument: &str) -> bool {
    std::process::Command::new("stty").arg(argument).status().is_ok_and(|status| status.success())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_gives_no_orders() {
        let shown = harmless("Code\u{1b}]0;x\u{7}:\nsecond line");
        assert!(shown.ends_with(":\nsecond line") && !shown.contains(['\u{1b}', '\u{7}']), "{shown:?}");
    }
}
