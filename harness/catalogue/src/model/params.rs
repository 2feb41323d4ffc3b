//! The parameters of a cell.

use std::{collections::BTreeMap, fmt};

use indexmap::IndexMap;

use super::Scalar;

/// The settings of a scenario with the axes' values of one cell on top.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Params {
    settings: IndexMap<String, Scalar>,
    axes: IndexMap<String, Scalar>,
}

impl Params {
    /// Parameters for tests and for peers started by hand: settings only.
    pub fn of<'a>(settings: impl IntoIterator<Item = (&'a str, Scalar)>) -> Self {
        let settings = settings.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        Self { settings, axes: IndexMap::new() }
    }

    /// A value by name: the axis, else the setting.
    pub fn value(&self, name: &str) -> Option<&Scalar> {
        self.axes.get(name).or_else(|| self.settings.get(name))
    }

    /// Every name, settings first.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.iter().map(|(name, _)| name)
    }

    /// Every name with its value, settings first.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Scalar)> {
        let settings = self.settings.iter().filter(|(name, _)| !self.axes.contains_key(*name));
        settings.chain(&self.axes).map(|(name, value)| (name.as_str(), value))
    }

    /// Everything for the templates of a peer, where `dpd-server` is called `dpd_server`; values as
    /// [`Scalar::template_value`] has them.
    pub fn template_context(&self) -> BTreeMap<String, minijinja::Value> {
        self.iter().map(|(name, value)| (name.replace('-', "_"), value.template_value())).collect()
    }

    /// The axes only: what tells the cells of a scenario apart, in declared order.
    pub fn axes(&self) -> &IndexMap<String, Scalar> {
        &self.axes
    }

    /// The axes as texts, as they stand in `results.json`.
    pub fn axis_texts(&self) -> IndexMap<String, String> {
        self.axes.iter().map(|(name, value)| (name.clone(), value.text.clone())).collect()
    }

    /// `dpd=3s,mtu=1300`, or nothing for a scenario without axes.
    pub fn key(&self) -> String {
        self.axes.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(",")
    }
}

impl fmt::Display for Params {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.key())
    }
}

/// The cartesian product of the axes: the last axis varies fastest.
pub(crate) fn expand<'a>(
    settings: &IndexMap<String, Scalar>,
    axes: impl IntoIterator<Item = (&'a str, Vec<&'a Scalar>)>,
) -> Vec<Params> {
    let mut cells = vec![Params { settings: settings.clone(), axes: IndexMap::new() }];
    for (name, values) in axes {
        cells = cells
            .iter()
            .flat_map(|cell| {
                values.iter().map(move |value| {
                    let mut cell = cell.clone();
                    cell.axes.insert(name.to_owned(), (*value).clone());
                    cell
                })
            })
            .collect();
    }
    cells
}
