//! `extends`: a peer file that is laid on another one.

use super::layers::RawFile;
use crate::{
    Name, Problem, Problems, suggest,
    yaml::{Content, Mapping, Node, deep_merge},
};

/// Fields that belong to one file and are not inherited.
const OWN: [&str; 7] = ["id", "title", "about", "replaces", "extends", "capabilities-remove", "known-as"];

/// Lays an entry on the one that it extends, and so on down.
pub(super) struct Inheritance<'a> {
    /// The files of the peers, the uppermost of each id first.
    pub(super) peers: Vec<&'a RawFile>,
}

impl Inheritance<'_> {
    pub(super) fn expand(&self, file: &RawFile, tree: &Node, problems: &mut Problems) -> Option<Node> {
        self.lay(file, tree, &mut Vec::new(), problems)
    }

    fn lay<'b>(
        &'b self,
        file: &'b RawFile,
        tree: &Node,
        chain: &mut Vec<&'b RawFile>,
        problems: &mut Problems,
    ) -> Option<Node> {
        let Some(extends) = tree.mapping().and_then(|mapping| mapping.value("extends")) else {
            return Some(tree.clone());
        };
        let Some(text) = extends.scalar() else { return Some(tree.clone()) };
        let parent = Name::at(text, &extends.at);
        chain.push(file);
        let Some(base) = self.find(&parent, file) else {
            let known = self.peers.iter().map(|peer| peer.stem()).filter(|stem| *stem != file.stem());
            let help = suggest::help(&parent, known);
            problems
                .push(Problem::new(format!("unknown peer `{parent}`"), &extends.at, "no such peer").maybe_help(help));
            return None;
        };
        if let Some(start) = chain.iter().position(|earlier| std::ptr::eq(*earlier, base)) {
            let mut cycle: Vec<&str> = chain[start..].iter().map(|file| file.stem()).collect();
            cycle.push(base.stem());
            // Each file of the circle would report it; the first by name does.
            if start == 0 && chain.iter().all(|file| chain[0].stem() <= file.stem()) {
                let message = format!("the peers extend each other in a circle: {}", cycle.join(" -> "));
                problems.push(Problem::new(message, &extends.at, "this leads back").help("remove one `extends`"));
            }
            return None;
        }
        let below = self.lay(base, base.tree.as_ref()?, chain, problems)?;
        merged(below, tree, problems)
    }

    /// The uppermost peer of that id; for a file that extends what it replaces, the one below it.
    fn find(&self, id: &str, from: &RawFile) -> Option<&RawFile> {
        self.peers
            .iter()
            .find(|peer| peer.stem() == id && (peer.stem() != from.stem() || peer.layer < from.layer))
            .or_else(|| self.peers.iter().find(|peer| peer.stem() == id))
            .copied()
    }
}

fn merged(mut below: Node, tree: &Node, problems: &mut Problems) -> Option<Node> {
    let mapping = below.mapping_mut()?;
    for key in OWN {
        mapping.take(key);
    }
    let inherited_args = mapping.take("args-append");
    let mut node = deep_merge(&below, tree);
    let mapping = node.mapping_mut()?;
    if let Some(mut args) = inherited_args {
        let own = mapping.value("args-append").map(|own| own.sequence().map(<[Node]>::to_vec));
        // A value of the wrong type stays, so that it is reported when the peer is decoded.
        if let (Content::Sequence(items), Some(own)) = (&mut args.content, own.unwrap_or_else(|| Some(Vec::new()))) {
            items.extend(own);
            mapping.set(Name::from("args-append"), args);
        }
    }
    remove_capabilities(mapping, problems);
    Some(node)
}

fn remove_capabilities(mapping: &mut Mapping, problems: &mut Problems) {
    let Some(removed) = mapping.value("capabilities-remove").cloned() else { return };
    let Some(index) = mapping.0.iter().position(|(key, _)| key == "capabilities") else { return };
    let Content::Sequence(capabilities) = &mut mapping.0[index].1.content else { return };
    for node in removed.sequence().unwrap_or_default() {
        let before = capabilities.len();
        capabilities.retain(|capability| capability.scalar() != node.scalar());
        if let (true, Some(name)) = (capabilities.len() == before, node.scalar()) {
            let known: Vec<&str> = capabilities.iter().filter_map(Node::scalar).collect();
            let help = suggest::help(name, known);
            problems.push(
                Problem::new(format!("the extended peer has no capability `{name}`"), &node.at, "nothing to remove")
                    .maybe_help(help),
            );
        }
    }
}
