//! The network namespace of a node.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::thread;

use netns_rs::NetNs;
use rtnetlink::Handle;

use super::sysctl::{kernel_defaults, set_if_known};
use super::view::View;
use crate::{LabError, Result};

/// Buckets of a node's table of TCP connections.
const TCP_CONNECTIONS: &str = "4096";

/// Buckets of a node's table of UDP sockets.
const UDP_SOCKETS: &str = "1024";

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
        Self::around(name, folder, new_namespace(name)?)
    }

    /// Makes nodes with the kernel settings that every node has; `true` for those that forward. Needs a tokio runtime.
    ///
    /// # Errors
    /// When the kernel refuses a namespace, a setting or a netlink socket.
    pub(crate) fn create_all(folder: &Path, wanted: &[(&str, bool)]) -> Result<Vec<Self>> {
        let make = |(name, forwards): (&str, bool)| -> Result<NetNs> {
            let ns = new_namespace(name)?;
            in_namespace(name, &ns, || kernel_defaults(forwards))??;
            Ok(ns)
        };
        let Some((first, rest)) = wanted.split_first() else { return Ok(Vec::new()) };
        // Namespaces made from here on get tables of TCP connections and UDP sockets of their own (Linux 6.1, 6.2): who
        // lists the sockets of a node goes through them, and the machine's, of a quarter of a million entries, take 6 ms.
        set_if_known("ipv4/tcp_child_ehash_entries", TCP_CONNECTIONS)?;
        set_if_known("ipv4/udp_child_hash_entries", UDP_SOCKETS)?;
        // The first makes the folder of namespaces and its mount, which the others must not do again; they are made
        // side by side, because each waits for the kernel most of its time.
        let mut made = vec![make(*first)];
        thread::scope(|scope| {
            let threads: Vec<_> = rest.iter().map(|one| scope.spawn(|| make(*one))).collect();
            made.extend(threads.into_iter().map(|thread| {
                let panicked = |_| LabError::system("make a namespace", std::io::Error::other("thread ended"));
                thread.join().map_err(panicked)?
            }));
        });
        wanted.iter().zip(made).map(|((name, _), ns)| Self::around(name, folder.join(name), ns?)).collect()
    }

    fn around(name: &str, folder: PathBuf, ns: NetNs) -> Result<Self> {
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

    /// The mount view of the node's processes, made at first use with the machine's root file system.
    ///
    /// # Errors
    /// When a mount is refused.
    pub fn view(&self) -> Result<&View> {
        self.make_view(None)
    }

    /// The mount view; a view that is there keeps the root file system that it has.
    pub(crate) fn make_view(&self, root: Option<&Path>) -> Result<&View> {
        if let Some(view) = self.view.get() {
            return Ok(view);
        }
        let view = View::create(&self.folder, root)?;
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

fn new_namespace(name: &str) -> Result<NetNs> {
    NetNs::new(name).map_err(|source| LabError::Namespace { node: name.to_owned(), source })
}

fn in_namespace<T>(name: &str, ns: &NetNs, work: impl FnOnce() -> T) -> Result<T> {
    ns.run(|_| work()).map_err(|source| LabError::Namespace { node: name.to_owned(), source })
}
