//! The page of one cell.

use interop_evidence::{CellRecord, RunResults};
use minijinja::value::Serde;
use minijinja::{Environment, Value, context};
use serde::Serialize;

use super::changes::Mark;
use super::detail::Detail;
use super::evidence::Limits;
use super::ladder::{ARROWS, Ladder, Source};
use super::place::Place;
use super::{CELL_SCRIPT, CELL_STYLE, STYLE, embed};
use crate::look::{symbol, tone};
use crate::text::{one_line, version_tag};
use crate::{Matrix, Options, ReportError, Row, needs_attention};

/// Cells of the same scenario that are shown beside each other.
const SIBLINGS: usize = 120;

/// The same scenario with another version of a peer.
#[derive(Serialize)]
struct Sibling {
    symbol: &'static str,
    verdict: &'static str,
    tone: &'static str,
    href: Option<String>,
    label: String,
    here: bool,
}

/// One client's line of them.
#[derive(Serialize)]
struct Line {
    client: String,
    cells: Vec<Option<Sibling>>,
}

#[derive(Serialize)]
struct Siblings {
    label: String,
    servers: Vec<String>,
    lines: Vec<Line>,
}

/// What all pages have in common.
pub(super) struct Context<'a> {
    pub(super) environment: &'a Environment<'a>,
    pub(super) results: &'a RunResults,
    pub(super) matrix: &'a Matrix<'a>,
    pub(super) places: &'a [Option<Place>],
    pub(super) options: Options<'a>,
}

impl Context<'_> {
    /// The page of a cell; `row` is where it stands in the matrix.
    pub(super) fn page(
        &self,
        index: usize,
        place: &Place,
        row: &Row<'_>,
        mark: Option<&Mark>,
    ) -> Result<String, ReportError> {
        let cell = &self.results.cells[index];
        let wanting = needs_attention(cell, self.options.fail_on_degraded);
        let mut detail = Detail::of(cell, place, Limits::of(wanting));
        match place.bundle.as_deref().and_then(Source::of).map(|source| Ok((source.read()?, source.text))) {
            Some(Ok((trace, text))) => detail.with_trace(cell, Ladder::of(&trace, cell, text, ARROWS)),
            Some(Err(note)) => detail.note(note),
            None => {}
        }
        let neighbour = |place: Option<&Option<Place>>, up: &str| {
            place.and_then(|place| Some(format!("{up}{}", place.as_ref()?.href)))
        };
        // The next one that has a page.
        let near = |mut places: Box<dyn Iterator<Item = &Option<Place>> + '_>| {
            neighbour(places.find(|place| place.is_some()), &place.up)
        };
        let drawing = detail.drawing().map(|svg| Value::from_safe_string(svg.to_owned()));
        let tone = tone(cell.verdict).as_str();
        let page = self.environment.get_template("cell.html")?.render(context! {
            cell => Value::from(Serde(detail)),
            // What went wrong is unfolded.
            unfold => !matches!(tone, "good" | "quiet"),
            drawing,
            siblings => Value::from(Serde(self.siblings(cell, row, &place.up))),
            mark => Value::from(Serde(mark)),
            run => one_line(&self.results.run.id, 80),
            home => format!("{}report.html", place.up),
            bundle => &place.bundle_link,
            before => near(Box::new(self.places[..index].iter().rev())),
            after => near(Box::new(self.places[index + 1..].iter())),
            policy => embed::policy(CELL_SCRIPT),
            style => Value::from_safe_string(format!("{STYLE}{CELL_STYLE}")),
            script => Value::from_safe_string(CELL_SCRIPT.to_owned()),
        })?;
        Ok(page)
    }

    /// The cells of the same row and family, clients down and servers across.
    fn siblings(&self, cell: &CellRecord, row: &Row<'_>, up: &str) -> Option<Siblings> {
        let mut servers = indexmap::IndexSet::new();
        let mut clients: indexmap::IndexMap<_, Vec<_>> = indexmap::IndexMap::new();
        let of_family = row
            .slots
            .iter()
            .flatten()
            .filter(|slot| slot.cell.client.id == cell.client.id && slot.cell.server.id == cell.server.id);
        for slot in of_family.take(SIBLINGS) {
            servers.insert(&slot.cell.server);
            clients.entry(&slot.cell.client).or_default().push(slot);
        }
        servers.sort_by(|a, b| crate::order::by_version(a, b));
        if servers.len() * clients.len() < 2 {
            return None;
        }
        let sibling = |slot: &crate::Slot<'_>| Sibling {
            symbol: symbol(slot.cell.verdict, true),
            verdict: slot.cell.verdict.as_str(),
            tone: tone(slot.cell.verdict).as_str(),
            href: self.places[slot.index].as_ref().map(|place| format!("{up}{}", place.href)),
            label: one_line(&slot.cell.reason, 200),
            here: std::ptr::eq(slot.cell, cell),
        };
        let line = |(client, slots): (&&interop_evidence::PeerRecord, &Vec<&crate::Slot<'_>>)| Line {
            client: version_tag(client),
            cells: servers
                .iter()
                .map(|server| slots.iter().find(|slot| slot.cell.server == **server).map(|slot| sibling(slot)))
                .collect(),
        };
        Some(Siblings {
            label: format!("{} × {}", one_line(&cell.client.id, 60), one_line(&cell.server.id, 60)),
            servers: servers.iter().map(|server| version_tag(server)).collect(),
            lines: clients.iter().map(line).collect(),
        })
    }
}
