//! The seeded workloads that every bench measures.
#![allow(dead_code, reason = "each bench uses a part of this")]

#[path = "../tests/all/support/random.rs"]
mod random;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use rollcall::calendar::{Date, Granularity, Window, Zone};
use rollcall::cli::sample::Sample;
use rollcall::directory::{ApiKeyUpdate, Change, DirectoryUpdate};
use rollcall::engine::Engine;
use rollcall::ingest::{Context, TokenDefaults, parse_ndjson};
use rollcall::model::{
    Batch, Combination, CostSource, Count, Event, Fingerprint, HOUR_MS, Measures, Mode, PicoUsd, UnixMs,
};
use rollcall::pricing::PriceBook;

pub use random::Random;

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
        let context = Context {
            now: NOW,
            prices: &prices,
            token: TokenDefaults::default(),
            kept_since: &rollcall::ingest::for_ever,
        };
        for lines in sample.months(NOW) {
            let batch = parse_ndjson(lines.as_bytes(), &context).expect("lines of events").batch;
            engine.submit(batch).expect("room in the queue").wait().expect("a commit");
        }
        engine.seal().expect("room in the queue").wait().expect("sealed");
        Demo { engine, _directory: directory }
    }
}

/// One large organization with a year of usage, and twenty small ones beside it: 500 keys of 200 members in 50 projects
/// call 60 models, 5.9 million (hour, key, model) rows. Kept under `target/` once made, for every bench to use.
pub struct Large {
    pub engine: Engine,
    pub file: PathBuf,
}

pub const KEYS: usize = 500;
pub const MEMBERS: usize = 200;
pub const PROJECTS: usize = 50;
const MODELS: usize = 60;
const SMALL: usize = 20;
/// 2025-11-01T00:00:00Z
pub const LARGE_START: UnixMs = NOW - 365 * 24 * HOUR_MS;
/// Raised when the workload changes, so that old files are not used.
const LARGE_VERSION: u32 = 2;

impl Large {
    pub fn window(zone: &str) -> Window {
        let date = |text| Date::parse(text).expect("a date");
        let zone = Zone::named(zone).expect("a zone");
        Window::new(zone, date("2025-11-01"), date("2026-10-31"), Granularity::Day).expect("a window")
    }

    pub fn load() -> Large {
        let directory = bench_directory();
        let made = directory.join("made");
        let clock = Arc::new(AtomicI64::new(NOW));
        let open = |clock: &Arc<AtomicI64>| {
            let clock = clock.clone();
            Engine::open(&directory, Arc::new(move || clock.load(Ordering::Relaxed))).expect("a store")
        };
        std::fs::create_dir_all(&directory).expect("a directory");
        let file = directory.join(rollcall::engine::STORE_FILE);
        if !made.exists() {
            let _ = std::fs::remove_file(&file);
            let started = std::time::Instant::now();
            clock.store(LARGE_START, Ordering::Relaxed);
            let engine = open(&clock);
            engine.change(Change::Merge(large_directory())).expect("room").wait().expect("a commit");
            for day in 0..365 {
                // Time passes, so that ids age and days are sealed as they are in life, if not every day.
                clock.store(LARGE_START + (day + 1) * 24 * HOUR_MS, Ordering::Relaxed);
                for batch in large_day(day) {
                    engine.submit(batch).expect("room").wait().expect("a commit");
                }
                if day % 8 == 7 {
                    engine.seal().expect("room").wait().expect("sealed");
                }
            }
            clock.store(NOW + HOUR_MS, Ordering::Relaxed);
            engine.seal().expect("room").wait().expect("sealed");
            drop(engine);
            std::fs::write(&made, "").expect("room on the disk");
            eprintln!("made the large workload in {:.0} s", started.elapsed().as_secs_f64());
        }
        clock.store(NOW + HOUR_MS, Ordering::Relaxed);
        Large { engine: open(&clock), file }
    }
}

/// Where what benches make is kept.
pub fn bench_directory() -> PathBuf {
    let target = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/bench");
    target.join(format!("large-{LARGE_VERSION}-{}", rollcall::store::FORMAT_VERSION))
}

fn large_directory() -> DirectoryUpdate {
    let api_keys = (0..KEYS).map(|key| ApiKeyUpdate {
        id: format!("key-{key}"),
        organization_id: Some(ORGANIZATION.into()),
        project_id: format!("project-{}", key % PROJECTS),
        // Member 7 has three keys: 7, 207 and 407.
        created_by: Some(format!("user-{}", key % MEMBERS)),
        ..ApiKeyUpdate::default()
    });
    DirectoryUpdate { api_keys: api_keys.collect(), ..DirectoryUpdate::default() }
}

/// One (hour, key, model) row of the large workload, and the events it came in.
pub struct LargeRow {
    pub organization: usize,
    pub hour_start: UnixMs,
    pub key: usize,
    pub model: usize,
    /// Milliseconds into the hour, with what happened then.
    pub events: Vec<(i64, Measures)>,
}

/// The rows of one day, hour by hour.
pub fn large_rows(day: i64) -> Vec<LargeRow> {
    let mut random = Random(0xb0a7 + day as u64);
    let mut rows = Vec::new();
    let weekend = matches!(day % 7, 0 | 1);
    for hour in 0..24i64 {
        // Offices in Europe and America, and services that never sleep.
        let office = (-((hour - 15) as f64 / 5.0).powi(2)).exp() * if weekend { 0.35 } else { 1.0 };
        for organization in 0..=SMALL {
            let keys = if organization == 0 { KEYS } else { 8 };
            for key in 0..keys {
                let round_the_clock = key.is_multiple_of(5);
                let activity = if round_the_clock { 0.75 } else { office };
                // Zipf: the first keys are busy with many models, the last are used now and then.
                let weight = 1.0 / (1.0 + key as f64 / 40.0).powf(0.55);
                if random.unit() >= 0.95 * activity * weight.max(0.7) + 0.08 {
                    continue;
                }
                let busiest = if organization == 0 { 34.0 } else { 3.0 };
                let models = 1 + (random.unit() * random.unit() * busiest * weight) as usize;
                let first = (key * 7) % MODELS;
                for i in 0..models {
                    // 7 and 60 have no common divisor, so no model comes twice.
                    let model = (first + 7 * i) % MODELS;
                    rows.push(large_row(
                        &mut random,
                        organization,
                        LARGE_START + (day * 24 + hour) * HOUR_MS,
                        key,
                        model,
                    ));
                }
            }
        }
    }
    rows
}

fn large_row(random: &mut Random, organization: usize, hour_start: UnixMs, key: usize, model: usize) -> LargeRow {
    let mut requests = 1;
    while random.below(4) != 0 && requests < 40 {
        requests += 1;
    }
    let price = 25_000 * (1 + (model as i128 * model as i128) % 90);
    let events = (0..requests.min(3)).map(|i| {
        let mut measures = Measures::ZERO;
        let count = if i == 2 { requests - 2 } else { 1 };
        let most = 1 << (6 + random.below(8));
        let input = count * (200 + random.below(most));
        let output = count * (20 + random.below(600));
        for (what, value) in [
            (Count::Requests, count),
            (Count::InputTokens, input),
            (Count::OutputTokens, output),
            (Count::TotalTokens, input + output),
            (Count::CachedTokens, if key.is_multiple_of(3) { input / 2 } else { 0 }),
            (Count::ReasoningTokens, if model.is_multiple_of(6) { output / 3 } else { 0 }),
            (Count::Errors, u64::from(random.below(60) == 0)),
            (Count::ClientErrors, u64::from(random.below(120) == 0)),
        ] {
            measures.counts[what as usize] = value;
        }
        measures.cost = PicoUsd(price * (i128::from(input) + 4 * i128::from(output)));
        (random.below(HOUR_MS as u64) as i64, measures)
    });
    LargeRow { organization, hour_start, key, model, events: events.collect() }
}

pub fn organization_name(organization: usize) -> String {
    if organization == 0 { ORGANIZATION.into() } else { format!("small-{organization}") }
}

pub fn combination(row: &LargeRow) -> Combination {
    Combination {
        organization: organization_name(row.organization),
        project: format!("project-{}", row.key % if row.organization == 0 { PROJECTS } else { 3 }),
        api_key: format!("key-{}", row.key),
        model: format!("model-{}", row.model),
        provider: format!("provider-{}", row.model % 6),
        source: (!row.key.is_multiple_of(4)).then(|| format!("app-{}", row.key % 8)),
        mode: if row.key % 10 == 3 { Mode::ApiKeys } else { Mode::Credits },
        cost_source: CostSource::Reported,
    }
}

/// A day's events, in batches.
fn large_day(day: i64) -> Vec<Batch> {
    let rows = large_rows(day);
    let mut number = 0u64;
    rows.chunks(10_000)
        .map(|rows| {
            let mut batch = Batch::default();
            let mut indexes: HashMap<(usize, usize, usize), u32> = HashMap::new();
            for row in rows {
                let combination = *indexes.entry((row.organization, row.key, row.model)).or_insert_with(|| {
                    batch.combinations.push(combination(row));
                    batch.combinations.len() as u32 - 1
                });
                for (into_hour, measures) in &row.events {
                    number += 1;
                    let id = Fingerprint::of(&format!("{day}-{number}"));
                    batch.events.push(Event::new(id, row.hour_start + into_hour, combination, *measures));
                }
            }
            batch
        })
        .collect()
}
