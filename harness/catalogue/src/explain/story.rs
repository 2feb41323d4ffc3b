//! Entries as stories.

use std::fmt::Write;

use super::picture;
use crate::{
    Catalogue, Entry, Fault, Name, Origin, Peer, Primitive, Scenario, Span, Step, Suite, Topology, format_duration,
};

pub(super) fn scenario(catalogue: &Catalogue, scenario: &Entry<Scenario>) -> String {
    let mut text = Text::default();
    text.head(&scenario.id, &scenario.title, &scenario.origin);
    text.line(&format!("Area: {}", scenario.area));
    text.about(scenario.about.as_deref());
    text.list("Sources", scenario.sources.iter());
    text.words("Requirements", scenario.requirements.iter());
    text.words("The client must have", scenario.needs.client.iter());
    text.words("The server must have", scenario.needs.server.iter());
    text.words("Only with the client", scenario.only.client.iter().map(|glob| &glob.value));
    text.words("Only with the server", scenario.only.server.iter().map(|glob| &glob.value));
    text.words("Settings", scenario.settings.iter().map(|(name, value)| format!("{name}={value}")));
    if !scenario.axes.is_empty() {
        text.list("Cells", scenario.cells().iter().map(|params| params.key()));
    }
    if let Some(topology) = catalogue.topologies.get(scenario.topology.as_str()) {
        text.section(&format!("Topology {}: {}{}", topology.id, topology.title, defined(&topology.id)));
        text.block(&picture(topology));
    }
    text.section("Steps");
    for (index, step) in scenario.steps.iter().enumerate() {
        text.line(&format!("{:>4}  {}  ({})", index + 1, step.value, step.at));
    }
    faults(catalogue, scenario, &mut text);
    text.words("Over the whole cell", scenario.always.iter().map(|check| check.value));
    if scenario.always(crate::Always::NoLeak) {
        text.line(&format!("Leaks are watched for: {}", scenario.leak_watch));
    }
    text.words("Compared with a golden trace", scenario.golden.iter());
    if !scenario.golden.is_empty() {
        let slack = scenario.golden_slack;
        let repeats = if slack.repeats { ", and packets may be repeated" } else { "" };
        text.line(&format!("Times may differ from it by {}{repeats}", format_duration(slack.time)));
    }
    let known = catalogue.mutants();
    text.list(
        "Catches the mutants",
        scenario.mutants.iter().map(|name| match known.get(name.as_str()) {
            Some(does) => format!("{name}: {does}"),
            None => name.to_string(),
        }),
    );
    text.0
}

fn faults(catalogue: &Catalogue, scenario: &Scenario, text: &mut Text) {
    let mut told: Vec<&str> = Vec::new();
    for step in &scenario.steps {
        let Step::Fault(step) = &step.value else { continue };
        if told.contains(&step.fault.as_str()) {
            continue;
        }
        told.push(&step.fault);
        if let Some(fault) = catalogue.faults.get(step.fault.as_str()) {
            text.section(&format!("Fault {}: {}{}", fault.id, fault.title, defined(&fault.id)));
            fault_body(fault, text);
        }
    }
}

fn fault_body(fault: &Fault, text: &mut Text) {
    if let Some(primitive) = Primitive::of(&fault.primitive) {
        text.line(&format!("  {}: {}", primitive.name, primitive.about()));
    }
    for (name, spec) in &fault.params {
        let default =
            spec.default.as_ref().map_or_else(|| ", required".to_owned(), |value| format!(", default {}", value.text));
        let help = spec.help.as_deref().map_or_else(String::new, |help| format!(": {help}"));
        text.line(&format!("  parameter {name} ({}{default}){help}", spec.r#type));
    }
    for (name, template) in &fault.with {
        if template.as_str().trim_end().contains('\n') {
            text.line(&format!("  {name}:"));
            for line in template.as_str().trim_end().lines() {
                text.line(&format!("    {line}"));
            }
        } else {
            text.line(&format!("  {name}: {}", template.as_str().trim_end()));
        }
    }
}

pub(super) fn topology(topology: &Entry<Topology>) -> String {
    let mut text = Text::default();
    text.head(&topology.id, &topology.title, &topology.origin);
    text.about(topology.about.as_deref());
    text.section("Picture");
    text.block(&picture(topology));
    let routes = topology.routes.iter().flat_map(|(node, routes)| {
        routes.iter().map(move |route| format!("{node}: {} via {}", route.to, route.via.value))
    });
    text.list("Routes", routes);
    for (zone, names) in [("Names for everybody", &topology.names.public), ("Names inside", &topology.names.inside)] {
        text.list(
            zone,
            names.iter().map(|(name, addresses)| {
                let addresses: Vec<String> = addresses.iter().map(ToString::to_string).collect();
                format!("{name}: {}", addresses.join(" "))
            }),
        );
    }
    let foreign = |(name, span): (&Name, &Span)| {
        (span.source().path != topology.origin.source.path).then(|| format!("{name}: {span}"))
    };
    let parts = topology.nodes.keys().chain(topology.links.keys()).filter_map(|name| foreign((name, name.span()?)));
    text.list("Defined in included parts", parts);
    text.0
}

pub(super) fn fault(fault: &Entry<Fault>) -> String {
    let mut text = Text::default();
    text.head(&fault.id, &fault.title, &fault.origin);
    text.about(fault.about.as_deref());
    text.line("");
    fault_body(fault, &mut text);
    text.0
}

pub(super) fn peer(catalogue: &Catalogue, peer: &Entry<Peer>) -> String {
    let mut text = Text::default();
    text.head(&peer.id, &peer.title, &peer.origin);
    text.about(peer.about.as_deref());
    text.words("Emulated profile of", peer.emulates.iter());
    text.words("Known as", peer.known_as.iter());
    text.words("Extends", peer.extends.iter());
    text.words("Roles", peer.roles.iter());
    text.words("Protocols", peer.protocols.iter());
    text.words("Capabilities", peer.capabilities.iter());
    text.words("Settings", peer.defaults.iter().map(|(name, value)| format!("{name}={value}")));
    let command = peer.command.iter().chain(&peer.args_append).map(|word| word.as_str()).collect::<Vec<_>>();
    text.line(&format!("Command: {}", command.join(" ")));
    for (name, template) in &peer.files {
        text.section(&format!("File {name} ({})", template.at));
        for line in template.as_str().trim_end().lines() {
            text.line(&format!("  {line}"));
        }
    }
    text.list(
        "Log lines with a meaning",
        peer.log_events.iter().map(|event| format!("{}: {}", event.event, event.pattern.regex())),
    );
    text.list(
        "Refusals",
        peer.refusals
            .iter()
            .map(|refusal| format!("by the {}: {} ({})", refusal.by, refusal.why, refusal.pattern.regex())),
    );
    mutants(catalogue, peer, &mut text);
    text.0
}

fn mutants(catalogue: &Catalogue, peer: &Peer, text: &mut Text) {
    text.list(
        "Mutants",
        peer.mutants.iter().map(|mutant| {
            let claims = catalogue.scenarios.values().filter(|scenario| scenario.mutants.contains(&mutant.name));
            let claims: Vec<&str> = claims.map(|scenario| scenario.id.as_str()).collect();
            format!("{}: {} (caught by {})", mutant.name, mutant.does, claims.join(", "))
        }),
    );
}

pub(super) fn suite(catalogue: &Catalogue, suite: &Entry<Suite>) -> String {
    let mut text = Text::default();
    text.head(&suite.id, &suite.title, &suite.origin);
    text.about(suite.about.as_deref());
    text.list(
        "Scenarios",
        catalogue.scenarios_of(suite).map(|scenario| format!("{}: {}", scenario.id, scenario.title)),
    );
    text.0
}

fn defined(id: &Name) -> String {
    id.span().map_or_else(String::new, |at| format!(" ({at})"))
}

#[derive(Default)]
struct Text(String);

impl Text {
    fn line(&mut self, line: &str) {
        self.0.push_str(line.trim_end());
        self.0.push('\n');
    }

    fn head(&mut self, id: &Name, title: &str, origin: &Origin) {
        self.line(&format!("{id}: {title}"));
        let layer = if origin.builtin() { "built-in" } else { "yours" };
        let place = id.span().map_or_else(|| origin.file().display().to_string(), ToString::to_string);
        self.line(&format!("Defined in {place} ({layer})"));
    }

    fn about(&mut self, about: Option<&str>) {
        if let Some(about) = about {
            self.0.push('\n');
            self.block(&format!("{}\n", about.trim_end()));
        }
    }

    fn section(&mut self, title: &str) {
        let _ = write!(self.0, "\n{title}\n");
    }

    fn block(&mut self, block: &str) {
        self.0.push_str(block);
    }

    fn words(&mut self, title: &str, words: impl Iterator<Item = impl ToString>) {
        let words: Vec<String> = words.map(|word| word.to_string()).collect();
        if !words.is_empty() {
            self.line(&format!("{title}: {}", words.join(", ")));
        }
    }

    fn list(&mut self, title: &str, items: impl Iterator<Item = impl ToString>) {
        let items: Vec<String> = items.map(|item| item.to_string()).collect();
        if !items.is_empty() {
            self.section(title);
            items.iter().for_each(|item| self.line(&format!("  {item}")));
        }
    }
}
