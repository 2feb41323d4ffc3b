//! What is in the store.

use std::collections::BTreeMap;
use std::env;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::StoreError;
use crate::digest::{LAYOUT, is_sha256, root_digest};
use crate::error::Result;

/// Environment variable that names another folder.
const STORE: &str = "VPN_INTEROP_STORE";
/// Below the user's cache folder.
const CACHE: &str = "vpn-interop/store";
/// Most bytes of a record; one of a release has some 50 kB.
pub(crate) const MOST_RECORD: u64 = 8 << 20;

/// A folder of root file systems.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Store {
    folder: PathBuf,
}

/// A release that is in the store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstalledRelease {
    /// `trixie`.
    pub release: String,
    /// Of the way in which a root is made of packages.
    #[serde(default = "first_layout")]
    pub layout: u32,
    /// Of the machines that it runs on, as Debian calls it: `amd64`.
    pub architecture: String,
    /// Names the root: a hash over all packages.
    pub digest: String,
    /// Packages that were asked for; the others are what these need.
    pub wanted: Vec<String>,
    /// Every package in the root, by name.
    pub packages: BTreeMap<String, Package>,
}

/// A package in a root.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Package {
    /// Exact version: `9.12-3+b1`.
    pub version: String,
    /// Path below the mirror.
    pub path: String,
    /// SHA-256 of the package file, in hex.
    pub sha256: String,
    /// Bytes of the package file.
    pub size: u64,
}

impl Store {
    /// The user's store: `VPN_INTEROP_STORE`, or below the cache folder. None without a home.
    pub fn of_user() -> Option<Self> {
        let named = env::var_os(STORE).filter(|path| !path.is_empty()).map(PathBuf::from);
        let cache = || {
            let cache = env::var_os("XDG_CACHE_HOME").filter(|path| !path.is_empty()).map(PathBuf::from);
            cache
                .or_else(|| env::var_os("HOME").map(|home| Path::new(&home).join(".cache")))
                .map(|cache| cache.join(CACHE))
        };
        named.or_else(cache).map(Self::at)
    }

    /// The store in a folder, which need not exist.
    pub const fn at(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// Where it is.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Keeps the roots of all releases on the disk until what is returned is dropped, however the process ends: a root that is removed or made anew
    /// meanwhile loses its name at once, and goes when the store is written to without anybody holding it. To be called before releases are looked
    /// up: between the two they may go. None where there is no store, or this user may not write to it.
    pub fn hold(&self) -> Option<File> {
        let lock = File::options().create(true).append(true).open(self.in_use()).ok()?;
        lock.lock_shared().ok().map(|()| lock)
    }

    pub(crate) fn in_use(&self) -> PathBuf {
        self.folder.join("in-use.lock")
    }

    /// What is installed, by name of the release.
    ///
    /// # Errors
    /// When a file of the store is damaged.
    pub fn releases(&self) -> Result<Vec<InstalledRelease>> {
        let mut found = self.recorded()?;
        found.retain(|release| self.root(release).is_dir());
        Ok(found)
    }

    /// The root file system of a release.
    pub fn root(&self, release: &InstalledRelease) -> PathBuf {
        self.root_named(&release.digest)
    }

    /// Every record, whether its root is there or not.
    pub(crate) fn recorded(&self) -> Result<Vec<InstalledRelease>> {
        let Ok(entries) = fs::read_dir(self.folder.join("releases")) else { return Ok(Vec::new()) };
        let mut found = Vec::new();
        for path in
            entries.flatten().map(|entry| entry.path()).filter(|path| path.extension().is_some_and(|e| e == "json"))
        {
            found.push(read_record(&path)?);
        }
        found.sort_by(|a, b| a.release.cmp(&b.release));
        Ok(found)
    }

    /// The record of one release; None if there is none, or a damaged one.
    pub(crate) fn readable(&self, release: &str) -> Option<InstalledRelease> {
        read_record(&self.release_file(release)).ok().filter(|found| self.root(found).is_dir())
    }

    pub(crate) fn root_named(&self, digest: &str) -> PathBuf {
        self.folder.join("roots").join(digest)
    }

    pub(crate) fn manifest_named(&self, digest: &str) -> PathBuf {
        self.folder.join("manifests").join(digest)
    }

    pub(crate) fn release_file(&self, release: &str) -> PathBuf {
        self.folder.join("releases").join(format!("{release}.json"))
    }
}

fn read_record(path: &Path) -> Result<InstalledRelease> {
    let damaged = |message: String| StoreError::Damaged { path: path.to_path_buf(), message };
    let size = fs::metadata(path).map_err(|source| StoreError::file(path, source))?.len();
    if size > MOST_RECORD {
        return Err(damaged(format!("it has {size} bytes")));
    }
    let text = fs::read(path).map_err(|source| StoreError::file(path, source))?;
    let release: InstalledRelease = serde_json::from_slice(&text).map_err(|error| damaged(error.to_string()))?;
    release.validate().map_err(damaged)?;
    if path.file_stem().is_none_or(|stem| *stem != *release.release) {
        return Err(damaged(format!("it is about `{}`", release.release)));
    }
    Ok(release)
}

impl Package {
    /// The version of the program itself: `1:9.12-3+b1` is 9.12.
    pub fn upstream(&self) -> &str {
        let version = self.version.split_once(':').map_or(self.version.as_str(), |(_, version)| version);
        version.rsplit_once('-').map_or(version, |(version, _)| version)
    }
}

impl InstalledRelease {
    /// A release made of these packages.
    pub(crate) fn new(
        release: &str,
        architecture: &str,
        wanted: Vec<String>,
        packages: BTreeMap<String, Package>,
    ) -> Self {
        let digest = root_digest(LAYOUT, architecture, &packages);
        Self {
            release: release.to_owned(),
            layout: LAYOUT,
            architecture: architecture.to_owned(),
            digest,
            wanted,
            packages,
        }
    }

    /// Whether every name can be used in a path or a command, and the digest is that of the packages; else what is wrong.
    pub(crate) fn validate(&self) -> std::result::Result<(), String> {
        if !is_release_name(&self.release) {
            return Err(format!("`{}` is no name of a release", self.release));
        }
        if !is_word(&self.architecture, "") {
            return Err(format!("`{}` is no name of an architecture", self.architecture));
        }
        if let Some(name) = self.wanted.iter().chain(self.packages.keys()).find(|name| !is_package_name(name)) {
            return Err(format!("`{name}` is no name of a package"));
        }
        for (name, package) in &self.packages {
            if !is_word(&package.version, "+.~:-") {
                return Err(format!("`{}` is no version of {name}", package.version));
            }
            let path = package.path.split('/').all(|part| !part.starts_with('.') && is_word(part, "+.~:-_"));
            if !path || !package.path.ends_with(".deb") {
                return Err(format!("`{}` is no path of {name}", package.path));
            }
            if !is_sha256(&package.sha256) {
                return Err(format!("`{}` is no SHA-256 of {name}", package.sha256));
            }
        }
        if let Some(name) = self.wanted.iter().find(|name| !self.packages.contains_key(*name)) {
            return Err(format!("{name} is wanted, but not among the packages"));
        }
        if self.digest != root_digest(self.layout, &self.architecture, &self.packages) {
            return Err("the digest is not that of the packages".to_owned());
        }
        Ok(())
    }
}

const fn first_layout() -> u32 {
    1
}

/// Whether it may be the name of a release: `trixie`, `trixie-backports`.
pub(crate) fn is_release_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'))
        && name.len() <= 64
}

/// Whether it may be the name of a package, and no option of a command.
fn is_package_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphanumeric()) && is_word(name, "+.-")
}

fn is_word(text: &str, besides: &str) -> bool {
    !text.is_empty() && text.len() <= 256 && text.chars().all(|c| c.is_ascii_alphanumeric() || besides.contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(crate) fn release() -> InstalledRelease {
        let package = Package {
            version: "1:2.6.14-1+deb13u3".to_owned(),
            path: "pool/main/o/openvpn/openvpn_2.6.14-1+deb13u3_amd64.deb".to_owned(),
            sha256: "0".repeat(64),
            size: 3,
        };
        let packages = BTreeMap::from([("openvpn".to_owned(), package)]);
        InstalledRelease::new("trixie", "amd64", vec!["openvpn".to_owned()], packages)
    }

    #[test]
    fn versions_without_what_a_distribution_adds() {
        let of = |version: &str| {
            let package = Package { version: version.to_owned(), ..release().packages["openvpn"].clone() };
            package.upstream().to_owned()
        };
        assert_eq!([of("1:2.6.14-1+deb13u3"), of("9.12-3+b1"), of("1.3.0")], ["2.6.14", "9.12", "1.3.0"]);
    }

    fn objection(change: impl Fn(&mut InstalledRelease)) -> String {
        let mut changed = release();
        change(&mut changed);
        changed.validate().unwrap_err()
    }

    #[test]
    fn records_cannot_point_elsewhere() {
        assert_eq!(release().validate(), Ok(()));
        assert!(objection(|r| r.release = "../x".to_owned()).contains("name of a release"));
        assert!(objection(|r| r.digest = "../../etc".to_owned()).contains("digest"));
        assert!(objection(|r| r.wanted.push("--purge".to_owned())).contains("name of a package"));
        assert!(objection(|r| r.wanted.push("ocserv".to_owned())).contains("not among"));
        let path =
            |path: &str| objection(|r| r.packages.values_mut().for_each(|package| path.clone_into(&mut package.path)));
        for bad in ["/etc/x.deb", "a/../x.deb", "a b.deb", "pool/x", "", "http://elsewhere/x.deb", "a//x.deb"] {
            assert!(path(bad).contains("no path"), "{bad}");
        }
        assert!(
            objection(|r| r.packages.values_mut().for_each(|p| p.version = "1 2".to_owned())).contains("no version")
        );
        assert!(objection(|r| r.packages.values_mut().for_each(|p| p.sha256.clear())).contains("no SHA-256"));
        let other = "1".repeat(64);
        assert!(objection(|r| r.packages.values_mut().for_each(|p| p.sha256 = other.clone())).contains("digest"));
    }

    #[test]
    fn a_damaged_record_is_named() {
        let folder = tempfile::TempDir::new().unwrap();
        let store = Store::at(folder.path().to_path_buf());
        fs::create_dir_all(folder.path().join("releases")).unwrap();
        fs::write(store.release_file("trixie"), serde_json::to_vec(&release()).unwrap()).unwrap();
        assert_eq!(store.releases().unwrap(), [], "the root is not there");
        fs::create_dir_all(store.root(&release())).unwrap();
        assert_eq!(store.releases().unwrap(), [release()]);
        fs::write(store.release_file("sid"), serde_json::to_vec(&release()).unwrap()).unwrap();
        let error = store.releases().unwrap_err().to_string();
        assert!(error.contains("sid.json: it is about `trixie`"), "{error}");
        fs::write(store.release_file("sid"), "{").unwrap();
        assert!(store.releases().unwrap_err().to_string().contains("peers install --refresh"));
    }
}
