//! The command line: raw arguments, their help, and the typed settings that come from them.

mod args;
mod help;
mod settings;

pub(crate) use args::{Args, Command};
pub(crate) use settings::{Auth, NetworkMode, Settings, TlsBackend, TlsVersion};
