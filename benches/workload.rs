//! The seeded workloads that every bench measures.

use std::sync::Arc;

use rollcall::cli::sample::Sample;
use rollcall::directory::Change;
use rollcall::engine::Engine;
use rollcall::ingest::{Context, TokenDefaults, parse_ndjson};
use rollcall::model::UnixMs;
use rollcall::pricing::PriceBook;

/// 2026-11-01T00:00:00Z: a fixed "now", so that the workload is the same on every machine and day.
pub const NOW: UnixMs = 1_793_491_200_000;
pub const ORGANIZATION: &str = "northwind";

/// The sample organization with more than a year of usage, in a store of its own.
pub struct Demo {
    pub engine: Engine,
    _directory: tempfile::TempDir,
}

impl Demo {
    pub fn load() -> Demo {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let engine = Engine::open(directory.path(), Arc::new(|| NOW)).expect("a new store");
        let mut sample = Sample::load();
        let update =
            rollcall::http::directory_update(std::mem::take(&mut sample.directory)).expect("a valid directory");
        engine.change(Change::Merge(update)).expect("room in the queue").wait().expect("a commit");
        let prices = PriceBook::bundled();
        let context = Context { now: NOW, prices: &prices, token: TokenDefaults::default() };
        for lines in sample.months(NOW) {
            let batch = parse_ndjson(lines.as_bytes(), &context).expect("lines of events").batch;
            engine.submit(batch).expect("room in the queue").wait().expect("a commit");
        }
        Demo { engine, _directory: directory }
    }
}
