//! Maps with fixed fields.

use crate::{
    Problem, Problems, suggest,
    yaml::{Mapping, Node},
};

use super::Decode;

/// Declares a struct, its reader and its schema at once. The YAML key of a field is its name in kebab-case; a field with
/// `= value` may be left out.
macro_rules! record {
    (
        $(#[doc = $doc:literal])*
        $(#[derive($derive:ident)])?
        $vis:vis struct $name:ident {
            $($(#[doc = $field_doc:literal])* $field_vis:vis $field:ident: $type:ty $(= $default:expr)?,)*
        }
    ) => {
        $(#[doc = $doc])*
        #[derive(Clone, Debug, PartialEq)]
        $(#[derive($derive)])?
        $vis struct $name {
            $($(#[doc = $field_doc])* $field_vis $field: $type,)*
        }

        impl $crate::decode::Decode for $name {
            fn decode(node: &$crate::yaml::Node, problems: &mut $crate::Problems) -> Option<Self> {
                let mut fields = $crate::decode::Fields::open(node, &[$(stringify!($field)),*], problems)?;
                $(let $field: Option<$type> = fields.field(stringify!($field), problems, $crate::decode::record!(@default $($default)?));)*
                fields.close(problems)?;
                Some(Self { $($field: $field?,)* })
            }

            fn schema() -> $crate::decode::Schema {
                let mut properties = serde_json::Map::new();
                let mut required: Vec<String> = Vec::new();
                $(
                    let key = $crate::decode::Fields::key(stringify!($field));
                    let mut schema = <$type as $crate::decode::Decode>::schema();
                    schema["description"] = serde_json::json!([$($field_doc),*].concat().trim());
                    properties.insert(key.clone(), schema);
                    if $crate::decode::record!(@required $($default)?) {
                        required.push(key);
                    }
                )*
                serde_json::json!({
                    "type": "object",
                    "description": ([$($doc),*].concat().trim()),
                    "properties": properties,
                    "required": required,
                    "additionalProperties": false,
                })
            }
        }
    };
    (@default $default:expr) => { Some(|| $default) };
    (@default) => { None::<fn() -> _> };
    (@required $default:expr) => { false };
    (@required) => { true };
}

pub(crate) use record;

/// The fields of a map while it is being read.
pub(crate) struct Fields<'a> {
    node: &'a Node,
    mapping: &'a Mapping,
    before: usize,
}

impl<'a> Fields<'a> {
    /// Reports a value that is no map, and keys that are no fields. `fields` are Rust names.
    pub(crate) fn open(node: &'a Node, fields: &[&str], problems: &mut Problems) -> Option<Self> {
        let keys: Vec<String> = fields.iter().map(|field| Self::key(field)).collect();
        let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
        let Some(mapping) = node.mapping() else {
            let help = format!("it is a map with the fields {}", suggest::list(&keys));
            super::collections::wrong(node, "a map", &help, problems);
            return None;
        };
        let before = problems.len();
        for (key, _) in &mapping.0 {
            if let (false, Some(at)) = (keys.contains(&key.as_str()), key.span()) {
                let help = suggest::help(key, keys.iter().copied());
                problems
                    .push(Problem::new(format!("unknown field `{key}`"), at, "no such field here").maybe_help(help));
            }
        }
        Some(Self { node, mapping, before })
    }

    /// Reads one field, or takes its default, or reports that it is missing.
    pub(crate) fn field<T: Decode>(
        &mut self,
        field: &str,
        problems: &mut Problems,
        default: Option<impl FnOnce() -> T>,
    ) -> Option<T> {
        let key = Self::key(field);
        match (self.mapping.value(&key), default) {
            (Some(value), _) => T::decode(value, problems),
            (None, Some(default)) => Some(default()),
            (None, None) => {
                let place = self.node.place();
                problems.push(
                    Problem::new(format!("missing field `{key}`"), &place, format!("needs `{key}`"))
                        .help(format!("add `{key}: ...`")),
                );
                None
            }
        }
    }

    /// Says whether the map was without mistakes.
    pub(crate) fn close(self, problems: &Problems) -> Option<()> {
        (problems.len() == self.before).then_some(())
    }

    /// `or_degraded` is `or-degraded` in YAML.
    pub(crate) fn key(field: &str) -> String {
        field.trim_start_matches("r#").replace('_', "-")
    }
}
