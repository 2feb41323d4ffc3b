//! Archives that carry a store, and archives that would like to do something else.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

use tar::{Builder, EntryType, Header};
use tempfile::TempDir;

use super::{export, import};
use crate::architecture::architecture;
use crate::folder::{Made, Writing};
use crate::watch::Unwatched;
use crate::{InstalledRelease, Package, Store, StoreError, manifest};

fn release(architecture: &str) -> InstalledRelease {
    let package = Package {
        version: "9.12-3".to_owned(),
        path: "pool/main/o/openconnect/openconnect_9.12-3_amd64.deb".to_owned(),
        sha256: "5a".repeat(32),
        size: 4,
    };
    let packages = BTreeMap::from([("openconnect".to_owned(), package)]);
    InstalledRelease::new("trixie", architecture, vec!["openconnect".to_owned()], packages)
}

fn store_in(folder: &TempDir) -> Store {
    Store::at(folder.path().join("store"))
}

/// A store with one small release.
fn filled(folder: &TempDir) -> Store {
    let store = store_in(folder);
    let writing = Writing::begin(&store, &Unwatched).unwrap();
    let root = folder.path().join("root");
    // Longer than a header has room for.
    let deep = format!("usr/share/{}", "long/".repeat(40));
    fs::create_dir_all(root.join(&deep)).unwrap();
    fs::create_dir_all(root.join("usr/sbin")).unwrap();
    fs::create_dir_all(root.join("tmp")).unwrap();
    fs::set_permissions(root.join("tmp"), fs::Permissions::from_mode(0o1777)).unwrap();
    fs::write(root.join("usr/sbin/openconnect"), "program").unwrap();
    fs::set_permissions(root.join("usr/sbin/openconnect"), fs::Permissions::from_mode(0o755)).unwrap();
    fs::write(root.join(&deep).join("file"), "content").unwrap();
    symlink(format!("/{deep}file"), root.join("usr/link")).unwrap();
    symlink("/etc/passwd", root.join("usr/absolute")).unwrap();
    let manifest = manifest::list(&root).unwrap();
    writing.commit(&release(architecture()), &Made { root, manifest }, false).unwrap();
    store
}

#[test]
fn a_store_is_carried_to_another_machine() {
    let (here, there) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let store = filled(&here);
    let file = here.path().join("peers.tar");
    let first = export(&store, &[], &file, &Unwatched).unwrap();
    assert_eq!(first.bytes, fs::metadata(&file).unwrap().len());
    assert_eq!(first.sha256, crate::digest::sha256_of(&file).unwrap());
    let again = export(&store, &["trixie".to_owned()], &here.path().join("again.tar"), &Unwatched).unwrap();
    assert_eq!(first.sha256, again.sha256, "the same store is the same archive");

    let other = store_in(&there);
    let imported = import(&other, &file, &Unwatched).unwrap();
    assert!(!imported[0].was_there && imported[0].bytes == 14, "{imported:?}");
    let releases = other.releases().unwrap();
    assert_eq!(releases, store.releases().unwrap());
    assert_eq!(other.verify(&releases[0]).unwrap(), [""; 0]);
    assert!(import(&other, &file, &Unwatched).unwrap()[0].was_there);
    // What somebody damaged is made good.
    fs::write(other.root(&releases[0]).join("usr/sbin/openconnect"), "changed").unwrap();
    import(&other, &file, &Unwatched).unwrap();
    assert_eq!(other.verify(&releases[0]).unwrap(), [""; 0]);
}

#[test]
fn what_is_not_there_or_damaged_is_not_exported() {
    let here = TempDir::new().unwrap();
    let store = filled(&here);
    let file = here.path().join("peers.tar");
    let absent = export(&store, &["sid".to_owned()], &file, &Unwatched).unwrap_err().to_string();
    assert!(absent.contains("`sid`") && absent.contains("it has trixie"), "{absent}");
    fs::write(store.root(&release(architecture())).join("usr/sbin/openconnect"), "changed").unwrap();
    let damaged = export(&store, &[], &file, &Unwatched).unwrap_err().to_string();
    assert!(damaged.contains("usr/sbin/openconnect is not what was unpacked"), "{damaged}");
    assert!(!file.exists());
}

type Part<'a> = (EntryType, &'a str, u32, &'a str);

/// Builds an archive of a record, a manifest, an empty root, and something more.
fn archive(release: &InstalledRelease, manifest: &str, more: &[Part<'_>]) -> (TempDir, PathBuf) {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("peers.tar");
    let mut builder = Builder::new(fs::File::create(&path).unwrap());
    let record = serde_json::to_string(release).unwrap();
    let root = format!("roots/{}", release.digest);
    add(&mut builder, (EntryType::Regular, &format!("releases/{}.json", release.release), 0o644, &record));
    add(&mut builder, (EntryType::Regular, &format!("manifests/{}", release.digest), 0o644, manifest));
    add(&mut builder, (EntryType::Directory, &root, 0o755, ""));
    for (kind, path, mode, content) in more {
        add(&mut builder, (*kind, &path.replace("ROOT", &root), *mode, content));
    }
    builder.into_inner().unwrap();
    (folder, path)
}

/// Writes what a library would refuse to write.
fn add(builder: &mut Builder<fs::File>, (kind, path, mode, content): Part<'_>) {
    let mut header = Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(mode);
    let is_file = kind == EntryType::Regular || kind == EntryType::GNULongName;
    header.set_size(if is_file { content.len() as u64 } else { 0 });
    header.as_old_mut().name[..path.len().min(100)].copy_from_slice(&path.as_bytes()[..path.len().min(100)]);
    if !is_file {
        header.as_old_mut().linkname[..content.len()].copy_from_slice(content.as_bytes());
    }
    header.set_cksum();
    if is_file {
        builder.append(&header, content.as_bytes()).unwrap();
    } else {
        builder.append(&header, io::empty()).unwrap();
    }
}

/// Imports an archive with something more in it, and returns why it is refused.
fn refused(manifest: &str, more: &[Part<'_>]) -> String {
    let (_folder, path) = archive(&release(architecture()), manifest, more);
    refused_file(&path)
}

fn refused_file(path: &Path) -> String {
    let there = TempDir::new().unwrap();
    let store = store_in(&there);
    let error = import(&store, path, &Unwatched).unwrap_err();
    assert!(matches!(error, StoreError::Refused { .. }), "{error}");
    assert_eq!(store.releases().unwrap(), []);
    let left: Vec<_> = fs::read_dir(there.path()).unwrap().flatten().map(|entry| entry.file_name()).collect();
    assert_eq!(left, ["store"], "nothing was written beside the store");
    let left = fs::read_dir(store.folder()).unwrap().flatten().map(|entry| entry.file_name().into_string().unwrap());
    assert!(left.into_iter().all(|name| !name.starts_with("new.")), "nothing unfinished is left");
    error.to_string()
}

#[test]
fn nothing_leaves_the_folder() {
    use EntryType as Is;
    for path in ["../evil", "ROOT/../../evil", "/evil", "ROOT/./../evil", "roots/../../evil"] {
        let said = refused("", &[(Is::Regular, path, 0o644, "x")]);
        assert!(said.contains("leaves the folder") || said.contains("belongs to no release"), "{path}: {said}");
    }
    for path in ["evil", "store.lock", "releases/a/b.json", "partial/trixie/x.deb", "new.x/y"] {
        assert!(refused("", &[(Is::Regular, path, 0o644, "x")]).contains("is not what a store has"), "{path}");
    }
    let other = format!("roots/{}", "0".repeat(64));
    assert!(refused("", &[(Is::Directory, &other, 0o755, "")]).contains("belongs to no release"));
}

#[test]
fn nothing_is_written_through_a_link() {
    use EntryType as Is;
    let out = TempDir::new().unwrap();
    let target = out.path().to_str().unwrap();
    let said = refused("", &[(Is::Symlink, "ROOT/a", 0o777, target), (Is::Regular, "ROOT/a/evil", 0o644, "x")]);
    assert!(said.contains("lies in no folder of the archive"), "{said}");
    let said = refused("", &[(Is::Symlink, "ROOT/a", 0o777, target), (Is::Directory, "ROOT/a", 0o755, "")]);
    assert!(said.contains("is there twice"), "{said}");
    let file = format!("{target}/evil");
    let manifest = format!("f 644 1 {} a\n", "0".repeat(64));
    let said = refused(&manifest, &[(Is::Symlink, "ROOT/a", 0o777, &file), (Is::Regular, "ROOT/a", 0o644, "x")]);
    assert!(said.contains("is there twice"), "{said}");
    assert_eq!(fs::read_dir(out.path()).unwrap().count(), 0);
}

#[test]
fn only_files_folders_and_links_without_more_rights() {
    use EntryType as Is;
    for kind in [Is::Link, Is::Char, Is::Block, Is::Fifo, Is::GNUSparse] {
        let said = refused("", &[(kind, "ROOT/a", 0o644, "/etc/passwd")]);
        assert!(said.contains("neither a file nor a folder nor a link"), "{said}");
    }
    for mode in [0o4755, 0o2755] {
        assert!(refused("", &[(Is::Regular, "ROOT/a", mode, "")]).contains("more rights"));
    }
    assert!(refused("", &[(Is::Symlink, "ROOT/a", 0o777, "")]).contains("a link to nothing"));
}

#[test]
fn the_manifest_decides_what_is_in_a_root() {
    use EntryType as Is;
    let said = refused("", &[(Is::Regular, "ROOT/a", 0o644, "more than nothing")]);
    assert!(said.contains("more than the manifest lists"), "{said}");
    let said = refused("", &[(Is::Directory, "ROOT/a", 0o755, "")]);
    assert!(said.contains("a was not unpacked"), "{said}");
    let said = refused("d 755 a\n", &[]);
    assert!(said.contains("a is gone"), "{said}");
    let manifest = format!("f 644 1 {} a\n", "0".repeat(64));
    let said = refused(&manifest, &[(Is::Regular, "ROOT/a", 0o644, "x")]);
    assert!(said.contains("a is not what was unpacked"), "{said}");
}

#[test]
fn what_is_no_archive_of_a_store() {
    let folder = TempDir::new().unwrap();
    let file = |content: &[u8]| {
        let path = folder.path().join("peers.tar");
        fs::write(&path, content).unwrap();
        refused_file(&path)
    };
    assert!(file(b"").contains("it has no release"));
    assert!(file(&[b'x'; 2048]).contains("it is no archive"));
    let (_folder, whole) = archive(&release(architecture()), "", &[]);
    let whole = fs::read(whole).unwrap();
    // Cut off within the record, and behind it.
    assert!(file(&whole[..700]).contains("cut off"));
    assert!(file(&whole[..whole.len() - 1536]).contains("the root of trixie is not in it"));
    let (_folder, other) = archive(&release("m68k"), "", &[]);
    assert!(refused_file(&other).contains("trixie is for m68k"));
    let mut wrong = release(architecture());
    wrong.packages.clear();
    let (_folder, wrong) = archive(&wrong, "", &[]);
    assert!(refused_file(&wrong).contains("is wanted, but not among the packages"));
    let long = "x".repeat(5000);
    assert!(refused("", &[(EntryType::GNULongName, "././@LongLink", 0o644, &long)]).contains("too long"));
}
