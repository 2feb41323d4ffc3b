//! From checks to the verdict of a cell.

use interop_evidence::{CheckRecord, Verdict};

/// The verdict of a cell and its reason.
///
/// `invalid` outranks everything: when the scenario did not take place, a failed check says nothing about the peers.
pub fn verdict(checks: &[CheckRecord]) -> (Verdict, String) {
    const ORDER: [Verdict; 6] =
        [Verdict::EnvError, Verdict::Invalid, Verdict::BrokenPromise, Verdict::Fail, Verdict::Degraded, Verdict::Pass];
    for wanted in ORDER {
        if let Some(check) = checks.iter().find(|check| check.verdict == wanted) {
            let reason = match wanted {
                Verdict::Pass => format!("{} checks hold", checks.len()),
                _ => format!("{}: {}", check.id, check.message),
            };
            return (wanted, reason);
        }
    }
    (Verdict::Invalid, "no check was made".to_owned())
}

#[cfg(test)]
mod tests {
    use interop_evidence::CheckOutcome;

    use super::*;

    #[test]
    fn worst_wins_and_names_the_first_of_its_kind() {
        let checks = [
            CheckOutcome::pass("a").record("1 connect"),
            CheckOutcome::fail("b").record("2 expect"),
            CheckOutcome::fail("c").record("3 expect"),
            CheckOutcome::degraded("d").record("4 measure"),
        ];
        assert_eq!(verdict(&checks), (Verdict::Fail, "2 expect: b".to_owned()));
        assert_eq!(verdict(&checks[..1]).0, Verdict::Pass);
        let invalid = [checks[1].clone(), CheckOutcome::invalid("e").record("fault")];
        assert_eq!(verdict(&invalid).0, Verdict::Invalid);
        assert_eq!(verdict(&[]).0, Verdict::Invalid, "an empty cell proves nothing");
    }
}
