//! The primitives, in one ordered table: reader, schema, help and documentation come from it.

use super::actions::{
    AddressFault, CertificateFault, ClockFault, DnsFault, LinkFault, NatFault, NftFault, PortFault, RestartFault,
    RouteFault, SignalFault, WireFault,
};
use crate::{
    Problems,
    decode::{Decode, Schema},
    yaml::Node,
};

macro_rules! primitives {
    ($($(#[doc = $doc:literal])* $variant:ident($type:ty) = $word:literal,)*) => {
        /// What a fault does in a cell, ready to be carried out.
        #[derive(Clone, Debug, PartialEq)]
        pub enum FaultAction {
            $($(#[doc = $doc])* $variant($type),)*
        }

        impl FaultAction {
            /// Name of the primitive.
            pub const fn primitive(&self) -> &'static str {
                match self {
                    $(Self::$variant(_) => $word,)*
                }
            }
        }

        /// Every primitive.
        pub const PRIMITIVES: &[Primitive] = &[$(
            Primitive {
                name: $word,
                about: ($($doc),*),
                schema: <$type as Decode>::schema,
                decode: |node, problems| <$type as Decode>::decode(node, problems).map(FaultAction::$variant),
            },
        )*];
    };
}

primitives! {
    /// Adds rules to a node's nftables.
    Nft(NftFault) = "nft",
    /// Changes how a link treats packets.
    Wire(WireFault) = "wire",
    /// Changes a router's address translation.
    Nat(NatFault) = "nat",
    /// Changes a node's routes.
    Route(RouteFault) = "route",
    /// Sets a node's interface up or down.
    Link(LinkFault) = "link",
    /// Replaces the address of a node's interface.
    Address(AddressFault) = "address",
    /// Sends a signal to a peer.
    Signal(SignalFault) = "signal",
    /// Ends a peer and starts it again.
    Restart(RestartFault) = "restart",
    /// Gives a peer a defective certificate.
    Certificate(CertificateFault) = "certificate",
    /// Sets a peer's clock wrong.
    Clock(ClockFault) = "clock",
    /// Makes the lab's DNS answer wrongly.
    Dns(DnsFault) = "dns",
    /// Lets something else listen on a port.
    Port(PortFault) = "port",
}

/// Something that Rust can break.
#[derive(Clone, Copy)]
pub struct Primitive {
    /// Name in YAML.
    pub name: &'static str,
    about: &'static str,
    pub(crate) schema: fn() -> Schema,
    pub(crate) decode: fn(&Node, &mut Problems) -> Option<FaultAction>,
}

impl Primitive {
    /// What it does, in one sentence.
    pub const fn about(&self) -> &'static str {
        self.about.trim_ascii_start()
    }

    /// The fields with their description, and whether they are required.
    pub fn fields(&self) -> Vec<(String, String, bool)> {
        let schema = (self.schema)();
        let required =
            |name: &str| schema["required"].as_array().is_some_and(|list| list.iter().any(|item| item == name));
        let properties = schema["properties"].as_object();
        properties
            .into_iter()
            .flatten()
            .map(|(name, field)| {
                (name.clone(), field["description"].as_str().unwrap_or_default().to_owned(), required(name))
            })
            .collect()
    }

    pub(crate) fn of(name: &str) -> Option<&'static Self> {
        PRIMITIVES.iter().find(|primitive| primitive.name == name)
    }
}
