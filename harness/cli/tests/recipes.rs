//! The recipes of docs/scale-out: of the form that their engines take, consistent in themselves, and with options that the
//! program has.
//!
//! The engines' own schemas would be downloaded or another project's files; those in `data/` are ours, written from
//! the documentation of the engines (each says which page) for just what the recipes use. They are stricter than the
//! engines.

#![forbid(unsafe_code)]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

fn recipe(name: &str) -> String {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/scale-out").join(name);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn documents(name: &str) -> Vec<Value> {
    serde_saphyr::from_multiple(&recipe(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn complaints(schema: &str, document: &Value) -> Vec<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(format!("{schema}.schema.json"));
    let schema: Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    validator.iter_errors(document).map(|error| format!("{}: {error}", error.instance_path())).collect()
}

fn the_only(name: &str) -> Value {
    let mut documents = documents(name);
    assert_eq!(documents.len(), 1, "{name}");
    documents.remove(0)
}

/// A document with one value replaced, or taken away.
fn changed(document: &Value, pointer: &str, to: Option<Value>) -> Value {
    let mut document = document.clone();
    match to {
        Some(value) => *document.pointer_mut(pointer).unwrap_or_else(|| panic!("no {pointer}")) = value,
        None => {
            let (parent, name) = pointer.rsplit_once('/').unwrap();
            let parent = document.pointer_mut(parent).unwrap().as_object_mut().unwrap();
            parent.remove(name).unwrap_or_else(|| panic!("no {pointer}"));
        }
    }
    document
}

#[test]
fn github_takes_the_workflow() {
    let workflow = the_only("github-actions.yml");
    assert_eq!(complaints("github-actions", &workflow), Vec::<String>::new());
    for (pointer, to) in [
        ("/jobs/share/runs-on", None),
        ("/jobs/share/strategy/matrix", Some(Value::from("1-4"))),
        ("/jobs/share/steps/0/uses", Some(Value::from("actions/checkout"))),
        ("/jobs/share/steps/0", Some(serde_json::json!({"uses": "actions/checkout@v5", "run": "true"}))),
        ("/jobs/merge/if", Some(Value::from("always"))),
        ("/on", Some(serde_json::json!({"push ": {}}))),
    ] {
        assert!(
            !complaints("github-actions", &changed(&workflow, pointer, to)).is_empty(),
            "{pointer} can be anything"
        );
    }
    let shares = workflow.pointer("/jobs/share/strategy/matrix/share").unwrap().as_array().unwrap();
    let numbers: Vec<u64> = shares.iter().filter_map(Value::as_u64).collect();
    assert_eq!(
        numbers,
        (1..=shares.len() as u64).collect::<Vec<_>>(),
        "shares are numbered from 1, as job-total counts"
    );
    let jobs = workflow["jobs"].as_object().unwrap();
    for (name, job) in jobs {
        let needs = match &job["needs"] {
            Value::Array(all) => all.clone(),
            Value::Null => Vec::new(),
            one => vec![one.clone()],
        };
        assert!(needs.iter().all(|needed| jobs.contains_key(needed.as_str().unwrap())), "{name} needs {needs:?}");
    }
}

#[test]
fn gitlab_takes_the_pipeline() {
    let pipeline = the_only("gitlab-ci.yml");
    assert_eq!(complaints("gitlab-ci", &pipeline), Vec::<String>::new());
    for (pointer, to) in [
        ("/share/script", None),
        ("/share/parallel", Some(Value::from("four"))),
        ("/share/parallel", Some(Value::from(201))),
        ("/merge/when", Some(Value::from("sometimes"))),
        ("/share/artifacts", Some(serde_json::json!({"path": ["x"]}))),
        ("/share/script/0", Some(serde_json::json!({"if": "a colon makes a mapping"}))),
    ] {
        assert!(!complaints("gitlab-ci", &changed(&pipeline, pointer, to)).is_empty(), "{pointer} can be anything");
    }
    let stages: Vec<&str> = pipeline["stages"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    let jobs = pipeline.as_object().unwrap();
    for (name, job) in jobs.iter().filter(|(name, _)| !["stages", "variables"].contains(&name.as_str())) {
        let stage = stages.iter().position(|stage| *stage == job["stage"]);
        assert!(stage.is_some(), "{name} is in no stage");
        for needed in job["needs"].as_array().into_iter().flatten() {
            let earlier = &jobs[needed.as_str().unwrap()]["stage"];
            assert!(stages.iter().position(|stage| stage == earlier) < stage, "{name} needs {needed}");
        }
    }
    assert!(pipeline["share"]["parallel"].as_u64().unwrap() > 1);
}

#[test]
fn kubernetes_takes_the_jobs() {
    let documents = documents("kubernetes-job.yaml");
    assert_eq!(documents.len(), 3);
    for document in &documents {
        assert_eq!(complaints("kubernetes-job", document), Vec::<String>::new(), "{}", document["kind"]);
    }
    let share = &documents[1];
    for (pointer, to) in [
        ("/apiVersion", Some(Value::from("batch/v2"))),
        ("/spec/completions", None),
        ("/spec/template/spec/restartPolicy", Some(Value::from("Always"))),
        ("/spec/template/spec/containers/0/image", None),
        ("/spec/template/spec/containers/0/resources/requests/cpu", Some(Value::from(2))),
        ("/spec/template/spec/volumes/0", Some(serde_json::json!({"name": "nothing-behind-it"}))),
    ] {
        assert!(!complaints("kubernetes-job", &changed(share, pointer, to)).is_empty(), "{pointer} can be anything");
    }
    // Three places have the number of shares.
    let count = share.pointer("/spec/completions").unwrap();
    assert_eq!(share.pointer("/spec/parallelism").unwrap(), count);
    let script = share.pointer("/spec/template/spec/containers/0/args/0").unwrap().as_str().unwrap();
    assert!(script.contains(&format!("--partition auto/{count} ")), "{script}");
    // What is mounted is there, and what is claimed, too.
    let claim = &documents[0]["metadata"]["name"];
    for job in &documents[1..] {
        let pod = job.pointer("/spec/template/spec").unwrap();
        let volumes = pod["volumes"].as_array().unwrap();
        let names: BTreeSet<&str> = volumes.iter().filter_map(|volume| volume["name"].as_str()).collect();
        for mount in pod.pointer("/containers/0/volumeMounts").unwrap().as_array().unwrap() {
            assert!(names.contains(mount["name"].as_str().unwrap()), "{mount}");
        }
        let claimed = volumes.iter().filter_map(|volume| volume.pointer("/persistentVolumeClaim/claimName"));
        assert!(claimed.into_iter().all(|name| name == claim));
    }
}

/// The options in a text, of the lines that call the program with this command; a backslash or a plain line break in the
/// middle of a call does not end it.
fn options(text: &str, command: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let joined = text.replace("\\\n", " ");
    for (at, _) in joined.match_indices(command) {
        let call = &joined[at + command.len()..];
        let end = call.find(" || ").unwrap_or(call.len()).min(call.find("\n\n").unwrap_or(call.len()));
        let words = call[..end]
            .lines()
            .take(3)
            .take_while(|line| !line.trim_start().starts_with(['-', '#']) || line.trim_start().starts_with("--"));
        for word in words.flat_map(str::split_whitespace) {
            let word = word.trim_start_matches(|c: char| !c.is_ascii_alphanumeric() && c != '-');
            if word.starts_with("--") {
                found.insert(word.trim_end_matches(|c: char| !c.is_ascii_alphanumeric()).to_owned());
            }
        }
    }
    found
}

#[test]
fn the_program_has_every_option_that_a_recipe_names() {
    for name in ["github-actions.yml", "gitlab-ci.yml", "kubernetes-job.yaml", "slurm-array.sh"] {
        let text = recipe(name).replace("\"$VPN_INTEROP\"", "vpn-interop").replace("%q report", "vpn-interop report");
        for (command, needed) in [
            (&["run"][..], &["--partition", "--seed", "--out"][..]),
            (&["report"], &["--out"]),
            (&["peers", "install"], &["--lock"]),
        ] {
            let named = options(&text, &format!("vpn-interop {}", command.join(" ")));
            for option in needed {
                assert!(named.contains(*option), "{name}: `{}` without {option}: {named:?}", command.join(" "));
            }
            let output = Command::new(env!("CARGO_BIN_EXE_vpn-interop")).args(command).arg("--help").output().unwrap();
            let help = String::from_utf8(output.stdout).unwrap();
            assert!(output.status.success(), "{name}: there is no command `{}`", command.join(" "));
            for option in named {
                let known = help.split([' ', ',', '\n']).any(|word| word == option);
                assert!(known, "{name}: `{}` has no {option}", command.join(" "));
            }
        }
    }
}
