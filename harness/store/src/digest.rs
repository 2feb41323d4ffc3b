//! Hashes, and the name of a root file system.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use sha2::{Digest as _, Sha256};

use crate::Package;
use crate::error::{At as _, Result};

/// Raised when what is made of the same packages changes, so that older roots are made anew.
pub(crate) const LAYOUT: u32 = 1;

/// The name of the root that is made of these packages.
pub(crate) fn root_digest(layout: u32, architecture: &str, packages: &BTreeMap<String, Package>) -> String {
    let mut hash = Sha256::new();
    hash.update(format!("layout {layout} {architecture}\n"));
    for (name, package) in packages {
        hash.update(format!("{name} {} {}\n", package.version, package.sha256));
    }
    hex(&hash.finalize())
}

/// SHA-256 of a file.
pub(crate) fn sha256_of(path: &Path) -> Result<String> {
    let mut file = File::open(path).at(path)?;
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 1 << 16];
    loop {
        let read = file.read(&mut buffer).at(path)?;
        if read == 0 {
            return Ok(hex(&hash.finalize()));
        }
        hash.update(&buffer[..read]);
    }
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Whether a text is a SHA-256 in lower case.
pub(crate) fn is_sha256(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(version: &str, sha256: &str) -> Package {
        Package { version: version.to_owned(), path: "pool/a.deb".to_owned(), sha256: sha256.to_owned(), size: 1 }
    }

    #[test]
    fn every_part_of_a_package_counts_but_not_where_it_lay() {
        let of = |packages: &[(&str, Package)]| {
            root_digest(
                1,
                "amd64",
                &packages.iter().map(|(name, package)| ((*name).to_owned(), package.clone())).collect(),
            )
        };
        let one = of(&[("a", package("1", "00")), ("b", package("2", "11"))]);
        assert!(is_sha256(&one));
        let moved = Package { path: "elsewhere/a.deb".to_owned(), size: 9, ..package("1", "00") };
        assert_eq!(one, of(&[("b", package("2", "11")), ("a", moved)]));
        assert_ne!(one, of(&[("a", package("1", "00"))]));
        assert_ne!(one, of(&[("a", package("1", "01")), ("b", package("2", "11"))]));
        assert_ne!(one, of(&[("a", package("1+b1", "00")), ("b", package("2", "11"))]));
        let none = BTreeMap::new();
        assert_ne!(root_digest(1, "amd64", &none), root_digest(1, "arm64", &none));
        assert_ne!(root_digest(1, "amd64", &none), root_digest(2, "amd64", &none));
    }

    #[test]
    fn only_hashes_are_hashes() {
        assert!(!is_sha256("../../etc/passwd") && !is_sha256(&"A".repeat(64)) && !is_sha256(""));
    }
}
