//! Events that come days late, of an hour that had few ids or millions: how long until they are acknowledged.
//!
//! `cargo bench --bench late`; `ROLLCALL_LATE_IDS=10000000` makes the hour as large.

mod figures;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Instant;

use rollcall::engine::{Engine, STORE_FILE};
use rollcall::model::{
    Batch, Combination, CostSource, Count, Event, Fingerprint, HOUR_MS, Hour, Measures, Mode, OrganizationId, UnixMs,
};
use rollcall::store::{IdPolicy, SeenIds, Store};

const SIZES: [u64; 4] = [1_000, 1_000_000, 3_000_000, 10_000_000];
/// 2026-06-10T12:00:00Z
const NOON: UnixMs = 1_781_092_800_000;
const LATE_MS: i64 = 72 * HOUR_MS;
const COMMIT: u64 = 20_000;

fn main() {
    // Cargo asks bench targets for a list in some commands; there is none to give.
    if std::env::args().any(|a| a == "--list") {
        return;
    }
    let asked = std::env::var("ROLLCALL_LATE_IDS").ok();
    let sizes = asked.map_or(SIZES.to_vec(), |sizes| {
        sizes
            .split(',')
            .map(|size| size.parse().expect("ROLLCALL_LATE_IDS is whole numbers, joined by commas"))
            .collect()
    });
    sizes.into_iter().for_each(measure);
}

fn measure(ids: u64) {
    println!("an hour of {ids} ids, 72 hours ago");
    let report = |what: &str, value: String| figures::figure("late", &format!("{ids} ids: {what}"), &value);
    let directory = tempfile::tempdir().expect("a temporary directory");
    let clock = Arc::new(AtomicI64::new(NOON));
    // So that there is an organization.
    send(&open(directory.path(), &clock), batch(u64::MAX..u64::MAX, NOON));
    fill(&directory.path().join(STORE_FILE), ids, &report);

    clock.store(NOON + LATE_MS, Ordering::Relaxed);
    let engine = open(directory.path(), &clock);
    let mut next = ids;
    let mut new = |events: u64| {
        next += events;
        next - events..next
    };
    let acknowledged = |what: &str, batches: Vec<Batch>| {
        let mut times: Vec<f64> = batches.into_iter().map(|batch| send(&engine, batch)).collect();
        times.sort_by(f64::total_cmp);
        report(what, format!("{:.2} ms (median), {:.2} ms (longest)", times[times.len() / 2], times[times.len() - 1]));
    };
    acknowledged("one event on time", (0..200).map(|_| batch(new(1), NOON + LATE_MS)).collect());
    acknowledged("one late event", (0..200).map(|_| batch(new(1), NOON)).collect());
    acknowledged("one late event that was counted", (0..200.min(ids)).map(|id| batch(id..id + 1, NOON)).collect());
    acknowledged("1,000 events on time", (0..20).map(|_| batch(new(1000), NOON + LATE_MS)).collect());
    acknowledged("1,000 late events", (0..20).map(|_| batch(new(1000), NOON)).collect());
}

/// Has ids arrive in the hour, and move to it when 48 more have passed.
fn fill(file: &Path, ids: u64, report: &impl Fn(&str, String)) {
    let store = Store::open(file).expect("a store");
    let mut seen = store.reader().and_then(|reader| reader.seen_ids(IdPolicy::default())).expect("readable");
    let hour = Hour::of(NOON).expect("after 1970");
    seen.advance(hour);
    for first in (0..ids).step_by(COMMIT as usize) {
        let mut group: Vec<_> =
            (first..ids.min(first + COMMIT)).map(|id| (OrganizationId(1), hour, fingerprint(id))).collect();
        group.sort_unstable();
        assert!(group.iter().all(|(organization, _, id)| seen.insert(*organization, *id)));
        let writer = store.begin().expect("a transaction");
        writer.log_arrivals(&mut seen, &group).expect("room on the disk");
        writer.commit().expect("a commit");
        tidy(&store, &mut seen);
    }
    let bytes = || {
        let copy = tempfile::tempfile().expect("a temporary file");
        store.reader().and_then(|reader| reader.copy_into(&copy, &mut |_, _| ())).expect("a copy");
        copy.metadata().expect("it exists").len() as f64
    };
    // More than enough time for all to move.
    seen.advance(Hour(hour.0 + 72));
    let started = Instant::now();
    let (steps, longest) = tidy(&store, &mut seen);
    let seconds = started.elapsed().as_secs_f64();
    report("moving them to their hour", format!("{seconds:.2} s in {steps} steps, the longest {longest:.0} ms"));
    report("file", format!("{:.2} bytes an id", bytes() / ids as f64));
}

/// Moves ids until all are where they belong: how many steps that took, and milliseconds of the longest.
fn tidy(store: &Store, seen: &mut SeenIds) -> (u32, f64) {
    let (mut steps, mut longest) = (0, 0f64);
    while seen.need_tidying() {
        let started = Instant::now();
        let writer = store.begin().expect("a transaction");
        let tidied = writer.tidy_ids(seen).expect("room on the disk");
        writer.commit().expect("a commit");
        tidied.into_iter().for_each(|tidied| seen.tidied(tidied));
        (steps, longest) = (steps + 1, longest.max(started.elapsed().as_secs_f64() * 1e3));
    }
    (steps, longest)
}

fn open(directory: &Path, clock: &Arc<AtomicI64>) -> Engine {
    let clock = clock.clone();
    Engine::open(directory, Arc::new(move || clock.load(Ordering::Relaxed))).expect("a store")
}

fn send(engine: &Engine, batch: Batch) -> f64 {
    let started = Instant::now();
    engine.submit(batch).expect("room").wait().expect("a commit");
    started.elapsed().as_secs_f64() * 1e3
}

fn fingerprint(id: u64) -> Fingerprint {
    Fingerprint::of(&format!("call-{id}"))
}

fn batch(ids: std::ops::Range<u64>, time: UnixMs) -> Batch {
    let combination = Combination {
        organization: "late".into(),
        project: "p".into(),
        api_key: "k".into(),
        model: "m".into(),
        provider: "v".into(),
        source: None,
        mode: Mode::Credits,
        cost_source: CostSource::Reported,
    };
    let mut measures = Measures::ZERO;
    measures.counts[Count::Requests as usize] = 1;
    let events = ids.map(|id| Event::new(fingerprint(id), time, 0, measures)).collect();
    Batch { combinations: vec![combination], events, ..Batch::default() }
}
