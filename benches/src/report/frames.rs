//! What happens once per frame.

use super::{Options, table};
use crate::{Result, micro};

pub(super) fn report(options: &Options) -> Result<String> {
    let folder = tempfile::tempdir().map_err(|error| format!("failed to make a folder: {error}"))?;
    let frames = if options.quick { 1000 } else { 20_000 };
    let mut rows = Vec::new();
    for mut subject in micro::link().into_iter().chain(micro::capture(&folder)?) {
        if let Some(it) = subject.measure(frames) {
            rows.push(vec![subject.name.to_owned(), it.n.to_string(), it.cells(0)]);
        }
    }
    Ok(format!(
        "### Work per frame, without a kernel\n\nNanoseconds for a frame of 1442 bytes, min / median / max of batches of \
         {frames}. `cargo bench -p interop-benches` measures the same with more care.\n\n{}",
        table(&["", "n", "ns"], &rows)
    ))
}
