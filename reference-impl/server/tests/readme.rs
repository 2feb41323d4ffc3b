//! The reference of the configuration in the README is complete, and its defaults are those of the program.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::{collections::BTreeMap, path::Path, process::Command};

use reference_server::config::{self, Config};

const README: &str = include_str!("../../README.md");

/// A name that is no key of any block, and like none of them.
const NO_KEY: &str = "qqqq";

/// Keys of the table with the text of their default.
fn documented() -> BTreeMap<String, String> {
    let (_, rest) = README.split_once("\n| key | unit | default | meaning |\n|---|---|---|---|\n").unwrap();
    let rows = rest.lines().take_while(|line| line.starts_with('|'));
    let cells = rows.map(|row| row.trim_matches('|').split(" | ").map(str::trim).collect::<Vec<_>>());
    let mut keys = BTreeMap::new();
    for cells in cells {
        assert_eq!(cells.len(), 4, "{cells:?}");
        let key = cells[0].trim_matches('`').to_owned();
        assert!(keys.insert(key, cells[2].to_owned()).is_none(), "{} stands there twice", cells[0]);
    }
    keys
}

fn parse(text: &str) -> Result<Config, String> {
    config::parse(Path::new("/etc/vpn/server.yaml"), text).map_err(|failure| failure.to_string())
}

/// The keys of a block, as the reader lists them; `None` when there is no block at this place. In `around` the block is `@`.
fn fields(around: &str) -> Option<Vec<String>> {
    let error = parse(&around.replace('@', &format!("{{{NO_KEY}: 1}}"))).unwrap_err();
    let unknown = format!("unknown field `{NO_KEY}`");
    let (_, list) = error.split_once("every field known here: ").filter(|_| error.contains(&unknown))?;
    Some(list.trim().split(", ").map(str::to_owned).collect())
}

/// Adds every key below a block.
fn known(prefix: &str, around: &str, all: &mut Vec<String>) {
    for field in fields(around).unwrap() {
        let key = format!("{prefix}{field}");
        let one = around.replace('@', &format!("{{{field}: @}}"));
        let many = around.replace('@', &format!("{{{field}: [@]}}"));
        all.push(key.clone());
        if let Some(inside) = [one, many].into_iter().find(|inside| fields(inside).is_some()) {
            known(&format!("{key}."), &inside, all);
        }
    }
}

#[test]
fn every_key_is_explained_and_no_other() {
    let mut all = Vec::new();
    known("", "@", &mut all);
    all.sort();
    assert!(all.len() > 60 && all.contains(&"groups.pool.ipv6".to_owned()), "{all:?}");
    let documented: Vec<String> = documented().into_keys().collect();
    let is_block = |key: &String| documented.iter().any(|other| other.starts_with(&format!("{key}.")));
    let missing: Vec<&String> = all.iter().filter(|key| !documented.contains(key) && !is_block(key)).collect();
    let foreign: Vec<&String> = documented.iter().filter(|key| !all.contains(key)).collect();
    assert!(missing.is_empty() && foreign.is_empty(), "not explained: {missing:?}; explained in vain: {foreign:?}");
}

/// A block with its values, to be written in YAML's flow style.
#[derive(Default)]
struct Block(BTreeMap<String, Result<String, Block>>);

impl Block {
    fn set(&mut self, key: &str, value: &str) {
        match key.split_once('.') {
            None => drop(self.0.insert(key.to_owned(), Ok(value.to_owned()))),
            Some((first, rest)) => match self.0.entry(first.to_owned()).or_insert_with(|| Err(Self::default())) {
                Err(block) => block.set(rest, value),
                Ok(value) => panic!("{first} is no block but {value}"),
            },
        }
    }

    fn text(&self) -> String {
        let entries = self.0.iter().map(|(key, value)| match value {
            Ok(value) => format!("{key}: {value}"),
            Err(block) => format!("{key}: {}", block.text()),
        });
        format!("{{{}}}", entries.collect::<Vec<_>>().join(", "))
    }
}

#[test]
fn every_default_is_what_is_said() {
    let mut least = Block::default();
    for (key, value) in [
        ("tls.certificates", "[{chain: server.pem, key: server.key}]"),
        ("auth.methods", "[password]"),
        ("auth.users", "users"),
        ("network.ipv4", "10.9.0.0/24"),
    ] {
        least.set(key, value);
    }
    let plain = format!("{:?}", parse(&least.text()).unwrap());
    let mut count = 0;
    for (key, default) in documented() {
        let literal = default.strip_prefix('`').and_then(|rest| rest.strip_suffix('`'));
        // Words explain a default that is no value of its own.
        let Some(literal) = literal.filter(|literal| !literal.contains('`') && *literal != "SSLKEYLOGFILE") else {
            continue;
        };
        count += 1;
        least.set(&key, literal);
        let written = parse(&least.text()).unwrap_or_else(|error| panic!("{key}: {error}"));
        assert_eq!(format!("{written:?}"), plain, "{key}: {literal} is not the default");
    }
    assert!(count > 35, "{count}");
}

#[test]
fn every_exit_status_is_explained() {
    let help = Command::new(env!("CARGO_BIN_EXE_vpn-ref-server")).arg("--help").output().unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    let (_, codes) = help.split_once("Exit status:\n").unwrap();
    let lines = codes.lines().filter_map(|line| line.trim().split_once("  "));
    let codes: Vec<&str> = lines.map(|(code, _)| code).filter(|code| code.parse::<u8>().is_ok()).collect();
    assert_eq!(codes, ["0", "1", "64", "65", "66", "69", "77"]);
    for code in codes {
        let row = README.lines().find(|line| line.starts_with(&format!("| {code} |"))).unwrap();
        assert!(!row.trim_end_matches('|').ends_with("| "), "{row}");
    }
}
