//! Writes the reports of made-up runs into a folder, to look at them: `cargo run --example specimen -- DIR`.

#[path = "../tests/reports/common/mod.rs"]
mod common;

use std::path::PathBuf;

use interop_evidence::Verdict;
use interop_reports::{Options, Style, attribute, terminal, write_all};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = PathBuf::from(std::env::args_os().nth(1).ok_or("usage: specimen DIR")?);
    let (client, server) = (common::peer("openconnect", "9.01"), common::peer("ocserv", "1.1.6"));
    let one = common::run(vec![common::cell("alone", client, server, Verdict::Pass)]);
    let runs = [
        ("three", common::results()),
        ("wide", common::wide_results()),
        ("narrow", common::narrow_results()),
        ("many", common::many_results(400)),
        ("versions", common::versions()),
        ("one", one),
        ("hostile", common::hostile_results(&folder.join("hostile"))),
    ];
    for (name, mut results) in runs {
        let folder = folder.join(name);
        if name != "hostile" {
            common::write_bundles(&results, &folder);
        }
        attribute(&mut results);
        let written = write_all(&results, &folder, Options::default())?;
        let style = Style { color: false, width: 100, unicode: true };
        std::fs::write(
            folder.join("terminal.txt"),
            terminal(&results, Options::default(), style, Some(&written.html)),
        )?;
    }
    Ok(())
}
