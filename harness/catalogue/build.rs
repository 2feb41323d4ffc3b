//! Lists the built-in catalogue, so that the crate can embed it and is rebuilt when one of its files changes.

use std::{
    env, fs, io,
    path::{Path, PathBuf},
};

/// The folders that the crate reads; the rest of `scenarios/` (goldens, captures) belongs to others.
const FOLDERS: [&str; 6] = ["cases", "expectations", "faults", "peers", "suites", "topologies"];

fn main() -> io::Result<()> {
    let root = fs::canonicalize("../../scenarios")?;
    println!("cargo::rerun-if-changed={}", root.join("capabilities.yaml").display());
    let mut files = vec![root.join("capabilities.yaml")];
    for folder in FOLDERS {
        println!("cargo::rerun-if-changed={}", root.join(folder).display());
        collect(&root.join(folder), &mut files);
    }
    files.retain(|file| file.is_file() && file.extension().is_some_and(|extension| extension == "yaml"));
    files.sort();
    let lines: String = files
        .iter()
        .filter_map(|file| Some(format!("({:?}, include_bytes!({file:?})),\n", file.strip_prefix(&root).ok()?)))
        .collect();
    let out = PathBuf::from(env::var("OUT_DIR").map_err(io::Error::other)?);
    fs::write(out.join("builtin.rs"), format!("&[\n{lines}]\n"))
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if entry.file_name().to_string_lossy().starts_with('.') {
            continue;
        }
        if path.is_dir() {
            collect(&path, files);
        } else {
            files.push(path);
        }
    }
}
