//! An event is counted once: for 48 hours whatever its timestamp, and with the same timestamp for ever.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use rollcall::calendar::{Date, Granularity, Window, Zone};
use rollcall::engine::{Engine, Ingested, STORE_FILE};
use rollcall::model::{Batch, Combination, CostSource, Count, Event, Fingerprint, HOUR_MS, Measures, Mode, UnixMs};
use rollcall::query::{ACTIVITY_COLUMNS, About, Filter, Query, RankBy, activity};
use rollcall::store::{IdPolicy, Store};

/// 2026-06-10T12:00:00Z
const NOON: UnixMs = 1_781_092_800_000;

/// Few enough ids in memory that most are in runs, and those merged; and as it is by default.
fn policies() -> [IdPolicy; 3] {
    [
        // Filters so short that most ids are looked for in the file.
        IdPolicy { run_ids: 90, merged_runs: 3, filter_bytes: 300 },
        IdPolicy { run_ids: 1000, merged_runs: 2, ..IdPolicy::default() },
        IdPolicy::default(),
    ]
}

struct Machine {
    id_policy: IdPolicy,
    clock: Arc<AtomicI64>,
    engine: Option<Engine>,
    directory: tempfile::TempDir,
}

impl Machine {
    fn new(id_policy: IdPolicy) -> Machine {
        let clock = Arc::new(AtomicI64::new(NOON));
        let directory = tempfile::tempdir().unwrap();
        let engine = Some(open(directory.path(), &clock, id_policy));
        Machine { id_policy, clock, engine, directory }
    }

    fn pass(&self, hours: i64) {
        self.clock.fetch_add(hours * HOUR_MS, Ordering::Relaxed);
    }

    fn restart(&mut self) {
        self.engine = None;
        self.engine = Some(open(self.directory.path(), &self.clock, self.id_policy));
        rollcall::engine::check(&self.engine.as_ref().unwrap().snapshot().reader, &mut |_, _| ()).unwrap();
    }

    fn send(&self, ids: std::ops::Range<u32>, time: UnixMs) -> Ingested {
        let mut measures = Measures::ZERO;
        measures.counts[Count::Requests as usize] = 1;
        let event = |id: u32| Event::new(Fingerprint::of(&format!("id-{id}")), time, 0, measures);
        let combination = Combination {
            organization: "acme".into(),
            project: "p".into(),
            api_key: "k".into(),
            model: "m".into(),
            provider: "v".into(),
            source: None,
            mode: Mode::Credits,
            cost_source: CostSource::Reported,
        };
        let batch = Batch { combinations: vec![combination], events: ids.map(event).collect(), ..Batch::default() };
        self.engine.as_ref().unwrap().submit(batch).unwrap().wait().unwrap()
    }

    fn requests(&self) -> u64 {
        let date = |text| Date::parse(text).unwrap();
        let window = Window::new(Zone::UTC, date("2026-06-01"), date("2026-06-30"), Granularity::Day).unwrap();
        let query = Query {
            window,
            granularity: Granularity::Day,
            group_by: Vec::new(),
            filter: Filter::default(),
            rank_by: RankBy::Cost,
            top: None,
            columns: ACTIVITY_COLUMNS,
        };
        let snapshot = self.engine.as_ref().unwrap().snapshot();
        let about = About {
            reader: &snapshot.reader,
            dictionary: &snapshot.dictionary,
            directory: &snapshot.directory,
            organization_id: "acme",
            organization: snapshot.directory.organization("acme").unwrap(),
        };
        activity(about, &query).unwrap().totals.usage.get(Count::Requests)
    }
}

fn open(directory: &Path, clock: &Arc<AtomicI64>, id_policy: IdPolicy) -> Engine {
    let (path, clock) = (directory.join(STORE_FILE), clock.clone());
    let open = move || Ok(Store::open(&path)?.with_id_policy(id_policy));
    Engine::start(open, Arc::new(move || clock.load(Ordering::Relaxed))).unwrap()
}

#[track_caller]
fn check(ingested: Ingested, accepted: usize, duplicates: usize) {
    assert_eq!(ingested, Ingested { accepted, duplicates, completed: 0 });
}

#[test]
fn within_48_hours_an_id_counts_once_whatever_its_timestamp() {
    policies().into_iter().for_each(within_48_hours);
}

fn within_48_hours(id_policy: IdPolicy) {
    let mut machine = Machine::new(id_policy);
    check(machine.send(0..100, NOON), 100, 0);
    check(machine.send(50..150, NOON), 50, 50);
    machine.pass(47);
    check(machine.send(0..100, NOON + HOUR_MS), 0, 100);
    machine.restart();
    check(machine.send(0..150, NOON - 5 * HOUR_MS), 0, 150);
    assert_eq!(machine.requests(), 150);
}

#[test]
fn with_its_timestamp_an_id_counts_once_for_ever() {
    policies().into_iter().for_each(for_ever);
}

fn for_ever(id_policy: IdPolicy) {
    let mut machine = Machine::new(id_policy);
    // More ids than one value of the file holds, for one hour and for the next.
    check(machine.send(0..4000, NOON), 4000, 0);
    check(machine.send(4000..5000, NOON + HOUR_MS), 1000, 0);
    machine.pass(72);
    // In the wake of this one, the others leave memory for the lists of their hours.
    check(machine.send(10_000..10_001, NOON), 1, 0);
    for _ in 0..2 {
        check(machine.send(0..4000, NOON), 0, 4000);
        check(machine.send(4000..5000, NOON + HOUR_MS), 0, 1000);
        machine.restart();
    }
    // After 48 hours the same id with another timestamp is another event, kept with its own hour.
    check(machine.send(4000..4100, NOON), 100, 0);
    check(machine.send(4000..4100, NOON), 0, 100);
    machine.pass(72);
    check(machine.send(10_001..10_002, NOON), 1, 0);
    check(machine.send(0..4100, NOON), 0, 4100);
    assert_eq!(machine.requests(), 5000 + 100 + 2);
}

#[test]
fn many_ids_count_once_while_they_move_from_memory_to_runs_and_to_their_hours() {
    let mut machine = Machine::new(IdPolicy { run_ids: 90, merged_runs: 3, ..IdPolicy::default() });
    let time = |batch: u32| NOON - i64::from(batch % 5) * HOUR_MS;
    for batch in 0..40 {
        check(machine.send(100 * batch..100 * batch + 100, time(batch)), 100, 0);
        // One of a while ago, in its hour and as one of another.
        let before = batch * 7 % (batch + 1);
        check(machine.send(100 * before..100 * before + 100, time(before)), 0, 100);
        check(machine.send(100 * before..100 * before + 100, time(before) + HOUR_MS), 0, 100);
        if batch % 10 == 9 {
            machine.restart();
        }
        machine.pass(i64::from(batch % 3 == 0));
    }
    assert_eq!(machine.requests(), 4000);
    // Runs that are older than 48 hours move a step at a time, and meanwhile nothing changes but what it should.
    machine.pass(49);
    for batch in 0..40 {
        check(machine.send(100 * batch..100 * batch + 100, time(batch)), 0, 100);
    }
    check(machine.send(0..4000, NOON - 10 * HOUR_MS), 4000, 0);
    check(machine.send(0..4000, NOON - 10 * HOUR_MS), 0, 4000);
    machine.restart();
    machine.pass(49);
    for batch in 0..40 {
        check(machine.send(100 * batch..100 * batch + 100, time(batch)), 0, 100);
    }
    machine.restart();
    assert_eq!(machine.requests(), 8000);
}

#[test]
fn a_clock_that_goes_back_makes_nothing_new() {
    policies().into_iter().for_each(a_clock_goes_back);
}

fn a_clock_goes_back(id_policy: IdPolicy) {
    let mut machine = Machine::new(id_policy);
    check(machine.send(0..10, NOON), 10, 0);
    machine.pass(72);
    check(machine.send(10..11, NOON), 1, 0);
    machine.pass(-200);
    check(machine.send(0..11, NOON), 0, 11);
    machine.restart();
    check(machine.send(0..11, NOON), 0, 11);
    machine.pass(10_000);
    check(machine.send(0..11, NOON), 0, 11);
    check(machine.send(0..11, NOON), 0, 11);
}

#[test]
fn an_id_takes_twelve_bytes_and_later_half_of_it() {
    const IDS: u32 = 300_000;
    let mut machine = Machine::new(IdPolicy::default());
    // A copy has no free pages.
    let bytes = |machine: &Machine| {
        let file = tempfile::tempfile().unwrap();
        machine.engine.as_ref().unwrap().snapshot().reader.copy_into(&file, &mut |_, _| ()).unwrap();
        file.metadata().unwrap().len()
    };
    check(machine.send(0..1, NOON), 1, 0);
    let before = bytes(&machine);
    for batch in 0..30 {
        let size = IDS / 30;
        check(machine.send(1 + batch * size..1 + (batch + 1) * size, NOON), size as usize, 0);
    }
    let recent = (bytes(&machine) - before) as f64 / f64::from(IDS);
    machine.pass(72);
    check(machine.send(IDS + 1..IDS + 2, NOON), 1, 0);
    // The writer moves ids between requests: the next one is answered when it has.
    check(machine.send(IDS + 1..IDS + 2, NOON), 0, 1);
    machine.restart();
    let old = (bytes(&machine) - before) as f64 / f64::from(IDS);
    println!("{recent:.2} bytes an id in the first 48 hours, {old:.2} later");
    assert!((12.0..12.5).contains(&recent) && (6.0..7.0).contains(&old), "{recent} {old}");
}
