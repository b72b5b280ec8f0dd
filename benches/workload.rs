//! The seeded workloads that every bench measures.
#![allow(dead_code, reason = "each bench uses a part of this")]

use std::sync::Arc;

use rollcall::calendar::{Granularity, Window, Zone};
use rollcall::cli::sample::Sample;
use rollcall::directory::{ApiKeyUpdate, Change, DirectoryUpdate};
use rollcall::engine::Engine;
use rollcall::ingest::{Context, TokenDefaults, parse_ndjson};
use rollcall::model::{Batch, Combination, Count, Event, Fingerprint, HOUR_MS, Measures, Mode, PicoUsd, UnixMs};
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

/// 500 keys of 168 members and 60 models, about 680 rows an hour for 90 days, in a store of its own.
pub struct Wide {
    pub engine: Engine,
    _directory: tempfile::TempDir,
}

const WIDE_KEYS: u64 = 500;
const WIDE_DAYS: i64 = 90;
const WIDE_START: UnixMs = NOW - WIDE_DAYS * 24 * HOUR_MS;

impl Wide {
    pub fn window() -> Window {
        let zone = Zone::named("Europe/Berlin").expect("a zone");
        let (from, to) = (zone.date_at(WIDE_START), zone.date_at(NOW));
        Window::new(zone, from, to, Granularity::Day).expect("a window")
    }

    pub fn load() -> Wide {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let engine = Engine::open(directory.path(), Arc::new(|| NOW)).expect("a new store");
        let api_keys = (0..WIDE_KEYS).map(|key| ApiKeyUpdate {
            id: format!("key-{key}"),
            organization_id: Some(ORGANIZATION.into()),
            project_id: format!("project-{}", key % 50),
            created_by: Some(match key {
                0..3 => "busy".into(),
                3..6 => "rare".into(),
                key => format!("user-{}", key / 3),
            }),
            ..ApiKeyUpdate::default()
        });
        let update = DirectoryUpdate { api_keys: api_keys.collect(), ..DirectoryUpdate::default() };
        engine.change(Change::Merge(update)).expect("room in the queue").wait().expect("a commit");
        for day in 0..WIDE_DAYS {
            engine.submit(wide_day(day)).expect("room in the queue").wait().expect("a commit");
        }
        Wide { engine, _directory: directory }
    }
}

fn wide_day(day: i64) -> Batch {
    let mut batch = Batch::default();
    let mut indexes = std::collections::HashMap::new();
    let mut state = day as u64 + 1;
    let mut random = |below: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    };
    for hour in 0..24 {
        for _ in 0..700 {
            // The busy member's keys are always among them, the rare one's one day in ten.
            let key = match random(WIDE_KEYS) {
                3..6 if day % 10 != 0 => 7,
                key => key,
            };
            // Low numbers are called far more often, as models are.
            let model = random(60) * random(60) / 60;
            let index = *indexes.entry((key, model)).or_insert_with(|| {
                batch.combinations.push(Combination {
                    organization: ORGANIZATION.into(),
                    project: format!("project-{}", key % 50),
                    api_key: format!("key-{key}"),
                    model: format!("model-{model}"),
                    provider: format!("provider-{}", model % 6),
                    source: None,
                    mode: Mode::Credits,
                });
                batch.combinations.len() as u32 - 1
            });
            let mut measures = Measures { cost: PicoUsd(i128::from(random(1000)) * 2_500_000), ..Measures::ZERO };
            measures.counts[Count::Requests as usize] = 1 + random(50);
            measures.counts[Count::TotalTokens as usize] = random(100_000);
            let number = batch.events.len();
            batch.events.push(Event {
                id: Fingerprint::of(&format!("{day}-{number}")),
                time: WIDE_START + (day * 24 + hour) * HOUR_MS + random(HOUR_MS as u64) as i64,
                combination: index,
                measures,
            });
        }
    }
    batch
}
