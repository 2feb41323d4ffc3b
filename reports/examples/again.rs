//! Temporary.
use std::path::PathBuf;
use std::time::Instant;
use interop_reports::*;
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args: Vec<_> = std::env::args().collect();
    let folder = PathBuf::from(&args[1]);
    let mut results = read_results(&folder.join("results.json"))?;
    let old = args.get(2).map(|old| read_results(&PathBuf::from(old).join("results.json"))).transpose()?;
    let comparison = old.map(|old| Comparison::of(&old, &results, &CompareOptions::default()));
    attribute(&mut results);
    let options = Options { since: comparison.as_ref(), ..Options::default() };
    let begin = Instant::now();
    let page = html(&results, &folder, options)?;
    eprintln!("main page: {} bytes in {:?}", page.len(), begin.elapsed());
    let begin = Instant::now();
    let written = write_all(&results, &folder, options)?;
    eprintln!("all: {:?}", begin.elapsed());
    let begin = Instant::now();
    let md = markdown(&results, options);
    eprintln!("markdown: {} bytes {:?}", md.len(), begin.elapsed());
    let width = std::env::var("COLUMNS").ok().and_then(|w| w.parse().ok()).unwrap_or(120);
    print!("{}", terminal(&results, options, Style { color: false, width, unicode: true }, Some(&written.html)));
    Ok(())
}
