//! A repository with packages of nothing, as a Debian mirror lays it out.

use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use interop_store::{Installed, Request, Store, StoreError, Unwatched, Watcher, install};
use tempfile::TempDir;

/// Leaves a test when this machine lacks something, with the reason where it is counted.
macro_rules! need_repository {
    () => {
        match crate::repository::Repository::new() {
            Ok(repository) => repository,
            Err(reason) => {
                eprintln!("SKIPPED: {reason}");
                return;
            }
        }
    };
}
pub(crate) use need_repository;

/// What every root has beside the peers.
const LAB: [&str; 15] = [
    "base-files",
    "base-passwd",
    "bash",
    "coreutils",
    "dash",
    "grep",
    "hostname",
    "iproute2",
    "iputils-ping",
    "libc-bin",
    "libfaketime",
    "mawk",
    "netbase",
    "procps",
    "sed",
];
pub const RELEASE: &str = "trixie";

/// A repository, a key, and a store that is filled from it.
pub struct Repository {
    folder: TempDir,
    pub store: Store,
    /// Text of its `Packages`, by package.
    packages: Vec<(String, String)>,
}

impl Repository {
    /// With the packages of the lab, and `openconnect` 9.12 that needs `libopenconnect`.
    pub fn new() -> Result<Self, String> {
        for program in ["gpg", "apt-get", "dpkg-deb", "tar"] {
            let found = Command::new(program).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
            if found.is_err() {
                return Err(format!("there is no {program} here"));
            }
        }
        let folder = TempDir::new().unwrap();
        let store = Store::at(folder.path().join("store"));
        let mut repository = Self { folder, store, packages: Vec::new() };
        repository.make_key();
        for name in LAB {
            repository.add(name, "1", "", &[(&format!("usr/share/{name}/data"), "data")]);
        }
        repository.add("libopenconnect", "9.12-3", "", &[("usr/lib/libopenconnect.so", "library")]);
        repository.add("openconnect", "9.12-3", "libopenconnect (>= 9)", &[("usr/sbin/openconnect", "program")]);
        repository.sign();
        Ok(repository)
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn mirror(&self) -> String {
        format!("file:{}", self.path("debian").display())
    }

    pub fn keyring(&self) -> PathBuf {
        self.path("key.gpg")
    }

    fn gpg(&self) -> Command {
        let home = self.path("gnupg");
        fs::create_dir_all(&home).unwrap();
        let mut gpg = Command::new("gpg");
        gpg.env("GNUPGHOME", home).args([
            "--batch",
            "--quiet",
            "--no-tty",
            "--pinentry-mode=loopback",
            "--passphrase=",
        ]);
        gpg
    }

    fn make_key(&self) {
        done(self.gpg().args(["--quick-gen-key", "test@repository.example", "ed25519", "sign", "never"]));
        done(self.gpg().arg("--output").arg(self.keyring()).arg("--export"));
    }

    /// Adds a package with files of this text; it takes the place of an older one in the list, whose file stays.
    pub fn add(&mut self, name: &str, version: &str, depends: &str, files: &[(&str, &str)]) {
        let tree = self.path("tree");
        let _ = fs::remove_dir_all(&tree);
        let depends = if depends.is_empty() { String::new() } else { format!("Depends: {depends}\n") };
        let control = format!(
            "Package: {name}\nVersion: {version}\nArchitecture: all\nMaintainer: Nobody <nobody@repository.example>\n{depends}Description: test\n"
        );
        for (path, text) in files.iter().copied().chain([("DEBIAN/control", control.as_str())]) {
            let path = tree.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let path = self.deb(name, version);
        let file = self.path("debian").join(&path);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        done(Command::new("dpkg-deb").args(["--build", "--root-owner-group"]).arg(&tree).arg(&file));
        let (sha256, size) = (sha256(&file), fs::metadata(&file).unwrap().len());
        let entry = control + &format!("Filename: {path}\nSize: {size}\nSHA256: {sha256}\n\n");
        self.packages.retain(|(other, _)| other != name);
        self.packages.push((name.to_owned(), entry));
    }

    /// Path of a package file below the mirror.
    pub fn deb(&self, name: &str, version: &str) -> String {
        format!("pool/main/{name}_{version}_all.deb")
    }

    /// Writes the lists and signs them.
    pub fn sign(&self) {
        let architecture = said(Command::new("dpkg").arg("--print-architecture"));
        let architecture = architecture.trim();
        let list = format!("main/binary-{architecture}/Packages");
        let folder = self.path("debian/dists").join(RELEASE);
        let path = folder.join(&list);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let text: String = self.packages.iter().map(|(_, entry)| entry.as_str()).collect();
        fs::write(&path, &text).unwrap();
        let mut release = format!(
            "Origin: Test\nSuite: {RELEASE}\nCodename: {RELEASE}\nDate: Sat, 01 Nov 2025 00:00:00 UTC\n\
             Architectures: {architecture} all\nComponents: main\nSHA256:\n"
        );
        let _ = writeln!(release, " {} {} {list}", sha256(&path), text.len());
        fs::write(folder.join("Release"), release).unwrap();
        let signed = folder.join("InRelease");
        let _ = fs::remove_file(&signed);
        done(self.gpg().arg("--output").arg(&signed).arg("--clearsign").arg(folder.join("Release")));
        fs::remove_file(folder.join("Release")).unwrap();
    }

    pub fn request(&self, packages: &[&str]) -> Request {
        let wanted = packages.iter().map(|name| (*name).to_owned()).collect();
        Request {
            wanted: [(RELEASE.to_owned(), wanted)].into(),
            mirror: Some(self.mirror()),
            keyring: Some(self.keyring()),
            ..Request::default()
        }
    }

    /// Installs, and returns what became of the release.
    pub fn install(&self, request: &Request) -> Result<Installed, StoreError> {
        self.install_watched(request, &Unwatched)
    }

    pub fn install_watched(&self, request: &Request, watcher: &dyn Watcher) -> Result<Installed, StoreError> {
        let mut done = install(&self.store, request, watcher)?;
        assert_eq!(done.len(), 1);
        done.remove(0).1
    }

    /// A file of the release's root.
    pub fn content(&self, path: &str) -> Option<String> {
        let release = self.store.releases().unwrap().into_iter().find(|release| release.release == RELEASE)?;
        fs::read_to_string(self.store.root(&release).join(path)).ok()
    }

    /// Names in the folder of the store that are of unfinished work.
    pub fn unfinished(&self) -> Vec<String> {
        let names = |folder: &str| {
            let entries = fs::read_dir(self.store.folder().join(folder)).into_iter().flatten().flatten();
            entries.map(|entry| entry.file_name().into_string().unwrap()).collect::<Vec<_>>()
        };
        let new = names("").into_iter().filter(|name| name.starts_with("new."));
        new.chain(names("partial")).collect()
    }
}

impl Drop for Repository {
    fn drop(&mut self) {
        // The program that keeps keys would outlive its test.
        let mut end = Command::new("gpgconf");
        end.env("GNUPGHOME", self.path("gnupg")).args(["--kill", "all"]);
        let _ = end.stdout(Stdio::null()).stderr(Stdio::null()).status();
    }
}

fn sha256(path: &Path) -> String {
    let said = said(Command::new("sha256sum").arg(path));
    said.split_whitespace().next().unwrap().to_owned()
}

fn said(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn done(command: &mut Command) {
    let output = command.stdin(Stdio::null()).output().unwrap();
    if !output.status.success() {
        let _ = std::io::stderr().write_all(&output.stderr);
        panic!("{command:?} failed");
    }
}
