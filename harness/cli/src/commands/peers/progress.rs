//! What a long operation on the store shows, and Ctrl-C while it runs.

use std::collections::BTreeMap;
use std::io::IsTerminal as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use interop_evidence::Exit;
use interop_store::{Installed, StoreEvent, Watcher};
use tokio::sync::oneshot;

use super::{Failure, megabytes};

/// Shows an operation on standard error: one live line on a terminal, a line for each stage elsewhere.
pub(super) struct Progress {
    bar: Option<ProgressBar>,
    stages: Mutex<BTreeMap<String, Stage>>,
    stop: AtomicBool,
}

/// What is done for a release.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Stage {
    /// `downloading 43 MB`, the same for all of the stage.
    name: String,
    /// `12 MB`.
    at: String,
}

impl Progress {
    fn new() -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
            // The template is a constant of ours; a mistake in it would show in the first use.
            if let Ok(style) = ProgressStyle::with_template("{spinner} {wide_msg}") {
                bar.set_style(style);
            }
            bar.enable_steady_tick(Duration::from_millis(120));
            bar
        });
        Self { bar, stages: Mutex::new(BTreeMap::new()), stop: AtomicBool::new(false) }
    }

    fn enter(&self, release: &str, name: String, at: String) {
        let mut stages = self.stages.lock().unwrap_or_else(PoisonError::into_inner);
        let is_new = stages.get(release).is_none_or(|stage| stage.name != name);
        if is_new && self.bar.is_none() {
            self.say(&about(release, &name));
        }
        stages.insert(release.to_owned(), Stage { name, at });
        self.refresh(&stages);
    }

    fn leave(&self, release: &str, line: &str) {
        let mut stages = self.stages.lock().unwrap_or_else(PoisonError::into_inner);
        stages.remove(release);
        self.say(line);
        self.refresh(&stages);
    }

    fn refresh(&self, stages: &BTreeMap<String, Stage>) {
        let Some(bar) = &self.bar else { return };
        let parts = stages.iter().map(|(release, stage)| {
            let at = if stage.at.is_empty() { String::new() } else { format!(", {}", stage.at) };
            about(release, &format!("{}{at}", stage.name))
        });
        bar.set_message(parts.collect::<Vec<_>>().join("; "));
    }

    /// One line, above the live one if there is one.
    #[expect(clippy::print_stderr, reason = "progress is for the person who waits")]
    pub(super) fn say(&self, line: &str) {
        match &self.bar {
            Some(bar) => bar.println(line),
            None => eprintln!("{line}"),
        }
    }
}

fn about(release: &str, what: &str) -> String {
    if release.is_empty() { what.to_owned() } else { format!("{release}: {what}") }
}

impl Watcher for Progress {
    fn show(&self, event: &StoreEvent) {
        match event {
            StoreEvent::Waiting => self.say("another vpn-interop writes to the store; waiting for it"),
            StoreEvent::Lists { release } => self.enter(release, "fetching package lists".to_owned(), String::new()),
            StoreEvent::Downloading { release, done, total } => {
                self.enter(release, format!("downloading {}", megabytes(*total)), megabytes(*done));
            }
            StoreEvent::Unpacking { release, done, total } => {
                self.enter(release, format!("unpacking {total} packages"), done.to_string());
            }
            StoreEvent::Copying { done, total } => {
                self.enter("", format!("copying {}", megabytes(*total)), megabytes(*done));
            }
            StoreEvent::Installed(installed) => self.leave(&installed.release.release, &summary(installed)),
            // What a later version of the store tells.
            _ => {}
        }
    }

    fn stop(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }
}

/// `trixie: openconnect 9.12, ocserv 1.3.0 (150 MB, 12 s)`
fn summary(installed: &Installed) -> String {
    let release = &installed.release;
    let version = |name: &String| Some(format!("{name} {}", release.packages.get(name)?.upstream()));
    let peers: Vec<String> = release.wanted.iter().filter_map(version).collect();
    let how = match installed.made {
        true => format!("{} s", installed.took.as_secs().max(1)),
        false => "was there".to_owned(),
    };
    format!("{}: {} ({}, {how})", release.release, peers.join(", "), megabytes(installed.bytes))
}

/// Does work that Ctrl-C stops in its own time.
pub(super) fn watched<T: Send>(work: impl FnOnce(&Progress) -> T + Send) -> Result<T, Failure> {
    let cannot = |error: std::io::Error| (Exit::Environment, format!("failed to watch for Ctrl-C: {error}"));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(cannot)?;
    let progress = Progress::new();
    let ended = thread::scope(|scope| {
        let (tell, mut told) = oneshot::channel::<()>();
        let worker = scope.spawn(|| {
            let ended = work(&progress);
            drop(tell);
            ended
        });
        runtime.block_on(async {
            tokio::select! {
                _ = &mut told => {}
                pressed = tokio::signal::ctrl_c() => {
                    if pressed.is_ok() {
                        progress.stop.store(true, Ordering::Relaxed);
                        progress.say("interrupted: ending, and keeping what was downloaded");
                    }
                    let _ = told.await;
                }
            }
        });
        worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    });
    if let Some(bar) = progress.bar {
        bar.finish_and_clear();
    }
    Ok(ended)
}
