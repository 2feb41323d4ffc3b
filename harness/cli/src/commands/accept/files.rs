//! Where golden files are written, and what changes in them.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use interop_catalogue::Catalogue;
use interop_engine::{Changes, Cut, Exemplar, Shown, Stored, cut, marks};
use interop_evidence::Trace;
use interop_trace::{Accepted, Goldens};
use similar::TextDiff;

/// The file that only a whole catalogue has.
const WHOLE: &str = "capabilities.yaml";
/// The user's own catalogue, where nothing else is said.
const OWN_FOLDER: &str = "vpn-interop";

/// Golden files by their path below `goldens/`.
pub(super) type Files = BTreeMap<PathBuf, String>;

/// The catalogue folder that is written to.
pub(super) struct Target {
    pub(super) folder: PathBuf,
    /// Whether it is a catalogue by itself, not a layer over another one: the `scenarios/` of a checkout.
    whole: bool,
}

impl Target {
    /// `scenarios/` of the checkout that the current folder is in, else the user's own catalogue.
    pub(super) fn find(into: Option<&Path>) -> Result<Self, String> {
        let here = std::env::current_dir().map_err(|error| format!("failed to find the current folder: {error}"))?;
        let checkout = || here.ancestors().map(|folder| folder.join("scenarios")).find(|it| it.join(WHOLE).is_file());
        let folder = into.map(Path::to_path_buf).or_else(checkout).unwrap_or_else(|| PathBuf::from(OWN_FOLDER));
        Ok(Self { whole: folder.join(WHOLE).is_file(), folder })
    }

    fn goldens_folder(&self) -> PathBuf {
        self.folder.join("goldens")
    }

    /// The golden files that hold for those who use this folder. Of a checkout its own alone: those inside of the program
    /// may be older.
    pub(super) fn goldens(&self, catalogue: &Catalogue) -> Result<Files, String> {
        let below = catalogue.goldens.iter().filter(|_| !self.whole);
        let mut files: Files = below.map(|(path, source)| (path.clone(), source.text().to_owned())).collect();
        let folder = self.goldens_folder();
        let mut waiting = vec![folder.clone()];
        while let Some(next) = waiting.pop() {
            for entry in fs::read_dir(&next).into_iter().flatten().flatten() {
                let path = entry.path();
                if path.is_dir() {
                    waiting.push(path);
                } else if path.extension().is_some_and(|ending| ending == "golden") {
                    let text = fs::read_to_string(&path)
                        .map_err(|error| format!("failed to read {}: {error}", path.display()))?;
                    files.insert(path.strip_prefix(&folder).unwrap_or(&path).to_owned(), text);
                }
            }
        }
        Ok(files)
    }

    /// What changes in a file.
    pub(super) fn diff(&self, before: &Files, change: &Accepted) -> String {
        let old = before.get(&change.path).map_or("", String::as_str);
        let new = change.text.as_deref().unwrap_or_default();
        let path = self.goldens_folder().join(&change.path);
        let path = path.display().to_string();
        let cells = if change.cells.is_empty() { String::new() } else { format!("for {}\n", change.cells.join(", ")) };
        let before = if old.is_empty() { "/dev/null" } else { path.as_str() };
        let after = if change.text.is_none() { "/dev/null" } else { path.as_str() };
        format!("{cells}{}\n", TextDiff::from_lines(old, new).unified_diff().context_radius(3).header(before, after))
    }

    /// Writes golden files, and takes away those that are needed no more.
    pub(super) fn write(&self, changes: &[Accepted]) -> Result<(), String> {
        for change in changes {
            let path = self.goldens_folder().join(&change.path);
            match &change.text {
                Some(text) => self.put(&path, text.as_bytes())?,
                None if path.is_file() => {
                    fs::remove_file(&path).map_err(|error| format!("failed to remove {}: {error}", path.display()))?;
                }
                // One that lies inside of the program, or in another layer, cannot be taken away from here.
                None => {}
            }
        }
        Ok(())
    }

    fn put(&self, path: &Path, bytes: &[u8]) -> Result<(), String> {
        let folder = path.parent().unwrap_or(path);
        fs::create_dir_all(folder)
            .and_then(|()| fs::write(path, bytes))
            .map_err(|error| format!("failed to write {}: {error}", path.display()))
    }

    /// The golden files as they are after the changes.
    pub(super) fn after(&self, mut files: Files, changes: &[Accepted]) -> Files {
        for change in changes {
            match &change.text {
                Some(text) => drop(files.insert(change.path.clone(), text.clone())),
                None => drop(files.remove(&change.path)),
            }
        }
        files
    }
}

/// Cuts a capture for each scenario, and writes it beside the goldens; says what was done.
pub(super) fn exemplars(
    target: &Target,
    goldens: &Goldens,
    catalogue: &Catalogue,
    changes: &Changes,
    dry_run: bool,
) -> Result<String, String> {
    let mut said = String::new();
    let changed = |shown: &&Shown| changes.files.iter().any(|file| file.path.starts_with(&shown.scenario));
    for shown in changes.exemplars.iter().filter(changed) {
        let Some(scenario) = catalogue.scenarios.get(&shown.scenario).map(|entry| &entry.value) else { continue };
        let stored = Stored::read(&shown.bundle).map_err(|error| format!("failed to {error}"))?;
        let exemplar = Exemplar {
            scenario: shown.scenario.clone(),
            params: shown.cell.params.clone(),
            client: (shown.cell.client.clone(), shown.cell.client_version.clone()),
            server: (shown.cell.server.clone(), shown.cell.server_version.clone()),
            marks: marks(&stored.evidence.timeline),
            facts: stored.evidence.facts,
        };
        let same = |trace: &Trace| interop_engine::holds(goldens, scenario, &exemplar.cell(), trace);
        let file = target.goldens_folder().join(&shown.scenario).join("exemplar.pcapng");
        match cut(&stored.bundle.capture(), &exemplar, &same).map_err(|error| format!("failed to {error}"))? {
            Cut::File(bytes) => {
                let pair = format!("{} × {}", exemplar.client.0, exemplar.server.0);
                said.push_str(&format!("{}: {} kB, {pair}\n", file.display(), bytes.len().div_ceil(1024)));
                if !dry_run {
                    target.put(&file, &bytes)?;
                    let json = format!("{:#}\n", serde_json::json!(exemplar));
                    target.put(&file.with_extension("json"), json.as_bytes())?;
                }
            }
            Cut::Not(why) => said.push_str(&format!("no exemplar for {}: {why}\n", shown.scenario)),
        }
    }
    Ok(said)
}
