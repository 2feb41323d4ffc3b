//! What a peer can have.

use super::Side;
use crate::{
    Name, Problems,
    decode::{Decode, Schema, record},
    yaml::{Content, Node},
};

record! {
    /// Something that a peer can have and a scenario can need; a sentence alone stands for `means`.
    pub struct Capability {
        /// What it means, in one sentence.
        pub means: String,
        /// Roles that can have it; any unless given.
        pub roles: Vec<Side> = Vec::new(),
        /// Protocols with which it makes sense; any unless given.
        pub protocols: Vec<Name> = Vec::new(),
    }
}

impl Capability {
    /// Whether a peer in this role can have it.
    pub fn fits(&self, side: Side) -> bool {
        self.roles.is_empty() || self.roles.contains(&side)
    }
}

/// A [`Capability`] in either spelling.
pub(crate) struct AnyCapability(pub(crate) Capability);

impl Decode for AnyCapability {
    fn decode(node: &Node, problems: &mut Problems) -> Option<Self> {
        Some(Self(match &node.content {
            Content::Mapping(_) => Capability::decode(node, problems)?,
            _ => Capability { means: String::decode(node, problems)?, roles: Vec::new(), protocols: Vec::new() },
        }))
    }

    fn schema() -> Schema {
        serde_json::json!({"oneOf": [String::schema(), Capability::schema()]})
    }
}
