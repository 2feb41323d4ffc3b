//! Making what was seen the golden: as few files as can be, each for as many cells as can be.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use interop_evidence::View;

use super::compare::same;
use super::cover::{selectors, unversioned};
use super::file::{File, path};
use super::overlay::{Part, difference, merged, parts, phases};
use super::{Accepted, Cell, Goldens, Phases, Selector, Slack};

/// A cell and the golden that it is to have.
struct Wanted {
    cell: Cell,
    phases: Phases,
    /// Whether it was seen now; else it keeps what it had.
    is_seen: bool,
}

/// Cells with the same golden.
struct Group {
    parts: Vec<Part>,
    phases: Phases,
    /// Indices of cells.
    cells: Vec<usize>,
}

impl Goldens {
    /// Changes that make what was seen in these cells the golden of a view of one scenario.
    ///
    /// What most cells share becomes the base if there is none, every other text an overlay for as many cells as have it and no other
    /// known cell. Cells that were not seen now keep their golden, if they are named in the files or have an overlay of
    /// their own.
    pub fn accept(&self, view: View, seen: &[(Cell, Phases)], reason: &str) -> Vec<Accepted> {
        self.accept_within(view, seen, Slack { time: Duration::ZERO, repeats: false }, reason)
    }

    /// As [`Goldens::accept`]; cells whose runs differ by no more than the slack share a golden.
    pub fn accept_within(&self, view: View, seen: &[(Cell, Phases)], slack: Slack, reason: &str) -> Vec<Accepted> {
        let Some((first, _)) = seen.first() else { return Vec::new() };
        let scenario = first.scenario.clone();
        let cells = self.wanted(&scenario, view, seen);
        let groups = self.groups(&scenario, view, &cells, slack);
        let Some((base, others)) = groups.split_first() else { return Vec::new() };

        let mut files: BTreeMap<PathBuf, File> = BTreeMap::new();
        let file = |name: Option<&str>, parts, selectors, group: &Group| File {
            path: path(&scenario, view, name),
            scenario: scenario.clone(),
            view,
            selectors,
            cells: names(&cells, group),
            reason: reason.to_owned(),
            parts,
        };
        let root = file(None, base.parts.clone(), Vec::new(), base);
        files.insert(root.path.clone(), root);
        for kept in self.kept(&scenario, view, &cells) {
            let whole = merged(self.base(&scenario, view).map_or(&[][..], |base| &base.parts), &kept.parts);
            files.insert(kept.path.clone(), File { parts: difference(&base.parts, &whole, slack), ..kept });
        }
        let all: Vec<&Cell> = cells.iter().map(|wanted| &wanted.cell).collect();
        for group in others {
            let taken: Vec<Selector> = files.values().flat_map(|file| file.selectors.clone()).collect();
            let selectors = selectors(&all, &group.cells, &taken);
            let stem = selectors.first().map(file_name).unwrap_or_default();
            let free = (1_usize..).map(|number| if number == 1 { stem.clone() } else { format!("{stem}-{number}") });
            let name = free.into_iter().find(|name| !files.contains_key(&path(&scenario, view, Some(name))));
            let overlay = file(name.as_deref(), difference(&base.parts, &group.parts, slack), selectors, group);
            files.insert(overlay.path.clone(), overlay);
        }
        self.changes(&scenario, view, &cells, &groups, files, slack)
    }

    /// The cells that are known: those that were seen, and those that the files name and that were not. A pair that was
    /// seen in one version is the pair, unless files tell versions apart.
    fn wanted(&self, scenario: &str, view: View, seen: &[(Cell, Phases)]) -> Vec<Wanted> {
        let mut cells: Vec<Wanted> = Vec::new();
        for (cell, phases) in seen.iter().filter(|(cell, _)| cell.scenario == scenario) {
            // As it comes back from a file, so that nothing depends on what a file cannot hold.
            let seen = phases.without(&self.also(cell, view), &Phases::default());
            let phases = super::overlay::phases(&parts(&seen));
            match cells.iter_mut().find(|wanted| wanted.cell == *cell) {
                Some(wanted) => wanted.phases = phases,
                None => cells.push(Wanted { cell: cell.clone(), phases, is_seen: true }),
            }
        }
        let base = self.base(scenario, view);
        let base_parts = base.map_or(&[][..], |base| &base.parts);
        for file in base.into_iter().chain(self.overlays(scenario, view)) {
            let own = if file.selectors.is_empty() { &[][..] } else { &file.parts };
            for named in file.cells.iter().filter(|_| file.selectors.iter().all(unversioned)) {
                let is_known = cells.iter().any(|wanted| is_pair(named, &wanted.cell));
                if let Some(cell) = Some(named).filter(|_| !is_known).and_then(|named| cell_of(named, scenario)) {
                    cells.push(Wanted { cell, phases: phases(&merged(base_parts, own)), is_seen: false });
                }
            }
        }
        cells.sort_by(|one, other| sort_key(&one.cell).cmp(&sort_key(&other.cell)));
        cells
    }

    /// The cells by what they want, the base's group first.
    fn groups(&self, scenario: &str, view: View, cells: &[Wanted], slack: Slack) -> Vec<Group> {
        let base = self.base(scenario, view);
        let base_parts = base.map_or(&[][..], |base| &base.parts);
        // What stands in a file already stays as it is when it is the same, so that files change only where they must.
        let known = base.into_iter().chain(self.overlays(scenario, view)).map(|file| {
            let parts = if file.selectors.is_empty() { base_parts.to_vec() } else { merged(base_parts, &file.parts) };
            Group { phases: phases(&parts), parts, cells: Vec::new() }
        });
        let mut groups: Vec<Group> = known.collect();
        for (index, wanted) in cells.iter().enumerate() {
            match groups.iter_mut().find(|group| same(&group.phases, &wanted.phases, slack)) {
                Some(group) => group.cells.push(index),
                None => {
                    let (parts, phases) = (parts(&wanted.phases), wanted.phases.clone());
                    groups.push(Group { parts, phases, cells: vec![index] });
                }
            }
        }
        groups.retain(|group| !group.cells.is_empty());
        // The base that there is stays as long as some cell has it: what is reviewed is what has changed.
        let is_base = |group: &Group| base.is_some() && group.parts == base_parts;
        groups.sort_by_key(|group| (!is_base(group), std::cmp::Reverse(group.cells.len())));
        groups
    }

    /// Overlays that hold for none of the cells: for other versions, or for peers that did not run.
    fn kept(&self, scenario: &str, view: View, cells: &[Wanted]) -> Vec<File> {
        let is_free = |selector: &Selector| {
            !cells.iter().any(|wanted| match wanted.is_seen {
                true => selector.matches(&wanted.cell),
                false => unversioned(selector) && selector.matches(&wanted.cell),
            })
        };
        let kept = self.overlays(scenario, view).filter_map(|file| {
            let selectors: Vec<Selector> =
                file.selectors.iter().filter(|selector| is_free(selector)).cloned().collect();
            (!selectors.is_empty()).then(|| File { selectors, ..file.clone() })
        });
        kept.collect()
    }

    /// What has to be written and taken away.
    fn changes(
        &self,
        scenario: &str,
        view: View,
        cells: &[Wanted],
        groups: &[Group],
        mut files: BTreeMap<PathBuf, File>,
        slack: Slack,
    ) -> Vec<Accepted> {
        let old: Vec<&File> = self.base(scenario, view).into_iter().chain(self.overlays(scenario, view)).collect();
        for file in files.values_mut() {
            let Some(before) = old.iter().find(|before| before.path == file.path) else { continue };
            // Who reviewed it stays with what was reviewed.
            if before.parts == file.parts && before.selectors == file.selectors {
                file.reason.clone_from(&before.reason);
            }
        }
        let new = Self::with(files.clone());
        let has_changed = |wanted: &Wanted| {
            let before = self.of(&wanted.cell, view);
            let group = groups.iter().find(|group| same(&group.phases, &wanted.phases, slack));
            !before.is_some_and(|before| group.is_some_and(|group| same(&before.phases, &group.phases, slack)))
        };
        let changed: Vec<&Wanted> = cells.iter().filter(|wanted| wanted.is_seen && has_changed(wanted)).collect();
        let pairs = |goldens: &Self, path: &PathBuf| {
            let with = changed.iter().filter(|wanted| {
                goldens.of(&wanted.cell, view).is_some_and(|golden| golden.files.last() == Some(path))
            });
            let mut pairs: Vec<String> =
                with.map(|Wanted { cell, .. }| format!("{} × {}", cell.client, cell.server)).collect();
            pairs.dedup();
            pairs
        };
        let gone = old.iter().filter(|file| !files.contains_key(&file.path));
        let gone = gone.map(|file| Accepted { path: file.path.clone(), text: None, cells: pairs(self, &file.path) });
        let is_new = |file: &&File| !old.contains(file);
        let written = files.values().filter(is_new).map(|file| Accepted {
            path: file.path.clone(),
            text: Some(file.text()),
            cells: pairs(&new, &file.path),
        });
        let mut accepted: Vec<Accepted> = written.chain(gone).collect();
        accepted.sort_by(|one, other| one.path.cmp(&other.path));
        accepted
    }
}

/// The cells of a group, as a file names them.
fn names(cells: &[Wanted], group: &Group) -> Vec<Selector> {
    let of_group = group.cells.iter().filter_map(|index| cells.get(*index));
    let mut names: Vec<Selector> = of_group.map(|wanted| name(&wanted.cell, &wanted.phases)).collect();
    names.sort();
    names.dedup();
    names
}

/// A cell as a file names it: with the version of a peer whose version stands in the text, which can be no other's.
fn name(cell: &Cell, phases: &Phases) -> Selector {
    let mut params = cell.params.clone();
    params.sort();
    let told = |version: &String| Some(version.clone()).filter(|version| tells(phases, version));
    Selector {
        client: Some(cell.client.clone()),
        client_versions: told(&cell.client_version),
        server: Some(cell.server.clone()),
        server_versions: told(&cell.server_version),
        params,
    }
}

/// Whether a version stands in some line, as a word of its own.
fn tells(phases: &Phases, version: &str) -> bool {
    let is_part = |c: char| c.is_ascii_digit() || c == '.';
    let lines = || phases.phases.iter().flat_map(|phase| &phase.lines);
    version.starts_with(|c: char| c.is_ascii_digit())
        && lines().any(|(line, _)| {
            line.match_indices(version).any(|(at, _)| {
                let (before, behind) = (&line[..at], &line[at + version.len()..]);
                !before.ends_with(is_part) && !behind.starts_with(|c: char| c.is_ascii_digit())
            })
        })
}

fn is_pair(named: &Selector, cell: &Cell) -> bool {
    let mut params = cell.params.clone();
    params.sort();
    named.params == params && named.names(cell)
}

fn cell_of(named: &Selector, scenario: &str) -> Option<Cell> {
    let version = |range: &Option<String>| range.clone().unwrap_or_default();
    Some(Cell {
        scenario: scenario.to_owned(),
        params: named.params.clone(),
        client: named.client.clone()?,
        client_version: version(&named.client_versions),
        server: named.server.clone()?,
        server_version: version(&named.server_versions),
    })
}

fn sort_key(cell: &Cell) -> impl Ord + use<'_> {
    (&cell.client, &cell.server, &cell.params, &cell.client_version, &cell.server_version)
}

/// A selector as part of a file's name.
fn file_name(selector: &Selector) -> String {
    let end = |name: &Option<String>, versions: &Option<String>| {
        let name = name.clone().unwrap_or_else(|| "any".to_owned());
        versions.as_ref().map_or_else(|| name.clone(), |versions| format!("{name}{versions}"))
    };
    let client = end(&selector.client, &selector.client_versions);
    let server = end(&selector.server, &selector.server_versions);
    let mut words = match (selector.client.is_none(), selector.server.is_none()) {
        (true, true) => Vec::new(),
        (false, true) => vec![client],
        (_, false) => vec![format!("{client}+{server}")],
    };
    words.extend(selector.params.iter().map(|(axis, value)| format!("{axis}={value}")));
    let is_fit = |c: char| c.is_ascii_alphanumeric() || "-_.+=,".contains(c);
    let joined = words.join(",").replace(">=", "-from-").replace('<', "-below-");
    let name: String = joined.chars().map(|c| if is_fit(c) { c } else { '-' }).collect();
    if name.is_empty() { "other".to_owned() } else { name }
}
