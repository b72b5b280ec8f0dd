//! One store for each version of the format, opened or refused as documented.
//!
//! `tests/golden/format-N.redb` is what a release with format N wrote. `make golden` writes the one of this version,
//! byte for byte the same each time; it is done once, when a release has the format.

use std::ops::RangeInclusive;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use crate::support::disk::{CrashDisk, EVERY_KIND, Image, Operation};
use crate::support::ledger::{COST_SOURCES, Entry, Ledger, Random, batch, check, repricing};
use redb::{Database, TableDefinition};
use rollcall::calendar::{Date, Granularity, Window, Zone};
use rollcall::directory::{ApiKeyUpdate, Change, DirectoryUpdate};
use rollcall::engine::{Engine, NewFile, STORE_FILE, check as check_store};
use rollcall::model::{Combination, Completeness, Count, Day, HOUR_MS, Measures, Mode, PicoUsd, UnixMs};
use rollcall::query::{ACTIVITY_COLUMNS, Filter, GroupBy, Query, RankBy};
use rollcall::store::{DecisionEntry, DecisionReason, FORMAT_VERSION, IdPolicy, SealPolicy, Store, StoreError};

const GOLDEN: &str = "tests/golden";
/// The oldest version that is opened, and the tables that it has not.
const OLDEST_READ: u32 = 5;
const NEWER_TABLES: [&str; 6] = ["incomplete", "intake", "spans", "timing", "closings", "decisions"];
/// The version before this one, of which a release wrote a store.
const BEFORE: u32 = 8;
/// 2026-06-10T12:00:00Z
const NOON: UnixMs = 1_781_092_800_000;
/// What had come of these days before the last events is repriced.
const REPRICED: RangeInclusive<Day> = Day(0)..=Day(20_608);
/// Small stores have all there is: running totals, rows of rare values, summaries.
const POLICY: SealPolicy = SealPolicy { rows_worth_totals: 10, segments_worth_totals: 3 };
/// And few ids have a run.
const ID_POLICY: IdPolicy = IdPolicy { run_ids: 100, merged_runs: 9, filter_bytes: usize::MAX };

/// What is in every golden store. Never changes: files of old releases have it.
fn ledger() -> Ledger {
    let entry = |number: u64| {
        let mut measures = Measures { cost: PicoUsd(i128::from(number * number)), ..Measures::ZERO };
        measures.counts[Count::Requests as usize] = 1;
        measures.counts[Count::TotalTokens as usize] = number;
        let combination = Combination {
            organization: "acme".into(),
            project: format!("p{}", number % 3),
            api_key: format!("k{}", number % 7),
            model: format!("m{}", number % 2),
            provider: format!("v{}", number % 2),
            source: (!number.is_multiple_of(5)).then(|| format!("s{}", number % 5)),
            mode: if number.is_multiple_of(4) { Mode::ApiKeys } else { Mode::Credits },
            cost_source: COST_SOURCES[number as usize % 3],
        };
        Entry {
            time: NOON - (number % 40) as i64 * (13 * HOUR_MS + 900_000),
            combination,
            completeness: Completeness::Final,
            measures,
            is_placed: false,
        }
    };
    Ledger {
        entries: (0..500).map(entry).collect(),
        creators: [("k1".into(), "ada".into())].into(),
        ..Ledger::default()
    }
}

fn open(directory: &Path, clock: &Arc<AtomicI64>) -> Result<Engine, StoreError> {
    let (path, clock) = (directory.join(STORE_FILE), clock.clone());
    let open = move || Ok(Store::open(&path)?.with_seal_policy(POLICY).with_id_policy(ID_POLICY));
    Engine::start(open, Arc::new(move || clock.load(Ordering::Relaxed)))
}

/// A call that was refused.
fn decision() -> DecisionEntry {
    let reason = DecisionReason {
        code: "budgetExceeded".into(),
        message: "budget 'b' allows the organization 1 USD a day".into(),
        budget_id: Some("b".into()),
        policy_id: None,
        resets_at: Some("2026-06-11T00:00:00+00:00".into()),
    };
    DecisionEntry {
        at: NOON,
        last_at: NOON + 5,
        times: 3,
        decision_id: "dec_1".into(),
        is_allowed: false,
        api_key_id: "k1".into(),
        user_id: Some("ada".into()),
        project_id: Some("p1".into()),
        model: Some("m1".into()),
        provider: None,
        reasons: vec![reason],
    }
}

/// Makes a store with something in every table, and writes a copy of it.
fn make(into: &Path) {
    let directory = tempfile::tempdir().unwrap();
    let clock = Arc::new(AtomicI64::new(NOON));
    let engine = open(directory.path(), &clock).unwrap();
    let ledger = ledger();
    let ids: Vec<String> = (0..ledger.entries.len()).map(|number| number.to_string()).collect();
    let send = |range: std::ops::Range<usize>| {
        let events = range.map(|number| (&*ids[number], &ledger.entries[number]));
        assert_eq!(engine.submit(batch(events.clone())).unwrap().wait().unwrap().accepted, events.len());
    };
    send(0..300);
    let api_key = ApiKeyUpdate {
        id: "k1".into(),
        organization_id: Some("acme".into()),
        project_id: "p1".into(),
        created_by: Some("ada".into()),
        ..ApiKeyUpdate::default()
    };
    let update = DirectoryUpdate { api_keys: vec![api_key], ..DirectoryUpdate::default() };
    engine.change(Change::Merge(update)).unwrap().wait().unwrap();
    clock.fetch_add(72 * HOUR_MS, Ordering::Relaxed);
    // In the wake of these, the ids before them leave memory.
    send(300..400);
    // The writer moves ids between requests, a step at a time.
    (0..8).for_each(|_| assert!(engine.seal().unwrap().wait().is_ok()));
    engine.reprice(&repricing(REPRICED, false), false, &mut |_, _| ()).unwrap();
    send(400..500);
    engine.note_decision("acme", decision());
    engine.write_decisions().unwrap().unwrap().wait().unwrap();
    let file = NewFile::create(into, true).unwrap();
    file.copy(&engine.snapshot().reader, &mut |_, _| ()).unwrap();
    file.finish(true).unwrap();
}

/// Opens a copy of a store and holds it against the ledger.
fn check_opens(file: &Path, decisions: &[DecisionEntry]) {
    let directory = tempfile::tempdir().unwrap();
    std::fs::copy(file, directory.path().join(STORE_FILE)).unwrap();
    let engine = open(directory.path(), &Arc::new(AtomicI64::new(NOON + 72 * HOUR_MS))).unwrap();
    let (snapshot, mut ledger) = (engine.snapshot(), ledger());
    let repriced = ledger.entries[..400].iter_mut().filter_map(|entry| entry.reprice(&REPRICED, false)).count();
    assert!(repriced > 20, "{repriced}");
    check_store(&snapshot.reader, &mut |_, _| ()).unwrap();
    let mut found = Vec::new();
    let visit = |entry| {
        found.push(entry);
        true
    };
    snapshot.reader.decisions("acme", 0..i64::MAX, None, visit).unwrap();
    assert_eq!(found, decisions);
    let date = |text| Date::parse(text).unwrap();
    for group_by in [GroupBy::Model, GroupBy::Project, GroupBy::ApiKey, GroupBy::User, GroupBy::CostSource] {
        for zone in ["UTC", "Asia/Kathmandu", "America/St_Johns"] {
            let zone = Zone::named(zone).unwrap();
            let query = Query {
                window: Window::new(zone, date("2026-05-01"), date("2026-06-30"), Granularity::Day).unwrap(),
                granularity: Granularity::Day,
                group_by: vec![group_by],
                filter: Filter::default(),
                rank_by: RankBy::Cost,
                top: None,
                columns: ACTIVITY_COLUMNS,
            };
            check(&snapshot, &ledger, &query);
        }
    }
    // It knows the ids it has, recent and old.
    let ids: Vec<String> = (0..ledger.entries.len()).map(|number| number.to_string()).collect();
    let events = ids.iter().map(String::as_str).zip(&ledger.entries);
    assert_eq!(engine.submit(batch(events)).unwrap().wait().unwrap().duplicates, ids.len());
}

/// A store of another version is refused with its number, and left as it is.
fn check_refused(file: &Path, version: u32) {
    let before = std::fs::read(file).unwrap();
    let refused = Store::inspect(file).err();
    match refused {
        Some(StoreError::Older { found }) => assert!(found == version && version < OLDEST_READ),
        Some(StoreError::Newer { found }) => assert!(found == version && version > FORMAT_VERSION),
        other => panic!("format {version}: {other:?}"),
    }
    assert!(std::fs::read(file).unwrap() == before);
}

#[test]
fn a_store_of_this_format_is_made_the_same_each_time_and_opens() {
    let directory = tempfile::tempdir().unwrap();
    let (one, two) = (directory.path().join("one.redb"), directory.path().join("two.redb"));
    make(&one);
    make(&two);
    assert!(std::fs::read(&one).unwrap() == std::fs::read(&two).unwrap(), "byte for byte");
    check_opens(&one, &[decision()]);
    if std::env::var_os("ROLLCALL_GOLDEN").is_some() {
        std::fs::create_dir_all(GOLDEN).unwrap();
        std::fs::copy(&one, format!("{GOLDEN}/format-{FORMAT_VERSION}.redb")).unwrap();
    }
}

/// What a store of a version has of refused calls.
fn decisions_of(version: u32) -> Vec<DecisionEntry> {
    if version < 8 { Vec::new() } else { vec![decision()] }
}

/// Makes a store one of an older version.
fn make_older(file: &Path, version: u32, without: &[&str]) {
    let database = Database::open(file).unwrap();
    let transaction = database.begin_write().unwrap();
    for name in without {
        let table: TableDefinition<&[u8], &[u8]> = TableDefinition::new(name);
        assert!(transaction.delete_table(table).unwrap(), "{name}");
    }
    let meta: TableDefinition<&[u8], &[u8]> = TableDefinition::new("meta");
    transaction.open_table(meta).unwrap().insert(&b"format"[..], &version.to_be_bytes()[..]).unwrap();
    transaction.commit().unwrap();
}

#[test]
fn stores_of_the_formats_before_open_with_all_they_have() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("store.redb");
    for (version, without) in [(BEFORE, &[][..]), (BEFORE - 1, &["decisions"]), (OLDEST_READ, &NEWER_TABLES)] {
        std::fs::copy(format!("{GOLDEN}/format-{BEFORE}.redb"), &file).unwrap();
        make_older(&file, version, without);
        let before = std::fs::read(&file).unwrap();
        Store::inspect(&file).unwrap();
        assert!(std::fs::read(&file).unwrap() == before, "looking at it changes nothing");
        check_opens(&file, &decisions_of(version));
    }
    make_older(&file, OLDEST_READ, &["open"]);
    let damaged = Store::inspect(&file).err();
    assert!(matches!(damaged, Some(StoreError::Damaged { .. })), "a table that it should have: {damaged:?}");
}

#[test]
fn stores_of_other_formats_are_refused_with_their_number() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("store.redb");
    make(&file);
    for version in [OLDEST_READ - 1, FORMAT_VERSION + 1] {
        make_older(&file, version, &[]);
        check_refused(&file, version);
    }
    // Those that releases wrote.
    for entry in std::fs::read_dir(GOLDEN).into_iter().flatten() {
        let path = entry.unwrap().path();
        let version = path.file_stem().and_then(|name| name.to_str()?.strip_prefix("format-")?.parse().ok());
        match version.unwrap_or_else(|| panic!("{} is no golden store", path.display())) {
            version @ OLDEST_READ..=FORMAT_VERSION => check_opens(&path, &decisions_of(version)),
            other => check_refused(&path, other),
        }
    }
}

#[test]
fn a_store_whose_migration_is_cut_off_opens_as_if_it_had_not_been() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("store.redb");
    let before = std::fs::read(format!("{GOLDEN}/format-{BEFORE}.redb")).unwrap();
    let disk = CrashDisk::recording(before.clone());
    drop(Store::open_backend(disk.clone()).unwrap());
    let (mut image, mut random, mut cuts) = (Image::new(before), Random(1), 0);
    for operation in disk.history() {
        if matches!(operation, Operation::Sync) {
            let kept = EVERY_KIND[cuts % EVERY_KIND.len()];
            std::fs::write(&file, image.after_crash(kept, &mut random)).unwrap();
            check_opens(&file, &[decision()]);
            cuts += 1;
        }
        image.apply(operation);
    }
    assert!(cuts >= 4, "{cuts}");
}
