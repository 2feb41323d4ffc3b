//! The command line.

mod compare;

use std::path::PathBuf;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args as ClapArgs, Parser, Subcommand, ValueHint};
use clap_complete::Shell;
use interop_evidence::View;

use self::compare::{BISECT_AFTER, DIFF_AFTER};
pub(crate) use self::compare::{BisectArgs, DiffArgs};

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

const REPORT_AFTER: &str = "\
Examples:
  vpn-interop report vpn-interop-out               the reports of one run again, in its folder
  vpn-interop report share-*                       four shares to ./vpn-interop-merged
  vpn-interop report share-* --out all --copy      the same with the bundles of the shares
  vpn-interop report today --compare yesterday     with what changed

Exit codes with several folders are those of `run`: 0 every result is expected and none is missing; 96 cells are missing, or
shares say two things of one; 100 at least one unexpected result. With one folder 0.";

const PEERS_INSTALL_AFTER: &str = "\
Examples:
  vpn-interop peers install --all                              every peer in every known release
  vpn-interop peers install openconnect@trixie 'ocserv@*'      one release of one, every release of another
  vpn-interop peers install --all --lock peers.lock            exactly what the lock says; writes it the first time
  vpn-interop peers install '*@sid' --refresh                  what the mirror has now

Known releases are bullseye, bookworm, trixie, sid. Packages come from a Debian mirror, their signatures are verified, and nothing is
installed on this machine: they are unpacked below ~/.cache/vpn-interop/store (or $VPN_INTEROP_STORE). Interrupted, the same
command goes on. What is there needs no network any more. `vpn-interop run --client openconnect@trixie` then runs it.";

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
    /// Find the first version of a peer that changes a verdict, among the releases in the store.
    #[command(after_help = BISECT_AFTER)]
    Bisect(BisectArgs),
    /// Print a completion script for a shell.
    Completions(CompletionsArgs),
    /// Compare two runs: new failures, repaired, slower, changed traces, appeared, gone.
    #[command(after_help = DIFF_AFTER)]
    Diff(DiffArgs),
    /// Probe every kernel feature and program that is needed, and say how to get what is missing.
    Doctor(DoctorArgs),
    /// Tell a scenario as a story, or describe a topology, fault, peer, suite.
    Explain(ExplainArgs),
    /// List what the catalogue has.
    List(ListArgs),
    /// Defects that peers can be started with, and the proof that scenarios catch them.
    Mutants(MutantsArgs),
    /// Releases of the peers side by side: install, list, check, remove them, carry them to other machines.
    Peers(PeersArgs),
    /// Make the reports of a run again from its results.json, or one run of the shares of a divided one.
    #[command(after_help = REPORT_AFTER)]
    Report(ReportArgs),
    /// Judge a cell again from its evidence, or say what a capture from elsewhere shows; needs no privileges.
    Replay(ReplayArgs),
    /// Run scenarios on pairs of peers, and print the compatibility matrix.
    Run(Box<RunArgs>),
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
pub(crate) struct PeersArgs {
    #[command(subcommand)]
    pub(crate) command: PeersCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum PeersCommand {
    /// Fetch releases of peers from a Debian mirror and unpack each release into a root file system of its own.
    #[command(after_help = PEERS_INSTALL_AFTER)]
    Install(PeersInstallArgs),
    /// Show what is in the store, with exact versions and TLS libraries, and what could be.
    List {
        /// For machines.
        #[arg(long)]
        json: bool,
    },
    /// Compare every file with what was unpacked, and let every program tell its version.
    Check {
        /// Peers, as `openconnect@trixie` or `*@sid`; all unless given.
        #[arg(value_name = "PEER[@RELEASE]")]
        peers: Vec<String>,
    },
    /// Take peers out of the store; a release goes with its last peer.
    Remove {
        /// Peers, as `openconnect@trixie`, `ocserv@*` or `*@sid`.
        #[arg(required = true, value_name = "PEER@RELEASE")]
        peers: Vec<String>,
    },
    /// Write releases to one file (tar), for machines without a network and for versions that mirrors drop.
    Export {
        /// Only this release; may be given several times.
        #[arg(long = "release", value_name = "RELEASE")]
        releases: Vec<String>,
        /// File to write.
        #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
        file: PathBuf,
    },
    /// Put the releases of an exported file into the store.
    Import {
        /// File that `peers export` wrote.
        #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
        file: PathBuf,
    },
}

#[derive(Debug, ClapArgs)]
pub(crate) struct PeersInstallArgs {
    /// Peer and release: `openconnect@trixie`, `ocserv@*`, `*@sid`.
    #[arg(value_name = "PEER@RELEASE")]
    pub(crate) peers: Vec<String>,
    /// Every peer in every known release.
    #[arg(long, conflicts_with = "peers")]
    pub(crate) all: bool,
    /// Mirror of Debian, `http://HOST/debian`; the one in this machine's apt configuration unless given.
    #[arg(long, value_name = "URL")]
    pub(crate) mirror: Option<String>,
    /// Keys that sign the mirror's releases; those of the package debian-archive-keyring unless given.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) keyring: Option<PathBuf>,
    /// Lock with exact versions and hashes: what it says is installed; it is written when it does not exist, or with --refresh.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) lock: Option<PathBuf>,
    /// Take what the mirror has now, also for releases that are there or locked.
    #[arg(long)]
    pub(crate) refresh: bool,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct ReportArgs {
    /// Folder of a run (with results.json). Several are the shares of a divided run (`run --partition`), and become one.
    #[arg(required = true, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) folders: Vec<PathBuf>,
    /// Folder for the merged results; its reports link to the bundles in the folders of the shares. `vpn-interop-merged` unless
    /// given, if there are several shares.
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) out: Option<PathBuf>,
    /// Copy the bundles to the merged results, so that the shares are not needed any more.
    #[arg(long)]
    pub(crate) copy: bool,
    /// Earlier run (its folder, or its results.json): the reports say what changed since.
    #[arg(long, value_name = "DIR", value_hint = ValueHint::AnyPath)]
    pub(crate) compare: Option<PathBuf>,
    /// Print every row of the matrix, also where there are many pairs and all is well.
    #[arg(long)]
    pub(crate) full: bool,
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
    /// Client, or glob; `ID@RELEASE` or `ID@VERSION` takes it from the store (`vpn-interop peers`), `ID@*` in every release, `ID@{A,B}` in some,
    /// `ID=PROGRAM` runs your own build in its place.
    #[arg(long = "client", value_name = "ID[@RELEASE|=PROGRAM]")]
    pub(crate) clients: Vec<String>,
    /// Server, or glob; the same forms.
    #[arg(long = "server", value_name = "ID[@RELEASE|=PROGRAM]")]
    pub(crate) servers: Vec<String>,
    /// Start the side that has this defect with it (`vpn-interop mutants list`); every cell is labelled with it.
    #[arg(long, value_name = "NAME")]
    pub(crate) mutant: Option<String>,
    /// Folder with libraries of your own build.
    #[arg(long = "with-lib-path", value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) libraries: Vec<PathBuf>,
    /// Folder for results.json, reports and bundles; `vpn-interop-out` unless given, with `--rerun DIR` `DIR.rerun`.
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) out: Option<PathBuf>,
    /// Source of every random choice; chosen and printed unless given.
    #[arg(long)]
    pub(crate) seed: Option<u64>,
    /// Cells at a time, whatever the machine says; else as many as keep its processors busy without starving each other, with
    /// regard to free memory, and scenarios that measure throughput alone.
    #[arg(long, short, value_parser = clap::value_parser!(u16).range(1..=256))]
    pub(crate) jobs: Option<u16>,
    /// Run each cell N times; different verdicts make it `flaky`.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(crate) repeat: u32,
    /// Of each scenario run only so many cells that every two values of its axes, client and server among them, meet once;
    /// `--seed` decides which.
    #[arg(long)]
    pub(crate) pairwise: bool,
    /// Run one share of the cells only: `2/4` is the second of four; `auto` asks GitLab, Buildkite, CircleCI or Slurm which one
    /// this is, `auto/4` Kubernetes, which does not tell how many there are. All shares need the same selection, `--seed` (1
    /// unless given) and `--durations`; `vpn-interop report` makes one run of them.
    #[arg(long, value_name = "I/N|auto[/N]", conflicts_with_all = ["resume", "rerun"])]
    pub(crate) partition: Option<String>,
    /// How long cells took before, for their order (longest first) and for even shares: results.json of a run, or the folder
    /// with it; may be given several times. The order knows what earlier runs of this user took anyway, shares do not.
    #[arg(long, value_name = "FILE|DIR", value_hint = ValueHint::AnyPath)]
    pub(crate) durations: Vec<PathBuf>,
    /// Go on with a run that was interrupted, in its folder: what is finished there stays, the rest is run.
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath, conflicts_with_all = CHOICES,
          conflicts_with_all = ["rerun", "out", "seed", "repeat"])]
    pub(crate) resume: Option<PathBuf>,
    /// Earlier run (its folder, or its results.json): the reports say what changed since.
    #[arg(long, value_name = "DIR", value_hint = ValueHint::AnyPath)]
    pub(crate) compare: Option<PathBuf>,
    /// Run again what did not end as expected in an earlier run, with the same peers, parameters and seed, into another folder,
    /// and say what has changed.
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath, conflicts_with_all = CHOICES)]
    pub(crate) rerun: Option<PathBuf>,
    /// Count `degraded` as unexpected.
    #[arg(long, value_parser = ["degraded"])]
    pub(crate) fail_on: Option<String>,
    /// Start nothing more after the first unexpected verdict.
    #[arg(long)]
    pub(crate) fail_fast: bool,
    /// Run cells although the baseline of their pair failed.
    #[arg(long)]
    pub(crate) no_gate: bool,
    /// Do not add the reference where several releases of a side are asked for; without it the suspect of a failure is a guess.
    #[arg(long)]
    pub(crate) no_witness: bool,
    /// Keep the lab of each cell up after its last step, until Enter or Ctrl-C; for `vpn-interop shell`.
    #[arg(long)]
    pub(crate) keep: bool,
    /// Cells whose capture stays in the bundle: `all`, or `notable`, which are those that did not simply pass. A capture is
    /// most of a bundle, often 10 MB; a run of thousands of cells wants `notable`. Traces, logs and snapshots always stay.
    #[arg(long, value_parser = ["all", "notable"], value_name = "WHICH")]
    pub(crate) captures: Option<String>,
    /// Print results.json instead of the matrix.
    #[arg(long)]
    pub(crate) json: bool,
    /// Say which cells would run, and run none.
    #[arg(long)]
    pub(crate) dry_run: bool,
}

/// Arguments of `run` that choose cells: a run that is taken up again has its own.
const CHOICES: [&str; 12] = [
    "suite",
    "scenarios",
    "areas",
    "params",
    "clients",
    "servers",
    "mutant",
    "libraries",
    "pairwise",
    "partition",
    "no_gate",
    "no_witness",
];

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
