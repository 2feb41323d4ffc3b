//! One seed, one verdict; cells at once do not disturb each other.

use interop_evidence::Verdict;

use crate::support::{Run, has_anyconnect, need, overlay};

#[test]
fn repeats_of_one_seed_agree_eight_at_once() {
    need!(has_anyconnect(), "openconnect or ocserv is not here, or this is not root");
    // Eight stories that differ in name only: eight cells at once, each repeated.
    let text = |n: usize| {
        format!(
            "id: twin-{n}\ntitle: One of eight\narea: basics\ntopology: double-nat\nsteps:\n  \
             - connect: {{within: 30s}}\n  - expect: {{transport: dtls, within: 20s}}\n  \
             - transfer: {{bytes: 100kB, from: inside, within: 20s}}\n  - disconnect: {{}}\n\
             always: [leave-no-trace, no-crash]\n"
        )
    };
    let files: Vec<(String, String)> = (0..8).map(|n| (format!("cases/twin-{n}.yaml"), text(n))).collect();
    let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    let folder = overlay(&files);
    let catalogue = folder.path().to_str().unwrap();
    let run = Run::of([
        "--catalogue",
        catalogue,
        "--scenario",
        "twin-*",
        "--client",
        "openconnect",
        "--server",
        "ocserv",
        "--no-gate",
        "--seed",
        "11",
        "--repeat",
        "3",
        "--jobs",
        "8",
    ]);
    let cells = run.results().cells;
    assert_eq!(cells.len(), 8);
    for cell in cells {
        assert_eq!(cell.repeats, [Verdict::Pass; 3], "{}: {}", cell.key, cell.reason);
        assert_eq!(cell.verdict, Verdict::Pass);
    }
    assert_eq!(run.code(), 0);
}
