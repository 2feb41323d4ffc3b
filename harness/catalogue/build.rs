//! Lists the built-in catalogue, so that the crate can embed it and is rebuilt when one of its files changes.

use std::{
    env, fs, io,
    path::{Path, PathBuf},
};

/// The folders that the crate reads, and how the names of their files end; the captures beside goldens belong to others.
const FOLDERS: [(&str, &str); 7] = [
    ("cases", "yaml"),
    ("expectations", "yaml"),
    ("faults", "yaml"),
    ("goldens", "golden"),
    ("peers", "yaml"),
    ("suites", "yaml"),
    ("topologies", "yaml"),
];

fn main() -> io::Result<()> {
    let root = fs::canonicalize("../../scenarios")?;
    println!("cargo::rerun-if-changed={}", root.join("capabilities.yaml").display());
    let mut files = vec![root.join("capabilities.yaml")];
    for (folder, ending) in FOLDERS {
        println!("cargo::rerun-if-changed={}", root.join(folder).display());
        collect(&root.join(folder), ending, &mut files);
    }
    files.sort();
    let lines: String = files
        .iter()
        .filter_map(|file| Some(format!("({:?}, include_bytes!({file:?})),\n", file.strip_prefix(&root).ok()?)))
        .collect();
    let out = PathBuf::from(env::var("OUT_DIR").map_err(io::Error::other)?);
    fs::write(out.join("builtin.rs"), format!("&[\n{lines}]\n"))
}

fn collect(folder: &Path, ending: &str, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if entry.file_name().to_string_lossy().starts_with('.') {
            continue;
        }
        if path.is_dir() {
            collect(&path, ending, files);
        } else if path.extension().is_some_and(|extension| extension == ending) {
            files.push(path);
        }
    }
}
