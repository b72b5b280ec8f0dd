//! Bytes that are not what was written: `verify` finds all that matter, and says what to do.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use crate::support::BINARY;
use crate::support::ledger::{Random, Sums, about, entries, fresh_seed, setting};
use rollcall::calendar::{Date, Granularity, Window, Zone};
use rollcall::engine::{Engine, STORE_FILE, check};
use rollcall::model::{
    Batch, Combination, CostSource, Count, Event, Fingerprint, HOUR_MS, Measures, Mode, PicoUsd, UnixMs,
};
use rollcall::query::{ACTIVITY_COLUMNS, Filter, GroupBy, Query, RankBy, activity};
use rollcall::store::{IdPolicy, SealPolicy, Store, StoreError};

/// 2026-06-10T12:00:00Z
const NOON: UnixMs = 1_781_092_800_000;
/// Small stores have all there is: running totals, rows of rare values, summaries.
const POLICY: SealPolicy = SealPolicy { rows_worth_totals: 10, segments_worth_totals: 3 };
/// And few ids have runs.
const ID_POLICY: IdPolicy = IdPolicy { run_ids: 150, merged_runs: 3, filter_bytes: usize::MAX };
const FLIPS: u64 = 200;

fn open(directory: &Path) -> Result<Engine, StoreError> {
    let path = directory.join(STORE_FILE);
    let open = move || Ok(Store::open(&path)?.with_seal_policy(POLICY).with_id_policy(ID_POLICY));
    Engine::start(open, Arc::new(|| NOON))
}

/// Makes a store with sealed and open usage, and gives its bytes.
fn fill(directory: &Path) -> Vec<u8> {
    let engine = open(directory).unwrap();
    let send = |numbers: std::ops::Range<u64>| {
        let mut batch = Batch::default();
        for number in numbers {
            let mut measures = Measures { cost: PicoUsd(1_000_000 + i128::from(number)), ..Measures::ZERO };
            measures.counts[Count::Requests as usize] = 1;
            let time = NOON - (number % 40) as i64 * 13 * HOUR_MS;
            let combination = batch.combinations.len() as u32;
            batch.events.push(Event::new(Fingerprint::of(&number.to_string()), time, combination, measures));
            batch.combinations.push(Combination {
                organization: "acme".into(),
                project: format!("p{}", number % 3),
                api_key: format!("k{}", number % 7),
                model: format!("m{}", number % 2),
                provider: "v".into(),
                source: None,
                mode: Mode::Credits,
                cost_source: CostSource::Reported,
            });
        }
        engine.submit(batch).unwrap().wait().unwrap();
    };
    send(0..400);
    engine.seal().unwrap().wait().unwrap();
    send(400..500);
    drop(engine);
    std::fs::read(directory.join(STORE_FILE)).unwrap()
}

/// What some questions are answered.
fn ask(directory: &Path) -> Result<Vec<Sums>, String> {
    let engine = open(directory).map_err(|e| e.to_string())?;
    let snapshot = engine.snapshot();
    if snapshot.directory.organization("acme").is_none() {
        return Err("there is no organization 'acme'".into());
    }
    let date = |text| Date::parse(text).unwrap();
    let questions = [("UTC", vec![GroupBy::ApiKey]), ("Asia/Kathmandu", vec![GroupBy::Model]), ("UTC", vec![])];
    let answers = questions.into_iter().map(|(zone, group_by)| {
        let zone = Zone::named(zone).unwrap();
        let query = Query {
            window: Window::new(zone, date("2026-05-01"), date("2026-06-30"), Granularity::Day).unwrap(),
            granularity: Granularity::Day,
            group_by,
            filter: Filter::default(),
            rank_by: RankBy::Cost,
            top: None,
            columns: ACTIVITY_COLUMNS,
        };
        Ok(entries(&activity(about(&snapshot), &query).map_err(|e| e.to_string())?))
    });
    answers.collect()
}

/// Whether a check of the file finds nothing wrong. It never panics and says what to do with what it finds.
fn is_right(directory: &Path) -> bool {
    match Store::inspect(&directory.join(STORE_FILE)).and_then(|store| check(&store.reader()?, &mut |_, _| ())) {
        Ok(_) => true,
        Err(StoreError::Damaged { .. } | StoreError::Newer { .. } | StoreError::Older { .. }) => false,
        Err(other) => panic!("{other}"),
    }
}

#[test]
fn any_flipped_byte_that_changes_an_answer_is_found() {
    let seed = setting("ROLLCALL_SEED").unwrap_or_else(fresh_seed);
    println!("ROLLCALL_SEED={seed}");
    let random = &mut Random(seed);
    let directory = tempfile::tempdir().unwrap();
    let original = fill(directory.path());
    let expected = ask(directory.path()).unwrap();
    assert!(is_right(directory.path()));
    // What the database does not use is empty, and most of a small file: bytes that say something are what counts.
    let used: Vec<usize> = (0..original.len()).filter(|at| original[*at] != 0).collect();
    let (mut found, mut refused, mut panicked, mut wrong) = (0, 0, 0, 0);
    std::panic::set_hook(Box::new(|_| ()));
    for _ in 0..FLIPS {
        let mut bytes = original.clone();
        let at = if random.below(8) == 0 { random.below(320) as usize } else { *random.pick(&used) };
        bytes[at] ^= 1 << random.below(8);
        std::fs::write(directory.path().join(STORE_FILE), &bytes).unwrap();
        let right = is_right(directory.path());
        found += usize::from(!right);
        // A server answers 500 when something panics; see `http`.
        match catch_unwind(AssertUnwindSafe(|| ask(directory.path()))) {
            Ok(Ok(answers)) if answers == expected => {}
            Ok(Ok(_)) => {
                assert!(!right, "seed {seed}: the flip at {at} changes an answer and verify does not see it");
                wrong += 1;
            }
            Ok(Err(_)) => refused += 1,
            Err(_) => panicked += 1,
        }
    }
    drop(std::panic::take_hook());
    println!(
        "{FLIPS} flips in {} used bytes: {found} found, {refused} refused, {panicked} panicked, {wrong} wrong",
        used.len()
    );
    assert!(found > 0);
}

#[test]
fn a_file_that_ends_too_early_is_found_wherever_it_ends() {
    let directory = tempfile::tempdir().unwrap();
    let original = fill(directory.path());
    let expected = ask(directory.path()).unwrap();
    let path = directory.path().join(STORE_FILE);
    let ends = (1..40).map(|part| original.len() * part / 40).chain([1, 8, 9, 100, 320, 511, 4095, 4096]);
    for end in ends {
        std::fs::write(&path, &original[..end]).unwrap();
        assert!(!is_right(directory.path()), "cut at {end}");
        let asked = catch_unwind(AssertUnwindSafe(|| ask(directory.path())));
        assert!(!matches!(&asked, Ok(Ok(answers)) if *answers != expected), "cut at {end}");
    }
}

fn rollcall(arguments: &[&str]) -> (Option<i32>, String) {
    let mut command = Command::new(BINARY);
    let output = command.args(arguments).env_remove("ROLLCALL_TOKEN").stdin(Stdio::null()).output().unwrap();
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

#[test]
fn a_file_of_something_else_is_named_with_what_to_do_and_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    let data_dir = directory.path().to_str().unwrap();
    let path = directory.path().join(STORE_FILE);
    let sqlite = [&b"SQLite format 3\0"[..], &[7; 5000]].concat();
    let half_of_a_mark = [&b"redb\x1A"[..], &[0; 300], &[1; 5000]].concat();
    let files: [(&str, &[u8]); 5] = [
        ("a text", b"no database"),
        ("zeros that are too many", &[0; 2 << 20]),
        ("another database", &sqlite),
        ("a damaged mark", &half_of_a_mark),
        ("one byte", b"x"),
    ];
    for (what, bytes) in files {
        std::fs::write(&path, bytes).unwrap();
        let (code, said) = rollcall(&["verify", "--data-dir", data_dir]);
        assert_eq!(code, Some(1), "{what}: {said}");
        assert!(said.contains("damage found") && said.contains("rollcall restore"), "{what}: {said}");
        for command in
            [&["serve", "--listen", "127.0.0.1:0"][..], &["compact"], &["query", "activity", "--organization", "acme"]]
        {
            let (code, said) = rollcall(&[command, &["--data-dir", data_dir]].concat());
            assert_eq!(code, Some(2), "{what}, {command:?}: {said}");
            assert!(said.contains(data_dir) && said.contains("the store is damaged"), "{what}, {command:?}: {said}");
            assert!(said.contains("rollcall verify"), "{what}, {command:?}: {said}");
        }
        assert!(std::fs::read(&path).unwrap() == bytes, "{what} is left as it was");
    }
}
