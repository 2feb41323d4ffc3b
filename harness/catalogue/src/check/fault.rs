//! Faults: the primitive exists, its fields are complete, templates use declared parameters, arguments fit.

use std::net::IpAddr;

use indexmap::IndexMap;

use super::identifier;
use crate::{
    Direction, Fault, FaultAction, Mtu, Name, PRIMITIVES, ParamKind, Percent, Port, Primitive, Problem, Problems, Side,
    Size, Span, Target, Topology,
    decode::{Parse, ParseError},
    primitive::{known_params, placeholder, variables},
    suggest,
    units::parse_duration,
};

pub(super) fn check(fault: &Fault, problems: &mut Problems) {
    let Some(primitive) = Primitive::of(&fault.primitive) else {
        problems.unknown("primitive", &fault.primitive, fault.primitive.span(), PRIMITIVES.iter().map(|p| p.name));
        return;
    };
    let fields = primitive.fields();
    for (name, template) in &fault.with {
        if !fields.iter().any(|(field, ..)| field == name.as_str()) {
            let owner = format!("of the primitive `{}`", primitive.name);
            problems.unknown_of("field", &owner, name, name.span(), fields.iter().map(|(field, ..)| field.as_str()));
        }
        for variable in variables(template) {
            if !known_params(fault).any(|param| in_template(param) == variable) {
                let at = variable_place(&template.at, &variable);
                let known: Vec<String> = known_params(fault).map(in_template).collect();
                problems.unknown("parameter", &variable, Some(&at), known.iter().map(String::as_str));
            }
        }
    }
    for (field, about, required) in &fields {
        if *required
            && !fault.with.contains_key(field.as_str())
            && let Some(at) = fault.primitive.span()
        {
            problems.push(
                Problem::new(format!("the primitive `{}` needs the field `{field}`", primitive.name), at, "incomplete")
                    .help(format!("add `{field}: ...` under `with`: {about}")),
            );
        }
    }
    for (name, spec) in &fault.params {
        identifier(name, "parameter", problems);
        if let Some(default) = &spec.default
            && placeholder(&default.text).is_none()
            && !default.text.is_empty()
        {
            problems.extend(argument(name, spec.r#type, &default.text, &default.at, None).err());
        }
        let used = in_template(name);
        if !fault.with.values().any(|template| variables(template).contains(&used))
            && let Some(at) = name.span()
        {
            problems.push(
                Problem::new(format!("no field uses the parameter `{name}`"), at, "never used")
                    .help(format!("write `{{{{ {used} }}}}` in a field under `with`, or remove the parameter")),
            );
        }
    }
}

/// A parameter's name in a template, where a hyphen would be a minus.
fn in_template(param: &str) -> String {
    param.replace('-', "_")
}

/// The place of a variable in a template's text, as it stands in the file.
fn variable_place(at: &Span, variable: &str) -> Span {
    at.slice().find(variable).map_or_else(|| at.clone(), |start| at.part(start, start + variable.len()))
}

/// Says why an argument does not fit its parameter.
pub(super) fn argument(
    name: &str,
    kind: ParamKind,
    text: &str,
    at: &Span,
    topology: Option<&Topology>,
) -> Result<(), Box<Problem>> {
    let result = match kind {
        ParamKind::Direction => word(text, Direction::ALL.iter().map(|direction| direction.as_str())),
        ParamKind::Duration => parse_duration(text).map(drop),
        ParamKind::Link => known(text, "link", topology.map(|topology| &topology.links)),
        ParamKind::Mtu => Mtu::parse(text).map(drop),
        ParamKind::Node => known(text, "node", topology.map(|topology| &topology.nodes)),
        ParamKind::Number => {
            text.parse::<f64>().map(drop).map_err(|_| ParseError::new(format!("`{text}` is not a number")))
        }
        ParamKind::Peer => word(text, Side::ALL.iter().map(|side| side.as_str())),
        ParamKind::Percent => Percent::parse(text).map(drop),
        ParamKind::Port => Port::parse(text).map(drop),
        ParamKind::Size => Size::parse(text).map(drop),
        ParamKind::String => Ok(()),
        ParamKind::Target => Target::parse(text).and_then(|target| match target.node() {
            Some(node) => known(node, "node", topology.map(|topology| &topology.nodes)),
            None => Ok(()),
        }),
    };
    result.map_err(|error| {
        let label = format!("`{name}` is of the type {kind}");
        Box::new(Problem::new(error.message, at, label).maybe_help(error.help))
    })
}

fn word<'a>(text: &str, words: impl Iterator<Item = &'a str> + Clone) -> Result<(), ParseError> {
    if words.clone().any(|word| word == text) {
        return Ok(());
    }
    let known: Vec<&str> = words.collect();
    Err(ParseError::new(format!("`{text}` is neither of {}", suggest::list(&known)))
        .help(format!("write {}", suggest::list(&known))))
}

fn known<T>(text: &str, what: &str, names: Option<&IndexMap<Name, T>>) -> Result<(), ParseError> {
    let Some(names) = names.filter(|names| !names.contains_key(text)) else { return Ok(()) };
    let error = ParseError::new(format!("unknown {what} `{text}`"));
    Err(match suggest::help(text, names.keys().map(Name::as_str)) {
        Some(help) => error.help(help),
        None => error,
    })
}

/// Reports names in a rendered action that the topology does not have: a fault may name nodes and links by itself.
pub(super) fn action(action: &FaultAction, topology: &Topology, problems: &mut Problems) {
    let (nodes, links): (Vec<&Name>, Vec<&Name>) = match action {
        FaultAction::Nft(fault) => (vec![&fault.node], vec![]),
        FaultAction::Wire(fault) => (fault.towards.iter().collect(), vec![&fault.link]),
        FaultAction::Nat(fault) => (vec![&fault.node], vec![]),
        FaultAction::Route(fault) => (vec![&fault.node], vec![]),
        FaultAction::Link(fault) => (fault.node.iter().collect(), vec![&fault.link]),
        FaultAction::Address(fault) => (vec![&fault.node], vec![&fault.link]),
        FaultAction::Port(fault) => (vec![&fault.node], vec![]),
        FaultAction::Signal(_)
        | FaultAction::Restart(_)
        | FaultAction::Certificate(_)
        | FaultAction::Clock(_)
        | FaultAction::Dns(_) => (vec![], vec![]),
    };
    let mut fine = true;
    for node in &nodes {
        fine &= super::topology::known_node(topology, node, problems);
    }
    for link in &links {
        if !topology.links.contains_key(link.as_str()) {
            problems.unknown("link", link, link.span(), topology.links.keys().map(Name::as_str));
            fine = false;
        }
    }
    // Where a fault names both, the node must be an end of the link.
    for (node, link) in nodes.iter().zip(&links).filter(|_| fine) {
        let ends = topology.links.get(link.as_str()).map(|link| &link.ends);
        if let (Some(ends), Some(at)) = (ends, node.span())
            && !ends.contains_key(node.as_str())
        {
            let known: Vec<&str> = ends.keys().map(Name::as_str).collect();
            problems.push(
                Problem::new(format!("`{node}` is not an end of the link `{link}`"), at, "not an end of the link")
                    .help(format!("its ends are {}", suggest::list(&known))),
            );
        }
    }
    if let FaultAction::Nat(fault) = action
        && let Some(node) = topology.nodes.get(fault.node.as_str())
        && let (None, Some(at)) = (&node.nat, fault.node.span())
    {
        problems.push(Problem::new(format!("`{}` translates no addresses", fault.node), at, "has no `nat`"));
    }
    next_hop(action, topology, problems);
}

fn next_hop(action: &FaultAction, topology: &Topology, problems: &mut Problems) {
    let FaultAction::Route(fault) = action else { return };
    let Some(via) = fault.via else { return };
    let reachable = |via: IpAddr| {
        topology.interfaces(&fault.node).any(|(_, _, nets)| nets.iter().any(|net| net.trunc().contains(&via)))
    };
    if let (false, Some(at)) = (reachable(via), fault.node.span()) {
        problems.push(Problem::new(
            format!("the next hop {via} is on no link of `{}`", fault.node),
            at,
            "not a neighbour",
        ));
    }
}
