//! The command line.

use std::path::PathBuf;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args as ClapArgs, Parser, Subcommand, ValueHint};
use clap_complete::Shell;
use interop_evidence::View;

const AFTER: &str = "\
Examples:
  vpn-interop doctor                                what this machine can do
  vpn-interop run --suite smoke                     the quick suite on every pair that is installed
  vpn-interop run --scenario 'udp-*' --client openconnect --server ocserv
  vpn-interop run --suite full --server ocserv=./build/src/ocserv --with-lib-path ./build/lib
  vpn-interop explain udp-blocked-mid-session       the story, the topology as a picture, where each part is defined
  vpn-interop trace capture.pcapng                  what any capture shows, line by line

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
    /// Make what cells showed the golden traces that later runs are held against.
    Accept(AcceptArgs),
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
    /// Judge a cell again from its evidence, or say what a capture from elsewhere shows; needs no privileges.
    Replay(ReplayArgs),
    /// Run scenarios on pairs of peers, and print the compatibility matrix.
    Run(RunArgs),
    /// Write the JSON Schemas of the catalogue's files, for editors.
    Schema(SchemaArgs),
    /// Open a shell in a node of a cell that is kept (`run --keep`).
    Shell(ShellArgs),
    /// Print what a capture shows, line by line: of a cell, or any pcap or pcapng file.
    Trace(TraceArgs),
}

#[derive(Debug, ClapArgs)]
pub(crate) struct AcceptArgs {
    /// Bundles of cells, or folders of runs (with results.json).
    #[arg(required = true, value_name = "BUNDLE|RUN_DIR", value_hint = ValueHint::DirPath)]
    pub(crate) folders: Vec<PathBuf>,
    /// Why what was seen is right; stands in the golden files.
    #[arg(long, value_name = "TEXT", value_parser = not_blank)]
    pub(crate) reason: String,
    /// Only this scenario, or glob over scenarios; may be given several times.
    #[arg(long = "scenario", value_name = "GLOB")]
    pub(crate) scenarios: Vec<String>,
    /// Only this view; may be given several times.
    #[arg(long = "view", value_name = "VIEW", value_parser = view())]
    pub(crate) views: Vec<View>,
    /// Catalogue folder to write to; `scenarios/` of the checkout that this is in, else `./vpn-interop`.
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) into: Option<PathBuf>,
    /// Show what would change, and write nothing.
    #[arg(long)]
    pub(crate) dry_run: bool,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct ReplayArgs {
    /// Bundle of a cell, or a capture.
    #[arg(value_name = "BUNDLE|CAPTURE", value_hint = ValueHint::AnyPath)]
    pub(crate) path: PathBuf,
    /// Of a bare capture: the gateway's port.
    #[arg(long, default_value_t = 443)]
    pub(crate) port: u16,
    /// Of a bare capture: compare it with the golden traces of this scenario.
    #[arg(long, value_name = "ID", requires_all = ["client", "server"])]
    pub(crate) scenario: Option<String>,
    /// The client, for that.
    #[arg(long, value_name = "ID", requires = "scenario")]
    pub(crate) client: Option<String>,
    /// The server, for that.
    #[arg(long, value_name = "ID", requires = "scenario")]
    pub(crate) server: Option<String>,
    /// Key log of a peer (SSLKEYLOGFILE); may be given several times.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) keys: Vec<PathBuf>,
    /// For machines.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct TraceArgs {
    /// Bundle of a cell, or a capture.
    #[arg(value_name = "BUNDLE|CAPTURE", value_hint = ValueHint::AnyPath)]
    pub(crate) path: PathBuf,
    /// Only this view; may be given several times.
    #[arg(long = "view", value_name = "VIEW", value_parser = view())]
    pub(crate) views: Vec<View>,
    /// Only this interface of the capture; `client:` stands for every tunnel device of that node. Of a cell the client's
    /// wires and tunnel devices unless given, of any other capture all of them.
    #[arg(long = "wire", value_name = "NAME")]
    pub(crate) wires: Vec<String>,
    /// Every interface: on the wires of a cell the same packets pass several times.
    #[arg(long, conflicts_with = "wires")]
    pub(crate) all_wires: bool,
    /// Only flows whose names contain this: `UDP/443`.
    #[arg(long, value_name = "TEXT")]
    pub(crate) flow: Option<String>,
    /// Key log of a peer (SSLKEYLOGFILE), beside the keys in the capture; may be given several times.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) keys: Vec<PathBuf>,
    /// Random values and sizes as they are, without the names that are the same in every run.
    #[arg(long)]
    pub(crate) raw: bool,
    /// For machines.
    #[arg(long)]
    pub(crate) json: bool,
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
    /// What to list: cases, topologies, faults, peers, suites, expectations, goldens; everything unless given.
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

fn view() -> impl TypedValueParser<Value = View> {
    PossibleValuesParser::new(View::ALL.map(View::as_str))
        .map(|name| View::ALL.into_iter().find(|view| view.as_str() == name).unwrap_or(View::OuterFlow))
}

fn not_blank(text: &str) -> Result<String, String> {
    let text = text.trim();
    if text.is_empty() { Err("say in a few words why it is right".to_owned()) } else { Ok(text.to_owned()) }
}

fn name_value(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() && !value.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err(format!("`{text}` is not NAME=VALUE, like dpd=3s")),
    }
}
