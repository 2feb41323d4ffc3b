//! `include`: parts of scenarios and topologies in files of their own.

use super::{Section, layers::RawFile};
use crate::{
    Name, Problem, Problems, suggest,
    yaml::{Content, Mapping, Node},
};

/// Lays the included parts of an entry under it. Each part is taken once, however often it is named.
pub(super) fn expand(entry: &RawFile, tree: &Node, files: &[RawFile], problems: &mut Problems) -> Option<Node> {
    let Some(section) = entry.section.filter(|section| allowed(*section).is_some()) else { return Some(tree.clone()) };
    let mut parts = Vec::new();
    let mut walk = Walk { section, files, problems, chain: vec![entry.relative.clone()], parts: &mut parts };
    let fine = walk.includes_of(tree, entry.layer);
    let mut merged = Mapping::default();
    for part in parts {
        merge(section, &mut merged, part, problems);
    }
    if merged.0.is_empty() {
        return fine.then(|| tree.clone());
    }
    let before = problems.len();
    let mut own = tree.clone();
    let Content::Mapping(mapping) = &mut own.content else { return Some(own) };
    for (key, value) in std::mem::take(&mut mapping.0) {
        match merged.take(&key) {
            Some(below) => mapping.set(key.clone(), combine(section, &key, below, value, problems)),
            None => mapping.set(key, value),
        }
    }
    for (key, value) in merged.0 {
        mapping.set(key, value);
    }
    (fine && problems.len() == before).then_some(own)
}

/// The keys that a part may have.
fn allowed(section: Section) -> Option<&'static [&'static str]> {
    match section {
        Section::Cases => Some(&["include", "settings", "always", "steps"]),
        Section::Topologies => Some(&["include", "nodes", "links", "routes", "names"]),
        _ => None,
    }
}

struct Walk<'a, 'b> {
    section: Section,
    files: &'a [RawFile],
    problems: &'b mut Problems,
    chain: Vec<String>,
    parts: &'b mut Vec<&'a RawFile>,
}

impl<'a> Walk<'a, '_> {
    fn includes_of(&mut self, tree: &Node, layer: usize) -> bool {
        let includes = tree.mapping().and_then(|mapping| mapping.value("include"));
        let names = includes.and_then(Node::sequence).unwrap_or_default();
        let mut fine = true;
        for node in names {
            // Anything else than a text is reported when the entry is decoded.
            let Some(name) = node.scalar() else { continue };
            fine &= self.include(&Name::at(name, &node.at), layer);
        }
        fine
    }

    fn include(&mut self, name: &Name, layer: usize) -> bool {
        let Some(at) = name.span() else { return false };
        if self.chain.iter().any(|earlier| earlier == name.as_str()) {
            let start = self.chain.iter().position(|earlier| earlier == name.as_str()).unwrap_or_default();
            let mut cycle: Vec<&str> = self.chain[start..].iter().map(String::as_str).collect();
            cycle.push(name);
            let message = format!("the includes go round in a circle: {}", cycle.join(" -> "));
            self.problems.push(
                Problem::new(message, at, "this leads back")
                    .help("remove one of these includes, or move what both need into a third file"),
            );
            return false;
        }
        let found = self.find(name, layer);
        let Some(file) = found else {
            let known = self.files.iter().filter(|file| file.section == Some(self.section) && file.is_part());
            let help = suggest::help(name, known.map(|file| file.relative.as_str()));
            let folder = self.section.folder();
            self.problems.push(
                Problem::new(format!("the included file `{name}` does not exist"), at, "no such file")
                    .help(help.unwrap_or_else(|| format!("it is looked for as `{folder}/{name}`"))),
            );
            return false;
        };
        if !file.is_part() {
            self.problems.push(
                Problem::new(format!("`{name}` is an entry of its own, not a part"), at, "cannot be included")
                    .help("move what both need into a file below `parts/`"),
            );
            return false;
        }
        if self.parts.iter().any(|part| std::ptr::eq(*part, file)) {
            return true;
        }
        let Some(tree) = &file.tree else { return false };
        self.chain.push(name.to_string());
        let fine = self.includes_of(tree, file.layer);
        self.chain.pop();
        self.parts.push(file);
        fine
    }

    /// The file in this layer, else in the ones below.
    fn find(&self, name: &str, layer: usize) -> Option<&'a RawFile> {
        self.files
            .iter()
            .filter(|file| file.section == Some(self.section) && file.relative == name && file.layer <= layer)
            .max_by_key(|file| file.layer)
    }
}

fn merge(section: Section, merged: &mut Mapping, part: &RawFile, problems: &mut Problems) {
    let Some(tree) = &part.tree else { return };
    let Some(mapping) = tree.mapping() else { return };
    for (key, value) in &mapping.0 {
        if key == "include" {
            continue;
        }
        let value = match merged.take(key) {
            Some(below) => combine(section, key, below, value.clone(), problems),
            None => value.clone(),
        };
        merged.set(key.clone(), value);
    }
}

/// Reports keys that have no place in a part. Done once for each part, whoever includes it.
pub(super) fn check_part(part: &RawFile, problems: &mut Problems) {
    let (Some(tree), Some(section)) = (&part.tree, part.section) else { return };
    let Some(known) = allowed(section) else {
        problems.push(
            Problem::new(format!("a {} cannot be included in parts", section.noun()), &tree.at, "never read")
                .help("move the file out of `parts/`"),
        );
        return;
    };
    let Some(mapping) = tree.mapping() else {
        problems.push(Problem::new("a part is a map", &tree.at, "not a map"));
        return;
    };
    for (key, _) in mapping.0.iter().filter(|(key, _)| !known.contains(&key.as_str())) {
        if let Some(at) = key.span() {
            let help = suggest::closest(key, known.iter().copied()).map_or_else(
                || format!("a part of a {} has {}", section.noun(), suggest::list(known)),
                |close| format!("did you mean `{close}`?"),
            );
            problems.push(Problem::new(format!("`{key}` has no place in a part"), at, "not here").help(help));
        }
    }
}

/// Joins two values of one key: lists are appended, maps are merged, and what may not be declared twice is reported.
fn combine(section: Section, key: &str, below: Node, above: Node, problems: &mut Problems) -> Node {
    let key_of_above = above.key.clone();
    let content = match (below.content, above.content) {
        (Content::Sequence(mut items), Content::Sequence(more)) => {
            items.extend(more);
            Content::Sequence(items)
        }
        (Content::Mapping(mut mapping), Content::Mapping(more)) => {
            for (name, value) in more.0 {
                let value = match (section, key, mapping.take(&name)) {
                    (_, _, None) | (Section::Cases, _, _) => value,
                    (_, "names" | "routes", Some(old)) => combine(section, "zone", old, value, problems),
                    (_, _, Some(old)) => {
                        if let (Some(at), Some(first)) = (name.span(), &old.key) {
                            problems.push(
                                Problem::new(format!("`{name}` is declared twice"), at, "again here")
                                    .and(first, "first here")
                                    .help("an included part and the file that includes it add up; rename one"),
                            );
                        }
                        value
                    }
                };
                mapping.set(name, value);
            }
            Content::Mapping(mapping)
        }
        (_, other) => other,
    };
    Node { at: above.at, key: key_of_above, content }
}
