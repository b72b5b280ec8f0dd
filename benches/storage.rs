//! What the store takes and what it takes in: bytes by table, durable events per second without parsing, and one
//! event's acknowledgement against a bare sync of the same disk.
//!
//! `cargo bench --bench storage`

mod figures;
mod measure;
mod workload;

use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use figures::figure;
use measure::time;
use redb::{Database, ReadableDatabase, ReadableTable, ReadableTableMetadata, TableDefinition};
use rollcall::engine::Engine;
use rollcall::model::{
    Batch, Combination, CostSource, Count, Event, Fingerprint, HOUR_MS, Measures, Mode, PicoUsd, SEGMENTS, Segment,
    ValueId,
};
use rollcall::store::Which;
use workload::{Large, NOW};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() {
    sizes();
    for (batch, producers) in [(1, 1), (1, 16), (100, 1), (100, 16), (1000, 16)] {
        ingest(batch, producers);
    }
    acknowledgement();
}

/// Rows of the large workload, all 21 organizations.
fn rows() -> usize {
    (0..365).map(|day| workload::large_rows(day).len()).sum()
}

fn sizes() {
    let large = Large::load();
    let file = large.file.clone();
    let (hours, parts) = hours_and_parts(&large);
    drop(large);
    let rows = rows();
    println!("the large workload, {rows} (hour, key, model) rows and the ids of their events");
    let mut database = Database::open(&file).expect("nobody has it open");
    database.compact().expect("nothing is being read");
    let reader = database.begin_read().expect("a snapshot");
    for name in ["open", "rows", "totals", "periods", "arrivals", "ids", "names", "series", "directory"] {
        let table = reader.open_table(TableDefinition::<&[u8], &[u8]>::new(name)).expect("a table");
        let (mut bytes, mut entries) = (0, 0);
        for entry in table.iter().expect("readable") {
            let (key, value) = entry.expect("readable");
            bytes += key.value().len() + value.value().len();
            entries += 1;
        }
        let stats = table.stats().expect("statistics");
        let pages = (stats.stored_bytes() + stats.metadata_bytes() + stats.fragmented_bytes()) as f64;
        let value = format!(
            "{:.2} bytes a row; {entries} entries, {:.1} MB, with pages {:.1} MB",
            pages / rows as f64,
            bytes as f64 / 1e6,
            pages / 1e6,
        );
        figure("storage", name, &value);
    }
    // What it takes that days may begin off the hour: cuts there, and the parts beside rows.
    let (mut bytes_off_the_hour, mut all_bytes) = (0.0, 0.0);
    for name in ["rows", "totals", "ids", "arrivals", "names", "series", "periods", "directory"] {
        let table = reader.open_table(TableDefinition::<&[u8], &[u8]>::new(name)).expect("a table");
        for entry in table.iter().expect("readable") {
            let (key, value) = entry.expect("readable");
            let bytes = (key.value().len() + value.value().len()) as f64;
            all_bytes += bytes;
            let cut = u32::from(*key.value().get(6).unwrap_or(&0));
            bytes_off_the_hour += match name {
                "rows" => bytes * parts as f64 / (hours + parts) as f64,
                // The whole day is no cut of its own.
                "totals" if cut < SEGMENTS as u32 && !Segment(cut).begins_hour() => bytes,
                _ => 0.0,
            };
        }
    }
    let value = format!(
        "{:.1} MB, {:.1} % on top ({parts} parts beside {hours} hours)",
        bytes_off_the_hour / 1e6,
        100.0 * bytes_off_the_hour / (all_bytes - bytes_off_the_hour)
    );
    figure("storage", "of that because days may begin off the hour", &value);
    let allocated = std::fs::metadata(&file).expect("it exists").blocks() * 512;
    let value =
        format!("{:.1} bytes a row; {:.1} MB allocated", allocated as f64 / rows as f64, allocated as f64 / 1e6);
    figure("storage", "the file", &value);
}

/// How many sealed rows there are, and how many parts beside them.
fn hours_and_parts(large: &Large) -> (usize, usize) {
    let snapshot = large.engine.snapshot();
    let (mut hours, mut parts, mut segments) = (0, 0, Vec::new());
    let year = Segment::of(workload::LARGE_START).expect("after 1970").period()
        ..Segment::of(NOW).expect("too").period().next();
    for name in snapshot.dictionary.organization_names() {
        let (organization, _) = snapshot.dictionary.organization(name).expect("just named");
        for (period, _) in snapshot.reader.periods(organization, year.clone()).expect("readable") {
            let all = ValueId(0)..=ValueId(u32::MAX);
            let count = snapshot.reader.scan_rows(organization, period, all, |rows| {
                for (which, count) in [(Which::Hours, &mut hours), (Which::Parts, &mut parts)] {
                    rows.segments(which, &rows.all(which), &mut segments)?;
                    *count += segments.len();
                }
                Ok(())
            });
            count.expect("readable");
        }
    }
    (hours, parts)
}

/// Events of one hour: 500 keys, 8 models each.
fn batch(number: usize, events: usize) -> Batch {
    let combinations = (0..events.min(64)).map(|i| {
        let key = (number * 31 + i * 7) % 500;
        Combination {
            organization: workload::ORGANIZATION.into(),
            project: format!("project-{}", key % 50),
            api_key: format!("key-{key}"),
            model: format!("model-{}", (key + i % 8) % 60),
            provider: "provider".into(),
            source: None,
            mode: Mode::Credits,
            cost_source: CostSource::Reported,
        }
    });
    let mut batch =
        Batch { combinations: combinations.collect(), events: Vec::with_capacity(events), ..Batch::default() };
    for i in 0..events {
        let mut measures = Measures { cost: PicoUsd(1_000_000 * (i as i128 % 977)), ..Measures::ZERO };
        measures.counts[Count::Requests as usize] = 1;
        measures.counts[Count::TotalTokens as usize] = 900 + i as u64 % 300;
        let time = NOW - HOUR_MS + (i as i64 * 7919) % HOUR_MS;
        let combination = (i % batch.combinations.len()) as u32;
        batch.events.push(Event::new(Fingerprint::of(&format!("{number}-{i}")), time, combination, measures));
    }
    batch
}

fn ingest(events: usize, producers: usize) {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let engine = Arc::new(Engine::open(directory.path(), Arc::new(|| NOW)).expect("a new store"));
    let rounds = (2_000_000 / (events * producers)).clamp(1, 2000);
    // Made beforehand: making events is not the store's work.
    let work: Vec<Vec<Batch>> = (0..producers)
        .map(|producer| (0..rounds).map(|round| batch(producer * rounds + round, events)).collect())
        .collect();
    for number in 0..500 {
        engine.submit(batch(10_000_000 + number, 64)).expect("room").wait().expect("a commit");
    }
    let started = Instant::now();
    let threads: Vec<_> = work
        .into_iter()
        .map(|batches| {
            let engine = engine.clone();
            std::thread::spawn(move || {
                let mut waits = Vec::with_capacity(batches.len());
                for batch in batches {
                    let sent = Instant::now();
                    engine.submit(batch).expect("room").wait().expect("a commit");
                    waits.push(sent.elapsed());
                }
                waits
            })
        })
        .collect();
    let mut waits: Vec<Duration> = threads.into_iter().flat_map(|thread| thread.join().expect("no panic")).collect();
    let seconds = started.elapsed().as_secs_f64();
    waits.sort();
    let at = |share: usize| waits[waits.len() * share / 100].as_secs_f64() * 1e3;
    let rate = (events * producers * rounds) as f64 / seconds;
    let value = format!("{rate:.0} events/s, acknowledged in {:.2} ms (median), {:.2} ms (99 %)", at(50), at(99));
    figure("storage", &format!("durable, {events} events x {producers} producers"), &value);
}

fn acknowledgement() {
    let directory = tempfile::tempdir_in(workload::bench_directory()).expect("a directory");
    let engine = Engine::open(directory.path(), Arc::new(|| NOW)).expect("a new store");
    engine.submit(batch(0, 64)).expect("room").wait().expect("a commit");
    let mut file = std::fs::File::create(directory.path().join("bare")).expect("a file");
    let (mut ours, mut bare) = (Vec::new(), Vec::new());
    for number in 1..400 {
        let one = batch(number, 1);
        ours.push(
            time(1, || {
                engine.submit(one.clone()).expect("room").wait().expect("a commit");
            })
            .min,
        );
        bare.push(
            time(1, || {
                file.write_all(&[number as u8; 4096]).expect("room");
                file.sync_data().expect("a sync");
            })
            .min,
        );
    }
    ours.sort_by(f64::total_cmp);
    bare.sort_by(f64::total_cmp);
    let (ours, bare) = (ours[ours.len() / 2], bare[bare.len() / 2]);
    let value = format!("{ours:.3} ms; a bare sync of 4 KiB {bare:.3} ms (medians): {:.1} times", ours / bare);
    figure("storage", "one event acknowledged", &value);
}
