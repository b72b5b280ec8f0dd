//! What every way of loading usage does alike.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use super::Failure;
use crate::directory::Change;
use crate::engine::{Engine, EngineError, Ingested, Pending};
use crate::http::learnt;
use crate::http::wire::FeedAnswer;
use crate::ingest::{Names, Parsed, Reading};
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

/// Has what another sender's reader made of records counted in files opened here, and what is new about names entered.
pub fn take_in(engine: &Engine, reading: Reading) -> Result<FeedAnswer, Failure> {
    let Reading { parsed: Parsed { batch, rejected }, ignored, names } = reading;
    let Ingested { accepted, completed, duplicates } =
        if batch.is_empty() { Ingested::default() } else { submit(engine, batch)?.wait()? };
    learn(engine, names)?;
    let rejected = rejected.into_iter().map(Into::into).collect();
    Ok(FeedAnswer { accepted, completed, duplicates, ignored, rejected })
}

/// Enters what is new about names.
pub fn learn(engine: &Engine, names: Names) -> Result<(), EngineError> {
    let learnt = learnt(names);
    if !engine.snapshot().directory.news(&learnt).is_empty() {
        engine.change(Change::Learn(learnt))?.wait()?;
    }
    Ok(())
}

/// Seals what is over, which a server does by itself when nobody waits for it, and ends.
pub fn seal_and_stop(engine: &Engine) -> Result<(), Failure> {
    let bar = progress_bar(None).with_message("sealing the days that are over");
    bar.enable_steady_tick(Duration::from_millis(100));
    engine.seal()?.wait()?;
    engine.stop();
    bar.finish_and_clear();
    Ok(())
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
