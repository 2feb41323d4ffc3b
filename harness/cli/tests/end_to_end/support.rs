//! Running the program, and saying what is missing.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use interop_evidence::{CellRecord, RunResults, Verdict};
use tempfile::TempDir;

/// Leaves a test when this machine lacks something, with the reason where it is counted.
macro_rules! need {
    ($condition:expr, $reason:expr) => {
        if !$condition {
            eprintln!("SKIPPED: {}", $reason);
            return;
        }
    };
}
pub(crate) use need;

/// The program under test.
pub fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_vpn-interop"));
    command.stdin(Stdio::null()).env("NO_COLOR", "1");
    command
}

/// Whether the lab can be built here.
pub fn lab_works() -> bool {
    nix::unistd::geteuid().is_root() && Path::new("/dev/net/tun").exists()
}

/// Whether both programs of the AnyConnect pair are here.
pub fn has_anyconnect() -> bool {
    lab_works() && has_pair("openconnect", "ocserv")
}

/// Whether a pair would run.
pub fn has_pair(client: &str, server: &str) -> bool {
    let planned = program()
        .args(["run", "--dry-run", "--scenario", "baseline", "--client", client, "--server", server])
        .output()
        .unwrap();
    String::from_utf8_lossy(&planned.stdout).contains("  run\n")
}

/// Whether the reference client and server are built.
pub fn has_reference() -> bool {
    lab_works() && has_pair("reference", "reference")
}

/// Whether a command is in the search path.
pub fn has_command(name: &str) -> bool {
    std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()).any(|folder| folder.join(name).is_file())
}

/// A finished run.
pub struct Run {
    pub folder: TempDir,
    pub output: Output,
}

impl Run {
    /// Runs `run --out FOLDER ARGS`.
    pub fn of<S: AsRef<OsStr>>(args: impl IntoIterator<Item = S>) -> Self {
        let folder = TempDir::new().unwrap();
        let output = program().arg("run").arg("--out").arg(folder.path()).args(args).output().unwrap();
        Self { folder, output }
    }

    pub fn code(&self) -> i32 {
        self.output.status.code().expect("it was not killed")
    }

    pub fn stderr(&self) -> String {
        String::from_utf8_lossy(&self.output.stderr).into_owned()
    }

    pub fn results(&self) -> RunResults {
        let path = self.folder.path().join("results.json");
        let text = fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}\n{}", path.display(), self.stderr()));
        serde_json::from_slice(&text).unwrap()
    }

    /// The only cell of a scenario.
    pub fn cell(&self, scenario: &str) -> CellRecord {
        let cells: Vec<CellRecord> =
            self.results().cells.into_iter().filter(|cell| cell.scenario == scenario).collect();
        assert_eq!(cells.len(), 1, "{}", self.stderr());
        cells.into_iter().next().unwrap()
    }

    /// Asserts the verdict of the only cell of a scenario.
    pub fn expect(&self, scenario: &str, verdict: Verdict) -> CellRecord {
        let cell = self.cell(scenario);
        assert_eq!(cell.verdict, verdict, "{}\n{:#?}", cell.reason, cell.checks);
        cell
    }
}

/// A folder laid over the catalogue, with files by path.
pub fn overlay(files: &[(&str, &str)]) -> TempDir {
    let folder = TempDir::new().unwrap();
    for (path, text) in files {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    folder
}

/// A file of the built-in catalogue, from the checkout.
pub fn builtin(path: &str) -> String {
    let file = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../scenarios").join(path);
    fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}
