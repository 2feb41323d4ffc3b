//! Whatever is in a file, loading it ends without a panic, and errors can be rendered.

use std::{fs, path::PathBuf};

use interop_catalogue::{Catalogue, LoadOptions};
use rand::{Rng, SeedableRng, seq::IndexedRandom};
use rand_chacha::ChaCha8Rng;

const SEED: u64 = 0x5eed;
/// Loads with four mutated files each.
const ROUNDS: usize = 500;
const SNIPPETS: [&str; 16] = [
    "{",
    "}",
    "[",
    "]",
    "'",
    "\"",
    "&a ",
    "*a",
    "{{ ",
    " }}",
    "\t",
    "- ",
    ": ",
    "\u{0}",
    "!!int ",
    "99999999999999999999s",
];

#[test]
fn mutated_files_never_panic() {
    println!("seed {SEED:#x}");
    let mut random = ChaCha8Rng::seed_from_u64(SEED);
    let folder = tempfile::tempdir().unwrap();
    let originals: Vec<(PathBuf, String)> = [
        "cases/udp-blocked-mid-session.yaml",
        "topologies/double-nat.yaml",
        "faults/udp-blocked.yaml",
        "peers/ocserv.yaml",
    ]
    .iter()
    .map(|path| (PathBuf::from(path), fs::read_to_string(PathBuf::from("tests/good").join(path)).unwrap()))
    .collect();
    copy("tests/good".into(), folder.path().to_owned());
    let mut refused = 0;
    for _ in 0..ROUNDS {
        // Four mutated files in one load: each is read on its own, and the checks between them see all kinds of ruins.
        for (path, original) in &originals {
            fs::write(folder.path().join(path), mutate(original, &mut random)).unwrap();
        }
        if let Err(errors) = Catalogue::load(&LoadOptions { builtin: false, overlays: vec![folder.path().to_owned()] })
        {
            refused += 1;
            assert!(!format!("{:?}", miette::Report::new(errors)).is_empty());
        }
    }
    assert!(refused > ROUNDS / 2, "only {refused} of {ROUNDS} loads were refused");
}

#[test]
fn bombs_do_not_explode() {
    let folder = tempfile::tempdir().unwrap();
    let cases = folder.path().join("cases");
    fs::create_dir(&cases).unwrap();
    let levels: String =
        (1..9).map(|n| format!("l{n}: &l{n} [{}]\n", vec![format!("*l{}", n - 1); 20].join(","))).collect();
    fs::write(cases.join("aliases.yaml"), format!("l0: &l0 [x]\n{levels}")).unwrap();
    fs::write(cases.join("deep.yaml"), "[".repeat(50) + &"]".repeat(50)).unwrap();
    fs::write(cases.join("brackets.yaml"), "[".repeat(100_000)).unwrap();
    fs::write(cases.join("braces.yaml"), "{a: ".repeat(100_000)).unwrap();
    fs::write(cases.join("keys.yaml"), (0..100_000).map(|n| format!("k{n}: 1\n")).collect::<String>()).unwrap();
    let parentheses = format!("steps: [{{hold: {{for: \"{}1s\"}}}}]\n", "(".repeat(100_000));
    fs::write(cases.join("parentheses.yaml"), parentheses).unwrap();
    let loops = "{% for a in range(9999) %}{% for b in range(9999) %}x{% endfor %}{% endfor %}";
    let faults = folder.path().join("faults");
    fs::create_dir(&faults).unwrap();
    let fault = format!("id: endless\ntitle: T\nprimitive: nft\nwith: {{node: core, rules: \"{loops}\"}}\n");
    fs::write(faults.join("endless.yaml"), fault).unwrap();
    let case = "id: endless\ntitle: T\narea: a\ntopology: double-nat\nsteps: [{fault: {endless: {}}}]\n";
    fs::write(cases.join("endless.yaml"), case).unwrap();
    let overlays = vec![PathBuf::from("tests/good"), folder.path().to_owned()];
    let errors = Catalogue::load(&LoadOptions { builtin: false, overlays }).unwrap_err();
    let messages: Vec<&str> = errors.problems.iter().map(|problem| problem.message()).collect();
    for expected in [
        "more than 20000 values in one file",
        "lists and maps are nested more than 32 deep",
        "the expression is longer than 200 characters",
        "the template cannot be filled in: engine ran out of fuel",
    ] {
        assert!(messages.contains(&expected), "{expected}: {messages:#?}");
    }
}

fn mutate(original: &str, random: &mut ChaCha8Rng) -> Vec<u8> {
    let mut bytes = original.as_bytes().to_vec();
    for _ in 0..random.random_range(1..4) {
        let at = random.random_range(0..bytes.len());
        match random.random_range(0..5) {
            0 => bytes[at] = random.random(),
            1 => drop(bytes.splice(at..at, SNIPPETS.choose(random).expect("there are snippets").bytes())),
            2 => drop(bytes.drain(at..(at + random.random_range(1..20)).min(bytes.len()))),
            3 => bytes.truncate(at.max(1)),
            _ => {
                let piece: Vec<u8> = bytes[at..(at + random.random_range(1..60)).min(bytes.len())].to_vec();
                let to = random.random_range(0..bytes.len());
                drop(bytes.splice(to..to, piece));
            }
        }
        if bytes.is_empty() {
            bytes.push(b'\n');
        }
    }
    bytes
}

fn copy(from: PathBuf, to: PathBuf) {
    fs::create_dir_all(&to).expect("a folder");
    for entry in fs::read_dir(from).expect("a folder") {
        let entry = entry.expect("an entry");
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(entry.path(), target);
        } else {
            fs::copy(entry.path(), target).expect("a copy");
        }
    }
}
