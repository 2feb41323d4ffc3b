//! What is wrong with a catalogue, with file, line, caret and hint.

use std::{fmt, sync::Arc};

use miette::{Diagnostic, LabeledSpan, SourceCode};

use crate::{Source, Span, suggest};

/// One mistake in one file.
#[derive(Clone, Debug)]
pub struct Problem {
    message: String,
    source: Option<Arc<Source>>,
    labels: Vec<(Span, String)>,
    help: Option<String>,
    elsewhere: Vec<Problem>,
}

impl Problem {
    /// A mistake at `at`; `label` says below the caret what is wrong there.
    pub(crate) fn new(message: impl Into<String>, at: &Span, label: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            source: Some(Arc::clone(at.source())),
            labels: vec![(at.head(), label.into())],
            help: None,
            elsewhere: Vec::new(),
        }
    }

    /// A mistake that is not inside a file.
    pub(crate) fn without_place(message: impl Into<String>) -> Self {
        Self { message: message.into(), source: None, labels: Vec::new(), help: None, elsewhere: Vec::new() }
    }

    /// A mistake in a line, from 1, of a file that another crate reads.
    pub fn in_line(source: &Arc<Source>, line: usize, message: impl Into<String>) -> Self {
        let text = source.text();
        let start: usize = text.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum();
        let end = start + text.get(start..).and_then(|rest| rest.lines().next()).map_or(0, str::len);
        Self::new(message, &Span::new(source, start, end), "here")
    }

    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    pub(crate) fn maybe_help(mut self, help: Option<impl Into<String>>) -> Self {
        self.help = help.map(Into::into).or(self.help);
        self
    }

    /// Points at a second place, in the same file or in another one.
    pub(crate) fn and(mut self, at: &Span, label: impl Into<String>) -> Self {
        let label = label.into();
        if self.source.as_ref().is_some_and(|source| Arc::ptr_eq(source, at.source())) {
            self.labels.push((at.head(), label));
        } else {
            self.elsewhere.push(Self::new(label.clone(), at, label));
        }
        self
    }

    /// What is wrong, in one line.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Where it is wrong.
    pub fn span(&self) -> Option<&Span> {
        self.labels.first().map(|(span, _)| span)
    }

    /// What to do about it.
    pub fn hint(&self) -> Option<&str> {
        self.help.as_deref()
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Problem {}

impl Diagnostic for Problem {
    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.help.as_ref().map(|help| Box::new(help) as Box<dyn fmt::Display>)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.source.as_ref().map(|source| &source.named as &dyn SourceCode)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let labels = self.labels.iter().map(|(span, label)| {
            LabeledSpan::new((!label.is_empty()).then(|| label.clone()), span.start, span.end - span.start)
        });
        Some(Box::new(labels))
    }

    fn related<'a>(&'a self) -> Option<Box<dyn Iterator<Item = &'a dyn Diagnostic> + 'a>> {
        if self.elsewhere.is_empty() {
            return None;
        }
        Some(Box::new(self.elsewhere.iter().map(|problem| problem as &dyn Diagnostic)))
    }
}

/// Collects mistakes, so that one look shows all of them.
#[derive(Debug, Default)]
pub(crate) struct Problems(Vec<Problem>);

impl Problems {
    pub(crate) fn push(&mut self, problem: Problem) {
        self.0.push(problem);
    }

    pub(crate) fn extend(&mut self, problems: impl IntoIterator<Item = Box<Problem>>) {
        self.0.extend(problems.into_iter().map(|problem| *problem));
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Reports that `name` is no known `what`, with a suggestion out of `known`.
    pub(crate) fn unknown<'a>(
        &mut self,
        what: &str,
        name: &str,
        at: Option<&Span>,
        known: impl IntoIterator<Item = &'a str>,
    ) {
        self.unknown_of(what, "", name, at, known);
    }

    /// Reports that `name` is no known `what` of `owner`, which begins with a preposition or is empty.
    pub(crate) fn unknown_of<'a>(
        &mut self,
        what: &str,
        owner: &str,
        name: &str,
        at: Option<&Span>,
        known: impl IntoIterator<Item = &'a str>,
    ) {
        let owner = if owner.is_empty() { String::new() } else { format!(" {owner}") };
        let message = format!("unknown {what} `{name}`{owner}");
        let problem = match at {
            Some(at) => Problem::new(message, at, format!("no such {what}{owner}")),
            None => Problem::without_place(message),
        };
        self.push(problem.maybe_help(suggest::help(name, known)));
    }

    /// The mistakes in the order of files and lines, or `Ok`.
    pub(crate) fn finish(mut self) -> Result<(), CatalogueErrors> {
        if self.0.is_empty() {
            return Ok(());
        }
        self.0.sort_by_key(|problem| {
            problem.span().map(|span| (span.source.builtin, span.source.path.clone(), span.start))
        });
        Err(CatalogueErrors { problems: self.0 })
    }
}

/// Everything that is wrong with a catalogue.
#[derive(Clone, Debug)]
pub struct CatalogueErrors {
    /// The mistakes, by file and line; never empty.
    pub problems: Vec<Problem>,
}

impl fmt::Display for CatalogueErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.problems.len() {
            1 => f.write_str("the catalogue has a mistake"),
            count => write!(f, "the catalogue has {count} mistakes"),
        }
    }
}

impl std::error::Error for CatalogueErrors {}

impl Diagnostic for CatalogueErrors {
    fn related<'a>(&'a self) -> Option<Box<dyn Iterator<Item = &'a dyn Diagnostic> + 'a>> {
        Some(Box::new(self.problems.iter().map(|problem| problem as &dyn Diagnostic)))
    }
}
