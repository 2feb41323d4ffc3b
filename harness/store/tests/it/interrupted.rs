//! `kill -9` in the middle of an installation.

use std::env;
use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use interop_store::{Request, Store, Unwatched, install};

use crate::repository::{RELEASE, need_repository};

const STORE: &str = "TEST_OF_STORE_FOLDER";
const MIRROR: &str = "TEST_OF_STORE_MIRROR";
const KEYRING: &str = "TEST_OF_STORE_KEYRING";

/// The process that is killed: this program again, with this test alone.
#[test]
#[ignore = "is started by the test below"]
fn an_installation_of_its_own() {
    let Some(folder) = env::var_os(STORE) else { return };
    let request = Request {
        wanted: [(RELEASE.to_owned(), ["openconnect".to_owned()].into())].into(),
        mirror: env::var(MIRROR).ok(),
        keyring: env::var_os(KEYRING).map(PathBuf::from),
        ..Request::default()
    };
    install(&Store::at(folder.into()), &request, &Unwatched).unwrap();
}

#[test]
fn the_next_installation_cleans_up_and_succeeds() {
    let repository = need_repository!();
    for stage in ["lists", "root/usr"] {
        let mut child = Command::new(env::current_exe().unwrap())
            .args(["--exact", "interrupted::an_installation_of_its_own", "--ignored"])
            .env(STORE, repository.store.folder())
            .env(MIRROR, repository.mirror())
            .env(KEYRING, repository.keyring())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let deadline = Instant::now() + Duration::from_secs(60);
        while !has_begun(&repository.store, stage) {
            assert!(Instant::now() < deadline, "the installation has not begun");
            std::thread::sleep(Duration::from_millis(1));
        }
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(repository.store.releases().unwrap(), [], "no half release ({stage})");
    }
    let left = repository.unfinished();
    assert!(left.iter().any(|name| name.starts_with("new.")), "killed in the middle: {left:?}");
    let installed = repository.install(&repository.request(&["openconnect"])).unwrap();
    assert_eq!(repository.store.verify(&installed.release).unwrap(), [""; 0]);
    assert_eq!(repository.unfinished(), [""; 0]);
}

/// Whether some folder of unfinished work has come this far.
fn has_begun(store: &Store, stage: &str) -> bool {
    let entries = fs::read_dir(store.folder()).into_iter().flatten().flatten();
    let mut new = entries.filter(|entry| entry.file_name().to_string_lossy().starts_with("new."));
    new.any(|entry| entry.path().join(stage).exists())
}
