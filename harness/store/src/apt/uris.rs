//! What `apt-get --print-uris` prints: the packages of an installation, with where they are and their hashes.

use std::collections::BTreeMap;

use crate::Package;
use crate::digest::is_sha256;

/// Reads lines like `'http://mirror/pool/a_1%2b1_all.deb' a_1+1_all.deb 120 SHA256:0a1b...`.
pub(crate) fn parse(text: &str, mirror: &str) -> Result<BTreeMap<String, Package>, String> {
    let mut found = BTreeMap::new();
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        let (name, package) =
            parse_line(line, mirror).ok_or_else(|| format!("apt-get printed what is not understood: {line}"))?;
        found.insert(name, package);
    }
    Ok(found)
}

fn parse_line(line: &str, mirror: &str) -> Option<(String, Package)> {
    let (uri, rest) = line.strip_prefix('\'')?.split_once('\'')?;
    let mut words = rest.split_whitespace();
    let (file, size, hash) = (words.next()?, words.next()?, words.next()?);
    let sha256 = hash.strip_prefix("SHA256:").filter(|hash| is_sha256(hash))?.to_owned();
    let mut parts = file.strip_suffix(".deb")?.splitn(3, '_');
    let (name, version, _) = (parts.next()?.to_owned(), decode(parts.next()?)?, parts.next()?);
    let path = decode(uri)?.strip_prefix(&decode(mirror)?)?.trim_start_matches('/').to_owned();
    Some((name, Package { version, path, sha256, size: size.parse().ok()? }))
}

/// The address of a package file.
pub(crate) fn address(mirror: &str, path: &str) -> String {
    let mut text = format!("{mirror}/");
    for c in path.chars() {
        match c {
            // Some mirrors read it as a space.
            '+' => text.push_str("%2b"),
            _ => text.push(c),
        }
    }
    text
}

/// Takes back `%2b` and the like.
fn decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut left = text.as_bytes();
    while let Some((first, rest)) = left.split_first() {
        left = rest;
        if *first == b'%' {
            let digits = std::str::from_utf8(rest.get(..2)?).ok()?;
            bytes.push(u8::from_str_radix(digits, 16).ok()?);
            left = rest.get(2..)?;
        } else {
            bytes.push(*first);
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIRROR: &str = "http://mirror.example/debian";

    #[test]
    fn a_line_of_apt() {
        let hash = "5b".repeat(32);
        let text = format!(
            "'{MIRROR}/pool/main/p/procps/procps_4.0.4-9%2bb1_amd64.deb' procps_2%3a4.0.4-9+b1_amd64.deb 882088 SHA256:{hash}\n\n"
        );
        let found = parse(&text, MIRROR).unwrap();
        let package = &found["procps"];
        assert_eq!(package.version, "2:4.0.4-9+b1");
        assert_eq!(package.path, "pool/main/p/procps/procps_4.0.4-9+b1_amd64.deb");
        assert_eq!((package.size, package.sha256.as_str()), (882_088, hash.as_str()));
        assert_eq!(
            address(MIRROR, &package.path),
            format!("{MIRROR}/pool/main/p/procps/procps_4.0.4-9%2bb1_amd64.deb")
        );
    }

    #[test]
    fn what_is_not_understood_is_no_package() {
        let hash = "5b".repeat(32);
        for line in [
            "Reading package lists...".to_owned(),
            format!("'{MIRROR}/a.deb' a_1_all.deb 12 MD5Sum:{hash}"),
            format!("'{MIRROR}/a.deb' a_1_all.deb 12"),
            format!("'{MIRROR}/a.deb' a_1_all.deb many SHA256:{hash}"),
            format!("'http://elsewhere/a.deb' a_1_all.deb 12 SHA256:{hash}"),
            format!("'{MIRROR}/a%2.deb' a_1_all.deb 12 SHA256:{hash}"),
            format!("'{MIRROR}/a.deb' a.deb 12 SHA256:{hash}"),
        ] {
            assert!(parse(&line, MIRROR).is_err(), "{line}");
        }
    }
}
