//! Arguments of `diff` and `bisect`.

use std::path::PathBuf;
use std::time::Duration;

use clap::builder::PossibleValuesParser;
use clap::{Args as ClapArgs, ValueHint};
use interop_catalogue::{Scalar, ScalarValue};
use interop_evidence::Verdict;

pub(super) const DIFF_AFTER: &str = "\
Examples:
  vpn-interop diff monday tuesday                        what broke, what was repaired, what became slower
  vpn-interop diff with-1.1.6 with-1.3.0                 one server version in the place of another
  vpn-interop diff monday tuesday --markdown             for the summary page of a job
  vpn-interop diff laptop server --ignore-measurements   verdicts and traces only

Exit codes: 0 no worse; 64 a run cannot be read; 100 worse: a new failure, a worse verdict, a longer outage, a cell without a
verdict that had one. A trace that differs is shown, but is not worse by itself; nor is a cell that is gone.";

pub(super) const BISECT_AFTER: &str = "\
Examples:
  vpn-interop bisect udp-blocked-mid-session --param dpd=3s --client openconnect@8.10..9.21 --server ocserv
  vpn-interop bisect baseline --client openconnect --server 'ocserv@*' --trace
  vpn-interop bisect tcp-only --client openconnect@bullseye..sid --server ocserv@trixie --verdict fail

The versions are those in the store; `vpn-interop peers list` shows them, `vpn-interop peers install` adds more. Both ends are
run, then halves of what is left: four versions need four runs at most, sixteen need six.

Exit codes: 0 the version was found; 4 the ends do not differ; 64 wrong usage; 96 an end could not be judged; 130 interrupted.";

#[derive(Debug, ClapArgs)]
pub(crate) struct DiffArgs {
    /// The earlier run: its folder, or its results.json.
    #[arg(value_name = "OLD", value_hint = ValueHint::AnyPath)]
    pub(crate) old: PathBuf,
    /// The later run.
    #[arg(value_name = "NEW", value_hint = ValueHint::AnyPath)]
    pub(crate) new: PathBuf,
    /// How cells are matched: `key` by their names alone; `peer` also where one version of a peer took the place of another one.
    #[arg(long, value_parser = ["peer", "key"], default_value = "peer")]
    pub(crate) by: String,
    /// Leave out measurements: runs on different machines, or on a busy one.
    #[arg(long)]
    pub(crate) ignore_measurements: bool,
    /// Leave out traces; then bundles are not read.
    #[arg(long)]
    pub(crate) ignore_traces: bool,
    /// A measurement counts as changed when it is so many times larger or smaller,
    #[arg(long, value_name = "TIMES", default_value_t = 1.5, value_parser = times)]
    pub(crate) slower_factor: f64,
    /// and a duration when it differs by this at least.
    #[arg(long, value_name = "DURATION", default_value = "2s", value_parser = duration)]
    pub(crate) slower_by: Duration,
    /// As Markdown, for a job summary.
    #[arg(long, conflicts_with = "json")]
    pub(crate) markdown: bool,
    /// For machines.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct BisectArgs {
    /// Id of the scenario.
    pub(crate) scenario: String,
    /// Client: one, or several versions of it as `ID@FROM..TO` (versions or releases; an end may be left out) or `ID@*`.
    #[arg(long, value_name = "ID[@FROM..TO]")]
    pub(crate) client: String,
    /// Server; one of the two sides names several versions.
    #[arg(long, value_name = "ID[@FROM..TO]")]
    pub(crate) server: String,
    /// Value of an axis, for a scenario that has several cells: `dpd=3s`.
    #[arg(long = "param", value_name = "NAME=VALUE", value_parser = super::name_value)]
    pub(crate) params: Vec<(String, String)>,
    /// Look for the first version that has, or no longer has, this verdict; without, for the first with another one.
    #[arg(long, value_name = "VERDICT", conflicts_with = "trace", value_parser = verdict())]
    pub(crate) verdict: Option<String>,
    /// Look for the first version of which the trace differs from the oldest one's, in the golden views of the scenario.
    #[arg(long)]
    pub(crate) trace: bool,
    /// Run each version N times; different verdicts make it `flaky`, which is a verdict like others.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(crate) repeat: u32,
    /// Folder for the runs, one below it for each step.
    #[arg(long, value_name = "DIR", default_value = "vpn-interop-bisect", value_hint = ValueHint::DirPath)]
    pub(crate) out: PathBuf,
    /// Source of every random choice, the same in each step; chosen and printed unless given.
    #[arg(long)]
    pub(crate) seed: Option<u64>,
    /// For machines.
    #[arg(long)]
    pub(crate) json: bool,
}

fn verdict() -> PossibleValuesParser {
    PossibleValuesParser::new(Verdict::ALL.map(Verdict::as_str))
}

fn times(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(times) if times.is_finite() && times >= 1.0 => Ok(times),
        _ => Err(format!("`{text}` is not a number from 1 on, like 1.5")),
    }
}

fn duration(text: &str) -> Result<Duration, String> {
    match Scalar::from(text).value {
        ScalarValue::Duration(duration) => Ok(duration),
        _ => Err(format!("`{text}` is not a duration like 2s or 500ms")),
    }
}
