//! The steps of a scenario, in their order and in every cell.

use super::{fault, identifier, topology::known_node};
use crate::{
    Catalogue, Condition, Expr, FaultStep, Measure, Name, Params, Problem, Problems, Quantity, Role, Scenario, Section,
    Span, Spanned, Step, Target, Topology,
    load::Broken,
    primitive::{self, known_params},
    suggest,
};

pub(super) fn check(
    scenario: &Scenario,
    topology: &Topology,
    catalogue: &Catalogue,
    broken: &Broken,
    problems: &mut Problems,
) {
    let cells = scenario.cells();
    let mut walk = Walk {
        scenario,
        topology,
        catalogue,
        broken,
        cells: &cells,
        flows: Vec::new(),
        faults: Vec::new(),
        measurements: Vec::new(),
        connects: false,
        problems,
    };
    for step in &scenario.steps {
        walk.step(step);
    }
}

struct Walk<'a> {
    scenario: &'a Scenario,
    topology: &'a Topology,
    catalogue: &'a Catalogue,
    broken: &'a Broken,
    cells: &'a [Params],
    flows: Vec<&'a Name>,
    faults: Vec<(&'a Name, bool)>,
    measurements: Vec<&'a Name>,
    connects: bool,
    problems: &'a mut Problems,
}

impl<'a> Walk<'a> {
    fn step(&mut self, step: &'a Spanned<Step>) {
        match &step.value {
            Step::Connect(connect) => {
                self.client(&connect.client);
                self.expression(&connect.within);
                self.connects = true;
            }
            Step::Attempt(attempt) => {
                self.client(&attempt.client);
                self.expression(&attempt.within);
                if attempt.right.is_empty() {
                    self.problems.push(
                        Problem::new("no outcome is right", &step.at, "`right` is empty")
                            .help("write `right: [client-refuses]` or the like"),
                    );
                }
                self.connects = true;
            }
            Step::Expect(condition) => self.condition(condition),
            Step::Flow(flow) => {
                self.node(&flow.from);
                self.target(&flow.to);
                identifier(&flow.name, "flow", self.problems);
                self.fresh(&flow.name, "flow", self.flows.clone());
                self.flows.push(&flow.name);
            }
            Step::Fault(fault) => self.fault(fault),
            Step::Heal(heal) => self.heal(&heal.0),
            Step::Hold(hold) => self.expression(&hold.r#for),
            Step::Measure(measure) => self.measure(measure),
            Step::Transfer(transfer) => {
                self.target(&transfer.from);
                self.expression(&transfer.within);
            }
            Step::MtuSearch(search) => {
                self.target(&search.to);
                self.measurement(&search.r#as);
                if let (Some(least), Some(most)) = (search.at_least, search.at_most)
                    && least > most
                {
                    let message = format!("no packet has at least {least} and at most {most} bytes");
                    self.problems.push(Problem::new(message, &step.at, "impossible").help("swap the limits"));
                }
            }
            Step::Throughput(throughput) => {
                self.target(&throughput.to);
                self.expression(&throughput.r#for);
            }
            Step::Cleanup(cleanup) => self.client(&cleanup.client),
            Step::Disconnect(disconnect) => {
                self.client(&disconnect.client);
                self.expression(&disconnect.within);
                if !self.connects {
                    self.problems.push(
                        Problem::new("nothing is connected yet", &step.at, "too early")
                            .help("add a step `connect: {}` before this one"),
                    );
                }
            }
        }
    }

    fn condition(&mut self, condition: &'a Condition) {
        match condition {
            Condition::Reachable(expect) => {
                self.node(&expect.from);
                self.target(&expect.reachable);
            }
            Condition::Unreachable(expect) => {
                self.node(&expect.from);
                self.target(&expect.unreachable);
            }
            Condition::Resolves(expect) => self.node(&expect.from),
            Condition::Said(expect) => self.said(&expect.said),
            Condition::Transport(_)
            | Condition::Route(_)
            | Condition::Exits(_)
            | Condition::Runs(_)
            | Condition::DtlsAttempts(_)
            | Condition::Stages(_)
            | Condition::TlsSessions(_)
            | Condition::TunnelAddress(_)
            | Condition::TunnelMtu(_) => {}
            Condition::Dtls(expect) => {
                self.cells.iter().all(|params| expect.dtls.check(params, self.problems));
            }
            Condition::Tls(expect) => {
                self.cells.iter().all(|params| expect.tls.check(params, self.problems));
            }
        }
        if let Some(duration) = condition.duration() {
            self.expression(duration);
        }
    }

    /// An event that no peer of the catalogue ever says is a slip.
    fn said(&mut self, event: &Name) {
        let peers = self.catalogue.peers.values();
        let known: Vec<&str> = peers.flat_map(|peer| peer.log_events.iter().map(|log| log.event.as_str())).collect();
        if known.is_empty() || known.contains(&event.as_str()) || self.broken.any(Section::Peers) {
            return;
        }
        let mut known = known;
        known.sort_unstable();
        known.dedup();
        self.problems.unknown("event", event, event.span(), known);
    }

    fn measure(&mut self, measure: &'a Measure) {
        match measure {
            Measure::Outage(measure) => {
                self.flow(&measure.outage);
                self.limits(measure.degraded_above.as_ref(), measure.fail_above.as_ref());
            }
            Measure::Loss(measure) => {
                self.flow(&measure.loss);
                self.limits(measure.degraded_above.as_ref(), measure.fail_above.as_ref());
            }
            Measure::Rtt(measure) => {
                self.node(&measure.from);
                self.target(&measure.rtt);
                self.limits(measure.degraded_above.as_ref(), measure.fail_above.as_ref());
            }
        }
        self.measurement(measure.name());
    }

    fn limits<T: Quantity>(&mut self, soft: Option<&Expr<T>>, hard: Option<&Expr<T>>) {
        for limit in [soft, hard].into_iter().flatten() {
            self.expression(limit);
        }
    }

    fn fault(&mut self, step: &'a FaultStep) {
        identifier(&step.name, "fault", self.problems);
        let running: Vec<&Name> = self.faults.iter().map(|(name, _)| *name).collect();
        self.fresh(&step.name, "fault", running);
        self.faults.push((&step.name, true));
        let Some(fault) = self.catalogue.faults.get(step.fault.as_str()) else {
            if !self.broken.has(Section::Faults, &step.fault) {
                let known = self.catalogue.faults.keys().map(String::as_str);
                self.problems.unknown("fault", &step.fault, step.fault.span(), known);
            }
            return;
        };
        let before = self.problems.len();
        for name in step.args.keys().filter(|name| !fault.params.contains_key(name.as_str())) {
            self.problems.unknown_of(
                "parameter",
                &format!("of `{}`", step.fault),
                name,
                name.span(),
                known_params(fault),
            );
        }
        for (name, spec) in &fault.params {
            if spec.default.is_none()
                && !step.args.contains_key(name.as_str())
                && let Some(at) = step.fault.span()
            {
                let about = spec.help.as_deref().map_or_else(String::new, |help| format!(": {help}"));
                self.problems.push(
                    Problem::new(format!("the fault `{}` needs `{name}`", step.fault), at, format!("needs `{name}`"))
                        .help(format!("add `{name}: ...`, a {}{about}", spec.r#type)),
                );
            }
        }
        if self.problems.len() == before {
            self.fault_in_cells(step, fault);
        }
    }

    /// Resolves the fault in every cell, until one shows a mistake.
    fn fault_in_cells(&mut self, step: &FaultStep, fault: &crate::Fault) {
        for params in self.cells {
            let before = self.problems.len();
            let Some(args) = primitive::arguments(fault, step, params, self.problems) else { return };
            for (name, spec) in &fault.params {
                if let (Some(value), Some(text)) = (step.args.get(name.as_str()), args.get(name.as_str())) {
                    let result = fault::argument(name, spec.r#type, text, &value.at, Some(self.topology));
                    self.problems.extend(result.err().map(|problem| {
                        match axis_value(self.scenario, &value.text, params) {
                            Some(at) => Box::new(problem.and(at, "the value comes from here")),
                            None => problem,
                        }
                    }));
                }
            }
            if self.problems.len() > before {
                return;
            }
            let mut own = Problems::default();
            match primitive::resolve(fault, &args, &mut own) {
                Some(action) => fault::action(&action, self.topology, &mut own),
                None if own.len() == 0 => return,
                None => {}
            }
            if let Err(errors) = own.finish() {
                // What is wrong stands in the fault's file; who asked for it stands here.
                for problem in errors.problems {
                    self.problems.push(match step.fault.span() {
                        Some(at) => problem.and(at, "asked for by this step"),
                        None => problem,
                    });
                }
                return;
            }
        }
    }

    fn heal(&mut self, name: &Name) {
        match self.faults.iter_mut().rev().find(|(fault, _)| *fault == name) {
            Some((_, active @ true)) => *active = false,
            Some(_) => {
                if let Some(at) = name.span() {
                    self.problems.push(Problem::new(
                        format!("the fault `{name}` is healed twice"),
                        at,
                        "already healed",
                    ));
                }
            }
            None => {
                let known = self.faults.iter().filter(|(_, active)| *active).map(|(name, _)| name.as_str());
                self.problems.unknown_of("fault", "in the steps before", name, name.span(), known);
            }
        }
    }

    fn flow(&mut self, name: &Name) {
        if !self.flows.contains(&name) {
            self.problems.unknown_of(
                "flow",
                "in the steps before",
                name,
                name.span(),
                self.flows.iter().map(|n| n.as_str()),
            );
        }
    }

    fn measurement(&mut self, name: &'a Name) {
        self.fresh(name, "measurement", self.measurements.clone());
        self.measurements.push(name);
    }

    fn fresh(&mut self, name: &Name, what: &str, taken: Vec<&Name>) {
        let Some(first) = taken.into_iter().find(|earlier| *earlier == name) else { return };
        let problem = match (name.span(), first.span()) {
            (Some(at), Some(first)) => {
                Problem::new(format!("the {what} `{name}` exists already"), at, "again here").and(first, "first here")
            }
            (Some(at), None) | (None, Some(at)) => Problem::new(
                format!("the {what} `{name}` exists already"),
                at,
                "the default of the other has this name",
            ),
            (None, None) => Problem::without_place(format!("two steps use the default name `{name}` for a {what}")),
        };
        let key = if what == "measurement" { "as" } else { "name" };
        self.problems.push(problem.help(format!("give one of them another name with `{key}: ...`")));
    }

    fn client(&mut self, name: &Name) {
        let clients: Vec<&str> = self.topology.clients().map(Name::as_str).collect();
        match self.topology.nodes.get(name.as_str()) {
            Some(node) if node.role == Role::Client => {}
            Some(node) => {
                let message = format!("`{name}` is no client, but a {}", node.role);
                let help = format!("the clients of `{}` are {}", self.topology.id, suggest::list(&clients));
                self.problems.push(match name.span() {
                    Some(at) => Problem::new(message, at, "not a client").help(help),
                    None => Problem::without_place(message).help(help),
                });
            }
            None => self.problems.unknown("client", name, self.place(name).as_ref(), clients),
        }
    }

    fn node(&mut self, name: &Name) {
        match name.span() {
            Some(_) => drop(known_node(self.topology, name, self.problems)),
            // A default that the topology does not have: point at the topology's name instead of nowhere.
            None => self.client(name),
        }
    }

    fn place(&self, name: &Name) -> Option<Span> {
        name.span().or_else(|| self.topology.id.span()).cloned()
    }

    fn target(&mut self, target: &Spanned<Target>) {
        if let Some(node) = target.node()
            && !self.topology.nodes.contains_key(node)
        {
            let known = self.topology.nodes.keys().map(Name::as_str).chain(["gateway-inside"]);
            self.problems.unknown("node", node, Some(&target.at), known);
        }
    }

    fn expression<T: Quantity>(&mut self, expression: &Expr<T>) {
        for params in self.cells {
            if !expression.check(params, self.problems) {
                return;
            }
        }
    }
}

/// Where the value of a placeholder stands in this cell, if it is an axis.
fn axis_value<'a>(scenario: &'a Scenario, text: &str, params: &Params) -> Option<&'a Span> {
    let axis = primitive::placeholder(text)?;
    let values = &scenario.axes.get(axis)?.0;
    values.iter().find(|value| Some(&value.value) == params.value(axis)).map(|value| &value.at)
}
