//! A login form.

/// The name of the field that chooses a group.
pub const GROUP_FIELD: &str = "group_list";

/// A form that the server wants to have filled in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Form {
    /// The `id` of `auth`, such as `main`, `challenge` or `passwd`.
    pub id: String,
    /// The title.
    pub title: Option<String>,
    /// What the user is told, with its parameters filled in.
    pub message: Option<String>,
    /// A text to be shown before the login.
    pub banner: Option<String>,
    /// What went wrong before, with its parameters filled in.
    pub error: Option<String>,
    /// Where the form goes; `None` means the same URL (AC-AUTH-05).
    pub action: Option<String>,
    /// The fields in order.
    pub fields: Vec<Field>,
}

/// One field of a form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// The name under which the answer is sent.
    pub name: String,
    /// What the user sees before the field.
    pub label: String,
    /// What kind of answer is wanted.
    pub kind: FieldKind,
    /// Whether the field belongs to a second authentication (`second-auth="1"`).
    pub second_auth: bool,
}

/// What kind of answer a field wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FieldKind {
    /// Plain text, with a value to begin with.
    Text(Option<String>),
    /// Text that is not shown.
    Password,
    /// A value that is sent back as it is.
    Hidden(String),
    /// One of several choices.
    Select {
        /// The choices in order; there is at least one.
        choices: Vec<Choice>,
        /// Which one the server has chosen already.
        selected: usize,
    },
    /// A token of a single sign-on, which needs a web browser.
    SsoToken,
}

/// One choice of a select field, mostly a group.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Choice {
    /// The value that is sent.
    pub value: String,
    /// The name that is shown.
    pub label: String,
    /// Whether the group asks for a second authentication.
    pub second_auth: bool,
    /// The user name of the second authentication, when the server knows it.
    pub secondary_username: Option<String>,
}

impl Form {
    /// Returns the field that chooses a group, with its choices and the index of the preselected one.
    pub fn groups(&self) -> Option<(&[Choice], usize)> {
        self.fields.iter().find(|field| field.name == GROUP_FIELD).and_then(|field| match &field.kind {
            FieldKind::Select { choices, selected } => Some((choices.as_slice(), *selected)),
            _ => None,
        })
    }

    /// Returns the field of this name.
    pub fn field(&self, name: &str) -> Option<&Field> {
        self.fields.iter().find(|field| field.name == name)
    }
}

impl Field {
    /// Creates a field that belongs to the first authentication.
    pub fn new(name: &str, label: &str, kind: FieldKind) -> Self {
        Self { name: name.to_owned(), label: label.to_owned(), kind, second_auth: false }
    }
}

impl Choice {
    /// Creates a choice with value and label.
    pub fn new(value: &str, label: &str) -> Self {
        Self { value: value.to_owned(), label: label.to_owned(), ..Self::default() }
    }

    /// Returns whether a user who types `wish` means this choice, by value or by label (AC-AUTH-16, AC-AUTH-17).
    pub fn is_meant_by(&self, wish: &str) -> bool {
        self.value == wish || self.label == wish
    }
}
