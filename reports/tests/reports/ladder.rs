//! The ladder diagram on the HTML page.

use std::fs;

use interop_evidence::{Bundle, CellRecord, MarkKind, Micros, Trace, TraceMark, Verdict, View};
use interop_reports::{Options, html};
use quick_xml::Reader;
use quick_xml::events::Event;
use serde_json::Value;

use crate::common::trace::{FAILING_FRAME, trace};
use crate::common::{cell, hostile_results, many_results, peer, run, write_bundles};
use crate::html::data;

/// The diagrams of a page, as markup.
fn diagrams(page: &str) -> Vec<&str> {
    let rest = page.split("<template id=\"ladder-").skip(1);
    rest.map(|rest| rest.split_once('>').expect("its begin").1.split_once("</template>").expect("its end").0).collect()
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

/// A page of one cell whose trace is this one.
fn page_of(cell: CellRecord, trace: &Trace) -> String {
    let folder = tempfile::tempdir().expect("a folder");
    let results = run(vec![cell]);
    write_bundles(&results, folder.path());
    let bundle = folder.path().join(results.cells[0].bundle.as_ref().expect("a bundle"));
    Bundle::open(bundle).write_trace(trace).expect("trace.json");
    html(&results, folder.path(), Options::default()).expect("a page")
}

fn one(verdict: Verdict) -> CellRecord {
    cell("story", peer("a", "1"), peer("b", "2"), verdict)
}

#[test]
fn a_small_diagram() {
    let cell = one(Verdict::Fail);
    let page = page_of(cell.clone(), &trace(&cell));
    let svg = diagrams(&page)[0].replace("<g ", "\n<g ").replace("<line ", "\n<line ");
    parse(&svg);
    insta::assert_snapshot!(svg);
}

#[test]
fn a_failing_check_leads_to_its_arrow() {
    let cell = one(Verdict::Fail);
    let page = page_of(cell.clone(), &trace(&cell));
    let data = data(&page);
    let frames: Vec<_> = data[0]["checks"].as_array().unwrap().iter().map(|check| check["frame"].as_u64()).collect();
    assert_eq!(frames.into_iter().flatten().collect::<Vec<_>>(), [FAILING_FRAME]);
    assert_eq!(data[0]["trace"]["frame"], FAILING_FRAME);
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
    let data = data(&page_of(cell.clone(), &trace(&cell)));
    assert_eq!(data[0]["checks"][2]["frame"], Value::Null);
    assert!(data[0]["trace"]["notes"].to_string().contains("frame 9999 is not in the trace"), "{}", data[0]["trace"]);
}

#[test]
fn text_of_strangers_stays_text() {
    let folder = tempfile::tempdir().unwrap();
    let results = hostile_results(folder.path());
    let page = html(&results, folder.path(), Options::default()).expect("a page");
    let found = diagrams(&page);
    assert_eq!(found.len(), 1);
    let (names, text, attributes) = parse(found[0]);
    for name in names {
        assert!(["svg", "g", "path", "rect", "text", "tspan", "title", "line"].contains(&&*name), "{name}");
    }
    assert!(attributes.iter().all(|name| !name.starts_with("on") && name != "href" && name != "style"));
    assert!(text.contains("</script><script>alert(1)") && text.contains("{{ 7*7 }}"), "{text}");
    assert!(text.contains("\\u{202e}\\u{1b}[31m"), "{text}");
    assert!(data(&page)[0]["trace"]["notes"].to_string().contains("</script>"));
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
    let svg = diagrams(&page)[0];
    parse(svg);
    assert_eq!(svg.matches("class=\"row l-").count(), 400);
    assert!(svg.matches("class=\"row mark").count() <= 100);
    assert!(svg.contains(&format!("hit\" data-frame=\"{FAILING_FRAME}\"")), "the failing packet remains");
    assert!(svg.contains("data-frame=\"12\"") && svg.contains("data-frame=\"12999\""));
    let notes = data(&page)[0]["trace"]["notes"].to_string();
    assert!(notes.contains(&format!("400 of {all} lines are drawn")), "{notes}");
    assert!(notes.contains("6 of 50 notes are shown"), "{notes}");
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
        let page = html(&results, folder.path(), Options::default()).expect("a page");
        let data = data(&page);
        assert_eq!(data[0]["trace"], Value::Null);
        assert_eq!(diagrams(&page), [""; 0]);
        assert!(data[0]["notes"].to_string().contains(note), "{}", data[0]["notes"]);
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
        parse(diagrams(&page)[0]);
    }
}

#[test]
fn cells_that_fail_come_first_and_what_is_left_out_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let results = many_results(160);
    write_bundles(&results, folder.path());
    for cell in &results.cells {
        let Some(bundle) = &cell.bundle else { continue };
        let mut long = trace(cell);
        for at in 0..300 {
            let mut line = long.lines[0].clone();
            (line.at, line.text) = (Micros(20_000_000 + at), format!("TCP SYN {at}"));
            long.lines.push(line);
        }
        Bundle::open(folder.path().join(bundle)).write_trace(&long).expect("trace.json");
    }
    let page = html(&results, folder.path(), Options::default()).expect("a page");
    assert!((3_000_000..5_000_000).contains(&page.len()), "{}", page.len());
    let (data, drawings) = (data(&page), diagrams(&page));
    let drawn = |index: &usize| !data[*index]["trace"]["views"].is_null();
    let of = |passes: bool| {
        let places = results.cells.iter().enumerate().filter(move |(_, cell)| cell.bundle.is_some());
        places.filter(move |(_, cell)| (cell.verdict == Verdict::Pass) == passes).map(|(index, _)| index)
    };
    assert!(of(false).all(|index| drawn(&index)), "every cell that does not pass");
    assert!(!of(true).all(|index| drawn(&index)), "not every other");
    let said = |index: usize| data[index]["trace"]["notes"].to_string().contains(" lines are drawn");
    assert!(of(false).any(said), "some with fewer lines");
    let (count, all) = (drawings.len(), of(true).count() + of(false).count());
    assert!(page.contains(&format!("Diagrams of {count} of {all} traces are on this page")));
}

#[test]
fn every_cell_of_a_small_run_has_its_diagram_and_its_text() {
    let folder = tempfile::tempdir().unwrap();
    let results = many_results(54);
    write_bundles(&results, folder.path());
    let page = html(&results, folder.path(), Options::default()).expect("a page");
    let bundles = results.cells.iter().filter(|cell| cell.bundle.is_some()).count();
    assert_eq!(diagrams(&page).len(), bundles);
    assert!(!page.contains("Diagrams of "));
    let data = data(&page);
    let shown: Vec<_> = data.as_array().unwrap().iter().filter(|detail| detail["trace"].is_object()).collect();
    assert!(shown.iter().all(|detail| detail["trace"]["text"] == true));
    let switches = shown[0]["trace"]["views"].as_array().unwrap();
    let of = |view: View| switches.iter().find(|switch| switch[0] == view.as_str()).expect("its switch")[2].clone();
    assert_eq!((of(View::OuterFlow), of(View::Dns), of(View::InnerFlow)), (true.into(), true.into(), false.into()));
}
