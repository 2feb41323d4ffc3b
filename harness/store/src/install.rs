//! From names of packages to releases in the store.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Instant;

use crate::apt::{Apt, fetch, machines_mirror};
use crate::architecture::architecture;
use crate::digest::LAYOUT;
use crate::dpkg;
use crate::error::{At as _, Result, StoreError};
use crate::folder::{Made, Writing};
use crate::installed::is_release_name;
use crate::lock::Lock;
use crate::watch::{Installed, StoreEvent, Watcher};
use crate::{InstalledRelease, Package, Store, manifest, reuse, settle, unpack};

/// What is run inside of a root beside the peers: by scripts, and by the lab.
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
/// Releases that are made at a time: while one waits for the network, the other one unpacks.
const AT_A_TIME: usize = 2;
/// The machine's configuration of apt.
const CONFIGURATION: &str = "/etc/apt";

/// What to install.
#[derive(Clone, Debug, Default)]
pub struct Request {
    /// Packages, by release. Empty with a lock: everything in it.
    pub wanted: BTreeMap<String, BTreeSet<String>>,
    /// Where from; the machine's own unless given.
    pub mirror: Option<String>,
    /// Keys that sign the mirror's releases; Debian's unless given.
    pub keyring: Option<PathBuf>,
    /// Take what the mirror has now, also for releases that are there or locked.
    pub refresh: bool,
    /// Exact versions and hashes. Written when it does not exist, or is to be refreshed.
    pub lock: Option<PathBuf>,
}

/// Puts releases into a store. Each is there whole, or as it was before; one that fails does not keep the others away.
///
/// # Errors
/// When the store cannot be used, or the lock does not fit. What went wrong with one release stands in the result.
pub fn install(store: &Store, request: &Request, watcher: &dyn Watcher) -> Result<Vec<(String, Result<Installed>)>> {
    let written = request.lock.as_deref().map(Lock::read).transpose()?.flatten();
    let lock = written.as_ref().filter(|_| !request.refresh);
    let mut wanted = request.wanted.clone();
    if let (true, Some(lock)) = (wanted.is_empty(), &written) {
        let all = lock.releases.iter();
        wanted = all.map(|release| (release.release.clone(), release.wanted.iter().cloned().collect())).collect();
    }
    if let Some(name) = wanted.keys().find(|name| !is_release_name(name)) {
        let why = "a release has a name of small letters".to_owned();
        return Err(StoreError::UnknownRelease { release: name.clone(), why });
    }
    let writing = Writing::begin(store, watcher)?;
    let task = |release: &str, wanted: &BTreeSet<String>| {
        let job = Job { writing: &writing, watcher, request, lock, release, wanted, from: Instant::now() };
        job.run().inspect(|installed| watcher.show(&StoreEvent::Installed(installed.clone())))
    };
    let waiting: Mutex<VecDeque<(&String, &BTreeSet<String>)>> = Mutex::new(wanted.iter().collect());
    let done = Mutex::new(BTreeMap::new());
    thread::scope(|scope| {
        for _ in 0..AT_A_TIME.min(wanted.len()) {
            scope.spawn(|| {
                loop {
                    let next = waiting.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
                    let Some((release, packages)) = next else { break };
                    let ended = if watcher.stop() { Err(StoreError::Interrupted) } else { task(release, packages) };
                    done.lock().unwrap_or_else(PoisonError::into_inner).insert(release.clone(), ended);
                }
            });
        }
    });
    let done: Vec<_> = done.into_inner().unwrap_or_else(PoisonError::into_inner).into_iter().collect();
    if let (Some(path), None) = (&request.lock, lock)
        && done.iter().all(|(_, ended)| ended.is_ok())
    {
        let new: Vec<InstalledRelease> =
            done.iter().filter_map(|(_, ended)| Some(ended.as_ref().ok()?.release.clone())).collect();
        let before = written.map(|lock| lock.releases).unwrap_or_default();
        let kept = before.into_iter().filter(|old| !new.iter().any(|new| new.release == old.release));
        Lock::of(kept.chain(new.iter().cloned()).collect()).write(path)?;
    }
    Ok(done)
}

/// The installation of one release.
struct Job<'a> {
    writing: &'a Writing<'a>,
    watcher: &'a dyn Watcher,
    request: &'a Request,
    lock: Option<&'a Lock>,
    release: &'a str,
    wanted: &'a BTreeSet<String>,
    from: Instant,
}

impl Job<'_> {
    fn run(&self) -> Result<Installed> {
        let store = self.writing.store();
        let current = store.readable(self.release);
        if let Some(lock) = self.lock {
            let locked = self.locked(lock)?;
            return match current {
                Some(current) if current.layout == LAYOUT && current.packages == locked.packages => self.keep(current),
                _ => self.make(&self.apt()?, locked.wanted.clone(), locked.packages.clone()),
            };
        }
        let Some(current) = current else { return self.make_anew(BTreeSet::new()) };
        let missing: Vec<String> =
            self.wanted.iter().filter(|name| !current.packages.contains_key(*name)).cloned().collect();
        if self.request.refresh {
            return self.make_anew(current.wanted.iter().cloned().collect());
        }
        if current.layout != LAYOUT && missing.is_empty() {
            // Of the same packages, as this program makes roots.
            return self.make(&self.apt()?, current.wanted, current.packages);
        }
        if missing.is_empty() {
            return self.want_more(current);
        }
        // What is there stays as it is; apt adds what the new ones need.
        let apt = self.apt()?;
        self.update(&apt)?;
        let added = apt.resolve(&missing, Some(&dpkg::status_of(&store.root(&current))))?;
        let mut packages = current.packages;
        packages.extend(added);
        let wanted: BTreeSet<String> = current.wanted.iter().chain(self.wanted).cloned().collect();
        self.make(&apt, wanted.into_iter().collect(), packages)
    }

    /// The release in the lock, which must have what is wanted.
    fn locked<'l>(&self, lock: &'l Lock) -> Result<&'l InstalledRelease> {
        let path = self.request.lock.clone().unwrap_or_default();
        let wrong = |what: String| StoreError::Lock {
            path: path.clone(),
            message: format!("{what}; `--refresh` writes it anew with what the mirror has now"),
        };
        let locked = lock.release(self.release).ok_or_else(|| wrong(format!("it has no {}", self.release)))?;
        match self.wanted.iter().find(|name| !locked.packages.contains_key(*name)) {
            Some(name) => Err(wrong(format!("its {} has no package {name}", self.release))),
            None => Ok(locked),
        }
    }

    fn apt(&self) -> Result<Apt<'_>> {
        let mirror = match &self.request.mirror {
            Some(mirror) => mirror.clone(),
            None => machines_mirror(Path::new(CONFIGURATION))?,
        };
        Apt::new(self.writing, self.watcher, self.release, &mirror, self.request.keyring.as_deref())
    }

    fn update(&self, apt: &Apt<'_>) -> Result<()> {
        self.watcher.show(&StoreEvent::Lists { release: self.release.to_owned() });
        apt.update()
    }

    /// Makes the release of what the mirror has now.
    fn make_anew(&self, mut wanted: BTreeSet<String>) -> Result<Installed> {
        wanted.extend(self.wanted.iter().cloned());
        let apt = self.apt()?;
        self.update(&apt)?;
        let names: Vec<String> = wanted.iter().cloned().chain(LAB.map(str::to_owned)).collect();
        let packages = apt.resolve(&names, None)?;
        self.make(&apt, wanted.into_iter().collect(), packages)
    }

    /// Fetches, unpacks, and gives the root its name.
    fn make(&self, apt: &Apt<'_>, wanted: Vec<String>, packages: BTreeMap<String, Package>) -> Result<Installed> {
        let store = self.writing.store();
        let release = InstalledRelease::new(self.release, architecture(), wanted, packages);
        release
            .validate()
            .map_err(|said| StoreError::Failed { doing: format!("use the package list of {}", self.release), said })?;
        let root = store.root(&release);
        let mut replace = false;
        if root.is_dir() {
            let whole = store.verify(&release).is_ok_and(|differences| differences.is_empty());
            if whole {
                return self.keep_as(release);
            }
            replace = true;
        }
        let kept = self.reusable(&release)?;
        let mut missing = release.packages.clone();
        missing.retain(|name, _| !kept.contains_key(name));
        let fetched = fetch(apt, &missing)?;
        let work = self.writing.work(self.release)?;
        let root = work.path().join("root");
        fs::create_dir(&root).at(&root)?;
        unpack::prepare(&root)?;
        if let Some(current) = store.readable(self.release) {
            reuse::take_over(&store.root(&current), &root, &kept)?;
        }
        let mut records = unpack::unpack(self.writing, self.watcher, self.release, &fetched.files, &root)?;
        records.extend(kept);
        dpkg::write(&root, &records)?;
        settle::settle(&root)?;
        let manifest = manifest::list(&root)?;
        let bytes = manifest::bytes(&String::from_utf8_lossy(&manifest));
        self.writing.commit(&release, &Made { root, manifest }, replace)?;
        let partial = self.writing.partial(self.release);
        fs::remove_dir_all(&partial).at(&partial)?;
        Ok(Installed { release, made: true, bytes, downloaded: fetched.downloaded, took: self.from.elapsed() })
    }

    /// Packages that the release has already, as they are to be. None of a root that is damaged or was made in another way.
    fn reusable(&self, release: &InstalledRelease) -> Result<dpkg::Records> {
        let store = self.writing.store();
        let Some(current) = store.readable(self.release) else { return Ok(BTreeMap::new()) };
        let whole = store.verify(&current).is_ok_and(|differences| differences.is_empty());
        if current.layout != release.layout || !whole {
            return Ok(BTreeMap::new());
        }
        let mut records = dpkg::read(&store.root(&current))?;
        records.retain(|name, _| {
            let (old, new) = (current.packages.get(name), release.packages.get(name));
            old.zip(new).is_some_and(|(old, new)| old.version == new.version && old.sha256 == new.sha256)
        });
        Ok(records)
    }

    /// Leaves a release as it is, and notes peers that came with others of their packages.
    fn want_more(&self, mut current: InstalledRelease) -> Result<Installed> {
        let wanted: BTreeSet<String> = current.wanted.iter().chain(self.wanted).cloned().collect();
        if wanted.len() == current.wanted.len() {
            return self.keep(current);
        }
        current.wanted = wanted.into_iter().collect();
        self.keep_as(current)
    }

    /// The root is there; the release gets it.
    fn keep_as(&self, release: InstalledRelease) -> Result<Installed> {
        self.writing.record(&release)?;
        self.keep(release)
    }

    fn keep(&self, release: InstalledRelease) -> Result<Installed> {
        let bytes = self.writing.store().bytes(&release);
        Ok(Installed { release, made: false, bytes, downloaded: 0, took: self.from.elapsed() })
    }
}
