//! What every way of loading usage does alike.

use indicatif::{ProgressBar, ProgressStyle};

use crate::engine::{Engine, EngineError, Ingested, Pending};
use crate::model::Batch;

/// Rejected events that are shown; the rest is counted.
pub const SHOWN: usize = 10;
/// The project of usage for which a known export names none, as at the endpoints of other senders.
pub const DEFAULT_PROJECT: &str = "default";

/// Queues a batch, waiting while the queue is full.
pub fn submit(engine: &Engine, batch: Batch) -> Result<Pending<Ingested>, EngineError> {
    engine.wait_for_room();
    engine.submit(batch)
}

/// A bar on a terminal; hidden by itself elsewhere.
pub fn progress_bar(bytes: Option<u64>) -> ProgressBar {
    let (bar, template) = match bytes {
        Some(bytes) => (
            ProgressBar::new(bytes),
            "{msg} [{bar:32}] {percent}% {binary_bytes}/{binary_total_bytes} {binary_bytes_per_sec} {eta} left",
        ),
        None => (ProgressBar::new_spinner(), "{msg} {spinner} {binary_bytes} {binary_bytes_per_sec}"),
    };
    let style = ProgressStyle::with_template(template).expect("the template is a constant");
    bar.with_style(style.progress_chars("=> "))
}
