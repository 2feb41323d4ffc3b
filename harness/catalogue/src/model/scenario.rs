//! Scenarios.

use std::time::Duration;

use indexmap::IndexMap;
use interop_evidence::View;
use serde_json::json;

use super::{Glob, Params, Scalar, Side, Step, expand};
use crate::{
    Name, Problem, Problems, Spanned,
    decode::{Decode, Schema, keywords, record, text_of},
    yaml::Node,
};

record! {
    /// A story with faults and expectations.
    pub struct Scenario {
        /// Names the scenario; the same as the file's stem.
        pub id: Name,
        /// The story in one line.
        pub title: String,
        /// What it is about, for grouping: `dtls-fallback`.
        pub area: Name,
        /// The story in more words.
        pub about: Option<String> = None,
        /// Public texts that it rests on.
        pub sources: Vec<String> = Vec::new(),
        /// Requirements that it proves: `AC-DTLS-19`.
        pub requirements: Vec<Name> = Vec::new(),
        /// Id of the topology.
        pub topology: Name,
        /// Files below the scenarios' folder that bring settings, always-checks and first steps.
        pub include: Vec<Name> = Vec::new(),
        /// Whether it replaces the built-in scenario of the same id.
        pub replaces: bool = false,
        /// Capabilities that the peers must declare; else the cell is `unsupported`.
        pub needs: Needs = Needs::default(),
        /// Peers that the scenario is about; any unless given. Emulated ones must be named here to take part by themselves.
        pub only: Only = Only::default(),
        /// Parameters with several values; one cell per combination.
        pub axes: IndexMap<Name, Axis> = IndexMap::new(),
        /// Parameters with one value, for peer templates and expressions.
        pub settings: IndexMap<Name, Scalar> = IndexMap::new(),
        /// Hard limit of a cell.
        pub time_limit: Duration = Duration::from_secs(180),
        /// Whether it gates a pair: when it fails, the pair's other scenarios are `blocked`.
        pub baseline: bool = false,
        /// What happens.
        pub steps: Vec<Spanned<Step>>,
        /// Checks over the whole cell.
        pub always: Vec<Spanned<Always>> = Vec::new(),
        /// What `no-leak` watches.
        pub leak_watch: LeakWatch = LeakWatch::Off,
        /// Views that are compared with a golden trace.
        pub golden: Vec<View> = Vec::new(),
        /// How far a run may lie apart from its golden traces.
        pub golden_slack: GoldenSlack = GoldenSlack::default(),
        /// Defects of peers (their `mutants`) that it catches; `vpn-interop mutants prove` holds it to that.
        pub mutants: Vec<Name> = Vec::new(),
    }
}

impl Scenario {
    /// The parameters of every cell, in stable order: the last axis varies fastest.
    pub fn cells(&self) -> Vec<Params> {
        let settings = self.settings.iter().map(|(name, value)| (name.to_string(), value.clone())).collect();
        expand(
            &settings,
            self.axes.iter().map(|(name, axis)| (name.as_str(), axis.0.iter().map(|v| &v.value).collect())),
        )
    }

    /// Whether a check is among `always`.
    pub fn always(&self, check: Always) -> bool {
        self.always.iter().any(|spanned| spanned.value == check)
    }
}

record! {
    /// Capabilities that a scenario needs.
    #[derive(Default)]
    pub struct Needs {
        /// Of the client.
        pub client: Vec<Name> = Vec::new(),
        /// Of the server.
        pub server: Vec<Name> = Vec::new(),
    }
}

record! {
    /// Peers that a scenario is about.
    #[derive(Default)]
    pub struct Only {
        /// Clients, by name or glob.
        pub client: Vec<Spanned<Glob>> = Vec::new(),
        /// Servers, by name or glob.
        pub server: Vec<Spanned<Glob>> = Vec::new(),
    }
}

impl Only {
    /// The globs for one side.
    pub fn of(&self, side: Side) -> &[Spanned<Glob>] {
        match side {
            Side::Client => &self.client,
            Side::Server => &self.server,
        }
    }
}

/// The values of an axis; at least one, no two alike.
#[derive(Clone, Debug, PartialEq)]
pub struct Axis(pub Vec<Spanned<Scalar>>);

impl Decode for Axis {
    fn decode(node: &Node, problems: &mut Problems) -> Option<Self> {
        let values: Vec<Spanned<Scalar>> = Vec::decode(node, problems)?;
        if values.is_empty() {
            let problem = Problem::new("an axis without values", &node.at, "empty").help("write at least one value");
            problems.push(problem);
            return None;
        }
        for (index, value) in values.iter().enumerate() {
            if let Some(first) = values[..index].iter().find(|earlier| earlier.text == value.text) {
                let message = format!("the value `{}` stands twice", value.text);
                problems.push(Problem::new(message, &value.at, "again here").and(&first.at, "first here"));
                return None;
            }
        }
        Some(Self(values))
    }

    fn schema() -> Schema {
        json!({"type": "array", "items": Scalar::schema(), "minItems": 1, "uniqueItems": true})
    }
}

keywords! {
    /// Checks over the whole cell.
    pub enum Always: "check" {
        /// After the end everything is as it was before.
        LeaveNoTrace = "leave-no-trace",
        /// No peer died of a signal or wrote a core.
        NoCrash = "no-crash",
        /// Nothing that belongs into the tunnel was seen outside of it.
        NoLeak = "no-leak",
    }
}

keywords! {
    /// What `no-leak` watches.
    pub enum LeakWatch: "leak watch" {
        /// All traffic belongs into the tunnel.
        Full = "full",
        /// Nothing is watched.
        Off = "off",
        /// The traffic to inside prefixes belongs into the tunnel.
        Split = "split",
    }
}

record! {
    /// How far a run may lie apart from its golden traces.
    #[derive(Copy)]
    pub struct GoldenSlack {
        /// How far the times of flows within a phase may differ.
        pub time: Duration = GoldenSlack::default().time,
        /// Whether the network loses packets by chance, so that the number of repetitions says nothing.
        pub repeats: bool = false,
    }
}

impl Default for GoldenSlack {
    fn default() -> Self {
        Self { time: Duration::from_secs(3), repeats: false }
    }
}

/// What a scenario has compared is what a trace shows: one word, one type.
impl Decode for View {
    fn decode(node: &Node, problems: &mut Problems) -> Option<Self> {
        let text = text_of(node, "a view", "outer-flow", problems)?;
        let found = Self::ALL.into_iter().find(|view| view.as_str() == text);
        if found.is_none() {
            problems.unknown("view", text, Some(&node.at), Self::ALL.map(Self::as_str));
        }
        found
    }

    fn schema() -> Schema {
        json!({"enum": Self::ALL.map(Self::as_str)})
    }
}
