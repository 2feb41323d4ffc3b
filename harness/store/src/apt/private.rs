//! A configuration of apt of our own, in a folder of its own.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::uris;
use crate::architecture::architecture;
use crate::error::{At as _, Result, StoreError};
use crate::folder::{Work, Writing};
use crate::tool::{self, Ended};
use crate::watch::Watcher;
use crate::{KEYRINGS, Package};

/// What to do on a machine without apt.
pub(super) const WITHOUT_APT: &str = "releases are fetched on a machine with apt (Debian, Ubuntu); export them there, and import them here (`vpn-interop peers import`)";
/// What is taken over from the machine's configuration: how it reaches the network.
const NETWORK: [&str; 6] = [
    "acquire::http::",
    "acquire::https::",
    "acquire::ftp::",
    "acquire::retries",
    "acquire::forceipv4",
    "acquire::forceipv6",
];

/// apt, looking at one release of one mirror only.
pub(crate) struct Apt<'a> {
    pub(super) writing: &'a Writing<'a>,
    pub(super) watcher: &'a dyn Watcher,
    pub(super) release: String,
    pub(super) mirror: String,
    /// With its configuration, lists and cache.
    folder: Work,
}

impl<'a> Apt<'a> {
    /// Makes its folder and its configuration.
    pub(crate) fn new(
        writing: &'a Writing<'a>,
        watcher: &'a dyn Watcher,
        release: &str,
        mirror: &str,
        keyring: Option<&Path>,
    ) -> Result<Self> {
        let folder = writing.work(&format!("{release}-apt"))?;
        let mirror = mirror.trim_end_matches('/').to_owned();
        let apt = Self { writing, watcher, release: release.to_owned(), mirror, folder };
        for part in ["lists/partial", "cache/archives/partial", "log"] {
            let part = apt.folder.path().join(part);
            fs::create_dir_all(&part).at(&part)?;
        }
        let keyring = keyring_or_debians(keyring)?;
        let source = format!("deb [signed-by={}] {} {release} main\n", keyring.display(), apt.mirror);
        apt.write("sources.list", &source)?;
        apt.write("status", "")?;
        let network = apt.network_of_machine()?;
        apt.write("apt.conf", &configuration(apt.folder.path(), &network)?)?;
        Ok(apt)
    }

    /// Fetches the lists of packages, and verifies their signature.
    pub(crate) fn update(&self) -> Result<()> {
        let ended = self.run(self.command("apt-get").args(["-qq", "update"]), &|| ())?;
        let lists = self.folder.path().join("lists");
        let names = fs::read_dir(&lists).at(&lists)?.flatten();
        let has_packages = names.into_iter().any(|entry| entry.file_name().to_string_lossy().contains("_Packages"));
        if ended.status.success() && has_packages {
            return Ok(());
        }
        let (said, all) = (ended.said(), ended.errors());
        if tool::is_full(&all) {
            return Err(ended.failure("fetch the package lists", self.writing.store().folder()));
        }
        let has = |words: &str| all.contains(words);
        // What could not be fetched is called unsigned as well.
        if has("NO_PUBKEY") || has("GPG error") || has("signature") || (has("is not signed") && !has("Failed to fetch"))
        {
            return Err(StoreError::Signature(format!(
                "{} of {} is not signed with a key that this machine trusts; a newer package `debian-archive-keyring` may have it: {said}",
                self.release, self.mirror
            )));
        }
        if has("does not have a Release file") {
            let why = format!("{} does not have it, or is no mirror of Debian", self.mirror);
            return Err(StoreError::UnknownRelease { release: self.release.clone(), why });
        }
        Err(StoreError::Unreachable { mirror: self.mirror.clone(), said })
    }

    /// The packages that an installation would add to what `status` says is installed (to nothing without).
    pub(crate) fn resolve(&self, names: &[String], status: Option<&Path>) -> Result<BTreeMap<String, Package>> {
        let mut command = self.command("apt-get");
        if let Some(status) = status {
            command.arg("-o").arg(format!("Dir::State::status={}", status.display()));
        }
        command.args(["-qq", "--yes", "--print-uris", "--no-install-recommends", "install", "--"]).args(names);
        let ended = self.run(&mut command, &|| ())?;
        let doing = || format!("find the packages of {}", self.release);
        if !ended.status.success() {
            return Err(ended.failure(&doing(), self.writing.store().folder()));
        }
        uris::parse(&String::from_utf8_lossy(&ended.output), &self.mirror)
            .map_err(|said| StoreError::Failed { doing: doing(), said })
    }

    pub(super) fn run(&self, command: &mut Command, tick: &dyn Fn()) -> Result<Ended> {
        tool::run(command.stdin(self.writing.held()?), WITHOUT_APT, self.watcher, tick)
    }

    pub(super) fn command(&self, program: &str) -> Command {
        let mut command = tool::command(program);
        command.env("APT_CONFIG", self.folder.path().join("apt.conf"));
        command
    }

    /// Proxies and the like, as lines of a configuration.
    fn network_of_machine(&self) -> Result<String> {
        let ended = self.run(tool::command("apt-config").arg("dump"), &|| ())?;
        let said = String::from_utf8_lossy(&ended.output).into_owned();
        let of_network = |line: &&str| {
            let name = line.to_ascii_lowercase();
            NETWORK.iter().any(|prefix| name.starts_with(prefix))
        };
        Ok(said.lines().filter(of_network).fold(String::new(), |text, line| text + line + "\n"))
    }

    fn write(&self, name: &str, text: &str) -> Result<()> {
        let path = self.folder.path().join(name);
        // A proxy may be named with a password.
        let file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&path);
        file.and_then(|mut file| file.write_all(text.as_bytes())).at(&path)
    }
}

fn keyring_or_debians(named: Option<&Path>) -> Result<PathBuf> {
    let keyring = match named {
        Some(path) => path.canonicalize().at(path)?,
        None => {
            let found = KEYRINGS.iter().map(PathBuf::from).find(|path| path.is_file());
            found.ok_or_else(|| {
                StoreError::Signature(format!(
                    "{} is not here; install the package `debian-archive-keyring` (Ubuntu has it, too), or name a keyring with --keyring",
                    KEYRINGS[0]
                ))
            })?
        }
    };
    if keyring.to_string_lossy().contains(|c: char| c.is_whitespace() || c == ']' || c == ',') {
        let said = format!("apt takes no such path of a keyring: {}", keyring.display());
        return Err(StoreError::Signature(said));
    }
    Ok(keyring)
}

/// Nothing of the machine's own configuration counts, except how it reaches the network.
fn configuration(folder: &Path, network: &str) -> Result<String> {
    let folder = folder.to_string_lossy();
    if folder.contains(|c: char| c == '"' || c == '\\' || c.is_control()) {
        let said = format!("apt takes no such path: {folder}; name another folder with VPN_INTEROP_STORE");
        return Err(StoreError::Failed { doing: "configure apt".to_owned(), said });
    }
    let mut text = network.to_owned();
    let nowhere = ["main", "parts", "sourceparts", "preferences", "preferencesparts", "trusted", "trustedparts"];
    for name in nowhere {
        let _ = writeln!(text, "Dir::Etc::{name} \"/dev/null\";");
    }
    let places = [
        ("Dir::Etc::sourcelist", "sources.list"),
        ("Dir::State", "."),
        ("Dir::State::lists", "lists"),
        ("Dir::State::status", "status"),
        ("Dir::State::extended_states", "extended_states"),
        ("Dir::Cache", "cache"),
        ("Dir::Cache::archives", "cache/archives"),
        ("Dir::Log", "log"),
    ];
    for (name, place) in places {
        let _ = writeln!(text, "{name} \"{folder}/{place}\";");
    }
    let architecture = architecture();
    let _ = write!(
        text,
        "Dir::Cache::pkgcache \"\";
Dir::Cache::srcpkgcache \"\";
APT::Architecture \"{architecture}\";
#clear APT::Architectures;
APT::Architectures:: \"{architecture}\";
APT::Get::AllowUnauthenticated \"false\";
APT::Install-Recommends \"false\";
APT::Install-Suggests \"false\";
APT::Sandbox::User \"root\";
APT::Update::Error-Mode \"any\";
Acquire::AllowInsecureRepositories \"false\";
Acquire::AllowWeakRepositories \"false\";
Acquire::AllowDowngradeToInsecureRepositories \"false\";
Acquire::Check-Valid-Until \"false\";
Acquire::Check-Date \"false\";
Acquire::ForceHash \"SHA256\";
Acquire::Languages \"none\";
Acquire::PDiffs \"false\";
Debug::NoLocking \"true\";
"
    );
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_the_machine_counts() {
        let text =
            configuration(Path::new("/store/new.trixie.0/apt"), "Acquire::http::Proxy \"http://p:1\";\n").unwrap();
        let of_machine =
            |line: &&str| line.starts_with("Dir") && !line.contains("/store/") && !line.contains("/dev/null");
        let left: Vec<&str> = text.lines().filter(of_machine).collect();
        assert_eq!(left, ["Dir::Cache::pkgcache \"\";", "Dir::Cache::srcpkgcache \"\";"]);
        assert!(text.contains("Proxy \"http://p:1\"") && text.contains("AllowUnauthenticated \"false\""));
        assert!(configuration(Path::new("/a\"b"), "").is_err());
    }

    #[test]
    fn a_keyring_that_is_missing_is_named() {
        assert!(keyring_or_debians(Some(Path::new("/no/such.gpg"))).unwrap_err().to_string().contains("/no/such.gpg"));
    }
}
