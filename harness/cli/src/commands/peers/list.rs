//! `peers list`

use interop_catalogue::Catalogue;
use interop_evidence::Exit;
use interop_store::{KNOWN_RELEASES, Store};
use serde::Serialize;

use super::{Failure, megabytes, names, told};
use crate::commands::print;

/// One peer in one release, as it is shown.
#[derive(Debug, Serialize)]
struct Row {
    release: String,
    /// Name of the package.
    package: String,
    /// Peers of the catalogue that are run from it.
    peers: Vec<String>,
    /// Exact version of the package.
    version: String,
    /// TLS library, as the program tells it.
    library: Option<String>,
    /// Bytes of the release's root.
    bytes: u64,
}

pub(super) fn list(catalogue: &Catalogue, store: &Store, json: bool) -> Result<Exit, Failure> {
    let releases = store.releases().map_err(|error| told(&error))?;
    let packages = names::packages(catalogue);
    let mut rows = Vec::new();
    for (peer, one) in names::installed(catalogue, store, &[])? {
        let package = names::package(peer).unwrap_or_default();
        let bytes = releases.iter().find(|release| release.release == one.release);
        let of_package = packages.get(package).into_iter().flatten();
        rows.push(Row {
            package: package.to_owned(),
            peers: of_package.map(|peer| peer.name().to_string()).collect(),
            version: one.package.clone(),
            library: one.choose(peer).ok().and_then(|choice| choice.library),
            bytes: bytes.map_or(0, |release| store.bytes(release)),
            release: one.release,
        });
    }
    let is_there = |name: &str, release: &str| rows.iter().any(|row| row.package == name && row.release == release);
    let absent = |release: &str| -> Vec<&str> {
        packages.keys().copied().filter(|package| !is_there(package, release)).collect()
    };
    let installable: Vec<(&str, Vec<&str>)> = KNOWN_RELEASES
        .iter()
        .map(|release| (*release, absent(release)))
        .filter(|(_, packages)| !packages.is_empty())
        .collect();
    if json {
        let value = serde_json::json!({
            "store": store.folder(),
            "peers": rows,
            "installable": installable.iter().map(|(release, packages)| serde_json::json!({
                "release": release,
                "packages": packages,
            })).collect::<Vec<_>>(),
        });
        print(&format!("{value:#}\n"));
        return Ok(Exit::Ok);
    }
    print(&table(&rows));
    if !installable.is_empty() {
        print("\nto be had with `vpn-interop peers install PEER@RELEASE`:\n");
        for (release, packages) in &installable {
            print(&format!("  {release:8}  {}\n", packages.join(", ")));
        }
    }
    Ok(Exit::Ok)
}

fn table(rows: &[Row]) -> String {
    let mut lines = vec![["release", "peer", "package version", "TLS library", "size"].map(str::to_owned)];
    let mut before = None;
    for row in rows {
        let size = if before == Some(&row.release) { String::new() } else { megabytes(row.bytes) };
        before = Some(&row.release);
        let library = row.library.clone().unwrap_or_else(|| "unknown".to_owned());
        lines.push([row.release.clone(), row.package.clone(), row.version.clone(), library, size]);
    }
    if rows.is_empty() {
        return "the store is empty\n".to_owned();
    }
    let width = |column: usize| lines.iter().map(|line| line[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..4).map(width).collect();
    let mut text = String::new();
    for line in &lines {
        let cells = line.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}  ")).collect::<String>();
        text.push_str(format!("{cells}{}", line[4]).trim_end());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_size_stands_once_for_a_release() {
        let row = |package: &str, version: &str| Row {
            release: "trixie".to_owned(),
            package: package.to_owned(),
            peers: vec![package.to_owned()],
            version: version.to_owned(),
            library: (package == "ocserv").then(|| "GnuTLS 3.8.9".to_owned()),
            bytes: 94_500_000,
        };
        let text = table(&[row("ocserv", "1.3.0-2"), row("openvpn", "2.6.14-1+deb13u3")]);
        assert_eq!(
            text,
            "release  peer     package version   TLS library   size\n\
             trixie   ocserv   1.3.0-2           GnuTLS 3.8.9  95 MB\n\
             trixie   openvpn  2.6.14-1+deb13u3  unknown\n"
        );
        assert_eq!(table(&[]), "the store is empty\n");
    }
}
