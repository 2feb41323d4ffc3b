//! The mirror that the machine's own package manager is configured with.

use std::fs;
use std::path::Path;

use crate::KNOWN_RELEASES;
use crate::error::{Result, StoreError};

/// What every Debian mirror's path ends with, by custom.
const DEBIAN: &str = "debian";
const UBUNTU: [&str; 2] = ["ubuntu", "ubuntu-ports"];
/// Where a list of mirrors is named instead of one.
const LISTED: &str = "mirror+file:";
/// Most bytes of a file of the configuration.
const MOST: u64 = 1 << 20;

/// A place that packages come from.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Entry {
    uri: String,
    suite: String,
}

/// The mirror of Debian in the configuration below a folder (`/etc/apt`).
pub(crate) fn machines_mirror(configuration: &Path) -> Result<String> {
    let mut entries = Vec::new();
    for (name, text) in files(configuration) {
        entries.extend(if name.ends_with(".sources") { paragraphs(&text) } else { lines(&text) });
    }
    for entry in &mut entries {
        if let Some(path) = entry.uri.strip_prefix(LISTED) {
            // Cloud images name a file with mirrors, one a line, the best one first.
            let listed = read(Path::new(path)).unwrap_or_default();
            let first =
                listed.lines().filter_map(|line| line.split_whitespace().next()).find(|word| !word.starts_with('#'));
            entry.uri = first.unwrap_or_default().to_owned();
        }
        entry.uri = entry.uri.trim_end_matches('/').to_owned();
    }
    entries.retain(|entry| ["http:", "https:", "file:", "ftp:"].iter().any(|scheme| entry.uri.starts_with(scheme)));
    let last = |entry: &Entry, names: &[&str]| names.contains(&entry.uri.rsplit('/').next().unwrap_or_default());
    let of_debian = entries.iter().find(|entry| last(entry, &[DEBIAN]));
    // A snapshot or a proxy has another path, but the suites tell.
    let by_suite = || entries.iter().find(|entry| KNOWN_RELEASES.contains(&entry.suite.as_str()));
    if let Some(entry) = of_debian.or_else(by_suite) {
        return Ok(entry.uri.clone());
    }
    Err(StoreError::NoMirror(if entries.iter().any(|entry| last(entry, &UBUNTU)) {
        "this machine takes its packages from an Ubuntu mirror, which has no Debian releases; name a mirror of Debian with --mirror URL"
            .to_owned()
    } else {
        format!("{} names none of Debian; name one with --mirror URL", configuration.display())
    }))
}

/// The files of the configuration, with their names.
fn files(configuration: &Path) -> Vec<(String, String)> {
    let parts = fs::read_dir(configuration.join("sources.list.d")).into_iter().flatten().flatten();
    let mut paths: Vec<_> = parts.map(|entry| entry.path()).collect();
    paths.sort();
    paths.insert(0, configuration.join("sources.list"));
    let named = paths.into_iter().filter_map(|path| {
        let name = path.file_name()?.to_string_lossy().into_owned();
        let read = (name.ends_with(".list") || name.ends_with(".sources")).then(|| read(&path))??;
        Some((name, read))
    });
    named.collect()
}

fn read(path: &Path) -> Option<String> {
    let size = fs::metadata(path).ok()?.len();
    (size <= MOST).then(|| fs::read(path).ok()).flatten().map(|text| String::from_utf8_lossy(&text).into_owned())
}

/// One line for each: `deb [option=value] URI SUITE COMPONENT...`.
fn lines(text: &str) -> Vec<Entry> {
    let entry = |line: &str| {
        let line = line.split('#').next().unwrap_or_default().trim();
        let rest = line.strip_prefix("deb")?;
        let rest = rest.strip_prefix(char::is_whitespace)?.trim_start();
        let rest = if rest.starts_with('[') { rest.split_once(']')?.1 } else { rest };
        let mut words = rest.split_whitespace();
        Some(Entry { uri: words.next()?.to_owned(), suite: words.next()?.to_owned() })
    };
    text.lines().filter_map(entry).collect()
}

/// Paragraphs of fields: `Types: deb`, `URIs: ...`, `Suites: ...`.
fn paragraphs(text: &str) -> Vec<Entry> {
    let mut found = Vec::new();
    let mut fields: Vec<(String, String)> = Vec::new();
    for line in text.lines().chain([""]) {
        if line.starts_with('#') {
            continue;
        }
        if line.trim().is_empty() {
            found.extend(paragraph(&std::mem::take(&mut fields)));
        } else if line.starts_with([' ', '\t']) {
            if let Some((_, value)) = fields.last_mut() {
                value.push(' ');
                value.push_str(line.trim());
            }
        } else if let Some((name, value)) = line.split_once(':') {
            fields.push((name.trim().to_ascii_lowercase(), value.trim().to_owned()));
        }
    }
    found
}

fn paragraph(fields: &[(String, String)]) -> Vec<Entry> {
    let words = |name: &str| -> Vec<&str> {
        let value = fields.iter().find(|(field, _)| field == name);
        value.map(|(_, value)| value.split_whitespace().collect()).unwrap_or_default()
    };
    let off = words("enabled").first().is_some_and(|word| ["no", "false", "without", "off", "disable"].contains(word));
    if off || !words("types").contains(&"deb") {
        return Vec::new();
    }
    let suites = words("suites");
    let of = |uri: &&str| {
        let uri = (*uri).to_owned();
        suites.iter().map(move |suite| Entry { uri: uri.clone(), suite: (*suite).to_owned() }).collect::<Vec<_>>()
    };
    words("uris").iter().flat_map(of).collect()
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;

    fn configured(files: &[(&str, &str)]) -> (TempDir, std::result::Result<String, String>) {
        let folder = TempDir::new().unwrap();
        fs::create_dir(folder.path().join("sources.list.d")).unwrap();
        for (name, text) in files {
            fs::write(folder.path().join(name), text).unwrap();
        }
        let mirror = machines_mirror(folder.path()).map_err(|error| error.to_string());
        (folder, mirror)
    }

    #[test]
    fn fields_in_paragraphs() {
        let (_, mirror) = configured(&[(
            "sources.list.d/debian.sources",
            "# first\nTypes: deb\n# in between\nURIs: http://m.example/debian-security\nSuites: trixie-security\nComponents: main\n\n\
             Types: deb deb-src\nURIs:\n http://m.example/debian/\nSuites: trixie trixie-updates\nComponents: main\n",
        )]);
        assert_eq!(mirror.unwrap(), "http://m.example/debian");
    }

    #[test]
    fn what_is_switched_off_is_no_mirror() {
        let off = "Enabled: no\nTypes: deb\nURIs: http://m.example/debian\nSuites: trixie\n\nTypes: deb-src\nURIs: http://n.example/debian\nSuites: sid\n";
        let (folder, mirror) = configured(&[
            ("sources.list.d/a.sources", off),
            (
                "sources.list",
                "# deb http://m.example/debian trixie main\ndeb-src http://m.example/debian trixie main\n",
            ),
            ("sources.list.d/b.list.save", "deb http://m.example/debian trixie main\n"),
        ]);
        let said = mirror.unwrap_err();
        assert!(said.contains(&folder.path().display().to_string()) && said.contains("--mirror URL"), "{said}");
    }

    #[test]
    fn one_line_each() {
        let (_, mirror) = configured(&[(
            "sources.list",
            "deb cdrom:[disk]/ trixie main\ndeb [arch=amd64 signed-by=/k.gpg] https://other.example/tools stable main\n\
             deb\t[ arch=amd64 ] https://m.example/debian bookworm main # why\n",
        )]);
        assert_eq!(mirror.unwrap(), "https://m.example/debian");
    }

    #[test]
    fn a_snapshot_is_found_by_its_suite() {
        let line = "deb http://m.example/archive/debian/20250520T000000Z bookworm main\n";
        let (_, mirror) = configured(&[("sources.list", line)]);
        assert_eq!(mirror.unwrap(), "http://m.example/archive/debian/20250520T000000Z");
    }

    #[test]
    fn a_file_of_mirrors() {
        let folder = TempDir::new().unwrap();
        let list = folder.path().join("mirrors");
        fs::write(&list, "# mirrors\nhttps://m.example/debian priority:1\nhttps://n.example/debian\n").unwrap();
        let text = format!("Types: deb\nURIs: mirror+file:{}\nSuites: trixie\n", list.display());
        let (_, mirror) = configured(&[("sources.list.d/debian.sources", &text)]);
        assert_eq!(mirror.unwrap(), "https://m.example/debian");
    }

    #[test]
    fn ubuntu_has_no_debian() {
        let (_, mirror) = configured(&[("sources.list", "deb http://m.example/ubuntu noble main universe\n")]);
        let said = mirror.unwrap_err();
        assert!(said.contains("an Ubuntu mirror, which has no Debian releases"), "{said}");
    }
}
