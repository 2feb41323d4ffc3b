//! The catalogue as a whole.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Deref,
    path::PathBuf,
    sync::Arc,
};

use indexmap::IndexMap;

use super::{
    Section, include,
    inherit::Inheritance,
    layers::{self, RawFile},
};
use crate::{
    Capability, CatalogueErrors, Expectations, Fault, Name, Peer, Problem, Problems, Scenario, Side, Source, Span,
    Suite, Topology, check,
    decode::Decode,
    model::{AnyCapability, is_identifier},
    yaml::Node,
};

/// What to load.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoadOptions {
    /// Whether the catalogue inside the binary is the lowest layer.
    pub builtin: bool,
    /// The user's folders, from the lowest layer to the uppermost.
    pub overlays: Vec<PathBuf>,
}

impl LoadOptions {
    /// The built-in catalogue, `./vpn-interop/` if there is such a folder, and these folders on top.
    pub fn usual(folders: impl IntoIterator<Item = PathBuf>) -> Self {
        let here = PathBuf::from("vpn-interop");
        let overlays = here.is_dir().then_some(here).into_iter().chain(folders).collect();
        Self { builtin: true, overlays }
    }
}

impl Default for LoadOptions {
    /// The built-in catalogue alone.
    fn default() -> Self {
        Self { builtin: true, overlays: Vec::new() }
    }
}

/// Everything that was loaded and checked; each map is sorted by id.
#[derive(Clone, Debug, Default)]
pub struct Catalogue {
    /// Scenarios.
    pub scenarios: IndexMap<String, Entry<Scenario>>,
    /// Topologies, with their parts included.
    pub topologies: IndexMap<String, Entry<Topology>>,
    /// Faults.
    pub faults: IndexMap<String, Entry<Fault>>,
    /// Peers, laid on what they extend.
    pub peers: IndexMap<String, Entry<Peer>>,
    /// Suites.
    pub suites: IndexMap<String, Entry<Suite>>,
    /// Files with known deviations, by the file's stem.
    pub expectations: IndexMap<String, Entry<Expectations>>,
    /// What a peer can have, and what that means.
    pub capabilities: IndexMap<String, Capability>,
    /// Files of golden traces, by their path below `goldens/`.
    pub goldens: BTreeMap<PathBuf, Arc<Source>>,
}

/// An entry and where it was defined.
#[derive(Clone, Debug)]
pub struct Entry<T> {
    /// The entry.
    pub value: T,
    /// Where it was defined.
    pub origin: Origin,
}

impl<T> Deref for Entry<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

/// Where an entry was defined.
#[derive(Clone, Debug)]
pub struct Origin {
    /// The file and its text; for the built-in catalogue the path is below `scenarios/`.
    pub source: Arc<Source>,
}

impl Origin {
    /// The file.
    pub fn file(&self) -> &std::path::Path {
        &self.source.path
    }

    /// Whether it is part of the binary.
    pub fn builtin(&self) -> bool {
        self.source.builtin
    }
}

impl Catalogue {
    /// Reads, lays over each other, and checks; every mistake is reported.
    pub fn load(options: &LoadOptions) -> Result<Self, CatalogueErrors> {
        let mut problems = Problems::default();
        let mut files = if options.builtin { layers::builtin(&mut problems) } else { Vec::new() };
        for (index, folder) in options.overlays.iter().enumerate() {
            files.extend(layers::overlay(folder, index + 1, &mut problems));
        }
        for part in files.iter().filter(|file| file.is_part()) {
            include::check_part(part, &mut problems);
        }
        let goldens = layers::goldens(options.builtin, &options.overlays, &mut problems);
        let mut loader = Loader { files: &files, problems: &mut problems, broken: Broken::default() };
        let catalogue = Self {
            capabilities: loader.capabilities(),
            scenarios: loader.section(Section::Cases),
            topologies: loader.section(Section::Topologies),
            faults: loader.section(Section::Faults),
            peers: loader.section(Section::Peers),
            suites: loader.section(Section::Suites),
            expectations: loader.section(Section::Expectations),
            goldens,
        };
        let broken = loader.broken;
        check::all(&catalogue, &broken, &mut problems);
        problems.finish()?;
        Ok(catalogue)
    }

    /// The peer that has this name (or id) in this role.
    pub fn peer(&self, side: Side, name: &str) -> Option<&Entry<Peer>> {
        let fits =
            |entry: &&Entry<Peer>| entry.can_be(side) && (entry.name().as_str() == name || entry.id.as_str() == name);
        self.peers.values().find(fits)
    }

    /// Every defect that some peer can be started with, by name, with what it does.
    pub fn mutants(&self) -> BTreeMap<&str, &str> {
        let all = self.peers.values().flat_map(|peer| &peer.value.mutants);
        all.map(|mutant| (mutant.name.as_str(), mutant.does.as_str())).collect()
    }

    /// The scenarios of a suite, in the order of their ids.
    pub fn scenarios_of<'a>(&'a self, suite: &'a Suite) -> impl Iterator<Item = &'a Entry<Scenario>> {
        self.scenarios.values().filter(|scenario| suite.contains(&scenario.id))
    }
}

/// Ids of entries that exist, but have mistakes of their own: referring to them is no second mistake.
#[derive(Debug, Default)]
pub(crate) struct Broken(BTreeSet<(Section, String)>);

impl Broken {
    pub(crate) fn has(&self, section: Section, id: &str) -> bool {
        self.0.contains(&(section, id.to_owned()))
    }

    pub(crate) fn any(&self, section: Section) -> bool {
        self.0.iter().any(|(broken, _)| *broken == section)
    }
}

struct Loader<'a> {
    files: &'a [RawFile],
    problems: &'a mut Problems,
    broken: Broken,
}

impl<'a> Loader<'a> {
    fn section<T: Decode>(&mut self, section: Section) -> IndexMap<String, Entry<T>> {
        let winners = self.winners(section);
        let mut peers: Vec<&RawFile> =
            self.files.iter().filter(|file| file.section == Some(Section::Peers) && !file.is_part()).collect();
        peers.sort_by_key(|file| std::cmp::Reverse(file.layer));
        let inheritance = Inheritance { peers };
        let mut entries = IndexMap::new();
        for (id, file) in winners {
            let before = self.problems.len();
            let decoded = file.tree.as_ref().and_then(|tree| {
                let named = section == Section::Expectations || check_id(file, tree, self.problems);
                let tree = include::expand(file, tree, self.files, self.problems);
                let tree = match section {
                    Section::Peers => tree.and_then(|tree| inheritance.expand(file, &tree, self.problems)),
                    _ => tree,
                };
                tree.and_then(|tree| T::decode(&tree, self.problems)).filter(|_| named)
            });
            match (decoded, &file.source) {
                (Some(value), Some(source)) if self.problems.len() == before => {
                    entries.insert(id, Entry { value, origin: Origin { source: Arc::clone(source) } });
                }
                _ => drop(self.broken.0.insert((section, id))),
            }
        }
        entries.sort_keys();
        entries
    }

    /// The uppermost file of each id, after reporting ids that are taken twice.
    fn winners(&mut self, section: Section) -> IndexMap<String, &'a RawFile> {
        let mut winners: IndexMap<String, &'a RawFile> = IndexMap::new();
        for file in self.files.iter().filter(|file| file.section == Some(section) && !file.is_part()) {
            let id = file.stem().to_owned();
            if let Some(earlier) = winners.get(&id) {
                let replaces = file.tree.as_ref().is_some_and(replaces);
                if earlier.layer == file.layer || !replaces {
                    self.problems.push(duplicate(&id, section, earlier, file));
                    continue;
                }
            }
            winners.insert(id, file);
        }
        winners
    }

    fn capabilities(&mut self) -> IndexMap<String, Capability> {
        let mut all = IndexMap::new();
        for file in self.files.iter().filter(|file| file.section.is_none()) {
            let Some(tree) = &file.tree else { continue };
            let tree = tree.mapping().and_then(|mapping| mapping.value("capabilities")).unwrap_or(tree);
            let decoded = IndexMap::<Name, AnyCapability>::decode(tree, self.problems);
            all.extend(decoded.into_iter().flatten().map(|(name, capability)| (name.to_string(), capability.0)));
        }
        all.sort_keys();
        all
    }
}

fn replaces(tree: &Node) -> bool {
    let value = tree.mapping().and_then(|mapping| mapping.value("replaces"));
    value.and_then(Node::scalar) == Some("true")
}

fn duplicate(id: &str, section: Section, first: &RawFile, second: &RawFile) -> Problem {
    let place = |file: &RawFile| {
        let id = file.tree.as_ref().and_then(|tree| tree.mapping()?.value("id").map(|node| node.at.clone()));
        id.or_else(|| file.source.as_ref().map(|source| Span::new(source, 0, 0)))
    };
    let path =
        |file: &RawFile| file.source.as_ref().map_or_else(String::new, |source| source.path.display().to_string());
    let message =
        format!("the {} `{id}` is defined twice: in `{}` and in `{}`", section.noun(), path(first), path(second));
    let Some(at) = place(second) else { return Problem::without_place(message) };
    let mut problem = Problem::new(message, &at, "again here");
    if let Some(at) = place(first) {
        problem = problem.and(&at, "first here");
    }
    problem.help(if first.layer == second.layer {
        "rename one of them, the file and its `id`"
    } else {
        "write `replaces: true` to replace the one below, or choose another id"
    })
}

/// Whether the id is the file's name and has a legal form.
fn check_id(file: &RawFile, tree: &Node, problems: &mut Problems) -> bool {
    // A missing id is reported when the entry is decoded.
    let Some(node) = tree.mapping().and_then(|mapping| mapping.value("id")) else { return true };
    let Some(id) = node.scalar() else { return true };
    if id != file.stem() {
        let message = format!("the id `{id}` is not the file's name `{}`", file.stem());
        let help = format!("write `id: {}`, or rename the file to `{id}.yaml`", file.stem());
        problems.push(Problem::new(message, &node.at, "differs from the file's name").help(help));
        return false;
    }
    if !is_identifier(id) {
        let message = format!("`{id}` is not fit as an id");
        problems.push(
            Problem::new(message, &node.at, "not an id")
                .help("an id has lower-case letters, digits and single hyphens"),
        );
        return false;
    }
    true
}
