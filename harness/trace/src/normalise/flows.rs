//! The flows of a trace, found again for each item.

use std::collections::HashMap;
use std::sync::Arc;

use interop_evidence::View;

use super::repeats::Lane;
use crate::found::Flow;

/// Flows that are found without a look at the table.
const NEAR: usize = 64;

/// A flow and its lines.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) flow: Arc<Flow>,
    lanes: Vec<Lane>,
}

impl Entry {
    /// Its lines in a view.
    pub(super) fn lane(&mut self, view: View) -> Option<&mut Lane> {
        let at = match self.lanes.iter().position(|lane| lane.view == view) {
            Some(at) => at,
            None => {
                self.lanes.push(Lane::new(view));
                self.lanes.len() - 1
            }
        };
        self.lanes.get_mut(at)
    }
}

/// Every flow that has a line.
#[derive(Debug)]
pub(super) struct FlowTable {
    entries: Vec<Entry>,
    ids: HashMap<Arc<Flow>, usize>,
    /// Ids of the flows that were asked for last, by where they are in memory.
    near: [usize; NEAR],
}

impl Default for FlowTable {
    fn default() -> Self {
        Self { entries: Vec::new(), ids: HashMap::new(), near: [usize::MAX; NEAR] }
    }
}

impl FlowTable {
    /// The id of a flow, if it is known. Most items are of the flow of the one before, so where a flow lies in memory
    /// is tried first; entries keep their flow alive, so that no other can come to lie there.
    pub(super) fn find(&mut self, flow: &Arc<Flow>) -> Option<usize> {
        let slot = self.near.get_mut((Arc::as_ptr(flow).addr() >> 5) % NEAR)?;
        if self.entries.get(*slot).is_some_and(|entry| Arc::ptr_eq(&entry.flow, flow)) {
            return Some(*slot);
        }
        let id = *self.ids.get(flow)?;
        *slot = id;
        Some(id)
    }

    /// Takes a flow that is not known yet.
    pub(super) fn insert(&mut self, flow: Arc<Flow>) -> usize {
        let id = self.entries.len();
        self.ids.insert(flow.clone(), id);
        self.entries.push(Entry { flow, lanes: Vec::new() });
        id
    }

    pub(super) fn entry(&mut self, id: usize) -> Option<&mut Entry> {
        self.entries.get_mut(id)
    }

    pub(super) fn flow(&self, id: usize) -> Option<&Arc<Flow>> {
        self.entries.get(id).map(|entry| &entry.flow)
    }
}
