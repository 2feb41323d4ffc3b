//! What an installation makes, keeps and refuses.

use std::collections::BTreeSet;
use std::fs;
use std::sync::atomic::{AtomicU32, Ordering};

use interop_store::{Lock, Request, StoreError, StoreEvent, Unwatched, Watcher, remove};

use crate::repository::{RELEASE, need_repository};

#[test]
fn packages_become_a_root_and_nothing_else_is_left() {
    let repository = need_repository!();
    let installed = repository.install(&repository.request(&["openconnect"])).unwrap();
    assert!(installed.made && installed.downloaded > 0);
    assert_eq!(installed.release.wanted, ["openconnect"]);
    assert_eq!(installed.release.packages["libopenconnect"].version, "9.12-3", "what it needs came along");
    assert_eq!(repository.content("sbin/openconnect").as_deref(), Some("program"), "/sbin is /usr/sbin");
    assert_eq!(repository.store.verify(&installed.release).unwrap(), [""; 0]);
    assert_eq!(repository.unfinished(), [""; 0]);
    let status = repository.content("var/lib/dpkg/status").unwrap();
    assert!(status.contains("Package: openconnect\nStatus: install ok installed\n"), "{status}");
}

#[test]
fn what_is_there_needs_no_mirror() {
    let repository = need_repository!();
    let request = repository.request(&["openconnect"]);
    let first = repository.install(&request).unwrap();
    fs::remove_dir_all(repository.path("debian")).unwrap();
    let again = repository.install(&request).unwrap();
    assert!(!again.made);
    assert_eq!(again.release, first.release);
    assert_eq!((again.bytes, again.downloaded), (first.bytes, 0));
}

#[test]
fn a_newer_version_is_taken_only_when_asked() {
    let mut repository = need_repository!();
    let request = repository.request(&["openconnect"]);
    let first = repository.install(&request).unwrap();
    repository.add("openconnect", "9.21-1", "libopenconnect", &[("usr/sbin/openconnect", "newer")]);
    repository.sign();
    assert_eq!(repository.install(&request).unwrap().release, first.release);
    let refreshed = repository.install(&Request { refresh: true, ..request.clone() }).unwrap();
    assert_eq!(refreshed.release.packages["openconnect"].version, "9.21-1");
    assert_eq!(repository.content("usr/sbin/openconnect").as_deref(), Some("newer"));
    assert!(!repository.store.root(&first.release).exists(), "nobody names the old root any more");
    assert!(!repository.install(&Request { refresh: true, ..request }).unwrap().made, "nothing new, nothing to do");
}

#[test]
fn one_more_peer_leaves_the_others_as_they_are() {
    let mut repository = need_repository!();
    repository.install(&repository.request(&["openconnect"])).unwrap();
    repository.add("openconnect", "9.21-1", "libopenconnect", &[("usr/sbin/openconnect", "newer")]);
    repository.add("ocserv", "1.3.0-1", "", &[("usr/sbin/ocserv", "server")]);
    repository.sign();
    let both = repository.install(&repository.request(&["ocserv"])).unwrap();
    assert_eq!(both.release.wanted, ["ocserv", "openconnect"]);
    assert_eq!(both.release.packages["openconnect"].version, "9.12-3", "as it was locked");
    assert_eq!(repository.content("usr/sbin/openconnect").as_deref(), Some("program"));
    assert_eq!(repository.content("usr/sbin/ocserv").as_deref(), Some("server"));
}

#[test]
fn what_the_mirror_dropped_is_taken_from_the_store() {
    let mut repository = need_repository!();
    repository.install(&repository.request(&["openconnect"])).unwrap();
    let old = repository.deb("openconnect", "9.12-3");
    repository.add("openconnect", "9.21-1", "libopenconnect", &[("usr/sbin/openconnect", "newer")]);
    repository.add("ocserv", "1.3.0-1", "base-files (>= 2)", &[("usr/sbin/ocserv", "server")]);
    repository.add("base-files", "2", "", &[("usr/share/base-files/other", "data")]);
    repository.sign();
    fs::remove_file(repository.path("debian").join(old)).unwrap();
    let both = repository.install(&repository.request(&["ocserv"])).unwrap();
    assert_eq!(both.release.packages["openconnect"].version, "9.12-3");
    assert_eq!(both.release.packages["base-files"].version, "2", "what the new one needs is newer");
    assert_eq!(repository.content("usr/sbin/openconnect").as_deref(), Some("program"));
    assert_eq!(repository.content("usr/share/base-files/other").as_deref(), Some("data"));
    assert_eq!(repository.content("usr/share/base-files/data"), None, "nothing is left of the older one");
    assert_eq!(repository.store.verify(&both.release).unwrap(), [""; 0]);
    let status = repository.content("var/lib/dpkg/status").unwrap();
    assert_eq!(status.matches("Package: base-files\n").count(), 1);
}

#[test]
fn taken_over_or_unpacked_is_the_same() {
    let mut repository = need_repository!();
    repository.add("ocserv", "1.3.0-1", "", &[("usr/sbin/ocserv", "server"), ("etc/ocserv.conf", "text")]);
    repository.sign();
    repository.install(&repository.request(&["openconnect"])).unwrap();
    let step = repository.install(&repository.request(&["ocserv"])).unwrap().release;
    let manifest = |digest: &str| fs::read_to_string(repository.store.folder().join("manifests").join(digest)).unwrap();
    let in_steps = manifest(&step.digest);
    fs::remove_dir_all(repository.store.folder()).unwrap();
    let at_once = repository.install(&repository.request(&["openconnect", "ocserv"])).unwrap().release;
    assert_eq!(step.digest, at_once.digest);
    assert_eq!(in_steps, manifest(&at_once.digest));
}

#[test]
fn a_lock_gives_the_same_versions_elsewhere() {
    let mut repository = need_repository!();
    let lock = repository.path("peers.lock");
    let request = Request { lock: Some(lock.clone()), ..repository.request(&["openconnect"]) };
    let first = repository.install(&request).unwrap();
    assert_eq!(Lock::read(&lock).unwrap().unwrap().releases, std::slice::from_ref(&first.release));
    repository.add("openconnect", "9.21-1", "libopenconnect", &[("usr/sbin/openconnect", "newer")]);
    repository.sign();
    // Another machine, with the lock only.
    fs::remove_dir_all(repository.store.folder()).unwrap();
    let whole = Request { wanted: [].into(), ..request.clone() };
    assert_eq!(repository.install(&whole).unwrap().release, first.release);
    assert_eq!(repository.content("usr/sbin/openconnect").as_deref(), Some("program"));
    // A store that has moved on comes back.
    repository.install(&Request { refresh: true, lock: None, ..request.clone() }).unwrap();
    assert_eq!(repository.content("usr/sbin/openconnect").as_deref(), Some("newer"));
    assert_eq!(repository.install(&request).unwrap().release, first.release);
    // What the lock does not have is not guessed.
    let more = Request { lock: Some(lock.clone()), ..repository.request(&["ocserv"]) };
    let said = repository.install(&more).unwrap_err().to_string();
    assert!(said.contains("its trixie has no package ocserv") && said.contains("--refresh"), "{said}");
    // Asked for, it is written anew.
    let moved = repository.install(&Request { refresh: true, ..request }).unwrap();
    assert_eq!(moved.release.packages["openconnect"].version, "9.21-1");
    assert_eq!(Lock::read(&lock).unwrap().unwrap().releases, [moved.release]);
}

#[test]
fn a_locked_version_that_the_mirror_dropped_is_named() {
    let repository = need_repository!();
    let lock = repository.path("peers.lock");
    let request = Request { lock: Some(lock), ..repository.request(&["openconnect"]) };
    repository.install(&request).unwrap();
    fs::remove_dir_all(repository.store.folder()).unwrap();
    fs::remove_file(repository.path("debian").join(repository.deb("openconnect", "9.12-3"))).unwrap();
    let error = repository.install(&request).unwrap_err();
    let StoreError::Dropped { package, version, .. } = &error else { panic!("{error}") };
    assert_eq!((package.as_str(), version.as_str()), ("openconnect", "9.12-3"));
    assert!(error.to_string().contains("peers import") && error.to_string().contains("--refresh"), "{error}");
    assert_eq!(repository.store.releases().unwrap(), []);
}

#[test]
fn a_package_that_was_exchanged_is_refused() {
    let repository = need_repository!();
    let file = repository.path("debian").join(repository.deb("openconnect", "9.12-3"));
    let mut content = fs::read(&file).unwrap();
    *content.last_mut().unwrap() ^= 1;
    fs::write(&file, content).unwrap();
    let error = repository.install(&repository.request(&["openconnect"])).unwrap_err().to_string();
    assert!(error.contains("openconnect 9.12-3"), "{error}");
    assert_eq!(repository.store.releases().unwrap(), []);
}

#[test]
fn lists_that_are_not_signed_by_the_key_are_refused() {
    let repository = need_repository!();
    let other = need_repository!();
    let request = Request { keyring: Some(other.keyring()), ..repository.request(&["openconnect"]) };
    let error = repository.install(&request).unwrap_err();
    assert!(matches!(error, StoreError::Signature(_)), "{error}");
    let signed = repository.path("debian/dists/trixie/InRelease");
    let text = fs::read_to_string(&signed).unwrap().replace("Origin: Test", "Origin: Evil");
    fs::write(&signed, text).unwrap();
    let error = repository.install(&repository.request(&["openconnect"])).unwrap_err();
    assert!(matches!(error, StoreError::Signature(_)), "{error}");
    assert_eq!(repository.store.releases().unwrap(), []);
}

#[test]
fn mistakes_are_told_apart() {
    let repository = need_repository!();
    let of_release = |name: &str| Request {
        wanted: [(name.to_owned(), BTreeSet::from(["openconnect".to_owned()]))].into(),
        ..repository.request(&[])
    };
    let error = repository.install(&of_release("forky")).unwrap_err();
    assert!(matches!(&error, StoreError::UnknownRelease { .. }), "{error}");
    assert!(error.to_string().contains("known are bullseye, bookworm, trixie, sid"), "{error}");
    let error = repository.install(&of_release("../evil")).unwrap_err();
    assert!(matches!(&error, StoreError::UnknownRelease { .. }), "{error}");
    let error = repository.install(&repository.request(&["openconnekt"])).unwrap_err().to_string();
    assert!(error.contains("Unable to locate package openconnekt"), "{error}");
    // Nobody listens on the discard port of this machine.
    let closed =
        Request { mirror: Some("http://127.0.0.1:9/debian".to_owned()), ..repository.request(&["openconnect"]) };
    let error = repository.install(&closed).unwrap_err();
    assert!(matches!(&error, StoreError::Unreachable { .. }), "{error}");
    assert_eq!(repository.unfinished(), [""; 0]);
}

#[test]
fn a_damaged_root_is_made_anew() {
    let repository = need_repository!();
    let request = repository.request(&["openconnect"]);
    let installed = repository.install(&request).unwrap();
    let file = repository.store.root(&installed.release).join("usr/sbin/openconnect");
    fs::write(file, "damaged").unwrap();
    let again = repository.install(&Request { refresh: true, ..request.clone() }).unwrap();
    assert!(again.made);
    assert_eq!(repository.content("usr/sbin/openconnect").as_deref(), Some("program"));
    // A record that cannot be read is no reason to fail, either.
    fs::write(repository.store.folder().join("releases/trixie.json"), "{").unwrap();
    assert!(repository.store.releases().unwrap_err().to_string().contains("--refresh"));
    repository.install(&Request { refresh: true, ..request }).unwrap();
    assert_eq!(repository.store.releases().unwrap().len(), 1);
}

#[test]
fn a_peer_is_removed_and_a_release_with_its_last_one() {
    let mut repository = need_repository!();
    repository.add("ocserv", "1.3.0-1", "", &[("usr/sbin/ocserv", "server")]);
    repository.sign();
    let both = repository.install(&repository.request(&["openconnect", "ocserv"])).unwrap();
    fs::remove_dir_all(repository.path("debian")).unwrap();
    let left = remove(&repository.store, RELEASE, &["ocserv".to_owned()].into(), &Unwatched).unwrap().unwrap();
    assert_eq!(left.wanted, ["openconnect"]);
    assert_eq!(repository.content("usr/sbin/ocserv"), None);
    assert_eq!(repository.content("usr/sbin/openconnect").as_deref(), Some("program"));
    assert_eq!(repository.store.verify(&left).unwrap(), [""; 0]);
    assert!(!repository.store.root(&both.release).exists());
    let left = remove(&repository.store, RELEASE, &["openconnect".to_owned()].into(), &Unwatched).unwrap();
    assert_eq!(left, None);
    assert_eq!(repository.store.releases().unwrap(), []);
    assert_eq!(fs::read_dir(repository.store.folder().join("roots")).unwrap().count(), 0);
    let absent = remove(&repository.store, RELEASE, &["openconnect".to_owned()].into(), &Unwatched).unwrap_err();
    assert!(matches!(absent, StoreError::Absent { .. }), "{absent}");
}

#[test]
fn a_root_in_use_outlives_its_release() {
    let repository = need_repository!();
    repository.sign();
    let made = repository.install(&repository.request(&["openconnect"])).unwrap();
    let root = repository.store.root(&made.release);
    let held = repository.store.hold().unwrap();
    remove(&repository.store, RELEASE, &["openconnect".to_owned()].into(), &Unwatched).unwrap();
    assert_eq!(repository.store.releases().unwrap(), [], "nobody begins with it any more");
    assert!(root.join("usr/sbin/openconnect").is_file(), "who runs it, does");
    drop(held);
    // Of nothing that is there: opening the store for writing is enough.
    remove(&repository.store, RELEASE, &["openconnect".to_owned()].into(), &Unwatched).unwrap_err();
    assert!(!root.exists(), "the next writer makes good for it");
}

#[test]
fn a_damaged_root_in_use_is_replaced_and_kept() {
    let repository = need_repository!();
    repository.sign();
    let request = repository.request(&["openconnect"]);
    let made = repository.install(&request).unwrap();
    let root = repository.store.root(&made.release);
    let program = root.join("usr/sbin/openconnect");
    fs::remove_file(&program).unwrap();
    fs::write(root.join("usr/sbin/running"), "a program of a cell").unwrap();
    let roots = || fs::read_dir(repository.store.folder().join("roots")).unwrap().flatten().map(|entry| entry.path());
    let held = repository.store.hold().unwrap();
    repository.install(&Request { refresh: true, ..request.clone() }).unwrap();
    assert_eq!(fs::read_to_string(&program).unwrap(), "program", "who begins now, begins with a good one");
    assert_eq!(roots().filter(|root| root.join("usr/sbin/running").is_file()).count(), 1, "who runs, runs on");
    drop(held);
    repository.install(&request).unwrap();
    assert_eq!(roots().collect::<Vec<_>>(), [root], "the next writer makes good for it");
}

/// Stops as soon as packages are unpacked.
#[derive(Default)]
struct Impatient(AtomicU32);

impl Watcher for Impatient {
    fn show(&self, event: &StoreEvent) {
        if matches!(event, StoreEvent::Unpacking { .. }) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn stop(&self) -> bool {
        self.0.load(Ordering::Relaxed) > 0
    }
}

#[test]
fn what_was_downloaded_outlives_an_interruption() {
    let repository = need_repository!();
    let request = repository.request(&["openconnect"]);
    let error = repository.install_watched(&request, &Impatient::default()).unwrap_err();
    assert!(matches!(error, StoreError::Interrupted), "{error}");
    assert_eq!(repository.store.releases().unwrap(), []);
    assert_eq!(repository.unfinished(), [RELEASE], "the package files are kept");
    let installed = repository.install(&request).unwrap();
    assert_eq!(installed.downloaded, 0);
    assert_eq!(repository.unfinished(), [""; 0]);
}
