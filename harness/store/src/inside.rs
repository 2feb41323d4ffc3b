//! Programs of a root file system, started from outside of it: to ask for a version, never to do their work.

use std::env::consts::ARCH;
use std::fs;
use std::path::{Component, Path, PathBuf};
use std::process::Command;

/// Links that are followed before it is taken for a circle.
const MOST_LINKS: usize = 8;

/// A command that runs `program` (absolute, as seen inside) with the loader and the libraries of a root. None where the root has no
/// loader or no such program. It needs no privileges, and sees the machine's files: only fit for `--version` and the like.
pub fn command_inside(root: &Path, program: &Path) -> Option<Command> {
    let triple = format!("{ARCH}-linux-gnu");
    let folders = [format!("usr/lib/{triple}"), format!("lib/{triple}"), "usr/lib64".to_owned(), "lib64".to_owned()];
    let loader = folders.iter().find_map(|folder| loader_in(root, folder))?;
    let program = resolve(root, program)?;
    let libraries = [format!("usr/lib/{triple}"), format!("lib/{triple}"), "usr/lib".to_owned(), "lib".to_owned()];
    let libraries: Vec<String> = libraries
        .iter()
        .map(|folder| root.join(folder))
        .flat_map(|folder| std::iter::once(folder.clone()).chain(folders_of_libraries(&folder)))
        .map(|folder| folder.display().to_string())
        .collect();
    let mut command = Command::new(loader);
    command.arg("--library-path").arg(libraries.join(":")).arg(program);
    Some(command)
}

/// Folders below one of libraries that hold more of them: users find those by a path that is only valid inside.
fn folders_of_libraries(folder: &Path) -> Vec<PathBuf> {
    let entries = |folder: &Path| fs::read_dir(folder).into_iter().flatten().flatten();
    let is_library = |name: &str| name.starts_with("lib") && name.contains(".so");
    entries(folder)
        .map(|entry| entry.path())
        .filter(|path| path.is_dir())
        .filter(|path| entries(path).any(|entry| is_library(&entry.file_name().to_string_lossy())))
        .collect()
}

fn loader_in(root: &Path, folder: &str) -> Option<PathBuf> {
    let names = fs::read_dir(resolve(root, &Path::new("/").join(folder))?).ok()?;
    let mut loaders: Vec<PathBuf> = names
        .flatten()
        .filter(|entry| entry.file_name().to_string_lossy().starts_with("ld-linux"))
        .filter_map(|entry| resolve(root, &Path::new("/").join(folder).join(entry.file_name())))
        .collect();
    loaders.sort();
    loaders.into_iter().next()
}

/// Where `path`, absolute as seen inside of a root, really lies outside; links are followed as they are meant inside. None if it is not
/// there.
pub fn resolve(root: &Path, path: &Path) -> Option<PathBuf> {
    let mut left: Vec<PathBuf> = vec![path.to_path_buf()];
    let mut seen = PathBuf::new();
    let mut links = 0;
    while let Some(next) = left.pop() {
        let mut components = next.components();
        let Some(first) = components.next() else { continue };
        let rest = components.as_path().to_path_buf();
        if !rest.as_os_str().is_empty() {
            left.push(rest);
        }
        match first {
            Component::RootDir => seen = PathBuf::new(),
            Component::ParentDir => {
                seen.pop();
            }
            Component::Normal(name) => {
                seen.push(name);
                if let Ok(target) = fs::read_link(root.join(&seen)) {
                    links += 1;
                    if links > MOST_LINKS {
                        return None;
                    }
                    seen.pop();
                    left.push(target);
                }
            }
            Component::CurDir | Component::Prefix(_) => {}
        }
    }
    let found = root.join(seen);
    found.exists().then_some(found)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use tempfile::TempDir;

    use super::*;

    #[test]
    fn links_are_followed_inside() {
        let root = TempDir::new().unwrap();
        fs::create_dir_all(root.path().join("usr/lib/x")).unwrap();
        fs::write(root.path().join("usr/lib/x/ld-2.31.so"), "").unwrap();
        symlink("usr/lib", root.path().join("lib")).unwrap();
        symlink("/lib/x/ld-2.31.so", root.path().join("usr/lib/x/ld-linux.so.2")).unwrap();
        symlink("circle", root.path().join("circle")).unwrap();
        let wanted = root.path().join("usr/lib/x/ld-2.31.so");
        assert_eq!(resolve(root.path(), Path::new("/lib/x/ld-linux.so.2")), Some(wanted.clone()));
        assert_eq!(resolve(root.path(), Path::new("/../../lib/x/../x/ld-2.31.so")), Some(wanted));
        assert_eq!(resolve(root.path(), Path::new("/circle")), None);
        assert_eq!(resolve(root.path(), Path::new("/etc/hostname")), None, "not the machine's");
    }
}
