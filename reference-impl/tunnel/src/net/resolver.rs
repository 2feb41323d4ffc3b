//! The resolver file: read, written in place, put back.
//!
//! It may be a bind mount, a file of an overlay, or a link to one that another program keeps; so it is never replaced
//! by another file, only its content is.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::net::{IpAddr, SocketAddr, SocketAddrV6};
use std::path::Path;

use super::NetError;
use super::change::{FileText, Undo};
use super::plan::MAX_RESOLVERS;
use super::undo::Outcome;

/// The resolver file (resolv.conf(5)).
pub(super) const PATH: &str = "/etc/resolv.conf";

/// Longest file that is kept, in bytes.
const LONGEST: u64 = 1024 * 1024;

/// Longest search list (resolv.conf(5): glibc before 2.26 used six names and 256 bytes; later ones have no limit).
const MAX_SEARCH: usize = 32;

/// What a resolver file says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct ResolverFile {
    /// The first three servers, with port 53.
    pub(super) servers: Vec<SocketAddr>,
    pub(super) search: Vec<String>,
    /// Lines `options` and `sortlist`, as they are.
    pub(super) other: Vec<String>,
}

impl ResolverFile {
    /// Reads the text; what no resolver would understand is left out.
    pub(super) fn parse(bytes: &[u8]) -> Self {
        let mut file = Self::default();
        for line in String::from_utf8_lossy(bytes).lines() {
            let mut words = line.split_ascii_whitespace();
            match words.next() {
                Some("nameserver") if file.servers.len() < MAX_RESOLVERS => {
                    file.servers.extend(words.next().and_then(server));
                }
                // The last of them counts.
                Some("search" | "domain") => {
                    file.search = words.filter(|name| is_domain(name)).map(Into::into).collect()
                }
                Some("options" | "sortlist") => file.other.push(line.trim().to_owned()),
                _ => {}
            }
        }
        file
    }

    /// The text with these servers. Without `search` the old search list stays; with `keep_search` it follows.
    pub(super) fn replaced(&self, servers: &[IpAddr], search: &[String], keep_search: bool, device: &str) -> String {
        let mut names = domains(search);
        if names.is_empty() || keep_search {
            for name in &self.search {
                if !names.contains(name) {
                    names.push(name.clone());
                }
            }
        }
        names.truncate(MAX_SEARCH);
        let mut text = format!("# For the tunnel on {device}; the text before comes back when it ends.\n");
        if !names.is_empty() {
            text.push_str(&format!("search {}\n", names.join(" ")));
        }
        for server in servers.iter().take(MAX_RESOLVERS) {
            text.push_str(&format!("nameserver {server}\n"));
        }
        for line in &self.other {
            text.push_str(line);
            text.push('\n');
        }
        text
    }
}

/// Splits lists of names at blanks and commas, and leaves out what is no name: the server's words go into a file.
pub(super) fn domains(lists: &[String]) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for name in lists.iter().flat_map(|list| list.split([' ', ',', '\t'])) {
        if is_domain(name) && !names.iter().any(|known| known == name) {
            names.push(name.to_owned());
        }
    }
    names
}

fn is_domain(name: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    !name.is_empty() && name.len() <= 253 && name.chars().all(allowed) && name.chars().any(|c| c != '.')
}

/// An address, which may name an interface (`fe80::1%eth0`).
fn server(text: &str) -> Option<SocketAddr> {
    if let Some((address, zone)) = text.split_once('%') {
        let zone = zone.parse().or_else(|_| nix::net::if_::if_nametoindex(zone)).ok()?;
        return Some(SocketAddrV6::new(address.parse().ok()?, 53, 0, zone).into());
    }
    Some(SocketAddr::new(text.parse().ok()?, 53))
}

/// Reads the file; none where there is none.
///
/// # Errors
/// When it cannot be read, or is longer than a megabyte.
pub(super) fn read(path: &Path) -> Result<Option<Vec<u8>>, NetError> {
    let failed = |source| NetError::file(path, source);
    match fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(failed(error)),
        Ok(meta) if meta.len() > LONGEST => Err(failed(io::Error::other(format!("longer than {LONGEST} bytes")))),
        Ok(_) => fs::read(path).map(Some).map_err(failed),
    }
}

/// How the new text is undone.
pub(super) fn undo(path: &Path, original: Option<Vec<u8>>, written: &str) -> Undo {
    Undo::RestoreFile { path: path.to_owned(), original: original.map(FileText::new), written: written.to_owned() }
}

/// Puts new content into the same file.
pub(super) fn write_through(path: &Path, content: &[u8]) -> Result<(), NetError> {
    let write = || {
        let mut file = OpenOptions::new().write(true).create(true).truncate(false).open(path)?;
        file.write_all(content)?;
        file.set_len(content.len() as u64)?;
        file.sync_all()
    };
    write().map_err(|source| NetError::file(path, source))
}

/// Puts the old content back, unless somebody else has written to the file since.
pub(super) fn restore(path: &Path, original: Option<&[u8]>, written: &[u8]) -> Result<Outcome, NetError> {
    let now = read(path)?;
    if now.as_deref() == original {
        return Ok(Outcome::Gone);
    }
    let Some(now) = now else {
        return Ok(Outcome::Kept(format!("{} was removed since", path.display())));
    };
    // Killed while it was written, the file has the beginning of the new text, or an end of the old one behind it.
    if !now.starts_with(written) && !written.starts_with(&now) {
        return Ok(Outcome::Kept(format!("{} was changed by somebody else since", path.display())));
    }
    match original {
        Some(original) => write_through(path, original)?,
        None => match fs::remove_file(path) {
            Err(error) if error.kind() == io::ErrorKind::ResourceBusy => write_through(path, &[])?,
            other => other.map_err(|source| NetError::file(path, source))?,
        },
    }
    Ok(Outcome::Undone)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt as _;

    use super::*;

    const OLD: &str = "# by hand\nnameserver 192.0.2.1\nnameserver 2001:db8::1\nnameserver 192.0.2.2\n\
                       nameserver 192.0.2.3\ndomain first.example\nsearch old.example older.example\noptions edns0\n";

    fn names(list: &[&str]) -> Vec<String> {
        list.iter().map(|&name| name.to_owned()).collect()
    }

    #[test]
    fn reads_what_a_resolver_reads() {
        let file = ResolverFile::parse(OLD.as_bytes());
        let servers: Vec<String> = file.servers.iter().map(ToString::to_string).collect();
        assert_eq!(servers, ["192.0.2.1:53", "[2001:db8::1]:53", "192.0.2.2:53"]);
        assert_eq!(file.search, names(&["old.example", "older.example"]));
        assert_eq!(file.other, names(&["options edns0"]));
        assert_eq!(server("fe80::1%lo"), Some(SocketAddrV6::new("fe80::1".parse().unwrap(), 53, 0, 1).into()));
        assert_eq!(ResolverFile::parse(b"nameserver\nnameserver x\n\xff\nsearch\n"), ResolverFile::default());
    }

    #[test]
    fn replaces_servers_and_search_list() {
        let file = ResolverFile::parse(OLD.as_bytes());
        let servers: Vec<IpAddr> = (1..=4).map(|last| IpAddr::from([10, 0, 0, last])).collect();
        let text = file.replaced(&servers, &names(&["corp.example, eng.corp.example"]), false, "tun0");
        assert_eq!(
            text,
            "# For the tunnel on tun0; the text before comes back when it ends.\n\
             search corp.example eng.corp.example\nnameserver 10.0.0.1\nnameserver 10.0.0.2\nnameserver 10.0.0.3\n\
             options edns0\n"
        );
        assert!(file.replaced(&servers, &[], false, "tun0").contains("search old.example older.example\n"));
        let kept = file.replaced(&servers, &names(&["corp.example", "old.example"]), true, "tun0");
        assert!(kept.contains("search corp.example old.example older.example\n"));
    }

    #[test]
    fn words_that_are_no_names_do_not_reach_the_file() {
        let lists = names(&["a.example\nnameserver 192.0.2.66", "b.example", ".", "c;d", "b.example"]);
        assert_eq!(domains(&lists), names(&["192.0.2.66", "b.example"]));
    }

    #[test]
    fn the_same_file_gets_the_text_and_gets_it_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("resolv.conf");
        fs::write(&path, OLD).unwrap();
        let inode = fs::metadata(&path).unwrap().ino();
        write_through(&path, b"new\n").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new\n");
        assert_eq!(restore(&path, Some(OLD.as_bytes()), b"new\n").unwrap(), Outcome::Undone);
        assert_eq!(fs::read_to_string(&path).unwrap(), OLD);
        assert_eq!(fs::metadata(&path).unwrap().ino(), inode);
        assert_eq!(restore(&path, Some(OLD.as_bytes()), b"new\n").unwrap(), Outcome::Gone);
    }

    #[test]
    fn half_written_files_come_back_and_files_of_others_stay() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("resolv.conf");
        for half in [&b""[..], b"ne", b"new\nmore of the old one\n"] {
            fs::write(&path, half).unwrap();
            assert_eq!(restore(&path, Some(b"old\n"), b"new\n").unwrap(), Outcome::Undone, "{half:?}");
            assert_eq!(fs::read(&path).unwrap(), b"old\n");
        }
        fs::write(&path, "from a lease\n").unwrap();
        assert!(matches!(restore(&path, Some(b"old\n"), b"new\n").unwrap(), Outcome::Kept(_)));
        assert_eq!(fs::read(&path).unwrap(), b"from a lease\n");
    }

    #[test]
    fn where_there_was_no_file_there_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("resolv.conf");
        assert_eq!(read(&path).unwrap(), None);
        write_through(&path, b"new\n").unwrap();
        assert_eq!(restore(&path, None, b"new\n").unwrap(), Outcome::Undone);
        assert_eq!(read(&path).unwrap(), None);
        assert_eq!(restore(&path, None, b"new\n").unwrap(), Outcome::Gone);
    }
}
