//! The documentation of the probes.

use std::fmt::Write as _;

use super::{Group, PROBES};

/// What `FEATURES.md` says: a table for each group.
pub fn markdown() -> String {
    let mut text = String::from(
        "# What the harness needs of a machine\n\nMade from the list of probes in `table.rs`; `vpn-interop doctor` tries \
         each of them out.\n",
    );
    for group in Group::ALL {
        // A string takes everything that is written to it.
        let _ = write!(text, "\n## {group}\n\n| id | what | needed | why | how to get it |\n|---|---|---|---|---|\n");
        for probe in PROBES.iter().filter(|probe| probe.group == group) {
            let cells = [probe.id, probe.what, &probe.need.to_string(), probe.why, probe.how_to_get];
            let _ = writeln!(text, "| {} |", cells.map(|cell| cell.replace('|', "\\|")).join(" | "));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documentation_is_current() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/src/features/FEATURES.md");
        let text = markdown();
        if std::env::var_os("UPDATE_FEATURES").is_some() {
            std::fs::write(path, &text).unwrap();
        }
        let on_disk = std::fs::read_to_string(path).unwrap_or_default();
        let line = on_disk.lines().zip(text.lines()).find(|(old, new)| old != new);
        assert!(on_disk == text, "FEATURES.md differs at {line:?}; run this test with UPDATE_FEATURES=1");
    }
}
