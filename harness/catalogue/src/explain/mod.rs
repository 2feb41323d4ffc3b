//! The catalogue for people: lists, stories and pictures.

mod picture;
mod story;

pub use picture::picture;

use crate::{Catalogue, Entry, Origin, Problem, Section, suggest};

/// One line of a list.
#[derive(Clone, Debug)]
pub struct Listing {
    /// Kind of entry.
    pub section: Section,
    /// Its id.
    pub id: String,
    /// Its title.
    pub title: String,
    /// Where it was defined.
    pub origin: Origin,
}

impl Catalogue {
    /// The entries of one kind, by id.
    pub fn list(&self, section: Section) -> Vec<Listing> {
        fn lines<'a, T: 'a>(
            section: Section,
            entries: impl Iterator<Item = (&'a String, &'a Entry<T>)>,
            title: fn(&T) -> String,
        ) -> Vec<Listing> {
            entries
                .map(|(id, entry)| Listing {
                    section,
                    id: id.clone(),
                    title: title(&entry.value),
                    origin: entry.origin.clone(),
                })
                .collect()
        }
        match section {
            Section::Cases => lines(section, self.scenarios.iter(), |entry| entry.title.clone()),
            Section::Expectations => lines(section, self.expectations.iter(), |entry| match entry.entries.len() {
                1 => "1 known deviation".to_owned(),
                count => format!("{count} known deviations"),
            }),
            Section::Faults => lines(section, self.faults.iter(), |entry| entry.title.clone()),
            Section::Peers => lines(section, self.peers.iter(), |entry| entry.title.clone()),
            Section::Suites => lines(section, self.suites.iter(), |entry| entry.title.clone()),
            Section::Topologies => lines(section, self.topologies.iter(), |entry| entry.title.clone()),
        }
    }

    /// The story of a scenario, topology, fault, peer or suite, and where each part of it is defined.
    pub fn explain(&self, id: &str) -> Result<String, Problem> {
        if let Some(scenario) = self.scenarios.get(id) {
            return Ok(story::scenario(self, scenario));
        }
        if let Some(topology) = self.topologies.get(id) {
            return Ok(story::topology(topology));
        }
        if let Some(fault) = self.faults.get(id) {
            return Ok(story::fault(fault));
        }
        if let Some(peer) = self.peers.get(id) {
            return Ok(story::peer(self, peer));
        }
        if let Some(suite) = self.suites.get(id) {
            return Ok(story::suite(self, suite));
        }
        let ids: Vec<&String> = self
            .scenarios
            .keys()
            .chain(self.topologies.keys())
            .chain(self.faults.keys())
            .chain(self.peers.keys())
            .chain(self.suites.keys())
            .collect();
        let problem = Problem::without_place(format!("nothing is called `{id}`"));
        Err(problem.maybe_help(suggest::help(id, ids.iter().map(|id| id.as_str()))))
    }
}
