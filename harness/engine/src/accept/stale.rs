//! Goldens that nothing is held against any more.

use std::path::PathBuf;

use interop_catalogue::Catalogue;
use interop_evidence::View;

/// A golden file that holds for nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stale {
    /// Below `goldens/`.
    pub path: PathBuf,
    /// Why.
    pub why: String,
}

/// The golden files of a catalogue that belong to no scenario, or to a view that their scenario does not claim.
pub fn stale(catalogue: &Catalogue) -> Vec<Stale> {
    let why = |path: &PathBuf| {
        let mut parts = path.iter().map(|part| part.to_string_lossy());
        let id = parts.next()?;
        let file = path.file_name()?.to_string_lossy();
        let Some(scenario) = catalogue.scenarios.get(&*id) else {
            return Some(format!("there is no scenario `{id}`"));
        };
        // `dns.golden`, `dns.OVERLAY.golden`, `dns@OVERLAY.golden`
        let names = |view: &View| {
            let rest = file.strip_prefix(view.as_str());
            rest.is_some_and(|rest| !rest.starts_with(|next: char| next.is_ascii_alphanumeric()))
        };
        let claimed = scenario.golden.iter().any(names)
            || parts.clone().any(|part| scenario.golden.iter().any(|view| view.as_str() == part));
        (!claimed).then(|| format!("scenario `{id}` does not claim this view"))
    };
    catalogue.goldens.keys().filter_map(|path| Some(Stale { path: path.clone(), why: why(path)? })).collect()
}
