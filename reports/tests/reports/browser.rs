//! The matrix, and the ladder diagram of a cell, as a browser shows them.
//!
//! One test, because one Chromium at a time is enough for a small machine. With `KEEP_SCREENSHOTS=DIR` in the environment
//! it leaves what it saw in that folder.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use interop_evidence::{CellRecord, Verdict};
use interop_reports::{Options, write_html};

use crate::common::trace::FAILING_FRAME;
use crate::common::{cell, peer, run, versions, write_bundles};

/// A start takes some seconds on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);
const WINDOW: (u32, u32) = (1400, 2000);

/// Colours of the light theme, as in the style sheet.
const PAGE: Color = Color([0xfd, 0xfd, 0xfc]);
const DTLS: Color = Color([0x1d, 0x7a, 0x46]);
const TLS: Color = Color([0x1f, 0x5f, 0xbf]);
const DNS: Color = Color([0x8a, 0x6d, 0x1f]);
const FAULT_EDGE: Color = Color([0xd9, 0x92, 0x5f]);
const HIT: Color = Color([0xd6, 0x00, 0x6c]);
/// Behind what fails.
const BAD_FILL: Color = Color([0xfb, 0xe6, 0xe4]);
const DARK_PAGE: Color = Color([0x15, 0x18, 0x1b]);
const DARK_HIT: Color = Color([0xff, 0x4f, 0x9e]);

#[derive(Clone, Copy, Debug)]
struct Color([u8; 3]);

/// What Chromium drew.
struct Picture {
    width: usize,
    /// RGB.
    bytes: Vec<u8>,
}

/// A part of it: left, top, right, bottom.
type Part = (usize, usize, usize, usize);

impl Picture {
    fn read(path: &Path) -> Self {
        let mut decoder = png::Decoder::new(std::io::BufReader::new(File::open(path).expect("a screenshot")));
        decoder.set_transformations(png::Transformations::STRIP_16 | png::Transformations::EXPAND);
        let mut reader = decoder.read_info().expect("a PNG file");
        let mut bytes = vec![0; reader.output_buffer_size().expect("a size")];
        let info = reader.next_frame(&mut bytes).expect("a picture");
        let step = info.color_type.samples();
        assert!(step >= 3, "a picture in colour");
        let bytes = bytes.chunks_exact(step).flat_map(|pixel| pixel[..3].to_vec()).collect();
        Self { width: info.width as usize, bytes }
    }

    /// Where a part has a colour, row by row; lines are softened, so near ones count.
    fn mask(&self, color: Color, (left, top, right, bottom): Part) -> Vec<bool> {
        let near = |pixel: &[u8]| {
            let Color([r, g, b]) = color;
            pixel[0].abs_diff(r) <= 24 && pixel[1].abs_diff(g) <= 24 && pixel[2].abs_diff(b) <= 24
        };
        let row = |y: usize| &self.bytes[3 * (y * self.width + left)..3 * (y * self.width + right)];
        (top..bottom).flat_map(|y| row(y).chunks_exact(3).map(near)).collect()
    }

    fn count(&self, color: Color, part: Part) -> usize {
        self.mask(color, part).into_iter().filter(|is| *is).count()
    }

    /// The longest piece of a row that has a colour: arrows are long.
    fn longest(&self, color: Color, part: Part) -> usize {
        let mask = self.mask(color, part);
        mask.chunks_exact(part.2 - part.0).map(|row| longest(row.iter().copied())).max().unwrap_or_default()
    }

    /// The same of a column: the edges of bands are high.
    fn tallest(&self, color: Color, part: Part) -> usize {
        let (mask, wide) = (self.mask(color, part), part.2 - part.0);
        (0..wide).map(|x| longest(mask.iter().skip(x).step_by(wide).copied())).max().unwrap_or_default()
    }
}

fn longest(pixels: impl Iterator<Item = bool>) -> usize {
    let (longest, _) = pixels.fold((0, 0), |(longest, now), is| {
        let now = if is { now + 1 } else { 0 };
        (longest.max(now), now)
    });
    longest
}

/// Chromium, if it is here.
fn chromium() -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let names = ["chromium", "chromium-browser", "google-chrome"];
    std::env::split_paths(&path).flat_map(|folder| names.map(|name| folder.join(name))).find(|path| path.is_file())
}

/// A page and how it is looked at.
struct Browser {
    program: PathBuf,
    folder: tempfile::TempDir,
}

impl Browser {
    /// Runs Chromium on the page and gives what it writes to its standard output.
    fn run(&self, page: &str, arguments: &[&str]) -> String {
        let profile = tempfile::tempdir_in(self.folder.path()).expect("a profile");
        let output = self.folder.path().join("output");
        let mut child = Command::new(&self.program)
            .args(["--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--no-first-run"])
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .arg(format!("--window-size={},{}", WINDOW.0, WINDOW.1))
            .args(arguments)
            .arg(format!("file://{}/{page}", self.folder.path().display()))
            .stdin(Stdio::null())
            .stdout(File::create(&output).expect("a file"))
            .stderr(Stdio::null())
            .spawn()
            .expect("Chromium starts");
        let begin = Instant::now();
        let status = loop {
            if let Some(status) = child.try_wait().expect("a child") {
                break status;
            }
            if begin.elapsed() > PATIENCE {
                child.kill().expect("a child that can be ended");
                child.wait().expect("a child");
                panic!("Chromium did not end within {} s", PATIENCE.as_secs());
            }
            sleep(Duration::from_millis(50));
        };
        assert!(status.success(), "Chromium ended with {status}");
        fs::read_to_string(output).expect("its output")
    }

    fn picture(&self, page: &str, more: &[&str]) -> Picture {
        let path = self.folder.path().join("screen.png");
        let _ = fs::remove_file(&path);
        let screenshot = format!("--screenshot={}", path.display());
        self.run(page, &[more, &[&*screenshot]].concat());
        if let Some(kept) = std::env::var_os("KEEP_SCREENSHOTS") {
            let name = format!("{}{}.png", page.replace(['=', '&', '/', '#'], "-"), more.len());
            fs::copy(&path, PathBuf::from(kept).join(name)).expect("a copy");
        }
        Picture::read(&path)
    }
}

fn address(cell: &CellRecord, frame: Option<u64>) -> String {
    let frame = frame.map(|frame| format!("#frame={frame}")).unwrap_or_default();
    format!("{}/index.html{frame}", cell.bundle.as_deref().expect("a bundle"))
}

/// The value of an attribute of the first element that begins so.
fn attribute(page: &str, element: &str, name: &str) -> String {
    let (_, rest) = page.split_once(element).unwrap_or_else(|| panic!("{element} is in the page"));
    let (tag, _) = rest.split_once('>').expect("the end of the element");
    let (_, value) = tag.split_once(&format!(" {name}=\"")).unwrap_or_else(|| panic!("{name} in {tag}"));
    value.split('"').next().expect("a value").to_owned()
}

#[test]
fn pages_are_drawn() {
    let Some(program) = chromium() else {
        eprintln!("SKIPPED: chromium is not installed, the pages are not looked at");
        return;
    };
    let folder = tempfile::tempdir().expect("a folder");
    let browser = Browser { program, folder };
    diagrams(&browser);
    matrix(&browser);
}

fn diagrams(browser: &Browser) {
    let folder = browser.folder.path();
    let make = |scenario: &str, verdict| cell(scenario, peer("openconnect", "9.01"), peer("ocserv", "1.1.6"), verdict);
    let results = run(vec![make("good", Verdict::Pass), make("bad", Verdict::Fail)]);
    write_bundles(&results, folder);
    write_html(&results, folder, Options::default()).expect("pages");
    let (good, bad) = (&results.cells[0], &results.cells[1]);
    let screen: Part = (0, 0, WINDOW.0 as usize, WINDOW.1 as usize);

    // A cell that passes shows its diagram when somebody asks.
    let folded = browser.picture(&address(good, None), &[]);
    assert!(folded.longest(DTLS, screen) < 50, "no arrow while it is folded");
    let opened = browser.picture(&address(good, Some(350)), &[]);
    for (layer, color) in [("DTLS", DTLS), ("TLS", TLS), ("DNS", DNS)] {
        let arrow = opened.longest(color, screen);
        assert!(arrow > 150, "an arrow of {layer} reaches from lane to lane: {arrow} pixels");
    }
    // The bar of the time line has the colour as well, but is flat.
    let (before, now) = (folded.tallest(FAULT_EDGE, screen), opened.tallest(FAULT_EDGE, screen));
    assert!(before < 20 && now > 40, "the fault is a band: {before} and {now} pixels");
    assert_eq!(opened.count(HIT, screen), 0, "nothing fails");

    // One that fails shows it at once, at the failing packet, and links to it.
    let failing = browser.picture(&address(bad, None), &[]);
    assert!(failing.count(HIT, screen) > 150, "the failing packet stands out: {}", failing.count(HIT, screen));
    let arrow = failing.longest(HIT, screen);
    assert!(arrow > 80, "the arrow itself as well, half of the way, as it was dropped: {arrow} pixels");
    let before_it = opened.tallest(HIT, screen);
    assert!(before_it == 0 && failing.tallest(HIT, screen) > 20, "and the flag at its left");
    assert!(failing.longest(DTLS, screen) > 150);
    assert!(failing.count(PAGE, screen) > 10_000);

    let dark = browser.picture(&address(bad, None), &["--blink-settings=preferredColorScheme=0"]);
    assert!(dark.count(DARK_HIT, screen) > 150 && dark.count(HIT, screen) == 0, "the dark theme has its own colours");
    assert!(dark.count(DARK_PAGE, screen) > 10_000);

    // The script has measured the page, and gives the drawing its size.
    let page = browser.run(&address(bad, None), &["--dump-dom"]);
    let number = |name: &str| attribute(&page, "<svg class=\"ladder\"", name).parse::<u32>().expect("a number");
    let drawn = attribute(&page, "<svg class=\"ladder\"", "viewBox");
    let drawn: u32 = drawn.split(' ').nth(2).and_then(|width| width.parse().ok()).expect("a width");
    assert!((drawn + 1..=drawn * 3 / 2).contains(&number("width")), "as wide as fits: {} of {drawn}", number("width"));
    let link = attribute(&page, "<a class=\"arrow\"", "href");
    assert_eq!(link, format!("#frame={FAILING_FRAME}"));
    let page = browser.run(&address(good, None), &["--dump-dom"]);
    assert!(page.contains("<details class=\"trace\">"), "folded");
}

fn matrix(browser: &Browser) {
    let results = versions();
    write_html(&results, browser.folder.path(), Options::default()).expect("pages");
    let screen: Part = (0, 0, WINDOW.0 as usize, WINDOW.1 as usize);
    let whole = browser.picture("report.html", &[]);
    assert!(whole.count(BAD_FILL, screen) > 4 * 400, "failing cells are filled: {}", whole.count(BAD_FILL, screen));
    let dark = browser.picture("report.html", &["--blink-settings=preferredColorScheme=0"]);
    assert!(dark.count(DARK_PAGE, screen) > 1_000_000 && dark.count(PAGE, screen) < 2000);
    browser.picture("report.html", &["--window-size=420,1400"]);

    // What is filtered is in the address; columns close up, and headings over them.
    let shown = |page: &str| -> String {
        let (_, rest) = page.split_once("id=\"shown\"").expect("the number of cells");
        rest.split_once('>').and_then(|(_, rest)| rest.split_once('<')).map(|(text, _)| text.to_owned()).expect("it")
    };
    let dom = |address: &str| browser.run(&format!("report.html{address}"), &["--dump-dom"]);
    let rows = |page: &str| page.matches("<tr class=\"row\">").count();
    let all = dom("");
    assert_eq!((shown(&all).as_str(), rows(&all)), ("", 3));
    for (address, count, shown_rows) in [
        ("#verdict=fail", "4 of 120 cells", 1),
        ("#client=openconnect@sid&server=ocserv", "12 of 120 cells", 3),
        ("#release=sid&area=baseline", "15 of 120 cells", 1),
        ("#text=dpd%3D3s+openvpn", "15 of 120 cells", 1),
        ("#differ=yes", "80 of 120 cells", 2),
        ("#pair=openconnect@sid%2Bocserv@sid", "3 of 120 cells", 3),
    ] {
        let page = dom(address);
        assert_eq!((shown(&page).as_str(), rows(&page)), (count, shown_rows), "{address}");
    }
    let failing = dom("#verdict=fail");
    assert!(failing.contains("colspan=\"4\" data-from=\"0\" data-span=\"5\""), "the heading is over what is left");
    assert!(!failing.contains("title=\"fail: "), "the page shows it, not the browser");
}
