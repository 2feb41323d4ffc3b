//! The network namespace of a node.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use netns_rs::NetNs;
use rtnetlink::Handle;

use super::view::View;
use crate::{LabError, Result};

/// A host, router or peer machine of the lab.
#[derive(Debug)]
pub struct Node {
    name: String,
    folder: PathBuf,
    ns: NetNs,
    netlink: Handle,
    view: OnceLock<View>,
}

impl Node {
    /// Makes a namespace with `lo` down and nothing else in it. Needs a tokio runtime.
    ///
    /// `folder` is the node's own place below the cell's `/run`.
    ///
    /// # Errors
    /// When the kernel refuses the namespace or a netlink socket in it.
    pub fn create(name: &str, folder: PathBuf) -> Result<Self> {
        let ns = NetNs::new(name).map_err(|source| LabError::Namespace { node: name.to_owned(), source })?;
        let (connection, netlink, _) = in_namespace(name, &ns, || {
            rtnetlink::new_connection().map_err(|source| LabError::system("open a netlink socket", source))
        })??;
        tokio::spawn(connection);
        Ok(Self { name: name.to_owned(), folder, ns, netlink, view: OnceLock::new() })
    }

    /// Name in the topology.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The node's own folder below the cell's `/run`.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Runs `work` on this thread inside the node's network namespace: sockets opened there stay there.
    ///
    /// # Errors
    /// When the namespace cannot be entered.
    pub fn run<T>(&self, work: impl FnOnce() -> T) -> Result<T> {
        in_namespace(&self.name, &self.ns, work)
    }

    /// The mount view of the node's processes, made at first use.
    ///
    /// # Errors
    /// When a mount is refused.
    pub fn view(&self) -> Result<&View> {
        if let Some(view) = self.view.get() {
            return Ok(view);
        }
        let view = View::create(&self.folder)?;
        Ok(self.view.get_or_init(|| view))
    }

    pub(super) fn has_view(&self) -> bool {
        self.view.get().is_some()
    }

    pub(super) fn namespace(&self) -> &NetNs {
        &self.ns
    }

    pub(super) fn netlink(&self) -> &Handle {
        &self.netlink
    }

    pub(super) fn netlink_error(&self, what: &str) -> impl FnOnce(rtnetlink::Error) -> LabError + use<> {
        let (node, what) = (self.name.clone(), what.to_owned());
        move |source| LabError::Netlink { node, what, source }
    }
}

fn in_namespace<T>(name: &str, ns: &NetNs, work: impl FnOnce() -> T) -> Result<T> {
    ns.run(|_| work()).map_err(|source| LabError::Namespace { node: name.to_owned(), source })
}
