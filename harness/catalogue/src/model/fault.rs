//! Faults.

use indexmap::IndexMap;

use super::{Scalar, Template};
use crate::{
    Name, Spanned,
    decode::{keywords, record},
};

record! {
    /// Something that breaks the little internet or a peer in a controlled way.
    pub struct Fault {
        /// Names the fault; the same as the file's stem.
        pub id: Name,
        /// What it does, in one line.
        pub title: String,
        /// What it does, in more words.
        pub about: Option<String> = None,
        /// Whether it replaces the built-in fault of the same id.
        pub replaces: bool = false,
        /// The Rust code behind it.
        pub primitive: Name,
        /// What a scenario may or must give.
        pub params: IndexMap<Name, ParamSpec> = IndexMap::new(),
        /// Fields of the primitive, as templates over the parameters.
        pub with: IndexMap<Name, Spanned<Template>> = IndexMap::new(),
    }
}

keywords! {
    /// What a parameter of a fault is.
    pub enum ParamKind: "type of parameter" {
        /// `download` or `upload`.
        Direction = "direction",
        /// `50ms`.
        Duration = "duration",
        /// A link of the topology.
        Link = "link",
        /// `1300`.
        Mtu = "mtu",
        /// A node of the topology.
        Node = "node",
        /// `0.5`.
        Number = "number",
        /// `client` or `server`.
        Peer = "peer",
        /// `1%`.
        Percent = "percent",
        /// `443`.
        Port = "port",
        /// `64KiB`.
        Size = "size",
        /// Any text.
        String = "string",
        /// A node, `NODE/v4`, `NODE/v6`, an address, or `gateway-inside`.
        Target = "target",
    }
}

record! {
    /// A parameter of a fault.
    pub struct ParamSpec {
        /// What it is.
        pub r#type: ParamKind,
        /// What it means.
        pub help: Option<String> = None,
        /// Value when the scenario gives none; without one the parameter is required.
        pub default: Option<Spanned<Scalar>> = None,
    }
}
