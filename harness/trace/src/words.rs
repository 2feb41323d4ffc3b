//! A line before it is normalised: text in which what differs from run to run is marked as such.

use std::borrow::Cow;
use std::net::IpAddr;

use smallvec::{SmallVec, smallvec};

/// A part of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Word {
    /// Says the same in every run.
    Text(Cow<'static, str>),
    /// A value that one side made up: shown as `KIND#1`, the same number for the same value.
    Random {
        /// What it is: `session-id`, `app-id`, `cookie`, `opaque`.
        kind: &'static str,
        /// The value.
        value: Vec<u8>,
    },
    /// An address: shown as the host that has it.
    Address(IpAddr),
    /// A number of bytes of payload: shown as a class, `small` or nothing.
    Size(usize),
}

/// A line; words are joined without blanks in between. Lines of data in bulk have two and take no memory of their own:
/// nearly all of them are folded into one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Words(pub(crate) SmallVec<[Word; 2]>);

impl Words {
    pub(crate) fn new(text: impl Into<Cow<'static, str>>) -> Self {
        Self(smallvec![Word::Text(text.into())])
    }

    pub(crate) fn text(mut self, text: impl Into<Cow<'static, str>>) -> Self {
        self.0.push(Word::Text(text.into()));
        self
    }

    pub(crate) fn random(mut self, kind: &'static str, value: &[u8]) -> Self {
        self.0.push(Word::Random { kind, value: value.to_vec() });
        self
    }

    pub(crate) fn address(mut self, address: IpAddr) -> Self {
        self.0.push(Word::Address(address));
        self
    }

    pub(crate) fn size(mut self, bytes: usize) -> Self {
        self.0.push(Word::Size(bytes));
        self
    }
}

impl From<&'static str> for Words {
    fn from(text: &'static str) -> Self {
        Self::new(text)
    }
}

impl From<String> for Words {
    fn from(text: String) -> Self {
        Self::new(text)
    }
}
