//! A fault, a scenario's arguments and a cell's parameters to an action.

use std::collections::BTreeMap;

use indexmap::IndexMap;
use minijinja::{Environment, UndefinedBehavior, Value};

use super::{FaultAction, Primitive};
use crate::{
    CatalogueErrors, Fault, FaultStep, Name, Params, Problem, Problems, Spanned, Template,
    yaml::{Content, Mapping, Node, Style},
};

/// Instructions that one template may take; far above any real one.
const FUEL: u64 = 100_000;
/// Longest rendered field, in bytes.
const MAX_RENDERED: usize = 64 * 1024;

impl Fault {
    /// What the fault does in the cell with these parameters. It cannot fail for a step of a loaded catalogue.
    pub fn resolve(&self, step: &FaultStep, params: &Params) -> Result<FaultAction, CatalogueErrors> {
        let mut problems = Problems::default();
        let action = arguments(self, step, params, &mut problems).and_then(|args| resolve(self, &args, &mut problems));
        problems.finish()?;
        action.ok_or_else(|| CatalogueErrors { problems: vec![Problem::without_place("the fault has no action")] })
    }
}

/// The value of every parameter of the fault: the argument with the axes filled in, else the default.
pub(crate) fn arguments(
    fault: &Fault,
    step: &FaultStep,
    params: &Params,
    problems: &mut Problems,
) -> Option<IndexMap<String, String>> {
    let before = problems.len();
    let mut arguments = IndexMap::new();
    for (name, spec) in &fault.params {
        let text = match (step.args.get(name.as_str()), &spec.default) {
            (Some(value), _) => match placeholder(&value.text) {
                None => Some(value.text.clone()),
                Some(axis) => {
                    let found = params.value(axis);
                    if found.is_none() {
                        problems.unknown("axis or setting", axis, Some(&value.at), params.names());
                    }
                    found.map(|scalar| scalar.text.clone())
                }
            },
            (None, Some(default)) => Some(default.text.clone()),
            // Reported with the step, once for all cells.
            (None, None) => None,
        };
        arguments.insert(name.to_string(), text?);
    }
    (problems.len() == before).then_some(arguments)
}

/// The axis in `{{ axis }}`, if that is the whole text.
pub(crate) fn placeholder(text: &str) -> Option<&str> {
    text.strip_prefix("{{")?.strip_suffix("}}").map(str::trim)
}

/// Renders the fields and reads them as the primitive's; a field that renders to nothing is absent.
pub(crate) fn resolve(fault: &Fault, args: &IndexMap<String, String>, problems: &mut Problems) -> Option<FaultAction> {
    let primitive = Primitive::of(&fault.primitive)?;
    let mut fields = Mapping::default();
    let before = problems.len();
    for (name, template) in &fault.with {
        match render(template, args) {
            Ok(text) if text.trim().is_empty() => {}
            Ok(text) => {
                let content = Content::Scalar { text, style: Style::Plain };
                fields.set(name.clone(), Node { at: template.at.clone(), key: name.span().cloned(), content });
            }
            Err(problem) => problems.push(*problem),
        }
    }
    if problems.len() > before {
        return None;
    }
    let at = fault.primitive.span()?;
    (primitive.decode)(&Node { at: at.clone(), key: None, content: Content::Mapping(fields) }, problems)
}

fn render(template: &Spanned<Template>, args: &IndexMap<String, String>) -> Result<String, Box<Problem>> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_fuel(Some(FUEL));
    // A template reads a hyphen as a minus, so `down-for` is `down_for` there.
    let context: BTreeMap<String, Value> =
        args.iter().map(|(name, value)| (name.replace('-', "_"), Value::from(value.as_str()))).collect();
    let text = environment.render_str(template.as_str(), Value::from(context)).map_err(|error| {
        let reason = error.detail().map_or_else(|| error.kind().to_string(), str::to_owned);
        Box::new(Problem::new(format!("the template cannot be filled in: {reason}"), &template.at, "this template"))
    })?;
    if text.len() > MAX_RENDERED {
        return Err(Box::new(Problem::new("the template grows beyond 64 KiB", &template.at, "this template")));
    }
    Ok(text)
}

/// The names that the templates of a fault use.
pub(crate) fn variables(template: &Template) -> Vec<String> {
    let environment = Environment::new();
    let Ok(parsed) = environment.template_from_str(template.as_str()) else { return Vec::new() };
    let globals: Vec<&str> = environment.globals().map(|(name, _)| name).collect();
    let names = parsed.undeclared_variables(false).into_iter();
    let mut names: Vec<String> = names.filter(|name| !globals.contains(&name.as_str())).collect();
    names.sort();
    names
}

/// A parameter by name, for hints.
pub(crate) fn known_params(fault: &Fault) -> impl Iterator<Item = &str> {
    fault.params.keys().map(Name::as_str)
}
