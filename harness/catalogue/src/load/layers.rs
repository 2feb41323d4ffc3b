//! The built-in catalogue and the user's folders, as parsed files.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{Section, files};
use crate::{
    Problem, Problems, Source,
    yaml::{self, Node},
};

/// The catalogue inside the binary: path below `scenarios/`, bytes.
const BUILTIN: &[(&str, &[u8])] = include!(concat!(env!("OUT_DIR"), "/builtin.rs"));

/// The folder of golden traces; another crate reads what is in them.
const GOLDENS: &str = "goldens";

/// A catalogue file as read.
pub(super) struct RawFile {
    /// The section, or `None` for `capabilities.yaml`.
    pub(super) section: Option<Section>,
    /// Path below the section's folder, with `/`.
    pub(super) relative: String,
    /// Number of the layer; a later one lies above.
    pub(super) layer: usize,
    /// The file, unless it could not be read.
    pub(super) source: Option<Arc<Source>>,
    /// The tree, unless it was reported as broken.
    pub(super) tree: Option<Node>,
}

impl RawFile {
    /// Whether it is only there to be included.
    pub(super) fn is_part(&self) -> bool {
        self.relative.split('/').rev().skip(1).any(|folder| folder == "parts")
    }

    /// The file's name without folders and extension.
    pub(super) fn stem(&self) -> &str {
        let name = self.relative.rsplit('/').next().unwrap_or_default();
        name.strip_suffix(".yaml").unwrap_or(name)
    }
}

pub(super) fn builtin(problems: &mut Problems) -> Vec<RawFile> {
    BUILTIN
        .iter()
        .filter_map(|(path, bytes)| {
            let (section, relative) = place(path)?;
            let source = files::decode(Path::new(path), true, bytes.to_vec());
            Some(raw_file(section, relative, 0, source, problems))
        })
        .collect()
}

pub(super) fn overlay(folder: &Path, layer: usize, problems: &mut Problems) -> Vec<RawFile> {
    let mut found = Vec::new();
    let names: Vec<&str> = Section::ALL.iter().map(|section| section.folder()).chain([GOLDENS]).collect();
    if !folder.is_dir() {
        problems.push(Problem::without_place(format!("the catalogue `{}` is not a folder", folder.display())));
        return found;
    }
    let mut anything = folder.join(GOLDENS).is_dir();
    for section in Section::ALL {
        let base = folder.join(section.folder());
        if !base.is_dir() {
            continue;
        }
        anything = true;
        match files::list(&base, ".yaml") {
            Ok(list) => found.extend(list.into_iter().map(|relative| {
                let source = files::read(&base.join(&relative));
                raw_file(Some(section), &relative, layer, source, problems)
            })),
            Err(error) => {
                problems.push(Problem::without_place(format!("failed to read `{}`: {error}", base.display())));
            }
        }
    }
    let capabilities = folder.join("capabilities.yaml");
    if capabilities.exists() {
        anything = true;
        found.push(raw_file(None, "capabilities.yaml", layer, files::read(&capabilities), problems));
    }
    if !anything {
        let message = format!("the folder `{}` is not a catalogue", folder.display());
        let help = format!("it should have one of the folders {}", crate::suggest::list(&names));
        problems.push(Problem::without_place(message).help(help));
    }
    found
}

/// Golden traces by their path below the folder: those inside the binary, and those of the user's folders, from the
/// lowest layer to the uppermost; a file takes the place of one below it.
pub(super) fn goldens(builtin: bool, overlays: &[PathBuf], problems: &mut Problems) -> BTreeMap<PathBuf, Arc<Source>> {
    let mut found = BTreeMap::new();
    let mut add = |relative: &str, source: Result<Arc<Source>, Box<Problem>>, problems: &mut Problems| match source {
        Ok(source) => drop(found.insert(PathBuf::from(relative), source)),
        Err(problem) => problems.push(*problem),
    };
    for (path, bytes) in BUILTIN.iter().filter(|_| builtin) {
        if let Some(("goldens", relative)) = path.split_once('/') {
            add(relative, files::decode(Path::new(path), true, bytes.to_vec()), problems);
        }
    }
    for base in overlays.iter().map(|folder| folder.join(GOLDENS)).filter(|base| base.is_dir()) {
        match files::list(&base, ".golden") {
            Ok(list) => list.iter().for_each(|relative| add(relative, files::read(&base.join(relative)), problems)),
            Err(error) => {
                problems.push(Problem::without_place(format!("failed to read `{}`: {error}", base.display())));
            }
        }
    }
    found
}

fn place(path: &str) -> Option<(Option<Section>, &str)> {
    if path == "capabilities.yaml" {
        return Some((None, path));
    }
    let (folder, relative) = path.split_once('/')?;
    Some((Some(Section::of_folder(folder)?), relative))
}

fn raw_file(
    section: Option<Section>,
    relative: &str,
    layer: usize,
    source: Result<Arc<Source>, Box<Problem>>,
    problems: &mut Problems,
) -> RawFile {
    let source = source.map_err(|problem| problems.push(*problem)).ok();
    let tree = source.as_ref().and_then(|source| yaml::read(source).map_err(|problem| problems.push(*problem)).ok());
    RawFile { section, relative: relative.to_owned(), layer, source, tree }
}
