//! Logins from end to end in memory: both sides against one another, each side against what deployed peers say, and the XML between.

#[cfg(test)]
mod client;
#[cfg(test)]
mod dialogue;
#[cfg(test)]
mod fixtures;
#[cfg(test)]
mod server;
#[cfg(test)]
mod support;
#[cfg(test)]
mod xml;
