//! The goldens of a catalogue: finding the one for a cell, and writing new ones.

use std::collections::BTreeMap;
use std::path::PathBuf;

use interop_evidence::View;

use super::file::{ANY_SCENARIO, File, path};
use super::overlay::{merged, phases};
use super::{Golden, GoldenError, Phases};

/// The cell for which a golden is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Cell {
    pub scenario: String,
    pub params: Vec<(String, String)>,
    pub client: String,
    pub client_version: String,
    pub server: String,
    pub server_version: String,
}

/// Every golden file of a catalogue.
#[derive(Clone, Debug, Default)]
pub struct Goldens {
    files: BTreeMap<PathBuf, File>,
}

/// A golden file that holds for nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stale {
    /// Below `goldens/`.
    pub path: PathBuf,
    /// Why.
    pub why: String,
}

/// A file to be written, or to be taken away.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// Below `goldens/`.
    pub path: PathBuf,
    /// Its text; nothing to take the file away.
    pub text: Option<String>,
    /// Cells whose golden changes with it, as `client × server`.
    pub cells: Vec<String>,
}

impl Goldens {
    /// Reads golden files: path below `goldens/` (`baseline/outer-flow.golden`) and text. Later files take the place of
    /// earlier ones with the same path.
    ///
    /// # Errors
    /// Every file that cannot be used.
    pub fn read<'a>(files: impl IntoIterator<Item = (PathBuf, &'a str)>) -> Result<Self, Vec<GoldenError>> {
        let texts: BTreeMap<PathBuf, &str> = files.into_iter().collect();
        let mut this = Self::default();
        let mut errors = Vec::new();
        for (path, text) in &texts {
            match File::parse(path, text) {
                Ok(file) => drop(this.files.insert(path.clone(), file)),
                Err(error) => errors.push(error),
            }
        }
        errors.extend(this.ambiguous(&texts));
        if errors.is_empty() { Ok(this) } else { Err(errors) }
    }

    /// What holds for a cell, if its scenario has a golden for this view that holds for its pair.
    pub fn of(&self, cell: &Cell, view: View) -> Option<Golden> {
        let base = self.base(&cell.scenario, view);
        let ranked = self.overlays(&cell.scenario, view).filter_map(|file| {
            let ranks = file.selectors.iter().filter(|selector| selector.matches(cell)).map(|selector| selector.rank());
            Some((ranks.max()?, file))
        });
        let overlay = ranked.max_by_key(|(rank, _)| *rank).map(|(_, file)| file);
        if (base.is_none() && overlay.is_none()) || !self.is_known(cell, view) {
            return None;
        }
        let parts = |file: Option<&File>| file.map(|file| file.parts.clone()).unwrap_or_default();
        Some(Golden {
            phases: phases(&merged(&parts(base), &parts(overlay))),
            files: base.into_iter().chain(overlay).map(|file| file.path.clone()).collect(),
            also: self.also(cell, view),
        })
    }

    /// Lines that the peers of a cell may show in any scenario, by phase; a phase stands there once for each file that has it.
    pub(super) fn also(&self, cell: &Cell, view: View) -> Phases {
        let files = self.overlays(ANY_SCENARIO, view);
        let fitting = files.filter(|file| file.selectors.iter().any(|selector| selector.matches(cell)));
        Phases { phases: fitting.flat_map(|file| phases(&file.parts).phases).collect() }
    }

    /// Whether somebody has looked at this pair: what is right for others says nothing about a client or a server that nobody
    /// has seen, and a text in which a version stands says nothing about another one. Files that name no cells hold for whom their selectors say.
    fn is_known(&self, cell: &Cell, view: View) -> bool {
        let files = || self.base(&cell.scenario, view).into_iter().chain(self.overlays(&cell.scenario, view));
        files().all(|file| file.cells.is_empty())
            || files().any(|file| file.cells.iter().any(|named| named.names(cell)))
    }

    /// Golden files that nobody asks for. `scenarios` says which views each scenario claims.
    pub fn stale(&self, scenarios: &[(String, Vec<View>)]) -> Vec<Stale> {
        let why = |File { scenario, view, .. }: &File| {
            if scenario == ANY_SCENARIO {
                return None;
            }
            match scenarios.iter().find(|(name, _)| name == scenario) {
                None => Some(format!("there is no scenario `{scenario}`")),
                Some((_, views)) if !views.contains(view) => {
                    Some(format!("scenario `{scenario}` does not claim view `{view}`"))
                }
                Some(_) => None,
            }
        };
        self.files.values().filter_map(|file| Some(Stale { path: file.path.clone(), why: why(file)? })).collect()
    }

    /// Takes the files of one view.
    pub(super) fn with(files: BTreeMap<PathBuf, File>) -> Self {
        Self { files }
    }

    pub(super) fn base(&self, scenario: &str, view: View) -> Option<&File> {
        self.files.get(&path(scenario, view, None))
    }

    pub(super) fn overlays(&self, scenario: &str, view: View) -> impl Iterator<Item = &File> {
        self.files
            .values()
            .filter(move |file| file.scenario == scenario && file.view == view && !file.selectors.is_empty())
    }

    /// Overlays of which nobody can say which one holds for a cell.
    fn ambiguous(&self, texts: &BTreeMap<PathBuf, &str>) -> Vec<GoldenError> {
        let mut errors = Vec::new();
        for (index, file) in self.files.values().enumerate() {
            // Of what may be seen in any scenario, everything holds that fits.
            let same_view = |other: &&File| {
                other.scenario != ANY_SCENARIO && other.scenario == file.scenario && other.view == file.view
            };
            for other in self.files.values().skip(index + 1).filter(same_view) {
                let pairs = file.selectors.iter().flat_map(|one| other.selectors.iter().map(move |other| (one, other)));
                let mut clashes = pairs.filter(|(one, other)| one.rank() == other.rank() && one.meets(other));
                let Some((one, another)) = clashes.next() else { continue };
                let (first, second) = (file.path.display(), other.path.display());
                let detail = format!(
                    "`{one}` in {first} and `{another}` in {second} hold for the same cells and neither asks for more; \
                     name a pair, or the value of an axis, in one of them"
                );
                let text = texts.get(&other.path).copied().unwrap_or_default();
                let line = text.lines().position(|line| line.starts_with("for:")).map_or(1, |line| line + 1);
                errors.push(GoldenError { path: other.path.clone(), line, detail });
            }
        }
        errors
    }
}
