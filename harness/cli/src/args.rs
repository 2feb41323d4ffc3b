//! The command line.

use std::path::PathBuf;

use clap::{Args as ClapArgs, Parser, Subcommand, ValueHint};
use clap_complete::Shell;

const AFTER: &str = "\
Examples:
  vpn-interop doctor                                what this machine can do
  vpn-interop run --suite smoke                     the quick suite on every pair that is installed
  vpn-interop run --scenario 'udp-*' --client openconnect --server ocserv
  vpn-interop run --suite full --server ocserv=./build/src/ocserv --with-lib-path ./build/lib
  vpn-interop explain udp-blocked-mid-session       the story, the topology as a picture, where each part is defined

Exit codes of `run`: 0 every result is expected; 4 nothing was selected; 64 wrong usage or a broken catalogue;
96 the lab or the scenario failed, not a peer; 100 at least one unexpected result; 130 interrupted, results kept.";

/// Interoperability test harness and conformance suite for SSL VPNs.
#[derive(Debug, Parser)]
#[command(name = "vpn-interop", version, about, after_help = AFTER, max_term_width = 120)]
pub(crate) struct Args {
    #[command(flatten)]
    pub(crate) catalogue: CatalogueArgs,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Which catalogue.
#[derive(Clone, Debug, Default, ClapArgs)]
pub(crate) struct CatalogueArgs {
    /// Folder laid over the built-in catalogue; may be given several times. `./vpn-interop/` is taken by itself.
    #[arg(long = "catalogue", value_name = "DIR", global = true, value_hint = ValueHint::DirPath)]
    pub(crate) overlays: Vec<PathBuf>,
    /// Leave out the built-in catalogue.
    #[arg(long, global = true)]
    pub(crate) no_builtin: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Print a completion script for a shell.
    Completions(CompletionsArgs),
    /// Probe every kernel feature and program that is needed, and say how to get what is missing.
    Doctor(DoctorArgs),
    /// Tell a scenario as a story, or describe a topology, fault, peer, suite.
    Explain(ExplainArgs),
    /// List what the catalogue has.
    List(ListArgs),
    /// Defects that peers can be started with, and the proof that scenarios catch them.
    Mutants(MutantsArgs),
    /// Make the reports of a run again from its results.json.
    Report(ReportArgs),
    /// Run scenarios on pairs of peers, and print the compatibility matrix.
    Run(RunArgs),
    /// Write the JSON Schemas of the catalogue's files, for editors.
    Schema(SchemaArgs),
    /// Open a shell in a node of a cell that is kept (`run --keep`).
    Shell(ShellArgs),
}

#[derive(Debug, ClapArgs)]
pub(crate) struct CompletionsArgs {
    /// Which shell.
    pub(crate) shell: Shell,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct DoctorArgs {
    /// For machines.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct ExplainArgs {
    /// Id of a scenario, topology, fault, peer or suite.
    pub(crate) id: String,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct ListArgs {
    /// What to list: cases, topologies, faults, peers, suites, expectations; everything unless given.
    pub(crate) section: Option<String>,
    /// For machines.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct MutantsArgs {
    #[command(subcommand)]
    pub(crate) command: MutantsCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum MutantsCommand {
    /// List every mutant, what it does, and the scenarios that catch it.
    List {
        /// For machines.
        #[arg(long)]
        json: bool,
    },
    /// Run each mutant's scenarios with it and without it; exit code 100 if one escapes.
    Prove(ProveArgs),
}

#[derive(Debug, ClapArgs)]
pub(crate) struct ProveArgs {
    /// Only these mutants; names or globs.
    #[arg(long = "mutant", value_name = "GLOB")]
    pub(crate) mutants: Vec<String>,
    /// Only these scenarios; ids or globs.
    #[arg(long = "scenario", value_name = "GLOB")]
    pub(crate) scenarios: Vec<String>,
    /// Folder for the results: one run without defects, and one for each mutant.
    #[arg(long, value_name = "DIR", default_value = "vpn-interop-mutants", value_hint = ValueHint::DirPath)]
    pub(crate) out: PathBuf,
    /// Source of every random choice; chosen and printed unless given.
    #[arg(long)]
    pub(crate) seed: Option<u64>,
    /// Cells at a time; four for each processor unless given.
    #[arg(long, short, value_parser = clap::value_parser!(u16).range(1..=256))]
    pub(crate) jobs: Option<u16>,
    /// The proof as JSON instead of a table.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct ReportArgs {
    /// Folder of a run (with results.json).
    #[arg(value_hint = ValueHint::DirPath)]
    pub(crate) folder: PathBuf,
    /// Count `degraded` as unexpected.
    #[arg(long, value_parser = ["degraded"])]
    pub(crate) fail_on: Option<String>,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct SchemaArgs {
    /// Folder to write the schemas to; standard output unless given.
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) out: Option<PathBuf>,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct ShellArgs {
    /// Folder of the cell's bundle (`OUT/cells/KEY`), or KEY of a cell below ./vpn-interop-out.
    pub(crate) cell: PathBuf,
    /// Node of the topology: client, gateway, ...
    pub(crate) node: String,
    /// Command instead of a shell.
    #[arg(trailing_var_arg = true)]
    pub(crate) command: Vec<String>,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct RunArgs {
    /// Suite (`vpn-interop list suites`); every scenario unless given.
    #[arg(long, value_name = "ID")]
    pub(crate) suite: Option<String>,
    /// Scenario, or glob over scenarios; may be given several times.
    #[arg(long = "scenario", value_name = "GLOB")]
    pub(crate) scenarios: Vec<String>,
    /// Area, or glob over areas (`dtls-fallback`, `certificate`, ...).
    #[arg(long = "area", value_name = "GLOB")]
    pub(crate) areas: Vec<String>,
    /// Only cells in which this axis has this value: `dpd=3s`.
    #[arg(long = "param", value_name = "NAME=VALUE", value_parser = name_value)]
    pub(crate) params: Vec<(String, String)>,
    /// Client, or glob; `ID=PROGRAM` runs your own build in its place.
    #[arg(long = "client", value_name = "ID[=PROGRAM]")]
    pub(crate) clients: Vec<String>,
    /// Server, or glob; `ID=PROGRAM` runs your own build in its place.
    #[arg(long = "server", value_name = "ID[=PROGRAM]")]
    pub(crate) servers: Vec<String>,
    /// Start the side that has this defect with it (`vpn-interop mutants list`); every cell is labelled with it.
    #[arg(long, value_name = "NAME")]
    pub(crate) mutant: Option<String>,
    /// Folder with libraries of your own build.
    #[arg(long = "with-lib-path", value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) libraries: Vec<PathBuf>,
    /// Folder for results.json, reports and bundles.
    #[arg(long, value_name = "DIR", default_value = "vpn-interop-out", value_hint = ValueHint::DirPath)]
    pub(crate) out: PathBuf,
    /// Source of every random choice; chosen and printed unless given.
    #[arg(long)]
    pub(crate) seed: Option<u64>,
    /// Cells at a time; four for each processor unless given.
    #[arg(long, short, value_parser = clap::value_parser!(u16).range(1..=256))]
    pub(crate) jobs: Option<u16>,
    /// Run each cell N times; different verdicts make it `flaky`.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(crate) repeat: u32,
    /// Count `degraded` as unexpected.
    #[arg(long, value_parser = ["degraded"])]
    pub(crate) fail_on: Option<String>,
    /// Start nothing more after the first unexpected verdict.
    #[arg(long)]
    pub(crate) fail_fast: bool,
    /// Run cells although the baseline of their pair failed.
    #[arg(long)]
    pub(crate) no_gate: bool,
    /// Keep the lab of each cell up after its last step, until Enter or Ctrl-C; for `vpn-interop shell`.
    #[arg(long)]
    pub(crate) keep: bool,
    /// Print results.json instead of the matrix.
    #[arg(long)]
    pub(crate) json: bool,
    /// Say which cells would run, and run none.
    #[arg(long)]
    pub(crate) dry_run: bool,
}

fn name_value(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() && !value.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err(format!("`{text}` is not NAME=VALUE, like dpd=3s")),
    }
}
