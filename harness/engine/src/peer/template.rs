//! Filling in the templates of a peer file.

use std::net::IpAddr;

use interop_catalogue::{Peer, Spanned, Template};
use ipnet::{IpNet, Ipv4Net};
use minijinja::syntax::SyntaxConfig;
use minijinja::{Environment, Error, ErrorKind, UndefinedBehavior, Value};

use crate::{EngineError, Result};

/// Variables for the templates of one peer, and the way to fill them in.
#[derive(Debug)]
pub(crate) struct Templates {
    environment: Environment<'static>,
    variables: Value,
    peer: String,
}

impl Templates {
    pub(crate) fn new(peer: &Peer, variables: Value) -> Result<Self> {
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Lenient);
        let syntax = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).keep_trailing_newline(true).build();
        let wrong = |error: Error| EngineError::Template { what: "any template".to_owned(), message: describe(&error) };
        environment.set_syntax(syntax.map_err(wrong)?);
        environment.add_filter("prefix_to_netmask", prefix_to_netmask);
        environment.add_filter("network_address", network_address);
        Ok(Self { environment, variables, peer: peer.id.to_string() })
    }

    /// Fills in one template; an error names the peer file's line.
    pub(crate) fn fill(&self, template: &Spanned<Template>) -> Result<String> {
        self.fill_text(template.value.as_str(), &template.at.to_string())
    }

    /// Fills in a text that has no place of its own.
    pub(crate) fn fill_text(&self, template: &str, place: &str) -> Result<String> {
        self.environment.render_str(template, &self.variables).map_err(|error| EngineError::Template {
            what: format!("a template of peer `{}` ({place})", self.peer),
            message: describe(&error),
        })
    }
}

/// The message of a template error with its line.
fn describe(error: &Error) -> String {
    let line = error.line().map_or_else(String::new, |line| format!(", line {line} of the template"));
    match error.detail() {
        Some(detail) => format!("{}: {detail}{line}", error.kind()),
        None => format!("{}{line}", error.kind()),
    }
}

/// `10.20.0.0/16` to `255.255.0.0`, as OpenVPN's `route` wants it.
fn prefix_to_netmask(network: &str) -> std::result::Result<String, Error> {
    let network: Ipv4Net = network.parse().map_err(|_| not_a_network(network))?;
    Ok(network.netmask().to_string())
}

/// `10.20.0.0/16` to `10.20.0.0`.
fn network_address(network: &str) -> std::result::Result<String, Error> {
    let network: IpNet = network.parse().map_err(|_| not_a_network(network))?;
    Ok(IpAddr::to_string(&network.network()))
}

fn not_a_network(text: &str) -> Error {
    Error::new(ErrorKind::InvalidOperation, format!("`{text}` is not a network"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn netmasks() {
        assert_eq!(prefix_to_netmask("10.20.0.0/16").unwrap(), "255.255.0.0");
        assert_eq!(network_address("10.20.0.0/16").unwrap(), "10.20.0.0");
        assert!(prefix_to_netmask("fd00::/8").is_err());
    }
}
