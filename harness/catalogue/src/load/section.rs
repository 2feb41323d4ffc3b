//! The kinds of catalogue entries.

/// A kind of catalogue entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Section {
    /// Scenarios.
    Cases,
    /// Known deviations.
    Expectations,
    /// Faults.
    Faults,
    /// Peers.
    Peers,
    /// Suites.
    Suites,
    /// Topologies.
    Topologies,
}

impl Section {
    /// Every kind, in alphabetical order.
    pub const ALL: [Self; 6] =
        [Self::Cases, Self::Expectations, Self::Faults, Self::Peers, Self::Suites, Self::Topologies];

    /// The folder.
    pub const fn folder(self) -> &'static str {
        match self {
            Self::Cases => "cases",
            Self::Expectations => "expectations",
            Self::Faults => "faults",
            Self::Peers => "peers",
            Self::Suites => "suites",
            Self::Topologies => "topologies",
        }
    }

    /// What one entry is called.
    pub const fn noun(self) -> &'static str {
        match self {
            Self::Cases => "scenario",
            Self::Expectations => "expectations file",
            Self::Faults => "fault",
            Self::Peers => "peer",
            Self::Suites => "suite",
            Self::Topologies => "topology",
        }
    }

    pub(super) fn of_folder(folder: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|section| section.folder() == folder)
    }
}
