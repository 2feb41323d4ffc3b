//! A plan from its first cell to its last, with somebody watching, and ways to stop it.

use interop_catalogue::Catalogue;
use interop_engine::{Ended, Plan, RunEvent, RunOptions};
use interop_evidence::RunResults;
use tokio::sync::{mpsc, watch};

use crate::display::Display;

/// Runs a plan; a run that was stopped gives what is finished, and says so in its record.
pub(crate) fn carry_out(catalogue: &Catalogue, plan: &Plan, options: &RunOptions) -> Result<RunResults, String> {
    execute(catalogue, plan, options).map(|ended| ended.results)
}

/// The same, and why it ended.
pub(super) fn execute(catalogue: &Catalogue, plan: &Plan, options: &RunOptions) -> Result<Ended, String> {
    // Cells are started from this thread: the kernel ends them when the thread that started them ends.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| format!("failed to start the runtime: {error}"))?;
    runtime.block_on(async {
        let (events, mut shown) = mpsc::unbounded_channel::<RunEvent>();
        let (stop, stopped) = watch::channel(false);
        let keep = options.keep;
        tokio::spawn(async move {
            tokio::select! {
                _ = tokio::signal::ctrl_c() => {}
                () = terminated() => {}
                () = enter(), if keep => {}
            }
            stop.send_replace(true);
            // A run that ends by itself never comes here; one that was stopped needs the channel until it has ended.
            std::future::pending::<()>().await;
        });
        let display = tokio::spawn(async move {
            let mut display = Display::new();
            while let Some(event) = shown.recv().await {
                display.show(&event);
            }
            display.end();
        });
        let ended = interop_engine::run(catalogue, plan, options, events, stopped).await;
        // A display that failed has shown nothing; the results are there all the same.
        let _ = display.await;
        ended.map_err(|error| format!("failed to {error}"))
    })
}

/// The end of a line on standard input: somebody pressed Enter.
async fn enter() {
    use tokio::io::AsyncBufReadExt as _;
    let mut line = String::new();
    let read = tokio::io::BufReader::new(tokio::io::stdin()).read_line(&mut line).await;
    if !matches!(read, Ok(1..)) {
        // Nobody there to press it: only a signal ends the run.
        std::future::pending::<()>().await;
    }
}

async fn terminated() {
    use tokio::signal::unix::{SignalKind, signal};
    match signal(SignalKind::terminate()) {
        Ok(mut signal) => {
            signal.recv().await;
        }
        Err(_) => std::future::pending().await,
    }
}
