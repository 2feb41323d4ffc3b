//! The ladder diagram on the HTML page.

use std::fs;
use std::path::Path;

use interop_evidence::{Bundle, CellRecord, MarkKind, Micros, RunResults, Trace, TraceMark, Verdict};
use interop_reports::{Options, write_html};
use quick_xml::Reader;
use quick_xml::events::Event;

use crate::common::trace::{FAILING_FRAME, trace};
use crate::common::{cell, hostile_results, peer, results, run, write_bundles};
use crate::html::cell_page;

/// The diagram of a page, as markup, if it has one.
fn diagram(page: &str) -> Option<&str> {
    let begin = page.find("<svg class=\"ladder\"")?;
    let end = page[begin..].find("</svg>").expect("its end") + "</svg>".len();
    Some(&page[begin..begin + end])
}

/// The names of the elements, what stands in them, and their attributes, if it is well-formed XML.
fn parse(svg: &str) -> (Vec<String>, String, Vec<String>) {
    let mut reader = Reader::from_str(svg);
    reader.config_mut().check_end_names = true;
    let (mut names, mut text, mut attributes, mut depth) = (Vec::new(), String::new(), Vec::new(), 0);
    loop {
        match reader.read_event().expect("well-formed") {
            Event::Start(element) => {
                depth += 1;
                names.push(element.name().as_ref().to_owned());
                add(&element, &mut attributes);
            }
            Event::Empty(element) => {
                names.push(element.name().as_ref().to_owned());
                add(&element, &mut attributes);
            }
            Event::End(_) => depth -= 1,
            Event::Text(found) => text.push_str(&found),
            Event::GeneralRef(entity) => {
                let entity = format!("&{};", &*entity);
                text.push_str(&quick_xml::escape::unescape(&entity).expect("a known entity"));
            }
            Event::Eof => break,
            other => panic!("{other:?} has no place in a drawing"),
        }
    }
    assert_eq!(depth, 0, "everything ends");
    (names, text, attributes)
}

fn add(element: &quick_xml::events::BytesStart<'_>, attributes: &mut Vec<String>) {
    for attribute in element.attributes() {
        let attribute = attribute.expect("well-formed, and no name twice");
        attributes.push(attribute.key.as_ref().to_owned());
    }
}

/// The page of a cell whose trace is this one.
fn page_of(cell: CellRecord, trace: &Trace) -> String {
    let folder = tempfile::tempdir().expect("a folder");
    let results = run(vec![cell]);
    write_bundles(&results, folder.path());
    let bundle = folder.path().join(results.cells[0].bundle.as_ref().expect("a bundle"));
    Bundle::open(bundle).write_trace(trace).expect("trace.json");
    written(&results, folder.path())
}

/// The page of the first cell.
fn written(results: &RunResults, folder: &Path) -> String {
    write_html(results, folder, Options::default()).expect("pages");
    cell_page(folder, results, 0)
}

fn one(verdict: Verdict) -> CellRecord {
    cell("story", peer("a", "1"), peer("b", "2"), verdict)
}

#[test]
fn a_small_diagram() {
    let cell = one(Verdict::Fail);
    let page = page_of(cell.clone(), &trace(&cell));
    let svg = diagram(&page).expect("a diagram").replace("<g ", "\n<g ").replace("<line ", "\n<line ");
    parse(&svg);
    insta::assert_snapshot!(svg);
}

#[test]
fn a_failing_check_leads_to_its_arrow() {
    let cell = one(Verdict::Fail);
    let page = page_of(cell.clone(), &trace(&cell));
    let link = format!("<a class=\"arrow\" href=\"#frame={FAILING_FRAME}\">");
    assert_eq!((page.matches("class=\"arrow\"").count(), page.matches(&link).count()), (1, 1));
    assert!(page.contains(&format!("<details class=\"trace\" open data-frame=\"{FAILING_FRAME}\">")));
    let hit = format!("class=\"row l-dtls hit\" data-frame=\"{FAILING_FRAME}\"");
    assert_eq!(page.matches(&hit).count(), 1);
    assert_eq!(page.matches("class=\"flag\"").count(), 1);
    let cell = one(Verdict::Pass);
    let page = page_of(cell.clone(), &trace(&cell));
    assert!(!page.contains("class=\"flag\""), "nothing fails in a cell that passes");
}

#[test]
fn a_frame_that_is_not_drawn_is_no_link_but_a_note() {
    let mut cell = one(Verdict::Fail);
    cell.checks.retain(|check| check.id != "golden outer-flow");
    cell.checks[2].message = "a SYN came twice: frame 9999".into();
    let page = page_of(cell.clone(), &trace(&cell));
    assert!(!page.contains("class=\"arrow\""));
    assert!(page.contains("frame 9999 is not in the trace"));
}

#[test]
fn text_of_strangers_stays_text() {
    let folder = tempfile::tempdir().unwrap();
    let results = hostile_results(folder.path());
    let page = written(&results, folder.path());
    assert_eq!(page.matches("<svg").count(), 1);
    let (names, text, attributes) = parse(diagram(&page).expect("a diagram"));
    for name in names {
        assert!(["svg", "g", "path", "rect", "text", "tspan", "title", "line"].contains(&&*name), "{name}");
    }
    assert!(attributes.iter().all(|name| !name.starts_with("on") && name != "href" && name != "style"));
    assert!(text.contains("</script><script>alert(1)") && text.contains("{{ 7*7 }}"), "{text}");
    assert!(text.contains("\\u{202e}\\u{1b}[31m"), "{text}");
}

#[test]
fn of_a_long_trace_four_hundred_lines_are_drawn_and_the_rest_is_counted() {
    let cell = one(Verdict::Fail);
    let mut long = trace(&cell);
    let pattern = long.lines[15].clone();
    for at in 0..3000_u64 {
        let mut line = pattern.clone();
        (line.frame, line.last_frame) = (10_000 + at, 10_000 + at);
        line.at = Micros(20_000_000 + at * 1000);
        line.text = "DTLS application data".into();
        long.lines.push(line);
    }
    long.marks.extend((0..1000).map(|at| TraceMark {
        at: Micros(at * 1000),
        text: format!("fault f{at}: x"),
        kind: MarkKind::Fault,
    }));
    long.notes = (0..50).map(|at| format!("note {at}")).collect();
    let all = long.lines.len();
    let page = page_of(cell, &long);
    let svg = diagram(&page).expect("a diagram");
    parse(svg);
    assert_eq!(svg.matches("class=\"row l-").count(), 400);
    assert!(svg.matches("class=\"row mark").count() <= 100);
    assert!(svg.contains(&format!("hit\" data-frame=\"{FAILING_FRAME}\"")), "the failing packet remains");
    assert!(svg.contains("data-frame=\"12\"") && svg.contains("data-frame=\"12999\""));
    assert!(page.contains(&format!("400 of {all} lines are drawn")));
    assert!(page.contains("6 of 50 notes are shown"));
    assert!(svg.len() < 200_000, "{}", svg.len());
}

#[test]
fn an_older_bundle_has_no_diagram_and_a_broken_trace_is_a_note() {
    for (text, note) in [(None, ""), (Some("{\"hosts\":"), "trace.json cannot be read: EOF while parsing")] {
        let folder = tempfile::tempdir().unwrap();
        let results = run(vec![one(Verdict::Pass)]);
        write_bundles(&results, folder.path());
        let bundle = Bundle::open(folder.path().join(results.cells[0].bundle.as_ref().unwrap()));
        match text {
            Some(text) => fs::write(bundle.trace_json(), text).unwrap(),
            None => fs::remove_file(bundle.trace_json()).unwrap(),
        }
        let page = written(&results, folder.path());
        assert!(!page.contains("class=\"trace\"") && diagram(&page).is_none());
        assert!(page.contains(note));
    }
}

#[test]
fn an_empty_trace_and_one_with_unknown_hosts_are_drawn() {
    let mut odd = trace(&one(Verdict::Pass));
    odd.hosts.clear();
    odd.marks.reverse();
    odd.lines.iter_mut().for_each(|line| {
        line.to.clone_from(&line.from);
        (line.at, line.until, line.last_frame) = (Micros(u64::MAX), Micros(0), 0);
        (line.frame, line.count, line.retransmissions) = (u64::MAX, u64::MAX, u64::MAX);
    });
    for trace in [Trace::default(), odd] {
        let page = page_of(one(Verdict::Fail), &trace);
        parse(diagram(&page).expect("a diagram"));
    }
}

#[test]
fn every_cell_that_left_a_trace_has_its_diagram_and_its_text() {
    let folder = tempfile::tempdir().unwrap();
    let results = results();
    write_bundles(&results, folder.path());
    write_html(&results, folder.path(), Options::default()).expect("pages");
    for (index, cell) in results.cells.iter().enumerate().filter(|(_, cell)| cell.bundle.is_some()) {
        let page = cell_page(folder.path(), &results, index);
        assert!(diagram(&page).is_some() && page.contains("<a href=\"./trace.txt\">"), "{}", cell.key);
        let switch = |view: &str| page.contains(&format!("value=\"{view}\" autocomplete=\"off\" checked>"));
        assert_eq!((switch("outer-flow"), switch("dns"), switch("inner-flow")), (true, true, false));
        // What went wrong is unfolded.
        let open = page.contains("<details class=\"trace\" open");
        assert_eq!(open, cell.verdict != Verdict::Pass, "{}", cell.key);
    }
}
