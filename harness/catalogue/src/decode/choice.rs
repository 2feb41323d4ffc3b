//! One of several: words, verbs with arguments, maps told apart by a key.

/// Declares an enum of words, its reader and its schema.
macro_rules! keywords {
    (
        $(#[doc = $doc:literal])*
        $vis:vis enum $name:ident: $what:literal {
            $($(#[doc = $variant_doc:literal])* $variant:ident = $word:literal,)*
        }
    ) => {
        $(#[doc = $doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        $vis enum $name {
            $($(#[doc = $variant_doc])* $variant,)*
        }

        impl $name {
            /// Every value, in declared order.
            $vis const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The word used in YAML.
            $vis const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)*
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl $crate::decode::Decode for $name {
            fn decode(node: &$crate::yaml::Node, problems: &mut $crate::Problems) -> Option<Self> {
                let text = $crate::decode::text_of(node, concat!("a ", $what), "", problems)?;
                let found = Self::ALL.iter().copied().find(|value| value.as_str() == text);
                if found.is_none() {
                    problems.unknown($what, text, Some(&node.at), [$($word),*]);
                }
                found
            }

            fn schema() -> $crate::decode::Schema {
                let values = [$(serde_json::json!({"const": $word, "description": ([$($variant_doc),*].concat().trim())})),*];
                serde_json::json!({"oneOf": values})
            }
        }
    };
}

/// Declares an enum whose values are written `{verb: argument}`, its reader and its schema.
macro_rules! verbs {
    (
        $(#[doc = $doc:literal])*
        pub enum $name:ident: $what:literal, $example:literal {
            $($(#[doc = $variant_doc:literal])* $variant:ident($type:ty) = $word:literal,)*
        }
    ) => {
        $(#[doc = $doc])*
        #[derive(Clone, Debug, PartialEq)]
        pub enum $name {
            $($(#[doc = $variant_doc])* $variant($type),)*
        }

        impl $name {
            /// The words with which the values begin, in declared order.
            pub const WORDS: &'static [&'static str] = &[$($word),*];

            /// The word used in YAML.
            pub const fn word(&self) -> &'static str {
                match self {
                    $(Self::$variant(_) => $word,)*
                }
            }
        }

        impl $crate::decode::Decode for $name {
            fn decode(node: &$crate::yaml::Node, problems: &mut $crate::Problems) -> Option<Self> {
                let (key, value) = $crate::decode::only_entry(node, concat!("a ", $what), $example, problems)?;
                match key.as_str() {
                    $($word => <$type as $crate::decode::Decode>::decode(value, problems).map(Self::$variant),)*
                    _ => {
                        problems.unknown($what, key, key.span(), Self::WORDS.iter().copied());
                        None
                    }
                }
            }

            fn schema() -> $crate::decode::Schema {
                let mut choices = Vec::new();
                $(
                    choices.push(serde_json::json!({
                        "type": "object",
                        "description": ([$($variant_doc),*].concat().trim()),
                        "properties": {$word: <$type as $crate::decode::Decode>::schema()},
                        "required": [$word],
                        "additionalProperties": false,
                    }));
                )*
                serde_json::json!({"description": ([$($doc),*].concat().trim()), "oneOf": choices})
            }
        }
    };
}

/// Declares an enum of records that are told apart by a key which only one of them has, its reader and its schema.
macro_rules! shapes {
    (
        $(#[doc = $doc:literal])*
        pub enum $name:ident: $what:literal {
            $($(#[doc = $variant_doc:literal])* $variant:ident($type:ty) = $word:literal,)*
        }
    ) => {
        $(#[doc = $doc])*
        #[derive(Clone, Debug, PartialEq)]
        pub enum $name {
            $($(#[doc = $variant_doc])* $variant($type),)*
        }

        impl $name {
            /// The keys that tell the shapes apart, in declared order.
            pub const WORDS: &'static [&'static str] = &[$($word),*];

            /// The key that tells this shape from the others.
            pub const fn word(&self) -> &'static str {
                match self {
                    $(Self::$variant(_) => $word,)*
                }
            }
        }

        impl $crate::decode::Decode for $name {
            fn decode(node: &$crate::yaml::Node, problems: &mut $crate::Problems) -> Option<Self> {
                $(
                    if node.mapping().is_some_and(|mapping| mapping.key($word).is_some()) {
                        return <$type as $crate::decode::Decode>::decode(node, problems).map(Self::$variant);
                    }
                )*
                match node.mapping().and_then(|mapping| mapping.0.first()) {
                    Some((key, _)) => problems.unknown($what, key, key.span(), Self::WORDS.iter().copied()),
                    None => {
                        let known = $crate::suggest::list(Self::WORDS);
                        let message = format!(concat!("expected a ", $what, ", found {}"), node.kind());
                        problems.push(
                            $crate::Problem::new(message, &node.place(), concat!("not a ", $what))
                                .help(format!("it is a map with one of the keys {known}")),
                        );
                    }
                }
                None
            }

            fn schema() -> $crate::decode::Schema {
                let choices = [$(<$type as $crate::decode::Decode>::schema()),*];
                serde_json::json!({"description": ([$($doc),*].concat().trim()), "oneOf": choices})
            }
        }
    };
}

pub(crate) use {keywords, shapes, verbs};
